"""What is known of a script or a command, and a word of a command line. Frozen data."""

from dataclasses import dataclass
from enum import IntEnum

__all__ = ["VALUE", "Evidence", "Proof", "SeenToChange", "Unknown", "Unseen", "Word", "shown"]

VALUE = "\0"
"""Stands in a word for what the shell puts there at the run."""


class Proof(IntEnum):
    """How far it is known that nothing is changed, the weakest first."""

    NONE = 0
    UNSEEN = 1
    """No change can be seen; a program runs that nobody knows."""
    ASKS = 2
    """Nothing is changed here; another service is asked, which could do more than answer."""
    READS = 3


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a script shows; `unknown` names what is not known to read, if anything."""

    proof: Proof
    unknown: str = ""


class Unknown(Exception):
    """Something that is not known to read; the message names it."""


class SeenToChange(Unknown):
    """A command that plainly changes something, whoever says that it does not."""


class Unseen(Unknown):
    """A program that nobody knows; nothing in its call says that it changes something."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a command line as the shell would have it, with `VALUE` for what is filled in."""

    text: str
    braced: bool = False
    """Whether the shell makes several words of it, such as `{a,b}`."""

    @property
    def begins_open(self) -> bool:
        """Whether its first characters are known only at the run."""
        return self.text.startswith(VALUE)


def shown(text: str) -> str:
    """A text for people, with a sign for what is filled in."""
    return text.replace(VALUE, "$…")
