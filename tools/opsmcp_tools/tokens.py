"""How many tokens a text costs a model: an estimate, because every model counts in its own way.

Four ASCII characters make about one token in JSON and English; a character of Chinese, Japanese or
Korean is about one by itself. No tokenizer is used: they are large, and most need a download. Pure.
"""

import math

__all__ = ["HOW", "estimate_tokens"]

HOW = "estimate: 4 ASCII characters or 1 other character make a token"
"""How the numbers came about, to stand beside them."""

_CHARACTERS_PER_TOKEN = 4


def estimate_tokens(text: str) -> int:
    """About how many tokens `text` costs. 0 for nothing."""
    if text.isascii():
        return math.ceil(len(text) / _CHARACTERS_PER_TOKEN)
    plain = sum(char.isascii() for char in text)
    return math.ceil(plain / _CHARACTERS_PER_TOKEN) + len(text) - plain
