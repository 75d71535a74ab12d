"""Robots of chats on a real socket, each answering as its vendor documents it.

`/feishu`, `/dingtalk`, `/wecom`, `/slack`, `/teams` and `/json`. A chat that was given a secret
looks at signatures by the vendor's formula, written here as the vendors' pages have it. What was
taken is in `taken`; `answers` are given first, in order, and a chat in `hangs` reads and says
nothing. `delays` are the seconds in which they answer.
"""

import base64
import hashlib
import hmac
import json
import random
import time
import urllib.parse
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any, cast

__all__ = ["Chats", "Reply", "serve_chats", "texts_in"]


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass
class Chats:
    """What the chats got, and how they behave."""

    port: int = 0
    secrets: dict[str, str] = field(default_factory=dict[str, str])
    answers: dict[str, list[Reply]] = field(default_factory=lambda: defaultdict(list))
    hangs: set[str] = field(default_factory=set[str])
    taken: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    at: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    asked: dict[str, list[dict[str, str]]] = field(default_factory=lambda: defaultdict(list))
    queries: dict[str, list[dict[str, str]]] = field(default_factory=lambda: defaultdict(list))
    delays: tuple[float, float] = (0.0, 0.0)
    told: Event = field(default_factory=Event)
    """Set once any of them took something."""
    released: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)

    def url(self, kind: str) -> str:
        return f"http://127.0.0.1:{self.port}/{kind}/hook?key=0123456789abcdef-of-the-robot"

    def texts(self, kind: str) -> list[str]:
        """Every text that a chat shows, of each message."""
        return ["\n".join(texts_in(one)) for one in self.taken[kind]]


def texts_in(value: Any) -> Generator[str]:
    """Every text in what was sent."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        held = cast("dict[str, Any] | list[Any]", value)
        for one in held.values() if isinstance(held, dict) else held:
            yield from texts_in(one)


def _said(**fields: Any) -> Reply:
    return Reply(200, json.dumps(fields).encode(), (("Content-Type", "application/json"),))


def _feishu(chats: Chats, body: Any, query: dict[str, str], headers: Any) -> Reply:
    if secret := chats.secrets.get("feishu"):
        string_to_sign = f"{body.get('timestamp')}\n{secret}"
        code = hmac.new(string_to_sign.encode("utf-8"), digestmod=hashlib.sha256).digest()
        fresh = abs(time.time() - int(body.get("timestamp", "0"))) < 3600
        if body.get("sign") != base64.b64encode(code).decode("utf-8") or not fresh:
            return _said(code=19021, msg="sign match fail or timestamp is not within one hour")
    if body.get("msg_type") != "interactive" or "elements" not in body.get("card", {}):
        return _said(code=9499, msg="Bad Request", data={})
    return _said(code=0, msg="success", data={}, StatusCode=0, StatusMessage="success")


def _dingtalk(chats: Chats, body: Any, query: dict[str, str], headers: Any) -> Reply:
    if secret := chats.secrets.get("dingtalk"):
        string_to_sign = "{}\n{}".format(query.get("timestamp", ""), secret)
        code = hmac.new(secret.encode(), string_to_sign.encode(), hashlib.sha256).digest()
        fresh = abs(time.time() * 1000 - int(query.get("timestamp", "0"))) < 3_600_000
        if query.get("sign") != base64.b64encode(code).decode() or not fresh:
            return _said(errcode=310000, errmsg="sign not match")
    if body.get("msgtype") != "text" or not body["text"]["content"]:
        return _said(errcode=40035, errmsg="invalid parameter")
    return _said(errcode=0, errmsg="ok")


def _wecom(chats: Chats, body: Any, query: dict[str, str], headers: Any) -> Reply:
    if len(body["text"]["content"].encode()) > 2048:
        return _said(errcode=40058, errmsg="text.content exceed max length 2048")
    return _said(errcode=0, errmsg="ok")


def _slack(chats: Chats, body: Any, query: dict[str, str], headers: Any) -> Reply:
    for block in body.get("blocks", ()):
        most = {"header": 150, "section": 3000}.get(block["type"], 0)
        if most and len(block["text"]["text"]) > most:
            return Reply(400, b"invalid_blocks")
    return Reply(200, b"ok") if body.get("text") else Reply(400, b"no_text")


def _teams(chats: Chats, body: Any, query: dict[str, str], headers: Any) -> Reply:
    card = body["attachments"][0]
    good = card["contentType"] == "application/vnd.microsoft.card.adaptive"
    return Reply(202) if good else Reply(400, b"Bad payload received")


def _json(chats: Chats, body: Any, query: dict[str, str], headers: Any) -> Reply:
    return Reply(204)


_KINDS = {
    "feishu": _feishu,
    "dingtalk": _dingtalk,
    "wecom": _wecom,
    "slack": _slack,
    "teams": _teams,
    "json": _json,
}


class _Handler(BaseHTTPRequestHandler):
    chats: Chats

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        parts = urllib.parse.urlsplit(self.path)
        kind, query = parts.path.split("/")[1], dict(urllib.parse.parse_qsl(parts.query))
        if kind in self.chats.hangs:
            self.chats.released.wait(60)
            return
        reply = self._reply(kind, json.loads(raw), query)
        with self.chats.lock:
            self.chats.asked[kind].append({**dict(self.headers), "body": raw.decode()})
        if self.chats.delays[1]:
            time.sleep(random.uniform(*self.chats.delays))
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def _reply(self, kind: str, body: Any, query: dict[str, str]) -> Reply:
        with self.chats.lock:
            if self.chats.answers[kind]:
                return self.chats.answers[kind].pop(0)
        reply = _KINDS[kind](self.chats, body, query, self.headers)
        good = reply.status < 300 and not any(
            json.loads(reply.body or b"{}").get(code)
            for code in ("code", "errcode")
            if reply.body != b"ok"
        )
        if good:
            with self.chats.lock:
                self.chats.taken[kind].append(body)
                self.chats.queries[kind].append(query)
                self.chats.at[kind].append(time.monotonic())
                self.chats.told.set()
        return reply

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that leave in the middle are what some tests are about."""


@contextmanager
def serve_chats(**secrets: str) -> Generator[Chats]:
    """Chats until the block ends."""
    chats = Chats(secrets=secrets)
    handler = type("_OfThese", (_Handler,), {"chats": chats})
    with _Server(("127.0.0.1", 0), handler) as server:
        chats.port = server.server_address[1]
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield chats
        finally:
            chats.released.set()
            server.shutdown()
            thread.join()
