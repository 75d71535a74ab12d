"""The conditions of steps, `when` and `allowfailure`, as their authors mean them.

The words are those of Ops (pkg/utils/logic.go): `==` and `!=` (no case), `>`, `<`, `>=`, `<=`,
`true`, `false`, `startwith(a, b)`, `endwith(a, b)`, `not`; `!`, `&&` and `||` besides. The
template is read first and values are put in afterwards, so that no value can change the condition.
Nothing that cannot be read is taken for false: it is an error.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from types import MappingProxyType

from opsmcp_pipelines.shell.references import find_references

__all__ = ["ConditionError", "evaluate"]

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


class ConditionError(Exception):
    """A condition that cannot be decided; the message says why."""


@dataclass(frozen=True, slots=True)
class _Token:
    operator: bool
    text: str


def evaluate(expression: str, values: Mapping[str, str]) -> bool:
    """Whether the condition holds.

    Raises:
        ConditionError: It cannot be read, or compares what cannot be compared.
    """
    reader = _Reader(_tokens(expression), values)
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

    def __init__(self, tokens: Sequence[_Token], values: Mapping[str, str]) -> None:
        self._tokens = tokens
        self._values = values
        self._at = 0

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
            self._at += 1
            return _NUMBER_TESTS[operator](_number(left), _number(self._operand()))
        return _truth(left)

    def _text_test(self, name: str) -> bool:
        self._at += 2
        text = self._operand()
        self._expect(",")
        part = self._operand()
        self._expect(")")
        return _TEXT_TESTS[name](text, part)

    def _operand(self) -> str:
        """The words up to the next operator; quotes are optional."""
        words: list[str] = []
        while not self.at_end and not self._tokens[self._at].operator:
            words.append(self._fill(self._tokens[self._at].text))
            self._at += 1
        if not words:
            raise ConditionError("the condition lacks a value on one side")
        return " ".join(words).strip()

    def _fill(self, word: str) -> str:
        if word[0] in "'\"":
            word = word[1:-1]
        result, done = "", 0
        for found in find_references(word, self._values):
            result += _UNKNOWN.sub("", word[done : found.start]) + self._values[found.name]
            done = found.end
        return _unquote(result + _UNKNOWN.sub("", word[done:]))

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
    try:
        number = float(text)
    except ValueError:
        number = nan
    if not isfinite(number):
        raise ConditionError("the condition compares something that is not a number")
    return number


def _truth(text: str) -> bool:
    if text.lower() not in _TRUTHS:
        raise ConditionError("the condition is neither true nor false")
    return _TRUTHS[text.lower()]
