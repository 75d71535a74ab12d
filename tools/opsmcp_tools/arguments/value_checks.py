"""Whether a value may reach a script: one check per kind, and the canonical form that is sent.

Ops pastes values into shell scripts as text, twice over, so a value that is not plainly what its
variable means is refused. Everything here is a pure function on one value; merging and the list of
all problems are in `arguments`. Names are those of Kubernetes (RFC 1123), image references those
of github.com/distribution/reference.

What the settings add (`ValueRules`) is checked here, too; where a URL may point says `addresses`.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address, ip_network
from posixpath import normpath
from urllib.parse import SplitResult, urlsplit

from opsmcp_pipelines.kinds.go_regex import as_written, matches
from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.kinds.table import KINDS, canonical
from opsmcp_tools.arguments.nearest_names import alternatives, did_you_mean, first_of
from opsmcp_tools.arguments.url_addresses import judge_bare, judge_host
from opsmcp_tools.model.kind_rules import names_machine, names_several
from opsmcp_tools.model.tool import Input
from opsmcp_tools.phrases import argument as words
from opsmcp_tools.phrases.phrase import Phrase, Said
from opsmcp_tools.safe_text.characters import has_hidden, quote

__all__ = [
    "LABEL_NAME",
    "MAX_NAME",
    "MAX_TEXT",
    "MAX_WORD",
    "NODE_SELECTORS",
    "SUBDOMAIN_NAME",
    "WORD",
    "Refused",
    "check_value",
    "hosts_named",
    "is_safe_word",
]

NODE_SELECTORS = ("all", "allmasters", "allworkers", "anymaster", "anyworker", "anynode")
"""What Ops takes for `host` beside a name: in one go many nodes, or one of its own choice."""

_LABEL = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
LABEL_NAME = _LABEL
"""RE2: an RFC 1123 label, as namespaces and services have."""
SUBDOMAIN_NAME = rf"{_LABEL}(?:\.{_LABEL})*"
"""RE2: an RFC 1123 subdomain, as pods and nodes have. Each label is kept below 64 characters."""
WORD = r"(?:[A-Za-z0-9]~|[A-Za-z0-9._:/@%+=,])(?:[A-Za-z0-9]~|[A-Za-z0-9._:/@%+=,-]|!=)*"
"""RE2: one shell word that needs no quotes and is no option.

A `~` after a letter or digit is no home (`HEAD~1`, `1.2~rc1`), and `!=` no history (`tier!=db`).
"""

# Our own patterns without nested repetition are quicker in `re`: there is nothing to go back for.
_WORD = re.compile(WORD)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[A-Za-z0-9._:/@%+=,?\[\]-]+")
_URL_NOT_PASTED = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[A-Za-z0-9._:/@%+=,?&~\[\]-]+")
_URL_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?"
_PATH = re.compile(r"/(?:[A-Za-z0-9]~|[A-Za-z0-9._:/@%+=,-])*")
_IMAGE_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_IMAGE_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?|\[[0-9a-f:]+\]:[0-9]+)"
_IMAGE = (
    rf"(?:{_IMAGE_HOST}/)?{_IMAGE_PART}(?:/{_IMAGE_PART})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
_WHOLE_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_AUTHORITY = re.compile(r"(?:https?:/+|[A-Za-z][A-Za-z0-9+.-]*://+)([^/?,=]*)", re.IGNORECASE)
"""Also as programs read it that forgive a slash too few or too many."""
_BETWEEN = re.compile(r"[,=]")
_FILE = re.compile(r"(?:^|[=,@+])file:", re.IGNORECASE)
_CHINESE_MARKS = dict.fromkeys(map(ord, "，：！？（）～…"))
"""What every Chinese sentence has; their normal forms mean nothing in quotes."""
_UNSAFE_TEXT = frozenset('"$`\\')

MAX_NAME = 253
MAX_WORD = 1024
MAX_URL = 2048
MAX_TEXT = 4096


class Refused(Exception):
    """A value that may not be used; `said` says what is allowed."""

    def __init__(self, said: Said) -> None:
        """Say it in English to whoever reads the exception itself."""
        super().__init__(said.to("en"))
        self.said = said


def check_value(item: Input, given: object) -> str:
    """The canonical form of `given`, as it is sent to the source.

    Raises:
        Refused: It is not what the variable means.
    """
    if item.kind is Kind.COUNT:
        return _check_count(item, given)
    if item.kind is Kind.FLAG:
        return _check_flag(given)
    text = _as_text(given)
    if item.allowed:
        return _check_listed(item, text)
    if item.kind is Kind.TEXT and not item.rules.in_script:
        return _check_length(item, text)
    _check_characters(text, item.kind)
    _check_machine(item, text)
    _check_bare_hosts(item, text)
    return _CHECKS.get(item.kind, _check_row)(item, text)


def is_safe_word(text: str) -> bool:
    """Whether `text` is one word that no shell takes for anything else."""
    return len(text) <= MAX_WORD and _WORD.fullmatch(text) is not None


def _as_text(given: object) -> str:
    if isinstance(given, str):
        return given
    if isinstance(given, int) and not isinstance(given, bool) and given.bit_length() <= 64:
        return str(given)
    raise Refused(words.NOT_STRING())


def _check_count(item: Input, given: object) -> str:
    number = _whole_number(given)
    low, high = item.minimum, item.maximum
    if number is None:
        raise Refused(words.NOT_NUMBER(_bounds(low, high)))
    if (low is not None and number < low) or (high is not None and number > high):
        raise Refused(words.NOT_NUMBER(_bounds(low, high)))
    return str(number)


def _bounds(low: int | None, high: int | None) -> Said:
    if low is not None and high is not None:
        return words.FROM_TO(low, high)
    if low is not None:
        return words.AT_LEAST(low)
    return words.AT_MOST(high) if high is not None else words.NOTHING()


def _whole_number(given: object) -> int | None:
    if isinstance(given, bool):
        return None
    if isinstance(given, int):
        return given if given.bit_length() <= 63 else None
    if isinstance(given, float):
        return int(given) if given.is_integer() and abs(given) < 2**53 else None
    if isinstance(given, str) and len(given) <= 20 and _WHOLE_NUMBER.fullmatch(given):
        return int(given)
    return None


def _check_flag(given: object) -> str:
    for answer in (True, False):
        word = str(answer).lower()
        if given is answer or given == word:
            return word
    raise Refused(words.NOT_FLAG())


def _check_listed(item: Input, text: str) -> str:
    if text in item.allowed:
        return text
    raise Refused(words.NOT_LISTED(*first_of(item.allowed), did_you_mean(text, item.allowed)))


def _check_length(item: Input, text: str) -> str:
    if len(text) > (item.maximum or MAX_TEXT):
        raise Refused(words.TOO_LONG())
    return text


def _check_characters(text: str, kind: Kind) -> None:
    if len(text) > (MAX_URL if kind is Kind.URL else MAX_TEXT):
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
    if item.kind in (Kind.HOST, Kind.TEXT) or not names_machine(item.name):
        return
    # Who declares a pattern says what may stand there, a list for example.
    joints = {"="} if names_several(item.name) else {"=", ","}
    joined = item.kind is not Kind.PATTERN and not joints.isdisjoint(text)
    several = joined or text in NODE_SELECTORS
    if several and text not in (item.default, *item.rules.host_selectors):
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


def _check_name(item: Input, text: str) -> str:
    return _check_kubernetes(item.pattern or SUBDOMAIN_NAME, text)


def _check_kubernetes(pattern: str, text: str) -> str:
    if len(text) <= MAX_NAME and matches(pattern, text):
        return text
    dots = words.NOTHING() if pattern == LABEL_NAME else words.AND_DOTS()
    longest = 63 if pattern == LABEL_NAME else MAX_NAME
    raise Refused(words.NOT_KUBERNETES_NAME(dots, longest))


def _check_ip(_item: Input, text: str) -> str:
    try:
        if "%" not in text:
            return str(ip_address(text))
    except ValueError:
        pass
    raise Refused(words.NOT_IP())


def _check_cidr(_item: Input, text: str) -> str:
    try:
        if "/" in text and "%" not in text:
            return str(ip_network(text, strict=True))
    except ValueError:
        pass
    raise Refused(words.NOT_CIDR())


def _check_host(item: Input, text: str) -> str:
    # No inventory is known here, or the name would have been looked for in it.
    if text in NODE_SELECTORS and text not in (item.default, *item.rules.host_selectors):
        raise Refused(words.NOT_ONE_HOST())
    if item.pattern and not matches(item.pattern, text):
        raise Refused(_must_match(item))
    return _check_kubernetes(SUBDOMAIN_NAME, text)


def _check_url(item: Input, text: str) -> str:
    schemes = item.rules.url_schemes
    pattern = _URL if item.rules.pasted else _URL_NOT_PASTED
    parts = _split_url(text) if pattern.fullmatch(text) else None
    if parts is None or parts.scheme not in schemes or not _is_plain_address(parts):
        raise Refused(words.NOT_URL(alternatives(schemes)))
    _check_url_host(item, parts.hostname or "")
    return text


def _check_url_host(item: Input, host: str) -> None:
    fault = judge_host(host, item.rules)
    if fault:
        raise Refused(fault)


def hosts_named(kind: Kind, text: str) -> tuple[str, ...]:
    """The hosts that a checked value names in URLs: of a URL its own, of a word all there are."""
    if kind in (Kind.TEXT, Kind.CHOICE) or ":/" not in text:
        return ()
    found = tuple(_host_of(authority) for authority in _AUTHORITY.findall(text))
    return found[:1] if kind is Kind.URL else found


def _host_of(authority: str) -> str:
    host = re.sub(r":[0-9]*$", "", authority.rpartition("@")[2])
    return host.strip("[]").rstrip(".")


def _split_url(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        # Reading the port is what checks it.
        return parts if parts.port is None or parts.port > 0 else None
    except ValueError:
        return None


def _is_plain_address(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    brackets = parts.netloc.startswith("[")
    outside = f"{parts.path}{parts.query}{parts.fragment}"
    if "@" in parts.netloc or any(char in outside for char in "[]"):
        return False
    if brackets:
        return _is_ipv6(host)
    return "[" not in parts.netloc and not parts.netloc.endswith(":") and matches(_URL_HOST, host)


def _is_ipv6(host: str) -> bool:
    try:
        return "%" not in host and ip_address(host).version == 6
    except ValueError:
        return False


def _check_image(_item: Input, text: str) -> str:
    if len(text) <= MAX_WORD and matches(_IMAGE, text):
        return text
    raise Refused(words.NOT_IMAGE())


def _check_path(item: Input, text: str) -> str:
    plain = text.rstrip("/") or "/" if not text.endswith("//") else text
    usual = normpath(plain) == plain and not plain.startswith("//")
    if usual and len(plain) <= MAX_WORD and _PATH.fullmatch(plain):
        return _check_root(item.rules.path_roots, plain)
    raise Refused(words.NOT_PATH())


def _check_root(roots: Sequence[str], path: str) -> str:
    if not roots or any(path == root or path.startswith(f"{root.rstrip('/')}/") for root in roots):
        return path
    raise Refused(words.OUTSIDE(alternatives(roots)))


def _check_pattern(item: Input, text: str) -> str:
    _check_word(item, text)
    if matches(item.pattern, text):
        return text
    raise Refused(_must_match(item))


def _must_match(item: Input) -> Said:
    return words.NOT_MATCHING(quote(as_written(item.pattern), 200))


def _check_word(item: Input, text: str) -> str:
    if is_safe_word(text):
        if _FILE.search(text) and "file" not in item.rules.url_schemes:
            raise Refused(words.FILE_URL())
        for host in hosts_named(item.kind, text):
            _check_url_host(item, host)
        return text
    raise Refused(words.NOT_WORD(MAX_WORD))


def _check_row(item: Input, text: str) -> str:
    row = KINDS[item.kind]
    value = canonical(item.kind, text)
    if value is not None:
        return value
    raise Refused(Phrase(f"it must be {row.allowed.en}", f"必须是{row.allowed.zh}")())


def _check_text(item: Input, text: str) -> str:
    if not item.rules.pasted or _UNSAFE_TEXT.isdisjoint(text):
        return text
    raise Refused(words.UNSAFE_TEXT())


_CHECKS: Mapping[Kind, Callable[[Input, str], str]] = {
    Kind.CLUSTER: _check_word,
    Kind.HOST: _check_host,
    Kind.KUBERNETES_NAME: _check_name,
    Kind.IP: _check_ip,
    Kind.CIDR: _check_cidr,
    Kind.URL: _check_url,
    Kind.IMAGE: _check_image,
    Kind.PATH: _check_path,
    Kind.CHOICE: _check_listed,
    Kind.PATTERN: _check_pattern,
    Kind.TOKEN: _check_word,
    Kind.TEXT: _check_text,
}
