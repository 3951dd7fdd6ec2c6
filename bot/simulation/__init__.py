"""Twelve weeks in seconds: synthetic patients live with the real services, and what went wrong is counted."""
