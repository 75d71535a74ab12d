"""References: `${name}` in a script or an expression, where `name` is a variable that is known.

Unknown names are none: they belong to the shell.
"""

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass

__all__ = [
    "NOT_FIRST",
    "PREDEFINED",
    "RefusedStep",
    "Reference",
    "asked_interpreter",
    "find_references",
    "language_of",
    "other_interpreter",
    "own_names",
    "unfold",
]

_SHELLS = frozenset({"sh", "bash", "dash", "ash"})
"""What `/bin/sh` is on one system or another, and bash."""

_BEFORE = frozenset({"env", "busybox"})
"""What stands before the name of the program that is meant."""

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


NOT_FIRST = ("-", "@", "+", "<", "|", "=", ":", "~")
"""What text must not begin with where it begins an argument, which a program could misread."""

PREDEFINED = frozenset(
    {"HOSTNAME", "NAMESPACE", "TASK", "TASKRUN", "TIME", "output", "result", "status"}
)
"""The names that every step knows, as in Ops."""


def own_names(content: str, declared: Iterable[str]) -> frozenset[str]:
    """The predefined names that a script assigns itself, so that they are the script's own."""
    return frozenset(
        name
        for name in PREDEFINED.difference(declared)
        if re.search(rf"(?<![A-Za-z0-9_$-]){name}=", content)
    )


def unfold(content: str, fixed: Mapping[str, str]) -> str:
    """The script of a step: that of a variable whose value the author fixed, if it is only that."""
    whole = content.strip()
    for reference in find_references(whole, fixed):
        if (reference.start, reference.end) == (0, len(whole)):
            return fixed[reference.name]
    return content


def other_interpreter(content: str) -> str:
    """The program that a script asks for by its `#!`, where that is none of those that run here."""
    asked = asked_interpreter(content)
    return "" if asked in _SHELLS or asked.startswith("python") else asked


def asked_interpreter(content: str) -> str:
    """The name of the program that a script asks for by its `#!`; empty where it asks for none."""
    first = content.lstrip().partition("\n")[0]
    if not first.startswith("#!"):
        return ""
    words = [word.rpartition("/")[2] for word in first[2:].split()]
    plain = (word for word in words if word not in _BEFORE and not word.startswith("-"))
    return next((word for word in plain if "=" not in word), "")


def language_of(content: str) -> str:
    """What runs a script: `sh`, `bash` or `python`, by its first line."""
    first = content.lstrip().partition("\n")[0]
    if not first.startswith("#"):
        return "sh"
    if "python" in first:
        return "python"
    return "bash" if first.startswith("#!") and "bash" in first else "sh"
