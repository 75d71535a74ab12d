"""Messages: a storm of 10,000 alerts, a channel that hangs, and a server that is killed at random.

Chats on real sockets count what they get. A message counts as lost if its incident was never told
to a channel, and as repeated if it was told twice; that may only be where the server was killed
before it had written down the answer.
"""

import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import anyio
import httpx2

from benchmarks.intake import body_of, storm
from benchmarks.measure import Row
from benchmarks.process import serving
from opsmcp_tools.incidents.outbox import PostState
from opsmcp_tools.incidents.sqlite_file import open_incident_file
from opsmcp_tools.incidents.sqlite_outbox import SqliteOutbox
from tests.fakes.chats import Chats, serve_chats

_TOKEN = "a-token-of-the-benchmark-0123456789"  # noqa: S105 - of a server of its own
_SENDERS, _ROUNDS, _HOOKS, _MOST_SECONDS = 4, 8, 6, 300
_MINUTE = 60.0


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, serve_chats() as chats:
        rows = anyio.run(_storm, Path(folder), chats)
    with tempfile.TemporaryDirectory() as folder, serve_chats() as chats:
        return rows + anyio.run(_kills, Path(folder), chats)


def _settings(folder: Path, urls: dict[str, str]) -> dict[str, str]:
    """The environment of a server with these channels, each told of everything."""
    lines = ["events:", "  senders:"]
    sender = "{type: alertmanager, token: {env: AM_TOKEN}}"
    lines += [f"    am{number}: {sender}" for number in range(_SENDERS)]
    lines.append("  channels:")
    for name, url in urls.items():
        (folder / f"{name}.url").write_text(url, "ascii")
        kind = name.partition("-")[0]
        lines.append(f"    {name}: {{type: {kind}, url: {{file: {folder}/{name}.url}}}}")
    lines.append(f"responders:\n  - {{name: tells, notify: [{', '.join(urls)}]}}\n")
    file = folder / "opsmcp.yaml"
    file.write_text("\n".join(lines), "utf-8")
    return {"OPSMCP_CONFIG": str(file), "AM_TOKEN": _TOKEN, "HOME": str(folder)}


async def _until(is_so: Callable[[], bool], seconds: float = _MOST_SECONDS) -> None:
    with anyio.move_on_after(seconds):
        while not is_so():  # noqa: ASYNC110 - threads and other processes do it
            await anyio.sleep(0.05)


# A storm, and a channel that hangs


async def _storm(folder: Path, chats: Chats) -> list[Row]:
    urls = {kind: chats.url(kind) for kind in ("feishu", "wecom", "json", "slack")}
    chats.hangs.add("slack")
    async with serving(folder / "state", _settings(folder, urls)) as (_, url):
        begin = time.monotonic()
        await storm(url, "storm")
        await _until(lambda: _is_told(folder / "state", "slack"))
        told = time.monotonic() - begin
    most = max(_most_in_a_minute(chats.at[kind]) for kind in ("feishu", "wecom", "json"))
    first = max(chats.at[kind][0] - begin for kind in ("feishu", "wecom", "json"))
    count = sum(_states(folder / "state").values()) // 4
    sizes = [len(chats.taken[kind]) for kind in ("feishu", "wecom", "json")]
    detail = f"{count} incidents in {max(sizes)} messages and {told:.0f} s"
    return [
        Row("notify: messages in a minute of a storm, most of a channel", most, 2, "", detail),
        Row("notify: first message of it while another channel hangs", first, 5.0, "s"),
    ]


def _most_in_a_minute(moments: Sequence[float]) -> int:
    return max(sum(1 for at in moments if one <= at < one + _MINUTE) for one in moments)


def _states(state_dir: Path) -> Counter[tuple[str, str]]:
    with open_incident_file(state_dir) as file:
        return Counter(dict(SqliteOutbox(file).counts()))


def _is_told(state_dir: Path, *without: str) -> bool:
    open_ones = (PostState.WAITING, PostState.SENDING)
    counts = _states(state_dir)
    left = sum(
        count
        for (channel, state), count in counts.items()
        if channel not in without and state in open_ones
    )
    return bool(counts) and not left


# Kills


async def _kills(folder: Path, chats: Chats) -> list[Row]:
    chance = random.Random(15)  # noqa: S311 - no secret
    chats.delays = (0.0, 1.0)
    urls = {f"json-{number}": f"{chats.url('json')}&n={number}" for number in range(_HOOKS)}
    environ, unanswered = _settings(folder, urls), 0
    for number in range(_ROUNDS):
        async with serving(folder / "state", environ) as (pid, url):
            await _post(url, f"kill-{number}")
            await anyio.sleep(chance.uniform(0.3, 3.0))
            os.kill(pid, signal.SIGKILL)
        states = _states(folder / "state")
        unanswered += sum(count for (_, state), count in states.items() if state == "sending")
    async with serving(folder / "state", environ):
        await _until(lambda: _is_told(folder / "state"))
    told = Counter(_told(chats))
    expected, repeated = _ROUNDS * _HOOKS, sum(count - 1 for count in told.values())
    detail = f"{_ROUNDS} kills, {repeated} told twice, {unanswered} being sent then"
    return [
        Row("notify: lost in kills", expected - len(told), 0, "", detail),
        Row("notify: told twice and not being sent at a kill", repeated - unanswered, 0, ""),
    ]


async def _post(url: str, name: str) -> None:
    headers = {"Authorization": f"Bearer {_TOKEN}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        answer = await http.post(f"{url}/events/am0", content=body_of(name, alerts=1))
        answer.raise_for_status()


def _told(chats: Chats) -> Iterable[tuple[str, str]]:
    """Which incident was told to which channel, as often as it was."""
    for body, query in zip(chats.taken["json"], chats.queries["json"], strict=True):
        data = body["data"]
        for one in data.get("incidents", [data]):
            yield query["n"], one["incident"]
