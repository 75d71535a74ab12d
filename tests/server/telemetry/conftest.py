"""What is seen of a server that was used: once for all tests of a process."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
import pytest

from tests.fakes.collector import Span, collecting
from tests.server.telemetry.watched import use, watched


@dataclass(frozen=True, slots=True)
class Seen:
    """What Prometheus gets, and the spans that were sent."""

    scrape: str
    spans: Sequence[Span]


@pytest.fixture(scope="session")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return anyio.run(partial(_look, tmp_path_factory.mktemp("watched")))


async def _look(folder: Path) -> Seen:
    with collecting() as collector:
        async with watched(folder, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url) as server:
            await use(server)
            await server.get("/metrics")
            scrape = (await server.get("/metrics")).text
        return Seen(scrape, tuple(collector.spans))
