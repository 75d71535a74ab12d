"""How programs write a secret down: in URLs, JSON, HTML, for a shell, in base64 and hexadecimal.

Pure. `masking` looks for all of it. Shells are bash (`set -x`, `printf %q`, `declare -p`) and dash;
JSON is also as Go and PHP write it, with `&`, `<`, `>` and `/` escaped.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType
from urllib.parse import quote, quote_plus

__all__ = ["Parts", "as_text", "in_base64", "in_hexadecimal"]

Parts = tuple[str, ...]
"""An encoded text in parts: between two of them `base64` and `xxd` may begin another line."""

_SHORTEST_ENCODED = 8
"""Shorter pieces of base64 stand in ordinary text."""

_SHORTEST_LINE = 24
_MOST_LINES = 200
_SPECIAL = re.compile(r"""[ \t'"\\|&;()<>!{}*\[\]?^$`,]""")
_IN_DOUBLE_QUOTES = re.compile(r'["$`\\]')
_MARKUP: tuple[Mapping[str, str], ...] = tuple(
    MappingProxyType({"&": "&amp;", "<": "&lt;", ">": "&gt;", **more})
    for more in (
        {},
        {"'": "&#x27;", '"': "&quot;"},
        {"'": "&#39;", '"': "&quot;"},
        {"'": "&#39;", '"': "&#34;"},
        {"'": "&#39;", '"': "&#34;", "+": "&#43;"},
        {"'": "&#039;", '"': "&quot;"},
        {"'": "&apos;", '"': "&quot;"},
    )
)
"""Entities as Python, JavaScript, Go and its templates, PHP and XML write them."""

_GO_JSON = MappingProxyType({"&": r"\u0026", "<": r"\u003c", ">": r"\u003e"})
_DOLLAR_QUOTED = MappingProxyType({"\\": r"\\", "'": r"\'", "\n": r"\n", "\t": r"\t", "\r": r"\r"})


def as_text(secret: str) -> Iterator[str]:
    """The secret as it is, with its characters written in other ways, and its longer lines."""
    yield secret
    yield from _in_urls(secret)
    yield from _in_json(secret)
    yield from _in_shells(secret)
    yield from (secret.translate(str.maketrans(dict(entities))) for entities in _MARKUP)
    if "\n" in secret:
        # As a terminal may end them.
        yield secret.replace("\n", "\r\n")
        lines = [line.strip() for line in secret.splitlines()[:_MOST_LINES]]
        yield from (line for line in lines if len(line) >= _SHORTEST_LINE)


def _in_urls(secret: str) -> Iterator[str]:
    for encoded in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        yield encoded
        yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), encoded)


def _in_json(secret: str) -> Iterator[str]:
    for ascii_only in (True, False):
        written = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        yield written
        yield written.translate(str.maketrans(dict(_GO_JSON)))
        yield written.replace("/", r"\/")


def _in_shells(secret: str) -> Iterator[str]:
    yield secret.replace("'", r"'\''")
    yield secret.replace("'", "'\"'\"'")
    yield _SPECIAL.sub(lambda found: f"\\{found[0]}", secret)
    yield _IN_DOUBLE_QUOTES.sub(lambda found: f"\\{found[0]}", secret)
    quoted = secret.translate(str.maketrans(dict(_DOLLAR_QUOTED)))
    yield quoted
    # In the locale C.
    data = quoted.encode("utf-8", "replace")
    yield "".join(chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}" for byte in data)


def in_base64(secret: str) -> Iterator[Parts]:
    """What base64 makes of it wherever it begins within the encoded text."""
    for text in {secret, json.dumps(secret)[1:-1]}:
        data = text.encode()
        for offset in range(3):
            encoded = base64.b64encode(bytes(offset) + data)
            start, end = -(-offset * 8 // 6), (offset + len(data)) * 8 // 6
            if end - start >= _SHORTEST_ENCODED:
                whole = encoded[start:end].decode()
                yield _parts(whole, 4, start)
                yield _parts(whole.replace("+", "-").replace("/", "_"), 4, start)


def in_hexadecimal(secret: str) -> Iterator[Parts]:
    """Its bytes in two digits each."""
    if len(secret) >= _SHORTEST_ENCODED:
        digits = secret.encode().hex()
        yield from (_parts(digits, 2, 0), _parts(digits.upper(), 2, 0))


def _parts(whole: str, width: int, begun: int) -> Parts:
    """The text cut where a line may end. `begun` is how much of the first part stands before it."""
    first = -begun % width
    cuts = [*range(first, len(whole), width), len(whole)]
    return tuple(filter(None, (whole[:first], *(whole[a:b] for a, b in pairwise(cuts)))))
