"""Asks `ansible-inventory` for an inventory: files, directories, programs and plugins alike.

It is the person's own Ansible, and runs what an inventory runs. So it has a time, what it prints
has a bound, and it is ended with all that it started. What it says of a failure is not shown: it
quotes lines of the inventory, which may hold secrets.
"""

import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE

import anyio
from anyio.abc import Process

from opsmcp_pipelines.ssh.ansible_hosts import NotAnInventory, parse_inventory
from opsmcp_pipelines.ssh.host_fields import HostFile
from opsmcp_pipelines.ssh.target import ssh_environment

__all__ = ["AnsibleFailed", "ask_ansible"]

_SECONDS = 30.0
_MOST_BYTES = 16 * 1024 * 1024
_NEVER_HALF = {
    "ANSIBLE_INVENTORY_UNPARSED_FAILED": "true",
    "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
}
"""An inventory that it cannot read is an error, and not an empty one."""


class AnsibleFailed(Exception):
    """An inventory was not read; the message says why, without the path."""


async def ask_ansible(
    path: Path, environ: Mapping[str, str], seconds: float = _SECONDS
) -> HostFile:
    """The hosts of an inventory.

    Args:
        path: A file or a directory.
        environ: The environment of the process; what `ssh` may see of it is passed on, and the
            settings of Ansible.
        seconds: How long that may take.

    Raises:
        AnsibleFailed: It could not be read in time.
    """
    if "," in str(path):
        raise AnsibleFailed("Ansible takes a path with a comma for a list of hosts")
    own = {name: value for name, value in environ.items() if name.startswith("ANSIBLE_")}
    # Ansible wants a locale of UTF-8.
    seen = {**ssh_environment(environ), **own, **_NEVER_HALF, "LC_ALL": "C.UTF-8"}
    command = ("ansible-inventory", "-i", str(path), "--list")
    try:
        process = await anyio.open_process(
            command, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, env=seen, start_new_session=True
        )
    except OSError:
        raise AnsibleFailed(
            "it holds no Hosts (kind: Host), so it is an inventory of Ansible, and "
            "`ansible-inventory` is not installed here"
        ) from None
    return parse(await _read(process, seconds), path)


def parse(answer: bytes, path: Path) -> HostFile:
    """What it printed, read."""
    try:
        return parse_inventory(answer, str(path))
    except NotAnInventory:
        raise AnsibleFailed(
            "`ansible-inventory` printed something else than an inventory"
        ) from None


async def _read(process: Process, seconds: float) -> bytes:
    answer, over = bytearray(), False
    try:
        with anyio.fail_after(seconds):
            await _collect(process, answer)
            over = await process.wait() == 0
    except TimeoutError:
        raise AnsibleFailed(f"`ansible-inventory` was not over after {seconds:g} s") from None
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with anyio.CancelScope(shield=True):
            await process.aclose()
    if not over:
        raise AnsibleFailed(
            "`ansible-inventory` could not read it (and it holds no `kind: Host`); "
            "`ansible-inventory -i FILE --list` says why"
        )
    return bytes(answer)


async def _collect(process: Process, answer: bytearray) -> None:
    if process.stdout is None:
        return
    async for chunk in process.stdout:
        answer += chunk
        if len(answer) > _MOST_BYTES:
            raise AnsibleFailed(f"`ansible-inventory` printed more than {_MOST_BYTES} bytes")
