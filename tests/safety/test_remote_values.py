"""Hostile values sent to another host: each arrives as it is, and none becomes code there."""

from pathlib import Path

import pytest

from opsmcp_pipelines.run import Verdict
from opsmcp_pipelines.source import StartRequest
from tests.pipelines.embedded.hosts_engine import HEAD, key, open_engine
from tests.safety.test_canary import PAYLOADS

SHELL = "printf '[%s]\\n' {0}"
BASH = "#!/bin/bash\nprintf '[%s]\\n' {0}"
PYTHON = "#!/usr/bin/env python3\nfor value in [{0}]:\n    print(f'[{{value}}]')"


def manifest(script: str, names: list[str]) -> str:
    words = {PYTHON: ", ".join(f"'${{{name}}}'" for name in names)}
    text = script.format(words.get(script, " ".join(f'"${{{name}}}"' for name in names)))
    lines = "\n        ".join(text.splitlines())
    variables = ", ".join(f"{name}: {{default: none}}" for name in names)
    return (
        f"{HEAD}Task\nmetadata: {{name: show}}\nspec:\n  desc: d\n"
        f"  variables: {{{variables}}}\n"
        f"  steps:\n    - name: show\n      content: |\n        {lines}\n"
    )


@pytest.mark.parametrize("script", [SHELL, BASH, PYTHON], ids=["sh", "bash", "python"])
async def test_hostile_values_arrive_on_another_host_as_they_are(
    tmp_path: Path, script: str
) -> None:
    canary = tmp_path / "canary"
    sent = [payload.replace("CANARY", str(canary)) for payload in PAYLOADS if payload]
    names = [f"x{number}" for number in range(len(sent))]
    async with open_engine(tmp_path, manifest(script, names), ["web1"]) as engine:
        definition = (await engine.source.read()).definition(key("show"))
        assert definition is not None
        values = {"host": "web1", **dict(zip(names, sent, strict=True))}
        run = await engine.judged(
            await engine.source.start(StartRequest(definition, "r-1", values)), "web1"
        )
    assert run.verdict is Verdict.SUCCEEDED, run
    (node,) = run.tasks[0].nodes
    assert node.node == "web1"
    assert node.steps[0].output == "".join(f"[{value}]\n" for value in sent)
    assert not canary.exists()
    assert engine.calls("web1") == 1


@pytest.mark.parametrize("value", [payload for payload in PAYLOADS if payload.strip("*")])
async def test_a_hostile_host_is_none(tmp_path: Path, value: str) -> None:
    async with open_engine(tmp_path, manifest(SHELL, ["x0"]), ["web1"]) as engine:
        run = await engine.run("show", value.replace("CANARY", str(tmp_path / "canary")))
    assert run.verdict is Verdict.FAILED
    assert "the inventory has no host" in str(run)
    assert not (tmp_path / "canary").exists()
    assert engine.calls("web1") == 0
