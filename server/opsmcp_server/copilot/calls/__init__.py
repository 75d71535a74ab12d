"""Calls that the model asks for: checked, asked about, made."""
