"""How whoever reads a result gets at more: by calls of tools, or by commands in a terminal.

Only what stands in the words of a result; that the tools and the commands are there is up to those
who use it.
"""

import shlex
from collections.abc import Sequence

from opsmcp_tools.phrases import result as words
from opsmcp_tools.phrases.phrase import Said
from opsmcp_tools.phrases.tool_names import GET_RUN, GET_RUN_OUTPUT
from opsmcp_tools.safe_text.cleaning import label

__all__ = ["CALLS", "CommandSyntax", "NextStepSyntax"]


class NextStepSyntax:
    """Calls of tools, as a client makes them."""

    def output(self, run: str, **where: str) -> str:
        """To the output of a run, or of one task, node and step of it."""
        return " ".join([GET_RUN_OUTPUT, f"run={run}", *_given(where)])

    def wait(self, run: str) -> Said:
        """To the end of a run."""
        return words.WAIT(f"{GET_RUN} run={run} wait_seconds=30")

    def call(self, tool: str, arguments: Sequence[str] = ()) -> str:
        """To a call; `arguments` are of the form `name=value`."""
        return " ".join([tool, *arguments])

    def new_run(self) -> Said:
        """To a run of its own for a call that was made before."""
        return words.WITH_ANOTHER_KEY()


class CommandSyntax(NextStepSyntax):
    """Commands in a terminal; `options` are those that every command needs there."""

    def __init__(self, options: Sequence[str] = ()) -> None:
        """Keep the options."""
        self._options = options

    def output(self, run: str, **where: str) -> str:
        """To the output of a run, with all of its steps."""
        return self._command("runs", run, "--output")

    def wait(self, run: str) -> Said:
        """To how a run stands then."""
        return words.LOOK_AGAIN(self._command("runs", run))

    def call(self, tool: str, arguments: Sequence[str] = ()) -> str:
        """To a call; `arguments` are of the form `name=value`."""
        return self._command("call", tool, *arguments)

    def new_run(self) -> Said:
        """To a run of its own: an option of the same command."""
        return words.WITH_NEW()

    def _command(self, *words: str) -> str:
        return shlex.join(["opsmcp", *words, *self._options])


CALLS: NextStepSyntax = NextStepSyntax()


def _given(values: dict[str, str]) -> list[str]:
    return [f"{name}={shlex.quote(label(value))}" for name, value in values.items()]
