"""The MCP servers of a chat and the tools that they offer."""
