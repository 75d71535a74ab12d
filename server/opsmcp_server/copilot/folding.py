"""The beginning of a result, for the screen; the rest is one command away. Pure."""

from opsmcp_server.copilot.outcome import Outcome
from opsmcp_server.copilot.words import Words
from opsmcp_tools.characters import clean_line
from opsmcp_tools.text import clean, unfenced

__all__ = ["WIDEST_LINE", "fold"]

WIDEST_LINE = 500
"""Characters of a line that are shown."""

_FOLDED_LINES = 8
_TAB = 8
_BAR = "│ "


def fold(outcome: Outcome, words: Words) -> list[str]:
    """The first lines of a result with their columns, and how to see the rest."""
    # What a bar marks is output of strangers: it cannot pass for what opsmcp says.
    lines = [
        f"{_BAR if is_output else ''}{line.rstrip()}"
        for line, is_output in unfenced(clean(outcome.text))
        if line.strip()
    ]
    shown = [line.expandtabs(_TAB)[:WIDEST_LINE] for line in lines[:_FOLDED_LINES]]
    left = len(lines) - len(shown)
    if left:
        key = "folded-run" if outcome.run else "folded"
        shown.append(words(key, lines=left, run=clean_line(outcome.run, 60)))
    return shown
