"""The runs of the embedded engine on disk."""
