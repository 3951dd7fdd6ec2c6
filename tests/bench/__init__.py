"""Speed and memory, beside a stock Rasa project in the same run: `python -m tests.bench`, or `make bench`.

Nothing here is a test: no figure fails anything. What is measured, and what to make of it, stands in `figures.py`.
"""
