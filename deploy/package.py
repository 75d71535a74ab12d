"""Makes everything that is shipped of one version from this checkout, into `dist/`.

    python -m deploy.package [--image REFERENCE]

Wheel, sdist, the bundle for Claude Desktop, `server.json` with the bundle's sum, the list of what
an installation is made of (CycloneDX), and the sums of all. The same commit gives the same bytes,
but for the list, which has the time. `make package` calls it with the tools of the dependency group
`package`.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opsmcp_server.config.environment import process_environment

__all__ = ["ROOT", "bundle", "main", "server_entry", "version_of_project"]

ROOT = Path(__file__).parents[1]
_DIST = ROOT / "dist"
_REQUIREMENTS = ROOT / "deploy" / "image" / "requirements.txt"
_EARLIEST_TIME = (1980, 1, 1, 0, 0, 0)


def version_of_project() -> str:
    """The version of pyproject.toml, which everything else repeats."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return str(project["version"])


def bundle(to: Path) -> Path:
    """Zip `deploy/mcpb` as a bundle; the same files give the same bytes."""
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted((ROOT / "deploy" / "mcpb").iterdir()):
            entry = zipfile.ZipInfo(file.name, _EARLIEST_TIME)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
    return to


def server_entry(bundled: Path, image: str = "") -> dict[str, Any]:
    """`server.json` as it is published: with the sum of the bundle, and the image if there is one.

    `image` is the reference of the image for Ops servers, with the host of its registry and a tag.
    """
    entry: dict[str, Any] = json.loads((ROOT / "server.json").read_text("utf-8"))
    for package in entry["packages"]:
        if package["registryType"] == "mcpb":
            package["fileSha256"] = _sum_of(bundled)
    if image:
        entry["packages"].append(_image_package(entry["packages"][0], image))
    return entry


def _image_package(by_uvx: Mapping[str, Any], image: str) -> dict[str, Any]:
    return {
        "registryType": "oci",
        "identifier": image,
        "transport": {"type": "stdio"},
        "packageArguments": by_uvx["packageArguments"],
        "environmentVariables": by_uvx["environmentVariables"],
    }


def main() -> None:
    """Make all of it."""
    parser = argparse.ArgumentParser(prog="python -m deploy.package")
    parser.add_argument("--image", default="", help="Where the image is, for server.json.")
    image: str = parser.parse_args().image
    version = version_of_project()
    shutil.rmtree(_DIST, ignore_errors=True)
    _DIST.mkdir()
    _build()
    bundled = bundle(_DIST / f"opsmcp-{version}.mcpb")
    entry = json.dumps(server_entry(bundled, image), indent=2, ensure_ascii=False)
    (_DIST / "server.json").write_text(entry + "\n", "utf-8")
    _list_parts(_DIST / f"opsmcp-{version}.cdx.json")
    sums = [f"{_sum_of(file)}  {file.name}" for file in sorted(_DIST.iterdir())]
    (_DIST / "SHA256SUMS").write_text("\n".join(sums) + "\n", "utf-8")
    sys.stdout.write("\n".join(sums) + "\n")


def _build() -> None:
    """Wheel and sdist, twice: what differs between the two is a mistake."""
    first = _built_into(_DIST)
    with tempfile.TemporaryDirectory() as folder:
        if first != _built_into(Path(folder)):
            raise SystemExit("wheel or sdist differ when they are built again")


def _built_into(folder: Path) -> dict[str, str]:
    _call(sys.executable, "-m", "build", "--quiet", "--outdir", str(folder))
    return {file.name: _sum_of(file) for file in folder.iterdir() if file.suffix in {".whl", ".gz"}}


def _list_parts(listed: Path) -> None:
    """The list of an environment that has opsmcp and what its image has, and nothing else."""
    wheel = next(_DIST.glob("*.whl"))
    with tempfile.TemporaryDirectory() as folder:
        python = str(Path(folder) / "bin" / "python")
        _call(sys.executable, "-m", "venv", "--without-pip", folder)
        install = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet")
        _call(*install, "--require-hashes", "-r", str(_REQUIREMENTS))
        _call(*install, "--no-deps", str(wheel))
        tool = Path(sys.executable).with_name("cyclonedx-py")
        _call(str(tool), "environment", folder, "--pyproject", "pyproject.toml", "-o", str(listed))


def _call(*words: str) -> None:
    done = subprocess.run(words, cwd=ROOT, env=_environment(), check=False)  # noqa: S603 - our own words
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {done.returncode}")


def _environment() -> dict[str, str]:
    """With the time of the commit in place of now, where something writes one."""
    environ = dict(process_environment())
    if "SOURCE_DATE_EPOCH" not in environ and (ROOT / ".git").exists():
        git = ["git", "log", "-1", "--format=%ct"]
        environ["SOURCE_DATE_EPOCH"] = subprocess.check_output(git, cwd=ROOT, text=True).strip()  # noqa: S603
    return environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"}


def _sum_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
