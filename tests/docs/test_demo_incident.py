"""The story of docs/incidents.md through real sockets, as `make demo-incident` tells it."""

from pathlib import Path

import pytest
from anyio import to_thread

from tests.docs.demo_incident import Demo, tell
from tests.server.harness import settings


async def test_the_story_goes_from_one_settings_file_to_a_verified_repair(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo: Demo = await to_thread.run_sync(tell, tmp_path, settings(tmp_path))
    said = capsys.readouterr().out
    assert sorted(path.name for path in demo.cache.iterdir()) == ["part-8"]
    for step in ("202", "pending", "is started, as run r-", "recovered", "closed: it helped"):
        assert step in said
