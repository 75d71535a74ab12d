"""What came of a call, clean and bounded, whatever the server sent. Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mcp_types as types

from opsmcp_pipelines.run import Verdict
from opsmcp_server.copilot.base.shape import object_of, text_of
from opsmcp_tools.safe_text.cleaning import clean, head_and_tail

__all__ = ["Outcome", "read_outcome"]

_LONGEST_TEXT = 40_000
_RUN = re.compile(r"r-[a-z0-9]{4,40}")
_VERDICTS = frozenset(map(str, Verdict))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call. `run` and `verdict` are empty when it was no run."""

    text: str
    is_error: bool = False
    run: str = ""
    verdict: str = ""
    is_ours: bool = True
    """Whether the opsmcp in this process wrote the text; what others wrote is shown as theirs."""

    changed: Mapping[str, Any] | None = None
    """The arguments of the call, when the person put them in the place of those given."""

    @property
    def goes_on(self) -> bool:
        """Whether its run has not ended."""
        return self.verdict == "running"

    @property
    def good(self) -> bool:
        """Whether it did what it should; a run that goes on has not."""
        return not self.is_error and not self.goes_on


def read_outcome(result: types.CallToolResult, *, is_ours: bool) -> Outcome:
    """The outcome in the result of a server, which is ours or a stranger's.

    A handle or a verdict that opsmcp would not give is none: both stand in sentences of our own.
    """
    structured = object_of(result.structured_content)
    texts = [part.text for part in result.content if isinstance(part, types.TextContent)]
    text = "\n".join(texts) or (json.dumps(structured, ensure_ascii=False) if structured else "")
    run, verdict = text_of(structured.get("run")), text_of(structured.get("verdict"))
    return Outcome(
        text=head_and_tail(clean(text[: 8 * _LONGEST_TEXT]), _LONGEST_TEXT),
        is_error=bool(result.is_error),
        run=run if _RUN.fullmatch(run) else "",
        verdict=verdict if verdict in _VERDICTS else "",
        is_ours=is_ours,
    )
