"""What the parts that lead runs have in common. Knows none of them."""

from dataclasses import dataclass, field

from opsmcp_pipelines.source import Source
from opsmcp_tools.journal.sqlite_write import Journal
from opsmcp_tools.journal.writer import JournalWriter
from opsmcp_tools.masking.masker import Masker
from opsmcp_tools.model.run_record import Clock, RunSettings
from opsmcp_tools.runs.concurrency_limit import ConcurrencyLimit
from opsmcp_tools.runs.events import Hooks
from opsmcp_tools.runs.live_run import LiveRun

__all__ = ["RunContext"]


@dataclass(frozen=True, slots=True)
class RunContext:
    """The runs of one source in this process, and what leads them."""

    source: Source
    journal: Journal
    settings: RunSettings
    clock: Clock
    hooks: Hooks
    limit: ConcurrencyLimit
    masker: Masker
    """Of the secrets of this process; those of a call are added to it."""

    writer: JournalWriter
    live: dict[str, LiveRun] = field(default_factory=dict[str, LiveRun])
    """The runs that are not over yet, by their handles."""
