"""What one path names of hosts: a file of Hosts, or whatever Ansible takes for an inventory.

A file is read again when it changed. Ansible is asked again when the file has changed, or what
Ansible reads beside it (`group_vars`, `host_vars`); and now and then, for a program or a plugin may
say something else by then. What cannot be read keeps the hosts that it had.
"""

import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from opsmcp_pipelines.models import BadHost
from opsmcp_pipelines.regular_files import read_regular
from opsmcp_pipelines.ssh.ansible import AnsibleFailed, ask_ansible
from opsmcp_pipelines.ssh.host_fields import HostFile
from opsmcp_pipelines.ssh.host_files import MAX_HOST_FILE_BYTES, parse_hosts

__all__ = ["ASK_AGAIN_SECONDS", "HostFileReader"]

ASK_AGAIN_SECONDS = 300.0
"""How old an answer of Ansible gets where nothing is known to have changed."""

_BESIDE = ("group_vars", "host_vars")
_MAX_FILES = 2000
_MAX_DEPTH = 4

_Signs = tuple[tuple[str, int, int, int, int], ...]
"""What changes when a file is written or replaced, of each that counts."""


class HostFileReader:
    """Reads again and again. `read` blocks: call it in a thread."""

    def __init__(self, path: Path, again_seconds: float) -> None:
        """Read nothing yet; ask Ansible again after so long."""
        self._path = path
        self._again_seconds = again_seconds
        self._signs: _Signs = ()
        self._own: HostFile | None = None
        self._answer: HostFile | None = None
        self._failure = ""
        self._asked_for: _Signs = ()
        self._asked_at = 0.0

    @property
    def lacks_answer(self) -> bool:
        """Whether it is Ansible's, who was not asked since it changed."""
        return self._is_ansible and self._asked_for != self._signs

    @property
    def is_old(self) -> bool:
        """Whether Ansible was asked so long ago that the answer may be another one by now."""
        return self._is_ansible and time.monotonic() - self._asked_at >= self._again_seconds

    def read(self, at: Callable[[Path], None]) -> tuple[HostFile, str]:
        """What it names, and why it could not be read, if it could not.

        Args:
            at: Told of the path before it is touched. An `OSError` that it raises counts as one of
                reading it.
        """
        path = self._path
        try:
            at(path)
            signs = tuple(_signs(path))
            if signs != self._signs:
                self._own = None if path.is_dir() else _parse(path)
                self._signs = signs
        except (FileNotFoundError, NotADirectoryError):
            self._signs, self._own, self._answer = (), None, None
            return _no_hosts(f"{path}: there is no such file of hosts"), ""
        except OSError as error:
            return self._kept, f"the hosts of {path} cannot be read: {error.strerror}"
        if not self._is_ansible or not self._failure:
            return self._kept, ""
        if self._answer is None:
            return _no_hosts(f"{path}: {self._failure}"), ""
        return self._kept, f"the hosts of {path} cannot be read: {self._failure}"

    async def ask(self, environ: Mapping[str, str]) -> None:
        """Ask Ansible, for the next time that it is read."""
        asked_for = self._signs
        try:
            self._answer = await ask_ansible(self._path, environ)
            self._failure = ""
        except AnsibleFailed as error:
            self._failure = str(error)
        self._asked_for, self._asked_at = asked_for, time.monotonic()

    @property
    def _is_ansible(self) -> bool:
        return bool(self._signs) and self._own is None

    @property
    def _kept(self) -> HostFile:
        return self._own or self._answer or HostFile()


def _no_hosts(reason: str) -> HostFile:
    return HostFile(problems=(BadHost("", reason),))


def _parse(path: Path) -> HostFile | None:
    """The Hosts of a file; None if it has none."""
    data = read_regular(path, MAX_HOST_FILE_BYTES + 1)
    if len(data) > MAX_HOST_FILE_BYTES:
        return _no_hosts(f"{path}: larger than {MAX_HOST_FILE_BYTES} bytes")
    try:
        return parse_hosts(data.decode(), str(path))
    except UnicodeDecodeError:
        return None  # A program, perhaps.


def _signs(path: Path) -> Iterator[tuple[str, int, int, int, int]]:
    """Of the path, of what is in it, and of what Ansible reads beside it.

    Raises:
        OSError: It cannot be told, or it is neither a file nor a directory.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OSError(None, "it is neither a file nor a directory")
    places = [path] if stat.S_ISDIR(mode) else [path, *(path.parent / name for name in _BESIDE)]
    left = [_MAX_FILES]
    for place in places:
        yield from _signs_below(place, _MAX_DEPTH, left)


def _signs_below(
    path: Path, depth: int, left: list[int]
) -> Iterator[tuple[str, int, int, int, int]]:
    left[0] -= 1
    try:
        found = path.stat()
        inside = sorted(os.scandir(path), key=lambda one: one.name) if path.is_dir() else []
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    yield str(path), found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size
    for entry in inside:
        if left[0] > 0 and depth > 0:
            yield from _signs_below(Path(entry.path), depth - 1, left)
