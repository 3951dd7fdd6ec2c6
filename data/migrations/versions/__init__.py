"""One file a revision, in order: 0001, 0002 … Never edited once released."""
