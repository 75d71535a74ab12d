"""`python -m opsmcp_server` is `opsmcp`."""

from opsmcp_server.cli import main

if __name__ == "__main__":
    main()
