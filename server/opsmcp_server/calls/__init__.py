"""From a call to its answer: what it needs, how it is prepared, how its run is told.

Knows no protocol: the MCP handlers and the command line both call it.
"""
