"""The recorded exchanges with a real Ops server: `tests/recordings/`, one JSON file each."""

import json
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).resolve().parent / "recordings"


@cache
def _read(name: str) -> str:
    return (_FOLDER / f"{name}.json").read_text(encoding="utf-8")


def load(name: str) -> dict[str, Any]:
    """One recording, by its name without the ending."""
    return json.loads(_read(name))


def names(prefix: str = "") -> list[str]:
    """The names of all recordings that start with `prefix`, sorted."""
    return sorted(path.stem for path in _FOLDER.glob(f"{prefix}*.json"))
