"""The outbox: who is told of what, once; two messages a minute; nothing lost with a process."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opsmcp_tools.incidents.correlation import Correlation
from opsmcp_tools.incidents.incident import Incident, Outcome, State
from opsmcp_tools.incidents.machine import Change
from opsmcp_tools.incidents.outbox import (
    Again,
    Batch,
    Delivered,
    Delivery,
    Letter,
    PostState,
    Refused,
    Topic,
    topic_of,
)
from opsmcp_tools.incidents.responder import Bounds, Escalation, Responder, Responders
from opsmcp_tools.incidents.signal import Severity
from opsmcp_tools.incidents.sqlite_file import open_incident_file
from opsmcp_tools.incidents.sqlite_incidents import SqliteIncidents
from opsmcp_tools.incidents.sqlite_outbox import SqliteOutbox
from opsmcp_tools.incidents.sqlite_signals import SqliteSignals
from opsmcp_tools.model.errors import JournalUnusable
from opsmcp_tools.phrases import incident as words
from tests.tools.incidents.incidents import incident, responder
from tests.tools.incidents.signals import NOW, make

TELLS = responder(
    name="tells",
    notify=("room", "mail"),
    escalate=(Escalation(("pager",)), Escalation(("boss",), after_seconds=600)),
)
SECOND = timedelta(seconds=1)


class Office:
    """An outbox of one file, and the incidents that it is about."""

    def __init__(self, file: Any, told: Responder = TELLS) -> None:
        self.responder = told
        self.file = file
        self.signals = SqliteSignals(file, Correlation(Responders([told]), Bounds()))
        self.incidents = SqliteIncidents(file, "me")
        self.mine, self.yours = SqliteOutbox(file, "me"), SqliteOutbox(file, "you")

    def open(self, *keys: str) -> list[Incident]:
        self.signals.record([make(key, key=key) for key in keys])
        return list(self.incidents.claim(NOW + timedelta(minutes=1), limit=2_000))

    def become(self, one: Incident, state: State, at: datetime = NOW, **more: Any) -> Incident:
        change = Change(state, words.SETTLED(), **more)
        after = self.incidents.change(one, change, f"why {state}", at, "opsmcp", self.responder)
        assert after is not None
        return after

    def take(self, channel: str, at: datetime = NOW) -> Batch:
        batch = self.mine.take(channel, at)
        assert batch is not None
        return batch

    def deliver(self, channel: str, at: datetime = NOW, what: Delivery | None = None) -> Batch:
        batch = self.take(channel, at)
        assert self.mine.done(batch, what or Delivered(), at, 1.0)
        return batch

    def states(self, channel: str) -> list[PostState]:
        return [post.state for post in reversed(self.mine.list(channel=channel))]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with open_incident_file(tmp_path) as file:
        yield Office(file)


def _news(batch: Batch) -> list[list[Topic]]:
    return [[topic for topic, _ in letter.news] for letter in _letters(batch)]


def _letters(batch: Batch) -> list[Letter]:
    """What is told of incidents, which is all of it here."""
    letters = [one for one in batch.letters if isinstance(one, Letter)]
    assert len(letters) == len(batch.letters)
    return letters


@pytest.mark.parametrize(
    ("before", "after", "more", "topic"),
    [
        (State.DECIDING, State.WAITING, {}, Topic.REQUEST),
        (State.WAITING, State.RUNNING, {}, Topic.DECIDED),
        (State.STARTING, State.RUNNING, {}, None),
        (State.DECIDING, State.STARTING, {}, Topic.STARTING),
        (State.RUNNING, State.VERIFYING, {}, None),
        (State.VERIFYING, State.DECIDING, {}, Topic.NOT_REPAIRED),
        (State.OPEN, State.DECIDING, {}, None),
        (State.WAITING, State.DECIDING, {}, None),
        (State.DECIDING, State.HELD, {}, Topic.HELD),
        (State.DECIDING, State.HANDED_OVER, {}, Topic.HANDED_OVER),
        (State.WAITING, State.WAITING, {}, Topic.WORSE),
        (State.OPEN, State.OPEN, {}, None),
        (State.OPEN, State.CLOSED, {"outcome": Outcome.RESOLVED}, None),
        (State.WAITING, State.CLOSED, {"outcome": Outcome.RESOLVED}, Topic.CLOSED),
        (State.VERIFYING, State.CLOSED, {"outcome": Outcome.RECOVERED}, Topic.CLOSED),
        (State.DECIDING, State.CLOSED, {"outcome": Outcome.UNCONFIRMED}, Topic.CLOSED),
        (State.HANDED_OVER, State.CLOSED, {"outcome": Outcome.SILENT}, None),
    ],
)
def test_what_is_told_of_a_transition(
    before: State, after: State, more: dict[str, Any], topic: Topic | None
) -> None:
    assert topic_of(before, incident(after, **more), escalated=False) is topic


def test_a_request_goes_to_its_channels_and_later_to_those_that_it_is_escalated_to(
    office: Office,
) -> None:
    (one,) = office.open("k")
    office.become(one, State.WAITING, fields={"request": "q-1"})
    assert _news(office.deliver("room")) == [[Topic.REQUEST]]
    assert office.mine.take("pager", NOW + 119 * SECOND) is None
    assert office.mine.take("pager", NOW + 121 * SECOND) is None, "somebody has it"
    assert office.states("pager") == [PostState.DROPPED]
    assert office.mine.take("boss", NOW + 599 * SECOND) is None
    assert _news(office.deliver("boss", NOW + 600 * SECOND)) == [[Topic.REQUEST]]


def test_the_oldest_that_is_due_is_known_until_it_is_sent(office: Office) -> None:
    (one,) = office.open("d1")
    assert office.mine.due_since(NOW) is None
    office.become(one, State.HANDED_OVER)
    later = NOW + timedelta(minutes=5)
    assert office.mine.due_since(later) == NOW
    for channel in ("room", "mail"):
        office.deliver(channel, later)
    assert office.mine.due_since(later) is None


def test_a_request_whose_channels_are_down_goes_to_the_others_after_two_minutes(
    office: Office,
) -> None:
    (one,) = office.open("k")
    office.become(one, State.WAITING)
    office.deliver("room", what=Refused("no"))
    office.deliver("mail", what=Again("down"))
    assert _news(office.deliver("pager", NOW + 121 * SECOND)) == [[Topic.REQUEST]]


def test_what_was_decided_in_time_is_not_escalated(office: Office) -> None:
    (one,) = office.open("k")
    waiting = office.become(one, State.WAITING)
    office.become(waiting, State.RUNNING, fields={"run": "r-1"})
    for channel in ("pager", "boss"):
        assert office.mine.take(channel, NOW + timedelta(hours=1)) is None
        assert office.states(channel) == [PostState.DROPPED]
    assert _news(office.deliver("room")) == [[Topic.REQUEST, Topic.DECIDED]]


def test_what_nobody_decided_calls_people_at_once_and_tells_them_of_its_end(
    office: Office,
) -> None:
    (one,) = office.open("k")
    escalated = office.become(one, State.HANDED_OVER, escalated=True)
    assert _news(office.deliver("pager")) == [[Topic.ESCALATED]]
    office.become(escalated, State.CLOSED, NOW + SECOND, outcome=Outcome.RESOLVED)
    assert _news(office.deliver("pager", NOW + 61 * SECOND)) == [[Topic.CLOSED]]
    assert office.mine.take("boss", NOW + timedelta(hours=1)) is None


def test_who_is_escalated_to_and_nobody_else_is_told_at_once(tmp_path: Path) -> None:
    with open_incident_file(tmp_path) as file:
        office = Office(file, replace(TELLS, notify=()))
        (one,) = office.open("k")
        office.become(one, State.WAITING)
        assert _news(office.deliver("pager")) == [[Topic.REQUEST]]


def test_held_for_the_same_reason_is_told_once(office: Office) -> None:
    (one,) = office.open("k")
    held = office.become(one, State.HELD)
    deciding = office.become(held, State.DECIDING)
    office.become(deciding, State.HELD)
    assert _news(office.deliver("room")) == [[Topic.HELD]]


def test_a_higher_severity_is_told(office: Office) -> None:
    (one,) = office.open("k")
    office.become(one, State.HANDED_OVER)
    office.signals.record([make("d2", key="k", severity=Severity.CRITICAL)])
    assert _news(office.deliver("room")) == [[Topic.HANDED_OVER, Topic.WORSE]]


def test_a_storm_is_two_messages_a_minute_and_nothing_of_it_is_left_out(office: Office) -> None:
    for one in office.open(*(f"k{number}" for number in range(60))):
        office.become(one, State.HANDED_OVER)
    first = office.deliver("room")
    assert len(first.letters) == 8 and first.more == 52
    assert set(office.states("room")) == {PostState.SENT}
    late, asked, again = office.open("late", "asked", "again")
    office.become(late, State.HANDED_OVER)
    assert office.mine.take("room", NOW + 59 * SECOND) is None, "that place is for what is urgent"
    office.become(asked, State.WAITING)
    second = office.deliver("room", NOW + 59 * SECOND)
    assert _news(second) == [[Topic.REQUEST], [Topic.HANDED_OVER]]
    office.become(again, State.WAITING)
    assert office.mine.take("room", NOW + 59 * SECOND) is None, "nothing is, for the third"
    assert _news(office.deliver("room", NOW + 61 * SECOND)) == [[Topic.REQUEST]]


def test_a_minute_counts_from_when_a_message_has_arrived_at_the_latest(office: Office) -> None:
    for key, begin, end in (("k1", 0, 8), ("k2", 20, 20)):
        (one,) = office.open(key)
        office.become(one, State.WAITING)
        batch = office.take("room", NOW + begin * SECOND)
        assert office.mine.done(batch, Delivered(), NOW + end * SECOND, 0.0)
    (one,) = office.open("k3")
    office.become(one, State.WAITING)
    assert office.mine.take("room", NOW + 67 * SECOND) is None
    assert office.mine.take("room", NOW + 69 * SECOND) is not None


def test_what_is_urgent_goes_first_and_does_not_wait_for_others(office: Office) -> None:
    *others, urgent = office.open(*(f"k{number}" for number in range(10)))
    office.become(others[0], State.HANDED_OVER)
    office.deliver("room")
    for one in others[1:]:
        office.become(one, State.HANDED_OVER)
    office.become(urgent, State.WAITING)
    batch = office.deliver("room", NOW + SECOND)
    assert _news(batch)[0] == [Topic.REQUEST]
    assert len(batch.letters) == 8 and batch.more == 1


def test_what_was_being_sent_when_its_process_died_is_sent_again_by_another(
    office: Office,
) -> None:
    (one,) = office.open("k")
    office.become(one, State.WAITING)
    lost = office.take("room")
    assert office.yours.take("room", NOW + 14 * SECOND) is None, "it is leased"
    again = office.yours.take("room", NOW + 21 * SECOND)
    assert again is not None and again.id == lost.id and again.epoch > lost.epoch
    assert not office.mine.done(lost, Delivered(), NOW + 22 * SECOND, 0.0), "it is another's"
    assert office.yours.done(again, Delivered(), NOW + 22 * SECOND, 0.0)
    assert office.states("room") == [PostState.SENT]


def test_a_try_whose_answer_was_lost_counts_as_a_message_and_one_that_was_not_sent_does_not(
    office: Office,
) -> None:
    (one,) = office.open("k")
    office.become(one, State.WAITING)
    for second in (0, 2, 4):
        office.deliver("room", NOW + second * SECOND, Again("refused connection"))
    for second in (6, 17):
        office.deliver("room", NOW + second * SECOND, Again("no answer", lost=True))
    assert office.mine.take("room", NOW + 65 * SECOND) is None
    batch = office.deliver("room", NOW + 67 * SECOND)
    assert batch.posts and batch.failures == 5


def test_a_channel_is_left_alone_for_as_long_as_it_says(office: Office) -> None:
    (one,) = office.open("k")
    office.become(one, State.HANDED_OVER)
    batch = office.take("room")
    assert office.mine.done(batch, Again("too fast", 600), NOW, 600.0)
    assert office.mine.take("room", NOW + 599 * SECOND) is None
    assert office.mine.take("room", NOW + 601 * SECOND) is not None


def test_what_a_clock_that_was_ahead_wrote_is_sent_by_one_that_is_right(office: Office) -> None:
    one, other = office.open("k", "other")
    office.become(one, State.HANDED_OVER, NOW + timedelta(hours=1))
    office.take("room", NOW + timedelta(hours=1))
    office.become(other, State.WAITING, NOW + timedelta(hours=1))
    (letter,) = _letters(office.deliver("room"))
    assert letter.incident.id == other.id
    assert office.mine.take("boss", NOW) is None


def test_what_is_refused_is_dead_until_somebody_sends_it_again(office: Office) -> None:
    (one,) = office.open("k")
    office.become(one, State.HANDED_OVER)
    office.deliver("room", what=Refused("404 no_service"))
    (dead,) = office.mine.list(state="dead")
    assert (dead.channel, dead.why, dead.tries) == ("room", "404 no_service", 1)
    assert office.mine.take("room", NOW + timedelta(hours=1)) is None
    assert office.mine.revive("room", NOW + timedelta(hours=1)) == 1
    office.deliver("room", NOW + timedelta(hours=1))
    assert office.states("room") == [PostState.SENT]


def test_what_cannot_be_delivered_in_a_day_is_dead_and_says_why(office: Office) -> None:
    (one,) = office.open("k")
    office.become(one, State.HANDED_OVER)
    office.deliver("room", what=Again("no answer"))
    assert office.mine.take("room", NOW + timedelta(hours=25)) is None
    (dead,) = office.mine.list(state="dead")
    assert dead.why == "it could not be delivered within a day: no answer"


def test_what_fails_again_and_again_keeps_nothing_else_back(office: Office) -> None:
    poison, *others = office.open("k0", "k1", "k2")
    office.become(poison, State.WAITING)
    at = NOW
    for _ in range(3):
        assert _letters(office.deliver("room", at, Again("500")))[0].incident.id == poison.id
        at += 2 * SECOND
    for one in others:
        office.become(one, State.HANDED_OVER)
    first = _letters(office.deliver("room", at))[0].incident.id
    second = office.deliver("room", at + 11 * SECOND)
    assert [first, *(one.incident.id for one in _letters(second))] == [one.id for one in others]


def test_a_damaged_incident_is_given_up_and_holds_nothing_else_of_its_channel_up(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = office.open("k", "other")
    office.become(one, State.WAITING)
    office.become(other, State.WAITING)
    with office.file.writing() as database:
        database.execute("UPDATE incidents SET facts = '{}' WHERE id = ?", (one.id,))
    assert office.mine.take("room", NOW) is None
    (letter,) = _letters(office.deliver("room"))
    assert letter.incident.id == other.id
    assert office.states("room") == [PostState.DEAD, PostState.SENT]
    assert f"incident {one.id} is damaged" in caplog.text
    with office.file.writing() as database:
        database.execute("UPDATE outbox SET topic = 'odd'")
    with pytest.raises(JournalUnusable, match="damaged row"):
        office.mine.list()


def test_what_is_for_a_channel_that_is_gone_is_dead(office: Office) -> None:
    (one,) = office.open("k")
    office.become(one, State.HANDED_OVER)
    assert office.mine.bury({"mail"}, NOW) == 1
    assert office.mine.bury({"mail"}, NOW) == 0
    (dead,) = office.mine.list(state="dead")
    assert dead.why == "the settings have no such channel"
    assert office.mine.counts() == {("mail", "waiting"): 1, ("room", "dead"): 1}
