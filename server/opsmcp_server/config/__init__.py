"""Settings: their schema, where each value came from, and what they bind."""
