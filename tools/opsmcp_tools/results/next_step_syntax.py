"""Ways: how whoever reads a result gets at more: by calls of tools, or by commands in a terminal.

Only what stands in the words of a result; that the tools and the commands are there is up to those
who use it.
"""

import shlex
from collections.abc import Sequence

from opsmcp_tools.phrases import result as words
from opsmcp_tools.phrases.phrase import Said
from opsmcp_tools.safe_text.cleaning import label

__all__ = ["CALLS", "COMMANDS", "Ways"]


class Ways:
    """The ways of a client of the tools."""

    def output(self, run: str, **where: str) -> str:
        """To the output of a run, or of one task, node and step of it."""
        return " ".join(["get_run_output", f"run={run}", *_given(where)])

    def wait(self, run: str) -> Said:
        """To the end of a run."""
        return words.WAIT(f"get_run run={run} wait_seconds=30")

    def call(self, tool: str, arguments: Sequence[str] = ()) -> str:
        """To a call; `arguments` are of the form `name=value`."""
        return " ".join([tool, *arguments])

    def new_run(self) -> Said:
        """To a run of its own for a call that was made before."""
        return words.WITH_ANOTHER_KEY()


class _Commands(Ways):
    """The ways of somebody in a terminal."""

    def output(self, run: str, **where: str) -> str:
        return f"opsmcp runs {run} --output"

    def wait(self, run: str) -> Said:
        return words.LOOK_AGAIN(f"opsmcp runs {run}")

    def call(self, tool: str, arguments: Sequence[str] = ()) -> str:
        return shlex.join(["opsmcp", "call", tool, *arguments])

    def new_run(self) -> Said:
        return words.WITH_NEW()


CALLS: Ways = Ways()
COMMANDS: Ways = _Commands()


def _given(values: dict[str, str]) -> list[str]:
    return [f"{name}={label(value)}" for name, value in values.items()]
