"""The settings file of a person whose home is a folder of the tests."""

from pathlib import Path


def write_settings(home: Path, text: str) -> Path:
    path = home / ".config" / "opsmcp" / "opsmcp.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path
