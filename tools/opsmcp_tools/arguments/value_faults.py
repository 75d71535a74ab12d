"""What is wrong with a value that is none of its kind, told to whoever gave it.

What has to be left out, or what was likely meant, where the rest would be accepted; else the
signs that must not stand in it. Never a value that the caller did not give. Pure.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_interface

from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.kinds.table import KINDS
from opsmcp_tools.arguments.nearest_names import alternatives
from opsmcp_tools.phrases import argument as words
from opsmcp_tools.phrases.phrase import Said
from opsmcp_tools.safe_text.characters import quote

__all__ = ["what_is_wrong"]

Accepts = Callable[[str], bool]

_PLACEHOLDER = re.compile(r".*<[^<>]+>.*")
_URL_BEFORE = r"(?:[A-Za-z][A-Za-z0-9+.-]*://)?(?:[^/@\s]+@)?"
_AROUND: Mapping[Kind, tuple[str, str]] = {
    Kind.CONTAINER: ("/?", ""),
    Kind.HOST: (_URL_BEFORE, r"(?::[0-9]*)?(?:/\S*)?"),
    Kind.IMAGE: (r"(?:[A-Za-z-]+://)?", ":?"),
    Kind.IP: (_URL_BEFORE, r"(?:%\S*)?(?::[0-9]*)?(?:/\S*)?"),
    Kind.KUBERNETES_NAME: (r"(?:[A-Za-z0-9.-]+/)?", ""),
    Kind.PACKAGE: ("", r"(?:[=/:]\S*)?"),
    Kind.PATH: ("(?:file://)?", "(?::[0-9]+)?"),
    Kind.SIZE: ("", r"(?:/\S*)?"),
    Kind.USER: ("", r"(?:[:@]\S*)?"),
    Kind.VERSION: ("[<>=^~]*", ""),
}
"""What often stands before and behind a value of a kind and is none of it: the port of a host."""
_URL_CHARACTERS = "[A-Za-z0-9._~%+=,@:/&?-]"
_SIGNS_BEHIND = "[;,.&|/_-]*"
_BETWEEN = re.compile(r"[\s,]+")
_REPEATED = re.compile(r"([^A-Za-z0-9])[^A-Za-z0-9]+")
_NUMBER_AND_UNIT = re.compile(r"([0-9.]+)\s+([A-Za-z]+)")
_LONGEST = 300
_MOST_NAMED = 5


def what_is_wrong(kind: Kind, text: str, accepts: Accepts) -> Said | None:
    """A clause that begins with a semicolon; None where the words for the kind must do.

    Args:
        kind: What it should be.
        text: What was given, and is not accepted.
        accepts: Whether another text would be.
    """
    if len(text) > _LONGEST:
        return None
    if _PLACEHOLDER.fullmatch(text):
        return words.PLACEHOLDER()
    return (
        _several(text, accepts)
        or _too_much(kind, text, accepts)
        or _other_spelling(text, accepts)
        or _signs(kind, text, accepts)
    )


def _several(text: str, accepts: Accepts) -> Said | None:
    items = [item for item in _BETWEEN.split(text) if item]
    several = len(items) > 1 and all(map(accepts, items))
    return words.SEVERAL_VALUES(len(items)) if several else None


def _too_much(kind: Kind, text: str, accepts: Accepts) -> Said | None:
    before, behind = _AROUND.get(kind, ("", ""))
    found = re.fullmatch(f"({before})(.+?)({behind})({_SIGNS_BEHIND})", text)
    if found is None or not accepts(found[2]):
        return None
    return words.WITHOUT_PARTS(alternatives(quote(part) for part in found.group(1, 3, 4) if part))


def _other_spelling(text: str, accepts: Accepts) -> Said | None:
    meant = next((one for one in _spellings(text) if one != text and accepts(one)), None)
    return words.DID_YOU_MEAN(quote(meant)) if meant else None


def _spellings(text: str) -> Iterator[str]:
    plain = text.strip()
    yield from (plain, plain.lower(), plain.upper(), plain.lower().replace("_", "-"))
    yield _NUMBER_AND_UNIT.sub(r"\1\2", plain)
    try:
        yield str(ip_interface(plain).network)
    except ValueError:
        return


def _signs(kind: Kind, text: str, accepts: Accepts) -> Said | None:
    """The signs that must not stand in it, where they can be told."""
    characters = _URL_CHARACTERS if kind is Kind.URL else KINDS[kind].characters
    found = re.sub(characters, "", text) if characters else ""
    wrong = list(dict.fromkeys(re.sub("[A-Za-z0-9]", "", found)))
    if not wrong and accepts(_REPEATED.sub(r"\1", text)):
        wrong = list(dict.fromkeys(match[0] for match in _REPEATED.finditer(text)))
    named = alternatives(
        words.BLANKS() if sign == " " else _quoted(sign) for sign in wrong[:_MOST_NAMED]
    )
    return words.NOT_ALLOWED_IN_IT(named) if wrong else None


def _quoted(sign: str) -> str:
    return f'"{sign}"' if "'" in sign else quote(sign)
