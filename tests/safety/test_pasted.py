"""Values on an Ops server: from the call to what a shell makes of the script they are pasted into.

Ops replaces `${name}` as text, twice, and quotes nothing (controllers/taskrun_controller.go). The
fake server keeps what it was sent; the pasting is done here, and the script is run for real.
"""

import subprocess
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from opsmcp_pipelines.kinds.kind import Kind, ValueClass
from opsmcp_pipelines.kinds.table import KINDS
from tests.fakes.ops_server import FakeOps, fake_ops
from tests.fakes.ops_state import make_host, make_pipeline, make_task
from tests.pipelines.kinds.good_values import GOOD_VALUES
from tests.server.harness import connected, settings

LISTS = {"list.host.comma": "web-1,web-2", "list.unit.blank": "a.service b@c.service"}
KINDS_TRIED = {
    str(kind): values for kind, values in GOOD_VALUES.items() if kind is not Kind.CLUSTER
} | {kind: (value,) for kind, value in LISTS.items()}
QUOTED = {"list.host.comma", "list.unit.blank", "url"} | {
    str(kind)
    for kind, row in KINDS.items()
    if row.value_class in (ValueClass.PHRASE, ValueClass.TEXT)
}
"""Kinds of which values stand in double quotes alone, and are narrowed or refused elsewhere."""

HOSTILE = (
    *("a;touch MARK", "$(touch MARK)", "`touch MARK`", "a\ntouch MARK", "a && touch MARK"),
    *('a" ; touch MARK; "', "a' ; touch MARK; '", "-o ProxyCommand=touch", "${other}", "a|sh"),
    *(
        "../../MARK",
        "--all",
        "@/etc/passwd",
        "a b;id",
        "\\",
        "a\rb",
        "a\u2028b",
        "*",
        "~root",
        "{a,b}",
    ),
)


@dataclass(frozen=True)
class Ops:
    """A client in front of the fake server."""

    client: Any
    fake: FakeOps

    async def call(self, name: str, **arguments: str) -> tuple[bool, str]:
        """Whether it went wrong, and what was answered."""
        result = await self.client.call_tool(name, {"host": "web-1", **arguments})
        return bool(result.is_error), "\n".join(part.text for part in result.content[:1])

    @property
    def sent(self) -> Mapping[str, str]:
        """The variables of the last start."""
        return self.fake.posts[-1].json["variables"]


def _name(kind: str) -> str:
    return "show-" + kind.replace("_", "-").replace(".", "-")


def _script(kind: str) -> str:
    return "printf '%s\\n' " + ('"${x}"' if kind in QUOTED else "${x}")


def _labelled(item: dict[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    item["metadata"]["labels"] |= labels
    return item


X = {"x": {"desc": "what to show", "required": True}}
SCRIPTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "run-it": ("${x} --now", {}),
    "tell-it": ("slackcat ${x}", {"opsmcp/kind.x": "text", "opsmcp/text.step-1": "x"}),
    "quote-it": ('slackcat "${x}"', {"opsmcp/kind.x": "text", "opsmcp/text.step-1": "x"}),
    "count-it": ("echo $(( ${x} + 1 ))", {"opsmcp/kind.x": "ref"}),
}


@pytest.fixture(scope="module")
async def ops(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Ops]:
    folder = tmp_path_factory.mktemp("pasted")
    rules = [{"effect": "allow", "operation": name} for name in ("show-*", "count-it", "quote-it")]
    text = yaml.safe_dump({"policy": {"rules": rules}, "tools": {"limit": 100}})
    (folder / "opsmcp.yaml").write_text(text, "utf-8")
    made = {_name(kind): (_script(kind), {"opsmcp/kind.x": kind}) for kind in KINDS_TRIED}
    async with fake_ops() as fake:
        items: dict[str, tuple[str, Mapping[str, str]]] = {**made, **SCRIPTS}
        fake.replace(
            "pipelines",
            *(
                _labelled(make_pipeline(name, name, variables=X | {"host": {}}), labels)
                for name, (_, labels) in items.items()
            ),
        )
        fake.replace("hosts", make_host("web-1"))
        fake.replace("clusters")
        fake.replace("tasks", *(make_task(n, s, variables=X) for n, (s, _) in items.items()))
        environ = settings(
            folder,
            OPS_SERVER=fake.url,
            OPS_TOKEN=fake.token,
            OPSMCP_CONFIG=str(folder / "opsmcp.yaml"),
            OPSMCP_RUN_WAIT_SECONDS="0",
        )
        async with connected("memory-modern", environ, folder) as client:
            yield Ops(client, fake)


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def _run(script: str, value: str, folder: Path) -> str:
    """What Ops makes of a script, and a shell of that."""
    for _ in range(2):
        script = script.replace("${x}", value)
    done = subprocess.run(["sh", "-c", script], capture_output=True, cwd=folder, check=False)
    return done.stdout.decode().removesuffix("\n")


@pytest.mark.parametrize("kind", KINDS_TRIED)
async def test_each_value_arrives_as_it_was_given(kind: str, ops: Ops, tmp_path: Path) -> None:
    for value in KINDS_TRIED[kind]:
        before = len(ops.fake.posts)
        wrong, said = await ops.call(_name(kind), x=value)
        assert not wrong, said
        assert len(ops.fake.posts) == before + 1
        assert ops.sent["x"] == value
        assert _run(_script(kind), value, tmp_path) == value


@pytest.mark.parametrize("kind", KINDS_TRIED)
async def test_a_hostile_value_is_not_sent_or_is_one_word(
    kind: str, ops: Ops, tmp_path: Path
) -> None:
    for text in HOSTILE:
        value = text.replace("MARK", str(tmp_path / "mark"))
        before = len(ops.fake.posts)
        wrong, said = await ops.call(_name(kind), x=value)
        if wrong:
            assert len(ops.fake.posts) == before
        else:
            assert _run(_script(kind), ops.sent["x"], tmp_path) == ops.sent["x"]
        assert _names(tmp_path) == []
        assert len(said) < 8_000


async def test_what_would_be_run_is_a_free_script_that_policy_denies(ops: Ops) -> None:
    before = len(ops.fake.posts)
    wrong, said = await ops.call("run-it", x="uptime")
    assert wrong and len(ops.fake.posts) == before
    assert "Policy does not allow run-it" in said


async def test_text_that_is_answered_for_is_pasted_within_double_quotes_alone(
    ops: Ops, tmp_path: Path
) -> None:
    before = len(ops.fake.posts)
    listed = await ops.client.list_tools()
    names = {tool.name for tool in listed.tools}
    assert "tell-it" not in names and "quote-it" in names
    wrong, said = await ops.call("quote-it", x="disk; touch mark && 'x' * {a,b} #")
    assert not wrong, said
    assert _run('echo "${x}"', ops.sent["x"], tmp_path) == ops.sent["x"]
    for text in ("-x", "@/etc/passwd", 'a"b', "a$HOME", "a`id`", "a\\b"):
        assert (await ops.call("quote-it", x=text))[0]
    assert len(ops.fake.posts) == before + 1
    assert _names(tmp_path) == []


async def test_a_declared_kind_takes_only_what_its_place_takes(ops: Ops) -> None:
    before = len(ops.fake.posts)
    for text in ("main", "a[$(id)]", "x", "1+1"):
        assert (await ops.call("count-it", x=text))[0]
    assert len(ops.fake.posts) == before
    wrong, said = await ops.call("count-it", x="41")
    assert not wrong, said
    assert ops.sent["x"] == "41"
