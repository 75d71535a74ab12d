"""Responders that the settings say, and those that are refused: each with where and what to do."""

from pathlib import Path
from typing import Any

import pytest

from opsmcp_server.config.effective import Config
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.load import load
from opsmcp_tools.incidents.responder import Agent, Check, Mode, Resolved, Responder

_BASE = """\
policy:
  pin: true
  groups: {on-call: [anna]}
requests: {approvers: [on-call]}
events:
  senders:
    am: {type: alertmanager, token: {env: AM}}
    open: {type: alertmanager}
QUIETresponders:
  - name: disk-full
    senders: [am]
"""


def _load(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "own.yaml"
    path.write_text(text, "utf-8")
    environ = {"HOME": str(tmp_path), "OPSMCP_STATE_DIR": str(tmp_path / "state")}
    return load(environ, cwd=tmp_path, file=path)


def _with(tmp_path: Path, *lines: str, quiet: str = "") -> Config:
    text = _BASE.replace("QUIET", quiet) + "".join(f"    {line}\n" for line in lines)
    return _load(tmp_path, text)


def test_a_responder_of_which_little_is_said_tells(tmp_path: Path) -> None:
    one: Responder = _with(tmp_path, "when: 'true'").responders[0]
    assert (one.name, one.mode, one.senders) == ("disk-full", Mode.NOTIFY, ("am",))
    assert one.principal.name == "responder:disk-full"


def test_all_that_can_be_said_of_a_responder_is_read(tmp_path: Path) -> None:
    one: Responder = _with(
        tmp_path,
        "when: 'severity == \"critical\"'",
        "key: '\"disk/\" + labels.instance'",
        "settle: 2m",
        "mode: auto",
        "run: clear-disk",
        "arguments: {host: 'labels.instance.split(\":\")[0]'}",
        "confirm: {run: disk-usage, expect: 'int(results.used) >= 85'}",
        "verify: {after: 2m, run: disk-usage, arguments: {host: arguments.host}, expect: 'true',"
        " within: 10m}",
        "approve: {count: 2, expires: 1h}",
        "limits: {cooldown: 30m, per_key: 3/24h, attempts: 2}",
        "breaker: {after: 2, within: 1h, for: 30m}",
        "recurs: 2h",
    ).responders[0]
    assert one.mode is Mode.AUTO and one.settle_seconds == 120
    assert isinstance(one.verify, Check) and one.verify.after_seconds == 120
    assert one.confirm is not None and one.confirm.expect == "int(results.used) >= 85"
    assert (one.approvers.groups, one.approvers.count) == (("on-call",), 2)
    assert (one.limits.per_key, one.limits.per_key_seconds) == (3, 86400)
    assert one.breaker.for_seconds == 1800 and one.recurs_seconds == 7200


def test_all_that_can_be_said_of_an_agent_is_read(tmp_path: Path) -> None:
    one: Responder = _with(
        tmp_path,
        "mode: agent",
        "agent: {tools: [get-*, drain-node], auto: drain-node, reads: 5, changes: 2, minutes: 3,"
        " tokens: 9000, places: any}",
        "verify: {resolved: true}",
    ).responders[0]
    assert one.agent == Agent(
        ("get-*", "drain-node"), ("drain-node",), 5, 2, 180.0, 9000, anywhere=True
    )
    assert one.acts_alone and one.limits.attempts == 2


def test_an_agent_that_changes_nothing_needs_nobody_who_approves(tmp_path: Path) -> None:
    text = _BASE.replace("QUIET", "").replace("requests: {approvers: [on-call]}\n", "")
    text += "    mode: agent\n    agent: {tools: get-*, changes: CHANGES}\n"
    one: Responder = _load(tmp_path, text.replace("CHANGES", "0")).responders[0]
    assert one.agent is not None and not one.agent.anywhere and not one.acts_alone
    with pytest.raises(ConfigError, match="approve is missing, and requests.approvers is not set"):
        _load(tmp_path, text.replace("CHANGES", "1"))


def test_without_anything_said_of_it_a_repair_is_verified_by_its_senders(tmp_path: Path) -> None:
    one: Any = _with(tmp_path, "mode: approve", "run: clear-disk").responders[0]
    assert one.verify == Resolved(1800)


_AUTO = ("mode: auto", "run: clear-disk")
_AGENT = ("mode: agent", "agent: {tools: [get-*]}")


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["mod: auto"], "has no key 'mod'; did you mean 'mode'"),
        (["mode: always"], "mode must be one of notify, approve, auto, agent, not 'always'"),
        (["run: clear-disk"], "run does nothing with mode notify; say approve, auto or agent"),
        (["mode: agent"], "agent is missing: mode agent needs the operations that it may call"),
        (["agent: {tools: [x]}"], "agent does nothing with mode notify; say approve, auto"),
        (["mode: approve", "run: x", "agent: {tools: [x]}"], "agent does nothing with mode appro"),
        ([*_AGENT, "run: x"], "run does nothing with mode agent; the model chooses among"),
        ([*_AGENT, "limits: {attempts: 2}"], "attempts does nothing with mode agent: say agent.ch"),
        (["mode: agent", "agent: {auto: [x]}"], "agent.tools is missing: name patterns of"),
        (["mode: agent", "agent: {tools: x, tols: y}"], "agent has no key 'tols'; did you mean"),
        (["mode: agent", "agent: {tools: ['$(x)']}"], "agent.tools has '$(x)', which is no name"),
        (["mode: agent", "agent: {tools: x, minutes: 0}"], "minutes must be a whole number from 1"),
        (["mode: agent", "agent: {tools: x, places: all}"], "places must be one of signal, any"),
        (["mode: agent", "agent: {tools: x, auto: x}"], "verify is missing: with agent.auto it"),
        (
            ["mode: agent", "agent: {tools: x, auto: x, changes: 0}"],
            "agent.auto does nothing with changes: 0",
        ),
        (["mode: approve"], "run is missing: mode approve needs the operation"),
        (_AUTO, "verify is missing: with mode auto it has to be looked whether"),
        (["when: 'severty == \"x\"'"], "when cannot be used: column 1: there is no 'severty'"),
        (["when: 'severity'"], "when cannot be used: it must be a condition"),
        (["key: 'size(labels)'"], "key cannot be used: it must be a text"),
        (["when: 7"], "when must be an expression"),
        (["settle: 2"], "settle must be a duration from 0s to 1d"),
        (
            ["mode: approve", "run: x", "limits: {per_key: often}"],
            "limits.per_key must be how often in which time",
        ),
        (["limits: {attempts: 0}"], "does nothing with mode notify"),
        (["mode: approve", "run: x", "limits: {attempts: 0}"], "attempts must be a whole number"),
        (["mode: approve", "run: x", "arguments: {a: b}"], "arguments.a cannot be used: column 1"),
        (["mode: approve", "run: x", "verify: {resolved: no}"], "verify.resolved must be true"),
        (["mode: approve", "run: x", "verify: {run: y}"], "verify.expect is missing"),
        (
            ["mode: approve", "run: x", "approve: {from: [ops]}"],
            "names 'ops', and there is no such",
        ),
    ],
)
def test_what_cannot_be_right_is_refused(tmp_path: Path, lines: list[str], why: str) -> None:
    with pytest.raises(ConfigError, match=r"responders\.disk-full.*\(file .*own\.yaml:\d+\)") as at:
        _with(tmp_path, *lines)
    assert why in str(at.value)


def test_a_refusal_names_the_line_of_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"own\.yaml:14\)"):
        _with(tmp_path, "mode: approve", "run: x", "when: 'nope'")


def test_nothing_acts_alone_without_pins(tmp_path: Path) -> None:
    text = _BASE.replace("QUIET", "").replace("pin: true", "pin: false")
    text += "    mode: auto\n    run: x\n    verify: {resolved: true}\n"
    with pytest.raises(ConfigError, match="has mode auto, which needs policy.pin: true"):
        _load(tmp_path, text)


def test_nothing_acts_alone_on_the_word_of_a_stranger(tmp_path: Path) -> None:
    text = _BASE.replace("QUIET", "").replace("[am]", "[am, open]")
    text += "    mode: auto\n    run: x\n    verify: {resolved: true}\n"
    with pytest.raises(ConfigError, match="confirm is missing: the sender open proves no secret"):
        _load(tmp_path, text)


def test_a_repair_that_nobody_could_approve_is_refused(tmp_path: Path) -> None:
    text = _BASE.replace("QUIET", "") + "    mode: approve\n    run: x\n"
    with pytest.raises(ConfigError, match="approve is missing, and requests.approvers is not set"):
        _load(tmp_path, text.replace("requests: {approvers: [on-call]}\n", ""))
    with pytest.raises(ConfigError, match="the group ops, and policy.groups does not have it"):
        _load(tmp_path, text.replace("[on-call]}", "[ops]}"))


def test_a_sender_that_is_not_there_is_refused(tmp_path: Path) -> None:
    text = _BASE.replace("QUIET", "").replace("[am]", "[amm]")
    with pytest.raises(ConfigError, match="senders names 'amm', and there is no such sender"):
        _load(tmp_path, text)


def test_two_responders_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="responders has two called disk-full"):
        _load(tmp_path, _BASE.replace("QUIET", "") + "  - {name: disk-full}\n")


@pytest.mark.parametrize("value", ["7", "[7]", "[{name: 'a b'}]", "{a: b}"])
def test_responders_that_are_none_are_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigError, match="responders"):
        _load(tmp_path, f"responders: {value}\n")


def test_quiet_times_are_read_and_refused(tmp_path: Path) -> None:
    ok = "  quiet: [{name: freeze, when: 'severity == \"info\"', time: {days: [sat], zone: UTC}}]\n"
    assert _with(tmp_path, quiet=ok).events.quiet[0].name == "freeze"
    with pytest.raises(ConfigError, match="events.quiet.freeze needs a time or a condition"):
        _with(tmp_path, quiet="  quiet: [{name: freeze}]\n")
