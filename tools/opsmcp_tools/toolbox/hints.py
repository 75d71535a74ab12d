"""What a client may assume of a tool: read-only, destructive, idempotent.

Inferred from words, because Ops declares nothing of the kind. The first word of the name weighs
most; every doubt ends on the safe side: a verb that is not known here changes and destroys. Labels
of the operation override the words, and settings override both. Pure.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from opsmcp_pipelines.kinds.names import words_of
from opsmcp_pipelines.models import Operation, Pipeline
from opsmcp_tools.model.tool import Hints

__all__ = ["LABELS", "infer_hints", "names_destruction"]

LABELS: Mapping[str, str] = {
    "opsmcp/read-only": "read_only",
    "opsmcp/destructive": "destructive",
    "opsmcp/idempotent": "idempotent",
}

_READING = re.compile(
    r"list|get|show|view|describe|check|inspect|search|query|analy[sz]e|analysis|status|logs?|top"
    r"|find|count|alert|read|dump|watch|diagnose|explain|compare|verify"
)
_ADDING = re.compile(
    r"create|add|sync|preload|retag|tag|upload|download|copy|push|pull|collect|distribute|backup"
    r"|cordon|uncordon|label|annotate|install|transfer|start|enable"
)
_DESTROYING = re.compile(
    r"delete|remove|clear|clean|cleanup|force|drain|kill|restart|reboot|stop|shutdown|evict|purge"
    r"|wipe|destroy|erase|prune|truncate|format|uninstall|reset|rollback|restore|terminate|reload"
    r"|set|update|patch|apply|scale|replace|disable|move|rename|rotate|upgrade|repair|script|run|execute|write|send"
)
_PLAIN_DESTROYING = re.compile(
    r"delete|remove|clear|force|drain|kill|reboot|shutdown|evict|purge|wipe|destroy|erase|prune"
    r"|truncate|uninstall|terminate"
)
"""Words that are hardly ever nouns, so that they count wherever they stand."""
_REPEATABLE = re.compile(
    r"cordon|uncordon|set|label|annotate|enable|disable|preload|sync|retag|tag|apply|drain"
)
_AND = frozenset({"and", "or", "then", "to"})
_READING_LAST = re.compile(r"overview|usage|status|logs?|info|processes|ports|report|version")
"""What a name that begins with no verb at all ends in when it only looks: `disk-usage`."""


def infer_hints(
    operation: Operation,
    settings: Mapping[str, Mapping[str, bool]],
    tool_name: str = "",
    *,
    steered: bool = False,
) -> Hints:
    """The hints of an operation; `settings` are by name pattern, a later one winning.

    What is `steered` by its own outputs may do anything, whatever its author says: only the
    settings know better.
    """
    hints = _by_words(operation)
    hints = _override(hints, _labelled(operation.labels))
    if steered:
        hints = Hints(read_only=False, destructive=True, idempotent=False)
    for pattern, override in settings.items():
        if any(fnmatchcase(name, pattern) for name in (operation.name, tool_name)):
            hints = _override(hints, override)
    return hints


def names_destruction(operation: Operation) -> str:
    """The first plainly destructive word in its name or description; empty when there is none."""
    words = (*words_of(operation.name), *_words_of_text(operation.desc))
    return next((word for word in words if _PLAIN_DESTROYING.fullmatch(word)), "")


def _by_words(operation: Operation) -> Hints:
    name, desc = words_of(operation.name), _words_of_text(operation.desc)
    if _is_reading(operation, name, desc):
        return Hints(read_only=True, destructive=False, idempotent=True)
    destroying = any(_PLAIN_DESTROYING.fullmatch(word) for word in (*name, *desc))
    adding = bool(name) and _ADDING.fullmatch(name[0]) is not None
    repeatable = bool(name) and _REPEATABLE.fullmatch(name[0]) is not None
    return Hints(read_only=False, destructive=destroying or not adding, idempotent=repeatable)


def _is_reading(operation: Operation, name: tuple[str, ...], desc: tuple[str, ...]) -> bool:
    if not name or not _begins_reading(name):
        return False
    if any(_PLAIN_DESTROYING.fullmatch(word) for word in (*name[:1], *desc)):
        return False
    if _orders_change(name) or _orders_change(desc):
        return False
    return not any(
        _is_changing(word) for task in _tasks_of(operation) for word in words_of(task)[:1]
    )


def _begins_reading(name: tuple[str, ...]) -> bool:
    if _READING.fullmatch(name[0]):
        return True
    return not _is_changing(name[0]) and _READING_LAST.fullmatch(name[-1]) is not None


def _tasks_of(operation: Operation) -> Iterable[str]:
    return (ref.task for ref in operation.tasks) if isinstance(operation, Pipeline) else ()


def _orders_change(words: tuple[str, ...]) -> bool:
    """Whether a changing verb stands where orders do: first, or after `and`, `or`, `then`, `to`.

    So `inspect-pod-restart` and "when the pod restarts" do not, "check and restart" does.
    """
    before = ("and", *words)
    return any(
        _is_changing(word) and previous in _AND
        for previous, word in zip(before, words, strict=False)
    )


def _is_changing(word: str) -> bool:
    return bool(_DESTROYING.fullmatch(word) or _ADDING.fullmatch(word))


def _words_of_text(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[a-z]+", text.lower()[:2000]))


def _labelled(labels: Mapping[str, str]) -> dict[str, bool]:
    truth = {"true": True, "false": False}
    return {
        hint: truth[labels[label].lower()]
        for label, hint in LABELS.items()
        if labels.get(label, "").lower() in truth
    }


def _override(hints: Hints, override: Mapping[str, bool]) -> Hints:
    """Apply; what is said to be read-only destroys nothing and may be repeated."""
    changed = dict(override)
    if changed.get("read_only"):
        changed = {"destructive": False, "idempotent": True} | changed
    known = {key: value for key, value in changed.items() if key in LABELS.values()}
    return replace(hints, **known)
