"""From a call that needs approval to its run, as clients and those who decide see it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.shared.exceptions import MCPError

from opsmcp_pipelines.run import Verdict
from opsmcp_tools.approval_requests.request import State, Vote
from opsmcp_tools.journal.sqlite_read import Query
from opsmcp_tools.model.errors import NotAllowed
from opsmcp_tools.model.tool import Principal
from tests.server.calls.approval_ground import (
    ANNA,
    BOB,
    EVE,
    ShiftedClock,
    approve,
    ask,
    decide,
    end_of,
    make_approving,
    opsmcp,
    requests_of,
    write_policy,
)
from tests.server.conftest import EXTRA, Ground
from tests.server.harness import Running, journal_of, services_of
from tests.server.task_client import TaskClient


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return make_approving(tmp_path)


def text_of(answer: Any) -> str:
    return str(answer.content[0].text)


async def test_a_call_waits_for_approval_and_then_is_the_run_that_was_approved(
    ground: Ground,
) -> None:
    async with opsmcp(ground) as run, run.connect() as client:
        answer = await client.call_tool("delete-thing", {"name": "x"})
        handle = answer.structured_content["run"]
        waiting = await client.call_tool("get_run", {"run": handle, "wait_seconds": 0})
        before = ground.marker.exists()
        await approve(run, handle, comment="go ahead")
        end = await end_of(client, handle)
        listed = await client.call_tool("list_runs", {})
        timeline = (await requests_of(run).find(handle)).log
    assert not answer.is_error
    assert "was not started" in text_of(answer) and "1 of on-call (anna, bob)" in text_of(answer)
    assert f"opsmcp approve {handle}" in text_of(answer)
    assert waiting.structured_content["verdict"] == "waiting"
    assert not before
    assert ground.marker.exists()
    assert (end.structured_content["verdict"], end.structured_content["request"]) == (
        "succeeded",
        handle,
    )
    assert f"Request {handle}: approved by anna" in text_of(end)
    assert [one["run"] for one in listed.structured_content["runs"]] == [
        end.structured_content["run"]
    ]
    assert [(str(one.after), one.by) for one in timeline][1:] == [
        ("approved", "anna"),
        ("started", "opsmcp"),
    ]


async def test_a_rejected_call_starts_nothing_and_is_answered_so_when_it_is_made_again(
    ground: Ground,
) -> None:
    async with opsmcp(ground) as run, run.connect() as client:
        handle = await ask(client)
        await decide(run, handle, BOB, "not <b>today</b>", approves=False)
        end = await end_of(client, handle)
        again = await client.call_tool("delete-thing", {"name": "x"})
    assert end.is_error and end.structured_content["verdict"] == "refused"
    assert "bob rejected it" in text_of(end) and "'not <b>today</b>'" in text_of(end)
    assert again.is_error and again.structured_content["run"] == handle
    assert not ground.marker.exists()


async def test_whoever_asked_cannot_approve_nor_can_a_stranger_or_one_who_may_not_call(
    ground: Ground,
) -> None:
    async with opsmcp(ground) as run, run.connect() as client:
        local = services_of(run).calls.principal
        handle = await ask(client)
        request = await requests_of(run).find(handle)
        refused = list[str]()
        for who in (local, EVE, Principal("dora"), Principal("carl")):
            with pytest.raises(NotAllowed) as caught:
                await decide(run, handle, who, approves=True)
            refused.append(str(caught.value))
        after = await requests_of(run).find(handle)
    assert "whoever asked" in refused[0]
    assert "only members of on-call, others" in refused[1] and "only members" in refused[2]
    assert "does not allow you delete-thing" in refused[3]
    assert after == request


async def test_the_requester_cannot_approve_although_it_is_one_of_the_approvers(
    ground: Ground,
) -> None:
    async with opsmcp(ground) as run, run.connect() as client:
        calls = services_of(run).calls
        handle = await ask(client)
        groups = {"on-call": ("*",), "others": ("*",)}
        calls.policy = replace(calls.policy, groups=groups)
        with pytest.raises(NotAllowed, match="whoever asked"):
            await approve(run, handle, calls.principal)


async def test_two_have_to_approve_where_policy_says_so_and_nobody_counts_twice(
    ground: Ground,
) -> None:
    write_policy(ground, count=2)
    async with opsmcp(ground) as run, run.connect() as client:
        handle = await ask(client)
        first = await approve(run, handle, ANNA)
        again = await approve(run, handle, ANNA)
        waiting = await client.call_tool("get_run", {"run": handle, "wait_seconds": 0})
        second = await approve(run, handle, BOB)
        end = await end_of(client, handle)
    assert (first.counted, first.request.state) == (True, State.PENDING)
    assert not again.counted
    assert "So far: approved by anna" in text_of(waiting)
    assert (second.counted, second.request.state) == (True, State.APPROVED)
    assert "approved by anna, bob" in text_of(end)


async def test_the_same_call_gets_the_same_request_and_then_the_same_run(ground: Ground) -> None:
    async with opsmcp(ground) as run, run.connect() as client:
        handle = await ask(client)
        assert await ask(client) == handle
        assert await ask(client, "y") != handle
        await approve(run, handle)
        end = await end_of(client, handle)
        again = await client.call_tool("delete-thing", {"name": "x"})
    assert again.structured_content["run"] == end.structured_content["run"]
    assert "Nothing new was started" in text_of(again)


async def test_a_key_of_the_caller_names_one_request_whatever_becomes_of_it(
    ground: Ground,
) -> None:
    meta: Any = {"opsmcp/idempotency-key": "mine"}
    async with opsmcp(ground) as run, run.connect() as client:
        call: Any = ("delete-thing", {"name": "x"})
        first = await client.call_tool(*call, meta=meta)
        handle = first.structured_content["run"]
        await approve(run, handle)
        end = await end_of(client, handle)
        again = await client.call_tool(*call, meta=meta)
    assert again.structured_content["request"] == handle
    assert again.structured_content["run"] == end.structured_content["run"]


async def test_a_key_that_looks_like_that_of_a_request_is_not_its_key(ground: Ground) -> None:
    async with opsmcp(ground) as run, run.connect() as client:
        handle = await ask(client)
        forged: Any = {"opsmcp/idempotency-key": f"\x1frequest {handle}"}
        answer = await client.call_tool("show-greeting", {"who": "x"}, meta=forged)
        await approve(run, handle)
        end = await end_of(client, handle)
    assert answer.is_error and "can be seen" in text_of(answer)
    assert end.structured_content["operation"] == "delete-thing"


async def test_no_more_than_ten_calls_of_one_caller_wait(ground: Ground) -> None:
    async with opsmcp(ground) as run, run.connect() as client:
        handles = [await ask(client, f"x{number}") for number in range(10)]
        refused = await client.call_tool("delete-thing", {"name": "one-more"})
        await client.call_tool("cancel_run", {"run": handles[0]})
        await ask(client, "one-more")
    assert refused.is_error and "10 of your calls wait for approval" in text_of(refused)


async def test_a_withdrawn_request_cannot_be_approved_any_more(ground: Ground) -> None:
    async with opsmcp(ground) as run, run.connect() as client:
        handle = await ask(client)
        shown = await requests_of(run).find(handle)
        done = await client.call_tool("cancel_run", {"run": handle})
        decision = await requests_of(run).decide(shown, ANNA, approves=True)
    assert not done.is_error or done.structured_content["stopped"]
    assert (decision.counted, decision.request.state) == (False, State.VOID)
    assert not ground.marker.exists()


async def test_no_answer_is_no(ground: Ground) -> None:
    async with opsmcp(ground) as run, run.connect() as client:
        calls, clock = services_of(run).calls, ShiftedClock()
        calls.clock = clock
        handle = await ask(client)
        shown = await requests_of(run).find(handle)
        clock.ahead = timedelta(minutes=31)
        decision = await requests_of(run).decide(shown, ANNA, approves=True)
        end = await end_of(client, handle)
    assert (decision.counted, decision.request.state) == (False, State.EXPIRED)
    assert end.is_error and "nobody approved it in time" in text_of(end)


async def test_a_request_of_somebody_else_is_unknown(ground: Ground) -> None:
    async with opsmcp(ground) as run, run.connect() as client:
        handle = await ask(client)
        services_of(run).calls.principal = EVE
        looked = await client.call_tool("get_run", {"run": handle})
        stopped = await client.call_tool("cancel_run", {"run": handle})
        with pytest.raises(MCPError):
            await client.read_resource(f"ops://runs/{handle}")
        state = (await requests_of(run).find(handle)).state
    assert looked.is_error and "there is no run" in text_of(looked)
    assert stopped.is_error
    assert state is State.PENDING


async def test_what_is_no_call_is_refused_before_anybody_is_asked(ground: Ground) -> None:
    async with opsmcp(ground) as run, run.connect() as client:
        answer = await client.call_tool("delete-thing", {"name": "x; rm -rf /"})
        secret = await client.call_tool("delete-thing", {"name": f"ghp_{'a' * 36}"})
        found = await requests_of(run).list()
    assert answer.is_error and secret.is_error
    assert "looks like a secret" in text_of(secret)
    assert found == ()


@pytest.mark.parametrize("state", ["approved", "rejected"])
async def test_a_task_works_until_it_is_decided(ground: Ground, state: str) -> None:
    tasks = list[Any]()

    async def on_task(task: Any) -> None:
        tasks.append(task)
        waiting = await requests_of(run).list()
        await decide(run, waiting[0].id, ANNA, approves=state == "approved")

    async with (
        opsmcp(ground) as run,
        run.connect(extensions=[TaskClient(on_task)]) as client,
    ):
        with anyio.fail_after(30):
            answer = await client.call_tool("delete-thing", {"name": "x"})
    assert tasks[0].status == "working"
    verdict = {"approved": "succeeded", "rejected": "refused"}[state]
    assert answer.structured_content["verdict"] == verdict
    assert answer.is_error == (state == "rejected")
    assert ground.marker.exists() == (state == "approved")


async def test_a_request_is_a_resource_and_ends_for_whoever_watches_it(ground: Ground) -> None:
    async with opsmcp(ground) as run, run.connect() as client:
        handle = await ask(client)
        address = f"ops://runs/{handle}"
        before: Any = await client.read_resource(address)
        async with client.listen(resource_subscriptions=[address]) as events:
            await decide(run, handle, ANNA, approves=False)
            with anyio.fail_after(30):
                event: Any = await anext(aiter(events))
        after: Any = await client.read_resource(address)
    assert str(event.uri) == address
    assert '"waiting"' in before.contents[0].text
    assert '"refused"' in after.contents[0].text


async def _changed_plan(run: Running, ground: Ground, change: str) -> None:
    """Change something of what was asked for, as opsmcp will see it."""
    calls = services_of(run).calls
    if "definition" in change:
        file = ground.manifests / "own.yaml"
        file.write_text(file.read_text("utf-8").replace("deleted $", "gone $"), "utf-8")
    elif change == "gone":
        (ground.manifests / "own.yaml").write_text(EXTRA, "utf-8")
    elif change == "policy":
        rules = tuple(replace(rule, reason="other words") for rule in calls.policy.rules)
        calls.policy = replace(calls.policy, rules=rules)
    elif change == "read only":
        calls.policy = replace(calls.policy, read_only=True)
    elif change == "approver left":
        calls.policy = replace(calls.policy, groups={"on-call": ("bob",), "others": ("carl",)})
    elif change == "approver may not":
        denied = replace(calls.policy.rules[0], name="anna reads", principal=("anna",))
        calls.policy = replace(calls.policy, rules=(denied, *calls.policy.rules))
    if change != "unread definition":
        await calls.tools.discovery.refresh()
        catalogue, clients = calls.tools.discovery.catalogue, services_of(run).clients
        assert catalogue is not None
        clients.adopt(clients.build(catalogue))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("definition", "its definition"),
        ("unread definition", "its definition"),
        ("gone", "cannot be called any more"),
        ("policy", "what policy says of it"),
        ("read only", "cannot be called any more"),
        ("approver left", "whether anna may approve it: only members of"),
        ("approver may not", "whether anna may approve it: policy does not allow"),
    ],
)
async def test_what_changed_between_approval_and_start_voids_the_request_and_is_named(
    ground: Ground, change: str, named: str
) -> None:
    async with opsmcp(ground) as run, run.connect() as client:
        calls, requests = services_of(run).calls, requests_of(run)
        handle = await ask(client)
        request = await requests.find(handle)
        await _changed_plan(run, ground, change)
        # As another process does whose settings are still the old ones.
        now = calls.clock.now()
        vote = Vote(ANNA, True, "", now)
        await requests._file.write(lambda store: store.vote(handle, vote, request.plan_hash, now))
        end = await end_of(client, handle)
        runs = journal_of(run).list(Query()).runs
    assert end.is_error and end.structured_content["verdict"] == "refused"
    assert "the request is void" in text_of(end) and named in text_of(end)
    assert not ground.marker.exists()
    # The source itself refuses what it was not read anew for; nothing ran then, either.
    assert [one.verdict for one in runs if one.verdict is not Verdict.NOTHING_RAN] == []
