"""The beginning and the end of a result, for the screen; the rest is one command away. Pure.

What a bar marks is output of strangers: it cannot pass for what opsmcp says.
"""

from itertools import takewhile

from opsmcp_server.copilot.base.outcome import Outcome
from opsmcp_server.copilot.base.words import Words
from opsmcp_server.process.output_bar import BAR
from opsmcp_tools.safe_text.cleaning import clean, unfenced

__all__ = ["WIDEST_LINE", "barred", "fold"]

WIDEST_LINE = 500
"""Characters of a line that are shown."""

_FOLDED_LINES = 8
_CLOSING_LINES = 4
"""At the end of a run's result opsmcp says what to do next."""

_TAB = 8


def barred(text: str) -> str:
    """The text of a stranger, clean, behind a bar."""
    return "\n".join(f"{BAR}{line}" for line in clean(text).splitlines())


def fold(outcome: Outcome, words: Words) -> list[str]:
    """The lines of a result that are shown, with their columns, and how to see the rest."""
    lines = [line for line in unfenced(clean(outcome.text)) if line[0].strip()]
    begin, rest = lines[:_FOLDED_LINES], lines[_FOLDED_LINES:]
    end = _closing(rest) if outcome.run else []
    shown = [_line(outcome, *line) for line in begin]
    left = len(rest) - len(end)
    if left:
        key = "folded-run" if outcome.run else "folded"
        shown.append(words(key, lines=left, run=outcome.run))
    return shown + [_line(outcome, *line) for line in end]


def _closing(lines: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """What stands at the end and is no output."""
    backwards = reversed(lines[-_CLOSING_LINES:])
    return [*takewhile(lambda line: not line[1], backwards)][::-1]


def _line(outcome: Outcome, line: str, is_output: bool) -> str:
    bar = BAR if is_output or not outcome.is_ours else ""
    return f"{bar}{line.rstrip()}".expandtabs(_TAB)[:WIDEST_LINE]
