"""One module a flow: each step of the coach's work, in order."""
