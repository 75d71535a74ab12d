"""What comes in from outside: proved, read, and recorded before it is answered."""
