"""What a client sees over MCP: handlers, built-in tools, results, questions, subscriptions.

Knows no transport and no command.
"""
