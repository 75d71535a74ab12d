"""What is no incident reaches people, too: a request of a call, a sender, an inspection."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from opsmcp_server.calls.prepare import prepare
from opsmcp_server.channels.notifier import notifying
from opsmcp_tools.approval_requests.request import Request
from opsmcp_tools.incidents.outbox import Post, PostState
from opsmcp_tools.incidents.schedule import ON_TIME
from opsmcp_tools.incidents.sqlite_outbox import SqliteOutbox
from opsmcp_tools.incidents.sqlite_schedules import SqliteSchedules
from opsmcp_tools.model.tool import Principal
from tests.fakes.chats import Chats, serve_chats
from tests.server.responding.ground import Working, World, make_world, working

_MORE = """\
    quiet-one: {type: alertmanager, token: {env: AM_TOKEN}, silent: 1h}
  notify: [room]
  channels:
    room: {type: slack, url: {file: URL}}
schedules:
  - {name: usage, cron: "0 0 1 1 *", zone: UTC, run: get-usage, catch_up: none,
     arguments: {name: '"x"'}}
"""
_RULE = "    - {name: people ask, effect: approve, operation: clear-badly}\n"


@pytest.fixture
def chats() -> Iterator[Chats]:
    with serve_chats() as running:
        yield running


def _world(root: Path, chats: Chats) -> World:
    (root / "room.url").write_text(chats.url("slack"), "utf-8")
    more = _MORE.replace("URL", f"{root}/room.url")
    return make_world(root, "  - {name: none, when: 'false'}\n", more, rules=_RULE)


async def _until(found: Callable[[], Any]) -> None:
    with anyio.fail_after(60):
        while not found():  # noqa: ASYNC110 - another thread's
            await anyio.sleep(0.05)


async def _posts(work: Working) -> tuple[Post, ...]:
    file = await to_thread.run_sync(work.calls.incidents.file)
    return await to_thread.run_sync(lambda: SqliteOutbox(file).list())


async def _ask(work: Working) -> Request:
    carla = Principal("carla")
    prepared = await prepare(work.calls, "clear-badly", {"name": "old"}, carla)
    return await work.calls.requests.get().ask(prepared)


async def test_a_request_of_a_call_is_told_with_its_link_and_who_may_decide(
    tmp_path: Path, chats: Chats
) -> None:
    async with working(_world(tmp_path, chats)) as work:
        work.calls.requests.show_pages("https://ops.example.com")
        request = await _ask(work)
        async with notifying(work.calls):
            await _until(lambda: chats.taken["slack"])
    (text,) = chats.texts("slack")
    for part in (
        f"Needs approval: {request.id}",
        "Asked by: carla",
        "Call: clear-badly, name = old",
        "Who may approve: 1 of on-call, until",
        f"opsmcp approve {request.id}",
        f"https://ops.example.com/requests/{request.id}",
    ):
        assert part in text


async def test_a_request_that_was_decided_is_not_told_any_more(
    tmp_path: Path, chats: Chats
) -> None:
    chats.hangs.add("slack")
    async with working(_world(tmp_path, chats)) as work:
        request = await _ask(work)
        async with notifying(work.calls):
            with anyio.fail_after(60):
                while not await _posts(work):  # noqa: ASYNC110 - another thread's
                    await anyio.sleep(0.05)
                await work.decide(request.id, approves=False)
                while {one.state for one in await _posts(work)} != {PostState.DROPPED}:  # noqa: ASYNC110
                    await anyio.sleep(0.05)


async def test_a_sender_that_is_refused_or_silent_is_told_once_an_hour(
    tmp_path: Path, chats: Chats
) -> None:
    async with working(_world(tmp_path, chats)) as work:
        signals = await to_thread.run_sync(work.calls.incidents.signals)
        await to_thread.run_sync(signals.refused, {("am", "wrong token"): 3}, work.clock.now())
        for _ in range(2):  # what was told is told once, however often a server is started
            async with notifying(work.calls):
                await _until(lambda: chats.taken["slack"])
        (text,) = chats.texts("slack")
        assert "Not taken in: sender am" in text and "wrong token" in text
        async with notifying(work.calls):
            work.clock.ahead += timedelta(hours=2)
            await _until(lambda: len(chats.taken["slack"]) > 1)
        assert [one.about for one in await _posts(work)] == ["silence of quiet-one", "sender am"]
    assert "Nothing heard: silence of quiet-one" in chats.texts("slack")[1]


async def test_an_inspection_that_did_not_begin_is_told(tmp_path: Path, chats: Chats) -> None:
    async with working(_world(tmp_path, chats)) as work:
        (schedule,) = work.calls.config.schedules
        due = schedule.moments.next_after(work.clock.now())
        assert due is not None
        file = await to_thread.run_sync(work.calls.incidents.file)
        await _until(lambda: SqliteSchedules(file).due())
        work.clock.ahead = due - work.clock.now() + schedule.jitter + 2 * ON_TIME
        await _until(lambda: SqliteSchedules(file).last("usage"))
        async with notifying(work.calls):
            await _until(lambda: chats.taken["slack"])
    (text,) = chats.texts("slack")
    assert "schedule usage" in text and "nobody was there to begin it" in text
