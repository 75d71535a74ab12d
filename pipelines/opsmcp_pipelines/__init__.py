"""What an operation is, where it comes from and how it is run. Knows nothing of tools or MCP."""
