"""Settings of senders: what the start refuses, in words that say where and what to change."""

from pathlib import Path

import pytest

from opsmcp_server.config.effective import Config
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.load import load
from opsmcp_server.config.sender import Encoding, Hmac, Over
from opsmcp_server.intake.sender_checks import check_senders

SECRET = "a-secret-of-a-sender-0123456789"


def config_of(folder: Path, text: str, *, senders: bool = True, **environ: str) -> Config:
    file = folder / "opsmcp.yaml"
    file.write_text(text, "utf-8")
    given = {"HOME": str(folder), "S": SECRET, "SHORT": "short", **environ}
    return load(given, cwd=folder, file=file, senders=senders)


def one(text: str) -> str:
    return f"events:\n  senders:\n    x: {text}\n"


def test_secrets_come_from_the_environment_a_file_or_a_program(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("another-secret-0123456789\n", "utf-8")
    senders = config_of(
        tmp_path,
        """
events:
  senders:
    am: {type: alertmanager, token: {env: S}}
    gr: {type: grafana, secret: {file: secret}}
    pd: {type: pagerduty, secret: {command: [printf, "%s", a-third-secret-0123456789]}}
""",
    ).events.senders
    assert senders["am"].token.get_secret_value() == SECRET
    assert senders["gr"].secret.get_secret_value() == "another-secret-0123456789"
    assert senders["pd"].secret.get_secret_value() == "a-third-secret-0123456789"


def test_secrets_are_read_only_where_they_are_needed_and_masked_there(tmp_path: Path) -> None:
    text = one("{type: alertmanager, token: {env: NOT_SET}}")
    assert config_of(tmp_path, text, senders=False).events.senders["x"].has_secret
    with pytest.raises(ConfigError, match="environment NOT_SET is not set"):
        config_of(tmp_path, text)
    config = config_of(tmp_path, one("{type: alertmanager, token: {env: S}}"))
    assert SECRET in config.secret_values()
    shown = [entry.value for entry in config.entries() if entry.setting == "events.senders"]
    assert shown == ['{"x": "alertmanager, with a secret"}']


def test_how_a_sender_signs_follows_from_its_type_and_its_settings(tmp_path: Path) -> None:
    senders = config_of(
        tmp_path,
        """
events:
  senders:
    plain: {type: grafana, secret: {env: S}}
    stamped: {type: grafana, secret: {env: S}, timestamp_header: X-T}
    own:
      type: json
      secret: {env: S}
      hmac: {header: X-S, prefix: "v0=", encoding: base64, over: timestamp.body,
             timestamp_header: X-T}
      map: {key: body.k, labels: {a: body.a}}
""",
    ).events.senders
    grafana = "X-Grafana-Alerting-Signature"
    assert senders["plain"].hmac == Hmac(grafana)
    assert senders["stamped"].hmac == Hmac(
        grafana, over=Over.TIMESTAMP_COLON_BODY, timestamp_header="X-T"
    )
    assert senders["own"].hmac == Hmac(
        "X-S", "v0=", Encoding.BASE64, Over.TIMESTAMP_DOT_BODY, "X-T"
    )
    assert senders["own"].map == {"key": "body.k", "labels.a": "body.a"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x", "events.senders.x must be a mapping with `type`"),
        ("{}", "events.senders.x.type is missing: it must be one of alertmanager, grafana"),
        ("{type: alertmanger}", "events.senders.x.type is 'alertmanger', and must be one of"),
        ("{type: alertmanager, tokn: {env: S}}", "x.tokn is no part of a sender of the type"),
        ("{type: alertmanager, tokn: {env: S}}", "did you mean 'token'?"),
        ("{type: alertmanager, secret: {env: S}}", "it has api, silent, token"),
        (
            "{type: alertmanager, token: {env: S}, silent: 5s}",
            "x.silent must be a duration from 60s",
        ),
        ("{type: alertmanager, token: open}", "x.token must be {env: NAME}"),
        ("{type: alertmanager, token: {value: open}}", "a secret never stands in the file"),
        ("{type: alertmanager, token: {env: SHORT}}", "x.token must be one word of at least 16"),
        ("{type: grafana, token: {env: S}, secret: {env: S}}", "x.secret stands beside token"),
        ("{type: grafana, secret: {env: S}, timestamp_header: 'a b'}", "the name of a header"),
        ("{type: cloudevents, secret: {env: S}}", "x.hmac is missing"),
        ("{type: cloudevents, origins: x}", "x.origins must be a list of host names"),
        ("{type: json}", "x.map must be a mapping with at least `key`"),
        ("{type: json, map: {id: body.id}}", "signals of one key belong together"),
        ("{type: json, map: {key: body.k, kee: a}}", "x.map.kee is no part of map"),
        ("{type: json, map: {key: 1}}", "x.map.key must be an expression as a text"),
        ("{type: json, map: {key: k, labels: {a-b: c}}}", "x.map.labels.a-b is no name"),
        ("{type: json, secret: {env: S}, map: {key: k}}", "base64 of at least 16 bytes"),
        ("{type: json, hmac: {header: X}, map: {key: k}}", "x.hmac needs `secret` beside it"),
        ("{type: json, secret: {env: S}, hmac: {}, map: {key: k}}", "must have `header`"),
        (
            "{type: json, secret: {env: S}, hmac: {header: X, over: timestamp.body}, map: {}}",
            "must have `timestamp_header` where `over` names the timestamp",
        ),
        (
            "{type: json, secret: {env: S}, hmac: {header: X, prefix: [a]}, map: {key: k}}",
            "x.hmac.prefix must be a short text",
        ),
    ],
)
def test_a_sender_that_cannot_be_is_refused_with_its_place(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        config_of(tmp_path, one(text))
    assert said in str(refused.value)
    assert f"(file {tmp_path}/opsmcp.yaml:3)" in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("name", ["Am", "a/b", "a b", "..", "x" * 64])
def test_a_name_that_is_no_part_of_an_address_is_refused(tmp_path: Path, name: str) -> None:
    text = f'events:\n  senders:\n    "{name}": {{type: alertmanager}}\n'
    with pytest.raises(ConfigError, match="is no name for a sender"):
        config_of(tmp_path, text)


def test_the_place_is_the_line_of_the_part_that_is_wrong(tmp_path: Path) -> None:
    text = "events:\n  senders:\n    x:\n      type: json\n      map:\n        key: 1\n"
    with pytest.raises(ConfigError, match=r"opsmcp.yaml:6\)"):
        config_of(tmp_path, text)


def test_limits_are_bounded_and_known(tmp_path: Path) -> None:
    config = config_of(tmp_path, "events: {limits: {signals_per_minute: 5}}")
    assert config.events.limits.signals_per_minute == 5
    for bad in ("{signals_per_minute: 0}", "{signals_per_minut: 1}", "[1]"):
        with pytest.raises(ConfigError, match="events.limits must be"):
            config_of(tmp_path, f"events: {{limits: {bad}}}")


def test_no_sender_has_what_all_clients_have(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="events.senders.x has server.token"):
        config_of(
            tmp_path,
            one("{type: alertmanager, token: {env: S}}"),
            OPSMCP_SERVER_TOKEN=SECRET,
        )


def test_senders_stand_in_no_file_that_only_lies_in_a_directory(tmp_path: Path) -> None:
    from opsmcp_server.config.files.settings_file import SettingsFile, parse_settings
    from opsmcp_server.config.load import _refuse_own

    file = SettingsFile(tmp_path / "opsmcp.yaml", "opsmcp.yaml", one("{}").encode())
    with pytest.raises(ConfigError, match="events.senders: not in the opsmcp.yaml of a directory"):
        _refuse_own(parse_settings(file, ["events.senders"]))


def test_a_sender_that_proves_nothing_is_good_on_this_machine_alone(tmp_path: Path) -> None:
    text = one("{type: alertmanager}")
    check_senders(config_of(tmp_path, text))
    check_senders(config_of(tmp_path, text, OPSMCP_SERVER_HOST="::1"))
    for host in ("0.0.0.0", "10.0.0.1", "ops.example.com"):
        beyond = config_of(tmp_path, text, OPSMCP_SERVER_HOST=host)
        with pytest.raises(ConfigError, match="has no token and no secret") as refused:
            check_senders(beyond)
        assert "opsmcp.yaml:3" in str(refused.value)


def test_an_expression_that_cannot_be_compiled_stops_the_start_with_its_place(
    tmp_path: Path,
) -> None:
    text = "events:\n  senders:\n    x:\n      type: json\n      map:\n        key: bdy.k\n"
    with pytest.raises(ConfigError) as refused:
        check_senders(config_of(tmp_path, text))
    assert "events.senders.x.map.key cannot be used" in str(refused.value)
    assert "opsmcp.yaml:6)" in str(refused.value)
