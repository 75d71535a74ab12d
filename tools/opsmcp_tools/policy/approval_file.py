"""The file of approvals in the state directory: read whole, written whole, never half.

It holds the approvals of every source that shares the directory. Whoever can write there can
approve, so a directory in which everybody can is refused. JSON, so that people can look at it; the
format is `version` 1.
"""

import fcntl
import json
import os
import stat
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from opsmcp_pipelines.models import OperationKey, OperationKind
from opsmcp_tools.model.errors import ApprovalsUnusable
from opsmcp_tools.policy.approvals import Approval, Approvals

__all__ = ["ApprovalFile"]

_VERSION = 1
_MOST_BYTES = 64 * 1024 * 1024
_MOST_APPROVALS = 20_000
"""For one source; the oldest go first."""

_MOST_KEPT_CHARS = 8 * 1024 * 1024
"""Of the lines of all definitions of a source; those beyond are kept by their hash alone."""

_Signature = tuple[int, int, int] | None


class ApprovalFile:
    """The approvals of one source in `approvals.json`."""

    def __init__(self, state_dir: Path, source: str) -> None:
        """Read nothing yet.

        Args:
            state_dir: The state directory, which need not exist.
            source: The label of the source that the operations are of.
        """
        self._folder = state_dir
        self._path = state_dir / "approvals.json"
        self._source = source
        self._seen: _Signature = None

    def read(self) -> Approvals:
        """What is approved; nothing when there is no file.

        Raises:
            ApprovalsUnusable: It cannot be read, or is not to be trusted.
        """
        self._seen = self._signature()
        self._check_folder()
        with self._translated():
            return Approvals(_parse(self._load().get(self._source, ())))

    def changed(self) -> bool:
        """Whether the file is another one than was last read."""
        return self._signature() != self._seen

    def add(self, approved: Mapping[OperationKey, Approval]) -> None:
        """Approve, in place of what was approved before; other operations stay as they are.

        Raises:
            ApprovalsUnusable: It cannot be read or written, or would not be trusted.
        """
        self._check_folder()
        with self._translated(), self._locked():
            sources = self._load()
            kept = _parse(sources.get(self._source, ()))
            known = {key: one for key, one in kept.items() if key not in approved} | dict(approved)
            latest = dict(list(known.items())[-_MOST_APPROVALS:])
            self._write({**sources, self._source: _dump(latest)})

    def _check_folder(self) -> None:
        """Return if nobody but the owner and the group can put another file in its place."""
        try:
            mode = self._folder.stat().st_mode
        except OSError:
            return  # Whoever reads or writes finds out why.
        if mode & stat.S_IWOTH:
            raise ApprovalsUnusable(
                f"everybody can write in {self._folder} (state.dir), so anybody could approve; "
                "take that away with chmod o-w, or use a directory that opsmcp makes"
            )

    def _signature(self) -> _Signature:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _load(self) -> dict[str, Any]:
        try:
            with self._path.open("rb") as stream:
                data = stream.read(_MOST_BYTES + 1)
        except FileNotFoundError:
            return {}
        found = json.loads(_bounded(data))
        if found["version"] != _VERSION:
            raise ValueError("a newer opsmcp wrote it")
        return found["sources"]

    @contextmanager
    def _locked(self) -> Generator[None]:
        """Alone with the file, so that two people who approve lose nothing."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._folder / "approvals.lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _write(self, sources: Mapping[str, Any]) -> None:
        whole = {"version": _VERSION, "sources": sources}
        data = _bounded(json.dumps(whole, indent=1, ensure_ascii=False).encode())
        # Beside the file, because only then can it take its place in one step.
        number, name = tempfile.mkstemp(prefix="approvals-", dir=self._folder)
        try:
            with os.fdopen(number, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).replace(self._path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except (
            OSError,
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
            RecursionError,
        ) as error:
            raise ApprovalsUnusable(f"the approvals in {self._path} cannot be used") from error


def _bounded(data: bytes) -> bytes:
    if len(data) > _MOST_BYTES:
        raise ValueError("too large")
    return data


def _parse(found: Any) -> dict[OperationKey, Approval]:
    return {
        OperationKey(OperationKind(one["kind"]), one["namespace"], one["name"]): Approval(
            one["definition"], tuple(one["lines"]), one["at"], one["by"]
        )
        for one in found
    }


def _dump(approved: Mapping[OperationKey, Approval]) -> list[dict[str, Any]]:
    room, dumped = _MOST_KEPT_CHARS, list[dict[str, Any]]()
    for key, one in approved.items():
        room -= sum(map(len, one.lines))
        dumped.append(
            {
                "kind": key.kind,
                "namespace": key.namespace,
                "name": key.name,
                "definition": one.definition,
                "at": one.at,
                "by": one.by,
                "lines": one.lines if room >= 0 else (),
            }
        )
    return dumped
