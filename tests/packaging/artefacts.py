"""Checks of what `make package` made that only need to read it. Called by `make package-check`."""

import json
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DIST = ROOT / "dist"
DEVELOPMENT = {
    "pytest",
    "ruff",
    "pyright",
    "coverage",
    "hypothesis",
    "build",
    "pip",
    "import-linter",
}


def main() -> int:
    wrong = [*parts(), *entry(), *readme()]
    sys.stdout.writelines(f"{what}\n" for what in wrong)
    return bool(wrong)


def parts() -> Iterator[str]:
    """The list of parts has each locked version, and no tool of development."""
    listed = read(next(DIST.glob("*.cdx.json")))["components"]
    found = {one["name"].lower().replace("_", "-"): one["version"] for one in listed}
    for line in (ROOT / "deploy/image/requirements.txt").read_text("utf-8").splitlines():
        name, equals, rest = line.partition("==")
        if equals and not line.startswith(" ") and found.get(name.lower()) != rest.split()[0]:
            yield f"{name} {rest.split()[0]} is {found.get(name)} in the list of parts"
    yield from (f"{name} is in the list of parts" for name in DEVELOPMENT & set(found))


def entry() -> Iterator[str]:
    """The entry for the registry names the bundle by its sum."""
    packages = {one["registryType"]: one for one in read(DIST / "server.json")["packages"]}
    sums = {line.split()[1]: line.split()[0] for line in lines_of(DIST / "SHA256SUMS")}
    bundle = packages["mcpb"]
    if sums[bundle["identifier"].rpartition("/")[2]] != bundle["fileSha256"]:
        yield "fileSha256 is not the sum of the bundle"


def readme() -> Iterator[str]:
    """What is published holds the name that the registry looks for, and the version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    with zipfile.ZipFile(next(DIST.glob("*.whl"))) as wheel:
        name = next(name for name in wheel.namelist() if name.endswith("/METADATA"))
        metadata = wheel.read(name).decode()
    for needed in ("<!-- mcp-name: io.github.", f"\nVersion: {project['version']}\n"):
        if needed not in metadata:
            yield f"the wheel's METADATA has no {needed.strip()!r}"


def lines_of(file: Path) -> list[str]:
    return file.read_text("utf-8").splitlines()


def read(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text("utf-8"))


if __name__ == "__main__":
    sys.exit(main())
