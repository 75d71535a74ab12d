"""The things that a question names, told by their form: addresses, paths, machines, pods, domains.

A name says little of what to do: `gpu-node-2` asks for nothing of a GPU. It is taken out of the
question, and what kind of thing it names is remembered. Pure.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from opsmcp_tools.search.synonyms import is_said
from opsmcp_tools.search.terms import IDEA, ideas_of, terms_in, words_in

__all__ = ["Things", "without_things"]

_REPLACED = (
    (re.compile(r"n['’]t\b"), " not "),
    (re.compile(r"\bhttps?://\S+", re.IGNORECASE), " url "),
    (re.compile(r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b"), " ip "),
    (re.compile(r"\b(?:net|vm|fs|kernel)\.[a-z_.]+\b"), " sysctl "),
    (re.compile(r"/dev/\w*|\b(?:nvme[0-9]\w*|[sv]d[a-z][0-9]?)\b"), " disk "),
    (re.compile(r"(?<![\w.:/])/(?:\w+(?:/[\w.-]+)*)?(?![\w/])"), " disk "),
    (re.compile(r"(?<!\w)(?:'[^']+'|\"[^\"]+\"|“[^”]+”|‘[^’]+’|「[^」]+」)(?!\w)"), " keyword "),
    (re.compile(r"\bk8s\b", re.IGNORECASE), " kubernetes "),
)
"""Forms, and the word that stands for what has them."""

_NUMBERED = re.compile(r"\b[a-z]+(?:-[a-z0-9]+)*-?[0-9]+\b", re.IGNORECASE)
_DOMAIN = re.compile(r"\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,12}\b", re.IGNORECASE)
_NO_DOMAIN = (".log", ".yaml", ".yml", ".json", ".sock", ".conf", ".sh", ".service", ".txt")

_OF_A_MACHINE = frozenset({"node", "host", "gpu", "npu", "cpu"})
_OF_A_DOMAIN = ("dns", "http", "certificate")
_AS_NAME = 0.4
"""What the words of a name count."""


@dataclass(frozen=True, slots=True)
class Things:
    """What is named: machines, pods, domains."""

    numbered: tuple[str, ...]
    domains: tuple[str, ...]

    def kinds(self) -> frozenset[str]:
        """The kinds of what is named; where a hyphen leaves it open, a host or a pod."""
        kinds = {"domain"} if self.domains else set[str]()
        for name in self.numbered:
            is_machine = "-" not in name or not _OF_A_MACHINE.isdisjoint(_ideas_in(name))
            kinds |= {"node", "host"} if is_machine else {"pod", "host"}
        return frozenset(kinds)

    def terms(self) -> Iterator[tuple[str, float]]:
        """What the names say, with how little it counts."""
        for name in self.numbered:
            if any(_ideas_in(name)):
                yield from ((term, _AS_NAME * weight) for term, weight in terms_in(name))
            else:
                likely, less = ("pod", "host") if "-" in name else ("node", "host")
                yield from ((IDEA + likely, _AS_NAME), (IDEA + less, _AS_NAME / 2))
        if self.domains:
            yield from ((IDEA + idea, _AS_NAME) for idea in _OF_A_DOMAIN)


def without_things(text: str) -> tuple[str, Things]:
    """A text without the names of things in it, and those."""
    for form, word in _REPLACED:
        text = form.sub(word, text)
    text, numbered = _taken_out(_NUMBERED, text)
    text, domains = _taken_out(_DOMAIN, text)
    return text, Things(numbered, domains)


def _taken_out(form: re.Pattern[str], text: str) -> tuple[str, tuple[str, ...]]:
    found: list[str] = []

    def take(match: re.Match[str]) -> str:
        name = match[0]
        if name.casefold().endswith(_NO_DOMAIN) or is_said(words_in(name)):
            return name
        found.append(name)
        return " "

    return form.sub(take, text), tuple(found)


def _ideas_in(name: str) -> Iterator[str]:
    return (idea for word in words_in(name) for idea in ideas_of(word))
