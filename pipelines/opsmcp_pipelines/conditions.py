"""The conditions of steps, `when` and `allowfailure`, as their authors mean them.

The words are those of Ops (pkg/utils/logic.go): `==` and `!=` (no case), `>`, `<`, `>=`, `<=`,
`true`, `false`, `startwith(a, b)`, `endwith(a, b)`, `not`; `!`, `&&` and `||` besides, of which the
right side counts only where the left one does not decide (`${x} == "" || ${x} > 5`). The template
is read first and values are put in afterwards, so that no value can change the condition.
Nothing that cannot be read is taken for false: it is an error, and what is wrong whatever the
values are is found before a run (`foresee`). `allowfailure` takes no values, as on Ops.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
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
_NO_TRUTH = "the condition is neither true nor false"
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
        risk: Why a run cannot decide it that comes to the right side of a `&&` or `||`.
        numbers: The variables that must hold numbers, or no run can decide it.
        unknown: What it names and nobody declares, which is empty.
    """

    fault: str = ""
    risk: str = ""
    numbers: frozenset[str] = frozenset()
    unknown: tuple[str, ...] = ()


def evaluate(expression: str, values: Mapping[str, str]) -> bool:
    """Whether the condition holds.

    Raises:
        ConditionError: It cannot be read, or compares what cannot be compared.
    """
    return _decide(_Reader(_tokens(expression), values)) is True


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
    return Foresight("", reader.risk, frozenset(reader.numbers), unknown)


def is_number(text: str) -> bool:
    """Whether a condition can compare it as a number."""
    try:
        return isfinite(float(text))
    except ValueError:
        return False


def _remedy(expression: str, error: ConditionError) -> str:
    found = next((said for sign, said in _REMEDIES.items() if re.search(sign, expression)), "")
    return f" ({found or _WORDS_THERE_ARE})" if found or error.args != (_NO_NUMBER,) else ""


def _decide(reader: "_Reader") -> bool | None:
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


class _Reach(Enum):
    """Whether a run comes to a part of a condition: the left side of a `&&` or `||` decides."""

    SURE = "sure"
    PERHAPS = "perhaps"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class _Operand:
    """The words on one side, the same with every value open, and the names that are open."""

    text: str
    shape: str
    filled: tuple[str, ...]


class _Reader:
    """Reads and decides a condition from left to right: `||` binds least, then `&&`, then `!`.

    What depends on an open value is None.
    """

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
        self._reach = _Reach.SURE
        self.numbers: set[str] = set()
        self.risk = ""

    @property
    def at_end(self) -> bool:
        return self._at >= len(self._tokens)

    def any_of(self) -> bool | None:
        return self._joined("||", self._all_of, decisive=True)

    def _all_of(self) -> bool | None:
        return self._joined("&&", self._negation, decisive=False)

    def _joined(
        self, operator: str, read: Callable[[], bool | None], *, decisive: bool
    ) -> bool | None:
        result, reach = read(), self._reach
        while self._take(operator):
            if result is decisive:
                self._reach = _Reach.NEVER
            elif result is None and self._reach is _Reach.SURE:
                self._reach = _Reach.PERHAPS
            following = read()
            if result is (not decisive) or following is decisive:
                result = following
        self._reach = reach
        return result

    def _negation(self) -> bool | None:
        negative = False
        while self._take("!") or self._take_word("not"):
            negative = not negative
        result = self._comparison()
        return None if result is None else result is not negative

    def _comparison(self) -> bool | None:
        if self._take("("):
            result = self.any_of()
            self._expect(")")
            return result
        if (name := self._peek()) in _TEXT_TESTS and self._peek(1) == "(":
            return self._text_test(name)
        left, operator = self._operand(), self._peek()
        if operator in ("==", "!="):
            self._at += 1
            right = self._operand()
            same = left.text.lower() == right.text.lower()
            return None if left.filled or right.filled else same is (operator == "==")
        if operator in _NUMBER_TESTS:
            self._at += 1
            one, other = self._number(left), self._number(self._operand())
            return None if one is None or other is None else _NUMBER_TESTS[operator](one, other)
        return self._truth(left)

    def _text_test(self, name: str) -> bool | None:
        self._at += 2
        text = self._operand()
        self._expect(",")
        part = self._operand()
        self._expect(")")
        return None if text.filled or part.filled else _TEXT_TESTS[name](text.text, part.text)

    def _operand(self) -> _Operand:
        """The words up to the next operator; quotes are optional."""
        words, shapes, first = list[str](), list[str](), self._peek()
        filled: list[str] = []
        while not self.at_end and not self._tokens[self._at].operator:
            word = self._tokens[self._at].text
            words.append(self._fill(word, filled))
            shapes.append(_unquote(_UNKNOWN.sub(_OPEN, word)))
            self._at += 1
        if not words:
            raise ConditionError("the condition lacks a value on one side")
        if first.startswith("="):
            raise ConditionError("the condition has an '=' too many")
        return _Operand(" ".join(words).strip(), " ".join(shapes).strip(), tuple(filled))

    def _fill(self, word: str, filled: list[str]) -> str:
        if word[0] in "'\"":
            word = word[1:-1]
        result, done = "", 0
        for found in find_references(word, self._values):
            is_open = found.name in self._open
            value = _OPEN if is_open else self._values[found.name]
            result += _UNKNOWN.sub("", word[done : found.start]) + value
            filled += [found.name] if is_open else []
            done = found.end
        return _unquote(result + _UNKNOWN.sub("", word[done:]))

    def _number(self, side: _Operand) -> float | None:
        if not _could_be_number(side.shape):
            raise ConditionError(_NO_NUMBER)
        if side.filled and _could_be_number(side.text):
            if self._reach is _Reach.SURE and side.text == _OPEN:
                self.numbers |= set(side.filled)
            return None
        return float(side.text) if is_number(side.text) else self._wrong(_NO_NUMBER)

    def _truth(self, side: _Operand) -> bool | None:
        if not _could_be_truth(side.shape):
            raise ConditionError(_NO_TRUTH)
        if side.filled and _could_be_truth(side.text):
            return None
        text = side.text.lower()
        return _TRUTHS[text] if text in _TRUTHS else self._wrong(_NO_TRUTH)

    def _wrong(self, why: str) -> None:
        """A value makes what is compared wrong: an error where a run is sure to come to it."""
        if self._reach is _Reach.SURE:
            raise ConditionError(why)
        if self._reach is _Reach.PERHAPS:
            self.risk = self.risk or why

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


def _could_be_number(text: str) -> bool:
    """Whether what stands beside open values leaves room for a number."""
    if _OPEN in text:
        return _NUMERIC.fullmatch(text.replace(_OPEN, "")) is not None
    return is_number(text)


def _could_be_truth(text: str) -> bool:
    # What is open side by side is one: a pattern with many `.*` could take for ever.
    parts = ".*".join(map(re.escape, re.split(f"{_OPEN}+", text.lower())))
    return any(re.fullmatch(parts, truth) for truth in _TRUTHS)
