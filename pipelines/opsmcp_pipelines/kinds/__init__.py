"""What values are: the kinds, the pattern of each, and how a variable gets its kind."""
