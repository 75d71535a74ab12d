"""Machine: where the steps of a task run, this machine or another one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from opsmcp_pipelines.report import Status

if TYPE_CHECKING:
    from opsmcp_pipelines.embedded.engine.file_work import FileOrder
    from opsmcp_pipelines.shell.render import Script

__all__ = ["Launch", "Limit", "Machine", "StepEnd"]


@dataclass(frozen=True, slots=True)
class Limit:
    """How long a step may take, and the setting that says so."""

    seconds: float
    setting: str

    def __str__(self) -> str:
        """For notes: `600 s (embedded.step_seconds)`."""
        return f"{self.seconds:g} s ({self.setting})"


@dataclass(frozen=True, slots=True)
class StepEnd:
    """What became of a step.

    `OTHER` when it was started and nobody knows how it ended, `NOT_STARTED` when certainly nothing
    of it ran.
    """

    status: Status
    note: str = ""


class Launch(Protocol):
    """A step that is ready to be started."""

    async def run(self, limit: Limit, on_output: Callable[[bytes], None]) -> StepEnd:
        """Start it, once, and follow it to its end, or stop it after so long.

        Both outputs arrive in `on_output`, in their order.

        Raises:
            SupervisorGone: What steps of this machine are started by was killed.
        """
        ...


class Machine(Protocol):
    """Where the steps of a task run."""

    @property
    def name(self) -> str:
        """What it is called in the inventory."""
        ...

    @property
    def hostname(self) -> str:
        """What it is called in scripts, as the variable HOSTNAME."""
        ...

    def prepare(self, script: "Script") -> Launch:
        """Make a script ready to be started. Blocks: call it in a thread."""
        ...

    def prepare_file(self, order: "FileOrder") -> Launch:
        """Make a file ready to be moved, here or from here."""
        ...
