"""What can be seen of a running server: metrics and traces. Nothing of it is imported when off."""
