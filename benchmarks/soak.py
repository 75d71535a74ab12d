"""A soak: clients, runs, faults and changes of the catalogue, for ten minutes.

    python -m benchmarks.soak [--seconds 600] [--clients 200] [--tokens 20] [--seed 1]

`opsmcp serve` is a process of its own. Between it and the fake Ops server stands the proxy that
spoils a share of all requests. At the end every run at the Ops server has to be one of the journal,
none made twice; memory has to be flat, and the event loop never held up. The clients share some
personal tokens, each within the limits of its principal, and the server is watched all the time.
"""

import argparse
import json
import random
import re
import signal
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import httpx2
from mcp import Client
from mcp.shared.exceptions import MCPError

from benchmarks.in_flight import connected
from benchmarks.measure import Row
from benchmarks.ops_life import Work
from benchmarks.process import LOG, Usage, serving
from opsmcp_pipelines.run import Verdict
from opsmcp_server.identity.personal_token import SCOPES, make_token
from opsmcp_server.identity.token_files import token_file
from opsmcp_server.protocol.results import STRUCTURED
from opsmcp_tools.journal.sqlite_read import Query
from opsmcp_tools.journal.sqlite_write import open_journal
from opsmcp_tools.model.tool import Principal
from tests.fakes.fault_proxy import FAULTS, Asked, Fault, FaultProxy, fault_proxy
from tests.fakes.ops_server import FakeOps, fake_ops
from tests.fakes.ops_state import make_pipeline, make_task
from tests.faults.accounts import Truth, check_accounts
from tests.loopback import free_port

_FAULTY = 0.03
_OPERATIONS = 30
_PAUSE_SECONDS = 6.0
_LONGEST_WORK_SECONDS = 8.0
_OUTPUT = "a line of output, as long as lines are in the mean, with some words in it\n" * 40
_CHANGE_SECONDS = 5.0
_CLEAR_SECONDS = 20.0
_SCRAPE_SECONDS = 5.0
_CLEARED_AGE_SECONDS = 60.0
_TYPED: Any = {STRUCTURED: True}
_WARM_UP = 0.4
"""The share of the time after which memory has to be flat."""

_STEADY_SECONDS = 300.0
"""In less time after the warm-up, what still warms up is more than what grows."""

_ODD = (Verdict.VANISHED, Verdict.STUCK)

_SETTINGS = {
    "OPSMCP_CONSENT_UNAVAILABLE": "trust-client",
    "OPSMCP_DISCOVERY_INTERVAL_SECONDS": "5",
    "OPSMCP_RUN_LIMIT_PER_PRINCIPAL": "500",
    "OPSMCP_RUN_WAIT_SECONDS": "20",
    "OPSMCP_OPS_READ_SECONDS": "2",
}


@dataclass(frozen=True, slots=True)
class _Counted:
    """A client, whose calls are counted that no limit refused."""

    client: Client
    token: str
    answered: Counter[str]

    async def call_tool(self, name: str, arguments: Any, **more: Any) -> Any:
        result = await self.client.call_tool(name, arguments, **more)
        self.answered[self.token] += not (result.is_error and _limited(result))
        return result

    async def list_tools(self) -> Any:
        return await self.client.list_tools()


def _limited(result: Any) -> bool:
    return result.content[0].text.startswith("Too many calls")


@dataclass
class _Soak:
    """What happens, and what came of it."""

    ops: FakeOps
    proxy: FaultProxy
    url: str
    tokens: Sequence[str]
    chance: random.Random
    truth: Truth = field(default_factory=Truth)
    answers: Counter[str] = field(default_factory=Counter[str])
    lost: Counter[str] = field(default_factory=Counter[str])
    calls: int = 0
    answered: Counter[str] = field(default_factory=Counter[str])
    """Calls that were not refused by a limit, by token."""

    async def be_client(self, number: int) -> None:
        """Connect, work for a while, and go, as people do; now and then in the middle of a call."""
        while True:
            try:
                with anyio.move_on_after(self.chance.uniform(10.0, 120.0)):
                    await self._stay(self.tokens[number % len(self.tokens)])
            except* (httpx2.TransportError, MCPError) as errors:
                self.lost.update(type(error).__name__ for error in leaves(errors))

    async def _stay(self, token: str) -> None:
        async with connected(self.url, token) as client:
            while True:
                await anyio.sleep(self.chance.expovariate(1 / _PAUSE_SECONDS))
                await self._do_something(_Counted(client, token, self.answered))

    async def _do_something(self, client: "_Counted") -> None:
        doings: Sequence[Callable[[_Counted], Awaitable[None]]] = (
            self._call,
            self._list,
            self._look,
        )
        (doing,) = self.chance.choices(doings, (6, 1, 3))
        try:
            await doing(client)
        except MCPError as error:
            self.answers[f"refused: {error.message.partition(':')[0][:40]}"] += 1

    async def _call(self, client: "_Counted") -> None:
        self.calls += 1
        message = f"{self.calls}-{self.chance.uniform(0.1, _LONGEST_WORK_SECONDS):.2f}"
        name = f"work-{self.chance.randrange(_OPERATIONS):02}"
        self._note(await client.call_tool(name, {"message": message}, meta=_TYPED))

    async def _list(self, client: "_Counted") -> None:
        tools = (await client.list_tools()).tools
        self.answers["list of tools" if tools else "empty list"] += 1

    async def _look(self, client: "_Counted") -> None:
        listed = await client.call_tool("list_runs", {"limit": 5})
        for run in _data(listed).get("runs", [])[:1]:
            wanted = {"run": run["run"], "wait_seconds": 1}
            self._note(await client.call_tool("get_run", wanted, meta=_TYPED))
            await client.call_tool("get_run_output", {"run": run["run"], "search": "words"})

    def _note(self, result: Any) -> None:
        said = _data(result).get("verdict") or result.content[0].text.partition(":")[0][:40]
        self.answers[str(said)] += 1

    async def change_catalogue(self) -> None:
        """Let an operation come, change and go."""
        for number in range(1_000_000):
            await anyio.sleep(_CHANGE_SECONDS)
            self.ops.put("pipelines", _manifest("extra", f"edition {number}"))
            await anyio.sleep(_CHANGE_SECONDS)
            self.ops.remove("pipelines", "extra")

    async def clear_away(self) -> None:
        """Forget old runs, as Ops does at :00 and :30, and the requests that came."""
        while True:
            await anyio.sleep(_CLEAR_SECONDS)
            now = self.ops.state.clock()
            self.ops.requests.clear()
            gone = [run for run in self.ops.runs if now - run.born > _CLEARED_AGE_SECONDS]
            self.truth.clear(gone, datetime.now(UTC))
            self.ops.state.runs = [run for run in self.ops.runs if run not in gone]


def _data(result: Any) -> dict[str, Any]:
    return result.structured_content or {}


def _manifest(name: str, desc: str) -> Any:
    variables = {"message": {"desc": "number and seconds"}}
    return make_pipeline(name, "work", variables=variables, desc=desc)


def _faults(chance: random.Random) -> Callable[[Asked], Fault | None]:
    names = sorted(FAULTS)
    return lambda _asked: FAULTS[chance.choice(names)] if chance.random() < _FAULTY else None


@dataclass
class _Memory:
    """What the server used, second by second."""

    seconds: list[float] = field(default_factory=list[float])
    mib: list[float] = field(default_factory=list[float])
    last: Usage = field(default_factory=Usage)

    async def watch(self, pid: int) -> None:
        began = anyio.current_time()
        while True:
            self.last = Usage.of(pid)
            self.seconds.append(anyio.current_time() - began)
            self.mib.append(self.last.resident_mib)
            await anyio.sleep(1)

    def slope(self) -> float:
        """MiB a minute, after the warm-up."""
        first = int(len(self.mib) * _WARM_UP)
        line = statistics.linear_regression(self.seconds[first:], self.mib[first:])
        return line.slope * 60


async def _soak(folder: Path, seconds: float, clients: int, tokens: int, seed: int) -> list[Row]:
    chance = random.Random(seed)  # noqa: S311 - faults and clients, the same every time
    stalls, memory = folder / "stalls", _Memory()
    async with fake_ops() as ops, fault_proxy(ops.url, lambda _asked: None) as proxy:
        ops.replace("tasks", make_task("work", "sleep"))
        names = [f"work-{number:02}" for number in range(_OPERATIONS)]
        ops.replace("pipelines", *(_manifest(name, f"do {name}") for name in names))
        for name in names:
            ops.time(name, _timeline)
        environ = {"OPS_SERVER": proxy.url, "OPS_TOKEN": ops.token, **_SETTINGS}
        known = _make_tokens(folder / "state", tokens)
        metrics = f"127.0.0.1:{free_port()}"
        environ["OPSMCP_SERVER_METRICS_ADDRESS"] = metrics
        arguments = ("-m", "benchmarks.watched_server", str(stalls))
        async with serving(folder / "state", environ, arguments) as (pid, url):
            soak = _Soak(ops, proxy, url, known, chance)
            proxy.plan = _faults(chance)
            async with anyio.create_task_group() as group:
                group.start_soon(memory.watch, pid)
                group.start_soon(_scrape, f"http://{metrics}/metrics", soak.lost)
                group.start_soon(soak.change_catalogue)
                group.start_soon(soak.clear_away)
                for number in range(clients):
                    group.start_soon(soak.be_client, number)
                await anyio.sleep(seconds)
                group.cancel_scope.cancel()
            proxy.plan = lambda _asked: None
            await anyio.sleep(60)  # runs that are looked for are found, or not, in 65 seconds
        soak.truth.note(ops.runs)
    return _rows(soak, memory, stalls, folder / "state", seconds)


async def _scrape(url: str, lost: Counter[str]) -> None:
    """Read all metrics again and again, as Prometheus does."""
    async with httpx2.AsyncClient(timeout=30) as http:
        while True:
            try:
                (await http.get(url)).raise_for_status()
            except httpx2.HTTPError as error:
                lost[f"metrics: {type(error).__name__}"] += 1
            await anyio.sleep(_SCRAPE_SECONDS)


def _make_tokens(state: Path, count: int) -> list[str]:
    """Personal tokens of so many people, as `opsmcp token create` makes them."""
    now = datetime.now(UTC)
    people = [Principal(f"p{number:02}", id=f"token:p{number:02}") for number in range(count)]
    made = [make_token(who, scopes=SCOPES, now=now, expires=None) for who in people]
    with token_file(state).updating() as kept:
        kept["tokens"] = [one.data() for _, one in made]
    return [text for text, _ in made]


def _timeline(variables: Any) -> Any:
    seconds = float(variables["message"].partition("-")[2])
    return Work("work", seconds, pipeline=True, output=_OUTPUT).timeline()


def _rows(soak: _Soak, memory: _Memory, stalls: Path, state: Path, seconds: float) -> list[Row]:
    with open_journal(state) as journal:
        records = journal.list(Query(limit=1_000_000)).runs
    verdicts = check_accounts(soak.truth, records, looked_for=True)
    beats = [json.loads(line) for line in stalls.read_text("utf-8").splitlines()]
    walls, busy = ([beat[kind] for beat in beats] for kind in ("wall", "busy"))
    print(f"calls {soak.calls}, runs {len(soak.truth.runs)}, requests {soak.proxy.asked}")
    print("journal", {str(verdict): count for verdict, count in verdicts.items()})
    print("answers", dict(soak.answers.most_common()))
    print("log", Counter(_log_lines(state / LOG)).most_common(8))
    print(f"memory by tenths of the time: {_tenths(memory.mib)} MiB")
    held = f"{sum(one > 0.1 for one in walls)} of {len(walls)} seconds over 0.1 s by the wall, "
    held += f"worst {max(walls):.2f} s"
    places = Counter(place for beat in beats for place in beat["where"])
    print("the loop was late at", *places.most_common(8), sep="\n  ")
    gone = Counter(record.result.reason for record in records if record.verdict in _ODD)
    print("odd ends", gone.most_common(8))
    used = memory.last.processor_seconds / seconds
    growth = [Row("memory, growth after the warm-up", memory.slope(), 0.5, "MiB a minute")]
    return [
        *(growth if seconds * (1 - _WARM_UP) >= _STEADY_SECONDS else ()),
        Row("event loop held up by ourselves, worst", max(busy), 0.1, "s", held),
        Row("calls of one principal in a minute, the most", _most(soak, seconds), 120.0 + 40.0, ""),
        Row("connections that clients lost", soak.lost.total(), 0, "of them", str(dict(soak.lost))),
        Row(
            "processor", used, 1.0, "of one", f"{len(soak.truth.runs) / seconds:.1f} runs a second"
        ),
    ]


def _most(soak: _Soak, seconds: float) -> float:
    """Those that were answered; a third of a minute's may come at once in the beginning."""
    return max(soak.answered.values(), default=0) / max(1.0, seconds / 60)


def leaves(group: BaseExceptionGroup[Exception]) -> Iterator[BaseException]:
    """The errors that a group is about."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from leaves(error)
        else:
            yield error


def _log_lines(path: Path) -> Iterator[str]:
    """What the server complained of, without numbers and names."""
    for line in path.read_text("utf-8").splitlines():
        found = re.search(r" (WARNING|ERROR) (.*)", line)
        if found:
            yield re.sub(r"r-[a-z2-7]{10}|[0-9a-f]{8}|\d+", "N", found[0])[:100]


def _tenths(values: Sequence[float]) -> list[int]:
    each = max(1, len(values) // 10)
    return [round(statistics.fmean(values[at : at + each])) for at in range(0, len(values), each)]


def main() -> int:
    parser = argparse.ArgumentParser(description="A soak of opsmcp serve.")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--tokens", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    given = parser.parse_args()
    # As if by Ctrl-C: the server is ended, and the folder removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print(f"seed {given.seed}, {given.clients} clients, {given.seconds:g} seconds", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        rows = anyio.run(
            _soak, Path(folder), given.seconds, given.clients, given.tokens, given.seed
        )
    for row in rows:
        print(row)
    return int(any(not row.met for row in rows))


if __name__ == "__main__":
    sys.exit(main())
