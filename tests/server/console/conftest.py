from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.server.console.site import Site, site


@pytest.fixture
async def served(tmp_path: Path) -> AsyncGenerator[Site]:
    async with site(tmp_path) as made:
        yield made
