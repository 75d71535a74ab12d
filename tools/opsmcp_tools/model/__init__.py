"""The data that the rest of this package shares: tools, runs, kinds of values, errors."""
