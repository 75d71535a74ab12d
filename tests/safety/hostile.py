"""Hostile values by class: what an attacker would try, written by hand and generated.

Every value belongs to kinds of variables that must refuse it. `calls` deals them out: a call gives
each variable a value that is hostile to it, so that few calls carry all of them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opsmcp_pipelines.kinds.kind import Kind
from tests.tools.corpus import (
    HOSTILE_BY_KIND,
    HOSTILE_EVERYWHERE,
    HOSTILE_WORDS,
    ORDINARY,
    VARIABLES,
)

__all__ = ["CLASSES", "Hostile", "calls", "every_value", "texts"]

EVERY = tuple(VARIABLES)
WORDS = tuple(kind for kind in VARIABLES if kind not in (Kind.TEXT, Kind.CHOICE))
LISTED = (Kind.CLUSTER, Kind.HOST, Kind.CHOICE)


@dataclass(frozen=True)
class Hostile:
    """A value, and the kinds of variables that must refuse it."""

    value: Any
    kinds: tuple[Kind, ...] = WORDS


def _words(*values: object) -> list[Hostile]:
    return [Hostile(value) for value in values]


def _every(*values: object) -> list[Hostile]:
    return [Hostile(value, EVERY) for value in values]


def _of(kind: Kind, *values: object) -> list[Hostile]:
    return [Hostile(value, (kind,)) for value in values]


_SHELL_SIGNS = ";&|<>(){}[]*?!#^ "
_QUOTING_SIGNS = "\"'\\`$"
_CONTROLS = "\0\x01\a\b\t\n\v\f\r\x1b\x7f\x85"
_DECEIVING = (
    *"\u00a0\u00ad\u034f\u061c\u115f\u1680\u180e\u2000\u200b\u200d\u200e\u2028\u2029\u202a\u202e",
    *"\u2060\u2066\u2069\u2800\u3000\u3164\ufe0f\ufeff\ufff9\ufffe\uffa0\ue000",
    *"\U000e0001\U000e0041\U000e0100\U000f0000\U0010ffff",
)
_LOOK_ALIKES = "\uff04\uff40\uff02\uff07\uff3c\ufe63\uff0e\u2024\u00b2\u2160\u212a\ufb01\uff5c"


def _around(signs: Iterable[str], kinds: tuple[Kind, ...]) -> Iterator[Hostile]:
    """Each sign at the beginning, in the middle or at the end of what would be good."""
    for number, sign in enumerate(signs):
        for kind in kinds:
            good = str(ORDINARY[kind][0])
            at = (0, len(good) // 2 + 1, len(good))[(number + EVERY.index(kind)) % 3]
            yield Hostile(f"{good[:at]}{sign}{good[at:]}", (kind,))


def _is_strange(value: object) -> bool:
    return isinstance(value, str) and not (value.isascii() and value.isprintable())


CLASSES: Mapping[str, Sequence[Hostile]] = {
    "shell": [
        *_words(*HOSTILE_WORDS.values()),
        *_words("$(id)", "a$(id)b", "`id`", "$((1))", "$IFS", "a;id", "a\nid", "|id", "&&id"),
        *_words(">(id)", "<(id)", "a=(id)", "function f()", ":(){ :|:& };:", "!$", "!!:p"),
        *_words("a${IFS}id", "$@", "$*", "$$", "${HOME:-x}", "$'\\x41'", '$"x"', "[[a", "{a,b}"),
        *_words(
            "~",
            "a:~root",
            "a=~",
            "/~",
            "2>&1",
            "&>x",
            ">|x",
            "<<EOF",
            "<<<x",
            "<&3",
            "a\\\nb",
            "{1..9}",
            "@(a|b)",
            "+(a)",
        ),
        *_around(_SHELL_SIGNS, tuple(kind for kind in WORDS if kind is not Kind.URL)),
        *_around(";&|<>(){}*!#^ ", (Kind.URL,)),
        *_around(_SHELL_SIGNS, (Kind.CHOICE,)),
    ],
    "quote": [
        *_words("'", '"', "\\", "''", "a'b", 'a"b', "';id;'", '";id;"', "'\\''", "\\'", '\\"'),
        *_every('";id;"', "`id`", "\\", 'a"', "$x", "\\$(id)"),
        *_around(_QUOTING_SIGNS, WORDS),
    ],
    "template": [
        *_every("${HOME}", "${", "a${b", "${x}", "${steps.a.output}", "${${x}}", "$${x}", "${\n}"),
        *_words("{{x}}", "{{ .Env.HOME }}", "{%x%}", "<%=x%>", "#{x}", "%{x}", "{0}", "{x!r}"),
        *_words("key: value", "OPS_RESULT:x=y z", "$x", "$1", "%(x)s|", "@{x}"),
    ],
    "path": [
        *_of(Kind.PATH, "../etc", "/../etc", "/etc/../root", "/etc/..", "/..", "/.", "/./x", "."),
        *_of(Kind.PATH, "//etc", "/etc//x", "/x//", "~", "~/x", "~root/x", "/etc/./x"),
        *_of(Kind.PATH, "etc/passwd"),
        *_of(Kind.PATH, "\\\\host\\x", "C:\\x", "C:/x", "file:///etc", "/etc/passwd\0.txt", "/x\n"),
        *_of(Kind.PATH, "/dev/tcp/a;b", "/proc/self/../x", "-/x", " /x", "/x ", "/$HOME", "/x*"),
        *_of(Kind.KUBERNETES_NAME, "../a", "a/b", "..", ".", "/a", "a/", "a%2fb", "a\\b", "pod/a"),
        *_of(Kind.IMAGE, "../a", "/a", "a//b", "a/../b", "./a", "a/", "~/a", "file:///a"),
    ],
    "argument": [
        *_words("-", "--", "-rf", "--all", "-oProxyCommand=id", "-c id", "--exec=id", "-e", "-i"),
        *_words("--checkpoint-action=exec=id", "-I=id", "-A", "--kubeconfig=/x", "--as=root"),
        *_words("-1x"),
        *_of(Kind.HOST, "all", "anymaster", "allworkers", "role=web", "a=b,c=d", "web-1,web-2"),
        *_of(Kind.HOST, "*"),
        *_of(Kind.CLUSTER, "all", "east,west", "east west", "EAST", "east/", "*", "east="),
        *_of(Kind.KUBERNETES_NAME, "a,b", "a=b", "a:b", "--all", "-n", "a b", "all,pods", "a@b"),
        *_of(Kind.COUNT, "-n5", "+5", "5;id", "5 5", "5,6", "--5", "0x10", "1e3", "5k", "٣", "5\n"),
        *_of(Kind.FLAG, "--true", "yes", "true;id", "True", "TRUE", "on", "1", "true\n", " true"),
    ],
    "url": [
        *_of(Kind.URL, *HOSTILE_BY_KIND[Kind.URL]),
        *_of(Kind.URL, "http://a.example@b.example", "http://a:b@c.example", "http://@a.example"),
        *_of(Kind.URL, "http://a.example\\@b", "http:\\\\a.example", "http:/a.example", "http:a"),
        *_of(Kind.URL, "http://127.1", "http://0", "http://0x7f000001", "http://017700000001"),
        *_of(Kind.URL, "http://2130706433", "http://localhost", "http://LOCALHOST."),
        *_of(Kind.URL, "http://a.localhost"),
        *_of(Kind.URL, "http://[::1]", "http://[::ffff:127.0.0.1]", "http://[::127.0.0.1]"),
        *_of(Kind.URL, "http://[::]"),
        *_of(Kind.URL, "http://169.254.169.254", "http://0xa9fea9fe", "http://[fe80::1]"),
        *_of(Kind.URL, "http://224.0.0.1"),
        *_of(Kind.URL, "http://0251.0376.0251.0376", "http://169.254.43518"),
        *_of(Kind.URL, "http://[64:ff9b::a9fe:a9fe]", "http://[::ffff:0:a9fe:a9fe]"),
        *_of(Kind.URL, "http://metadata.google.internal", "http://100.100.100.200"),
        *_of(Kind.URL, "http://1.2.3.4.5"),
        *_of(Kind.URL, "http://127.0.0.1.", "http://0177.1", "http://[2002:7f00:1::]"),
        *_of(Kind.URL, "http://256.1.1.1"),
        *_of(Kind.URL, "http://exämple.example", "http://ⓔxample.example", "http://１27.0.0.1"),
        *_of(Kind.URL, "gopher://a.example", "dict://a.example", "data:,x", "jar:http://a!/"),
        *_of(Kind.URL, "HTTPS:"),
        *_of(Kind.URL, "ldap://a.example", "unix:///run/docker.sock", "http+unix://x"),
        *_of(Kind.URL, "ssh://a.example"),
        *_of(Kind.TOKEN, "http://127.0.0.1/", "https://[::1]/x", "http://169.254.169.254/latest"),
        *_of(Kind.TOKEN, "x=http://localhost", "http://0x7f.1", "ftp://metadata.google.internal/x"),
    ],
    "unicode": [
        *_every(*(value for value in HOSTILE_EVERYWHERE.values() if _is_strange(value))),
        *_around((*_CONTROLS, *_DECEIVING, *_LOOK_ALIKES), EVERY),
        *_words("磁盘", "wеb", "ı", "ﬁ", "é", "e\u0301", "\U0001f600", "１", "〃", "‚", "’", "–rf"),
        *_words("—"),
    ],
    "size": [
        *_every("a" * 4_097, "磁" * 4_097, "/" + "a" * 4_096, "\n" * 100),
        *_of(Kind.TOKEN, "a" * 1_025),
        *_of(Kind.KUBERNETES_NAME, "a" * 64, "a." * 127, "a" * 254),
        *_of(Kind.URL, "http://a.example/" + "a" * 2_048, f"http://{'a.' * 200}example"),
        *_of(Kind.IMAGE, "a" * 2_000, "a:" + "b" * 129, "a@sha256:" + "0" * 63),
        *_of(Kind.COUNT, 10**30, -(10**30), 2**63, 65_536, "9" * 21, 1e300),
        *_of(Kind.TEXT, "a" * 4_097),
    ],
    "type": [
        *_every(["a"], [], {}, {"a": "b"}, [[["a"]]], {"$ref": "#"}, {"value": "a"}, 1.5),
        *_every(["a", "b"]),
        *_every({"__class__": "str"}, [None], [1], {"a": {"b": {"c": [1]}}}, -0.5, 1e-9),
        *[Hostile(True, tuple(kind for kind in EVERY if kind is not Kind.FLAG))],
        *_of(Kind.COUNT, True, False, "one", 2.5, [5], "5.0", "NaN", "Infinity", "null", "1_0"),
        *_of(Kind.FLAG, 0, 1, "null", 0.0, [True], 2),
        *_of(Kind.IP, 2130706433, "2130706433", "0x7f.1", "1.2.3", "1.2.3.4.5", "::1%1"),
        *_of(Kind.IP, "1.2.3.04"),
        *_of(Kind.CIDR, "10.0.0.0", "10.0.0.1/8", "10/8", "10.0.0.0/255.0.0.0 ", "::/129", 10),
    ],
    "regex": [
        *_of(Kind.PATTERN, "OPS-1\n", "x\nOPS-1", "xOPS-1", "ops-1", "OPS-1\0", "OPS-$(id)"),
        *_of(Kind.PATTERN, "OPS-;id"),
        *_of(Kind.PATTERN, "(?i)ops-1", "^OPS-", "OPS-.*", "OPS-1|x", "OPS-\\d", "ＯPS-1"),
        *_of(Kind.PATTERN, "OPS\u20111"),
        *_of(Kind.PATTERN, "OPS-1\r", "OPS-1\u2028", "\nOPS-1", "OPS-" + "a" * 5_000, "(a+)+$"),
    ],
}
"""What each kind must refuse. An empty value counts as not given and is left to `required`."""


def every_value() -> Iterator[tuple[str, Kind, Any]]:
    """Class, kind and value: everything with every kind that must refuse it, once."""
    seen = set[tuple[Kind, str]]()
    for name, values in CLASSES.items():
        for item in values:
            for kind in item.kinds:
                if (kind, repr(item.value)) not in seen:
                    seen.add((kind, repr(item.value)))
                    yield name, kind, item.value


def texts() -> list[str]:
    """Every value that is a text, once."""
    found = (item.value for values in CLASSES.values() for item in values)
    return list(dict.fromkeys(value for value in found if isinstance(value, str)))


def calls(*, thorough: bool = False) -> list[dict[str, Any]]:
    """Arguments of calls in which every single value must be refused.

    Each value goes to one variable that must refuse it; when `thorough`, to all of them. Without
    half surrogate pairs, which no client of ours can send.
    """
    dealt: dict[Kind, list[Any]] = {kind: [] for kind in EVERY}
    for item in filter(lambda item: _can_be_sent(item.value), _each()):
        shortest = min(item.kinds, key=lambda kind: len(dealt[kind]))
        for kind in item.kinds if thorough else (shortest,):
            dealt[kind].append(item.value)
    longest = max(map(len, dealt.values()))
    rows = [
        [(VARIABLES[kind].name, values[at]) for kind, values in dealt.items() if at < len(values)]
        for at in range(longest)
    ]
    return [dict(part) for row in rows for part in (row[:_MOST], row[_MOST:]) if part]


_MOST = 14
"""Wrong arguments of a call, so that the answer has room for a word on each."""


def _each() -> list[Hostile]:
    found = (item for values in CLASSES.values() for item in values)
    return list({(repr(item.value), item.kinds): item for item in found}.values())


def _can_be_sent(value: object) -> bool:
    return not (isinstance(value, str) and re.search("[\ud800-\udfff]", value))
