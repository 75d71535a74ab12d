"""Keys of a manifest that look misspelt. Ops passes over what it does not know, and so do we.

Only a key that resembles a known one is named: there are many others that mean something to Ops.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from opsmcp_pipelines.models import OperationKind
from opsmcp_pipelines.yaml_nodes import ListNode, MapNode, Node, TextNode

__all__ = ["find_misspelt", "find_misspelt_type"]

_LIKE_ENOUGH = 0.8
_LIKE_ENOUGH_TO_A_KIND = 0.7
"""There are few, and they are short."""

_LONGEST = 60

_KINDS = ("Pipeline", "Task")
_OTHER_KINDS = frozenset({"Cluster", "EventHooks", "Host", "PipelineRun", "TaskRun"})

_OF_SPEC = {
    OperationKind.PIPELINE: ("desc", "variables", "tasks"),
    OperationKind.TASK: ("desc", "host", "variables", "steps", "mounts", "runtimeImage"),
}
_OF_REF = ("name", "taskRef", "desc", "allowFailure", "runAlways", "results")
_OF_STEP = (
    *("name", "content", "when", "allowfailure", "timeoutSeconds", "runtimeImage"),
    *("localfile", "remotefile", "direction"),
)
_OF_VARIABLE = (
    *("default", "value", "display", "desc", "regex", "required"),
    *("enums", "examples"),
)


def find_misspelt(document: MapNode, kind: OperationKind) -> Iterator[tuple[int, str]]:
    """Line and message of each key that is probably another one's misspelling."""
    spec = document.fields.get("spec")
    if not isinstance(spec, MapNode):
        return
    yield from _among(spec, _OF_SPEC[kind])
    parts, known = ("tasks", _OF_REF) if kind is OperationKind.PIPELINE else ("steps", _OF_STEP)
    for part in _items(spec.fields.get(parts)):
        yield from _among(part, known)
    variables = spec.fields.get("variables")
    fields: Mapping[str, Node] = variables.fields if isinstance(variables, MapNode) else {}
    for variable in fields.values():
        yield from _among(variable, _OF_VARIABLE)


def find_misspelt_type(document: MapNode, version: str) -> Iterator[tuple[int, str]]:
    """The same for what makes a document one of ours: its `kind`, and its `apiVersion`."""
    found = document.fields.get("kind"), document.fields.get("apiVersion")
    kind, api = (node if isinstance(node, TextNode) else None for node in found)
    if kind is None or api is None:
        return
    if api.text == version and kind.text not in (*_KINDS, *_OTHER_KINDS):
        near = _nearest(kind.text, _KINDS, _LIKE_ENOUGH_TO_A_KIND)
        if near:
            yield kind.line, _passed_over("kind", kind.text, near)
    elif kind.text in _KINDS and _nearest(api.text, (version,)) not in ("", api.text):
        yield api.line, _passed_over("apiVersion", api.text, version)


def _passed_over(key: str, found: str, meant: str) -> str:
    return f"passed over: the {key} {found[:_LONGEST]!r} means nothing here; {meant!r} does"


def _nearest(found: str, known: tuple[str, ...], like_enough: float = _LIKE_ENOUGH) -> str:
    folded = {name.casefold(): name for name in known}
    near = get_close_matches(found[:_LONGEST].casefold(), folded, 1, like_enough)
    return folded[near[0]] if near else ""


def _items(node: Node | None) -> tuple[Node, ...]:
    return node.items if isinstance(node, ListNode) else ()


def _among(node: Node, known: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    if not isinstance(node, MapNode):
        return
    for key, value in node.fields.items():
        meant = "" if key in known else _nearest(key, known)
        if meant:
            yield value.line, f"the key {key[:_LONGEST]!r} means nothing here; {meant!r} does"
