"""What can go wrong between a call and a run, grouped by what the caller can do about it.

* ToolError                    each becomes a tool result that says what to change
    * InvalidArguments         repair the arguments; lists every problem at once
    * NotAllowed               policy refuses; no argument changes that
    * ConsentNeeded            a person has to agree first
    * PlanChanged              it would not do what was agreed to; plan or ask again
    * UnknownTool              no tool of that name; names the nearest
    * ToolGone                 the tool is withheld, or its source has it no more
    * UnknownRun               no run of that handle for this principal
    * UnknownCursor            no cursor that came with a list of runs
    * ToolUnavailable          the catalogue is not there yet, or the source cannot start a run
        * RunsUnreadable       what was run cannot be looked up now
    * RunOutcomeUnknown        a start was sent and its outcome could not be found out
* UnusableOperation            an operation cannot become a tool: it is withheld, with this reason
* JournalUnusable              the record of runs cannot be read or written: nothing may be started
    * JournalHindered          that can pass by itself: a full disk, say
        * JournalBusy          another process writes it at the moment
* ApprovalsUnusable            what was approved cannot be read or written: nothing is approved
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from opsmcp_tools.phrases import argument as words
from opsmcp_tools.phrases.phrase import Language
from opsmcp_tools.phrases.tool_names import LIST_RUNS
from opsmcp_tools.safe_text.characters import quote

__all__ = [
    "ApprovalsUnusable",
    "ArgumentProblem",
    "ConsentNeeded",
    "InvalidArguments",
    "JournalBusy",
    "JournalHindered",
    "JournalUnusable",
    "TerminalHint",
    "NotAllowed",
    "PlanChanged",
    "RunOutcomeUnknown",
    "RunsUnreadable",
    "ToolError",
    "ToolGone",
    "ToolUnavailable",
    "UnknownCursor",
    "UnknownRun",
    "UnknownTool",
    "UnusableOperation",
]


@dataclass(frozen=True, slots=True)
class TerminalHint:
    """A command without arguments that shows somebody in a terminal more, and what it does."""

    command: str
    does: str


class ToolError(Exception):
    """A call that did not become a run, with a message for whoever called.

    Attributes:
        in_terminal: The same for somebody who has commands instead of tools.
        look: The command that helps further there.
        is_audited: Whether the audit trail has it.
    """

    in_terminal: str
    look: TerminalHint | None
    is_audited: bool = False

    def __init__(
        self, message: str, in_terminal: str = "", look: TerminalHint | None = None
    ) -> None:
        """Say what to do; in a terminal the same, unless it says otherwise."""
        super().__init__(message)
        self.in_terminal = in_terminal or message
        self.look = look

    def to_terminal(self, options: Sequence[str]) -> str:
        """All of it for a terminal; `options` are those that every command needs there."""
        if self.look is None:
            return self.in_terminal
        command = shlex.join(["opsmcp", self.look.command, *options])
        return f"{self.in_terminal} `{command}` {self.look.does}"


@dataclass(frozen=True, slots=True)
class ArgumentProblem:
    """One thing wrong with one argument: a sentence that says what is allowed.

    `reason` is what is wrong in one word: `value`, `missing`, `undeclared`, or `size`.
    """

    argument: str
    message: str
    reason: str = "value"


class InvalidArguments(ToolError):
    """The arguments do not fit.

    Attributes:
        problems: Every problem, in the order of the arguments.
        corrected: Arguments that would be accepted and can only have been meant, or None.
    """

    def __init__(
        self,
        tool: str,
        problems: Sequence[ArgumentProblem],
        corrected: Mapping[str, str] | None = None,
        language: Language = "en",
    ) -> None:
        """List all problems in one message."""
        self.tool = tool
        self.problems = tuple(problems)
        self.corrected = corrected
        lines = [f"- {problem.argument}: {problem.message}" for problem in self.problems]
        if corrected is not None:
            call = json.dumps(dict(corrected), ensure_ascii=False)
            lines.append(words.MEANT(call).to(language))
        super().__init__("\n".join([words.NOT_STARTED(tool).to(language), *lines]))


class NotAllowed(ToolError):
    """Policy does not allow it.

    Attributes:
        rule: The rule that says so, as far as it is known.
    """

    def __init__(self, message: str, in_terminal: str = "", *, rule: str = "") -> None:
        """Say why; in a terminal the same, unless it says otherwise."""
        super().__init__(message, in_terminal)
        self.rule = rule


class ConsentNeeded(ToolError):
    """A person has to agree before it is started, and nobody could be asked or agreed."""


class PlanChanged(ToolError):
    """A call would not do what somebody planned or agreed to."""


class UnknownTool(ToolError):
    """There is no tool of that name for this principal."""

    def __init__(self, message: str) -> None:
        """Say which there may be; in a terminal also how they are listed."""
        super().__init__(message, look=TerminalHint("tools", "lists those that there are."))


class ToolGone(ToolError):
    """The tool is known, and cannot be called: it is withheld, or its source has it no more."""


class UnknownRun(ToolError):
    """There is no run of that handle for this principal."""

    def __init__(self, run: str) -> None:
        """Say how to find those that there are."""
        none = f"there is no run {quote(run, 40)}"
        super().__init__(
            f"{none}; {LIST_RUNS} names the recent ones",
            f"{none};",
            TerminalHint("runs", "lists the recent ones"),
        )


class UnknownCursor(ToolError):
    """It is none that came with a list of runs."""


class ToolUnavailable(ToolError):
    """Nothing can be started at the moment."""


class RunOutcomeUnknown(ToolError):
    """A start was sent, and whether it made a run could not be found out."""


class RunsUnreadable(ToolUnavailable):
    """Runs cannot be looked up now; says why."""


class JournalUnusable(Exception):
    """The journal cannot be opened, read or written. The message is safe to show."""


class JournalHindered(JournalUnusable):
    """What is in the way can pass while opsmcp runs; of any other, somebody has to be told."""


class JournalBusy(JournalHindered):
    """Somebody else writes the journal, and did not let go of it for seconds."""


class ApprovalsUnusable(Exception):
    """The approvals cannot be read or written. The message is safe to show."""


class UnusableOperation(Exception):
    """An operation cannot become a tool; the message is the reason that `withheld` shows."""
