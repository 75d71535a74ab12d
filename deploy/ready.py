"""Says what keeps this checkout from being released.

    python -m deploy.ready --tag vX --bases "BASE@sha256:... ..."

The tag has to be the version, the newest heading of the changelog that version with a day, the
bases of the images pinned by digest, and nothing may still name `OWNER` in place of the account of
the sources.
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

__all__ = ["NAMES_OWNER", "main", "obstacles"]

ROOT = Path(__file__).parents[1]

NAMES_OWNER = (
    "README.md",
    "pyproject.toml",
    "server.json",
    "deploy/chart/opsmcp/Chart.yaml",
    "deploy/image/Containerfile",
    "deploy/mcpb/manifest.json",
    "docs/deploy.md",
    "plugin/.claude-plugin/plugin.json",
    "plugin/README.md",
)
"""Files that name the account of the sources."""

_PINNED = re.compile(r"\S+@sha256:[0-9a-f]{64}")


def obstacles(tag: str, bases: str, root: Path = ROOT) -> Iterator[str]:
    """Each thing that keeps `tag` from being released."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    version = project["version"]
    if tag != f"v{version}":
        yield f"the tag is {tag}, the version {version}"
    newest = re.search(r"^## .*$", (root / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    if not newest or not re.fullmatch(
        rf"## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d", newest[0]
    ):
        yield f"the newest heading of CHANGELOG.md is not `## [{version}] - YYYY-MM-DD`"
    for name in NAMES_OWNER:
        if re.search(r"\bOWNER\b", (root / name).read_text("utf-8")):
            yield f"{name} still names OWNER"
    pinned = [base for base in bases.split() if _PINNED.fullmatch(base)]
    if len(pinned) != 4:
        yield f"{len(pinned)} of the 4 bases of the images have a digest"


def main() -> int:
    """Print what is in the way; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m deploy.ready")
    parser.add_argument("--tag", required=True)
    parser.add_argument("--bases", required=True)
    given = parser.parse_args()
    found = list(obstacles(given.tag, given.bases))
    sys.stdout.writelines(f"{what}\n" for what in found)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
