"""Settings of channels: what is read, and what the start refuses, with where and what to change."""

from pathlib import Path

import pytest

from opsmcp_server.config.channel import Mail
from opsmcp_server.config.effective import Config
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.load import load
from opsmcp_tools.incidents.responder import Escalation

_HOOK = "https://chat.example.com/robot/send?access_token=0123456789abcdef0123456789abcdef"


def _load(
    folder: Path, text: str, environ: dict[str, str] | None = None, *, channels: bool = True
) -> Config:
    file = folder / "own.yaml"
    file.write_text(text, "utf-8")
    given = {"HOME": str(folder), "U": _HOOK, "S": "SECsecret", **(environ or {})}
    return load(given, cwd=folder, file=file, channels=channels)


def _one(text: str) -> str:
    return f"events:\n  channels:\n    x: {text}\n"


def test_channels_are_read_and_nothing_of_them_is_shown(tmp_path: Path) -> None:
    text = """
events:
  channels:
    room: {type: dingtalk, url: {env: U}, secret: {env: S}}
    mail: {type: smtp, host: mx.example.com, from: ops@example.com, to: [a@example.com],
           user: ops, password: {env: S}}
"""
    config = _load(tmp_path, text)
    room, mail = config.events.channels["room"], config.events.channels["mail"]
    assert room.url.get_secret_value() == _HOOK and room.secret.get_secret_value() == "SECsecret"
    expected = Mail("mx.example.com", 587, "starttls", "ops@example.com", ("a@example.com",), "ops")
    assert mail.mail == expected
    assert {_HOOK, "0123456789abcdef0123456789abcdef", "SECsecret"} <= config.secret_values()
    shown = [entry.value for entry in config.entries() if entry.setting == "events.channels"]
    assert shown == ['{"room": "dingtalk", "mail": "smtp"}']
    assert _HOOK not in repr(config)


def test_each_channel_may_have_its_language(tmp_path: Path) -> None:
    text = "{type: slack, url: {env: U}, language: zh}"
    assert _load(tmp_path, _one(text)).events.channels["x"].language == "zh"
    mail = "{type: smtp, host: h, from: a@b, to: [a@b], language: en}"
    assert _load(tmp_path, _one(mail)).events.channels["x"].language == "en"
    assert (
        _load(tmp_path, _one("{type: slack, url: {env: U}}")).events.channels["x"].language is None
    )
    with pytest.raises(ConfigError, match=r"channels\.x\.language must be en or zh, not 'de'"):
        _load(tmp_path, _one(text.replace("zh", "de")))


def test_addresses_are_read_only_where_messages_are_sent(tmp_path: Path) -> None:
    text = _one("{type: slack, url: {env: NOT_SET}}")
    assert _load(tmp_path, text, channels=False).events.channels["x"].url.get_secret_value() == ""
    with pytest.raises(ConfigError, match="environment NOT_SET is not set"):
        _load(tmp_path, text)


_MAIL = "type: smtp, host: h, from: a@b, to: [a@b]"


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("{url: {env: U}}", "type is missing: it must be one of feishu, dingtalk"),
        ("{type: telegram}", "type is 'telegram', and must be one of"),
        ("{type: slack}", "url is missing: where messages are sent to"),
        ("{type: slack, url: 'https://x'}", "so it never stands in the file"),
        ("{type: slack, url: {env: U}, secret: {env: S}}", "is no part of a channel of the type"),
        ("{type: slack, url: {env: PLAIN}}", "must be an address that begins with https://;"),
        ("{type: json, url: {env: FTP}}", "begins with https://, or http://; it is not shown"),
        ("{type: json, url: {env: USER}}", "begins with https://"),
        ("{type: json, url: {env: U}, secret: {env: S}}", "must be base64 of at least 16 bytes"),
        ("{type: json, url: {env: SPACE}}", "must be one printable ASCII word"),
        (f"{{{_MAIL}, tls: maybe}}", "tls must be one of starttls, tls, none"),
        (f"{{{_MAIL}, port: 0}}", "port must be a port, not 0"),
        (f"{{{_MAIL}, user: u}}", "stand together or not at all"),
        (f"{{{_MAIL}, tls: none, user: u, password: {{env: S}}}}", "sent in the open"),
        ("{type: smtp, host: h, from: a@b}", "to is missing: it must be addresses of mail"),
        ("{type: smtp, host: h, from: 'a@b\\n', to: a@b}", "from is"),
        ("slack", "type is missing"),
    ],
)
def test_what_cannot_be_right_is_refused(tmp_path: Path, entry: str, why: str) -> None:
    environ = {
        "PLAIN": "http://chat.example.com/hook-with-a-key",
        "FTP": "ftp://chat.example.com",
        "USER": "https://user:password@chat.example.com",
        "SPACE": "https://chat.example.com/a b",
    }
    with pytest.raises(ConfigError, match=r"^events\.channels\.x.*\(file .*own\.yaml:3\)") as at:
        _load(tmp_path, _one(entry), environ)
    assert why in str(at.value)
    assert not any(value in str(at.value) for value in environ.values())


def test_a_name_that_is_none_and_a_list_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no name for a channel"):
        _load(tmp_path, "events: {channels: {'A b': {type: slack}}}\n")
    with pytest.raises(ConfigError, match="must be a mapping of names to channels"):
        _load(tmp_path, "events: {channels: [a]}\n")


def _responder(lines: str) -> str:
    return _one("{type: slack, url: {env: U}}") + "responders:\n  - name: disk\n" + lines


def test_whom_a_responder_tells_and_escalates_to(tmp_path: Path) -> None:
    text = "    notify: [x]\n    escalate: [x, {to: [x], after: 10m}]\n"
    (one,) = _load(tmp_path, _responder(text)).responders
    assert one.notify == ("x",)
    assert one.escalate == (Escalation(("x",)), Escalation(("x",), 600.0))
    (none,) = _load(tmp_path, _responder("    escalate:\n")).responders
    assert none.escalate == ()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("notify: [y]", "notify names 'y', and there is no such channel (events.channels)"),
        ("escalate: [y]", "escalate names 'y', and there is no such channel"),
        ("escalate: false", "escalate names false, and there is no such channel"),
        ("escalate: {}", "to is missing: the channels of this step"),
        ("escalate: [null]", "escalate[0] names no channel; name one, or leave it out"),
        ("escalate: [[]]", "escalate[0] names no channel"),
        ("escalate: [x, {to: []}]", "to is missing: the channels of this step"),
        ("escalate: [{to: [y]}]", "to names 'y', and there is no such channel"),
        ("escalate: [{after: 10m}]", "to is missing: the channels of this step"),
        ("escalate: [{to: [x], after: 10}]", "after must be a duration"),
        ("escalate: [{to: [x], when: 10m}]", "has no key 'when'"),
    ],
)
def test_a_channel_that_is_not_there_is_refused(tmp_path: Path, line: str, why: str) -> None:
    with pytest.raises(ConfigError, match=r"responders\.disk.*\(file .*own\.yaml:\d+\)") as at:
        _load(tmp_path, _responder(f"    {line}\n"))
    assert why in str(at.value)


def test_who_is_told_of_what_is_no_incident_is_a_channel_that_is_there(tmp_path: Path) -> None:
    text = _one("{type: slack, url: {env: U}}") + "  notify: [y]\n"
    with pytest.raises(ConfigError, match="events.notify names 'y'.*no such channel.*own.yaml"):
        _load(tmp_path, text)
    assert _load(tmp_path, text.replace("[y]", "[x]")).events.notify == ("x",)
