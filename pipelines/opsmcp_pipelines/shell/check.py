"""Whether a script keeps its values data: asked once, when its definition is read.

Kinds decide. An inert value (a name, a number, an address) means nothing to a shell and may stand
almost anywhere (`commands` knows where not); text may stand at a few places (`text_places`). What
cannot be read is refused. Pure, and linear in the length of a script, which is bounded.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from opsmcp_pipelines.shell.commands import ScriptCheck
from opsmcp_pipelines.shell.python_check import check_python
from opsmcp_pipelines.shell.quoting import Place, looped, prepare
from opsmcp_pipelines.shell.references import find_references, language_of
from opsmcp_pipelines.shell.report import Report, TooMuch, over
from opsmcp_pipelines.shell.syntax import Part, Syntax, Unreadable, parse
from opsmcp_pipelines.shell.text_places import check_text
from opsmcp_pipelines.shell.values import OF_AUTHOR, OUTPUT, Finding, Rule, Value, Verdict

__all__ = ["beginnings", "check"]

_KNOWN = 4_096
_HOLD_TEXT = frozenset({'"', "<<", "<<'"})
_HOLD = _HOLD_TEXT | {"'"}
"""What keeps a value together that is pasted into it."""
_PASTED_BARE = '"{}" may be any text, and it is pasted where double quotes do not hold it'
_NOTHING_FOUND = Verdict()


def check(content: str, values: Mapping[str, Value], *, pasted: bool) -> Verdict:
    """What may not stand in a script, and what else its values must be.

    Takes some 2 ms for each KiB; the same question is answered from memory.

    Args:
        content: The script, as the author wrote it.
        values: What is known of each variable that it may refer to.
        pasted: Whether the source pastes values into the text of scripts, as Ops does.
    """
    used = {found.name for found in find_references(content, values)}
    if not used:
        return _NOTHING_FOUND
    return _check(content, tuple((name, values[name]) for name in sorted(used)), pasted)


def beginnings(content: str, known: frozenset[str], outputs: frozenset[str]) -> frozenset[str]:
    """The outputs of steps that begin an argument in a script whose definition was checked."""
    if not any(True for _ in find_references(content, outputs)):
        return frozenset()
    values = dict.fromkeys(known, OF_AUTHOR) | dict.fromkeys(outputs, OUTPUT)
    return check(content, values, pasted=False).beginnings


@lru_cache(maxsize=_KNOWN)
def _check(content: str, values: tuple[tuple[str, Value], ...], pasted: bool) -> Verdict:
    known = dict(values)
    report = Report({}, {})
    try:
        size = len(content.encode(errors="replace"))
        report.spend(size)
        names = {f"OPSMCP_V{number}": name for number, (name, _) in enumerate(values, 1)}
        report = Report({v: known[name] for v, name in names.items()}, names, pasted)
        if language_of(content) == "python":
            _check_python(content, names, report, pasted=pasted)
        else:
            _check_shell(content, names, report, pasted=pasted)
    except (TooMuch, RecursionError) as error:
        said = str(error) if isinstance(error, TooMuch) else "nested too deeply to be checked"
        report.add(Rule.UNREADABLE, "", 1, said)
    return Verdict(
        tuple(_one_each(report)),
        MappingProxyType({name: frozenset(found) for name, found in report.needs.items()}),
        frozenset(report.beginnings),
    )


def _one_each(report: Report) -> Iterator[Finding]:
    """The gravest finding of each value, in the order of the script."""
    first: dict[str, Finding] = {}
    for finding in sorted(report.findings.values(), key=lambda found: found.rule.value):
        first.setdefault(finding.name, finding)
    yield from sorted(first.values(), key=lambda found: (found.line, found.name))


def _check_python(content: str, names: Mapping[str, str], report: Report, *, pasted: bool) -> None:
    text, done = "", 0
    variables = {name: variable for variable, name in names.items()}
    for found in find_references(content, variables):
        text += content[done : found.start] + f"${{{variables[found.name]}}}"
        done = found.end
    marks = {variable: frozenset({variable}) for variable in names}
    for variable in names if pasted else ():
        if report.values[variable].is_text:
            reason = '"{}" may be any text, and its text is put into a Python script'
            report.add(Rule.TEXT, variable, 1, reason)
    outer = ScriptCheck(parse(""), {}, report)
    check_python(text + content[done:], marks, report, 1, outer.check_text)


def _check_shell(content: str, names: Mapping[str, str], report: Report, *, pasted: bool) -> None:
    source, places = prepare(content, {name: variable for variable, name in names.items()})
    over(len(places), 256, "places of values")
    try:
        syntax = parse(source, bash=language_of(content) == "bash")
    except Unreadable as error:
        line = source.count("\n", 0, error.at) + 1
        report.add(Rule.UNREADABLE, "", line, str(error))
        return
    script = ScriptCheck(syntax, {v: frozenset({v}) for v in names}, report)
    script.run()
    check_text(script.flow, report, pasted=pasted)
    if pasted:
        _check_pasted(syntax, places, report)


def _check_pasted(syntax: Syntax, places: Sequence[Place], report: Report) -> None:
    """What a value becomes where its text is put into the script, and no quotes around it."""
    parts, loops = {part.start: part for part in syntax.values}, looped(syntax)
    for place in places:
        line, known = syntax.line_at(place.start), report.values[place.variable]
        part = parts.get(place.start)
        held = _HOLD_TEXT if known.is_text else _HOLD
        if part is not None and part.quote in held and not _ends(syntax.text, place, part):
            continue
        if part is None and any(start < place.start < end for start, end in syntax.comments):
            continue
        if known.is_text:
            report.add(Rule.TEXT, place.variable, line, _PASTED_BARE, "Put double quotes around it")
        elif not (known.kind.is_list and place.start in loops):
            report.unquoted([place.variable], line)


def _ends(text: str, place: Place, part: Part) -> bool:
    """Whether it is all there is on a line of a here-document, which it could so end."""
    start = text.rfind("\n", 0, place.start) + 1
    end = text.find("\n", place.end)
    line = text[start : None if end < 0 else end].strip()
    return part.quote in ("<<", "<<'") and line == text[place.start : place.end]
