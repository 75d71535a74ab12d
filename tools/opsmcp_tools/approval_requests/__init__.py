"""Calls that wait for somebody else's approval: what one is, who may decide, where it is kept."""
