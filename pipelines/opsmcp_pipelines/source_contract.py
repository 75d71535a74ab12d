"""What every source must keep to, as checks that its tests run: one row in `CHECKS` for each.

Whoever writes a source makes a `Subject` of it, open and with two operations, and runs
`await check(subject)` for each check. A check raises AssertionError with what was not kept.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from uuid import uuid4

import anyio
from anyio.lowlevel import checkpoint

from opsmcp_pipelines.errors import NotFound, NotOurRun, SourceError
from opsmcp_pipelines.models import Definition, OperationKey
from opsmcp_pipelines.report import RunReport, Status
from opsmcp_pipelines.source import (
    Cancelled,
    ChangeSource,
    LocalSource,
    RunRef,
    Source,
    StartRequest,
)

__all__ = ["CHECKS", "Subject"]

_END_SECONDS = 30.0
_NOTHING_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Subject:
    """An open source with an operation that ends soon, and one that goes on for a minute.

    `step` lets some time of the source's own pass, where it has a clock that tests move.
    """

    source: Source
    quick: OperationKey
    long: OperationKey
    step: Callable[[], Awaitable[None]] = checkpoint

    async def definition(self, key: OperationKey) -> Definition:
        """What the source says that the operation is."""
        found = (await self.source.read()).definition(key)
        assert found is not None, f"{key} is not among what was read"
        return found

    async def start(self, key: OperationKey) -> RunRef:
        """Start it under a call id of its own."""
        return await self.source.start(await self.request(key))

    async def request(self, key: OperationKey) -> StartRequest:
        """A start of it, by somebody, under a call id of its own."""
        call_id = f"r-{uuid4().hex[:10]}"
        return StartRequest(await self.definition(key), call_id, principal="anna")

    async def end(self, ref: RunRef) -> RunReport:
        """How it ended."""
        with anyio.fail_after(_END_SECONDS):
            while not (report := await self.source.read_run(ref)).status.ended:
                await self.step()
        return report


async def an_unchanged_reading_is_the_same_object(subject: Subject) -> None:
    """So that nobody compares catalogues that did not change."""
    assert await subject.source.read() is await subject.source.read()


async def a_run_ends_and_says_so(subject: Subject) -> None:
    """The report of an ended run has a task and stays as it is."""
    ref = await subject.start(subject.quick)
    report = await subject.end(ref)
    assert report.status is Status.SUCCEEDED, report
    assert report.tasks
    assert await subject.source.read_run(ref) == report


async def a_run_is_found_by_its_call(subject: Subject) -> None:
    """And by that of no other call."""
    ref = await subject.start(subject.quick)
    assert await subject.source.find_run(subject.quick, ref.call_id, checkpoint) == ref
    assert await subject.source.find_run(subject.quick, "r-nobodys", checkpoint) is None


async def many_runs_read_like_one(subject: Subject) -> None:
    """What the list says of a run is what reading it says."""
    ref = await subject.start(subject.quick)
    report = await subject.end(ref)
    found = await subject.source.read_runs(frozenset({ref}), checkpoint)
    assert found.get(ref, report) == report


async def a_run_of_another_call_is_not_ours(subject: Subject) -> None:
    """A name alone makes no run ours."""
    ref = await subject.start(subject.quick)
    try:
        await subject.source.read_run(replace(ref, call_id="r-another"))
    except (NotFound, NotOurRun):
        return
    raise AssertionError("the run of another call was read as ours")


async def a_run_that_is_not_there_is_not_found(subject: Subject) -> None:
    """Absence is said, not guessed."""
    try:
        await subject.source.read_run(RunRef(subject.quick, "no-such-run", "r-nobodys"))
    except NotFound:
        return
    raise AssertionError("a run that nobody started was read")


async def what_does_not_exist_is_not_started(subject: Subject) -> None:
    """A start of an operation that the source has not is refused."""
    definition = await subject.definition(subject.quick)
    other = replace(definition, operation=replace(definition.operation, name="no-such-operation"))
    try:
        await subject.source.start(StartRequest(other, "r-nothing"))
    except SourceError:
        return
    raise AssertionError("an operation that does not exist was started")


async def cancelling_is_told_as_it_was(subject: Subject) -> None:
    """A source that cancels ends the run; one that does not leaves it and says so."""
    ref = await subject.start(subject.long)
    done = await subject.source.cancel(ref)
    if not subject.source.traits.cancels:
        assert done is Cancelled.GOES_ON
        return
    assert done is not Cancelled.GOES_ON
    assert (await subject.end(ref)).status is not Status.SUCCEEDED
    assert await subject.source.cancel(ref) is Cancelled.GOES_ON


async def a_start_that_is_repeated_makes_no_second_run(subject: Subject) -> None:
    """Where the source says so, a start that was not answered may be sent again."""
    if not subject.source.traits.repeats_safely:
        return
    request = await subject.request(subject.quick)
    ref = await subject.source.start(request)
    assert await subject.source.start(request) == ref
    await subject.end(ref)


async def a_change_is_told_until_it_is_read(subject: Subject) -> None:
    """Nobody who was told looks in vain, and of what is over nothing more is told."""
    if not isinstance(subject.source, ChangeSource):
        return
    ref = await subject.start(subject.quick)
    with anyio.fail_after(_END_SECONDS):
        while not (await subject.source.read_run(ref)).status.ended:
            await subject.source.changed(ref)
    for other in (ref, replace(ref, call_id="r-nobodys")):
        with anyio.move_on_after(_NOTHING_SECONDS) as nothing:
            await subject.source.changed(other)
        assert nothing.cancelled_caught, "a change was told, and there was none"


async def a_run_in_this_process_ends_with_it_and_is_forgotten(subject: Subject) -> None:
    """Whoever follows the runs of a local source keeps them, and is told how they ended."""
    if not isinstance(subject.source, LocalSource):
        return
    ref = await subject.start(subject.long)
    with anyio.fail_after(_END_SECONDS):
        await subject.source.stop()
    assert (await subject.source.read_run(ref)).status is Status.ABORTED
    subject.source.forget(ref)
    try:
        await subject.source.read_run(ref)
    except NotFound:
        assert (await subject.source.end_left_over(ref.operation, ref.call_id)).strip()
        return
    raise AssertionError("a run that was forgotten was read")


async def what_a_run_must_show_covers_its_tasks(subject: Subject) -> None:
    """Every task of the definition is expected, by name."""
    definition = await subject.definition(subject.quick)
    expected = subject.source.expect(definition, await subject.source.read(), {})
    assert len(expected) == len(definition.tasks)


async def it_has_a_name_for_messages(subject: Subject) -> None:
    """People must know which source is meant."""
    assert subject.source.label.strip()


CHECKS = (
    an_unchanged_reading_is_the_same_object,
    a_run_ends_and_says_so,
    a_run_is_found_by_its_call,
    many_runs_read_like_one,
    a_run_of_another_call_is_not_ours,
    a_run_that_is_not_there_is_not_found,
    what_does_not_exist_is_not_started,
    cancelling_is_told_as_it_was,
    a_start_that_is_repeated_makes_no_second_run,
    a_change_is_told_until_it_is_read,
    a_run_in_this_process_ends_with_it_and_is_forgotten,
    what_a_run_must_show_covers_its_tasks,
    it_has_a_name_for_messages,
)
"""All checks, by what they hold."""
