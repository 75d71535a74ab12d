"""Who a delivery is from: judged by the vendors' own packages, and by the formulas they publish."""

import base64
import hashlib
import hmac
import random
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook

from opsmcp_server.config.sender import Encoding, Hmac, Over, Sender, SenderType
from opsmcp_server.intake.proof import Flaw, flaw_of, flaw_of_head, proof_for
from tests.server.intake.senders import (
    AM_TOKEN,
    GRAFANA_SECRET,
    PAGERDUTY_SECRET,
    PLAIN_SECRET,
    STANDARD_SECRET,
)

_BODIES = 1_000


def sender(
    kind: SenderType, secret: str = "", token: str = "", shape: Hmac | None = None
) -> Sender:
    return Sender("x", kind, SecretStr(token), SecretStr(secret), bool(secret or token), hmac=shape)


STANDARD = sender(SenderType.JSON, STANDARD_SECRET)
GRAFANA_HEADER = "X-Grafana-Alerting-Signature"
GRAFANA = sender(SenderType.GRAFANA, GRAFANA_SECRET, shape=Hmac(GRAFANA_HEADER))
STAMPED = sender(
    SenderType.GRAFANA,
    GRAFANA_SECRET,
    shape=Hmac(GRAFANA_HEADER, over=Over.TIMESTAMP_COLON_BODY, timestamp_header="X-Stamp"),
)
PAGERDUTY = sender(SenderType.PAGERDUTY, PAGERDUTY_SECRET)
GITHUB = sender(SenderType.JSON, PLAIN_SECRET, shape=Hmac("X-Hub-Signature-256", prefix="sha256="))
BEARER = sender(SenderType.ALERTMANAGER, token=AM_TOKEN)
SIGNING = (STANDARD, GRAFANA, STAMPED, PAGERDUTY, GITHUB)


def flaw(of: Sender, headers: Mapping[str, str], body: bytes, now: float) -> Flaw | None:
    lower = {name.lower(): value for name, value in headers.items()}
    return flaw_of_head(of, lower) or flaw_of(of, lower, body, now)


def bodies(seed: int) -> list[bytes]:
    chance = random.Random(seed)
    return [chance.randbytes(chance.randrange(200)) for _ in range(_BODIES)]


def by_formula(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def test_what_the_package_of_standard_webhooks_signs_is_proved_and_ours_is_proved_to_it(
    seed: int,
) -> None:
    judge, now = Webhook(STANDARD_SECRET), datetime.now(UTC)
    stamp = now.timestamp()
    for number, body in enumerate(bodies(seed)):
        text = base64.b64encode(body).decode()  # the package signs texts only
        theirs = {
            "webhook-id": f"msg_{number}",
            "webhook-timestamp": str(int(stamp)),
            "webhook-signature": judge.sign(f"msg_{number}", now, text),
        }
        assert flaw(STANDARD, theirs, text.encode(), stamp) is None
        ours = proof_for(STANDARD, text.encode(), stamp, f"msg_{number}")
        assert ours == theirs
        judge.verify(text, ours, json_parse=False)
        assert flaw(STANDARD, theirs, text.encode() + b" ", stamp) is Flaw.WRONG_SIGNATURE


def test_what_grafana_pagerduty_and_others_sign_by_their_formulas_is_proved(seed: int) -> None:
    for number, body in enumerate(bodies(seed)):
        stamp = str(1_800_000_000 + number)
        grafana = {GRAFANA_HEADER: by_formula(GRAFANA_SECRET, body)}
        stamped = {
            "X-Stamp": stamp,
            GRAFANA_HEADER: by_formula(GRAFANA_SECRET, stamp.encode() + b":" + body),
        }
        github = {"X-Hub-Signature-256": "sha256=" + by_formula(PLAIN_SECRET, body)}
        rotating = f"v1={'0' * 64},v1={by_formula(PAGERDUTY_SECRET, body)}"
        now = float(stamp)
        assert flaw(GRAFANA, grafana, body, now) is None
        assert flaw(STAMPED, stamped, body, now) is None
        assert flaw(GITHUB, github, body, now) is None
        assert flaw(PAGERDUTY, {"X-PagerDuty-Signature": rotating}, body, now) is None


@pytest.mark.parametrize("of", SIGNING)
def test_what_a_sender_would_send_is_proved_and_nothing_that_differs_from_it(of: Sender) -> None:
    body, now = b'{"a": 1}', 1_800_000_000.5
    good = proof_for(of, body, now, "msg_1")
    assert flaw(of, good, body, now) is None
    assert flaw(of, good, body + b"\n", now) is Flaw.WRONG_SIGNATURE
    assert flaw(of, {}, body, now) is Flaw.NO_PROOF
    signature = next(name for name in good if "signature" in name)
    for wrong in ("", "v1=", "v1,", "é", "=" * 64, good[signature][:-1], good[signature][4:]):
        assert flaw(of, {**good, signature: wrong}, body, now) is Flaw.WRONG_SIGNATURE
    twice = f"{good[signature]}, {good[signature]}"
    if of in (GRAFANA, STAMPED, GITHUB):
        assert flaw(of, {**good, signature: twice}, body, now) is Flaw.WRONG_SIGNATURE


@pytest.mark.parametrize("of", [STANDARD, STAMPED])
def test_a_timestamp_is_good_for_five_minutes_and_cannot_be_changed(of: Sender) -> None:
    body, now = b"{}", 1_800_000_000.0
    good = proof_for(of, body, now, "msg_1")
    assert flaw(of, good, body, now + 300) is None
    assert flaw(of, good, body, now + 301) is Flaw.OLD
    assert flaw(of, good, body, now - 302) is Flaw.OLD
    stamp = "webhook-timestamp" if of is STANDARD else "x-stamp"
    assert flaw(of, {**good, stamp: str(int(now) + 1)}, body, now) is Flaw.WRONG_SIGNATURE
    for odd in ("", "x", "1e9", "-1", "٣", "9" * 30):
        assert flaw(of, {**good, stamp: odd}, body, now) is Flaw.OLD


@pytest.mark.parametrize("kind", SenderType)
def test_where_the_secret_was_not_read_nobody_gets_in(kind: SenderType) -> None:
    for shape in (None, Hmac(GRAFANA_HEADER)):
        unread = Sender("x", kind, has_secret=True, hmac=shape)
        names = (GRAFANA_HEADER, "X-PagerDuty-Signature", "webhook-signature", "Authorization")
        every = {"webhook-timestamp": "0", **dict.fromkeys(names, "Bearer ")}
        assert flaw(unread, every, b"{}", 0.0) is Flaw.NO_PROOF
        assert flaw(unread, {}, b"{}", 0.0) is Flaw.NO_PROOF


def test_another_id_of_a_delivery_is_another_delivery() -> None:
    good = proof_for(STANDARD, b"{}", 1_800_000_000.0, "msg_1")
    changed = {**good, "webhook-id": "msg_2"}
    assert flaw(STANDARD, changed, b"{}", 1_800_000_000.0) is Flaw.WRONG_SIGNATURE


def test_the_secret_of_another_sender_proves_nothing() -> None:
    other = sender(SenderType.GRAFANA, PLAIN_SECRET, shape=Hmac(GRAFANA_HEADER))
    headers = proof_for(other, b"{}", 0.0, "")
    assert flaw(GRAFANA, headers, b"{}", 0.0) is Flaw.WRONG_SIGNATURE


def test_of_many_signatures_only_a_few_are_looked_at() -> None:
    good = proof_for(STANDARD, b"{}", 0.0, "m")["webhook-signature"]
    stamped = {"webhook-id": "m", "webhook-timestamp": "0"}
    many = {**stamped, "webhook-signature": " ".join(["v1,AAAA"] * 10 + [good])}
    few = {**stamped, "webhook-signature": " ".join(["v2,AAAA", "v1,AAAA", good])}
    assert flaw(STANDARD, many, b"{}", 0.0) is Flaw.WRONG_SIGNATURE
    assert flaw(STANDARD, few, b"{}", 0.0) is None


@pytest.mark.parametrize(
    ("header", "wrong"),
    [
        (f"Bearer {AM_TOKEN}", None),
        (f"bearer  {AM_TOKEN} ", None),
        (f"Bearer {AM_TOKEN}x", Flaw.WRONG_TOKEN),
        (f"Bearer {AM_TOKEN}, Bearer {AM_TOKEN}", Flaw.WRONG_TOKEN),
        ("Bearer ", Flaw.WRONG_TOKEN),
        ("Bearer é\udcff", Flaw.WRONG_TOKEN),
        (f"Basic {AM_TOKEN}", Flaw.NO_PROOF),
        (AM_TOKEN, Flaw.NO_PROOF),
        ("", Flaw.NO_PROOF),
    ],
)
def test_a_token_counts_as_a_whole_and_as_a_bearer_token(header: str, wrong: Flaw | None) -> None:
    assert flaw_of_head(BEARER, {"authorization": header}) is wrong
    assert flaw_of(BEARER, {}, b"anything", 0.0) is None


def test_a_signature_in_base64_is_read_as_such() -> None:
    shape = Hmac("X-S", encoding=Encoding.BASE64)
    signing = sender(SenderType.JSON, PLAIN_SECRET, shape=shape)
    digest = hmac.new(PLAIN_SECRET.encode(), b"{}", hashlib.sha256).digest()
    assert flaw(signing, {"X-S": base64.b64encode(digest).decode()}, b"{}", 0.0) is None
    assert flaw(signing, {"X-S": digest.hex()}, b"{}", 0.0) is Flaw.WRONG_SIGNATURE
