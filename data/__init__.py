"""What the coach remembers: tables and their queries, one module an aggregate."""
