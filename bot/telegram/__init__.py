"""The edge to Telegram: the only code that imports `telegram`."""
