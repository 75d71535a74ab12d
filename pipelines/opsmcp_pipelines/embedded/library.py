"""The manifest directories: which files there are, and what they held when they were last readable.

Directories are read in order, the bundled one first: a later operation replaces an earlier one of
the same kind, namespace and name. A file is read again only when it changed. Only a file or
directory that is *gone* takes its operations away; whatever cannot be read keeps those that it had,
and says so. Only regular files are opened: a pipe or a device would be waited for.
"""

import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from opsmcp_pipelines.catalogue import FAULTS_LOG, Problem
from opsmcp_pipelines.embedded.loader import Loaded, sort_out
from opsmcp_pipelines.errors import ManifestError
from opsmcp_pipelines.manifest import MAX_MANIFEST_BYTES, BadDocument, Manifest, parse_manifest
from opsmcp_pipelines.models import Operation, OperationKey, OperationKind
from opsmcp_pipelines.regular_files import Signature, read_regular, sign

__all__ = ["Library"]

_MAX_FILES = 2000
_MAX_OPERATIONS = 20_000
_MOST_WARNINGS = 100
_ENDINGS = frozenset({".yaml", ".yml"})

_NOT_TRUSTED = (
    "new or changed since the settings were trusted, so it is not used; a person has to look at it"
    " with `opsmcp trust`, and to start opsmcp again"
)

_log = logging.getLogger(__name__)
_faults = logging.getLogger(FAULTS_LOG)


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it was last read."""

    signature: Signature
    manifest: Manifest


@dataclass
class _Pass:
    """What one pass over the directories has found so far."""

    files: dict[Path, _File] = field(default_factory=dict[Path, _File])
    left_out: list[Problem] = field(default_factory=list[Problem])
    unread: dict[Path, str] = field(default_factory=dict[Path, str])
    """Files and directories that are there and cannot be read, with the reason."""


def _nothing(_path: Path) -> None:
    """Do nothing."""


MayCount = Callable[[Path, str], bool]


def _everything(_path: Path, _digest: str) -> bool:
    return True


class Library:
    """The manifest directories. `read` blocks: call it from a worker thread."""

    def __init__(
        self, directories: Sequence[Path], namespace: str, may_count: MayCount = _everything
    ) -> None:
        """Read nothing yet.

        Args:
            directories: In order; operations of later ones replace those of earlier ones.
            namespace: That of the operations that name none.
            may_count: Whether a file counts, by its path and the SHA-256 of what it holds.
        """
        self._may_count = may_count
        self._directories = tuple(directories)
        self._namespace = namespace
        self._last = _Pass()
        self._loaded = Loaded()
        self._warned: frozenset[str] = frozenset()

    def read(self, at: Callable[[Path], None] = _nothing) -> Loaded:
        """What the directories hold: the same object as the last time when nothing changed.

        Args:
            at: Told of every file and directory before it is touched. An `OSError` that it raises
                counts as one of reading it; whatever else it raises ends the reading.
        """
        now = _Pass()
        paths: list[Path] = []
        for directory in self._directories:
            paths += self._find_files(directory, now, at)
        if len(paths) > _MAX_FILES:
            reason = f"more than {_MAX_FILES} manifest files; those after it were not read"
            now.left_out.append(_problem(paths[_MAX_FILES], reason))
        for path in paths[:_MAX_FILES]:
            self._look_at(path, now, at)
        at(Path())
        if now != self._last:
            self._loaded = self._load(now)
            self._last = now
        return self._loaded

    def _find_files(self, directory: Path, now: _Pass, at: Callable[[Path], None]) -> list[Path]:
        """The manifest files at any depth, without hidden ones, sorted."""
        found: set[Path] = set()
        folders = [directory]
        while folders:
            folder = folders.pop()
            try:
                at(folder)
                files, inner = _list(folder)
            except (FileNotFoundError, NotADirectoryError):
                if folder == directory:
                    why = "this directory of manifests does not exist"
                    now.left_out.append(_problem(folder, why))
            except OSError as error:
                now.unread[folder] = f"this directory of manifests cannot be read: {_why(error)}"
                found.update(path for path in self._last.files if path.is_relative_to(folder))
            else:
                found.update(files)
                folders += inner
        return sorted(found)

    def _look_at(self, path: Path, now: _Pass, at: Callable[[Path], None]) -> None:
        """Read a file, unless it is as it was; what cannot be read stays as it was."""
        known = self._last.files.get(path)
        try:
            at(path)
            signature = sign(path)
            if known is None or known.signature != signature:
                known = _File(signature, self._read_file(path, signature))
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            now.unread[path] = f"the file cannot be read: {_why(error)}"
        if known is not None:
            now.files[path] = known

    def _read_file(self, path: Path, signature: Signature) -> Manifest:
        """What is in a file of that signature."""
        size = signature[-1]
        if size > MAX_MANIFEST_BYTES:
            return _unusable(path, f"larger than {MAX_MANIFEST_BYTES} bytes")
        content = read_regular(path, size)
        if not self._may_count(path, hashlib.sha256(content).hexdigest()):
            return _unusable(path, _NOT_TRUSTED)
        try:
            return parse_manifest(content.decode(), str(path), self._namespace)
        except UnicodeDecodeError:
            return _unusable(path, "the file is not UTF-8 text")

    def _load(self, now: _Pass) -> Loaded:
        found: dict[OperationKey, Operation] = {}
        files: dict[OperationKey, str] = {}
        unread = [_problem(path, why) for path, why in now.unread.items()]
        problems = [*now.left_out, *unread]
        of_files = [f"manifests {problem.operation}: {problem.reason}" for problem in problems]
        said: list[str] = []
        doubles: list[str] = []
        for path, file in now.files.items():
            manifest = file.manifest
            for operation in manifest.operations:
                doubles += self._double(operation, path, files.get(operation.key))
                found[operation.key], files[operation.key] = operation, str(path)
            problems += [_as_problem(bad, self._namespace) for bad in manifest.problems]
            said += [f"manifest {bad.error}" for bad in manifest.problems]
            for note in manifest.notes:
                _log.debug("manifest %s", note)
        warnings = [text for file in now.files.values() for text in file.manifest.warnings]
        warnings += doubles
        self._warn(of_files, [*said, *(f"manifest {warning}" for warning in warnings)])
        if len(found) > _MAX_OPERATIONS:
            reason = f"more than {_MAX_OPERATIONS} operations; those after it were left out"
            beyond = list(found)[_MAX_OPERATIONS]
            problems.append(Problem(beyond.name, beyond.kind, reason, beyond.namespace))
        loaded = sort_out(list(found.values())[:_MAX_OPERATIONS], problems)
        faults = tuple(f"{item.operation}: {item.reason}" for item in unread)
        return replace(
            loaded, unread=faults, files=files, warnings=tuple(warnings[:_MOST_WARNINGS])
        )

    def _double(self, operation: Operation, path: Path, other: str | None) -> list[str]:
        """That an operation is defined twice in one directory: only another one's replace it."""
        folders = [folder for folder in self._directories if path.is_relative_to(folder)]
        if other is None or not any(Path(other).is_relative_to(folder) for folder in folders):
            return []
        where = "this file" if other == str(path) else other
        what = f"the {operation.key.kind.value} {operation.name!r}"
        return [f"{path}: {what} is defined in {where}, too; the one that is read last counts"]

    def _warn(self, of_files: Sequence[str], said: Sequence[str]) -> None:
        """Log what was not so at the last reading, and how much more there is."""
        for log, messages in ((_log, of_files), (_faults, said)):
            new = [message for message in messages if message not in self._warned]
            for message in new[:_MOST_WARNINGS]:
                log.warning("%s", message)
            if len(new) > _MOST_WARNINGS:
                log.warning("manifests: %d more are not right", len(new) - _MOST_WARNINGS)
        self._warned = frozenset((*of_files, *said))


def _list(folder: Path) -> tuple[list[Path], list[Path]]:
    """The manifest files and the folders in it, without hidden ones and links to folders."""
    files: list[Path] = []
    folders: list[Path] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(Path(entry.path))
            elif Path(entry.name).suffix in _ENDINGS:
                files.append(Path(entry.path))
    return files, folders


def _why(error: OSError) -> str:
    return error.strerror or str(error)


def _unusable(path: Path, reason: str) -> Manifest:
    return Manifest(problems=(BadDocument(ManifestError(str(path), 0, reason)),))


def _problem(path: Path, reason: str) -> Problem:
    return Problem(str(path), OperationKind.PIPELINE, reason)


def _as_problem(bad: BadDocument, namespace: str) -> Problem:
    kind = bad.kind or OperationKind.PIPELINE
    return Problem(bad.name or bad.error.path, kind, str(bad.error), namespace)
