"""The physiotherapists' web console: pages on the server, one small script, nothing from elsewhere."""
