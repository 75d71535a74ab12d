from pathlib import Path

import pytest

from tests.server.cli.process import MANIFESTS, Opsmcp


@pytest.fixture
def opsmcp(tmp_path: Path) -> Opsmcp:
    folder = tmp_path / "manifests"
    folder.mkdir()
    text = MANIFESTS.replace("FOLDER", str(tmp_path))
    (folder / "all.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "marker").touch()
    return Opsmcp(tmp_path)
