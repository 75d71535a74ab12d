"""A fake Ops server on a real loopback socket, with controls for tests.

    async with fake_ops() as ops:
        ops.play("list-nodes", "run-pipeline-list-nodes")
        ops.fail("tasks", Fault.EMPTY)
        settings = OpsSettings(server=ops.url, token=ops.token)

It is held against the recordings of a real one by `tests/fakes/test_fake_ops.py`.
"""

import json
import socket
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import anyio
import uvicorn
from anyio.lowlevel import checkpoint
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.fakes.ops_routes import answer, body_of, empty, panic, refused, web_page
from tests.fakes.ops_state import FakeRun, Json, OpsState, Timeline, recorded_states

__all__ = ["FakeOps", "Fault", "Seen", "fake_ops"]


class Fault(StrEnum):
    """What may go wrong with a request."""

    EMPTY = "status 200 without a body"
    PANIC = "status 500 without a body"
    HTML = "the web page"
    REFUSED = "code -1 with a text"
    HANG = "no answer until released"
    DROP = "the connection breaks"
    GARBLED = "half of the JSON"
    NULL_LIST = "a list with nothing in it"
    RAW = "any body"


@dataclass(frozen=True)
class Seen:
    """A request that arrived."""

    method: str
    path: str
    query: str
    json: Any


@dataclass
class _Planned:
    part: str
    method: str
    fault: Fault
    text: str
    after: bool
    left: int

    def meets(self, request: Request) -> bool:
        fits = self.method in ("", request.method) and self.part in request.url.path
        return fits and self.left > 0


@dataclass
class FakeOps:
    """The handle of a running fake."""

    url: str
    token: str = "example-token"
    state: OpsState = field(default_factory=OpsState.recorded)
    requests: list[Seen] = field(default_factory=list[Seen])
    _planned: deque[_Planned] = field(default_factory=deque[_Planned])
    _down: bool = False
    _hanging: anyio.Event = field(default_factory=anyio.Event)
    _released: anyio.Event = field(default_factory=anyio.Event)

    @property
    def runs(self) -> list[FakeRun]:
        """Every run that was created, oldest first."""
        return self.state.runs

    @property
    def posts(self) -> list[Seen]:
        """The requests that were to start something."""
        return [seen for seen in self.requests if seen.method == "POST"]

    def replace(self, kind: str, *items: Json) -> None:
        """Let these be all the `pipelines`, `tasks`, `hosts` or `clusters`."""
        self.state.objects[kind] = list(items)

    def put(self, kind: str, item: Json) -> None:
        """Add an object, in the place of the one with its name."""
        self.remove(kind, item["metadata"]["name"])
        items = [*self.state.objects[kind], item]
        self.state.objects[kind] = sorted(items, key=lambda it: it["metadata"]["name"])

    def remove(self, kind: str, name: str) -> None:
        """Take an object away; none of that name is fine."""
        items = self.state.objects[kind]
        self.state.objects[kind] = [it for it in items if it["metadata"]["name"] != name]

    def script(
        self, operation: str, states: Sequence[Json | None], *, by_itself: bool = True
    ) -> None:
        """Let later runs of `operation` show these `status` objects, one further with each GET.

        None stands for a run that was cleared away. With `by_itself=False` only `advance` moves on.
        """
        self.state.scripts[operation] = (list(states), by_itself)

    def play(self, operation: str, recording: str, *, by_itself: bool = True) -> None:
        """Let later runs of `operation` go through the states of a `run-*` recording."""
        self.script(operation, recorded_states(recording), by_itself=by_itself)

    def time(self, operation: str, plan: Callable[[Mapping[str, str]], Timeline]) -> None:
        """Let later runs of `operation` go through states with time, as their variables say."""
        self.state.timelines[operation] = plan

    def advance(self) -> None:
        """Take every run one state further."""
        for run in self.runs:
            run.advance()

    def fail(
        self,
        path_part: str,
        fault: Fault,
        *,
        text: str = "",
        method: str = "",
        times: int = 1,
        after: bool = False,
    ) -> None:
        """Let the next requests whose path contains `path_part` go wrong.

        With `after` the request is first done, and only its answer is spoilt. `text` is the message
        of REFUSED and the body of RAW.
        """
        self._planned.append(_Planned(path_part, method, fault, text, after, times))

    def heal(self) -> None:
        """Forget all faults that are left."""
        self._planned.clear()

    def reset(self) -> None:
        """Everything as it was at the start, for tests that share one server."""
        self.heal()
        self.release()
        self.requests.clear()
        self.state.events.cut()
        self.state = OpsState.recorded()

    @contextmanager
    def down(self) -> Generator[None]:
        """Break every connection meanwhile."""
        self._down = True
        try:
            yield
        finally:
            self._down = False

    async def until_hanging(self) -> None:
        """Wait until a request hangs."""
        await self._hanging.wait()

    def release(self) -> None:
        """Let the requests that hang go on; later ones hang again."""
        self._released.set()
        self._released, self._hanging = anyio.Event(), anyio.Event()

    async def handle(self, request: Request) -> Response:
        """Answer a request, or do with it what was planned."""
        body = await request.body()
        self.requests.append(
            Seen(request.method, request.url.path, request.url.query, body_of(body))
        )
        planned = next((plan for plan in self._planned if plan.meets(request)), None)
        if self._down:
            planned = _Planned("", "", Fault.DROP, "", False, 1)
        if planned is None:
            return await answer(request, self.state, self.token)
        planned.left -= 1
        return await self._spoil(request, planned)

    async def _spoil(self, request: Request, planned: _Planned) -> Response:
        needs_answer = planned.after or planned.fault in (Fault.GARBLED, Fault.NULL_LIST)
        good = await answer(request, self.state, self.token) if needs_answer else empty()
        match planned.fault:
            case Fault.HANG:
                self._hanging.set()
                await self._released.wait()
                return good if planned.after else await answer(request, self.state, self.token)
            case Fault.DROP:
                request.state.transport.abort()
                # Let the server notice, or it would complain of the missing answer.
                await checkpoint()
                return empty()
            case Fault.REFUSED:
                return refused(planned.text)
            case Fault.RAW:
                return Response(planned.text, media_type="application/json")
            case Fault.GARBLED:
                return Response(good.body[: len(good.body) // 2], media_type="application/json")
            case Fault.NULL_LIST:
                found = json.loads(bytes(good.body))
                found["data"].update(list=None, total=0)
                return Response(json.dumps(found), media_type="application/json")
            case Fault.HTML:
                return web_page()
            case Fault.PANIC:
                return panic()
            case Fault.EMPTY:
                return empty()


class _Protocol(H11Protocol):
    """Lets the application see its connection, so that it can break it."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


@asynccontextmanager
async def fake_ops(state: OpsState | None = None) -> AsyncGenerator[FakeOps]:
    """Run a fake Ops server; by default it holds the operations and hosts of the recordings."""
    # Requests that come before the server runs wait in the queue of this socket.
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    ops = FakeOps(f"http://127.0.0.1:{listener.getsockname()[1]}")
    ops.state = state or ops.state
    methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"]
    app = Starlette(routes=[Route("/{path:path}", ops.handle, methods=methods)])
    config = uvicorn.Config(
        app,
        http=_Protocol,
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    async with anyio.create_task_group() as group:
        group.start_soon(server.serve, [listener])
        try:
            yield ops
        finally:
            ops.heal()
            ops.release()
            ops.state.events.cut()
            server.should_exit = True
