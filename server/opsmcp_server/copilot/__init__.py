"""The chat in the terminal: an ordinary MCP client with a model of the user's choice."""
