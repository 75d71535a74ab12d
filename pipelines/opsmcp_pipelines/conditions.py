"""The conditions of steps, `when` and `allowfailure`, as their authors mean them.

The words are those of Ops (pkg/utils/logic.go): `==` and `!=` (no case), `>`, `<`, `>=`, `<=`,
`true`, `false`, `startwith(a, b)`, `endwith(a, b)`, `not`; `!`, `&&` and `||` besides. The
template is read first and values are put in afterwards, so that no value can change the condition.
Nothing that cannot be read is taken for false: it is an error, and what is wrong whatever the
values are is found before a run (`foresee`). `allowfailure` takes no values, as on Ops.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from types import MappingProxyType

from opsmcp_pipelines.shell.references import find_references

__all__ = ["ConditionError", "Foresight", "evaluate", "foresee", "is_number", "may_fail"]

_MAX_TOKENS = 200
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<operator>==|!=|>=|=>|<=|=<|>|<|&&|\|\||!|\(|\)|,)
      | (?P<quoted>"[^"]*"|'[^']*')
      | (?P<word>(?:\$\{[^}]*\}|[^\s=!<>&|(),"'$]|\$(?!\{)|[&|](?![&|])|=(?![=><]))+)
    )""",
    re.VERBOSE,
)
# What nobody declared has no value, as in Ops.
_UNKNOWN = re.compile(r"\$\{[^}]*\}")
_TRUTHS: Mapping[str, bool] = MappingProxyType(
    {
        **dict.fromkeys(("true", "1", "yes"), True),
        **dict.fromkeys(("false", "0", "no", ""), False),
    }
)
_TEXT_TESTS: Mapping[str, Callable[[str, str], bool]] = MappingProxyType(
    {
        "startwith": str.startswith,
        "endwith": str.endswith,
    }
)
_NUMBER_TESTS: Mapping[str, Callable[[float, float], bool]] = MappingProxyType(
    {
        ">": lambda left, right: left > right,
        "<": lambda left, right: left < right,
        ">=": lambda left, right: left >= right,
        "=>": lambda left, right: left >= right,
        "<=": lambda left, right: left <= right,
        "=<": lambda left, right: left <= right,
    }
)


_OPEN = "\0"
"""Stands for a value that only the run knows."""

_NUMERIC = re.compile(r"[\d.eE+-]*")
_REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        r"=~": "there is no '=~': use startwith(a, b) or endwith(a, b), or test it in the script",
        r"===": "write '=='",
        r"(?<![=!<>])=(?![=<>~])": "write '==' for '='",
        r"\s-(?:eq|ne|gt|ge|lt|le)\s": "write ==, !=, >, >=, < or <= as signs",
        r"(?i)\s(?:and|or)\s": "join with && or ||",
    }
)
_NO_NUMBER = "the condition compares something that is not a number"
_WORDS_THERE_ARE = "it can compare by ==, !=, >, >=, <, <=, startwith(a, b) or endwith(a, b)"


class ConditionError(Exception):
    """A condition that cannot be decided; the message says why."""


@dataclass(frozen=True, slots=True)
class _Token:
    operator: bool
    text: str


@dataclass(frozen=True, slots=True)
class Foresight:
    """What can be known of a condition before a run.

    Attributes:
        fault: Why no run can decide it, with what to write instead; empty where one can.
        numbers: The variables that must hold numbers, or no run can decide it.
        unknown: What it names and nobody declares, which is empty.
    """

    fault: str = ""
    numbers: frozenset[str] = frozenset()
    unknown: tuple[str, ...] = ()


def evaluate(expression: str, values: Mapping[str, str]) -> bool:
    """Whether the condition holds.

    Raises:
        ConditionError: It cannot be read, or compares what cannot be compared.
    """
    return _decide(_Reader(_tokens(expression), values))


def may_fail(expression: str) -> bool:
    """Whether a step of that `allowfailure` may fail; an empty one says no.

    Raises:
        ConditionError: It cannot be read, or names a value.
    """
    if "${" in expression:
        raise ConditionError("no value is filled in there: write true or false")
    return bool(expression.strip()) and evaluate(expression, {})


def foresee(expression: str, known: Mapping[str, str | None]) -> Foresight:
    """What can be said of a `when`, whatever the run brings.

    Args:
        expression: The condition as it is written.
        known: Every name that has a value, with that value, or None where only the run knows it.
    """
    named = dict.fromkeys(found[2:-1] for found in _UNKNOWN.findall(expression))
    unknown = tuple(name for name in named if name not in known)
    open_names = frozenset(name for name, value in known.items() if value is None)
    values = {name: value or "" for name, value in known.items()}
    try:
        reader = _Reader(_tokens(expression), values, open_names)
        _decide(reader)
    except ConditionError as error:
        return Foresight(f"{error}{_remedy(expression, error)}", unknown=unknown)
    return Foresight("", frozenset(reader.numbers), unknown)


def is_number(text: str) -> bool:
    """Whether a condition can compare it as a number."""
    try:
        return isfinite(float(text))
    except ValueError:
        return False


def _remedy(expression: str, error: ConditionError) -> str:
    found = next((said for sign, said in _REMEDIES.items() if re.search(sign, expression)), "")
    return f" ({found or _WORDS_THERE_ARE})" if found or error.args != (_NO_NUMBER,) else ""


def _decide(reader: "_Reader") -> bool:
    result = reader.any_of()
    if not reader.at_end:
        raise ConditionError("the condition has something left over at its end")
    return result


def _tokens(expression: str) -> list[_Token]:
    tokens: list[_Token] = []
    at, text = 0, expression.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or len(tokens) >= _MAX_TOKENS:
            raise ConditionError("the condition cannot be read")
        tokens.append(_Token(match["operator"] is not None, match[0].strip()))
        at = match.end()
    return tokens


class _Reader:
    """Reads and decides a condition from left to right: `||` binds least, then `&&`, then `!`."""

    def __init__(
        self,
        tokens: Sequence[_Token],
        values: Mapping[str, str],
        open_names: frozenset[str] = frozenset(),
    ) -> None:
        """Read nothing yet. Of what is open, only what no value could mend is an error."""
        self._tokens = tokens
        self._values = values
        self._open = open_names
        self._at = 0
        self._filled: list[str] = []
        self.numbers: set[str] = set()

    @property
    def at_end(self) -> bool:
        return self._at >= len(self._tokens)

    def any_of(self) -> bool:
        result = self._all_of()
        while self._take("||"):
            result = self._all_of() or result
        return result

    def _all_of(self) -> bool:
        result = self._negation()
        while self._take("&&"):
            result = self._negation() and result
        return result

    def _negation(self) -> bool:
        negative = False
        while self._take("!") or self._take_word("not"):
            negative = not negative
        return self._comparison() is not negative

    def _comparison(self) -> bool:
        if self._take("("):
            result = self.any_of()
            self._expect(")")
            return result
        if (name := self._peek()) in _TEXT_TESTS and self._peek(1) == "(":
            return self._text_test(name)
        left = self._operand()
        operator = self._peek()
        if operator in ("==", "!="):
            self._at += 1
            return (left.lower() == self._operand().lower()) is (operator == "==")
        if operator in _NUMBER_TESTS:
            number = self._number(left)
            self._at += 1
            return _NUMBER_TESTS[operator](number, self._number(self._operand()))
        return self._truth(left)

    def _text_test(self, name: str) -> bool:
        self._at += 2
        text = self._operand()
        self._expect(",")
        part = self._operand()
        self._expect(")")
        return _TEXT_TESTS[name](text, part)

    def _operand(self) -> str:
        """The words up to the next operator; quotes are optional."""
        words, first = list[str](), self._peek()
        self._filled = []
        while not self.at_end and not self._tokens[self._at].operator:
            words.append(self._fill(self._tokens[self._at].text))
            self._at += 1
        if not words:
            raise ConditionError("the condition lacks a value on one side")
        if first.startswith("="):
            raise ConditionError("the condition has an '=' too many")
        return " ".join(words).strip()

    def _fill(self, word: str) -> str:
        if word[0] in "'\"":
            word = word[1:-1]
        result, done = "", 0
        for found in find_references(word, self._values):
            is_open = found.name in self._open
            value = _OPEN if is_open else self._values[found.name]
            result += _UNKNOWN.sub("", word[done : found.start]) + value
            self._filled += [found.name] if is_open else []
            done = found.end
        return _unquote(result + _UNKNOWN.sub("", word[done:]))

    def _number(self, text: str) -> float:
        """The operand just read, as a number."""
        if self._filled and _NUMERIC.fullmatch(text.replace(_OPEN, "")):
            self.numbers |= {name for name in self._filled if text == _OPEN}
            return 0.0
        return _number(text)

    def _truth(self, text: str) -> bool:
        """The operand just read, as true or false."""
        if self._filled:
            # What is open side by side is one: a pattern with many `.*` could take for ever.
            parts = ".*".join(map(re.escape, re.split(f"{_OPEN}+", text.lower())))
            if any(re.fullmatch(parts, truth) for truth in _TRUTHS):
                return False
        return _truth(text)

    def _peek(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at].text if at < len(self._tokens) else ""

    def _take(self, operator: str) -> bool:
        if self.at_end or self._tokens[self._at] != _Token(operator=True, text=operator):
            return False
        self._at += 1
        return True

    def _take_word(self, word: str) -> bool:
        following = self._peek(1)
        if self._peek() != word or not (following in _TEXT_TESTS or following == "("):
            return False
        self._at += 1
        return True

    def _expect(self, operator: str) -> None:
        if not self._take(operator):
            raise ConditionError(f"the condition lacks a {operator!r}")


def _unquote(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text


def _number(text: str) -> float:
    if not is_number(text):
        raise ConditionError(_NO_NUMBER)
    return float(text)


def _truth(text: str) -> bool:
    if text.lower() not in _TRUTHS:
        raise ConditionError("the condition is neither true nor false")
    return _TRUTHS[text.lower()]
