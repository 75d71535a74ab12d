"""The embedded engine as a source of operations."""
