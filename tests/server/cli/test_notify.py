"""`opsmcp notify`: a test message, what could not be told and why, and telling it again."""

import json
import signal
from collections.abc import Generator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opsmcp_tools.incidents.correlation import Correlation
from opsmcp_tools.incidents.incident import State
from opsmcp_tools.incidents.machine import Change
from opsmcp_tools.incidents.outbox import Refused
from opsmcp_tools.incidents.responder import Bounds, Responder, Responders
from opsmcp_tools.incidents.sqlite_file import open_incident_file
from opsmcp_tools.incidents.sqlite_incidents import SqliteIncidents
from opsmcp_tools.incidents.sqlite_outbox import SqliteOutbox
from opsmcp_tools.incidents.sqlite_signals import SqliteSignals
from opsmcp_tools.phrases import incident as words
from tests.fakes.chats import Chats, Reply, serve_chats
from tests.own_settings import write_settings
from tests.server.cli.inside import run_inside, settled
from tests.server.cli.process import SECONDS, Opsmcp
from tests.server.cli.test_serving import _address
from tests.server.harness import settings
from tests.tools.incidents.signals import make


@dataclass
class Place:
    folder: Path
    chats: Chats

    def run(self, *words: str) -> tuple[int, str]:
        environ = settings(
            self.folder,
            OPSMCP_EMBEDDED_BUNDLED="false",
            HOOK=self.chats.url("json"),
            OTHER=self.chats.url("json").replace("http:", "json:").replace("/hook", "/hook/"),
        )
        with settled(environ, self.folder):
            return run_inside(list(words))


@pytest.fixture
def place(tmp_path: Path) -> Generator[Place]:
    channels = "{hook: {type: json, url: {env: HOOK}}, other: {type: apprise, url: {env: OTHER}}}"
    write_settings(tmp_path, f"events:\n  channels: {channels}\n")
    with serve_chats() as chats:
        yield Place(tmp_path, chats)


def _one_dead(folder: Path) -> None:
    """An incident that could not be told to the hook."""
    tells, now = Responder("tells", notify=("hook",)), datetime.now(UTC)
    with open_incident_file(folder / "state") as file:
        signals = SqliteSignals(file, Correlation(Responders([tells]), Bounds()))
        signals.record([make(received_at=now)])
        incidents, outbox = SqliteIncidents(file, "me"), SqliteOutbox(file, "me")
        (one,) = incidents.claim(now)
        change = Change(State.HANDED_OVER, words.SETTLED())
        incidents.change(one, change, "why", now, "opsmcp", tells)
        batch = outbox.take("hook", now)
        assert batch is not None
        assert outbox.done(batch, Refused("it answers 404"), now, 0.0)


def test_a_test_message_goes_to_a_channel_and_its_answer_is_told(place: Place) -> None:
    assert place.run("notify", "test", "hook") == (0, "hook (json) has it.\n")
    (taken,) = place.chats.taken["json"]
    assert taken["type"] == "test" and taken["title"] == "A test of opsmcp"
    place.chats.answers["json"] = [Reply(404, place.chats.url("json").encode())]
    status, said = place.run("notify", "test", "hook")
    assert status == 1 and "hook (json) does not have it: it answers 404" in said
    assert "of-the-robot" not in said
    status, said = place.run("notify", "test", "hoo")
    assert status == 2 and "there is no channel 'hoo'; did you mean 'hook'" in said


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_apprise_reaches_what_it_knows_and_says_when_it_does_not(place: Place) -> None:
    assert place.run("notify", "test", "other") == (0, "other (apprise) has it.\n")
    (taken,) = place.chats.taken["json"]
    assert taken["title"] == "A test of opsmcp" and "Nothing is wrong" in taken["message"]
    place.chats.answers["json"] = [Reply(500)] * 5
    status, said = place.run("notify", "test", "other")
    assert status == 1 and "apprise could not deliver it, and says no more" in said


def test_what_could_not_be_told_is_listed_and_sent_again(place: Place) -> None:
    assert place.run("notify", "outbox") == (0, "")
    assert place.run("notify", "retry") == (0, "0 will be sent again.\n")
    _one_dead(place.folder)
    status, said = place.run("notify", "outbox", "--state", "dead", "--json")
    (post,) = json.loads(said)["posts"]
    assert status == 0
    assert (post["channel"], post["state"], post["topic"]) == ("hook", "dead", "handed_over")
    assert (post["why"], post["tries"]) == ("it answers 404", 1)
    row = place.run("notify", "outbox")[1].rstrip("\n").split("\t")
    assert row[1:4] == ["hook", "dead", "handed_over"] and row[6] == "it answers 404"
    assert place.run("notify", "retry", "hook") == (0, "1 will be sent again.\n")
    assert json.loads(place.run("notify", "outbox", "--state", "dead", "--json")[1])["posts"] == []


_SERVED = """\
events:
  senders: {am: {type: alertmanager, token: {env: AM_TOKEN}}}
  channels: {hook: {type: json, url: {env: HOOK}}}
responders:
  - {name: tells, notify: [hook]}
"""


def test_a_server_tells_of_what_comes_in_and_shows_no_address_of_a_channel(
    opsmcp: Opsmcp,
) -> None:
    write_settings(opsmcp.folder, _SERVED)
    with serve_chats() as chats:
        environ = {"AM_TOKEN": "am-token-of-the-tests-0123456789", "HOOK": chats.url("json")}
        served = replace(opsmcp, environ=environ)
        with served.start("serve", "--port", "0") as process:
            sent = served("events", "send", "am", "--to", _address(process))
            assert sent.returncode == 0, sent.stderr
            assert chats.told.wait(SECONDS)
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=SECONDS)
    (taken,) = chats.taken["json"]
    assert taken["title"].startswith("Incident: OpsmcpTest (tells, i-")
    assert "opsmcp: messages go to: hook" in err
    assert "of-the-robot" not in err
