"""YAML documents -> models; what is wrong names the file and the line.

The format is that of the Ops custom resources, `apiVersion: crd.chenshaowen.com/v1`, kinds Pipeline
and Task (api/v1/pipeline_types.go, task_types.go, variable.go), also as items of a List; other
kinds are passed over. Pure: reads no file. Knows nothing of what the engine can run:
`embedded.loader` decides that.
"""

import re
import unicodedata
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from opsmcp_pipelines.errors import ManifestError
from opsmcp_pipelines.kinds.declared import BadKind, declared_kind
from opsmcp_pipelines.misspelling import find_misspelt, find_misspelt_type
from opsmcp_pipelines.models import (
    Operation,
    OperationKey,
    OperationKind,
    Pipeline,
    Step,
    Task,
    TaskRef,
    Transfer,
    Variable,
)
from opsmcp_pipelines.yaml_nodes import (
    MapNode,
    Node,
    TextNode,
    YamlProblem,
    line_in,
    list_in,
    map_in,
    map_of,
    read_documents,
    text_in,
    text_of,
)

__all__ = ["MAX_MANIFEST_BYTES", "BadDocument", "Manifest", "documents_of", "parse_manifest"]

MAX_MANIFEST_BYTES = 1024 * 1024
"""The largest manifest file that is read."""

_MOST_DOCUMENTS = 1_000

_API_VERSION = "crd.chenshaowen.com/v1"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_MAX_NAME = 253
_STEP_NAME = re.compile(r"[a-z](-?[a-z0-9])*")
_VARIABLE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_BOOLEANS: Mapping[str, bool] = {
    **dict.fromkeys(("true", "yes", "on"), True),
    **dict.fromkeys(("", "false", "no", "off"), False),
}


@dataclass(frozen=True, slots=True)
class BadDocument:
    """A document that cannot be used. `name` and `kind` are empty when they cannot be told."""

    error: ManifestError
    name: str = ""
    kind: OperationKind | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a file holds.

    `notes` name the documents that were passed over, `warnings` what is probably not meant so.
    """

    operations: tuple[Operation, ...] = ()
    problems: tuple[BadDocument, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def parse_manifest(text: str, path: str, namespace: str) -> Manifest:
    """Read every document of a file; a bad one does not cost the others.

    Args:
        text: The content of the file.
        path: How the file is called in messages.
        namespace: That of the operations that name none.
    """
    if len(text.encode(errors="replace")) > MAX_MANIFEST_BYTES:
        error = ManifestError(path, 0, f"larger than {MAX_MANIFEST_BYTES} bytes")
        return Manifest(problems=(BadDocument(error),))
    operations: list[Operation] = []
    problems: list[BadDocument] = []
    notes: list[str] = []
    warnings: list[str] = []
    for number, document in enumerate(_documents(text)):
        if number == _MOST_DOCUMENTS:
            why = f"more than {_MOST_DOCUMENTS:,} documents; the rest of the file was not read"
            problems.append(BadDocument(ManifestError(path, document.line, why)))
            break
        found = _read_document(document, path, namespace)
        kind: OperationKind | None = None
        if isinstance(found, BadDocument):
            problems.append(found)
            kind = found.kind
        elif isinstance(found, str):
            notes.append(found)
        else:
            operations.append(found)
            kind = found.key.kind
        warnings += _warnings(document, path, kind)
    return Manifest(tuple(operations), tuple(problems), tuple(notes), tuple(warnings))


def documents_of(text: str, namespace: str) -> Mapping[OperationKey, MapNode]:
    """The nodes of each operation in a file, of the last where several have one name."""
    found: dict[OperationKey, MapNode] = {}
    for document in _documents(text):
        operation = _read_document(document, "", namespace)
        if isinstance(document, MapNode) and isinstance(operation, (Pipeline, Task)):
            found[operation.key] = document
    return found


def _documents(text: str) -> Generator[Node | YamlProblem]:
    """The documents of a file, of a List its items: that is how kubectl writes several."""
    for document in read_documents(text):
        if isinstance(document, MapNode) and _is_list(document):
            try:
                yield from list_in(document, "items")
            except YamlProblem as problem:
                yield problem
        else:
            yield document


def _is_list(document: MapNode) -> bool:
    kind, version = document.fields.get("kind"), document.fields.get("apiVersion")
    texts = [node.text for node in (kind, version) if isinstance(node, TextNode)]
    return texts in (["List", "v1"], ["TaskList", _API_VERSION], ["PipelineList", _API_VERSION])


def _warnings(document: Node | YamlProblem, path: str, kind: OperationKind | None) -> list[str]:
    if not isinstance(document, MapNode):
        return []
    found = find_misspelt(document, kind) if kind else find_misspelt_type(document, _API_VERSION)
    return [f"{path}:{line}: {message}" for line, message in found]


def _read_document(
    document: Node | YamlProblem, path: str, namespace: str
) -> Operation | BadDocument | str:
    if isinstance(document, YamlProblem):
        tail = "; the rest of the file was not read" if document.rest else ""
        return BadDocument(ManifestError(path, document.line, document.reason + tail))
    name, kind = "", None
    try:
        fields = map_of(document, "a document")
        kind = _kind_of(fields)
        if kind is None:
            return f"{path}:{document.line}: passed over, neither a Pipeline nor a Task"
        name = text_in(map_in(fields, "metadata"), "name")
        return _READERS[kind](fields, namespace)
    except YamlProblem as problem:
        return BadDocument(
            ManifestError(path, problem.line, problem.reason), name[:_MAX_NAME], kind
        )


def _kind_of(document: MapNode) -> OperationKind | None:
    """What the document describes; None for other resources."""
    kinds = {"Pipeline": OperationKind.PIPELINE, "Task": OperationKind.TASK}
    kind = kinds.get(text_in(document, "kind"))
    version = text_in(document, "apiVersion")
    if kind and version != _API_VERSION:
        if version:
            return None  # Tekton, too, has Pipelines and Tasks.
        raise YamlProblem(document.line, f"apiVersion must be {_API_VERSION}")
    return kind


def _read_pipeline(document: MapNode, namespace: str) -> Pipeline:
    metadata, spec = map_in(document, "metadata"), map_in(document, "spec")
    if text_in(spec, "runtimeImage"):
        raise YamlProblem(spec.line, "runtimeImage on a pipeline is not supported; set it on tasks")
    refs = tuple(_read_task_ref(node) for node in list_in(spec, "tasks"))
    if not refs:
        raise YamlProblem(spec.line, "a pipeline needs at least one task in spec.tasks")
    _refuse_doubles([ref.name for ref in refs], line_in(spec, "tasks"), "task")
    return Pipeline(
        name=_read_name(metadata),
        namespace=text_in(metadata, "namespace") or namespace,
        desc=text_in(spec, "desc"),
        variables=_read_variables(spec),
        tasks=refs,
        labels=_read_labels(metadata),
    )


def _read_task_ref(node: Node) -> TaskRef:
    fields = map_of(node, "a task reference")
    task = text_in(fields, "taskRef")
    if not task:
        raise YamlProblem(fields.line, "a task reference needs taskRef, the name of a Task")
    if text_in(fields, "runtimeImage"):
        raise YamlProblem(fields.line, "runtimeImage on a task reference is not supported")
    return TaskRef(
        name=text_in(fields, "name") or task,
        task=task,
        desc=text_in(fields, "desc"),
        allow_failure=_flag(fields, "allowFailure"),
        run_always=_flag(fields, "runAlways"),
        results=_read_texts(fields, "results"),
    )


def _read_task(document: MapNode, namespace: str) -> Task:
    metadata, spec = map_in(document, "metadata"), map_in(document, "spec")
    nodes = [map_of(node, "a step") for node in list_in(spec, "steps")]
    steps = tuple(_read_step(node, number) for number, node in enumerate(nodes, 1))
    if not steps:
        raise YamlProblem(spec.line, "a task needs at least one step in spec.steps")
    _refuse_doubles([step.name for step in steps], line_in(spec, "steps"), "step")
    image = any(text_in(node, "runtimeImage") for node in (spec, *nodes))
    return Task(
        name=_read_name(metadata),
        namespace=text_in(metadata, "namespace") or namespace,
        desc=text_in(spec, "desc"),
        host=text_in(spec, "host"),
        variables=_read_variables(spec),
        steps=steps,
        labels=_read_labels(metadata),
        in_pod=image or bool(list_in(spec, "mounts")),
    )


def _read_step(fields: MapNode, number: int) -> Step:
    name = text_in(fields, "name") or f"step-{number}"
    if not _STEP_NAME.fullmatch(name):
        raise YamlProblem(
            fields.line, f"the step name {name[:80]!r} must be lower-case words joined by '-'"
        )
    transfer = _read_transfer(fields)
    content = text_in(fields, "content")
    if transfer is None and not content.strip():
        raise YamlProblem(fields.line, f"the step {name!r} has no content")
    return Step(
        name=name,
        content=content,
        when=text_in(fields, "when"),
        allow_failure=text_in(fields, "allowfailure"),
        timeout_seconds=_seconds(fields, "timeoutSeconds"),
        transfer=transfer,
    )


def _read_transfer(fields: MapNode) -> Transfer | None:
    keys = ("localfile", "remotefile", "direction")
    names = [text_in(fields, key) for key in keys]
    return Transfer(*names) if any(names) else None


_READERS = MappingProxyType(
    {
        OperationKind.PIPELINE: _read_pipeline,
        OperationKind.TASK: _read_task,
    }
)


def _read_variables(spec: MapNode) -> tuple[Variable, ...]:
    fields = map_in(spec, "variables").fields
    return tuple(_read_variable(name, node) for name, node in fields.items())


def _read_variable(name: str, node: Node) -> Variable:
    if not _VARIABLE_NAME.fullmatch(name):
        raise YamlProblem(node.line, f"{name[:80]!r} cannot be the name of a variable")
    if isinstance(node, TextNode) and node.null:
        return Variable(name)
    fields = map_of(node, f"the variable {name!r}")
    return Variable(
        name=name,
        # Empty means not declared, as in Ops.
        default=text_in(fields, "default") or None,
        value=text_in(fields, "value") or None,
        display=text_in(fields, "display"),
        desc=text_in(fields, "desc"),
        regex=text_in(fields, "regex"),
        required=_flag(fields, "required"),
        enums=_texts(fields, "enums"),
        examples=_texts(fields, "examples"),
    )


def _read_labels(metadata: MapNode) -> Mapping[str, str]:
    """The labels, of which those that declare kinds name some."""
    labels = _read_texts(metadata, "labels")
    for key, text in labels.items():
        try:
            declared_kind(key, text)
        except BadKind as error:
            raise YamlProblem(line_in(map_in(metadata, "labels"), key), str(error)) from None
    return labels


def _read_name(metadata: MapNode) -> str:
    name = text_in(metadata, "name")
    if not name:
        raise YamlProblem(metadata.line, "metadata.name is missing")
    if len(name) > _MAX_NAME or not _NAME.fullmatch(name):
        raise YamlProblem(
            line_in(metadata, "name"),
            f"metadata.name {name[:80]!r} must be lower-case letters, digits, '-' and '.', "
            f"at most {_MAX_NAME}{_look_alike(name)}",
        )
    return name


def _look_alike(name: str) -> str:
    """Which letter of another script a name has that looks right to whoever wrote it."""
    found = next((char for char in name if not char.isascii() and char.lower() != char.upper()), "")
    return f"; {found!r} is {unicodedata.name(found, ascii(found))}" if found else ""


def _refuse_doubles(names: list[str], line: int, what: str) -> None:
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise YamlProblem(line, f"two {what}s are called {double[:80]!r}")


def _texts(fields: MapNode, key: str) -> tuple[str, ...]:
    return tuple(text_of(node, f"each of {key}") for node in list_in(fields, key))


def _read_texts(fields: MapNode, key: str) -> Mapping[str, str]:
    nodes = map_in(fields, key).fields
    return MappingProxyType({name: text_of(node, key) for name, node in nodes.items()})


def _flag(fields: MapNode, key: str) -> bool:
    text = text_in(fields, key).lower()
    if text not in _BOOLEANS:
        raise YamlProblem(line_in(fields, key), f"{key} must be true or false")
    return _BOOLEANS[text]


def _seconds(fields: MapNode, key: str) -> int:
    text = text_in(fields, key) or "0"
    if not re.fullmatch(r"[0-9]{1,7}", text):
        raise YamlProblem(line_in(fields, key), f"{key} must be a whole number of seconds")
    return int(text)
