"""Comparison: what is different from the last good run of the same call. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC
from functools import reduce

from opsmcp_pipelines.run import StepResult, Verdict
from opsmcp_tools.condense.trouble import coarse_keys
from opsmcp_tools.model.run_record import RunRecord
from opsmcp_tools.phrases import result as words
from opsmcp_tools.phrases.phrase import Phrase, Said
from opsmcp_tools.results.advice import steps_of
from opsmcp_tools.results.grouping import hosts_of
from opsmcp_tools.results.readings import Lines, without_readings
from opsmcp_tools.safe_text.cleaning import clean, label

__all__ = ["changes", "some"]

_MOST_OUTPUTS = 3
_MOST_LINES = 2
_COMPARED_CHARACTERS = 64 * 1024
_LONG_OUTPUT = 60
_SLOWER = 3.0
_WORTH_SAYING_SECONDS = 5.0

_Step = tuple[str, str, str]


def changes(record: RunRecord, before: RunRecord) -> list[Said]:
    """What to say, one line each; the first names the run that is compared with."""
    at = before.created_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    found = [*_differences(record, before)]
    if not found:
        return [words.NO_CHANGES(before.run, at)] if record.verdict is Verdict.SUCCEEDED else []
    return [words.CHANGES(before.run, at), *found]


def some(names: Iterable[str], most: int = 10) -> Said:
    """The first names, and how many more there are."""
    all_names = list(names)
    shown = ", ".join(label(name, 60) for name in all_names[:most])
    left = len(all_names) - most
    return words.AND_MORE(shown, f"{left:,}") if left > 0 else words.AS_IT_IS(shown)


def _differences(record: RunRecord, before: RunRecord) -> Iterator[Said]:
    yield from _hosts(words.NEW_HOSTS, hosts_of(record), hosts_of(before))
    yield from _hosts(words.GONE_HOSTS, _places(record, before), _all_places(record))
    old, new = _steps(before), _steps(record)
    yield from _newly_bad(new, old)
    if record.definition == before.definition:
        yield from _missing(new, old)
    else:
        yield words.OTHER_DEFINITION()
    if record.verdict is Verdict.SUCCEEDED:
        yield from _outputs(new, old)
    yield from _slower(record.duration_seconds, before.duration_seconds)


def _slower(seconds: float | None, before: float | None) -> Iterator[Said]:
    if seconds is None or before is None or seconds <= _WORTH_SAYING_SECONDS:
        return
    if seconds > _SLOWER * before:
        yield words.SLOWER(seconds, before)


def _hosts(what: Phrase, these: list[str], those: list[str]) -> Iterator[Said]:
    known = set(those)
    only = [name for name in these if name not in known]
    if only:
        yield what(some(only))


def _places(record: RunRecord, before: RunRecord) -> list[str]:
    """Where the tasks ran before that ran now: of one that was not reached, nothing is known."""
    reached = {task.name for task, _, _ in steps_of(record)}
    return list(dict.fromkeys(node for task, node, _ in steps_of(before) if task.name in reached))


def _all_places(record: RunRecord) -> list[str]:
    """Where it ran, and where it was to run: it may have ended before it came there."""
    meant = (host.name for task in record.expected for host in task.place.hosts)
    return [*hosts_of(record), *meant]


def _steps(record: RunRecord) -> dict[_Step, StepResult]:
    return {(task.name, node, step.name): step for task, node, step in steps_of(record)}


def _newly_bad(new: dict[_Step, StepResult], old: dict[_Step, StepResult]) -> Iterator[Said]:
    bad: dict[tuple[str, str, Verdict], list[str]] = {}
    for (task, node, name), step in new.items():
        was = old.get((task, node, name))
        if was is not None and was.verdict is Verdict.SUCCEEDED and step.verdict is not was.verdict:
            bad.setdefault((task, name, step.verdict), []).append(node)
    for (task, name, verdict), nodes in bad.items():
        yield words.NOW_BAD(label(task), label(name), verdict, some(nodes))


def _missing(new: dict[_Step, StepResult], old: dict[_Step, StepResult]) -> Iterator[Said]:
    hosts = {node for _, node, _ in new}
    gone = dict.fromkeys((task, name) for task, node, name in old if node in hosts)
    left = [f"{task}/{name}" for task, name in gone if not _has(new, task, name)]
    if left:
        yield words.NOT_RUN(some(left))


def _has(steps: dict[_Step, StepResult], task: str, name: str) -> bool:
    return any(key[0] == task and key[2] == name for key in steps)


def _outputs(new: dict[_Step, StepResult], old: dict[_Step, StepResult]) -> Iterator[Said]:
    both_good = [
        (key, step.output, old[key].output)
        for key, step in new.items()
        if key in old and step.verdict is Verdict.SUCCEEDED and step.output != old[key].output
    ]
    for (_, node, name), now, then in both_good[:_MOST_OUTPUTS]:
        added, removed = _only(now, then), _only(then, now)
        parts = [words.NOW(added)] if added else []
        parts += [words.THEN(removed)] if removed else []
        if parts:
            both = reduce(words.BOTH, parts, words.AS_IT_IS(parts.pop(0)))
            yield words.OUTPUT_DIFFERS(label(name), label(node), both)
    if len(both_good) > _MOST_OUTPUTS:
        yield words.MORE_DIFFER(f"{len(both_good) - _MOST_OUTPUTS:,}")


def _only(these: str, those: str) -> Said | None:
    """The first lines that only `these` has, quoted; None if there are none."""
    lines, others = _lines(these), _lines(those)
    # A short output is a state, in which a number matters; a long one is a log, full of numbers.
    is_log = len(lines) > _LONG_OUTPUT
    only = _new_in_log(lines, others) if is_log else _new_in_state(lines, others)
    shown = ", ".join(repr(label(line, 100)) for line in only[:_MOST_LINES])
    left = len(only) - _MOST_LINES
    if left > 0:
        return words.MORE_LINES(shown, f"{left:,}")
    return words.AS_IT_IS(shown) if shown else None


def _new_in_log(lines: Sequence[str], others: Sequence[str]) -> list[str]:
    known = set(coarse_keys("\n".join(others)))
    first: dict[bytes, str] = {}
    for key, line in zip(coarse_keys("\n".join(lines)), lines, strict=True):
        if line.strip() and key not in known:
            first.setdefault(key, line)
    return list(first.values())


def _new_in_state(lines: Sequence[str], others: Sequence[str]) -> list[str]:
    known = Lines(others)
    return [line for line in dict.fromkeys(lines) if line.strip() and not known.hold(line)]


def _lines(output: str) -> list[str]:
    return without_readings(clean(output[-_COMPARED_CHARACTERS:]).split("\n"))
