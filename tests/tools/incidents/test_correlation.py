"""What signals do to incidents, in the record itself: opened once, counted, over, back again."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from opsmcp_tools.incidents.brakes import Pause
from opsmcp_tools.incidents.correlation import Correlation, places_of
from opsmcp_tools.incidents.expression import SIGNAL, Condition, Text
from opsmcp_tools.incidents.incident import Incident, Outcome, State
from opsmcp_tools.incidents.machine import Allowed, Change, HandOver, Started, advance
from opsmcp_tools.incidents.responder import Bounds, Mode, Responder, Responders
from opsmcp_tools.incidents.signal import Severity, Status
from opsmcp_tools.incidents.sqlite_file import IncidentFile, open_incident_file
from opsmcp_tools.incidents.sqlite_incidents import NotFiring, SqliteIncidents
from opsmcp_tools.incidents.sqlite_signals import SqliteSignals
from opsmcp_tools.model.errors import JournalUnusable
from opsmcp_tools.phrases import incident as words
from tests.tools.incidents.incidents import responder
from tests.tools.incidents.signals import NOW, make

DISKS = responder(
    name="disks",
    when=Condition('labels.alertname == "NodeDiskFull"', SIGNAL),
    key=Text('"disk/" + labels.instance', SIGNAL),
    settle_seconds=60,
)
OTHERS = Responder("others", mode=Mode.NOTIFY, senders=("grafana",))
SETTINGS = ((), Bounds())
MINUTE = timedelta(minutes=1)


class Record:
    """The record of one file, and what its incidents are."""

    def __init__(self, file: IncidentFile, bounds: Bounds | None = None) -> None:
        self.bounds = bounds or Bounds()
        self.file = file
        responders = Responders([DISKS, OTHERS])
        self.signals = SqliteSignals(file, Correlation(responders, self.bounds))
        self.mine = SqliteIncidents(file, "me")
        self.yours = SqliteIncidents(file, "you")

    def say(self, *deliveries: str, **more: Any) -> None:
        self.signals.record([make(one, **more) for one in deliveries])

    def all(self) -> list[Incident]:
        return [one for _, one in self.mine.list()]

    def only(self) -> Incident:
        (one,) = self.all()
        return one

    def claim(self, minutes: float = 2) -> Incident:
        (one,) = self.mine.claim(NOW + minutes * MINUTE)
        return one

    def become(self, event: Any, minutes: float = 2) -> Incident:
        """Take it, let this happen to it, and let go of it: it is to be looked at again at once."""
        one = self.claim(minutes)
        change = advance(one, DISKS, event)
        assert change is not None
        after = self.mine.change(one, change, "because", NOW + minutes * MINUTE, "opsmcp")
        assert after is not None
        with self.file.writing() as database:
            at = (NOW + minutes * MINUTE).isoformat(timespec="microseconds")
            database.execute("UPDATE incidents SET owner = '', look_at = ?", (at,))
        return after


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    with open_incident_file(tmp_path) as file:
        yield Record(file)


def test_an_expression_that_cannot_be_evaluated_is_told_by_its_responder(tmp_path: Path) -> None:
    failed: list[str] = []
    odd = Responder("odd", when=Condition('labels.nothing == "1"', SIGNAL))
    follow = Correlation(Responders([odd, DISKS]), Bounds(), on_failed=failed.append)
    with open_incident_file(tmp_path) as file:
        SqliteSignals(file, follow).record([make("d1"), make("d2")])
        assert SqliteIncidents(file, "me").open_by_state() == {"open": 1}
    assert failed == ["odd", "odd"]


def test_a_signal_opens_an_incident_that_is_looked_at_when_it_has_settled(record: Record) -> None:
    record.say("d1")
    one = record.only()
    assert (one.responder, one.key, one.state) == ("disks", "disk/h1:9100", State.OPEN)
    assert one.look_at == NOW + MINUTE
    assert record.mine.claim(NOW) == ()


def test_signals_of_one_key_are_one_incident_and_the_same_delivery_counts_once(
    record: Record,
) -> None:
    record.say("d1", "d2")
    record.say("d2", received_at=NOW + MINUTE)
    assert record.only().count == 2
    assert record.only().last_seen == NOW + MINUTE


def test_a_higher_severity_is_a_row_of_the_timeline_and_a_lower_one_is_not(record: Record) -> None:
    for delivery, severity in enumerate((Severity.WARNING, Severity.CRITICAL, Severity.INFO)):
        record.say(f"d{delivery}", severity=severity)
    whole = record.mine.get(record.only().id)
    assert whole is not None and whole.severity is Severity.CRITICAL
    assert [entry.before for entry in whole.log] == [None, State.OPEN]
    assert "says critical now" in whole.log[-1].why


def test_what_nobody_takes_does_nothing(record: Record) -> None:
    record.say("d1", labels={"alertname": "Other"})
    record.say("d2", labels={})
    assert record.all() == []


def test_the_first_that_fits_takes_it_by_its_own_key(record: Record) -> None:
    record.say("d1", sender="grafana", labels={"alertname": "Other"})
    assert (record.only().responder, record.only().key) == ("others", "k1")


def test_it_is_over_when_none_of_its_keys_fires_any_more(record: Record) -> None:
    record.say("d1")
    record.say("d2", key="k2")
    record.say("d3", status=Status.RESOLVED)
    assert record.only().firing
    record.say("d4", key="k2", status=Status.RESOLVED, received_at=NOW + MINUTE)
    assert not record.only().firing
    assert record.only().look_at == NOW + MINUTE


def test_what_is_over_and_was_never_there_opens_nothing(record: Record) -> None:
    record.say("d1", status=Status.RESOLVED)
    assert record.all() == []


def test_a_key_that_its_responder_takes_no_more_still_belongs_to_its_incident(
    record: Record,
) -> None:
    record.say("d1")
    record.say("d2", status=Status.RESOLVED)
    record.say("d3", labels={"alertname": "Other"})
    assert record.only().firing


def test_what_came_back_soon_after_it_recovered_is_the_same_incident(record: Record) -> None:
    one = _recovered(record)
    record.say("d2", received_at=NOW + 20 * MINUTE)
    again = record.only()
    assert (again.id, again.state, again.attempt, again.outcome) == (one.id, State.OPEN, 2, None)
    (repair,) = record.mine.obstacles(SETTINGS, NOW + 20 * MINUTE).repairs
    assert repair.helped is False


def test_what_came_back_late_is_another_incident(record: Record) -> None:
    _recovered(record)
    record.say("d2", received_at=NOW + 90 * MINUTE)
    assert len(record.all()) == 2


def test_a_delivery_that_is_repeated_after_it_recovered_is_a_recurrence(record: Record) -> None:
    _recovered(record)
    record.say("d1", received_at=NOW + 4 * MINUTE)
    assert record.only().state is State.CLOSED
    record.say("d1", received_at=NOW + 10 * MINUTE)
    assert record.only().state is State.OPEN


def _recovered(record: Record) -> Incident:
    """An incident whose run began after 2 minutes, and helped."""
    record.say("d1")
    record.become(HandOver(words.RESOLVED()))
    one = record.only()
    begun = record.become(Allowed(words.RESOLVED(), "clear-disk", {}))
    assert record.mine.begin_run(one.id, 1, DISKS, ("host:h1",), SETTINGS, NOW) is None
    assert begun.state is State.STARTING
    record.become(Started("r-1", "clear-disk"))
    ended = Change(State.CLOSED, words.RESOLVED(), outcome=Outcome.RECOVERED, helped=True)
    one = record.claim()
    after = record.mine.change(one, ended, "", NOW + 2 * MINUTE, "opsmcp")
    assert after is not None
    return after


def test_over_the_bound_of_open_incidents_signals_are_kept_and_taken_when_repeated(
    tmp_path: Path,
) -> None:
    with open_incident_file(tmp_path) as file:
        record = Record(file, Bounds(open_incidents=2))
        for number in range(4):
            labels = {"alertname": "NodeDiskFull", "instance": f"h{number}"}
            record.say(f"d{number}", key=f"k{number}", labels=labels)
        assert len(record.all()) == 2
        assert len(record.signals.signals()) == 4
        for one in record.mine.claim(NOW + 2 * MINUTE):
            over = Change(State.CLOSED, words.RESOLVED(), outcome=Outcome.RESOLVED)
            record.mine.change(one, over, "", NOW, "opsmcp")
        labels = {"alertname": "NodeDiskFull", "instance": "h3"}
        record.say("d3", key="k3", labels=labels, received_at=NOW + 10 * MINUTE)
        assert {one.key for one in record.all()} == {"disk/h0", "disk/h1", "disk/h3"}


def test_an_incident_may_be_caused_by_a_run_at_its_place(record: Record) -> None:
    one = _recovered(record)
    labels = {"alertname": "Slow", "host": "H1"}
    record.say("d9", sender="grafana", key="k9", labels=labels, received_at=NOW + 3 * MINUTE)
    newest = record.all()[0]
    assert newest.chain == (one.id,)


def test_places_of_a_signal_are_named_as_runs_name_them() -> None:
    labels = {"instance": "H1:9100", "cluster": "prod", "namespace": "web", "pod": "p1"}
    assert places_of(make(labels=labels)) == ("cluster:prod", "host:h1", "namespace:web")


# Leases


def test_an_incident_is_worked_on_by_one_and_by_another_only_when_that_one_is_gone(
    record: Record,
) -> None:
    record.say("d1")
    mine = record.claim()
    assert record.yours.claim(NOW + 2 * MINUTE) == ()
    (yours,) = record.yours.claim(NOW + 3 * MINUTE)
    assert yours.epoch == mine.epoch + 1
    over = Change(State.CLOSED, words.RESOLVED(), outcome=Outcome.RESOLVED)
    assert record.mine.change(mine, over, "", NOW, "opsmcp") is None
    assert not record.mine.renew(mine, NOW)
    assert not record.mine.look_later(mine, NOW, NOW)
    assert record.only().state is State.OPEN
    assert record.yours.renew(yours, NOW + 3 * MINUTE)


def test_what_a_clock_that_was_ahead_leased_or_put_off_is_looked_at_by_one_that_is_right(
    record: Record,
) -> None:
    record.say("a")
    ahead = record.claim(minutes=60)
    assert record.yours.claim(NOW + 2 * MINUTE)[0].id == ahead.id
    assert not record.mine.renew(ahead, NOW + 2 * MINUTE)
    assert record.yours.claim(NOW + 2 * MINUTE) == ()
    (one,) = record.yours.claim(NOW + 3 * MINUTE)
    assert record.yours.look_later(one, NOW + 90 * MINUTE, NOW + 3 * MINUTE)
    assert not record.mine.is_any_waiting(NOW + 4 * MINUTE)
    record.mine.look_at_all(NOW + 4 * MINUTE)
    assert record.mine.is_any_waiting(NOW + 4 * MINUTE)


def test_what_a_thread_writes_together_is_one_transaction(record: Record) -> None:
    def both(*more: str) -> None:
        with record.file.together():
            record.say("a", *more)
            record.mine.pause(Pause("disks", "anna", NOW))
            assert "b" not in more

    with pytest.raises(AssertionError):
        both("b")
    assert record.all() == [] and record.mine.pauses() == {}
    both()
    assert record.only().count == 1 and set(record.mine.pauses()) == {"disks"}


def test_incidents_of_an_older_record_are_there_with_their_signals(tmp_path: Path) -> None:
    labels = {"alertname": "NodeDiskFull", "instance": 'h"1', "empty": ""}
    signal = make("old", labels=labels, data={"none": None, "n": [1.5, True], "text": "é\n"})
    nested = (
        "UPDATE incidents SET signal = json_object('body', json_remove(signal, '$.sender',"
        " '$.delivery_id', '$.key', '$.status', '$.received_at'), 'sender', signal ->> 'sender',"
        " 'delivery_id', signal ->> 'delivery_id', 'key', signal ->> 'key',"
        " 'status', signal ->> 'status', 'received_at', signal ->> 'received_at')"
    )
    with open_incident_file(tmp_path) as file:
        Record(file).signals.record([signal])
        with file.writing() as database:
            database.execute(nested)
            database.execute("ALTER TABLE outbox RENAME COLUMN about TO incident")
            database.execute("ALTER TABLE outbox DROP COLUMN said")
            database.execute("PRAGMA user_version = 6")
        assert Record(file).all() == []
    with open_incident_file(tmp_path) as file:
        assert Record(file).only().signal == signal


def test_what_comes_in_while_somebody_works_on_it_is_looked_at_again_at_once(
    record: Record,
) -> None:
    record.say("d1")
    mine = record.claim()
    record.say("d2", status=Status.RESOLVED, received_at=NOW + 2 * MINUTE)
    record.mine.look_later(mine, NOW + 60 * MINUTE, NOW + 2 * MINUTE)
    assert record.only().look_at == NOW + 2 * MINUTE


def test_a_run_is_begun_once_and_only_while_it_fires(record: Record) -> None:
    record.say("d1")
    one = record.become(Allowed(words.RESOLVED(), "clear-disk", {}))
    begin = record.mine.begin_run
    assert begin(one.id, 1, DISKS, ("host:h1",), SETTINGS, NOW) is None
    assert begin(one.id, 1, DISKS, ("host:h1",), SETTINGS, NOW) is None
    assert len(record.mine.obstacles(SETTINGS, NOW).repairs) == 1
    with pytest.raises(NotFiring):
        begin(one.id, 2, DISKS, (), SETTINGS, NOW)
    record.say("d2", status=Status.RESOLVED)
    with pytest.raises(NotFiring):
        begin(one.id, 1, DISKS, (), SETTINGS, NOW)
    with pytest.raises(NotFiring):
        begin("i-nothere", 1, DISKS, (), SETTINGS, NOW)


def test_a_run_that_never_began_holds_no_place(record: Record) -> None:
    record.say("d1")
    one = record.become(Allowed(words.RESOLVED(), "clear-disk", {}))
    record.mine.begin_run(one.id, 1, DISKS, ("host:h1",), SETTINGS, NOW)
    record.become(HandOver(words.RESOLVED()))
    assert record.mine.obstacles(SETTINGS, NOW).repairs == ()


def test_a_pause_is_seen_by_all_and_its_end_wakes_what_is_held(record: Record) -> None:
    record.say("d1")
    one = record.claim()
    held = Change(State.HELD, words.RESOLVED(), look_seconds=3600)
    after = record.mine.change(one, held, "", NOW, "opsmcp")
    assert after is not None
    record.mine.look_later(after, after.look_at, NOW)
    record.yours.pause(Pause("*", "anna", NOW))
    assert record.mine.pauses()["*"].paused
    record.yours.pause(Pause("disks", "anna", NOW + MINUTE, paused=False))
    assert record.only().look_at == NOW + MINUTE
    record.yours.pause(Pause("*", "anna", NOW + MINUTE, paused=False))
    assert not any(one.paused for one in record.mine.pauses().values())


def test_a_damaged_incident_is_said_and_holds_no_other_up(
    record: Record, caplog: pytest.LogCaptureFixture
) -> None:
    record.say("a")
    record.say("b", labels={"alertname": "NodeDiskFull", "instance": "h2"})
    damaged = record.all()[1].id
    with record.file.writing() as database:
        database.execute("UPDATE incidents SET facts = '[]' WHERE id = ?", (damaged,))
    assert record.claim().key == "disk/h2"
    assert record.only().key == "disk/h2"
    assert record.mine.claim(NOW + timedelta(minutes=30)) != ()
    assert caplog.text.count(f"holds a damaged one: {damaged}") == 2
    with pytest.raises(JournalUnusable, match="holds a damaged one"):
        record.mine.get(damaged)


def test_signals_of_a_damaged_incident_are_kept_and_the_others_go_on(
    record: Record, caplog: pytest.LogCaptureFixture
) -> None:
    record.say("a")
    with record.file.writing() as database:
        database.execute("UPDATE incidents SET facts = '{', severity = 'odd'")
        database.execute(
            "INSERT INTO repairs VALUES ('i-x', 1, 'disks', 'k', '{', '', 'odd', NULL, NULL)"
        )
    labels = {"alertname": "NodeDiskFull", "instance": "h2"}
    told = record.signals.record([make("b"), make("c", key="k2", labels=labels)])
    assert len(told.new) == 2
    assert record.only().key == "disk/h2"
    assert "a signal is kept and nothing follows from it: the record of" in caplog.text
    with pytest.raises(JournalUnusable, match="a damaged run of i-x"):
        record.mine.obstacles(SETTINGS, NOW)


def test_incidents_are_listed_by_state_responder_and_page(record: Record) -> None:
    for number in range(3):
        labels = {"alertname": "NodeDiskFull", "instance": f"h{number}"}
        record.say(f"d{number}", key=f"k{number}", labels=labels)
    assert len(record.mine.list(state="open")) == 3
    assert record.mine.list(state="closed") == ()
    assert record.mine.list(responder="others") == ()
    assert record.mine.list(since=NOW + MINUTE) == ()
    (first, _), (second, _) = record.mine.list(limit=2)
    assert [number for number, _ in record.mine.list(before=second)] == [first - 2]
    assert record.mine.get("i-nothere") is None
