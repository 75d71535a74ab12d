"""What comes in from outside and what is done about it: signals, where they are kept."""
