"""What the coach does: one process, one asyncio loop; `coach` on the command line."""
