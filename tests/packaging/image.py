"""Runs opsmcp in the root of an image that `image.sh` built, as a container engine would.

    python -m tests.packaging.image ROOT CONFIG (server|engine)

As root on Linux: in a mount namespace of its own, with a root that only `/tmp` and the state
directory can be written in, as the image's user, with its environment and entry point, without
capabilities.
"""

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

SECONDS = 60.0
STATE = "/var/lib/opsmcp"
INSIDE = """
set -e
root=$1; shift
mount --bind "$root" "$root"
mount -o remount,ro,bind "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=2770,gid=65532 tmpfs "$root/var/lib/opsmcp"
exec chroot "$root" setpriv --reuid 65532 --regid 65532 --clear-groups \\
    --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
"""
EXPRESSION = """
from opsmcp_tools.incidents.expression import SIGNAL, Text
print(Text("kind.upperAscii()", SIGNAL).of({"kind": "disk"}))
"""
MOST_BYTES = 95e6
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "check", "version": "1"},
    },
}


class Image:
    """One image that is unpacked, and what its configuration says."""

    def __init__(self, root: Path, config: Mapping[str, Any]) -> None:
        """Of the image at `root`."""
        self.root = root
        self.config = config

    def start(self, *arguments: str, env: Sequence[str] = (), **more: Any) -> subprocess.Popen[str]:
        """The entry point with these arguments, or the image's own."""
        words = [*self.config["Entrypoint"], *(arguments or self.config["Cmd"])]
        return self.run(*words, env=env, **more)

    def run(self, *words: str, env: Sequence[str] = (), **more: Any) -> subprocess.Popen[str]:
        """Another command, in the same surroundings."""
        inside = ["/usr/bin/env", "-i", "-C", STATE, *self.config["Env"], *env, *words]
        unshared = ["unshare", "--mount", "sh", "-c", INSIDE, "sh", str(self.root)]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen([*unshared, *inside], **pipes | more)

    def output(self, *arguments: str, said: str | None = None) -> str:
        """What a command prints that has to succeed."""
        with self.start(*arguments, stdin=subprocess.PIPE) as running:
            out, errors = running.communicate(said, timeout=SECONDS)
        if running.returncode:
            raise AssertionError(f"{arguments} ended with {running.returncode}: {out}{errors}")
        return out


def version(image: Image) -> None:
    assert image.output("--version").startswith("opsmcp "), "no version"


def stdio(image: Image) -> None:
    answer = json.loads(image.output("stdio", said=json.dumps(INITIALIZE) + "\n").splitlines()[0])
    assert answer["result"]["serverInfo"]["name"] == "opsmcp", answer


def serve(image: Image) -> None:
    """The image's own command serves, is ready, and ends when it is told to."""
    secret = f"OPSMCP_SERVER_TOKEN={'s' * 43}"
    began = time.monotonic()
    with image.start(*image.config["Cmd"], "--port", "0", env=[secret]) as running:
        try:
            address = address_of(running)
            assert asked(f"{address}/healthz") == 200
            while asked(f"{address}/readyz") != 200:
                assert time.monotonic() - began < SECONDS, "not ready"
            sys.stdout.write(f"      ready after {time.monotonic() - began:.1f} s\n")
            running.terminate()
            running.wait(timeout=10)
        finally:
            running.kill()
    assert running.returncode == 0, running.returncode


def address_of(running: subprocess.Popen[str]) -> str:
    assert running.stderr is not None
    said = ""
    for line in running.stderr:
        said += line
        if found := re.search(r"http://0\.0\.0\.0:(\d+)", line):
            return f"http://127.0.0.1:{found[1]}"
    raise AssertionError(said)


def asked(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return cast("int", answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def engine_runs(image: Image) -> None:
    """An operation that ships runs on the embedded engine."""
    assert "succeeded" in image.output("call", "disk-usage"), "disk-usage did not succeed"


def tools_are_there(image: Image) -> None:
    for tool in ("bash", "curl", "kubectl", "ssh", "openssl", "dig", "ss", "ps", "lsof"):
        found = any(
            (image.root / folder / tool).exists() for folder in ("usr/bin", "usr/local/bin")
        )
        assert found, f"there is no {tool}"


def expressions_are_there(image: Image) -> None:
    """What is left of CEL can evaluate those of responders."""
    with image.run("/usr/bin/python3", "-c", EXPRESSION) as running:
        out, errors = running.communicate(timeout=SECONDS)
    assert out == "DISK\n", errors


def is_small(image: Image) -> None:
    """What is added to the base; a base with Python has some 55 MB itself."""
    files = [path.lstat().st_size for path in image.root.glob("app/**/*")]
    sys.stdout.write(f"      /app has {sum(files) / 1e6:.0f} MB\n")
    assert sum(files) < MOST_BYTES, sum(files)


def holds_nothing_else(image: Image) -> None:
    """No key, no settings and no state of whoever built it, and byte code for all modules."""
    kept = [*image.root.glob("var/lib/opsmcp/*"), *image.root.glob("build")]
    assert not kept, kept
    modules = list(image.root.glob("app/opsmcp_*/**/*.py"))
    compiled = list(image.root.glob("app/opsmcp_*/**/*.pyc"))
    assert 0 < len(modules) == len(compiled), (len(modules), len(compiled))


CHECKS: Mapping[str, tuple[Callable[[Image], None], ...]] = {
    "server": (version, stdio, serve, expressions_are_there, is_small, holds_nothing_else),
    "engine": (version, stdio, serve, engine_runs, tools_are_there, holds_nothing_else),
}


def main() -> int:
    root, config, variant = sys.argv[1:]
    image = Image(Path(root), json.loads(config))
    failed = 0
    for check in CHECKS[variant]:
        try:
            check(image)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            failed = 1
            sys.stdout.write(f"FAIL  {variant}: {check.__name__}: {error}\n")
        else:
            sys.stdout.write(f"ok    {variant}: {check.__name__}\n")
    return failed


if __name__ == "__main__":
    sys.exit(main())
