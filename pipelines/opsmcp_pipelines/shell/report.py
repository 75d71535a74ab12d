"""What an analysis collects, and what it may cost: findings, narrowings, nested texts. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from opsmcp_pipelines.kinds.narrow import Need, narrowed
from opsmcp_pipelines.shell.values import Finding, Rule, Value

__all__ = ["MOST_BYTES", "Report", "TooMuch", "over"]

MOST_BYTES = 64 * 1024
_MOST_PLACES = 256
_MOST_TEXTS = 64
_MOST_LINES = 6_000
_AS_RESULT = "make it a result of a kind (opsmcp/kind.RESULT"


class TooMuch(Exception):
    """A script costs more than its analysis may; the message says what and how much."""


@dataclass
class Report:
    """The findings of one script and all texts nested in it.

    `values` are by the name of the environment variable that holds them, `names` are the
    references as the author wrote them, `pasted` is whether the source puts their text there.
    """

    values: Mapping[str, Value]
    names: Mapping[str, str]
    pasted: bool = False
    findings: dict[tuple[str, Rule], Finding] = field(
        default_factory=dict[tuple[str, Rule], Finding]
    )
    needs: dict[str, set[Need]] = field(default_factory=dict[str, set[Need]])
    beginnings: set[str] = field(default_factory=set[str])
    _bytes: int = 0
    _texts: int = 0
    _lines: int = 0

    def spend(self, size: int, *, nested: bool = False) -> None:
        """Count a script or a nested text.

        Raises:
            TooMuch: That is more than all of them together may have.
        """
        self._bytes += size
        self._texts += nested
        over(self._bytes, MOST_BYTES, "bytes")
        over(self._texts, _MOST_TEXTS, "nested scripts")
        over(len(self.values), _MOST_PLACES, "values")

    def spend_line(self) -> None:
        """Count one more command line, of which an expansion can make several.

        Raises:
            TooMuch: There are too many.
        """
        self._lines += 1
        over(self._lines, _MOST_LINES, "command lines")

    def refuse(
        self, rule: Rule, values: Iterable[str], line: int, reason: str, remedy: str = ""
    ) -> None:
        """Note that the values may not stand there; `{}` in a text is the reference."""
        for value in sorted(values):
            known = self.values[value]
            if known.is_author or (known.is_text and not known.vouched and not rule.runs):
                continue  # Of text says `text_places` where it may stand.
            if known.vouched and rule in (Rule.OPTION, Rule.PROGRAM):
                continue
            self.add(rule, value, line, reason, remedy)

    def vouched(self, values: Iterable[str]) -> set[str]:
        """Of these values the texts that an author answers for."""
        return {v for v in values if self.values[v].vouched and self.values[v].is_text}

    def read_as_code(self, values: Iterable[str], line: int, reader: str) -> None:
        """Refuse text that is part of what others read as code; no label lifts that."""
        reason = f'"{{}}" may be any text, and it is read as code by {reader}'
        remedy = "Hand it over as an argument or in a variable of its own"
        self.refuse(Rule.COMMAND, self.vouched(values), line, reason, remedy)

    def add(self, rule: Rule, value: str, line: int, reason: str, remedy: str = "") -> None:
        """Note a finding about one value, or about the whole script."""
        name = self.names.get(value, "")
        texts = (_said(text, name) for text in (reason, remedy))
        self.findings.setdefault((name, rule), Finding(rule, name, line, *texts))

    def demand(
        self, need: Need, values: Iterable[str], line: int, rule: Rule, *, reason: str, remedy: str
    ) -> None:
        """Note what a place takes: a kind that was only guessed gives way, another is refused."""
        for value in sorted(values):
            known = self.values[value]
            if known.is_author:
                continue
            fitting = None if known.is_text else narrowed(known.kind, need)
            if fitting is None:
                self.refuse(rule, [value], line, reason, remedy)
            elif fitting != known.kind:
                self.needs.setdefault(self.names[value], set()).add(need)

    def number(
        self,
        values: Iterable[str],
        line: int,
        where: str,
        rule: Rule = Rule.NUMBER,
        need: Need = Need.NUMBER,
    ) -> None:
        """Note that only a number may stand there."""
        reason = f'"{{}}" stands {where}, where only a number may'
        remedy = "If it is one, say so: opsmcp/kind.{name}: count"
        self.demand(need, values, line, rule, reason=reason, remedy=remedy)

    def unquoted(self, values: Iterable[str], line: int) -> None:
        """Note values that a shell reads without quotes around them."""
        reason = '"{}" stands without quotes in a text that a shell reads'
        remedy = "Put quotes around it within that text"
        self.demand(Need.UNQUOTED, values, line, Rule.SHELL, reason=reason, remedy=remedy)


def _said(text: str, name: str) -> str:
    """The text with the reference in it, and the name that labels call it by."""
    text = text.replace("{}", f"${{{name}}}" if name else "what only the run knows")
    if name in ("output", "result") or name.endswith(".output"):
        text = text.replace("give it a kind (opsmcp/kind.{name}", _AS_RESULT)
        return text.replace("{name}", "output")
    return text.replace("{name}", name)


def over(count: int, most: int, what: str) -> None:
    """Check a limit.

    Raises:
        TooMuch: It is passed.
    """
    if count > most:
        raise TooMuch(f"too long to check: {count:,} {what} of {most:,}; split the step")
