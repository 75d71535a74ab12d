"""Summary: a run as a short text that a person or a model can act on. Pure.

The first line is the verdict. Then what went wrong, hosts with the same cause together, each cause
with the lines of the output that carry it; then what changed since the last good run, what went
wrong as its author allowed, what succeeded, short, and what to do next.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from opsmcp_pipelines.run import StepResult, Verdict
from opsmcp_tools.condense.carriage_returns import last_states
from opsmcp_tools.condense.choose import LEAST_TOKENS, condense, room_for, share_room
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.phrases import result as words
from opsmcp_tools.phrases.output import CAREFUL
from opsmcp_tools.phrases.phrase import Language, Said, say
from opsmcp_tools.phrases.quantity import size_in_words
from opsmcp_tools.results.advice import (
    FindTool,
    is_known_why_idle,
    next_steps,
    no_tool,
    repetition,
    shortest_selection,
    steps_of,
    warnings,
)
from opsmcp_tools.results.comparison import changes, some
from opsmcp_tools.results.grouping import Group, allowed_failures, failures, hosts_of, successes
from opsmcp_tools.results.next_step_syntax import CALLS, NextStepSyntax
from opsmcp_tools.results.unique_names import with_unique_names
from opsmcp_tools.safe_text.cleaning import clean, fence, label
from opsmcp_tools.safe_text.token_estimate import CHARACTERS_PER_TOKEN, estimate_tokens

__all__ = [
    "DEFAULT_TOKENS",
    "LEAST_TOKENS_OF_RESULT",
    "headline",
    "wrap_generated",
    "summarise",
]

DEFAULT_TOKENS = 1_500
LEAST_TOKENS_OF_RESULT = 300
"""Below, there is no room for more than the verdict."""

_MOST_FAILURES = 8
_MOST_SHOWN = 16
_MOST_HOSTS = 4
_MOST_HOSTS_OF_GROUP = 10
_LONGEST_CAUSE = 160
_LONGEST_NOTE = 240
"""Of what is to be known of a step; it may name a command or a file."""

_FRAME_TOKENS = 30
"""What the lines around an output take: the fence and the line ends."""

_POINTER_TOKENS = 60
"""What the line that says of which output there is more, and where, usually takes."""


def summarise(
    record: RunRecord,
    *,
    mark: str,
    tokens: int = DEFAULT_TOKENS,
    before: RunRecord | None = None,
    find: FindTool = no_tool,
    language: Language = "en",
    syntax: NextStepSyntax = CALLS,
) -> str:
    """The text of a run's result, outputs fenced as data.

    Args:
        record: The run.
        mark: What fences outputs, new for each answer.
        tokens: About how many the text may take at most.
        before: The last good run of the same call, if there was one.
        find: The tools that advice may name.
        language: In which words of ours.
        syntax: How the reader gets at more.
    """
    record, before = with_unique_names(record), before and with_unique_names(before)
    most = max(tokens, LEAST_TOKENS_OF_RESULT)
    advice = _advice(record, find, language, syntax)
    page = _Page(most - estimate_tokens(advice) - 1, mark, language, syntax)
    page.add(headline(record, language))
    page.add_all(repetition(record, syntax))
    page.add_all(_explanation(record))
    page.add_all(CAREFUL(said) for said in warnings(record))
    bad, others = failures(record), [*allowed_failures(record), *successes(record)]
    extra = [*_task_lines(record), *_changes(record, before)]
    shown = [_shown(group, len(hosts_of(record)), language) for group in others[:_MOST_SHOWN]]
    kept = sum(_cost(said.to(language)) for said in extra) + sum(_cost(it.heading) for it in shown)
    _add_failures(page, record, bad, keep=kept)
    page.add_all(extra)
    _add_untouched(page, record, bad)
    page.add_outputs(shown, page.room - _POINTER_TOKENS)
    _add_pointer(page, record, others)
    return "\n".join([*page.blocks, advice] if advice else page.blocks)


def wrap_generated(
    record: RunRecord,
    generated: str,
    *,
    model: str,
    mark: str,
    find: FindTool = no_tool,
    language: Language = "en",
    syntax: NextStepSyntax = CALLS,
) -> str:
    """The text of a result whose middle is what a model made of it: marked, and fenced as data."""
    lines = [
        headline(record, language),
        *(said.to(language) for said in repetition(record, syntax)),
        *(CAREFUL(said).to(language) for said in warnings(record)),
        words.GENERATED(label(model)).to(language),
        fence(generated, mark, "generated"),
        _pointer(record, syntax).to(language),
        _advice(record, find, language, syntax),
    ]
    return "\n".join(line for line in lines if line)


def _advice(record: RunRecord, find: FindTool, language: Language, syntax: NextStepSyntax) -> str:
    return "\n".join(words.NEXT(line).to(language) for line in next_steps(record, find, syntax))


def _add_pointer(page: "_Page", record: RunRecord, others: Sequence[Group]) -> None:
    """Where there is more than is shown: of which step, how long it is, and the call."""
    missing = len(others) > _MOST_SHOWN or any(map(_is_missing, others))
    if not page.cut and not missing:
        return
    if not page.cut or not page.add(page.cut[0].pointer(record, page.syntax, len(page.cut) - 1)):
        page.add(_pointer(record, page.syntax))


def _is_missing(group: Group) -> bool:
    """Whether no text of ours can show all that its steps printed."""
    return group.alike or (group.step is not None and group.step.lost_bytes > 0)


def _pointer(record: RunRecord, syntax: NextStepSyntax) -> Said:
    """Where all output is; all that there still is."""
    lost = any(step.lost_bytes for _, _, step in steps_of(record))
    return (words.ALL_KEPT_OUTPUT if lost else words.ALL_OUTPUT)(syntax.output(record.run))


class _Page:
    """Blocks of text, as many as fit. `room` is in tokens, `mark` fences outputs."""

    def __init__(self, room: int, mark: str, language: Language, syntax: NextStepSyntax) -> None:
        self.blocks: list[str] = []
        self.cut: list[_Shown] = []
        self.room = room
        self.language: Language = language
        self.syntax = syntax
        self._mark = mark

    def add(self, block: str | Said) -> bool:
        text = say(block, self.language)
        cost = _cost(text)
        if cost > self.room:
            return False
        self.blocks.append(text)
        self.room -= cost
        return True

    def add_all(self, blocks: Iterable[Said]) -> None:
        for block in blocks:
            if not self.add(block):
                return

    def add_outputs(self, outputs: Sequence["_Shown"], room: int) -> None:
        """Show outputs in at most `room` tokens, which they share by what each needs."""
        for output, share in zip(outputs, _shares(outputs, room), strict=True):
            if not self._add_output(output, share) and output.whole.strip():
                self.cut.append(output)

    def _add_output(self, shown: "_Shown", share: int) -> bool:
        """Show an output in at most `share` tokens; whether all of it is shown."""
        if not shown.output.strip():
            return self.add(words.NO_OUTPUT(shown.heading))
        if shown.is_said:
            return self.add(shown.heading)
        room = min(share, self.room) - _cost(shown.heading) - _FRAME_TOKENS
        if room < LEAST_TOKENS and _cost(shown.output) > room:
            self.add(shown.heading)
            return False
        short = condense(shown.output, room, self.language)
        added = self.add(f"{shown.heading}\n{fence(short, self._mark)}")
        return added and short == shown.whole


@dataclass(frozen=True, slots=True)
class _Shown:
    """An output under its heading: all of it, and what of it is worth showing."""

    group: Group
    heading: str
    whole: str
    output: str
    is_said: bool
    """Whether the heading holds all of it."""

    def pointer(self, record: RunRecord, syntax: NextStepSyntax, others: int) -> Said:
        """How long it is, and the call that reads all of it; `others` are not whole, either."""
        step = self.group.step.name if self.group.step else ""
        where = shortest_selection(record, self.group.task.name, self.group.hosts[0], step)
        lines = self.whole.count("\n") + (not self.whole.endswith("\n"))
        size = size_in_words(len(self.whole.encode("utf-8", "replace")))
        more = words.AND_STEPS(others) if others else ""
        call = syntax.output(record.run, **where)
        return words.NOT_WHOLE(label(step), f"{lines:,}", size, more, call)


def _cost(block: str) -> int:
    return estimate_tokens(block) + 1


def headline(record: RunRecord, language: Language = "en") -> str:
    """The verdict line: how it ended, where, and how long it took."""
    name = label(record.operation.name)
    said = words.HEADLINE(record.verdict, name, _where(record), _took(record), record.run)
    return said.to(language)


def _took(record: RunRecord) -> Said:
    seconds = record.duration_seconds
    if seconds is None:
        return words.AFTER_UNKNOWN()
    return words.AFTER_SECONDS(seconds) if record.ended else words.FOR_SECONDS(seconds)


def _where(record: RunRecord) -> Said | str:
    hosts = hosts_of(record)
    if len(hosts) <= _MOST_HOSTS:
        return words.ON(some(hosts)) if hosts else ""
    bad = len(_hosts_in(failures(record))) if record.ended else 0
    count = f"{len(hosts):,}"
    return words.ON_SOME_OF_HOSTS(f"{bad:,}", count) if bad else words.ON_HOSTS(count)


def _hosts_in(groups: Iterable[Group]) -> set[str]:
    return {host for group in groups for host in group.hosts}


def _explanation(record: RunRecord) -> Iterator[Said]:
    if record.result.reason:
        phrase = words.GOOD_TO_KNOW if record.verdict is Verdict.SUCCEEDED else words.REASON
        yield phrase(label(record.result.reason, 400))
    if record.verdict is not Verdict.NOTHING_RAN or is_known_why_idle(record):
        return
    if record.source_run:
        yield words.LIKELY_REASONS()
        yield from _likely_reasons(record)


def _likely_reasons(record: RunRecord) -> Iterator[Said]:
    arguments = record.arguments
    shown = ", ".join(f"{label(name)}={label(arguments[name])}" for name in list(arguments)[:10])
    host = label(arguments.get("host", ""))
    known = any(task.place.hosts for task in record.expected)
    yield words.NO_SUCH_HOST(host) if host else words.HOSTS_AWAY() if known else words.NO_HOST()
    yield words.MISSING_VARIABLE(shown or words.NOTHING_GIVEN())
    yield words.LOGIN_REFUSED()
    yield words.NOTHING_TO_DO()


def _add_failures(page: _Page, record: RunRecord, groups: list[Group], keep: int) -> None:
    """Share the room among the kinds of failure, but for what others need."""
    kept = min(keep, page.room // 4) + _POINTER_TOKENS
    page.add_outputs(
        [_shown(group, len(hosts_of(record)), page.language) for group in groups[:_MOST_FAILURES]],
        page.room - kept,
    )
    left = groups[_MOST_FAILURES:]
    if left:
        where = f"{len(_hosts_in(left)):,}"
        page.add(words.MORE_KINDS(f"{len(left):,}", where, page.syntax.output(record.run)))


def _add_untouched(page: _Page, record: RunRecord, bad: list[Group]) -> None:
    """After a failure, on how many of several hosts nothing went wrong."""
    hosts = len(hosts_of(record))
    untouched = hosts - len(_hosts_in([*bad, *allowed_failures(record)]))
    if bad and record.ended and hosts > 1 and untouched:
        page.add(words.NOTHING_WRONG_ON(f"{untouched:,}", f"{hosts:,}"))


def _shown(group: Group, of_hosts: int, language: Language) -> _Shown:
    shown = group.step.output if group.step else ""
    whole, heading = clean(shown), _heading(group, of_hosts).to(language)
    cause = label(group.cause, _LONGEST_CAUSE)
    said = len(group.hosts) > 1 and whole.strip() == cause
    return _Shown(group, heading, whole, clean(last_states(shown, language)), said)


def _heading(group: Group, of_hosts: int) -> Said:
    note = _note(group.step) if group.step else ""
    task = label(group.task.name)
    step = label(group.step.name) if group.step else ""
    verdict = words.FORESEEN(group.verdict, words.ALLOWED()) if group.allowed else group.verdict
    if of_hosts == 1:
        what = words.TASK_STEP_FIRST(task, step) if step else words.TASK_FIRST(task)
        return words.ON_ONE_HOST(what, label(group.hosts[0]), verdict, note)
    what = words.TASK_STEP(task, step) if step else words.TASK_ALONE(task)
    # Quoted, because it is a line of the output and stands outside of its fence.
    cause = words.CAUSE(repr(label(group.cause, _LONGEST_CAUSE))) if group.cause else ""
    hosts = some(group.hosts, _MOST_HOSTS_OF_GROUP)
    more = words.ALIKE(label(group.hosts[0])) if group.alike else note
    count = f"{len(group.hosts):,}"
    return words.ON_SOME_HOSTS(count, f"{of_hosts:,}", cause, hosts, what, verdict, more)


def _note(step: StepResult) -> Said | str:
    """What is to be known of a step beside its output, and of what is missing from that."""
    lost = words.NOT_KEPT(size_in_words(step.lost_bytes)) if step.lost_bytes else ""
    said = "" if step.note == step.verdict else label(step.note, _LONGEST_NOTE)
    if said and lost:
        return words.NOTE(words.BOTH(said, lost))
    return words.NOTE(said or lost) if said or lost else ""


def _task_lines(record: RunRecord) -> Iterator[Said]:
    if len(record.result.tasks) < 2:
        return
    yield words.TASKS()
    for task in record.result.tasks:
        reason = words.NOTE(label(task.reason, 120)) if task.reason else ""
        allowed = words.ALLOWED() if task.allowed else ""
        yield words.TASK(label(task.name), task.verdict, allowed, reason)


def _changes(record: RunRecord, before: RunRecord | None) -> list[Said]:
    return changes(record, before) if before is not None and record.ended else []


def _shares(outputs: Sequence[_Shown], room: int) -> list[int]:
    """How many tokens each output may take with its heading."""
    most = CHARACTERS_PER_TOKEN * max(0, room)
    needs = [_cost(it.heading) + _FRAME_TOKENS + room_for(it.output[:most]) for it in outputs]
    return share_room(needs, room)
