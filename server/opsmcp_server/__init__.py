"""How tools are served and used: MCP, transports, command line, settings."""
