"""Text of strangers made harmless: characters, patterns, signs of prompt injection."""
