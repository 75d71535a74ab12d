"""References: `${name}` in a script or an expression, where `name` is a variable that is known.

Unknown names are none: they belong to the shell. Knows nothing of any language.
"""

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass

__all__ = ["RefusedStep", "Reference", "find_references"]

_REFERENCE = re.compile(r"\$\{([A-Za-z0-9_][A-Za-z0-9_./-]*)\}")


class RefusedStep(Exception):
    """A step that is not run, because a value could become code or cannot be passed.

    Attributes:
        reason: One sentence, without the step's name.
    """

    def __init__(self, reason: str) -> None:
        """Keep the reason."""
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a known variable stands; `start` and `end` count characters."""

    start: int
    end: int
    name: str


def find_references(text: str, known: Container[str]) -> Iterator[Reference]:
    """The references in `text` to the variables of `known`, in order."""
    for match in _REFERENCE.finditer(text):
        if match[1] in known:
            yield Reference(match.start(), match.end(), match[1])
