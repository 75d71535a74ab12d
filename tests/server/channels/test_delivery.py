"""Messages as each channel takes them, over real sockets, and what its answers mean."""

import base64
import hashlib
import hmac
import json
import logging
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from standardwebhooks import Webhook

from opsmcp_server.channels.delivery import Deliverer
from opsmcp_server.channels.robots import dingtalk_signature, feishu_signature
from opsmcp_tools.incidents.outbox import Again, Delivered, Delivery, Refused
from opsmcp_tools.masking.masker import Masker
from opsmcp_tools.model.run_record import SystemClock
from tests.fakes.chats import Chats, Reply, serve_chats
from tests.server.channels.letters import channel, letter, message

_ROBOTS = ("feishu", "dingtalk", "wecom", "slack", "teams", "json")
_KEY = "whsec_" + base64.b64encode(b"a key of 24 bytes, or so").decode()


@pytest.fixture(scope="module")
def chats() -> Iterator[Chats]:
    with serve_chats(feishu="feishu-secret", dingtalk="SECdingtalk-secret") as running:
        yield running


async def deliver(
    chats: Chats, kind: str, *answers: Reply, secret: str | None = None, **more: Any
) -> Delivery:
    chats.answers[kind] = list(answers)
    own = chats.secrets.get(kind, _KEY if kind == "json" else "")
    to = channel(kind, chats.url(kind), own if secret is None else secret)
    deliverer = Deliverer(Masker(to.secrets()), SystemClock())
    try:
        return await deliverer.deliver(to, message(letter(**more)))
    finally:
        await deliverer.close()


@pytest.mark.parametrize("kind", _ROBOTS)
async def test_every_chat_takes_a_message_with_what_is_wrong_and_its_page(
    chats: Chats, kind: str
) -> None:
    before = len(chats.taken[kind])
    found = await deliver(chats, kind, annotations={"summary": "the disk is full"})
    assert found == Delivered()
    (text,) = chats.texts(kind)[before:]
    for part in ("the disk is full", "https://ops.example.com/incidents/i-abcdefghij"):
        assert part in text


@pytest.mark.parametrize("kind", ["feishu", "dingtalk"])
async def test_a_wrong_signature_is_never_sent_again(chats: Chats, kind: str) -> None:
    found = await deliver(chats, kind, secret="another")
    assert isinstance(found, Refused)
    assert "19021" in found.why or "310000" in found.why


def test_signatures_are_those_of_the_vendors_formulas() -> None:
    """Feishu signs nothing, with the text as key; DingTalk signs the text with the secret."""
    text = "1599360473\ndemo"
    feishu = hmac.new(text.encode(), b"", hashlib.sha256).digest()
    assert feishu_signature("1599360473", "demo") == base64.b64encode(feishu).decode()
    assert feishu_signature("1599360473", "demo") == "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8="
    # By `openssl dgst -sha256 -hmac SECdemo -binary` over the time, a new line and the secret.
    expected = "McXWEyBdPqTYasiD/o9EypDXjdOdi2eWPmo7iYwi85Q="
    assert dingtalk_signature("1599360473", "SECdemo") == expected


async def test_a_webhook_is_signed_so_that_the_judge_of_standard_webhooks_takes_it(
    chats: Chats,
) -> None:
    assert await deliver(chats, "json") == Delivered()
    asked = chats.asked["json"][-1]
    headers = {name.lower(): value for name, value in asked.items() if name != "body"}
    body = Webhook(_KEY).verify(asked["body"], headers)
    assert body == json.loads(asked["body"])
    assert body["type"] == "incident.handed_over"
    assert body["data"]["incident"] == "i-abcdefghij" and body["data"]["timeline"] == []
    assert headers["webhook-id"] == "msg_" + "0" * 32


def _code(name: str, code: int) -> Reply:
    return Reply(200, json.dumps({name: code, "errmsg": "too fast", "msg": "too fast"}).encode())


_MEANINGS: tuple[tuple[str, Reply, type[Delivery], int, bool], ...] = (
    ("feishu", _code("code", 11232), Again, 60, False),
    ("feishu", _code("code", 19001), Refused, 0, False),
    ("feishu", _code("code", 424242), Again, 0, False),
    ("feishu", Reply(200, b"<html>sign in</html>"), Again, 0, True),
    ("feishu", Reply(200, b'{"code": false}'), Again, 0, True),
    ("feishu", Reply(200, b'{"code": 0, "code": 19001}'), Again, 0, True),
    ("dingtalk", Reply(200, b"[" * 10_000), Again, 0, True),
    ("feishu", Reply(200, b'{"StatusCode": 0, "StatusMessage": "success"}'), Delivered, 0, False),
    ("dingtalk", _code("errcode", 130101), Again, 600, False),
    ("dingtalk", _code("errcode", 310000), Refused, 0, False),
    ("wecom", _code("errcode", 45009), Again, 60, False),
    ("wecom", _code("errcode", 93000), Refused, 0, False),
    ("slack", Reply(429, b"", (("Retry-After", "30"),)), Again, 30, False),
    ("slack", Reply(429, b"", (("Retry-After", "999999"),)), Again, 3600, False),
    ("slack", Reply(404, b"no_service"), Refused, 0, False),
    ("slack", Reply(200, b"<html>"), Again, 0, True),
    ("teams", Reply(200, b"1"), Delivered, 0, False),
    ("teams", Reply(200, b"failed: returned HTTP error 429 with"), Again, 60, False),
    ("teams", Reply(200, b"Webhook Bad Request, error"), Again, 0, True),
    ("teams", Reply(202, b""), Delivered, 0, False),
    ("teams", Reply(200, b"<html>sign in</html>"), Again, 0, True),
    ("teams", Reply(200, b"nothing went wrong"), Again, 0, True),
    ("json", Reply(503), Again, 0, True),
    ("json", Reply(400, b"no"), Refused, 0, False),
    ("json", Reply(302, b"", (("Location", "/feishu"),)), Refused, 0, False),
)


async def test_what_an_answer_means_is_what_its_vendor_documents(chats: Chats) -> None:
    deliverer = Deliverer(Masker(), SystemClock())
    for kind, reply, expected, seconds, lost in _MEANINGS:
        chats.answers[kind] = [reply]
        to = channel(kind, chats.url(kind), chats.secrets.get(kind, ""))
        found = await deliverer.deliver(to, message())
        assert isinstance(found, expected), (kind, reply, found)
        if isinstance(found, Again):
            assert (found.seconds, found.lost) == (seconds, lost), (kind, reply, found)
    await deliverer.close()


async def test_a_redirect_is_not_followed(chats: Chats) -> None:
    before = len(chats.taken["slack"])
    found = await deliver(chats, "json", Reply(307, b"", (("Location", chats.url("slack")),)))
    assert isinstance(found, Refused) and "not followed" in found.why
    assert len(chats.taken["slack"]) == before


async def test_an_address_and_a_secret_are_in_no_reason_and_no_log(
    chats: Chats, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="opsmcp_server")
    key = "0123456789abcdef-of-the-robot"
    told = Reply(400, f"key {key} of {chats.url('json')} is signed with {_KEY}".encode())
    found = await deliver(chats, "json", told)
    assert isinstance(found, Refused) and "it answers 400" in found.why
    for secret in (key, _KEY):
        assert secret not in found.why and secret not in caplog.text


async def test_what_cannot_be_reached_was_not_sent() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/hook"
        deliverer = Deliverer(Masker(), SystemClock())
        found = await deliverer.deliver(channel("json", url), message())
        await deliverer.close()
    assert found == Again("it cannot be reached (ConnectError)")
