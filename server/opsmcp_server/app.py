"""The composition root: settings become running services. Nothing else opens or connects parts."""

import gc
import getpass
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import anyio
from anyio.abc import TaskGroup

from opsmcp_pipelines.catalogue import Catalogue, Difference
from opsmcp_pipelines.discovery import Discovery
from opsmcp_pipelines.models import Task
from opsmcp_pipelines.source import Source
from opsmcp_server.builtin import definitions
from opsmcp_server.config import Config
from opsmcp_server.listing import Listing
from opsmcp_server.services import Services
from opsmcp_server.settings import HintName
from opsmcp_tools.execution import Executions, FindTask
from opsmcp_tools.journal import open_journal
from opsmcp_tools.policy import Policy
from opsmcp_tools.runs import RunSettings, SystemClock
from opsmcp_tools.tool import Principal
from opsmcp_tools.toolbox import Exposure, ToolSettings

__all__ = ["open_services"]

_EMBEDDED_POLL_SECONDS = 0.05
_OPS_POLL_SECONDS = 0.25


@asynccontextmanager
async def open_services(config: Config, environ: Mapping[str, str]) -> AsyncGenerator[Services]:
    """Run opsmcp for as long as the block lasts: discovery, the following of runs, the journal.

    Args:
        config: The effective settings.
        environ: The process environment; the embedded engine hands a few of its entries to steps.
    """
    async with AsyncExitStack() as stack:
        journal = stack.enter_context(open_journal(config.state.dir))
        source = await stack.enter_async_context(_open_source(config, environ))
        discovery = Discovery(source, interval_seconds=config.discovery.interval_seconds)
        executions = Executions(
            source,
            journal,
            settings=_run_settings(config),
            clock=SystemClock(),
            find_task=_find_task(discovery),
        )
        services = Services(
            config=config,
            source=source,
            discovery=discovery,
            executions=executions,
            policy=Policy(read_only=config.policy.read_only),
            principal=Principal(_local_user()),
            tool_settings=_tool_settings(config),
            listing=Listing(definitions()),
        )
        group = await stack.enter_async_context(anyio.create_task_group())
        stack.callback(group.cancel_scope.cancel)
        await group.start(executions.run)
        _discover(services, group)
        yield services


def _find_task(discovery: Discovery) -> FindTask:
    def find(namespace: str, name: str) -> Task | None:
        catalogue = discovery.catalogue
        return catalogue.find_task(namespace, name) if catalogue else None

    return find


def _discover(services: Services, group: TaskGroup) -> None:
    def on_change(catalogue: Catalogue, _difference: Difference) -> None:
        first = services.toolbox is None
        changed = services.adopt(catalogue)
        _spare_garbage_collector(first=first)
        if changed and not first:
            group.start_soon(services.sessions.lists_changed)

    async def run() -> None:
        await group.start(services.discovery.run)
        services.first_read.set()

    services.discovery.subscribe(on_change)
    group.start_soon(run)


def _spare_garbage_collector(*, first: bool) -> None:
    """Keep the collector from walking the catalogue again and again: lists cost a third less."""
    if not first:
        gc.unfreeze()
        gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@asynccontextmanager
async def _open_source(config: Config, environ: Mapping[str, str]) -> AsyncGenerator[Source]:
    # Each source is imported only when it is used: `opsmcp stdio` starts many times a day.
    if config.ops.server:
        from opsmcp_pipelines.ops.source import OpsSettings, open_ops_source

        settings = OpsSettings(
            server=config.ops.server,
            token=config.ops.token.get_secret_value(),
            namespaces=config.ops.namespaces,
            connect_seconds=config.ops.connect_seconds,
            read_seconds=config.ops.read_seconds,
        )
        async with open_ops_source(settings) as source:
            yield source
        return
    from opsmcp_pipelines.embedded.source import EmbeddedSettings, open_embedded_source

    embedded = EmbeddedSettings(
        manifests=config.embedded.manifests,
        state_dir=config.state.dir,
        environ=environ,
        bundled=config.embedded.bundled,
        step_seconds=config.embedded.step_seconds,
    )
    async with open_embedded_source(embedded) as source:
        yield source


def _run_settings(config: Config) -> RunSettings:
    return RunSettings(
        deadline_seconds=config.run.deadline_seconds,
        first_poll_seconds=_OPS_POLL_SECONDS if config.ops.server else _EMBEDDED_POLL_SECONDS,
    )


def _tool_settings(config: Config) -> ToolSettings:
    expose = config.expose
    return ToolSettings(
        exposure=Exposure(
            pipelines=expose.pipelines,
            tasks=expose.tasks,
            include=expose.include,
            exclude=expose.exclude,
        ),
        hints=_plain(config.tools.hints),
        bind=config.bound_values(),
        kinds=config.tools.kinds,
        enum_limit=config.tools.enum_limit,
        host_selectors=config.tools.host_selectors,
    )


def _plain(hints: Mapping[str, Mapping[HintName, bool]]) -> dict[str, dict[str, bool]]:
    return {
        pattern: {str(name): on for name, on in given.items()} for pattern, given in hints.items()
    }


def _local_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "local"
