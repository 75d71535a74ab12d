"""What came of a call, clean and bounded, whatever the server sent. Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import mcp_types as types

from opsmcp_pipelines.run import Verdict
from opsmcp_tools.results.output_schema import REFUSED, WAITING
from opsmcp_tools.safe_text.cleaning import clean, head_and_tail

__all__ = ["Outcome", "list_of", "object_of", "read_outcome", "text_of"]

_LONGEST_TEXT = 40_000
_RUN = re.compile(r"[rq]-[a-z0-9]{4,40}")
_VERDICTS = frozenset({*map(str, Verdict), WAITING, REFUSED})


def object_of(value: object) -> dict[str, Any]:
    """The value if it is a JSON object, else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def list_of(value: object) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def text_of(value: object) -> str:
    """The value if it is a text, else an empty one."""
    return value if isinstance(value, str) else ""


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

    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The typed half of the answer, as it came."""

    @property
    def goes_on(self) -> bool:
        """Whether its run has not ended, or waits for somebody's approval."""
        return self.verdict in ("running", WAITING)

    @property
    def good(self) -> bool:
        """Whether it did what it should; a run that goes on has not."""
        return not self.is_error and not self.goes_on


def read_outcome(result: types.CallToolResult, *, is_ours: bool) -> Outcome:
    """The outcome in the result of a server, which is ours or a stranger's.

    A handle or a verdict that opsmcp would not give is none: both stand in sentences of our own.
    """
    data = object_of(result.structured_content)
    texts = [part.text for part in result.content if isinstance(part, types.TextContent)]
    text = "\n".join(texts) or (json.dumps(data, ensure_ascii=False) if data else "")
    run, verdict = text_of(data.get("run")), text_of(data.get("verdict"))
    return Outcome(
        text=head_and_tail(clean(text[: 8 * _LONGEST_TEXT]), _LONGEST_TEXT),
        is_error=bool(result.is_error),
        run=run if _RUN.fullmatch(run) else "",
        verdict=verdict if verdict in _VERDICTS else "",
        is_ours=is_ours,
        data=data,
    )
