"""Whether a value may reach a script: as its kind says, and the canonical form that is sent.

What a kind takes is one row of `opsmcp_pipelines.kinds.table`; here stands what the author and the
settings add (`ValueRules`): choices, bounds, a regex, where a URL or a path may lead. Pure
functions on one value; merging and the list of all problems are in `check`, and where a URL may
point says `url_addresses`.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import cast

from opsmcp_pipelines.kinds.go_regex import as_written, matches
from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.kinds.lists import MAX_ITEMS, split_items
from opsmcp_pipelines.kinds.names import names_machine
from opsmcp_pipelines.kinds.table import KINDS, LABEL_NAME, canonical
from opsmcp_tools.arguments.kind_words import refusal_of
from opsmcp_tools.arguments.nearest_names import alternatives, did_you_mean, first_of
from opsmcp_tools.arguments.url_addresses import judge_bare, judge_host
from opsmcp_tools.model.tool import Input
from opsmcp_tools.phrases import argument as words
from opsmcp_tools.phrases.phrase import Said
from opsmcp_tools.safe_text.characters import has_hidden, quote

__all__ = ["NODE_SELECTORS", "TEXT_STARTS", "Refused", "check_value", "hosts_named"]

NODE_SELECTORS = ("all", "allmasters", "allworkers", "anymaster", "anyworker", "anynode")
"""What Ops takes for `host` beside a name: in one go many nodes, or one of its own choice."""

_AUTHORITY = re.compile(r"(?:https?:/+|[A-Za-z][A-Za-z0-9+.-]*://+)([^/?,=]*)", re.IGNORECASE)
"""Also as programs read it that forgive a slash too few or too many."""
_BETWEEN = re.compile(r"[,=]")
_FILE = re.compile(r"(?:^|[=,@+])file:", re.IGNORECASE)
_CHINESE_MARKS = dict.fromkeys(map(ord, "，：！？（）～…"))
"""What every Chinese sentence has; their normal forms mean nothing in quotes."""
_UNSAFE_TEXT = frozenset('"$`\\')
_UNSAFE_URL = "&~#"
"""What a URL must not hold where it becomes part of a script."""
TEXT_STARTS = "-@+<|=:~"
"""What a program may take for an option, a file or an expression at the beginning of a text."""


class Refused(Exception):
    """A value that may not be used; `said` says what is allowed."""

    def __init__(self, said: Said) -> None:
        """Say it in English to whoever reads the exception itself."""
        super().__init__(said.to("en"))
        self.said = said


def check_value(item: Input, received: object) -> str:
    """The canonical form of `received`, as it is sent to the source.

    Raises:
        Refused: It is not what the variable means.
    """
    value = _checked(item, received)
    if item.separator is not None or not item.allowed:
        _check_match(item, value)
    return value


def _checked(item: Input, received: object) -> str:
    if item.separator is not None:
        return _check_list(item, received)
    if item.kind is Kind.COUNT:
        return _check_count(item, received)
    if item.kind is Kind.FLAG:
        return _check_flag(received)
    text = _as_text(received)
    if item.allowed:
        return _check_listed(item, text)
    if item.kind is Kind.TEXT and not item.rules.in_script:
        return _check_length(item, text)
    _check_characters(text, item.kind)
    _check_machine(item, text)
    _check_bare_hosts(item, text)
    return _check_kind(item, text)


def _check_list(item: Input, received: object) -> str:
    """Each item as if it were given alone; joined as the script wants it."""
    one = replace(item, separator=None, pattern="")
    items = _items(item, received)
    if not 0 < len(items) <= MAX_ITEMS:
        raise Refused(words.NOT_SO_MANY_ITEMS(len(items), MAX_ITEMS))
    return item.variable_kind.join(_check_item(one, each) for each in items)


def _items(item: Input, received: object) -> Sequence[object]:
    if isinstance(received, list):
        return cast("list[object]", received)
    return split_items(item.variable_kind, _as_text(received))


def _check_item(one: Input, received: object) -> str:
    try:
        return check_value(one, received)
    except Refused as error:
        raise Refused(words.ITEM(quote(received), error.said)) from None


def _as_text(received: object) -> str:
    if isinstance(received, str):
        return received
    if isinstance(received, int) and not isinstance(received, bool) and received.bit_length() <= 64:
        return str(received)
    raise Refused(words.NOT_STRING())


def _check_count(item: Input, received: object) -> str:
    number = _whole_number(received)
    low, high = item.minimum, item.maximum
    # Below zero may mean "all" to a program: only where the author says so.
    if number is None or number < (low or 0) or (high is not None and number > high):
        raise Refused(words.NOT_NUMBER(_bounds(low, high)))
    return str(number)


def _bounds(low: int | None, high: int | None) -> Said:
    if low is not None and high is not None:
        return words.FROM_TO(low, high)
    if low is not None:
        return words.AT_LEAST(low)
    return words.AT_MOST(high) if high is not None else words.NOTHING()


def _whole_number(received: object) -> int | None:
    if isinstance(received, bool):
        return None
    if isinstance(received, int):
        return received if received.bit_length() <= 63 else None
    if isinstance(received, float):
        return int(received) if received.is_integer() and abs(received) < 2**53 else None
    if isinstance(received, str) and canonical(Kind.COUNT, received.removeprefix("-")) is not None:
        return int(received)
    return None


def _check_flag(received: object) -> str:
    for answer in (True, False):
        word = str(answer).lower()
        if received is answer or received == word:
            return word
    raise Refused(words.NOT_FLAG())


def _check_listed(item: Input, text: str) -> str:
    if text in item.allowed:
        return text
    raise Refused(words.NOT_LISTED(*first_of(item.allowed), did_you_mean(text, item.allowed)))


def _check_length(item: Input, text: str) -> str:
    if len(text) > (item.maximum or KINDS[Kind.TEXT].longest):
        raise Refused(words.TOO_LONG())
    return text


def _check_characters(text: str, kind: Kind) -> None:
    if len(text) > KINDS[kind].longest:
        raise Refused(words.TOO_LONG())
    if has_hidden(text):
        raise Refused(words.HIDDEN())
    if not text.isascii() and _looks_like_another(text, kind):
        raise Refused(words.LOOKALIKE())
    if "${" in text:
        raise Refused(words.REFERENCE())
    if kind is not Kind.TEXT and text.startswith("-"):
        raise Refused(words.DASH())


def _looks_like_another(text: str, kind: Kind) -> bool:
    plain = text.translate(_CHINESE_MARKS) if kind is Kind.TEXT else text
    return unicodedata.normalize("NFKC", plain) != plain


def _check_machine(item: Input, text: str) -> None:
    """Refuse what means several machines where one is named, whatever the kind."""
    if item.kind is Kind.TEXT or text not in NODE_SELECTORS:
        return
    named = item.kind is Kind.HOST or names_machine(item.name)
    if named and text not in (item.default, *item.rules.host_selectors):
        raise Refused(words.NOT_ONE_MACHINE())


def _check_bare_hosts(item: Input, text: str) -> None:
    """Refuse what a script could make a forbidden URL of: `http://${server}`."""
    if item.kind in (Kind.URL, Kind.CIDR, Kind.TEXT):
        return
    for part in _BETWEEN.split(text):
        authority = part.partition("/")[0]
        for host in (authority, _host_of(authority)):
            fault = judge_bare(host, item.rules)
            if fault:
                raise Refused(fault)


def _check_kind(item: Input, text: str) -> str:
    """As the row of the kind says, then what the author and the settings add."""
    value = _form(item, text)
    if value is None or not set(item.without).isdisjoint(value):
        raise Refused(refusal_of(item, text))
    for check in (_MORE.get(item.kind), _check_hosts_named):
        if check:
            check(item, value)
    if item.also is not None and canonical(item.also, value) is None:
        raise Refused(refusal_of(replace(item, kind=item.also, guessed=False), text))
    return value


def _form(item: Input, text: str) -> str | None:
    if item.kind is not Kind.URL:
        return canonical(item.kind, text)
    scheme, _, after = text.partition("://")
    if item.rules.pasted and not set(_UNSAFE_URL).isdisjoint(text):
        return None
    # The table knows the schemes of the web; the settings may allow others.
    good = scheme in item.rules.url_schemes and canonical(Kind.URL, f"https://{after}")
    return text if good else None


def _check_match(item: Input, text: str) -> None:
    """As the author's regex says, or a name of Kubernetes that is one label."""
    if not item.pattern or matches(item.pattern, text):
        return
    if item.pattern == LABEL_NAME:
        raise Refused(words.NOT_LABEL())
    raise Refused(words.NOT_MATCHING(quote(as_written(item.pattern), 200)))


def _check_pattern(item: Input, text: str) -> None:
    if _FILE.search(text) and "file" not in item.rules.url_schemes:
        raise Refused(words.FILE_URL())


def _check_root(item: Input, text: str) -> None:
    path, roots = text[text.find("/") :], item.rules.path_roots
    if roots and not any(path == root or path.startswith(f"{root.rstrip('/')}/") for root in roots):
        raise Refused(words.OUTSIDE(alternatives(roots)))


def _check_text(item: Input, text: str) -> None:
    if text == f"<{item.name}>":
        raise Refused(words.ITS_PLACEHOLDER())
    if item.rules.pasted and not _UNSAFE_TEXT.isdisjoint(text):
        raise Refused(words.UNSAFE_TEXT())
    if item.starts and text[0] in TEXT_STARTS:
        raise Refused(words.UNSAFE_START(TEXT_STARTS))


def _check_hosts_named(item: Input, text: str) -> None:
    for host in hosts_named(item, text):
        fault = judge_host(host, item.rules)
        if fault:
            raise Refused(fault)


def hosts_named(item: Input, text: str) -> tuple[str, ...]:
    """The hosts that a checked value names in URLs: each URL its own, a word all there are."""
    if item.kind in (Kind.TEXT, Kind.CHOICE) or ":/" not in text:
        return ()
    if item.kind is not Kind.URL:
        return tuple(_host_of(authority) for authority in _AUTHORITY.findall(text))
    urls = split_items(item.variable_kind, text)
    return tuple(_host_of(authority) for url in urls for authority in _AUTHORITY.findall(url)[:1])


def _host_of(authority: str) -> str:
    host = re.sub(r":[0-9]*$", "", authority.rpartition("@")[2])
    return host.strip("[]").rstrip(".")


_MORE: Mapping[Kind, Callable[[Input, str], None]] = {
    Kind.LOCATION: _check_root,
    Kind.PATH: _check_root,
    Kind.PATTERN: _check_pattern,
    Kind.TEXT: _check_text,
}
