"""The recorded exchanges with a real Ops server, where the checkout's neighbour has them."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

_BESIDE = Path(__file__).resolve().parents[2] / "shared"


def _folder() -> Path:
    shared = Path(os.environ.get("OPSMCP_SHARED", _BESIDE))  # noqa: TID251 - tests only
    folder = shared / "ops" / "recordings"
    assert folder.is_dir(), f"no recordings in {folder}; set OPSMCP_SHARED"
    return folder


@cache
def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def load(name: str) -> dict[str, Any]:
    """One recording, by its name without the ending."""
    return json.loads(_read(_folder() / f"{name}.json"))


def names(prefix: str = "") -> list[str]:
    """The names of all recordings that start with `prefix`, sorted."""
    return sorted(path.stem for path in _folder().glob(f"{prefix}*.json"))
