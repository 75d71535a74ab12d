"""From a transition to a message: told once, by a channel that works while another hangs."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from opsmcp_server.calls.observed import Notified, Observed
from opsmcp_server.channels.notifier import notifying
from opsmcp_tools.incidents.incident import State
from opsmcp_tools.incidents.outbox import Post, PostState
from opsmcp_tools.incidents.sqlite_outbox import SqliteOutbox
from tests.fakes.chats import Chats, Reply, serve_chats
from tests.server.responding.ground import Working, World, make_world, working

PAGES = "https://ops.example.com"

_ASKS = """\
  - name: asks
    when: 'labels.alertname == "asks"'
    mode: approve
    run: clear-it
    arguments: {name: labels.thing}
    verify: {after: 0s, within: 600s, run: get-usage, arguments: {name: arguments.name},
             expect: 'int(results.used) < 85'}
    notify: [room, hung, hook]
    escalate: [{to: [boss], after: 10s}]
"""
_TELLS = "  - {name: tells, notify: [hook]}\n"


@pytest.fixture
def chats() -> Iterator[Chats]:
    with serve_chats(feishu="feishu-secret") as running:
        yield running


def _world(root: Path, chats: Chats, responders: str) -> World:
    names = {"room": "feishu", "hung": "slack", "hook": "json", "boss": "wecom"}
    channels = "  channels:\n"
    for name, kind in names.items():
        (root / ".config" / "opsmcp").mkdir(parents=True, exist_ok=True)
        (root / f"{name}.url").write_text(chats.url(kind), "utf-8")
        secret = f", secret: {{file: {root}/secret}}" if kind == "feishu" else ""
        secret += ", language: zh" if name == "boss" else ""
        channels += f"    {name}: {{type: {kind}, url: {{file: {root}/{name}.url}}{secret}}}\n"
    (root / "secret").write_text("feishu-secret", "utf-8")
    return make_world(root, responders, channels)


async def _until(found: Callable[[], Any]) -> None:
    with anyio.fail_after(60):
        while not found():  # noqa: ASYNC110 - another thread's
            await anyio.sleep(0.05)


async def _posts(work: Working, channel: str) -> tuple[Post, ...]:
    file = await to_thread.run_sync(work.calls.incidents.file)
    return await to_thread.run_sync(lambda: SqliteOutbox(file).list(channel=channel))


async def _until_all(work: Working, state: PostState) -> None:
    with anyio.fail_after(60):
        while {post.state for post in await _posts(work, "hook")} != {state}:  # noqa: ASYNC110
            await anyio.sleep(0.05)


async def test_a_request_its_decision_and_its_end_are_told_while_another_channel_hangs(
    tmp_path: Path, chats: Chats
) -> None:
    chats.hangs.add("slack")
    async with working(_world(tmp_path, chats, _ASKS)) as work:
        work.calls.requests.show_pages(PAGES)
        async with notifying(work.calls):
            labels = {"alertname": "asks", "instance": "web1:9100", "thing": "old"}
            await work.record(work.signal(labels=labels, annotations={"summary": "91 % full"}))
            waiting = await work.until(State.WAITING)
            await _until(lambda: chats.taken["feishu"])
            (text,) = chats.texts("feishu")
            for part in (
                f"Needs approval: DiskFull (asks, {waiting.id})",
                "91 % full",
                "Where: instance web1",
                "Call: clear-it, name = old",
                "Who may approve: 1 of on-call, until",
                f"opsmcp approve {waiting.request}",
                f"{PAGES}/requests/{waiting.request}",
            ):
                assert part in text
            work.clock.ahead = timedelta(seconds=11)
            await _until(lambda: chats.taken["wecom"])
            assert "待批准:DiskFull" in chats.texts("wecom")[0]
            await work.decide(waiting.request, approves=True)
            await work.until(State.CLOSED)
            work.clock.ahead = timedelta(seconds=75)
            title = f"Repaired and verified: DiskFull (asks, {waiting.id})"
            await _until(lambda: title in chats.texts("feishu")[-1])
            text = chats.texts("feishu")[-1]
            assert "it helped: int(results.used) < 85" in text
            assert f"{PAGES}/incidents/{waiting.id}" in text
            await _until(lambda: chats.taken["json"][-1]["data"]["outcome"] == "recovered")
        left = {post.state for post in await _posts(work, "hung")}
        assert left <= {PostState.WAITING, PostState.SENDING}


async def test_a_channel_that_refuses_and_a_message_that_cannot_be_written_are_told_as_dead(
    tmp_path: Path, chats: Chats, caplog: pytest.LogCaptureFixture
) -> None:
    chats.answers["json"] = [Reply(404, b"no such hook: " + chats.url("json").encode())]
    heard: list[Observed] = []
    async with working(_world(tmp_path, chats, _TELLS)) as work:
        work.calls.observers.add(heard.append)
        await work.record(work.signal())
        await work.until(State.HANDED_OVER)
        async with notifying(work.calls):
            await _until(lambda: chats.asked["json"])
            await _until_all(work, PostState.DEAD)
        (dead,) = await _posts(work, "hook")
    assert dead.why.startswith("it answers 404: no such hook")
    assert "0123456789abcdef-of-the-robot" not in dead.why + caplog.text
    assert "channel hook refused 1 news" in caplog.text
    assert heard[-1] == Notified("hook", "dead")
