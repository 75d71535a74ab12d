"""Expressions of the settings (CEL): conditions, texts and values, made of a signal and its run.

What a signal says is data to an expression and never part of it. Types and names are checked when
it is compiled. The library answers a failed evaluation with a value that counts as true; so only a
true of its own type is a match here, and whatever failed is no match and says why.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import re2

from opsmcp_tools.arguments.nearest_names import suggest
from opsmcp_tools.incidents.signal import Signal
from opsmcp_tools.safe_text.characters import clean_line

if TYPE_CHECKING:
    from cel_expr_python import cel  # pyright: ignore[reportMissingTypeStubs]

__all__ = [
    "BODY",
    "MOST_SOURCE_BYTES",
    "SIGNAL",
    "BadExpression",
    "Condition",
    "Failed",
    "Text",
    "Value",
    "ValueType",
    "outcome_values",
    "outcome_variables",
    "signal_values",
    "whole",
]

MOST_SOURCE_BYTES = 2 * 1024
_MOST_TEXT = 4 * 1024
_MOST_WHY = 300


class ValueType(StrEnum):
    """The type of a variable of an expression."""

    STRING = "string"
    BOOL = "bool"
    TIMESTAMP = "timestamp"
    STRINGS = "strings by their names"
    VALUES = "values by their names"
    ANY = "any"


SIGNAL: Mapping[str, ValueType] = MappingProxyType(
    {
        **dict.fromkeys(("sender", "key", "kind", "status", "severity"), ValueType.STRING),
        "at": ValueType.TIMESTAMP,
        "trusted": ValueType.BOOL,
        "labels": ValueType.STRINGS,
        "annotations": ValueType.STRINGS,
        "data": ValueType.VALUES,
    }
)
"""What expressions about a signal know: name to type."""

BODY: Mapping[str, ValueType] = MappingProxyType(
    {"body": ValueType.ANY, "headers": ValueType.STRINGS}
)
"""What expressions know that make a signal out of the JSON of a sender."""


class BadExpression(ValueError):
    """It cannot be used; the message says where in it, and why."""


class Failed(Exception):
    """It has no value here; the message says why, as one line."""


def outcome_variables(results: Iterable[str], arguments: Iterable[str]) -> Mapping[str, ValueType]:
    """What expressions about the end of a run know besides: each result and argument by its name.

    A variable each and not the keys of a map, so that a name that is none is found at once.
    """
    named = [f"results.{name}" for name in results] + [f"arguments.{name}" for name in arguments]
    return dict.fromkeys(["verdict", *named], ValueType.STRING)


def whole(value: Any) -> Any:
    """The same with another character for NUL: the library ends a text there, silently.

    What a stranger writes behind it would be another text to whoever looks than to a condition. For
    every value that somebody else wrote; a signal holds none.
    """
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, dict):
        held = cast("dict[Any, Any]", value)
        return {whole(name): whole(inner) for name, inner in held.items()}
    if isinstance(value, list):
        return [whole(inner) for inner in cast("list[Any]", value)]
    return value


def outcome_values(
    verdict: str, results: Mapping[str, str], arguments: Mapping[str, str]
) -> dict[str, Any]:
    """The variables of `outcome_variables` for how a run ended."""
    named = {f"results.{name}": text for name, text in results.items()}
    named |= {f"arguments.{name}": text for name, text in arguments.items()}
    return whole({**named, "verdict": verdict})


def signal_values(signal: Signal) -> dict[str, Any]:
    """The variables of `SIGNAL` for a signal."""
    return {
        "sender": signal.sender,
        "key": signal.key,
        "kind": signal.kind,
        "status": str(signal.status),
        "severity": str(signal.severity),
        "at": signal.at,
        "trusted": signal.trusted,
        "labels": dict(signal.labels),
        "annotations": dict(signal.annotations),
        "data": dict(signal.data),
    }


@dataclass(frozen=True)
class _Expression:
    source: str
    variables: Mapping[str, ValueType] = field(repr=False)
    _compiled: "cel.Expression" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile it.

        Raises:
            BadExpression: It cannot be.
        """
        object.__setattr__(self, "_compiled", _compile(self.source, self.variables))
        self._check_type(self._compiled.return_type())

    def _check_type(self, found: "cel.Type") -> None:
        """Raise `BadExpression` if its values are none that are wanted here."""

    def _evaluate(self, values: Mapping[str, Any]) -> "cel.Value":
        try:
            value = self._compiled.eval(data=values)
        except RuntimeError as error:
            raise Failed(_said(str(error))) from None
        types = _library().Type
        if value.type() in (types.ERROR, types.UNKNOWN):
            raise Failed(_said(str(value.value())))
        return value


class Condition(_Expression):
    """An expression that is true or not."""

    def _check_type(self, found: "cel.Type") -> None:
        _require(found, ValueType.BOOL, "a condition, true or false")

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it is true.

        Raises:
            Failed: It is neither true nor false here: that is no match.
        """
        value = self._evaluate(values)
        if value.type() != _library().Type.BOOL:
            raise Failed(f"it is neither true nor false, but of the type {value.type().name()}")
        return value.value() is True


class Text(_Expression):
    """An expression whose value is a text."""

    def _check_type(self, found: "cel.Type") -> None:
        _require(found, ValueType.STRING, "a text")

    def of(self, values: Mapping[str, Any]) -> str:
        """The text.

        Raises:
            Failed: There is none, it is empty, or longer than 4 KiB.
        """
        value = self._evaluate(values)
        if value.type() != _library().Type.STRING:
            raise Failed(f"it is no text, but of the type {value.type().name()}")
        text = cast("str", value.value())
        if not text:
            raise Failed("it is empty")
        if len(text.encode()) > _MOST_TEXT:
            raise Failed(f"it is longer than {_MOST_TEXT:,} bytes")
        return text


class Value(_Expression):
    """An expression whose value is anything that JSON can say."""

    def of(self, values: Mapping[str, Any]) -> Any:
        """The value.

        Raises:
            Failed: There is none, or JSON cannot say it.
        """
        return _as_json(self._evaluate(values))


def _require(found: "cel.Type", wanted: ValueType, what: str) -> None:
    if found not in (_types()[wanted], _types()[ValueType.ANY]):
        hint = "; string(...) makes a text" if wanted is ValueType.STRING else ""
        raise BadExpression(f"it must be {what}, and is of the type {found.name()}{hint}")


def _as_json(value: "cel.Value") -> Any:
    """The value as Python has it, piece by piece.

    Never by `plain_value`, nor by `value` of a null: cel-expr-python 0.1.3 gives away a reference
    to None with each of them that it does not own, and Python before 3.12 dies when all are gone.
    """
    if value.type() == _library().Type.NULL:
        return None
    held = value.value()
    if isinstance(held, dict):
        return dict(_items(cast("dict[object, cel.Value]", held)))
    if isinstance(held, list):
        return [_as_json(inner) for inner in cast("list[cel.Value]", held)]
    if not isinstance(held, bool | int | float | str):
        raise Failed("it holds what JSON cannot say; string(...) makes a text")
    return held


def _items(held: "Mapping[object, cel.Value]") -> Iterator[tuple[str, Any]]:
    for name, inner in held.items():
        if not isinstance(name, str):
            raise Failed("it holds a mapping whose names are no texts")
        yield name, _as_json(inner)


# Compiling


@cache
def _library():
    """The library: an extra. Whoever only reads what is kept of incidents needs none."""
    from cel_expr_python import cel  # pyright: ignore[reportMissingTypeStubs]

    return cel


@cache
def _strings() -> "cel.CelExtensionBase":
    from cel_expr_python.ext import ext_strings  # pyright: ignore[reportMissingTypeStubs]

    return ext_strings.ExtStrings()


@cache
def _types() -> "Mapping[ValueType, cel.Type]":
    types = _library().Type
    return {
        ValueType.STRING: types.STRING,
        ValueType.BOOL: types.BOOL,
        ValueType.TIMESTAMP: types.TIMESTAMP,
        ValueType.STRINGS: types.Map(types.STRING, types.STRING),
        ValueType.VALUES: types.Map(types.STRING, types.DYN),
        ValueType.ANY: types.DYN,
    }


def _compile(source: str, variables: Mapping[str, ValueType]) -> "cel.Expression":
    if len(source.encode("utf-8", "replace")) > MOST_SOURCE_BYTES:
        raise BadExpression(f"it is longer than {MOST_SOURCE_BYTES:,} bytes")
    try:
        known = {name: _types()[sort] for name, sort in variables.items()}
        environment = _library().NewEnv(variables=known, extensions=[_strings()])
        compiled = environment.compile(source)
    except RuntimeError as error:
        raise BadExpression(_problem(str(error), variables)) from None
    _check_calls(source)
    return compiled


_PLACE = re.compile(r"<input>:(\d+):(\d+): (.*)")
_UNDECLARED = re.compile(r"undeclared reference to '([^']*)'.*")


def _problem(message: str, variables: Mapping[str, ValueType]) -> str:
    """What is wrong, in words, of the library's message: the first of what it names."""
    if "recursion depth" in message:
        return "it is nested too deeply, or has too many operators in a row; at most 32"
    found = _PLACE.search(message)
    if found is None:
        return _said(message)
    line, column, what = found.groups()
    where = f"column {column}" if line == "1" else f"line {line}, column {column}"
    if unknown := _UNDECLARED.fullmatch(what):
        name = unknown[1]
        known = f" (there are: {', '.join(sorted(variables))})" if variables else ""
        what = f"there is no {name!r} here{suggest(name, variables) or known}"
        what += f"; as a text it stands in quotes: '\"{name}\"'"
    elif "found no matching overload" in what and "string" in what:
        what += "; labels, results and arguments are texts, and int(...) makes a number"
    return f"{where}: {clean_line(what, 600)}"


_CODE = re.compile(r"\[(?:INVALID_ARGUMENT|INTERNAL|RESOURCE_EXHAUSTED)\]|^[A-Z_]+: ")


def _said(message: str) -> str:
    return clean_line(_CODE.sub("", message).strip(), _MOST_WHY)


_LITERAL = r"""[rR]?(?:'''(?s:.)*?'''|\"{3}(?s:.)*?\"{3}|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")"""
_RAW_LITERAL = r"""[rR](?:'[^']*'|"[^"]*")"""
_TOKEN = re.compile(rf"\s+|//[^\n]*|(?P<text>{_RAW_LITERAL}|{_LITERAL})|\w+|(?s:.)")


def _check_calls(source: str) -> None:
    """Return if nothing in it depends on what only an evaluation would show to be wrong.

    A pattern is compiled here and now, as an evaluation may never come to it. Replacing makes no
    text longer, as what signals say could make one of gigabytes.
    """
    tokens = list(_tokens(source))
    for number, (name, _) in enumerate(tokens):
        called = tokens[number + 1 : number + 2] == [("(", False)]
        if called and name == "matches":
            _check_pattern(_literals(tokens[number + 2 :], 1))
        elif called and name == "replace":
            _check_replace(_literals(tokens[number + 2 :], 2))


def _tokens(source: str) -> Iterator[tuple[str, bool]]:
    """The tokens that mean anything, and whether each is a text."""
    for found in _TOKEN.finditer(source):
        token = found[0]
        if not token.isspace() and not token.startswith("//"):
            yield token, found["text"] is not None


def _literals(tokens: list[tuple[str, bool]], count: int) -> list[str] | None:
    """The texts of a call that has so many, and nothing else between its brackets."""
    given = tokens[: 2 * count : 2]
    between = [token for token, _ in tokens[1 : 2 * count : 2]]
    if between != [","] * (count - 1) + [")"] or not all(is_text for _, is_text in given):
        return None
    return [str(_library().NewEnv().compile(token).eval().value()) for token, _ in given]


def _check_pattern(literals: list[str] | None) -> None:
    if literals is None:
        raise BadExpression('matches takes one pattern, written out: text.matches("^db-")')
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(literals[0], options)
    except re2.error as error:
        said: object = error.args[0]
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        why = clean_line(text, _MOST_WHY)
        raise BadExpression(f"the pattern of matches cannot be used: {why}") from None


def _check_replace(literals: list[str] | None) -> None:
    if literals is None or len(literals[1]) > len(literals[0]):
        raise BadExpression(
            "replace takes two texts, written out, of which the second is not longer than the "
            'first: text.replace(".", "-")'
        )
