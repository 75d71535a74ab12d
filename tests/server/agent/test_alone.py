"""A change that a model makes without asking: only where settings and a rule name it, and once."""

import json
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from anyio import to_thread

from opsmcp_server.agent.calls import Calls, Result
from opsmcp_server.agent.case import Case
from opsmcp_server.agent.offer import offer
from opsmcp_server.calls.prepare import Prepared
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.responding.decision import decided
from opsmcp_tools.incidents.conversation import Call, Conversation
from opsmcp_tools.incidents.incident import Outcome, State
from opsmcp_tools.incidents.machine import Asked
from tests.fakes.openai_server import (
    Answer,
    FakeOpenAI,
    Request,
    calls,
    fake_openai,
    hangs_after,
)
from tests.server.agent.scripts import Thinking, finishes, said, states_of
from tests.server.responding.ground import ShiftedClock, World, make_world, whys, working
from tests.server.responding.test_once import kill_at_work

_ALONE = """\
  - {name: auto-looks, mode: agent, agent: {tools: [get-*, clear-*], auto: AUTO, changes: 2},
     verify: {after: 0s, within: 20s, run: get-usage, arguments: {name: labels.thing},
              expect: 'int(results.used) < 85'}MORE}
"""


def _world(root: Path, fake: FakeOpenAI, auto: str = "clear-it", more: str = "") -> World:
    (root / "note-old").write_text("it is full\n", "utf-8")
    responder = _ALONE.replace("AUTO", auto).replace("MORE", more)
    return make_world(root, responder, model=fake.url)


async def test_what_settings_and_a_rule_name_runs_and_is_verified(tmp_path: Path) -> None:
    with fake_openai() as fake:
        world = _world(tmp_path, fake)
        fake.script(calls(("clear-it", {"name": "old"})))
        async with working(world) as work:
            await work.record(work.signal())
            one = await work.until(State.CLOSED, State.WAITING)
    assert one.outcome is Outcome.RECOVERED, whys(one)
    assert states_of(one)[2:] == [
        State.INVESTIGATING,
        State.STARTING,
        State.RUNNING,
        State.VERIFYING,
        State.CLOSED,
    ]
    assert world.runs == ["old"] and "the model wants clear-it" in whys(one)[3]


async def test_what_the_settings_do_not_name_is_asked_whatever_a_rule_allows(
    tmp_path: Path,
) -> None:
    with fake_openai() as fake:
        world = _world(tmp_path, fake, auto="clear-nothing")
        fake.script(calls(("clear-it", {"name": "old"})))
        async with working(world) as work:
            await work.record(work.signal())
            one = await work.until(State.WAITING, State.CLOSED)
            request = await work.calls.requests.get().find(one.request)
    assert one.state is State.WAITING and request.tool == "clear-it"
    assert world.runs == []


async def test_an_old_confirmation_is_looked_at_again_before_a_change(tmp_path: Path) -> None:
    more = ",\n     confirm: {run: get-usage, arguments: {name: labels.thing}, expect: 'true'}"
    clocks: list[ShiftedClock] = []

    def think(_: Request) -> Answer:
        clocks[0].ahead = timedelta(minutes=6)
        return calls(("clear-it", {"name": "old"}))

    with fake_openai(Thinking(think=think)) as fake:
        world = _world(tmp_path, fake, more=more)
        async with working(world) as work:
            clocks.append(work.clock)
            await work.record(work.signal())
            one = await work.until(State.CLOSED, State.WAITING)
    assert one.outcome is Outcome.RECOVERED, whys(one)
    asked_again = [State.INVESTIGATING, State.DECIDING, State.INVESTIGATING, State.STARTING]
    assert states_of(one)[2:6] == asked_again and world.runs == ["old"]


def _think(request: Request) -> Answer:
    """It looks, makes two changes of which only the second helps, and would end then."""
    match len(request.results()):
        case 0:
            return calls(("get-note", {"name": "old"}))
        case 1:
            return calls(("clear-nothing", {"name": "vain"}))
        case 2:
            return calls(("clear-it", {"name": "old"}))
        case _:
            return finishes("it did not help")


@dataclass
class _Killing(Thinking):
    """A model that falls silent when it is asked for the first time after so many results."""

    silent_after: set[int] = field(default_factory=lambda: {2})
    asked: threading.Event = field(default_factory=threading.Event)
    left: threading.Event = field(default_factory=threading.Event)

    def answer_to(self, request: Request) -> Answer:
        results = len(request.results())
        if results not in self.silent_after:
            return _think(request)
        self.silent_after.discard(results)
        self.asked.set()
        return hangs_after([], self.left)

    def wait(self) -> None:
        assert self.asked.wait(120)


async def test_a_conversation_goes_on_when_its_server_was_killed(tmp_path: Path) -> None:
    with fake_openai(_Killing()) as fake:
        assert isinstance(fake, _Killing)
        world = _world(tmp_path, fake, auto="clear-*")
        path = tmp_path / ".config" / "opsmcp" / "opsmcp.yaml"
        text = path.read_text("utf-8").replace("within: 20s", "within: 4s")
        path.write_text(text, "utf-8")
        async with working(world) as work:
            await work.driver.records.pause("auto-looks", "anna", paused=True)
            await work.record(work.signal())
            await work.driver.records.pause("auto-looks", "anna", paused=False)
        await to_thread.run_sync(kill_at_work, world, fake.wait)
        fake.left.set()
        async with working(world) as work:
            one = await work.until(State.CLOSED, State.HANDED_OVER)
            talk = await said(work, one)
            page = await work.calls.executions.history.list("responder:auto-looks", limit=50)
    assert one.outcome is Outcome.RECOVERED, whys(one)
    assert world.runs == ["vain", "old"] and len(talk.runs) == 1
    called = [line.text.partition(" ")[0] for line in talk.lines() if line.who == "call"]
    assert called == ["get-note", "clear-nothing", "clear-it"]
    assert [run.tool for run in page.runs].count("get-note") == 1


async def test_a_call_that_is_tried_again_is_the_same_run_and_the_same_request(
    tmp_path: Path,
) -> None:
    """As after a kill between doing it and writing down that it was done."""
    calls_made = (("get-note", {"name": "old"}), ("clear-it", {"name": "old"}))
    with fake_openai() as fake:
        world = _world(tmp_path, fake, auto="clear-nothing")
        fake.script(finishes("nothing"))
        async with working(world) as work:
            await work.record(work.signal())
            one = await work.until(State.HANDED_OVER)
            responder = work.calls.config.responders[0]
            offered = await offer(work.calls, responder, responder.agent)
            made = Calls(work.calls, work.driver.records)
            found: list[tuple[str, str]] = []
            for _ in range(2):
                read, change = (
                    Case(one, responder, responder.agent, _pending(number, call), offered)
                    for number, call in enumerate(calls_made, start=1)
                )
                result, prepared = await made.make(read), await made.make(change)
                assert isinstance(result, Result) and isinstance(prepared, Prepared)
                asked = await decided(work.calls, one, prepared, "call 2")
                assert isinstance(asked, Asked)
                found.append((result.run, asked.request))
    assert found[0] == found[1] and all(found[0])


def _pending(number: int, call: tuple[str, dict[str, str]]) -> Conversation:
    name, arguments = call
    return Conversation(pending=(Call(number, f"call_{number}", name, json.dumps(arguments)),))


@pytest.mark.parametrize(
    ("agent", "why"),
    [
        ("tools: [get-nope]", "agent.tools: 'get-nope' fits no operation; did you mean"),
        ("tools: [clear-*], auto: get-usage, changes: 1", "agent.auto: 'get-usage' fits no oper"),
    ],
)
async def test_patterns_that_fit_nothing_stop_the_start(
    tmp_path: Path, agent: str, why: str
) -> None:
    more = ", verify: {resolved: true}" if "auto" in agent else ""
    responder = f"  - {{name: looks, mode: agent, agent: {{{agent}}}{more}}}\n"
    with fake_openai() as fake:
        world = make_world(tmp_path, responder, model=fake.url)
        with pytest.raises(BaseException) as error:
            async with working(world):
                pass
    assert error.group_contains(ConfigError, match=r"responders\.looks\..*opsmcp\.yaml:\d+")
    assert why in str(_leaf(error.value))


async def test_without_a_model_the_start_is_refused(tmp_path: Path) -> None:
    responder = "  - {name: looks, mode: agent, agent: {tools: [get-*]}}\n"
    with pytest.raises(BaseException) as error:
        async with working(make_world(tmp_path, responder)):
            pass
    said = str(_leaf(error.value))
    assert "responders.looks.mode agent needs a model: set openai.model" in said
    assert "opsmcp.yaml:" in said


def _leaf(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error
