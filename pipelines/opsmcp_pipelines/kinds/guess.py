"""The kind of a variable: as it is declared, else guessed by name, default and description. Pure.

Real variables say little, so a name says what a value is; the author's own default and examples
overrule it. A guess may be narrowed by how a script uses the value (`VariableKind.guessed`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from opsmcp_pipelines.kinds.kind import ITEM_KINDS, Kind, Separator, VariableKind
from opsmcp_pipelines.kinds.lists import canonical_value
from opsmcp_pipelines.kinds.names import (
    CLUSTER,
    HOST,
    WHITE,
    WHITELIST,
    is_secret_name,
    words_of,
)
from opsmcp_pipelines.models import Task, Variable

__all__ = ["is_reserved", "kind_of", "uses_units"]

_NOTHING_DECLARED: Mapping[str, VariableKind] = MappingProxyType({})

_SPECIAL = {CLUSTER: Kind.CLUSTER, HOST: Kind.HOST, WHITE: Kind.BOUND, WHITELIST: Kind.BOUND}

_WORDS: Mapping[Kind, str] = {
    Kind.CIDR: r".*cidr|subnet",
    Kind.IP: r"(?:cluster|pod|node|src|dst|host|public|private|target|svc|service|v)?ip",
    Kind.URL: r".*(?:url|uri|endpoint)|.*api",
    Kind.IMAGE: "image|img|chart",
    Kind.PATH: r".*(?:path|dir|directory|folder)|archive|mount|mountpoint"
    r"|(?:local|remote|log|config|cert|key|env|pid|lock|dump)?file",
    Kind.UNIT: "unit",
    Kind.CONTAINER: "container",
    Kind.USER: "user|owner|group|login",
    Kind.EMAIL: "e?mail|mailto|recipient",
    Kind.PACKAGE: "package|pkg",
    Kind.VERSION: "version|tag",
    Kind.HOST: "host|server|domain|fqdn",
    Kind.SIGNAL: "signal",
    Kind.REF: "branch|ref|revision|commit",
    Kind.LOCATION: "src|dst|source|destination",
    Kind.SELECTOR: "selector|selectors|label|labels",
    Kind.TIME: "since|until|date|time",
    Kind.SCHEDULE: "cron|schedule",
    Kind.TEXT: "message|reason|comment|title|notes?|remarks?|description|summary|subject"
    "|body|text|pattern",
    Kind.SIZE: "size",
    Kind.DURATION: "timeout|interval|ttl",
    Kind.FLAG: "dryrun|force|enabled?|disabled?|verbose|recursive|debug|follow",
    Kind.COUNT: "topk|top|threshold|port|second|seconds|minutes|hours|days|count|limit|min|max"
    "|lines|tail|replicas|percent|number|num|retries|offset|kib|mib|gib|pid|uid|gid",
    Kind.KUBERNETES_NAME: "pod|node|svc|service|namespace|ns|deploy|deployment|statefulset|sts"
    "|daemonset|ds|replicaset|configmap|cm|pvc|pv|ingress|cronjob|dataset|hpa|serviceaccount"
    "|storageclass",
}
"""Last words of a name, the first that fits."""

_PATTERNS = tuple((kind, re.compile(words)) for kind, words in _WORDS.items())
_NAMEABLE = frozenset(
    {
        Kind.CONTAINER,
        Kind.HOST,
        Kind.IMAGE,
        Kind.KUBERNETES_NAME,
        Kind.PACKAGE,
        Kind.REF,
        Kind.UNIT,
        Kind.USER,
        Kind.VERSION,
    }
)
"""`pod_name` and `podname` are the same as `pod`; a `filename` may be no path."""

_ALSO_NAMED = frozenset({"secret"})
"""What has a name of Kubernetes, but is not a name itself."""

_SERVICES = frozenset({"service", "svc"})
_NO_PLURALS = frozenset({Kind.COUNT, Kind.FLAG})
"""`seconds` and `retries` are one number."""
_QUANTITIES = frozenset({Kind.SIZE, Kind.DURATION})
_PLURALS = {"pids": Kind.COUNT, "uids": Kind.COUNT, "gids": Kind.COUNT, "ports": Kind.TOKEN}
"""Plurals of numbers all the same; a port may be a range of them."""

_IMAGE_ENDS = frozenset({"source", "destination", "src", "dst", "from", "to"})
_NO_COUNTS = frozenset({"version", "id", "tag", "mode", "serial"})
_WHOLE_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})")
_USES_UNITS = re.compile(
    r"\b(?:systemctl|journalctl)\s|(?:^|[;&|(]|\b(?:sudo|then|do|else)\s)[ \t]*service\s",
    re.MULTILINE,
)


def kind_of(
    variable: Variable,
    declared: Mapping[str, VariableKind] = _NOTHING_DECLARED,
    *,
    units: bool = False,
) -> VariableKind:
    """The kind of `variable`.

    Args:
        variable: What the author wrote.
        declared: Kinds by name; they beat everything but a fixed value and the author's choices.
        units: Whether what runs with it speaks to systemd, so that a service is a unit.
    """
    if variable.value is not None:
        return VariableKind(Kind.BOUND)
    if variable.name in declared:
        return _unless_chosen(declared[variable.name], variable)
    special = _SPECIAL.get(variable.name.lower())
    if special or is_secret_name(variable.name):
        return VariableKind(special or Kind.BOUND)
    own = _of_author(variable)
    if own:
        return VariableKind(own)
    guesses = (*_by_name(variable, units=units), *_by_default(variable))
    good = (guess for guess in guesses if _fits(guess, variable))
    return next(good, VariableKind(Kind.TOKEN, guessed=True))


def _unless_chosen(kind: VariableKind, variable: Variable) -> VariableKind:
    """The declared kind, where it does not stand for the choices that the author names."""
    kept = kind.is_list or kind.kind in (Kind.CLUSTER, Kind.HOST)
    return kind if kept or not any(variable.enums) else VariableKind(Kind.CHOICE)


def is_reserved(name: str) -> bool:
    """Whether the name alone decides: where a run takes place, who calls, what is secret."""
    return name.lower() in _SPECIAL or is_secret_name(name)


def uses_units(tasks: Iterable[Task]) -> bool:
    """Whether a step speaks to systemd."""
    return any(_USES_UNITS.search(step.content) for task in tasks for step in task.steps)


def _of_author(variable: Variable) -> Kind | None:
    if any(variable.enums):
        return Kind.CHOICE
    if variable.regex:
        return Kind.PATTERN
    return Kind.FLAG if variable.default in ("true", "false") else None


def _by_name(variable: Variable, *, units: bool) -> Iterator[VariableKind]:
    words = words_of(variable.name)
    if not words:
        return
    described = words_of(f"{variable.display} {variable.desc}")
    if words[-1] in _IMAGE_ENDS and "image" in described:
        yield VariableKind(Kind.IMAGE, guessed=True)
    units = units or "systemd" in described or "unit" in described
    kind = _of_words(words, units=units)
    if kind and not (variable.default and _counts(kind, variable.default)):
        yield VariableKind(kind, guessed=True)
    elif kind is None:
        yield from _plural(variable, words, units=units)


def _counts(kind: Kind, default: str) -> bool:
    """Whether the default decides: a flag, a count, or a quantity that is a plain number."""
    return kind in _NO_PLURALS or (
        kind in _QUANTITIES and _WHOLE_NUMBER.fullmatch(default) is not None
    )


def _of_words(words: tuple[str, ...], *, units: bool) -> Kind | None:
    last = words[-1]
    # `pod_name` and `podname` are the same.
    subject = "".join(words[-2:]) if last == "name" else last
    bare = subject.removesuffix("name") if subject.endswith("name") else ""
    if units and (last in _SERVICES or bare in _SERVICES):
        return Kind.UNIT
    if bare in _ALSO_NAMED:
        return Kind.KUBERNETES_NAME
    for kind, pattern in _PATTERNS:
        if pattern.fullmatch(last) or (kind is Kind.FLAG and pattern.fullmatch("".join(words))):
            return kind
        if bare and kind in _NAMEABLE and pattern.fullmatch(bare):
            return kind
    return None


def _plural(variable: Variable, words: tuple[str, ...], *, units: bool) -> Iterator[VariableKind]:
    """A list, where the singular of the name has a kind: `nodes`, `user_names`, `image-list`."""
    *before, last = words
    single = (*before, last[:-1]) if last.endswith("s") else tuple(before)
    if not single or not single[-1] or not (last.endswith("s") or last == "list"):
        return
    kind = _PLURALS.get(last) or _of_words(single, units=units)
    if kind is not None and kind in ITEM_KINDS and (last in _PLURALS or kind not in _NO_PLURALS):
        yield VariableKind(kind, _separator_of(variable), guessed=True)


def _separator_of(variable: Variable) -> Separator:
    samples = "".join(_samples(variable)).strip()
    return next(
        (one for one in (Separator.LINE, Separator.BLANK) if one.sign in samples), Separator.COMMA
    )


def _samples(variable: Variable) -> Iterator[str]:
    """What the author says is good; a template is another value each time."""
    samples = (variable.default, *variable.examples)
    return (text for text in samples if text and "${" not in text)


def _fits(guess: VariableKind, variable: Variable) -> bool:
    """Whether the author's own values are of that kind: the default, and some of the examples."""
    default = variable.default
    examples = [text for text in variable.examples if text]
    if default and "${" not in default and not _is_of(guess, default):
        return False
    return not examples or any(_is_of(guess, text) for text in examples)


def _is_of(guess: VariableKind, text: str) -> bool:
    # The author may well mean a number below zero.
    number = text.removeprefix("-") if guess.kind is Kind.COUNT else text
    return canonical_value(guess, number) is not None


def _by_default(variable: Variable) -> Iterator[VariableKind]:
    """What the default and the examples look like, where the name says nothing."""
    default = variable.default
    samples = [text for text in (default, *variable.examples) if text]
    if samples and all(text.startswith(("http://", "https://")) for text in samples):
        yield VariableKind(Kind.URL, guessed=True)
    if default and default.startswith("/"):
        yield VariableKind(Kind.PATH, guessed=True)
    if default and _WHOLE_NUMBER.fullmatch(default) and _may_count(variable):
        yield VariableKind(Kind.COUNT, guessed=True)


def _may_count(variable: Variable) -> bool:
    return not _NO_COUNTS.intersection(words_of(variable.name))
