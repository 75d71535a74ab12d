"""Lines in the words of OCSF and ECS, and the lines that somebody looks for."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from opsmcp_tools.audit.files import TrailFiles
from opsmcp_tools.audit.formats import to_ecs, to_ocsf
from opsmcp_tools.audit.reading import Wanted, read_newest
from tests.tools.audit.trails import NOON, Ground

LINE: dict[str, Any] = {
    "seq": 7,
    "time": "2026-11-30T12:00:00.250Z",
    "event": "run.end",
    "outcome": "failure",
    "reason": "no space left",
    "principal": {"id": "token:anna", "name": "anna", "groups": ["ops"]},
    "auth": "token:AbCdEfGh",
    "client": {"name": "claude-code", "version": "2.1", "address": "10.0.0.7"},
    "transport": "http",
    "rpc_id": "3",
    "trace": f"00-{'a' * 32}-{'b' * 16}-01",
    "tool": "restart-pod",
    "operation": "pipeline ops-system/restart-pod",
    "targets": ["namespace:shop"],
    "arguments": {"pod": "web-0"},
    "rule": "changes",
    "effect": "approve",
    "approvers": ["bob (token:bob)"],
    "run": "r-abc",
    "verdict": "failed",
    "duration_seconds": 1.5,
    "replica": "one",
    "version": "0.1.0",
    "prev": "0" * 64,
}


def test_a_line_as_an_event_of_ocsf() -> None:
    made = to_ocsf(LINE)
    assert (made["class_uid"], made["type_uid"], made["activity_id"]) == (6003, 600303, 3)
    assert (made["time"], made["duration"], made["status_id"]) == (1796040000250, 1500, 2)
    assert made["status_detail"] == "no space left"
    assert made["metadata"]["sequence"] == 7
    assert made["actor"]["user"] == {
        "uid": "token:anna",
        "name": "anna",
        "groups": [{"name": "ops"}],
    }
    assert made["api"]["request"] == {"uid": "3", "data": {"arguments": {"pod": "web-0"}}}
    assert made["resources"][1] == {"name": "shop", "type": "namespace"}
    assert made["src_endpoint"] == {"ip": "10.0.0.7"}
    assert made["http_request"] == {"user_agent": "claude-code/2.1"}
    assert made["unmapped"]["approvers"] == ["bob (token:bob)"]
    assert made["unmapped"]["prev"] == "0" * 64


def test_a_line_in_the_fields_of_ecs() -> None:
    made = to_ecs(LINE)
    assert made["@timestamp"] == "2026-11-30T12:00:00.250Z"
    assert (made["event.action"], made["event.outcome"]) == ("run.end", "failure")
    assert (made["event.id"], made["event.duration"]) == ("r-abc", 1_500_000_000)
    assert (made["user.id"], made["user.roles"]) == ("token:anna", ["ops"])
    assert (made["trace.id"], made["rule.name"]) == ("a" * 32, "changes")
    assert made["labels"]["targets"] == "namespace:shop"
    assert made["labels"]["arguments"] == '{"pod": "web-0"}'


def test_a_line_that_says_little_is_mapped_as_well() -> None:
    line = {"seq": 1, "time": "no time", "event": "audit.open", "outcome": "success"}
    assert to_ocsf(line)["activity_id"] == 99
    assert "time" not in to_ocsf(line)
    assert "trace.id" not in to_ecs(line)


@pytest.fixture
def trail(ground: Ground) -> TrailFiles:
    ground.days(3).close()
    return ground.files


@pytest.mark.parametrize(
    ("wanted", "runs"),
    [
        (Wanted(run="r-1-1"), ["r-1-1"]),
        (Wanted(principal="anna", until=NOON + timedelta(hours=1)), ["r-0-2", "r-0-1", "r-0-0"]),
        (
            Wanted(principal="local:anna", since=NOON + timedelta(days=2)),
            ["r-2-2", "r-2-1", "r-2-0"],
        ),
        (Wanted(principal="bob"), []),
        (Wanted(event="run.*", tool="x"), []),
        (Wanted(verdict="failed"), []),
    ],
)
def test_lines_are_found_newest_first(trail: TrailFiles, wanted: Wanted, runs: list[str]) -> None:
    assert [line["run"] for line in read_newest([trail], wanted, 10)] == runs


def test_no_more_lines_are_found_than_wanted_and_bad_ones_are_passed_over(
    trail: TrailFiles,
) -> None:
    path: Path = trail.all()[-1]
    path.write_bytes(path.read_bytes() + b"no line\n\n")
    assert [line["seq"] for line in read_newest([trail], Wanted(), 2)] == [15, 14]
