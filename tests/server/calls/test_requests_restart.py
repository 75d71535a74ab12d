"""Requests outlive the process in which they were made; who starts them then, and how often."""

import multiprocessing
import os
import random
import signal
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from opsmcp_tools.approval_requests.request import Request, State, Vote
from opsmcp_tools.approval_requests.sqlite_store import open_requests
from opsmcp_tools.journal.sqlite_read import Query
from opsmcp_tools.journal.sqlite_write import open_journal
from opsmcp_tools.model.tool import Principal
from tests.server.calls.approval_ground import (
    ANNA,
    POLICY,
    ShiftedClock,
    approve,
    ask,
    end_of,
    make_approving,
    opsmcp,
    requests_of,
    write_policy,
)
from tests.server.conftest import Ground
from tests.server.harness import Running, services_of

_ROUNDS = 8
_LATEST_SECONDS = 0.9

# Processes that are forked from one that has imported everything start at once.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([__name__])


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return make_approving(tmp_path)


async def test_whoever_waits_for_a_request_of_a_process_that_is_gone_starts_it(
    ground: Ground,
) -> None:
    async with opsmcp(ground) as run, run.connect() as client:
        handle = await ask(client)
    async with opsmcp(ground) as run, run.connect() as client:
        before = await requests_of(run).is_attended(await requests_of(run).find(handle))
        await approve(run, handle)
        end = await end_of(client, handle)
    assert not before
    assert end.structured_content["verdict"] == "succeeded"
    assert ground.marker.exists()


async def test_a_server_starts_what_was_approved_while_nobody_was_there(ground: Ground) -> None:
    async with opsmcp(ground) as run, run.connect() as client:
        handle = await ask(client)
    _vote(ground, handle)
    async with opsmcp(ground) as run:
        requests_of(run).claim_all()
        request = await _over(run, handle)
    assert (request.state, request.run[:2]) == (State.STARTED, "r-")


async def test_what_nobody_started_in_time_is_void_for_whoever_looks(ground: Ground) -> None:
    async with opsmcp(ground) as run, run.connect() as client:
        handle = await ask(client)
    _vote(ground, handle)
    async with opsmcp(ground) as run:
        clock = ShiftedClock()
        services_of(run).calls.clock = clock
        clock.ahead = timedelta(minutes=6)
        request = await requests_of(run).find(handle)
    assert request.state is State.VOID and "could not be started within 5 minutes" in request.why
    assert not ground.marker.exists()


async def test_a_policy_that_changed_with_the_restart_voids_what_was_approved(
    ground: Ground,
) -> None:
    async with opsmcp(ground) as run, run.connect() as client:
        handle = await ask(client)
    write_policy(ground, POLICY.replace("[on-call, others]", "[on-call]"))
    async with opsmcp(ground) as run, run.connect() as client:
        await approve(run, handle)
        end = await end_of(client, handle)
    assert "what policy says of it" in end.content[0].text
    assert not ground.marker.exists()


def _vote(ground: Ground, handle: str) -> None:
    """What an approver does while no opsmcp runs that could start the call."""
    with open_requests(ground.root / "state") as store:
        request = store.get(handle)
        assert request is not None
        store.vote(
            handle,
            Vote(Principal("anna"), True, "", request.created_at),
            request.plan_hash,
            request.created_at,
        )


async def _over(run: Running, handle: str) -> Request:
    with anyio.fail_after(30):
        while True:
            request = await requests_of(run).find(handle)
            if not request.state.is_open:
                return request
            await services_of(run).calls.clock.sleep(0.1)


def _serve(root: str, told: Connection, ask_for: str) -> None:
    """A server that starts what is approved; it says when it begins, and is killed."""
    anyio.run(_serving, Ground(Path(root)), told, ask_for)


async def _serving(ground: Ground, told: Connection, ask_for: str) -> None:
    async with opsmcp(ground) as run, run.connect() as client:
        requests_of(run).claim_all()
        handle = await ask(client, ask_for) if ask_for else ""
        if handle:
            await approve(run, handle, ANNA)
        told.send(handle)
        await anyio.sleep_forever()


async def test_a_call_is_started_at_most_once_however_often_its_server_is_killed(
    ground: Ground, seed: int
) -> None:
    """`kill -9` at seeded moments between the approval and a moment after the start."""
    chance, handles = random.Random(seed), list[str]()
    for number in range(_ROUNDS):
        ours, theirs = _PROCESSES.Pipe(duplex=False)
        process = _PROCESSES.Process(target=_serve, args=(str(ground.root), theirs, f"x{number}"))
        process.start()
        handles.append(await to_thread.run_sync(ours.recv))
        await anyio.sleep(chance.random() * _LATEST_SECONDS)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        await to_thread.run_sync(process.join)
    async with opsmcp(ground) as run:
        requests_of(run).claim_all()
        ends = [await _over(run, handle) for handle in handles]
        for end in ends:
            await services_of(run).calls.executions.wait(end.run, 20)
    with open_journal(ground.root / "state") as journal:
        runs = journal.list(Query(limit=1_000)).runs
    assert {end.state for end in ends} == {State.STARTED}
    assert sorted(end.run for end in ends) == sorted(one.run for one in runs)
    names: list[Any] = [one.arguments["name"] for one in runs]
    assert sorted(names) == sorted(f"x{number}" for number in range(_ROUNDS))
