"""What ssh makes of a host: the answer of `ssh -G`, which makes no connection."""

from collections.abc import Mapping
from subprocess import PIPE
from types import MappingProxyType

import anyio

from opsmcp_pipelines.ssh.target import SshTarget

__all__ = ["explain"]

_SECONDS = 10.0
_MOST_BYTES = 256 * 1024
_SHOWN = ("hostname", "user", "port", "proxyjump", "identityfile", "stricthostkeychecking")


async def explain(target: SshTarget, environ: Mapping[str, str]) -> Mapping[str, str]:
    """The settings that matter, several values of one joined by commas; nothing if ssh is silent.

    Args:
        target: The host.
        environ: What ssh may see of the environment.

    Raises:
        OSError: There is no ssh here.
    """
    command = ("ssh", "-G", *target.options, "--", target.name)
    text = b""
    with anyio.move_on_after(_SECONDS):
        done = await anyio.run_process(command, stdin=None, stderr=PIPE, check=False, env=environ)
        text = done.stdout[:_MOST_BYTES]
    found: dict[str, list[str]] = {}
    for line in text.decode(errors="replace").splitlines():
        key, _, value = line.partition(" ")
        if key in _SHOWN and value:
            found.setdefault(key, []).append(value)
    return MappingProxyType({key: ", ".join(found[key]) for key in _SHOWN if key in found})
