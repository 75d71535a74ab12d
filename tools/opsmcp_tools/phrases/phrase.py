"""Phrase: one thing that opsmcp says, in every language; and one that is filled in. Frozen data."""

from dataclasses import dataclass
from typing import Literal, TypeVar

__all__ = ["Language", "Phrase", "Said", "say"]

Language = Literal["en", "zh"]
ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class Phrase:
    """The words in each language, as `str.format` takes them; places are filled in order."""

    en: str
    zh: str

    def __call__(self, *values: object) -> "Said":
        """The phrase with its places filled; values that are `Said` themselves are said within."""
        return Said(self, values)


@dataclass(frozen=True, slots=True)
class Said:
    """A phrase and what stands in its places: known before it is known who reads it."""

    phrase: Phrase
    values: tuple[object, ...] = ()

    def to(self, language: Language) -> str:
        """As text."""
        values = [say(value, language) for value in self.values]
        template = self.phrase.zh if language == "zh" else self.phrase.en
        return template.format(*values)


def say(words: ValueT | Said, language: Language) -> ValueT | str:
    """What is said in that language; what is no phrase, such as a name, as it is."""
    return words.to(language) if isinstance(words, Said) else words
