"""Where requests are kept: one outcome each, whoever is first, and nothing lost with a process."""

import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opsmcp_pipelines.models import OperationKey, OperationKind
from opsmcp_tools.approval_requests.handle import new_handle
from opsmcp_tools.approval_requests.request import OPSMCP, Request, State, Vote
from opsmcp_tools.approval_requests.sqlite_store import (
    FILE,
    Bounds,
    SqliteRequests,
    TooManyRequests,
    open_requests,
)
from opsmcp_tools.model.errors import JournalUnusable
from opsmcp_tools.model.tool import Principal
from opsmcp_tools.policy.rules import Approvers

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
LATE = NOW + timedelta(minutes=16)
_RACES = 200


def make(**more: object) -> Request:
    request = Request(
        id=new_handle(),
        requester=Principal("eve", ("devs",)),
        tool="delete-thing",
        operation=OperationKey(OperationKind.PIPELINE, "ops-system", "delete-thing"),
        source="here",
        arguments={"name": "x"},
        definition="d1",
        plan_hash="h1",
        plan={"tasks": []},
        question="Run it?",
        rule="deletes",
        reason="two look",
        approvers=Approvers(("on-call",), 1, 900.0),
        digest="same",
        key="",
        created_at=NOW,
        expires_at=NOW + timedelta(minutes=15),
        changed_at=NOW,
    )
    return replace(request, **more)


def yes(by: str = "anna", at: datetime = NOW) -> Vote:
    return Vote(Principal(by, ("on-call",)), True, "", at)


def no(by: str = "bob") -> Vote:
    return Vote(Principal(by), False, "not now", NOW)


def test_what_was_fixed_is_read_again_as_it_was(tmp_path: Path) -> None:
    request = make(approvers=Approvers(("a", "b"), 2, 60.0), key="mine")
    with open_requests(tmp_path) as store:
        kept = store.add(request)
    with open_requests(tmp_path) as store:
        again = store.get(request.id)
        listed = store.list(State.PENDING, 10)
    assert again == kept
    assert replace(kept, owner="", log=()) == request
    assert [replace(one, owner="") for one in listed] == [request]
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_every_transition_is_a_row_of_the_timeline(tmp_path: Path) -> None:
    request = make(approvers=Approvers(("a",), 2, 60.0))
    with open_requests(tmp_path) as store:
        kept = store.add(request)
        store.vote(kept.id, yes("anna"), "h1", NOW)
        store.vote(kept.id, yes("bob"), "h1", NOW)
        approved = store.get(kept.id)
        assert approved is not None
        assert store.move(approved, State.STARTED, by=OPSMCP, why="", at=NOW, run="r-1")
        end = store.get(kept.id)
    assert end is not None and (end.state, end.run) == (State.STARTED, "r-1")
    assert [(one.before, one.after, one.by) for one in end.log] == [
        (None, State.PENDING, "eve"),
        (State.PENDING, State.PENDING, "anna"),
        (State.PENDING, State.APPROVED, "bob"),
        (State.APPROVED, State.STARTED, OPSMCP),
    ]


@pytest.mark.parametrize(
    ("vote", "plan_hash", "now"),
    [(yes(at=LATE), "h1", LATE), (yes(), "h2", NOW)],
    ids=["expired", "another plan"],
)
def test_a_vote_that_is_late_or_of_another_plan_does_not_count(
    tmp_path: Path, vote: Vote, plan_hash: str, now: datetime
) -> None:
    with open_requests(tmp_path) as store:
        kept = store.add(make())
        verdict = store.vote(kept.id, vote, plan_hash, now)
    assert verdict is not None
    assert (verdict.counted, verdict.request) == (False, kept)


def test_one_rejection_ends_it(tmp_path: Path) -> None:
    with open_requests(tmp_path) as store:
        kept = store.add(make(approvers=Approvers(("a",), 3, 60.0)))
        store.vote(kept.id, yes(), "h1", NOW)
        rejected = store.vote(kept.id, no(), "h1", NOW)
        late = store.vote(kept.id, yes("carl"), "h1", NOW)
    assert rejected is not None and rejected.request.state is State.REJECTED
    assert late is not None and not late.counted
    assert [vote.by.name for vote in late.request.votes] == ["anna", "bob"]


def test_a_rejection_answers_the_same_call_for_ten_minutes(tmp_path: Path) -> None:
    with open_requests(tmp_path) as store:
        kept = store.add(make())
        store.vote(kept.id, no(), "h1", NOW)
        soon = store.add(make(created_at=NOW + timedelta(minutes=9)))
        later = store.add(make(created_at=NOW + timedelta(minutes=11)))
    assert soon.id == kept.id
    assert later.state is State.PENDING


def test_of_all_who_are_at_the_same_request_at_once_one_wins(tmp_path: Path) -> None:
    """Approve, reject, expire and withdraw, each by a process with a connection of its own."""

    def move(after: State) -> Callable[[SqliteRequests, Request], bool]:
        return lambda store, request: store.move(request, after, by=OPSMCP, why="", at=NOW)

    def vote(vote: Vote) -> Callable[[SqliteRequests, Request], bool]:
        def count(store: SqliteRequests, request: Request) -> bool:
            verdict = store.vote(request.id, vote, "h1", NOW)
            return verdict is not None and verdict.counted

        return count

    ways = [vote(yes()), vote(no()), vote(yes("carl")), move(State.EXPIRED), move(State.VOID)]
    won, states = list[int](), set[State]()
    with open_requests(tmp_path) as one, open_requests(tmp_path) as other:
        for number in range(_RACES // len(ways)):
            request = one.add(make(digest=str(number)))
            won.append(_race(ways, (one, other), request))
            end = one.get(request.id)
            assert end is not None and len(end.log) == 2
            states.add(end.state)
    assert set(won) == {1}
    assert State.PENDING not in states


def _race(
    ways: Sequence[Callable[[SqliteRequests, Request], bool]],
    stores: Sequence[SqliteRequests],
    request: Request,
) -> int:
    """Go all ways at once; how many of them counted."""
    barrier, counted = threading.Barrier(len(ways)), list[bool]()

    def run(index: int) -> None:
        barrier.wait()
        counted.append(ways[index](stores[index % len(stores)], request))

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(ways))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counted)


def test_the_requests_of_a_process_that_is_gone_are_taken_over_once(tmp_path: Path) -> None:
    with open_requests(tmp_path) as first:
        mine = first.add(make())
        with open_requests(tmp_path) as other:
            assert other.claim("here") == 0
            assert other.is_attended(mine)
    with open_requests(tmp_path) as second, open_requests(tmp_path) as third:
        assert not third.is_attended(mine)
        assert third.claim("elsewhere") == 0
        assert second.claim("here") == 1
        assert third.claim("here") == 0
        assert [one.id for one in second.owned()] == [mine.id]
        # Who was asleep while another took over changes nothing any more.
        assert not third.move(mine, State.VOID, by=OPSMCP, why="", at=NOW)


def test_a_server_that_stands_by_attends_what_others_asked_for(tmp_path: Path) -> None:
    with open_requests(tmp_path) as asker:
        mine = asker.add(make())
    with open_requests(tmp_path) as looker:
        with open_requests(tmp_path) as server:
            server.stand_by("here")
            server.stand_by("here")
            assert looker.is_attended(mine)
            assert not looker.is_attended(replace(mine, source="elsewhere"))
        assert not looker.is_attended(mine)


def test_there_is_room_for_so_many_that_wait(tmp_path: Path) -> None:
    with open_requests(tmp_path, Bounds(pending_of_one=2, pending=3)) as store:
        for number in range(2):
            store.add(make(digest=str(number)))
        with pytest.raises(TooManyRequests, match="2 of your calls"):
            store.add(make(digest="3"))
        store.add(make(digest="4", requester=Principal("dora")))
        with pytest.raises(TooManyRequests, match="3 calls wait"):
            store.add(make(digest="5", requester=Principal("fred")))


def test_what_is_over_goes_when_it_is_old_but_what_waits_stays(tmp_path: Path) -> None:
    with open_requests(tmp_path, Bounds(keep_newest=1)) as store:
        waits = store.add(make(digest="waits"))
        over = store.add(make(digest="over"))
        store.vote(over.id, no(), "h1", NOW)
        store.add(make(digest="new", created_at=NOW + timedelta(days=91)))
        assert store.get(over.id) is None
        assert store.get(waits.id) is not None


def test_a_file_of_a_newer_opsmcp_or_a_damaged_request_is_refused_in_words(tmp_path: Path) -> None:
    with open_requests(tmp_path) as store:
        kept = store.add(make())
    database = sqlite3.connect(tmp_path / FILE)
    with database:
        database.execute("UPDATE requests SET fixed = '{'")
    with open_requests(tmp_path) as store, pytest.raises(JournalUnusable, match="damaged request"):
        store.get(kept.id)
    for version, said in ((9, "newer"), (1, "older")):
        database.execute(f"PRAGMA user_version = {version}")
        with pytest.raises(JournalUnusable, match=f"record of requests .* {said} opsmcp"):
            open_requests(tmp_path).__enter__()
    database.close()


def test_who_asked_and_who_decided_keep_their_ids_and_groups(tmp_path: Path) -> None:
    anna = Principal("anna", ("on-call", "leads"), "https://issuer.example 7")
    asked = make(requester=Principal("eve", ("devs",), "token:eve"))
    with open_requests(tmp_path) as store:
        kept = store.add(asked)
        store.vote(kept.id, Vote(anna, True, "", NOW), kept.plan_hash, NOW)
        found = store.get(kept.id)
    assert found is not None
    assert found.requester == asked.requester
    assert [vote.by for vote in found.votes] == [anna]


def test_two_with_one_name_are_two_who_ask_and_one_who_decides(tmp_path: Path) -> None:
    """The same name may be the same person with another login, so it never makes four eyes."""
    first, second = (Principal("eve", id=f"token:{number}") for number in "12")
    two = Approvers(("on-call",), 2, 900.0)
    with open_requests(tmp_path, Bounds(pending_of_one=1)) as store:
        store.add(make(requester=first, digest="1", approvers=two))
        kept = store.add(make(requester=second, digest="2", approvers=two))
        votes = [
            Principal("anna"),
            Principal("anna", id="token:anna"),
            Principal("ann", id="local:anna"),
        ]
        counted = [
            store.vote(kept.id, Vote(by, True, "", NOW), kept.plan_hash, NOW) for by in votes
        ]
    assert [one.counted for one in counted if one] == [True, False, False]
