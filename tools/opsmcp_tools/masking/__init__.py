"""Secrets, found in text in every encoding that is known, and masked."""
