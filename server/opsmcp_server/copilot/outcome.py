"""What came of a call, clean and bounded, whatever the server sent. Pure."""

import json
from dataclasses import dataclass

import mcp_types as types

from opsmcp_server.copilot.shape import object_of, text_of
from opsmcp_tools.text import clean, head_and_tail

__all__ = ["Outcome", "read_outcome"]

_LONGEST_TEXT = 40_000
_LONGEST_RUN = 60
_LONGEST_VERDICT = 40


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call. `run` and `verdict` are empty when it was no run."""

    text: str
    is_error: bool = False
    run: str = ""
    verdict: str = ""

    @property
    def goes_on(self) -> bool:
        """Whether its run has not ended."""
        return self.verdict == "running"

    @property
    def good(self) -> bool:
        """Whether it did what it should; a run that goes on has not."""
        return not self.is_error and not self.goes_on


def read_outcome(result: types.CallToolResult) -> Outcome:
    """The outcome in a server's result."""
    structured = object_of(result.structured_content)
    texts = [part.text for part in result.content if isinstance(part, types.TextContent)]
    text = "\n".join(texts) or (json.dumps(structured, ensure_ascii=False) if structured else "")
    return Outcome(
        text=head_and_tail(clean(text[: 8 * _LONGEST_TEXT]), _LONGEST_TEXT),
        is_error=bool(result.is_error),
        run=text_of(structured.get("run"))[:_LONGEST_RUN],
        verdict=text_of(structured.get("verdict"))[:_LONGEST_VERDICT],
    )
