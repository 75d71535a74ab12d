"""Alertmanager is asked whether an alert still is so before anything is changed because of it."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from opsmcp_server.config.errors import ConfigError
from opsmcp_tools.incidents.incident import Outcome, State
from tests.server.responding.ground import Working, World, make_world, whys, working

_RESPONDERS = """\
  - {name: auto-it, when: 'kind.startsWith("Auto")', mode: auto, run: clear-it, key: key,
     arguments: {name: key}, verify: {resolved: true}, limits: {cooldown: 0s}}
  - {name: asks, when: 'kind == "Ask"', mode: approve, run: clear-it, key: key,
     arguments: {name: key}}
"""
_ODD = 'Auto"\n\\odd'


class _Alertmanager(BaseHTTPRequestHandler):
    """Knows alerts by fingerprint; `answers` is what it says of those of a name."""

    alerts: ClassVar[dict[str, str]] = {}
    answers: ClassVar[dict[str, bytes]] = {}
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        (matcher,) = query["filter"]
        self.asked.append(f"{path} {matcher}")
        found = [
            {"fingerprint": name, "status": {"state": state}} for name, state in self.alerts.items()
        ]
        body = self.answers.get(matcher.partition('"')[2].rstrip('"'), json.dumps(found).encode())
        self.send_response(200 if body else 500)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def _alertmanager() -> Generator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Alertmanager)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _with_api(tmp_path: Path, api: str) -> World:
    world = make_world(tmp_path, _RESPONDERS)
    path = tmp_path / ".config" / "opsmcp" / "opsmcp.yaml"
    text = path.read_text("utf-8")
    token = "token: {env: AM_TOKEN}"
    assert token in text
    path.write_text(text.replace(token, f"{token}, api: '{api}'"), "utf-8")
    return world


async def _fires(work: Working, kind: str, key: str) -> None:
    labels = {"alertname": kind, "instance": f"{key}:9100"}
    await work.record(work.signal(key, key=key, kind=kind, labels=labels))


async def test_what_alertmanager_does_not_have_as_active_is_not_acted_on(tmp_path: Path) -> None:
    with _alertmanager() as api:
        _Alertmanager.alerts |= {"active": "active", "asked": "active", "quiet": "suppressed"}
        _Alertmanager.answers |= {"AutoDown": b"", "AutoOdd": b'{"no": "list"}'}
        async with working(_with_api(tmp_path, api + "/")) as work:
            await _fires(work, "Auto", "gone")
            gone = await work.until(State.CLOSED, responder="auto-it")
            await _fires(work, "Auto", "quiet")
            quiet = await work.until(State.HELD, responder="auto-it")
            await _fires(work, _ODD, "active")
            ran = await work.until(State.VERIFYING, responder="auto-it")
            await _fires(work, "Ask", "asked")
            waiting = await work.until(State.WAITING, responder="asks")
            _Alertmanager.alerts["asked"] = "suppressed"
            await work.decide(waiting.request, approves=True)
            asked = await work.until(State.HELD, responder="asks")
            await _fires(work, "AutoDown", "down")
            await work.until(State.DECIDING, responder="auto-it")
            work.clock.ahead = timedelta(minutes=3)
            down = await work.until(State.HANDED_OVER, responder="auto-it")
            await _fires(work, "AutoOdd", "odd")
            await work.until(State.DECIDING, responder="auto-it")
            runs = work.world.runs
    assert gone.outcome is Outcome.UNCONFIRMED and "am does not have it any more" in gone.why
    assert "am has it silenced or inhibited" in quiet.why
    assert ran.run and runs == ["active"], whys(ran)
    assert "am has it silenced or inhibited" in " ".join(whys(asked)[-2:])
    assert "am cannot be asked whether it still is so" in down.why and down.escalated
    assert '/api/v2/alerts alertname="Auto\\"\\n\\\\odd"' in _Alertmanager.asked


@pytest.mark.parametrize(
    "api", ["alertmanager:9093", "http://u:p@am:9093", "http://am/?a=b", "file:///etc/passwd", "1"]
)
async def test_an_address_that_is_none_stops_the_start(tmp_path: Path, api: str) -> None:
    world = _with_api(tmp_path, api)
    with pytest.raises(ConfigError, match=r"am\.api must be the http:// or https:// address"):
        async with working(world):
            pass
