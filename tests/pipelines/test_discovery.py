"""Discovery keeps the last good catalogue and tells of every real change once."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import anyio
import pytest
from anyio.lowlevel import checkpoint

from opsmcp_pipelines.catalogue import Catalogue, Contents, Difference, Problem
from opsmcp_pipelines.discovery import Discovery
from opsmcp_pipelines.errors import SourceProtocolError, SourceUnavailable
from opsmcp_pipelines.models import Cluster, Definition, OperationKey, OperationKind, Pipeline, Task
from opsmcp_pipelines.ops.source import OPS_TRAITS, OpsSettings, open_ops_source
from opsmcp_pipelines.run import RunReport
from opsmcp_pipelines.source import Cancelled, RunRef, StartRequest, Traits
from opsmcp_pipelines.verdict.expected import ExpectedTask
from tests.fakes.ops_server import Fault, fake_ops
from tests.fakes.ops_state import make_pipeline

_ONE = Contents(pipelines=(Pipeline("one", "ops-system"),))
_TWO = Contents(pipelines=(Pipeline("one", "ops-system"), Pipeline("two", "ops-system")))
_DOWN = SourceUnavailable("could not list the tasks: it is down")


@dataclass
class Scripted:
    """A source that answers from a list; the last answer is given again and again."""

    answers: Sequence[Contents | Exception]
    reads: int = 0
    gate: anyio.Event | None = None
    label: str = "the scripted source"
    traits: Traits = OPS_TRAITS

    async def read(self) -> Contents:
        if self.gate is not None:
            await self.gate.wait()
        answer = self.answers[min(self.reads, len(self.answers) - 1)]
        self.reads += 1
        if isinstance(answer, Exception):
            raise answer
        return answer

    def expect(
        self, definition: Definition, contents: Contents, variables: Mapping[str, str]
    ) -> tuple[ExpectedTask, ...]:
        raise NotImplementedError

    async def start(self, request: StartRequest) -> RunRef:
        raise NotImplementedError

    async def read_run(self, ref: RunRef) -> RunReport:
        raise NotImplementedError

    async def read_runs(
        self, refs: Set[RunRef], turn: Callable[[], Awaitable[None]]
    ) -> Mapping[RunRef, RunReport]:
        raise NotImplementedError

    async def find_run(
        self, operation: OperationKey, call_id: str, turn: Callable[[], Awaitable[None]]
    ) -> RunRef | None:
        raise NotImplementedError

    def sign_of(self, report: RunReport) -> str:
        raise NotImplementedError

    async def cancel(self, ref: RunRef) -> Cancelled:
        raise NotImplementedError


@dataclass
class _Clock:
    """Time that passes only in sleep; after `naps` of them sleep never returns."""

    naps: int = 0
    slept: list[float] = field(default_factory=list[float])
    done: anyio.Event = field(default_factory=anyio.Event)

    def now(self) -> datetime:
        return datetime(2026, 11, 23, tzinfo=UTC) + timedelta(seconds=sum(self.slept))

    async def sleep(self, seconds: float) -> None:
        if len(self.slept) == self.naps:
            self.done.set()
            await anyio.sleep_forever()
        self.slept.append(seconds)


class _Listener(list[tuple[int, Difference]]):
    def __call__(self, catalogue: Catalogue, difference: Difference) -> None:
        self.append((catalogue.generation, difference))


def _discovery(source: Scripted, clock: _Clock | None = None, jitter: float = 0.5) -> Discovery:
    clock = clock or _Clock()
    return Discovery(source, now=clock.now, sleep=clock.sleep, jitter=lambda: jitter)


async def _run(discovery: Discovery, clock: _Clock) -> None:
    """Let it run until it has slept as often as it may."""
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            await group.start(discovery.run)
            await clock.done.wait()
            group.cancel_scope.cancel()


async def test_before_the_first_reading_there_is_nothing() -> None:
    discovery = _discovery(Scripted([_ONE]))
    assert discovery.catalogue is None
    assert discovery.health.generation == 0
    assert discovery.health.read_at is None


async def test_the_first_reading_makes_the_first_generation() -> None:
    discovery = _discovery(Scripted([_ONE]))
    heard = _Listener()
    discovery.subscribe(heard)
    assert await discovery.refresh()
    assert discovery.catalogue is not None
    assert discovery.catalogue.contents is _ONE
    assert heard == [(1, Difference(added=(_ONE.pipelines[0].key,)))]


async def test_every_real_change_is_told_once() -> None:
    discovery = _discovery(Scripted([_ONE, _ONE, _TWO, Contents(_TWO.pipelines), _ONE]))
    heard = _Listener()
    discovery.subscribe(heard)
    changed = [await discovery.refresh() for _ in range(5)]
    key = _TWO.pipelines[1].key
    assert changed == [True, False, True, False, True]
    assert heard[1:] == [(2, Difference(added=(key,))), (3, Difference(removed=(key,)))]


async def test_a_new_problem_alone_is_a_new_generation() -> None:
    broken = Contents(_ONE.pipelines, problems=(Problem("x", OperationKind.TASK, "broken"),))
    discovery = _discovery(Scripted([_ONE, broken]))
    assert [await discovery.refresh() for _ in range(2)] == [True, True]
    assert discovery.health.generation == 2


async def test_who_has_left_hears_nothing_more() -> None:
    discovery = _discovery(Scripted([_ONE, _TWO]))
    leaving, staying = _Listener(), _Listener()
    leave = discovery.subscribe(leaving)
    discovery.subscribe(staying)
    await discovery.refresh()
    leave()
    leave()
    await discovery.refresh()
    assert (len(leaving), len(staying)) == (1, 2)


async def test_a_failure_keeps_the_catalogue_and_is_told_in_health() -> None:
    discovery = _discovery(Scripted([_ONE, _DOWN, _DOWN, _ONE]))
    await discovery.refresh()
    before = discovery.catalogue
    assert [await discovery.refresh() for _ in range(2)] == [False, False]
    assert discovery.catalogue is before
    assert (discovery.health.failures, discovery.health.error) == (2, str(_DOWN))
    assert not await discovery.refresh()
    assert (discovery.health.failures, discovery.health.error) == (0, "")


async def test_health_tells_when_it_was_read() -> None:
    clock = _Clock(naps=1)
    discovery = _discovery(Scripted([_ONE, _DOWN]), clock)
    await _run(discovery, clock)
    assert discovery.health.read_at == datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize(("jitter", "seconds"), [(0.0, 27.0), (0.5, 30.0), (1.0, 33.0)])
async def test_the_interval_varies_by_a_tenth(jitter: float, seconds: float) -> None:
    clock = _Clock(naps=3)
    source = Scripted([_ONE])
    await _run(_discovery(source, clock, jitter), clock)
    assert clock.slept == pytest.approx([seconds] * 3)
    assert source.reads == 4


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
async def test_failures_are_retried_soon_and_never_later_than_after_the_interval(
    jitter: float,
) -> None:
    clock, varied = _Clock(naps=8), 0.9 + 0.2 * jitter
    await _run(_discovery(Scripted([_DOWN]), clock, jitter), clock)
    slept = [min(seconds * varied, 30) for seconds in (1, 2, 4, 8, 16, 32, 64, 128)]
    assert clock.slept == pytest.approx(slept)


_NONE = Contents()
_OTHER = Contents(pipelines=(Pipeline("one", "elsewhere"),), tasks=(Task("t", "ops-system"),))


async def test_a_list_that_is_empty_all_of_a_sudden_is_asked_for_once_more() -> None:
    clock = _Clock(naps=3)
    discovery = _discovery(Scripted([_ONE, _NONE, _ONE]), clock)
    await discovery.refresh()
    before = discovery.catalogue
    assert not await discovery.refresh()
    assert discovery.catalogue is before
    assert clock.slept == [1.0]


@pytest.mark.parametrize("answer", [_NONE, _OTHER], ids=["all", "of-one-namespace"])
async def test_a_list_that_stays_empty_is_believed(answer: Contents) -> None:
    source = Scripted([_ONE, answer])
    discovery = _discovery(source, _Clock(naps=1))
    assert [await discovery.refresh() for _ in range(3)] == [True, True, False]
    assert source.reads == 4
    assert discovery.catalogue is not None
    assert discovery.catalogue.contents is answer


async def test_what_is_read_in_part_is_taken_and_counts_as_a_failure() -> None:
    part = replace(_TWO, unread=("b.yaml: no answer",))
    discovery = _discovery(Scripted([_ONE, part, part, _TWO]))
    assert [await discovery.refresh() for _ in range(3)] == [True, True, False]
    assert discovery.catalogue is not None
    assert len(discovery.catalogue.operations) == 2
    assert (discovery.health.failures, discovery.health.error) == (2, "b.yaml: no answer")
    await discovery.refresh()
    assert discovery.health.failures == 0


async def test_an_error_that_nobody_foresaw_counts_and_ends_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    discovery = _discovery(Scripted([_ONE, ZeroDivisionError(), ZeroDivisionError()]))
    assert [await discovery.refresh() for _ in range(3)] == [True, False, False]
    assert discovery.health.failures == 2
    assert caplog.text.count("ZeroDivisionError") == 1


async def test_it_starts_while_the_source_is_down_and_recovers_by_itself() -> None:
    clock = _Clock(naps=2)
    discovery = _discovery(Scripted([_DOWN, _DOWN, _ONE]), clock)
    heard = _Listener()
    discovery.subscribe(heard)
    await _run(discovery, clock)
    assert clock.slept == pytest.approx([1, 2])
    assert [generation for generation, _ in heard] == [1]


async def test_two_readings_never_run_at_once() -> None:
    source = Scripted([_ONE, _TWO], gate=anyio.Event())
    discovery = _discovery(source)
    heard = _Listener()
    discovery.subscribe(heard)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(discovery.refresh)
            await checkpoint()
            assert source.gate is not None
            source.gate.set()
    assert [generation for generation, _ in heard] == [1, 2]


async def test_each_new_fault_is_logged_once_with_the_age(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    other = SourceProtocolError("could not list the tasks: a web page")
    clock = _Clock(naps=5)
    await _run(_discovery(Scripted([_ONE, _DOWN, _DOWN, other, _ONE]), clock), clock)
    warnings = [r.message for r in caplog.records if r.levelno == logging.WARNING]
    assert warnings == [
        f"{_DOWN}; the catalogue is 30 s old",
        f"{other}; the catalogue is 33 s old",
    ]
    assert (
        "the scripted source can be read again after 3 failures; the catalogue was 37 s old"
        in caplog.messages
    )


async def test_a_fault_at_the_start_says_that_there_is_no_catalogue(
    caplog: pytest.LogCaptureFixture,
) -> None:
    await _discovery(Scripted([_DOWN])).refresh()
    assert caplog.messages == [f"{_DOWN}; the catalogue is not there yet"]


async def test_what_was_read_beside_a_fault_is_not_said_to_be_missing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    discovery = _discovery(Scripted([replace(_ONE, unread=("a.yaml: the file cannot be read",))]))
    assert await discovery.refresh()
    assert "a.yaml: the file cannot be read; the rest was read" in caplog.messages
    assert not any("not there yet" in message for message in caplog.messages)


_FAULTS = (Fault.EMPTY, Fault.PANIC, Fault.HTML, Fault.GARBLED, Fault.DROP, Fault.REFUSED)


async def test_no_fault_of_a_real_server_takes_anything_away() -> None:
    async with (
        fake_ops() as ops,
        open_ops_source(OpsSettings(server=ops.url, token=ops.token)) as source,
    ):
        discovery = Discovery(source)
        await discovery.refresh()
        before = discovery.catalogue
        for fault in _FAULTS:
            ops.fail("hosts", fault, text="no")
            assert not await discovery.refresh()
            assert discovery.catalogue is before
        assert discovery.health.failures == len(_FAULTS)
        ops.put("pipelines", make_pipeline("new-one", "list-nodes"))
        assert await discovery.refresh()


async def test_an_inventory_that_changed_is_told() -> None:
    more = Contents(_ONE.pipelines, clusters=(Cluster("far"),))
    discovery = _discovery(Scripted([_ONE, more]))
    heard = _Listener()
    discovery.subscribe(heard)
    await discovery.refresh()
    await discovery.refresh()
    assert heard[1] == (2, Difference(inventory=True))
