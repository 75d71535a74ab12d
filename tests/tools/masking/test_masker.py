"""Secrets do not leave in any shape that is known, and ordinary output stays as it is."""

import base64
import json
from urllib.parse import quote

import pytest

from opsmcp_pipelines.run import NodeReport, RunReport, Status, StepReport, TaskReport
from opsmcp_pipelines.verdict.judge import judge
from opsmcp_tools.masking.masker import Masker

SECRET = "pl4nted-S3cret/+=x"
LINES = "multi\nline-secret-part-number-two\nend"
MASKER = Masker([SECRET, LINES])
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEplanted\nabcdefghijk\n-----END RSA PRIVATE KEY-----"
LONG = "planted0" * 8

KNOWN = {
    "as it is": f"x {SECRET} y",
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "base64 at another offset": base64.b64encode(f"u:{SECRET}".encode()).decode(),
    "base64 within more": base64.b64encode(f"us:{SECRET}!!".encode()).decode(),
    "hexadecimal": SECRET.encode().hex(),
    "in a URL": quote(SECRET, safe=""),
    "in JSON": json.dumps({"a": SECRET}),
    "of several lines": LINES,
    "of several lines on a terminal": LINES.replace("\n", "\r\n"),
    "one of several lines": "line-secret-part-number-two",
}
SHAPES = {
    "JWT": f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx{LONG}.{LONG}",
    "AWS key": "AKIAPLANTEDPLANTEDXX",
    "AWS secret": f"aws_secret_access_key = {LONG}",
    "AWS secret in JSON": f'"SecretAccessKey": "{LONG}"',
    "AWS signature": f"https://a/x?X-Amz-Signature={LONG}&y=1",
    "private key": PEM,
    "private key in JSON": json.dumps(PEM),
    "private key of PGP": PEM.replace("RSA PRIVATE KEY", "PGP PRIVATE KEY BLOCK"),
    "private key without its end": PEM.partition("-----END")[0],
    "private key without its beginning": f"{LONG}\n{LONG}\n-----END RSA PRIVATE KEY-----",
    "private key in a kubeconfig": f"client-key-data: {LONG}",
    "private key in base64": base64.b64encode(PEM.encode()).decode(),
    "bearer": "Authorization: Bearer planted-token-1234",
    "bearer of few letters": "Authorization: Bearer planted",
    "basic": f"authorization: Basic {LONG}",
    "another scheme": "Authorization: Token planted-1",
    "no scheme": f"Authorization: {LONG}",
    "header": "X-Api-Key: planted-1",
    "cookie": "Set-Cookie: sid=planted; Path=/",
    "kubeconfig": "    token: planted-token",
    "kubeconfig in JSON": '{"token":"planted-1"}',
    "password in a URL": "postgres://u:planted@db:5432/x",
    "password with @": "postgres://u:pla@nted@db/x",
    "password without user": "redis://:planted@db",
    "token in a URL": f"https://{LONG}@github.com/x.git",
    "query": "https://a/x?token=planted&y=1",
    "environment": "PGPASSWORD=planted psql",
    "prefixed": "DB_PASS=planted",
    "pwd": "MYSQL_PWD=planted",
    "words in quotes": "password: 'planted pass, planted word'",
    "words in JSON": '"password": "planted; planted"',
    "option": "tool --password planted -x",
    "option with =": "tool --token=planted",
    "mysql": "mysql -u root -pplanted db",
    "curl": "curl -s -u admin:planted http://x",
    "sshpass": "sshpass -p planted ssh h",
    "netrc": "machine h login u password planted",
    "docker": '"auth": "cGxhbnRlZHBsYW50ZWQ="',
    "azure": f"AccountKey={LONG};EndpointSuffix=x",
    "dsn": "dsn: u:planted@tcp(h:3306)/db",
    "GitHub": f"ghp_{LONG}",
    "GitLab": f"glpat-{LONG}",
    "Slack": "xoxb-123456789012-planted",
    "hook of Slack": f"https://hooks.slack.com/services/T0/B0/{LONG}",
    "OpenAI": f"sk-proj-{LONG}",
    "Stripe": "sk_live_plantedplantedplanted",
    "Google": f"AIza{LONG}",
    "npm": f"npm_{LONG[:36]}",
    "PyPI": f"pypi-AgEI{LONG}",
    "Vault": f"hvs.{LONG}",
    "shadow": "root:$6$saltsalt$plantedplantedplanted:19000:0",
    "htpasswd": "admin:$apr1$planted$plantedplantedplanted",
}
ORDINARY = (
    "4f2a9c1e8b7d6a5f4e3d2c1b0a9f8e7d6c5b4a39",
    "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    f"nginx@sha256:{'0123456789abcdef' * 4}",
    "secretName: web-tls",
    "token expired",
    "invalid token: retry",
    "token: null",
    "tokens: 42",
    "(ALL) NOPASSWD: /usr/bin/systemctl restart nginx",
    'password: ""',
    'password authentication failed for user "x"',
    "Bearer authentication required",
    "secret/web-tls created",
    "default-token-abcde   kubernetes.io/service-account-token   3",
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC anna@web-1",
    "-----BEGIN CERTIFICATE-----\nMIIBplantedplanted\n-----END CERTIFICATE-----",
    "http://a.example:8080/x",
    "https://anna@a.example/x",
    "git@github.com:org/x.git",
    "2026-11-25T08:00:00Z",
    "PWD=/root/work OLDPWD=/",
    "bypass=true compass: x",
    "--- PASS: TestFoo (0.00s)",
    "docker run -u 1000:1000 nginx",
    "mysql -h db -P3306 -u root",
    "tokenizer=bpe",
    "costs $5 or $6 per $unit",
)


@pytest.mark.parametrize("text", KNOWN.values(), ids=KNOWN)
def test_a_known_secret_is_masked(text: str) -> None:
    masked = MASKER.text(text)
    assert "***" in masked
    assert "nted" not in masked and "secret-part" not in masked and SECRET not in masked


@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES)
def test_the_shape_of_a_secret_is_masked(text: str) -> None:
    masked = MASKER.text(text)
    assert "***" in masked
    assert "planted" not in masked.lower() and LONG[:12] not in masked


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_output_stays(text: str) -> None:
    assert MASKER.text(text) == text


@pytest.mark.parametrize("text", [*KNOWN.values(), *SHAPES.values()], ids=[*KNOWN, *SHAPES])
def test_masking_twice_changes_nothing(text: str) -> None:
    assert MASKER.text(MASKER.text(text)) == MASKER.text(text)


def test_what_stands_around_a_secret_is_kept() -> None:
    text = f"磁盘 {SECRET} é password=planted & token: 'planted x' end"
    assert MASKER.text(text) == "磁盘 *** é password=*** & token: '***' end"


def test_all_texts_of_an_object_are_masked() -> None:
    data = {"a": [SECRET, {"b": f"x{SECRET}"}], "c": 5, SECRET[:3]: None}
    assert MASKER.value(data) == {"a": ["***", {"b": "x***"}], "c": 5, SECRET[:3]: None}


def test_half_a_surrogate_pair_does_not_spare_a_secret() -> None:
    assert SECRET not in MASKER.text(f"\ud800 {SECRET}")


def test_short_values_are_left_and_more_can_be_known() -> None:
    assert Masker(["no"]).text("no news") == "no news"
    assert MASKER.also(["other-one"]).text(f"other-one {SECRET}") == "*** ***"
    assert MASKER.also([SECRET]) is MASKER


def test_a_very_long_secret_is_masked_as_a_whole() -> None:
    long = "k" * 40_000 + "end-of-it"
    assert Masker([long]).text(f"<{long}>") == "<***>"


def test_what_a_mask_replaced_does_not_count_as_lost_output() -> None:
    output = "password=hunter2-hunter2-hunter2\n"
    step = StepReport("s", Status.SUCCEEDED, output, len(output) + 500)
    node = NodeReport("web-1", Status.SUCCEEDED, (step,))
    task = TaskReport("t", "t", Status.SUCCEEDED, (node,))
    masked = Masker().report(RunReport(Status.SUCCEEDED, (task,)))
    assert judge(masked).tasks[0].nodes[0].steps[0].lost_bytes == 500
