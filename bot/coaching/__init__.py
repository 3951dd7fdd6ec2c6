"""Pure rules: they take `now` and do no I/O."""
