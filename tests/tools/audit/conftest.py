"""A trail for each test; what it opened is closed."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.tools.audit.trails import Ground


@pytest.fixture
def ground(tmp_path: Path) -> Generator[Ground]:
    made = Ground(tmp_path)
    yield made
    for trail in made.trails:
        trail.close()
