"""`opsmcp events`: a test event to a real server, what came, and what was refused and why."""

import json
import signal
import subprocess
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2
import pytest

from tests.own_settings import write_settings
from tests.server.cli.process import MANIFESTS, SECONDS, Opsmcp
from tests.server.cli.test_serving import _address
from tests.server.intake.senders import SECRETS, SETTINGS


@dataclass
class Served:
    opsmcp: Opsmcp
    address: str
    process: "subprocess.Popen[str]"

    def send(self, *words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        caller = replace(self.opsmcp, environ={**self.opsmcp.environ, **environ})
        return caller("events", "send", *words, "--to", self.address)

    def listed(self, *words: str) -> list[list[str]]:
        done = self.opsmcp("events", "list", *words)
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    folder = tmp_path_factory.mktemp("served")
    (folder / "manifests").mkdir()
    text = MANIFESTS.replace("FOLDER", str(folder))
    (folder / "manifests" / "all.yaml").write_text(text, "utf-8")
    write_settings(folder, SETTINGS)
    opsmcp = Opsmcp(folder, SECRETS)
    with opsmcp.start("serve", "--port", "0") as process:
        yield Served(opsmcp, _address(process), process)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=SECONDS)
    assert "Traceback" not in err
    assert [secret for secret in SECRETS.values() if secret in err] == []


@pytest.mark.parametrize("sender", ["alertmanager", "grafana", "pagerduty", "cloud", "local"])
def test_an_example_of_each_type_is_taken_in_and_listed(served: Served, sender: str) -> None:
    done = served.send(sender)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"Accepted by {served.address}/events/{sender}: 1 new, 0 known, 0 left out.\n"
    )
    (row,) = served.listed("--sender", sender)
    assert row[1] == sender
    assert "OpsmcpTest" in (row[4], row[5])


def test_it_is_over_again_where_that_can_be_said(served: Served) -> None:
    assert served.send("alertmanager", "--resolved").returncode == 0
    assert served.listed("--sender", "alertmanager", "--limit", "1")[0][2] == "resolved"
    done = served.send("cloud", "--resolved")
    assert done.returncode == 2
    assert "nothing resolves it" in done.stderr


def test_a_body_of_a_file_is_sent_as_it_is(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "deploy.json"
    file.write_text('{"id": "d7", "service": "shop", "labels": {"v": "7"}}', "utf-8")
    assert "1 new" in served.send("deploys", str(file)).stdout
    assert "1 known" in served.send("deploys", str(file)).stdout
    done = served.opsmcp("events", "list", "--sender", "deploys", "--json")
    (one,) = json.loads(done.stdout)["signals"]
    assert (one["key"], one["labels"], one["trusted"]) == ("shop", {"v": "7"}, True)
    file.write_text("{", "utf-8")
    refused = served.send("deploys", str(file))
    assert refused.returncode == 1
    assert "answers 400: it is not JSON" in refused.stderr


def test_another_secret_is_refused_and_both_sides_are_told_what_to_look_at(
    served: Served,
) -> None:
    other = "another-secret-than-the-server-0123456789"
    refused = served.send("grafana", GRAFANA_SECRET=other)
    assert refused.returncode == 1
    assert "answers 401: it does not take the proof" in refused.stderr
    httpx2.post(f"{served.address}/events/nobody")
    rows: set[tuple[str, str]] = set()
    wanted = {("grafana", "wrong signature"), ("", "no sender of that name")}
    # The server writes it every two seconds; a look takes a good part of one.
    looks = iter(range(200))
    while not wanted <= rows and next(looks, None) is not None:
        rows = _refused(served)
    assert wanted <= rows
    shown = served.opsmcp("events", "senders")
    assert "grafana: wrong signature, last at" in shown.stderr
    assert "it signs with another secret" in shown.stderr
    grafana = next(line for line in shown.stdout.splitlines() if line.startswith("grafana"))
    assert grafana.split("\t")[1:3] == ["grafana, with a secret", "/events/grafana"]
    assert other not in refused.stderr + shown.stdout + shown.stderr


def _refused(served: Served) -> set[tuple[str, str]]:
    senders = json.loads(served.opsmcp("events", "senders", "--json").stdout)["senders"]
    return {(one["name"], what["reason"]) for one in senders for what in one["refused"]}


def test_what_cannot_be_sent_is_one_line_that_says_what_to_do(
    served: Served, tmp_path: Path
) -> None:
    big = tmp_path / "big"
    big.write_bytes(b" " * 300_000)
    for words, status, said in (
        (("alertmanger",), 2, "there is no sender 'alertmanger'; did you mean 'alertmanager'?"),
        (("deploys",), 2, "says what it likes: give a FILE"),
        (("grafana", str(tmp_path / "none")), 2, "No such file"),
        (("pagerduty", str(big)), 2, "is larger than 262,144 bytes"),
        (("grafana", str(big), "--resolved"), 2, "--resolved is for the example"),
    ):
        done = served.send(*words)
        assert (done.returncode, done.stderr.count("\n")) == (status, 1)
        assert said in done.stderr
    nowhere = served.opsmcp("events", "send", "local", "--to", "http://127.0.0.1:1")
    assert nowhere.returncode == 3
    assert "start `opsmcp serve`" in nowhere.stderr
    assert served.opsmcp("events", "send", "local", "--to", "127.0.0.1:1").returncode == 2


def test_nothing_is_made_where_nothing_was_received(opsmcp: Opsmcp) -> None:
    for words in (("list",), ("senders",), ("list", "--json")):
        assert opsmcp("events", *words).returncode == 0
    assert not (opsmcp.folder / "state" / "incidents.db").exists()
    bad = opsmcp("events", "list", "--since", "yesterday")
    assert bad.returncode == 2
    assert "it must be like 30m" in bad.stderr
    none = opsmcp("events", "send", "x")
    assert "the settings name none, in events.senders" in none.stderr


def test_serve_does_not_start_with_a_sender_that_anybody_could_be(opsmcp: Opsmcp) -> None:
    write_settings(opsmcp.folder, "events: {senders: {open: {type: alertmanager}}}")
    beyond = {"OPSMCP_SERVER_TOKEN": "t" * 32, "OPSMCP_SERVER_HOST": "0.0.0.0"}
    done = replace(opsmcp, environ=beyond)("serve", "--port", "0")
    assert done.returncode == 2
    assert "events.senders.open has no token and no secret" in done.stderr
