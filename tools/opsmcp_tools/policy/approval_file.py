"""The approvals in the state directory, of every source that shares it.

Whoever can write there can approve, so a directory in which everybody can is refused.
"""

import stat
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from opsmcp_pipelines.models import OperationKey, OperationKind
from opsmcp_tools.journal.state_file import StateFile, StateFileUnusable
from opsmcp_tools.model.errors import ApprovalsUnusable
from opsmcp_tools.policy.approvals import Approval, Approvals

__all__ = ["ApprovalFile"]

_MOST_BYTES = 64 * 1024 * 1024
_MOST_APPROVALS = 20_000
"""For one source; the oldest go first."""

_MOST_KEPT_CHARS = 8 * 1024 * 1024
"""Of the lines of all definitions of a source; those beyond are kept by their hash alone."""


class ApprovalFile:
    """The approvals of one source in `approvals.json`."""

    def __init__(self, state_dir: Path, source: str) -> None:
        """Read nothing yet.

        Args:
            state_dir: The state directory, which need not exist.
            source: The label of the source that the operations are of.
        """
        self._folder = state_dir
        self._file = StateFile(state_dir, "approvals", most_bytes=_MOST_BYTES)
        self._source = source
        self._seen: object = None

    def read(self) -> Approvals:
        """What is approved; nothing when there is no file.

        Raises:
            ApprovalsUnusable: It cannot be read, or is not to be trusted.
        """
        self._seen = self._file.signature()
        self._check_folder()
        with self._translated():
            return Approvals(_parse(_sources(self._file.read()).get(self._source, ())))

    def changed(self) -> bool:
        """Whether the file is another one than was last read."""
        return self._file.signature() != self._seen

    def add(self, approved: Mapping[OperationKey, Approval]) -> None:
        """Approve, in place of what was approved before; other operations stay as they are.

        Raises:
            ApprovalsUnusable: It cannot be read or written, or would not be trusted.
        """
        self._check_folder()
        with self._translated(), self._file.updating() as kept:
            sources = _sources(kept)
            known = _parse(sources.get(self._source, ()))
            others = {key: one for key, one in known.items() if key not in approved}
            latest = dict([*others.items(), *approved.items()][-_MOST_APPROVALS:])
            kept["sources"] = {**sources, self._source: _dump(latest)}

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

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except (StateFileUnusable, ValueError, LookupError, TypeError, AttributeError) as error:
            raise ApprovalsUnusable(f"the approvals in {self._file.path} cannot be used") from error


def _sources(kept: Mapping[str, Any]) -> dict[str, Any]:
    return kept.get("sources", {})


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
