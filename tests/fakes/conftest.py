"""One fake Ops server for all tests of this folder."""

from collections.abc import AsyncGenerator

import pytest

from tests.fakes.ops_server import FakeOps, fake_ops


@pytest.fixture(scope="package")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="package")
async def running_ops() -> AsyncGenerator[FakeOps]:
    async with fake_ops() as ops:
        yield ops


@pytest.fixture
async def ops(running_ops: FakeOps) -> FakeOps:
    running_ops.reset()
    return running_ops
