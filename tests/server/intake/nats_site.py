"""What reads the events of a real NATS in these tests: all that `opsmcp serve` runs for it."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio

from opsmcp_server.app import open_services
from opsmcp_server.calls.context import CallContext
from opsmcp_server.config.load import Config, load
from opsmcp_server.intake.event_reading import reading_events
from opsmcp_server.intake.sender_checks import check_senders
from opsmcp_tools.incidents.signal import Signal
from tests.own_settings import write_settings
from tests.server.intake.nats_server import PATTERN

_SETTINGS = f'events: {{senders: {{ops: {{type: ops, subjects: ["{PATTERN}"], nats: %s}}}}}}\n'
FROM_ENVIRONMENT = "{env: NATS_URL}"


def config_of(
    environ: Mapping[str, str], folder: Path, nats: str = FROM_ENVIRONMENT
) -> tuple[Config, dict[str, str]]:
    write_settings(folder, _SETTINGS % nats)
    whole = {"OPSMCP_STATE_DIR": str(folder / "state"), "HOME": str(folder), **environ}
    config = load(whole, cwd=folder, senders=True)
    check_senders(config)
    return config, whole


@asynccontextmanager
async def reading(
    environ: Mapping[str, str], folder: Path, nats: str = FROM_ENVIRONMENT
) -> AsyncGenerator[CallContext]:
    config, whole = config_of(environ, folder, nats)
    with anyio.fail_after(50):
        services = open_services(config, whole, follows_runs=False)
        async with services as opened, reading_events(opened.calls):
            yield opened.calls


async def until(found: Callable[[], Any]) -> None:
    while not found():  # noqa: ASYNC110 - a record tells nobody
        await anyio.sleep(0.02)


def signals(context: CallContext) -> Sequence[Signal]:
    return context.incidents.signals().signals(limit=10_000)


def has(context: CallContext, *hosts: str) -> Callable[[], bool]:
    return lambda: set(hosts) <= {one.labels["hostname"] for one in signals(context)}


async def begun(context: CallContext) -> None:
    """Once it reads, so that what comes now is no thing of the past."""
    store = context.incidents.signals()
    await until(lambda: store.position("ops", PATTERN))
