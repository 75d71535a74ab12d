"""Starts opsmcp for Claude Desktop, which runs this file with uv."""

import sys

from opsmcp_server.cli import run

if __name__ == "__main__":
    sys.exit(run(["stdio"]))
