"""The Ops server as a source of operations."""
