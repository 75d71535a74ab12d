"""A step and the values of its variables -> a script that holds no value.

A shell script gets the names of environment variables in place of its references, quoted so that
each value arrives as one word; a Python script gets identifiers, and `python_runner` puts the
values in their place when it is parsed. Whether a value may stand where it stands was decided when
the definition was read (`check`); here is only quoted. The variables are called `OPSMCP_V1`, ...: a
variable named PATH or LD_PRELOAD must not change how the script runs.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from opsmcp_pipelines.shell.python_check import mark_references, unused_mark
from opsmcp_pipelines.shell.quoting import prepare, quote_places
from opsmcp_pipelines.shell.references import RefusedStep, find_references, language_of
from opsmcp_pipelines.shell.syntax import Unreadable, parse

__all__ = ["MAX_VALUE_BYTES", "Script", "render_step"]

MAX_VALUE_BYTES = 120_000
"""The largest value that a process can be given: Linux allows 128 KiB for one string."""

_ITEMS = re.compile(r"[A-Za-z0-9._:/@%+=,~\s-]*")
"""What a loop may split into words: nothing that a shell would take for its own."""


@dataclass(frozen=True, slots=True)
class Script:
    """What to run: the text, its language (`sh`, `bash`, `python`), and the values.

    `environ` holds the values by the names of variables; with a `mark`, `python_runner` runs it.
    """

    language: str
    text: str
    environ: Mapping[str, str] = field(repr=False)
    mark: str = ""


def render_step(content: str, values: Mapping[str, str]) -> Script:
    """The script of a step.

    Args:
        content: As the author wrote it.
        values: Every known variable; those without a value are empty.

    Raises:
        RefusedStep: A value cannot be passed, or stands where it cannot be quoted.
    """
    language = language_of(content)
    used = {found.name: values[found.name] for found in find_references(content, values)}
    if not used:
        return Script(language, content, MappingProxyType({}))
    _check_values(used)
    source, places = prepare(content, used)
    environ = MappingProxyType({place.variable: used[place.name] for place in places})
    if language == "python":
        mark = unused_mark(content)
        variables = {place.name: place.variable for place in places}
        return Script(language, mark_references(content, variables, mark), environ, mark)
    try:
        syntax = parse(source, bash=language == "bash")
    except Unreadable:
        reason = "its shell script cannot be read, so that no value can be quoted in it"
        raise RefusedStep(reason) from None
    lists = frozenset(name for name, value in used.items() if _ITEMS.fullmatch(value))
    return Script(language, quote_places(syntax, places, lists), environ)


def _check_values(used: Mapping[str, str]) -> None:
    for name, value in used.items():
        try:
            size = len(value.encode())
        except UnicodeEncodeError:
            raise RefusedStep(f"the value of {name!r} is not valid text") from None
        if "\0" in value:
            raise RefusedStep(f"the value of {name!r} holds a NUL character")
        if size > MAX_VALUE_BYTES:
            raise RefusedStep(f"the value of {name!r} is longer than {MAX_VALUE_BYTES} bytes")
