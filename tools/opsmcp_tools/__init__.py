"""How an operation becomes a tool, and a call becomes a run. Knows nothing of MCP."""
