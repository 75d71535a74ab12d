"""What ssh makes of a host: the answer of `ssh -G`, which makes no connection."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from subprocess import PIPE
from types import MappingProxyType

import anyio

from opsmcp_pipelines.ssh.target import SshTarget

__all__ = ["Explanation", "Explanations", "explain"]

_SECONDS = 10.0
_MOST_BYTES = 256 * 1024
_SHOWN = ("hostname", "user", "port", "proxyjump", "identityfile", "stricthostkeychecking")
_GOOD_SECONDS = 60.0
"""How long an answer counts: what it decides is only how logins are spread and shared."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What ssh makes of a host.

    `settings` are those that matter to people, several values of one joined by commas; `digest` is
    that of all of them, empty if ssh is silent. `shares` says that the person's own configuration
    says something about connections that are shared.
    """

    settings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    digest: str = ""
    shares: bool = False


class Explanations:
    """What ssh makes of hosts, each asked for once a minute at most."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Ask nothing yet; `environ` is what ssh may see of the environment."""
        self._environ = environ
        self._known: dict[SshTarget, tuple[float, Explanation]] = {}

    async def of(self, target: SshTarget) -> Explanation:
        """What is known of a host; nothing where there is no ssh, as whoever connects will say."""
        asked_at, found = self._known.get(target, (0.0, None))
        if found is not None and anyio.current_time() - asked_at < _GOOD_SECONDS:
            return found
        try:
            found = await explain(target, self._environ)
        except OSError:
            found = Explanation()
        self._known[target] = anyio.current_time(), found
        return found


async def explain(target: SshTarget, environ: Mapping[str, str]) -> Explanation:
    """Ask ssh.

    Args:
        target: The host.
        environ: What ssh may see of the environment.

    Raises:
        OSError: There is no ssh here.
    """
    command = ("ssh", "-G", *target.options, "--", target.name)
    answer = b""
    with anyio.move_on_after(_SECONDS):
        done = await anyio.run_process(command, stdin=None, stderr=PIPE, check=False, env=environ)
        answer = done.stdout[:_MOST_BYTES]
    return _read(answer, target.name) if answer else Explanation()


def _read(answer: bytes, name: str) -> Explanation:
    found: dict[str, list[str]] = {}
    for line in answer.decode(errors="replace").splitlines():
        key, _, value = line.partition(" ")
        if value:
            found.setdefault(key, []).append(value)
    shown = {key: ", ".join(found[key]) for key in _SHOWN if key in found}
    shares = "controlpath" in found or found.get("controlmaster", ["false"]) != ["false"]
    # With the name: ssh before 9.2 leaves it out of its answer.
    digest = hashlib.sha256(name.encode() + b"\n" + answer).hexdigest()
    return Explanation(MappingProxyType(shown), digest, shares)
