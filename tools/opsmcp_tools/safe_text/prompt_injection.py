"""Output that imitates instructions or tool calls: found, so that it can be said. Pure.

A hint for whoever reads, no protection: what protects is that output is data and never decides.
"""

from functools import cache
from typing import TYPE_CHECKING

import re2

if TYPE_CHECKING:
    from re2 import Regexp

__all__ = ["imitates_instructions"]

_LONGEST = 64 * 1024
_SIGNS = (
    r"(?:ignore|disregard|forget|override)\s+(?:all\s+|any\s+|the\s+|your\s+|these\s+|of\s+){0,4}"
    r"(?:previous|prior|above|earlier|preceding|system|original)"
    r"(?:\s+(?:instructions?|prompts?|rules|messages?|context|commands?)|[.!,])",
    r"you\s+are\s+now\s+(?:a|an|in|the)\s",
    r"\b(?:new|updated)\s+(?:system\s+)?instructions?\s*:",
    r"\bsystem\s+prompt\b",
    r"do\s+not\s+(?:tell|inform|mention\s+(?:this\s+)?to)\s+the\s+(?:user|person|operator)",
    r"\b(?:assistant|ai|llm|language\s+model|agent|you)\b[^\n]{0,20}\b(?:must|should|need\s+to|have\s+to)"
    r"\s+(?:now\s+|immediately\s+|first\s+){0,2}(?:call|invoke|execute|use\s+the\s+tool)\b",
    r"</?(?:tool_call|tool_use|tool_result|function_calls?|invoke|system|assistant)\b",
    r"<\|(?:im_start|im_end|system|user|assistant|endoftext)\|>|\[/?INST\]",
    r"\"(?:tool_calls|function_call|tool_use)\"\s*:",
    r"\"name\"\s*:\s*\"[\w.-]{1,80}\"\s*,\s*\"(?:arguments|input|parameters)\"\s*:\s*[{\"]",
    r"\b(?:call|use|invoke|run)\s+the\s+[\w-]+\s+tool\b",
    r"(?m:^\s*(?:assistant|human)\s*:\s)",
    # A line `system: Linux` is a label like any other.
    r"(?m:^\s*system\s*:\s*(?:you|ignore|new|from\s+now|important|the\s+assistant)\b)",
    r"(?m:^--- (?:end|output|scripts|generated|input)\b.{0,40} [0-9a-f]{8}\b)",
    r"忽略(?:之前|以上|上面|先前|所有)[^\n]{0,12}(?:指令|指示|说明|提示)",
)


@cache
def _pattern() -> "Regexp":
    return re2.compile("(?i)" + "|".join(f"(?:{sign})" for sign in _SIGNS))


def imitates_instructions(text: str) -> bool:
    """Whether the end of a text, as much as could be shown, reads like words to a model."""
    near = text[-_LONGEST:]
    try:
        return _pattern().search(near) is not None
    except UnicodeEncodeError:
        return _pattern().search(near.encode("utf-8", "replace").decode()) is not None
