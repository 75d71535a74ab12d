"""Schedules that the settings say, and those that are refused: each with where and what to do."""

from pathlib import Path

import pytest

from opsmcp_server.config.effective import Config
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.load import _refuse_own, load
from opsmcp_server.config.schema import RawSetting
from opsmcp_tools.incidents.schedule import Schedule
from opsmcp_tools.incidents.signal import Severity

_RESPONDER = "responders:\n  - {name: told, senders: [SENDER]}\n"


def _load(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "own.yaml"
    path.write_text(text, "utf-8")
    environ = {"HOME": str(tmp_path), "OPSMCP_STATE_DIR": str(tmp_path / "state")}
    return load(environ, cwd=tmp_path, file=path)


def _with(tmp_path: Path, *lines: str) -> Config:
    said = {line.partition(":")[0] for line in lines}
    usual = ("name: cert", "cron: 30 9 * * *", "zone: Asia/Shanghai", "run: cert-days")
    every = [*(line for line in usual if line.partition(":")[0] not in said), *lines]
    inner = "".join(f"    {line}\n" for line in every if not line.endswith("MISSING"))
    return _load(tmp_path, "schedules:\n  -\n" + inner)


def test_a_schedule_of_which_little_is_said_is_judged_by_its_verdict(tmp_path: Path) -> None:
    one: Schedule = _with(tmp_path).schedules[0]
    assert (one.name, one.run, one.catches_up, one.rule.when) == ("cert", "cert-days", True, "")
    assert (one.rule.key, one.rule.severity) == ("cert", Severity.WARNING)
    assert one.principal.id == one.principal.name == one.sender == "schedule:cert"
    assert str(one.moments) == "30 9 * * * Asia/Shanghai"


def test_all_that_can_be_said_of_a_schedule_is_read(tmp_path: Path) -> None:
    config = _with(
        tmp_path,
        "arguments: {cluster: '\"prod\"'}",
        "catch_up: none",
        "signal:",
        "  when: 'verdict != \"succeeded\" || int(results.days) < 14'",
        "  key: '\"cert/\" + arguments.cluster'",
        "  severity: critical",
        "  labels: {kind: '\"cert\"', days: results.days}",
    )
    one: Schedule = config.schedules[0]
    assert (one.arguments, one.catches_up) == ({"cluster": "prod"}, False)
    assert (one.rule.key, one.rule.severity) == ("cert/prod", Severity.CRITICAL)
    assert set(one.rule.labels) == {"kind", "days"} and "int(results.days) < 14" in one.rule.when
    shown = {entry.setting: entry for entry in config.entries()}
    assert shown["schedules.cert"].value == "30 9 * * * Asia/Shanghai cert-days"
    assert "own.yaml:3" in shown["schedules.cert"].origin


@pytest.mark.parametrize(
    ("lines", "line", "why"),
    [
        (["crn: 1"], 3, "has no key 'crn'; did you mean 'cron'"),
        (["cron: MISSING"], 3, "cron is missing; for example 30 9 * * 1-5"),
        (["zone: MISSING"], 3, "zone is missing; for example UTC or Europe/Berlin"),
        (["run: MISSING"], 3, "run is missing: the operation that looks"),
        (["name: Cert"], 6, "name must be a name, not 'Cert'"),
        (["zone: Asia/Shangri-La"], 6, "zone cannot be used: there is no such time zone"),
        (["cron: '@hourly'"], 6, "cron cannot be used: it must have 5 fields, such as"),
        (["cron: 0 25 * * *"], 6, "cron cannot be used: bad hour; such as"),
        (["catch_up: all"], 7, "catch_up must be one of one, none, not 'all'"),
        (["arguments: {cluster: prod}"], 7, "arguments.cluster cannot be used: column 1: there is"),
        (["arguments: {cluster: '\"\"'}"], 7, "arguments.cluster has no value: it is empty"),
        (["signal: {severity: bad}"], 7, "signal.severity must be one of critical, warning, info"),
        (["signal: {key: results.days}"], 7, "signal.key cannot be used: column 8: there is no"),
        (["signal: {when: 1}"], 7, "signal.when must be an expression (text), not 1"),
        (["signal: {wen: 'true'}"], 7, "signal has no key 'wen'; did you mean 'when'"),
    ],
)
def test_what_cannot_be_right_is_refused_with_its_place_and_what_to_do(
    tmp_path: Path, lines: list[str], line: int, why: str
) -> None:
    with pytest.raises(ConfigError) as error:
        _with(tmp_path, *lines)
    said = str(error.value)
    assert why in said and said.startswith("schedules") and f"own.yaml:{line}" in said


def test_two_of_one_name_are_refused(tmp_path: Path) -> None:
    one = "  - {name: a, cron: 0 9 * * *, zone: UTC, run: x}\n"
    with pytest.raises(ConfigError, match="schedules has two called a"):
        _load(tmp_path, "schedules:\n" + one * 2)


def test_a_responder_names_a_schedule_as_its_sender(tmp_path: Path) -> None:
    one = "schedules:\n  - {name: a, cron: 0 9 * * *, zone: UTC, run: x}\n"
    config = _load(tmp_path, one + _RESPONDER.replace("SENDER", '"schedule:a"'))
    assert config.responders[0].senders == ("schedule:a",)
    with pytest.raises(ConfigError, match=r"no such sender .*did you mean 'schedule:a'"):
        _load(tmp_path, one + _RESPONDER.replace("SENDER", '"schedule:b"'))


def test_a_directory_brings_no_schedules(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"schedules: not in the opsmcp\.yaml of a directory"):
        _refuse_own([RawSetting("schedules", [], "file opsmcp.yaml:1", tmp_path)])
