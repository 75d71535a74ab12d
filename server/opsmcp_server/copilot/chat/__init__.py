"""The chat: its loop, its commands, its transcript."""
