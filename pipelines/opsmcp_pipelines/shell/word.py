"""A word of a command line, and what could happen to a value that stands in it. Pure."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

__all__ = ["Danger", "Finding", "NodeT", "Word"]

NodeT = TypeVar("NodeT")


class Danger(Enum):
    """What would happen to a value."""

    CODE = "run"
    NUMBER = "arithmetic"
    PROGRAM = "part of a program"
    COMMAND = "part of a program or of an option in which each letter is a command"
    WORD = "given to a program that runs what it is given"
    OPTION = "an argument of a program that an option could make run something"
    PARTS = "such an argument, after the shell may have split the value"
    SPLIT = "in front of a command, where a second word would be run"
    CUT = "such an argument, after its beginning may have been cut off"

    @property
    def in_program(self) -> bool:
        """Whether the shell expands the text once, and another program then reads it."""
        return self in (Danger.PROGRAM, Danger.COMMAND, Danger.WORD)

    @property
    def by_name(self) -> bool:
        """Whether variables are read there without a dollar sign."""
        return self in (Danger.NUMBER, Danger.WORD)


@dataclass(frozen=True, slots=True)
class Word(Generic[NodeT]):
    """A word of a command line: its text without quotes around it, and where it stands."""

    text: str
    node: NodeT

    @property
    def name(self) -> str:
        """As the name of a program, without its folder."""
        return re.sub(r"[\\'\"]", "", self.text).rpartition("/")[2]

    @property
    def expands(self) -> bool:
        """Whether the shell puts something else in a part of it."""
        return re.search(r"[$`]", self.text) is not None


Finding = tuple[str, Danger, Word[NodeT]]
"""Where, what would happen, and to which word."""
