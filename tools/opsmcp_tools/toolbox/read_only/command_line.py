"""The options and operands of a command line, against those that are known. Pure."""

import re
from collections.abc import Mapping, Sequence

from opsmcp_tools.toolbox.read_only.evidence import Unknown, Word, shown

__all__ = ["Call", "after_options", "options_of"]


class Call:
    """The options and operands of one command line, as far as they are known."""

    def __init__(self, name: str, known: Mapping[str, str]) -> None:
        """Of the program `name`; `known` are its good options, with what follows each."""
        self._name = name
        self._known = known
        self._operands: list[str] = []
        self.options: list[tuple[str, str]] = []

    @property
    def operands(self) -> Sequence[str]:
        """What is no option and no value of one."""
        return self._operands

    @property
    def phrase(self) -> str:
        """The operands, joined by blanks; a blank within one is another character."""
        return " ".join(re.sub(r"\s", "_", operand) for operand in self._operands)

    def read(self, words: Sequence[Word]) -> None:
        """Sort the words.

        Raises:
            Unknown: An option is not known to read.
        """
        at = 0
        while at < len(words):
            text = words[at].text
            following = words[at + 1].text if at + 1 < len(words) else ""
            if text == "--":
                self._operands += [word.text for word in words[at + 1 :]]
                return
            if text.startswith("-") and text != "-":
                at += self.take(text, following)
            else:
                self._operands.append(text)
            at += 1

    def take(self, text: str, following: str) -> int:
        """Note one option, and say how many further words it takes.

        Raises:
            Unknown: It is not known to read.
        """
        option, equals, value = text.partition("=")
        wants = self._known.get(option)
        if wants is not None and (equals or len(option) > 1):
            return self._note(option, wants, value if equals else None, following)
        if "-#" in self._known and re.fullmatch(r"-\d+", text):
            return 0
        if not text.startswith("--"):
            found = self._cluster(text, following)
            if found is not None:
                return found
        if "*" in self._known and self._operands:
            return 0
        raise Unknown(f"'{shown(f'{self._name} {text}')}'")

    def _note(self, option: str, wants: str, attached: str | None, following: str) -> int:
        takes = wants.startswith("=") and attached is None
        value = following if takes else attached or ""
        allowed = wants[1:].split("|") if len(wants) > 1 else None
        if allowed is not None and value not in allowed:
            raise Unknown(f"'{shown(f'{self._name} {option} {value}')}'")
        self.options.append((option, value))
        return 1 if takes else 0

    def _cluster(self, text: str, following: str) -> int | None:
        """Letters behind one dash, of which the last may take a value; None for what is none."""
        for at in range(1, len(text)):
            option = f"-{text[at]}"
            wants = self._known.get(option)
            if wants is None:
                return None
            if wants:
                rest = text[at + 1 :]
                return self._note(option, wants, rest if rest or wants == "~" else None, following)
            self.options.append((option, ""))
        return 0


def options_of(text: str) -> dict[str, str]:
    """The options of a text such as `-n -u=`, each with what follows it."""
    return {word.rstrip("="): "=" if word.endswith("=") else "" for word in text.split()}


def after_options(words: Sequence[Word], options: Mapping[str, str], name: str) -> int:
    """Where the words behind the options begin.

    Raises:
        Unknown: An option is not known.
    """
    at, call = 0, Call(name, options)
    while at < len(words) and words[at].text.startswith("-"):
        if words[at].text == "--":
            return at + 1
        following = words[at + 1].text if at + 1 < len(words) else ""
        at += 1 + call.take(words[at].text, following)
    return at
