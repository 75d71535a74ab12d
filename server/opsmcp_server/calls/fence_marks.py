"""Marks that fence what strangers wrote: made by chance, so that nobody can write one beforehand.

`opsmcp_tools.safe_text.cleaning.fence` puts them around; it is pure, so chance comes in from here.
"""

import secrets

__all__ = ["new_mark"]


def new_mark() -> str:
    """Eight hexadecimal digits."""
    return secrets.token_hex(4)
