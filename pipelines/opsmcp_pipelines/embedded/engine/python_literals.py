"""A Python step with its references turned into literals, one way per kind of token.

Each reference becomes an identifier that occurs nowhere else; the standard tokenizer then says
whether it stands in code, in a string or in a comment. An f-string is handled as one stretch of
text, so that versions of Python that split it (3.12 and later) and those that do not agree.
"""

import re
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO

from opsmcp_pipelines.shell.references import RefusedStep, find_references

__all__ = ["render_python"]

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_SAFE = re.compile(r"[A-Za-z0-9_ ./:,@-]*")
_PLAIN_WORD = re.compile(r"(?!-)[A-Za-z0-9_.:/@%+=,-]*")
_EVALUATES = re.compile(
    r"\b(eval|exec|execfile|__import__|builtins|__builtins__|globals|attrgetter|methodcaller"
    r"|import_module|run_path|run_module|runpy|pty|pexpect|paramiko|fabric|asyncssh|ctypes|marshal"
    r"|pickle|dill|timeit|shlex|system|popen[234]?|get(status)?output|exec_command"
    r"|(exec|spawn)[lv]\w*|(r?ba|da|a|z|m?k|t?c|r|s)?sh|ssh|fish)\b|(?<!\bre\.)\bcompile\b"
    r"|(?i:shell)|\bgetattr\s*\((?![^,()]*,\s*[\"']\w+[\"']\s*[,)])"
    r"|[\"'](-c|-e|/?(\w+/)*(python[0-9.]*|perl|ruby|node|php|env|sudo|su|xargs|tmux|screen|watch))"
    r"[\"']|\b(run|call|check_call|check_output|Popen|create_subprocess_exec)\s*\(\s*[\[(]?\s*"
    r"\w*[\"']*\$\{"
    r"|\$\{\w+\}[\"']*\.split\b|\b(run|call|check_\w+|Popen)\s*\([^)]*\.split\b"
)
"""Signs that a script runs texts: as Python, in a shell, or on another machine."""
_PREFIX = re.compile(r"[A-Za-z]*")


@dataclass(frozen=True, slots=True)
class _Token:
    """A name, a comment or a whole string literal; `start` and `end` count characters."""

    kind: str
    start: int
    end: int
    text: str


def render_python(content: str, values: Mapping[str, str]) -> str:
    """The script with every reference replaced by a literal, or by escaped text in a string.

    Raises:
        RefusedStep: A value would become code, or the script is not valid Python.
    """
    names = list(dict.fromkeys(found.name for found in find_references(content, values)))
    if not names:
        return content
    _check_values(content, {name: values[name] for name in names})
    marker = _unused_marker(content)
    source, done = "", 0
    for found in find_references(content, values):
        source += content[done : found.start] + f"{marker}{names.index(found.name)}_"
        done = found.end
    source += content[done:]
    return _replace(source, re.compile(rf"{marker}([0-9]+)_"), names, values)


def _check_values(content: str, values: Mapping[str, str]) -> None:
    """What runs texts gets plain words only: where a literal ends up, nobody can see."""
    if _EVALUATES.search(content.partition("\n")[2]) is None:
        return
    for name, value in values.items():
        if _PLAIN_WORD.fullmatch(value) is None:
            raise RefusedStep(
                f"its Python script runs commands or code from texts, and the value of {name!r} is "
                "not a plain word"
            )


def _unused_marker(content: str) -> str:
    number = 0
    while f"opsmcp_{number}_" in content:
        number += 1
    return f"opsmcp_{number}_"


def _replace(
    source: str, marker: re.Pattern[str], names: list[str], values: Mapping[str, str]
) -> str:
    result, done = "", 0
    tokens = iter(_read_tokens(source))
    token = next(tokens, None)
    for match in marker.finditer(source):
        while token is not None and token.end <= match.start():
            token = next(tokens, None)
        name = names[int(match[1])]
        if token is None or not token.start <= match.start():
            raise RefusedStep(f"${{{name}}} stands where Python expects something else")
        result += source[done : match.start()] + _literal(token, match, name, values[name])
        done = match.end()
    return result + source[done:]


def _read_tokens(source: str) -> list[_Token]:
    try:
        return list(_tokens(source))
    except (tokenize.TokenError, SyntaxError):
        raise RefusedStep("its Python script is not valid Python") from None


def _tokens(source: str) -> Iterator[_Token]:
    """The names, comments and strings in order; an f-string is one token."""
    lines = list(StringIO(source, newline=""))  # split as the tokenizer splits
    offsets = [0]
    for line in lines:
        offsets.append(offsets[-1] + len(line))

    def place(position: tuple[int, int]) -> int:
        return offsets[position[0] - 1] + position[1]

    depth, opened = 0, 0
    for token in tokenize.generate_tokens(StringIO(source, newline="").readline):
        kind = tokenize.tok_name[token.type]
        start, end = place(token.start), place(token.end)
        if kind == "ERRORTOKEN" and token.string.strip():
            raise SyntaxError
        if kind in ("FSTRING_START", "TSTRING_START"):
            opened = start if depth == 0 else opened
            depth += 1
        elif kind in ("FSTRING_END", "TSTRING_END"):
            depth -= 1
            if depth == 0:
                yield _Token("STRING", opened, end, source[opened:end])
        elif depth == 0 and kind in ("NAME", "COMMENT", "STRING"):
            yield _Token(kind, start, end, source[start:end])


def _literal(token: _Token, match: re.Match[str], name: str, value: str) -> str:
    if token.kind == "COMMENT":
        return ""
    if token.kind == "NAME":
        if token.text != match[0]:
            raise RefusedStep(f"${{{name}}} is part of a longer name in its Python script")
        return _as_code(value)
    return _in_string(token, match.start() - token.start, name, value)


def _as_code(value: str) -> str:
    if _INTEGER.fullmatch(value):
        return f"({value})" if value.startswith("-") else value
    return '"' + _escape(value, as_bytes=False) + '"'


def _in_string(token: _Token, at: int, name: str, value: str) -> str:
    prefix = (_PREFIX.match(token.text) or [""])[0].lower()
    if ("f" in prefix or "t" in prefix) and _in_expression(token.text[len(prefix) :], at, prefix):
        if _INTEGER.fullmatch(value):
            return _as_code(value)
        raise RefusedStep(f"the value of {name!r} stands in an expression and is no whole number")
    if "r" in prefix:
        if _SAFE.fullmatch(value):
            return value
        raise RefusedStep(f"the value of {name!r} cannot be written into a raw string")
    before = token.text[:at]
    if (len(before) - len(before.rstrip("\\"))) % 2:
        raise RefusedStep(f"a backslash stands in front of ${{{name}}}")
    return _escape(value, as_bytes="b" in prefix)


def _escape(value: str, *, as_bytes: bool) -> str:
    return "".join(
        char if _SAFE.fullmatch(char) else _escape_char(char, as_bytes=as_bytes) for char in value
    )


def _escape_char(char: str, *, as_bytes: bool) -> str:
    if as_bytes:
        return "".join(f"\\x{byte:02x}" for byte in char.encode())
    code = ord(char)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _in_expression(body: str, at: int, prefix: str) -> bool:
    """Whether position `at` (of prefix and body) of an f-string is inside its braces.

    Raises:
        RefusedStep: The f-string is too intricate to tell.
    """
    at -= len(prefix)
    quote = body[:3] if body[:3] in ('"""', "'''") else body[:1]
    inside = False
    depth, position, end = 0, len(quote), len(body) - len(quote)
    while position < end:
        if position >= at:
            inside = depth > 0
            at = end + 1
        position, depth = _step_over(body, position, depth)
    if depth != 0:
        raise RefusedStep("an f-string that holds a value is too intricate; take the value out")
    return inside


def _step_over(body: str, position: int, depth: int) -> tuple[int, int]:
    char, pair = body[position], body[position : position + 2]
    if depth == 0 and pair in ("{{", "}}"):
        return position + 2, depth
    if depth > 0 and char in "'\"":
        close = body.find(char, position + 1)
        if close < 0 or set("{}") & set(body[position:close]):
            raise RefusedStep("an f-string that holds a value is too intricate")
        return close + 1, depth
    if char == "}" and depth == 0:
        raise RefusedStep("an f-string that holds a value is too intricate")
    return position + 1, depth + {"{": 1, "}": -1}.get(char, 0)
