"""Sessions of the older era over HTTP: too many of them, and two requests under one id."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import mcp_types as types
import pytest
from anyio import lowlevel, to_thread
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opsmcp_server.app import open_services
from opsmcp_server.config.load import load
from opsmcp_server.transports import legacy_sessions
from tests.fakes.ops_server import Fault, fake_ops
from tests.server.conftest import Ground
from tests.server.harness import running, serving, settings
from tests.server.older import ACCEPT, Older, initialize, open_session, result_of


async def _status(session: Older) -> int:
    return (await session.post({"jsonrpc": "2.0", "id": 5, "method": "ping"})).status_code


async def test_a_session_too_many_ends_the_one_that_was_idle_longest(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(legacy_sessions, "MOST_SESSIONS", 3)
    async with (
        running("http-legacy", ground.environ(), ground.root) as run,
        httpx2.AsyncClient(timeout=30) as http,
    ):
        first, second, third = [await open_session(http, run.url) for _ in range(3)]
        assert await _status(first) == 200
        fourth = await open_session(http, run.url)
        found = [await _status(session) for session in (first, second, third, fourth)]
    assert found == [200, 404, 200, 200]


async def test_a_session_of_which_something_is_open_is_not_ended(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(legacy_sessions, "MOST_SESSIONS", 1)
    async with (
        running("http-legacy", ground.environ(), ground.root) as run,
        httpx2.AsyncClient(timeout=30) as http,
    ):
        only = await open_session(http, run.url)
        async with http.stream("GET", only.url, headers=only.headers) as stream:
            assert stream.status_code == 200
            refused = await http.post(only.url, json=initialize(), headers=ACCEPT)
        assert refused.status_code == 503
        assert await _status(only) == 200


async def test_two_requests_of_a_session_under_one_id_do_not_take_each_others_answers(
    tmp_path: Path,
) -> None:
    answers: list[httpx2.Response] = []
    async with fake_ops() as ops:
        environ = settings(tmp_path, OPS_SERVER=ops.url, OPS_TOKEN=ops.token)
        ops.fail("/api/", Fault.HANG)
        async with (
            open_services(load(environ, cwd=tmp_path), environ) as services,
            serving(services) as url,
            httpx2.AsyncClient(timeout=30) as http,
        ):
            session, other = [await open_session(http, url) for _ in range(2)]

            async def ask(asking: Older, number: int | str) -> None:
                message = {"jsonrpc": "2.0", "id": number, "method": "tools/list"}
                answers.append(await asking.post(message))
                if answers[-1].status_code == 400:
                    ops.release()

            with anyio.fail_after(60):
                async with anyio.create_task_group() as group:
                    await ops.until_hanging()
                    for asking, number in ((session, 1), (session, "1"), (other, 1)):
                        group.start_soon(ask, asking, number)
    refused = [answer.json() for answer in answers if answer.status_code == 400]
    lists = [result_of(answer) for answer in answers if answer.status_code == 200]
    assert [(answer["error"]["code"], str(answer["id"])) for answer in refused] == [(-32600, "1")]
    assert all(types.ListToolsResult.model_validate(found).tools for found in lists)
    assert len(lists) == 2


def _noting(gone: anyio.Event) -> Callable[[ASGIApp], ASGIApp]:
    """An app that tells when it hears that a client left."""

    def wrap(app: ASGIApp) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            async def noted() -> Message:
                message = await receive()
                if message["type"] == "http.disconnect":
                    gone.set()
                return message

            await app(scope, noted, send)

        return wrapped

    return wrap


def _gated(number: int) -> dict[str, Any]:
    call: dict[str, Any] = {"name": "get-gated", "arguments": {}}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": call}


@asynccontextmanager
async def _left(ground: Ground) -> AsyncGenerator[Older]:
    """A session whose client called `get-gated` under the id 5, and left before its answer."""
    gone, environ = anyio.Event(), ground.environ()
    async with (
        open_services(load(environ, cwd=ground.root), environ) as services,
        serving(services, _noting(gone)) as url,
        httpx2.AsyncClient(timeout=30) as http,
    ):
        session = await open_session(http, url)
        async with http.stream("POST", session.url, json=_gated(5), headers=session.headers):
            pass
        await gone.wait()
        await anyio.wait_all_tasks_blocked()
        yield session


async def test_an_id_stays_taken_while_its_request_goes_on_without_its_client(
    ground: Ground,
) -> None:
    with anyio.fail_after(60):
        async with _left(ground) as session:
            assert await _status(session) == 400
            await to_thread.run_sync(ground.open_gate)
            while await _status(session) != 200:
                await lowlevel.checkpoint()
