"""What stands below a line and belongs to it: the frames and causes of a stack trace, and details.

Of a trace stay its causes and the author's own frames at both ends; of other lines the first. Knows
how traces are written, not who wrote them. Pure.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import takewhile

from opsmcp_tools.condense.trouble import Weight, weigh

__all__ = ["Begins", "is_frame", "lines_below"]

Begins = Callable[[str], bool]
"""Whether a line is the first of what a program wrote at once."""

_LOCATION = re.compile(r"[\w>]\.[a-z]{1,5}(?::(?:line )?|\(|\", line )\d+")
"""A file and a line of it."""

_FRAME = re.compile(
    r"\s+(?:at \S|File \"|from /|\.\.\. \d+ |--- |\d+: [\w<]+(?:::|$))|goroutine \d+"
    r"|\s*#\d+ (?:\S+\(|.*\(\d+\): |\[int|\{main)|created by \S+\.\S+|\s*\^+$"
    r"|Traceback \(most recent call last\)|(?i:\[?stack ?(?:back)?trace[:\]]$)"
    r"|(?:The above|During handling of the above) exception|[\w/-]++\.[\w.*()\[\]{}/-]*\(.*\)$"
)
_CAUSE = re.compile(r"\s*(?:Caused by: |\[cause\]|Suppressed: |-+> (?=\w+\.))")
_TOP_OF_PYTHON = re.compile(r"\s*Traceback \(most recent call last\)|The above|During handling")
"""Below it stand frames, and below them the exception."""

_FOREIGN = re.compile(
    r"/(?:site|dist)-packages/|/usr/l|/node_modules/|\bnode:|/vendor/|/rustc/|/\.cargo/|<frozen "
    r"|\bat (?:java|javax|jdk|sun|scala|kotlin|System|Microsoft)\.|/runtime/|\.\.\. \d+ "
    r"|\bat org\.(?:apache|springframework|hibernate|eclipse)\."
)
"""Frames of libraries: those of the author say more."""

_WORD = re.compile(r"\w")
_LONGEST = 400
_FRAMES, _CAUSES, _DETAILS = 2, 4, 3


def is_frame(lines: Sequence[str], number: int) -> bool:
    """Whether it is a line of a stack trace, or of the source that one shows."""
    source = lines[number][:1] == " " and number and lines[number - 1].startswith('  File "')
    return bool(source) or _is_frame(lines[number])


def lines_below(lines: Sequence[str], number: int, begins: Begins) -> tuple[list[str], list[str]]:
    """The frames of a line's stack trace, wherever it stands; and if there is none, its details."""
    below = list(_belonging(lines, range(number + 1, len(lines)), begins))
    if any(map(_is_frame, below)):
        return _ends_of(list(_joined(below))), []
    above = list(_belonging(lines, range(number - 1, -1, -1), begins))
    if _TOP_OF_PYTHON.match(lines[number - len(above) - 1]):
        return _ends_of(list(_joined(above[::-1]))), []
    calm = takewhile(lambda line: weigh(line) is Weight.PLAIN, below[:_DETAILS])
    return [], list(calm) if begins(lines[number]) else []


def _belonging(lines: Sequence[str], numbers: range, begins: Begins) -> Iterator[str]:
    """The lines next to a line that are a part of what it begins or ends; only those with words."""
    for line in filter(_WORD.search, (lines[number] for number in numbers[:_LONGEST])):
        indented = line[:1] in " \t"
        part = _is_frame(line) or (not begins(line) and (indented or weigh(line) is Weight.PLAIN))
        if not part or _TOP_OF_PYTHON.match(line):
            return
        yield line


def _is_frame(line: str) -> bool:
    located = line[:1] in " \t" and _LOCATION.search(line)
    return bool(located or _FRAME.match(line) or _CAUSE.match(line))


def _joined(lines: Iterable[str]) -> Iterator[str]:
    """Frames in one line each: of a name and its place, one stands below the other, deeper."""
    before, depth = "", 0
    for line in lines:
        indent = len(line) - len(line.lstrip())
        alone = bool(_LOCATION.search(before)) is bool(_LOCATION.search(line))
        if not before or alone or indent <= depth or _CAUSE.match(before):
            yield from filter(None, [before])
            before, depth = line.strip(), indent
        else:
            yield f"{before} {line.strip()}"
            before = ""
    yield from filter(None, [before])


def _ends_of(frames: Sequence[str]) -> list[str]:
    """The causes, and of the frames the outermost and the innermost: if there are any, own ones."""
    causes = [n for n, frame in enumerate(frames) if _CAUSE.match(frame)]
    placed = [n for n, frame in enumerate(frames) if _LOCATION.search(frame)]
    own = [n for n in placed if not _FOREIGN.search(frames[n])] or placed
    ends = {*own[:_FRAMES], *own[-_FRAMES:], *causes[:1], *causes[1 - _CAUSES :]}
    return [frames[n] for n in sorted(ends)]
