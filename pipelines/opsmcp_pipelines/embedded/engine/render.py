"""A step and the values of its variables -> a script in which no value is code.

Decides the language and hands over to `shell` or `python_script`. Values are put in once and never
looked at again. (Ops replaces `${name}` as text before a shell reads it; here values travel as
environment variables or as literals.)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from opsmcp_pipelines.embedded.engine.python_literals import render_python
from opsmcp_pipelines.shell.references import RefusedStep, find_references
from opsmcp_pipelines.shell.render import render_shell

__all__ = ["MAX_VALUE_BYTES", "Language", "Script", "render_step"]

MAX_VALUE_BYTES = 120_000
"""The largest value that a process can be given: Linux allows 128 KiB for one string."""

Language = str
"""What runs the script: `sh`, `bash` or `python`."""


@dataclass(frozen=True, slots=True)
class Script:
    """What to run: the text, its language, and the environment variables that hold the values."""

    language: Language
    text: str
    environ: Mapping[str, str] = field(repr=False)


def render_step(content: str, values: Mapping[str, str], fixed: Mapping[str, str]) -> Script:
    """The script of a step.

    Args:
        content: As the author wrote it.
        values: Every known variable; those without a value are empty.
        fixed: The variables whose value is the author's. A step that consists of one of them and
            nothing else is that script.

    Raises:
        RefusedStep: A value would be run as code, or cannot be passed.
    """
    content = _unfold(content, fixed)
    _check_values(content, values)
    language = _language_of(content)
    if language == "python":
        return Script(language, render_python(content, values), MappingProxyType({}))
    text, environ = render_shell(content, values)
    return Script(language, text, environ)


def _unfold(content: str, fixed: Mapping[str, str]) -> str:
    whole = content.strip()
    for reference in find_references(whole, fixed):
        if (reference.start, reference.end) == (0, len(whole)):
            return fixed[reference.name]
    return content


def _check_values(content: str, values: Mapping[str, str]) -> None:
    for reference in find_references(content, values):
        value = values[reference.name]
        try:
            size = len(value.encode())
        except UnicodeEncodeError:
            raise RefusedStep(f"the value of {reference.name!r} is not valid text") from None
        if "\0" in value:
            raise RefusedStep(f"the value of {reference.name!r} holds a NUL character")
        if size > MAX_VALUE_BYTES:
            raise RefusedStep(
                f"the value of {reference.name!r} is longer than {MAX_VALUE_BYTES} bytes"
            )


def _language_of(content: str) -> Language:
    first = content.lstrip().partition("\n")[0]
    if not first.startswith("#"):
        return "sh"
    if "python" in first:
        return "python"
    return "bash" if first.startswith("#!") and "bash" in first else "sh"
