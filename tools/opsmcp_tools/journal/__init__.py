"""Runs on disk: rows, reads, writes, and the lock that dies with its process."""
