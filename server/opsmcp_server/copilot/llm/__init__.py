"""The conversation with a model over an OpenAI-compatible endpoint."""
