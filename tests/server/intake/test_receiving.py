"""`POST /events/{sender}` on a real socket: answered once it is on the disk, whatever is sent."""

import gzip
import sqlite3
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import pytest
from starlette.applications import Starlette

from opsmcp_server.transports.bodies import Bodies
from opsmcp_server.transports.connections import Places
from opsmcp_server.transports.events import EventRoutes
from opsmcp_server.transports.origins import security_of
from tests.server.calls.audit_lines import lines_of
from tests.server.conftest import Ground
from tests.server.intake.senders import (
    AM_TOKEN,
    GRAFANA_SECRET,
    SECRETS,
    SETTINGS,
    alert,
    body_of,
    group,
)
from tests.server.intake.site import SERVER_TOKEN, Site, site
from tests.server.raw import bounded

_AUTHORIZED = f"Authorization: Bearer {AM_TOKEN}\r\n"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """For the whole module: one server is enough."""
    return "asyncio"


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Site]:
    async with site(tmp_path_factory.mktemp("site")) as made:
        yield made


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def state_file(root: Path) -> Path:
    return root / "state" / "incidents.db"


async def test_what_is_accepted_is_on_the_disk_and_a_repetition_has_no_effect(
    shared: Site,
) -> None:
    sent = group(alert(11), alert(12, status="resolved"))
    first = await shared.send("alertmanager", sent)
    with closing(sqlite3.connect(shared.config.state.dir / "incidents.db")) as database:
        count = database.execute(
            "SELECT count(*) FROM signals WHERE key LIKE '%b' OR key LIKE '%c'"
        )
        assert count.fetchone()[0] == 2
    again = await shared.send("alertmanager", sent)
    assert (first.status_code, first.json()) == (202, {"new": 2, "known": 0, "left_out": 0})
    assert (again.status_code, again.json()) == (202, {"new": 0, "known": 2, "left_out": 0})


@pytest.mark.parametrize(
    ("sender", "value", "headers"),
    [
        ("grafana", group(alert(21)), {}),
        ("deploys", {"id": "d1", "service": "web", "labels": {"version": "2"}}, {}),
        (
            "forge",
            {"jobs": [{"id": 1, "name": "test", "ok": False, "at": 1_764_504_000}]},
            {"X-Forge": "ci"},
        ),
        (
            "pagerduty",
            {
                "event": {
                    "id": "e1",
                    "event_type": "incident.triggered",
                    "data": {"id": "P1", "title": "down"},
                }
            },
            {},
        ),
        (
            "cloud",
            {"id": "1", "source": "s", "type": "t", "specversion": "1.0"},
            {"Content-Type": "application/cloudevents+json"},
        ),
        ("local", group(alert(22)), {}),
    ],
)
async def test_every_type_of_sender_gets_in_with_its_own_proof_and_nobody_elses(
    shared: Site, sender: str, value: Any, headers: dict[str, str]
) -> None:
    accepted = await shared.send(sender, value, **headers)
    assert (accepted.status_code, accepted.json()["new"]) == (202, 1)
    (signal,) = shared.signals(sender=sender)
    assert signal.trusted is (sender != "local")
    if sender != "local":
        for forged in ({}, bearer(SERVER_TOKEN), bearer(GRAFANA_SECRET), {"X-Signature": "x"}):
            refused = await shared.post(sender, body_of(value), {**forged, **headers})
            assert (refused.status_code, refused.content) == (401, b"")


async def test_nobody_learns_which_senders_there_are_or_what_was_wrong(shared: Site) -> None:
    unknown = await shared.post("no-such-sender", b"{}", bearer(AM_TOKEN))
    known = await shared.post("alertmanager", b"{}", bearer("wrong"))
    assert unknown.status_code == known.status_code == 401
    assert unknown.content == known.content == b""
    same = [{k: v for k, v in one.headers.items() if k != "date"} for one in (unknown, known)]
    assert same[0] == same[1]


async def test_what_is_not_proved_is_never_parsed(shared: Site) -> None:
    for body in (b"{", b"\xff", b"[" * 100_000):
        refused = await shared.post("grafana", body, {"X-Grafana-Alerting-Signature": "00"})
        assert (refused.status_code, refused.content) == (401, b"")


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", {}, 400),
        (b"\xff\xfe{}", {}, 400),
        (b'{"alerts": []', {}, 400),
        (b'{"alerts": [], "alerts": []}', {}, 400),
        (b'{"alerts": [{"labels": {"a": "\\ud800"}}]}', {}, 400),
        (b'{"alerts": ' + b"[" * 100_000, {}, 400),
        (b'{"a":' * 70 + b"1" + b"}" * 70, {}, 400),
        (b'{"alerts": [' + b"9" * 10_000 + b"]}", {}, 400),
        (gzip.compress(b'{"alerts": []}', mtime=0), {"Content-Encoding": "gzip"}, 415),
        (gzip.compress(b'{"alerts": []}', mtime=0), {}, 400),
        (b'{"alerts": []}', {"Content-Type": "text/html"}, 202),
        (b'{"alerts": []}', {"Content-Type": ";;;"}, 202),
    ],
    ids=range(12),
)
async def test_a_body_that_makes_no_sense_is_refused_for_good_and_nothing_of_it_kept(
    shared: Site, body: bytes, headers: dict[str, str], status: int
) -> None:
    before = shared.signals(sender="alertmanager", limit=1_000)
    answer = await shared.post("alertmanager", body, {**bearer(AM_TOKEN), **headers})
    assert answer.status_code == status
    assert AM_TOKEN not in answer.text
    assert shared.signals(sender="alertmanager", limit=1_000) == before


async def test_a_delivery_of_many_transactions_is_accepted_whole_and_once(shared: Site) -> None:
    sent = group(*(alert(number) for number in range(10_000, 10_450)))
    first = await shared.send("alertmanager", sent)
    again = await shared.send("alertmanager", sent)
    assert first.json() == {"new": 450, "known": 0, "left_out": 0}
    assert again.json() == {"new": 0, "known": 450, "left_out": 0}


async def test_hostile_texts_are_kept_as_data(shared: Site) -> None:
    hostile = "h1;touch /tmp/x\n${x} $(id) -rf \0 \u202e <b> {{x}} " + "é" * 10_000
    names = {f"l{number}": "v" for number in range(70)}
    sent = group(alert(31, labels={"alertname": "Hostile", "a": hostile, **names}))
    assert (await shared.send("alertmanager", sent)).status_code == 202
    signal = shared.signals(sender="alertmanager", limit=1)[0]
    kept = hostile.replace("\0", "\ufffd").encode()[:4096].decode("utf-8", "ignore")
    assert signal.labels["a"] == kept
    assert len(signal.labels) == 64
    assert signal.cut == ("labels", "labels.a")


async def test_secrets_in_what_is_sent_are_masked_before_they_are_kept(shared: Site) -> None:
    told = {"summary": f"see {GRAFANA_SECRET}", "auth": f"Bearer {SERVER_TOKEN}"}
    await shared.send("alertmanager", group(alert(32, annotations=told)))
    await shared.send("forge", {"jobs": [{"id": 9, "name": AM_TOKEN, "ok": True, "at": 0}]})
    folder = shared.config.state.dir
    kept = b"".join(path.read_bytes() for path in folder.glob("incidents.db*"))
    assert b"see " in kept
    assert [secret for secret in (*SECRETS.values(), SERVER_TOKEN) if secret.encode() in kept] == []


async def test_a_body_that_is_too_large_is_refused_for_good(shared: Site) -> None:
    large = {**bearer(AM_TOKEN), "Content-Length": str(17 * 1024 * 1024)}
    refused = await raw(shared, "alertmanager", large, b"{}")
    assert refused.startswith(b"HTTP/1.1 413")
    assert (await shared.send("deploys", b"[" + b" " * 1_100_000 + b"]")).status_code == 413


async def test_a_large_body_without_proof_is_refused_and_its_answer_arrives(shared: Site) -> None:
    refused = await shared.post("alertmanager", b" " * 8_000_000, bearer("wrong"))
    assert refused.status_code == 401
    assert (await shared.send("alertmanager", group())).status_code == 202


async def test_a_client_that_leaves_in_the_middle_costs_nothing(shared: Site) -> None:
    for _ in range(5):
        await raw(shared, "alertmanager", {**bearer(AM_TOKEN), "Content-Length": "100"}, b"{", 0)
    assert (await shared.send("alertmanager", group(alert(41)))).status_code == 202


async def test_a_body_in_chunks_is_read_as_one(shared: Site) -> None:
    async def pieces() -> AsyncGenerator[bytes]:
        body = body_of(group(alert(42)))
        for start in range(0, len(body), 40):
            yield body[start : start + 40]

    answer = await shared.http.post(
        "/events/alertmanager", content=pieces(), headers=bearer(AM_TOKEN)
    )
    assert answer.json()["new"] == 1


async def test_a_sender_with_a_secret_calls_by_any_name_and_one_without_by_ours(
    shared: Site,
) -> None:
    named = {"Host": "opsmcp.monitoring.svc:8765"}
    assert (await shared.send("alertmanager", group(), **named)).status_code == 202
    assert (await shared.send("local", group(), **named)).status_code == 421
    page = {"Origin": "https://evil.example.com"}
    assert (await shared.send("local", group(), **page)).status_code == 403


async def test_other_methods_show_nothing(shared: Site) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = await shared.http.request(method, "/events/alertmanager")
        assert answer.status_code == 405
    assert (await shared.http.post("/events/")).status_code == 404


async def test_cloud_events_are_invited_from_the_origins_of_the_settings(shared: Site) -> None:
    async def ask(sender: str, origin: str) -> Any:
        headers = {"WebHook-Request-Origin": origin, "WebHook-Request-Rate": "120"}
        return await shared.http.options(f"/events/{sender}", headers=headers)

    allowed = await ask("cloud", "events.example.com")
    assert allowed.status_code == 200
    assert allowed.headers["WebHook-Allowed-Origin"] == "events.example.com"
    assert allowed.headers["WebHook-Allowed-Rate"] == "2000"
    for sender, origin in (("cloud", "evil.org"), ("alertmanager", "a.example.com"), ("x", "")):
        assert (await ask(sender, origin)).status_code == 403


async def test_mcp_stays_behind_its_token_and_no_sender_gets_in_there(shared: Site) -> None:
    for headers in (bearer(AM_TOKEN), {}):
        assert (await shared.http.post("/mcp", content=b"{}", headers=headers)).status_code == 401


async def test_over_the_rate_a_sender_is_told_to_come_again_and_others_are_not(
    tmp_path: Path,
) -> None:
    settings = SETTINGS + "  limits: {signals_per_minute: 1}\n"
    async with site(tmp_path, settings) as small:
        burst = group(*(alert(number) for number in range(15)))
        assert (await small.send("alertmanager", burst)).json()["new"] == 15
        refused = await small.send("alertmanager", group(alert(99)))
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) == 60
        assert (await small.send("local", group(alert(99)))).status_code == 202
        wrong = await small.post("alertmanager", b"{}", bearer("wrong"))
        assert wrong.status_code == 401


async def test_while_the_record_cannot_be_written_senders_are_told_to_come_again(
    tmp_path: Path,
) -> None:
    async with site(tmp_path) as made:
        file = state_file(tmp_path)
        file.mkdir(parents=True)
        refused = await made.send("alertmanager", group(alert()))
        assert (refused.status_code, refused.content) == (503, b"")
        assert refused.headers["Retry-After"] == "10"
        file.rmdir()
        assert (await made.send("alertmanager", group(alert()))).json()["new"] == 1


async def test_what_was_refused_is_counted_for_the_operator_and_audited_if_not_proved(
    tmp_path: Path,
) -> None:
    async with site(tmp_path) as made:
        await made.post("nobody", b"{}")
        await made.post("alertmanager", b"{}", bearer("wrong"))
        await made.post("grafana", b"{}")
        await made.send("grafana", b"{")
        await made.send("grafana", group({}))
    kept_out = lines_of(tmp_path / "state", "auth.refused")
    assert [(line["reason"], line["detail"]) for line in kept_out] == [
        ("no sender of that name", "sender unknown"),
        ("wrong token", "sender alertmanager"),
        ("no token or signature", "sender grafana"),
    ]
    assert {line["client"]["address"] for line in kept_out} == {"127.0.0.1"}
    with closing(sqlite3.connect(state_file(tmp_path))) as database:
        found = database.execute("SELECT sender, reason, count FROM refusals").fetchall()
    assert {(sender, reason): count for sender, reason, count in found} == {
        ("", "no sender of that name"): 1,
        ("alertmanager", "wrong token"): 1,
        ("grafana", "no token or signature"): 1,
        ("grafana", "no strict JSON"): 1,
        ("grafana", "alert without status or labels"): 1,
    }


async def test_a_server_without_senders_has_no_such_address(tmp_path: Path) -> None:
    async with site(tmp_path, "expose: {pipelines: all}") as made:
        assert (await made.post("alertmanager", b"{}")).status_code == 404
    assert not state_file(tmp_path).exists()


async def test_a_body_that_does_not_come_in_time_may_be_sent_again(tmp_path: Path) -> None:
    async with site(tmp_path) as made:
        context = made.services.calls
        security = security_of(made.config.server)
        routes = EventRoutes(context, security, Bodies(body_seconds=0.2))
        async with bounded(Starlette(routes=routes.routes), Places(99)) as it:
            head = f"POST /events/alertmanager HTTP/1.1\r\nHost: x\r\n{_AUTHORIZED}"
            declared = await it.connect(f"{head}Content-Length: 100\r\n\r\n{{".encode())
            chunked = await it.connect(
                f"{head}Transfer-Encoding: chunked\r\n\r\n1\r\n{{\r\n".encode()
            )
            for stream in (declared, chunked):
                answer = await stream.receive()
                assert answer.startswith(b"HTTP/1.1 503")
                assert b"retry-after: 10" in answer.lower()


def test_without_senders_nothing_of_it_is_imported(ground: Ground) -> None:
    script = (
        "import os, sys, anyio, pathlib\n"
        "from opsmcp_server.app import open_services\n"
        "from opsmcp_server.config.load import load\n"
        "from opsmcp_server.protocol.handlers import build_server\n"
        "async def main():\n"
        "    config = load(dict(os.environ), cwd=pathlib.Path.cwd())\n"
        "    async with open_services(config, dict(os.environ)) as services:\n"
        "        build_server(services)\n"
        "anyio.run(main)\n"
        "late = ('cel_expr_python', 'cronsim', 'opsmcp_server.intake', 'opsmcp_tools.incidents')\n"
        "print([name for name in sys.modules if name.startswith(late)])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=ground.environ(),
        cwd=ground.root,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


async def raw(
    made: Site, sender: str, headers: dict[str, str], body: bytes, answers: int = 1
) -> bytes:
    """Send a request byte by byte as it is said, and read the beginning of what comes."""
    address = urlsplit(made.base)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = f"POST /events/{sender} HTTP/1.1\r\nHost: {address.netloc}\r\n{head}\r\n"
    async with await anyio.connect_tcp(str(address.hostname), address.port or 0) as stream:
        await stream.send(request.encode() + body)
        return await stream.receive() if answers else b""
