"""The names of hosts in a configuration of OpenSSH: those of `Host` lines, without patterns.

Only names are taken; what ssh makes of one is its own affair. `Include` is followed as ssh does:
relative to `~/.ssh`, with `~` and wildcards, 16 deep. The format is that of ssh_config(5).
"""

import glob
import os
import pwd
import shlex
from collections.abc import Iterator
from pathlib import Path

from opsmcp_pipelines.regular_files import read_regular
from opsmcp_pipelines.ssh.host_fields import SshHost, is_host_name
from opsmcp_pipelines.ssh.target import SshTarget

__all__ = ["account_home", "read_ssh_config"]

_MAX_FILE_BYTES = 1024 * 1024
_MAX_FILES = 200
_MAX_DEPTH = 16
_MAX_HOSTS = 5000
_PATTERN = frozenset("*?!")


def account_home() -> Path | None:
    """The home directory of this account, which ssh goes by, not HOME; None if there is none."""
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return None


def read_ssh_config(path: Path, home: Path) -> tuple[SshHost, ...]:
    """The hosts that it names, the first of each name.

    Args:
        path: The configuration.
        home: What ssh takes `~` for.

    Raises:
        OSError: It cannot be read. A file that it includes and that cannot be read is passed over.
    """
    hosts: dict[str, SshHost] = {}
    for name, file, line in _names(path, home, _MAX_DEPTH, [0]):
        if len(hosts) >= _MAX_HOSTS:
            break
        hosts.setdefault(name, SshHost(SshTarget(name), origin=f"{file}:{line}"))
    return tuple(hosts.values())


def _names(path: Path, home: Path, depth: int, read: list[int]) -> Iterator[tuple[str, Path, int]]:
    read[0] += 1
    for number, line in enumerate(
        read_regular(path, _MAX_FILE_BYTES).decode(errors="replace").splitlines(), 1
    ):
        keyword, *words = _words(line)
        if keyword == "host":
            for name in words:
                if not _PATTERN & set(name) and is_host_name(name):
                    yield name, path, number
        elif keyword == "include" and depth:
            for file in (file for word in words for file in _included(word, home)):
                if read[0] < _MAX_FILES:
                    yield from _included_names(file, home, depth - 1, read)


def _included_names(
    path: Path, home: Path, depth: int, read: list[int]
) -> Iterator[tuple[str, Path, int]]:
    try:
        yield from _names(path, home, depth, read)
    except OSError:
        return


def _words(line: str) -> list[str]:
    """The keyword in small letters, and its arguments; `Host=web1` is one, too."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return [""]
    if not words:
        return [""]
    keyword, equals, first = words[0].partition("=")
    rest = [first, *words[1:]] if equals else words[1:]
    return [keyword.lower(), *(word for word in rest if word not in ("", "="))]


def _included(word: str, home: Path) -> Iterator[Path]:
    own = word == "~" or word.startswith("~/")
    # An absolute one stays what it is.
    pattern = home / word[2:] if own else home / ".ssh" / word
    names = glob.glob(str(pattern))  # noqa: PTH207 - a pattern of whole paths
    yield from (Path(name) for name in sorted(names)[:_MAX_FILES])
