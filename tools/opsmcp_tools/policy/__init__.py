"""What a principal may list, call and read, and what a person must agree to. Pure."""
