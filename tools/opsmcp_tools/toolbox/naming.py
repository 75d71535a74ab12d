"""Operation -> tool name: `[a-z0-9-]`, at most 48 characters, the same after every restart.

Clients accept `[a-zA-Z0-9_-]{1,64}` and some prefix the server's name, so names stay shorter than
they must. A name never holds `_`: the built-in tools do, and so the two never collide. Pure; the
order in which operations come does not matter.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable

from opsmcp_pipelines.models import Operation, OperationKey, OperationKind

__all__ = ["MAX_NAME_LENGTH", "name_tools", "possible_names", "title_of"]

MAX_NAME_LENGTH = 48
_SUFFIX_LENGTH = 6
_FOREIGN = re.compile(r"[^a-z0-9-]+")
_FUSED_BY = re.compile(r"^by(?!tes?$)(?=[a-z]{2})")
_CAPITALS = frozenset(
    {"api", "cpu", "dns", "gpu", "http", "id", "io", "ip", "npu", "os", "url", "yaml"}
)


def name_tools(operations: Iterable[Operation]) -> dict[OperationKey, str]:
    """The name of each operation's tool, all different.

    Pipelines keep their name. A task that is called like a pipeline gets `-task`; operations of
    several namespaces get theirs in front; what is too long or taken gets a stable hash.
    """
    keys = sorted({operation.key for operation in operations})
    prefixed = len({key.namespace for key in keys}) > 1
    pipelines = {(key.namespace, key.name) for key in keys if key.kind is OperationKind.PIPELINE}
    wanted = {key: _wanted(key, prefixed, pipelines) for key in keys}
    count = Counter(wanted.values())
    names: dict[OperationKey, str] = {}
    taken = {name for key, name in wanted.items() if _keeps(key, name, count)}
    for key, name in wanted.items():
        names[key] = name if _keeps(key, name, count) else _hashed(key, name, taken)
        taken.add(names[key])
    return names


def possible_names(key: OperationKey) -> frozenset[str]:
    """What the tool of an operation can be called, whatever others there are, and its own name.

    But for one with a hash at its end.
    """
    homonyms: tuple[set[tuple[str, str]], ...] = (set(), {(key.namespace, key.name)})
    made = (_wanted(key, prefixed, one) for prefixed in (False, True) for one in homonyms)
    return frozenset({key.name, *made})


def _wanted(key: OperationKey, prefixed: bool, pipelines: set[tuple[str, str]]) -> str:
    name = f"{key.namespace}-{key.name}" if prefixed else key.name
    if key.kind is OperationKind.TASK and (key.namespace, key.name) in pipelines:
        name += "-task"
    return _FOREIGN.sub("-", name.lower()).strip("-") or "operation"


def _keeps(key: OperationKey, name: str, count: Counter[str]) -> bool:
    """Whether nobody else wants the name, or it is a pipeline's own name."""
    if len(name) > MAX_NAME_LENGTH:
        return False
    return count[name] == 1 or (key.kind is OperationKind.PIPELINE and key.name == name)


def _hashed(key: OperationKey, name: str, taken: set[str]) -> str:
    digest = hashlib.sha256(str(key).encode("utf-8", "surrogatepass")).hexdigest()
    lengths = range(_SUFFIX_LENGTH, MAX_NAME_LENGTH)
    found = (f"{_head(name, length)}{digest[:length]}" for length in lengths)
    return next(shortened for shortened in found if shortened not in taken)


def _head(name: str, suffix_length: int) -> str:
    head = name[: MAX_NAME_LENGTH - suffix_length - 1].rstrip("-")
    return f"{head}-" if head else ""


def title_of(name: str) -> str:
    """A title for people: `restart-kubelet-bypod` is `Restart kubelet by pod`."""
    words = [_FUSED_BY.sub("by ", word) for word in name.split("-") if word]
    shown = " ".join(words).split()
    title = " ".join(word.upper() if word in _CAPITALS else word for word in shown)
    return title[:1].upper() + title[1:]
