"""What docs/deploy.md has people copy is what it says it is."""

import json
import re
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from jsonschema import Draft7Validator

from opsmcp_server.config.effective import Config
from opsmcp_server.config.load import load
from opsmcp_tools.model.tool import Principal
from opsmcp_tools.policy.decision import Action, Policy
from tests.docs.settings_reference import ROOT
from tests.tools.recorded import tool

PAGE = (ROOT / "docs" / "deploy.md").read_text("utf-8")
SETTINGS, VALUES = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
CHART = ROOT / "deploy" / "chart" / "opsmcp"


def loaded(folder: Path, settings: str) -> Config:
    file = folder / "opsmcp.yaml"
    file.write_text(settings, "utf-8")
    return load({"HOME": str(folder)}, cwd=folder, file=file)


@pytest.mark.parametrize(
    ("groups", "call", "effect"),
    [
        (("platform",), "delete-pod", "confirm"),
        (("platform",), "get-pod", "allow"),
        (("support",), "delete-pod", "deny"),
        ((), "get-pod", "allow"),
    ],
)
def test_its_policy_lets_one_group_change_and_all_others_look(
    tmp_path: Path, groups: tuple[str, ...], call: str, effect: str
) -> None:
    given = loaded(tmp_path, SETTINGS).policy
    policy = Policy(given.read_only, given.rules, given.groups)
    who = Principal("anna@example.com", groups)
    assert policy.decide(who, Action.RUN, tool(call), {}).effect == effect


def test_its_values_are_known_to_the_chart_and_say_what_its_settings_say(tmp_path: Path) -> None:
    values = cast("dict[str, Any]", yaml.safe_load(VALUES))
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    Draft7Validator(schema).validate(values)  # pyright: ignore[reportUnknownMemberType]
    said = cast("dict[str, Any]", yaml.safe_load(SETTINGS))
    assert values["publicUrl"] == said["server"]["public_url"]
    assert values["auth"] == said["auth"]
    assert values["config"]["policy"] == said["policy"]
    assert loaded(tmp_path, yaml.safe_dump(values["config"])).ops.server


def test_its_unit_starts_what_it_installs() -> None:
    assert (
        "(../deploy/systemd/opsmcp.service)" in PAGE and "(../deploy/systemd/engine.conf)" in PAGE
    )
    unit = (ROOT / "deploy/systemd/opsmcp.service").read_text("utf-8")
    assert "ExecStart=/opt/opsmcp/bin/opsmcp serve --config /etc/opsmcp/opsmcp.yaml\n" in unit
    assert "python3 -m venv /opt/opsmcp\n" in PAGE
    stop = re.search(r"TimeoutStopSec=(\d+)", unit)
    assert stop is not None
    assert int(stop[1]) > Config().server.shutdown_seconds
