"""The recorded Ops server as a catalogue, and the settings under which all of it is usable."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import TypeVar

from opsmcp_pipelines.catalogue import Catalogue, Contents
from opsmcp_pipelines.ops.fields import Fields
from opsmcp_pipelines.ops.wire import (
    parse_cluster,
    parse_host,
    parse_objects,
    parse_pipeline,
    parse_task,
)
from opsmcp_tools.model.tool import Tool
from opsmcp_tools.toolbox.build import build_toolbox
from opsmcp_tools.toolbox.tool_settings import Exposure, ToolSettings
from opsmcp_tools.toolbox.toolbox import Toolbox
from tests.recorded_ops import load

T = TypeVar("T")

STORE = {"endpoint": "https://s3.example", "bucket": "logs", "region": "r-1"}
BIND = {
    "whitelist": "alice,bob",
    "ak": "access-1",
    "sk": "secret-1",
    **{f"collect-{unit}-log.{name}": STORE[name] for unit in ("gpu", "npu") for name in STORE},
}
EVERYTHING = Exposure(pipelines="all", tasks="none")


def _listed(name: str, parse: Callable[[Fields, str], T]) -> tuple[T, ...]:
    found = parse_objects(load(name)["body"]["data"]["list"], "ops-system", parse)
    assert not found.broken
    return found.good


@cache
def catalogue() -> Catalogue:
    contents = Contents(
        pipelines=_listed("pipelines-list-page-size-999", parse_pipeline),
        tasks=_listed("tasks-list-page-size-999", parse_task),
        clusters=_listed("clusters-list", parse_cluster),
        hosts=_listed("hosts-list", parse_host),
    )
    return Catalogue(1, contents, datetime(2026, 11, 23, tzinfo=UTC))


@cache
def toolbox() -> Toolbox:
    """All recorded pipelines, labelled or not."""
    return build_toolbox(catalogue(), ToolSettings(exposure=EVERYTHING, bind=BIND))


def tool(name: str) -> Tool:
    found = toolbox().find(name)
    assert found is not None
    return found
