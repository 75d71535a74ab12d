"""Summary: a run as a short text that a person or a model can act on. Pure.

The first line is the verdict. Then what went wrong, hosts with the same cause together, each cause
with the lines of the output that carry it; then what changed since the last good run, what
succeeded, short, and what to do next. Also the place to get the other faces of a run from.
"""

from collections.abc import Iterable, Iterator, Sequence

from opsmcp_pipelines.run import Verdict
from opsmcp_tools.advice import FindTool, advise, no_tool
from opsmcp_tools.comparison import changes, some
from opsmcp_tools.condense import LEAST_TOKENS, condense, room_for
from opsmcp_tools.grouping import Group, failures, hosts_of, successes
from opsmcp_tools.output import output_slice
from opsmcp_tools.progress import last_states
from opsmcp_tools.runs import RunRecord
from opsmcp_tools.structured import structured
from opsmcp_tools.text import clean, fence, label
from opsmcp_tools.tokens import estimate_tokens

__all__ = [
    "DEFAULT_TOKENS",
    "LEAST_TOKENS_OF_RESULT",
    "clean",
    "headline",
    "output_slice",
    "structured",
    "summarise",
]

DEFAULT_TOKENS = 1_500
LEAST_TOKENS_OF_RESULT = 300
"""Below, there is no room for more than the verdict."""

_MOST_FAILURES = 8
_MOST_SHOWN = 8
_MOST_HOSTS = 4
_MOST_HOSTS_OF_GROUP = 10
_FRAME_TOKENS = 30
"""What the lines around an output take: the fence and the line ends."""

_POINTER_TOKENS = 20
"""What the line that says where all output is takes."""

_SHARE_OF_SUCCESS = 0.25
"""How much of the room that is left after a failure may go to what succeeded."""


def summarise(
    record: RunRecord,
    *,
    mark: str,
    tokens: int = DEFAULT_TOKENS,
    before: RunRecord | None = None,
    find: FindTool = no_tool,
) -> str:
    """The text of a run's result, outputs fenced as data.

    Args:
        record: The run.
        mark: What fences outputs, new for each answer.
        tokens: About how many the text may take at most.
        before: The last good run of the same call, if there was one.
        find: The tools that advice may name.
    """
    advice = "\n".join(f"Next: {line}" for line in advise(record, find))
    page = _Page(max(tokens, LEAST_TOKENS_OF_RESULT) - estimate_tokens(advice) - 1, mark)
    page.add(headline(record))
    page.add_all(_explanation(record))
    bad = failures(record)
    extra = [*_task_lines(record), *_changes(record, before)]
    _add_failures(page, record, bad, keep=sum(map(_cost, extra)))
    page.add_all(extra)
    _add_successes(page, record, short=bool(bad))
    return "\n".join([*page.blocks, advice] if advice else page.blocks)


class _Page:
    """Blocks of text, as many as fit. `room` is in tokens, `mark` fences outputs."""

    def __init__(self, room: int, mark: str) -> None:
        self.blocks: list[str] = []
        self.room = room
        self._mark = mark

    def add(self, block: str) -> bool:
        cost = _cost(block)
        if cost > self.room:
            return False
        self.blocks.append(block)
        self.room -= cost
        return True

    def add_all(self, blocks: Iterable[str]) -> None:
        for block in blocks:
            if not self.add(block):
                return

    def add_output(self, heading: str, output: str, share: int) -> bool:
        """Show a cleaned output in at most `share` tokens; whether all of it is shown."""
        if not output.strip():
            return self.add(f"{heading} (no output)")
        room = min(share, self.room) - _cost(heading) - _FRAME_TOKENS
        if room < LEAST_TOKENS and _cost(output) > room:
            self.add(heading)
            return False
        short = condense(output, room)
        return self.add(f"{heading}\n{fence(short, self._mark)}") and short == output


def _cost(block: str) -> int:
    return estimate_tokens(block) + 1


def headline(record: RunRecord) -> str:
    """The verdict line: how it ended, where, and how long it took."""
    hosts = hosts_of(record)
    where = f" on {some(hosts, _MOST_HOSTS)}" if hosts else ""
    took = f"{'for' if not record.ended else 'after'} {record.duration_seconds:.1f} s"
    return f"{record.verdict}: {label(record.operation.name)}{where} {took} (run {record.run})"


def _explanation(record: RunRecord) -> Iterator[str]:
    if record.result.reason:
        yield f"Reason: {label(record.result.reason, 400)}"
    if record.verdict is Verdict.NOTHING_RAN and record.source_run:
        yield "The source does not say why. Likely reasons, most frequent first:"
        yield from (f"- {reason}" for reason in _likely_reasons(record))


def _likely_reasons(record: RunRecord) -> Iterator[str]:
    arguments = record.arguments
    given = ", ".join(f"{label(name)}={label(arguments[name])}" for name in list(arguments)[:10])
    host = label(arguments.get("host", ""))
    yield f"the host {host!r} does not exist or is away" if host else "no host fits the operation"
    yield f"a variable that it needs is missing (given: {given or 'nothing'})"
    yield "the host refused the login"
    yield "the conditions of all steps were false, and there was nothing to do"


def _add_failures(page: _Page, record: RunRecord, groups: list[Group], keep: int) -> None:
    """Share the room among the kinds of failure, but for what others need."""
    hosts = len(hosts_of(record))
    kept = min(keep, page.room // 4) + _POINTER_TOKENS
    shown = [(_heading(group, hosts), _output(group)) for group in groups[:_MOST_FAILURES]]
    for (heading, output), share in zip(shown, _shares(shown, page.room - kept), strict=True):
        page.add_output(heading, output, share)
    left = groups[_MOST_FAILURES:]
    if left:
        where = len({host for group in left for host in group.hosts})
        page.add(
            f"{len(left):,} more kinds of failure on {where:,} hosts: get_run_output "
            f"run={record.run}"
        )


def _heading(group: Group, of_hosts: int) -> str:
    note = f" ({label(group.step.note)})" if group.step and group.step.note else ""
    step = f", step {label(group.step.name)}" if group.step else ""
    what = f"ask {label(group.task.name)}{step}"
    if len(group.hosts) == 1 and of_hosts == 1:
        return f"T{what} on {label(group.hosts[0])}: {group.verdict}{note}"
    cause = f"{label(group.cause, 160)}: " if group.cause else ""
    hosts = some(group.hosts, _MOST_HOSTS_OF_GROUP)
    count = f"{len(group.hosts):,} of {of_hosts:,} hosts"
    return f"{count}: {cause}{hosts} (t{what}: {group.verdict}{note})"


def _task_lines(record: RunRecord) -> Iterator[str]:
    if len(record.result.tasks) < 2:
        return
    yield "Tasks:"
    for task in record.result.tasks:
        reason = f" ({label(task.reason, 120)})" if task.reason else ""
        allowed = ", as its author allowed" if task.allowed else ""
        yield f"- {label(task.name)}: {task.verdict}{allowed}{reason}"


def _changes(record: RunRecord, before: RunRecord | None) -> list[str]:
    return changes(record, before) if before is not None and record.ended else []


def _add_successes(page: _Page, record: RunRecord, *, short: bool) -> None:
    """Share the room that is left among the steps that worked."""
    hosts, groups = len(hosts_of(record)), successes(record)
    shown = [(_heading(group, hosts), _output(group)) for group in groups[:_MOST_SHOWN]]
    whole = len(groups) <= _MOST_SHOWN and all(map(_kept_whole, groups))
    room = (int(page.room * _SHARE_OF_SUCCESS) if short else page.room) - _POINTER_TOKENS
    for (heading, output), share in zip(shown, _shares(shown, room), strict=True):
        whole &= share >= _FRAME_TOKENS and page.add_output(heading, output, share)
    if not whole:
        page.add(f"All output: get_run_output run={record.run}")


def _output(group: Group) -> str:
    return clean(last_states(group.step.output)) if group.step else ""


def _kept_whole(group: Group) -> bool:
    step = group.step
    if step is None:
        return True
    kept = step.output_bytes <= len(step.output.encode("utf-8", "replace"))
    return kept and _output(group) == clean(step.output)


def _shares(outputs: Sequence[tuple[str, str]], room: int) -> list[int]:
    """How many tokens each output may take: short ones what they need, long ones what is left."""
    needs = [
        _cost(heading) + _FRAME_TOKENS + room_for(output[: 4 * max(0, room)])
        for heading, output in outputs
    ]
    shares = [0] * len(needs)
    smallest_first = sorted(range(len(needs)), key=needs.__getitem__)
    for place, number in enumerate(smallest_first):
        shares[number] = min(needs[number], room // (len(needs) - place))
        room -= shares[number]
    return shares
