"""The record of signals and incidents of one opsmcp, opened with the first who needs it.

Most opsmcps have no senders, and pay nothing for it. Opening fails where the disk is full, and is
tried again then.
"""

import threading
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from opsmcp_tools.journal.writer import JournalWriter

if TYPE_CHECKING:
    from opsmcp_tools.incidents.sqlite_file import IncidentFile
    from opsmcp_tools.incidents.sqlite_signals import Correlate, SqliteSignals

__all__ = ["LateIncidents"]


class LateIncidents:
    """Gives the record to whoever needs it."""

    def __init__(self, state_dir: Path) -> None:
        """Prepare; nothing is imported or opened."""
        self._state_dir = state_dir
        self._stack = ExitStack()
        self._opening = threading.Lock()
        self._file: IncidentFile | None = None
        self.correlate: Correlate | None = None
        """What becomes of incidents when signals are recorded; nothing without it."""
        self.writer = JournalWriter(self._together, what="the record of incidents")
        """For what is written often: in turn, and what waits for its turn as one transaction."""

    @property
    def exists(self) -> bool:
        """Whether anything was ever kept; who only looks makes no file."""
        from opsmcp_tools.incidents.sqlite_file import FILE

        return (self._state_dir / FILE).exists()

    def file(self) -> "IncidentFile":
        """The file, open. May wait for the disk: call it in a thread.

        Raises:
            JournalUnusable: It cannot be opened now.
        """
        from opsmcp_tools.incidents.sqlite_file import open_incident_file

        with self._opening:
            if self._file is None:
                self._file = self._stack.enter_context(open_incident_file(self._state_dir))
            return self._file

    @contextmanager
    def _together(self) -> Generator[None]:
        with self.file().together():
            yield

    def signals(self) -> "SqliteSignals":
        """The signals in it; likewise."""
        from opsmcp_tools.incidents.sqlite_signals import SqliteSignals

        return SqliteSignals(self.file(), self.correlate)

    def close(self) -> None:
        """Close what was opened."""
        self._stack.close()
