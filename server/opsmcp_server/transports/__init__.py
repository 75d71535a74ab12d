"""The transports: stdio, and streamable HTTP with SSE beside it."""
