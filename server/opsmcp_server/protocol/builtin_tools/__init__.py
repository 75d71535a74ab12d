"""The built-in tools: one module each, one row of the registry each."""
