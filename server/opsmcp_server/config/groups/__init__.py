"""The settings: one frozen group per concern, each with its unit, its limits and its reason.

Only data. `docs/configuration.md` is generated from the docstrings here; a test compares them.
"""
