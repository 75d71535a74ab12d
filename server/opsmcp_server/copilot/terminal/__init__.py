"""What the person at the terminal sees and types. Knows no model and no server."""
