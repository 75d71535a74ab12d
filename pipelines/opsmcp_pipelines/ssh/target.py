"""How a host is called: the command line of ssh, in which nothing but its name is not constant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from opsmcp_pipelines.ssh.bootstrap import COMMAND, COMMAND_AS_ROOT
from opsmcp_pipelines.ssh.file_frame import FILE_COMMAND, FILE_COMMAND_AS_ROOT

__all__ = ["SshTarget", "file_command", "ssh_command", "ssh_environment"]

# What would ask somebody, forward something, or wait for ever. Which host keys are accepted, and
# where they stand, is the person's configuration alone.
_OPTIONS: Sequence[str] = (
    "-T",
    "-oBatchMode=yes",
    # With less it does not say why nothing was started.
    "-oLogLevel=INFO",
    "-oConnectTimeout=10",
    "-oConnectionAttempts=1",
    "-oServerAliveInterval=5",
    "-oServerAliveCountMax=3",
    "-oClearAllForwardings=yes",
    "-oForwardAgent=no",
    "-oForwardX11=no",
    "-oPermitLocalCommand=no",
    "-oEscapeChar=none",
    "-oRequestTTY=no",
    "-oStdinNull=no",
    "-oForkAfterAuthentication=no",
    "-oSessionType=default",
    "-oRemoteCommand=none",
)
_PASSED_ON = frozenset({"HOME", "LANG", "LOGNAME", "PATH", "TMPDIR", "USER", "SSH_AUTH_SOCK"})
_PREFIXES = ("KRB5", "SSH_", "XDG_", "GPG_")


@dataclass(frozen=True, slots=True)
class SshTarget:
    """A host as ssh knows it, and what an inventory says of it beyond that.

    Empty strings and a port of 0 leave it to the person's configuration. `config` is a file of
    configuration to use in place of the usual ones.
    """

    name: str
    address: str = ""
    port: int = 0
    user: str = ""
    key_file: str = ""
    config: str = ""

    @property
    def options(self) -> tuple[str, ...]:
        """The options of ssh that say so."""
        given = (
            # ssh expands percent signs, and an address of IPv6 may have one before its zone.
            ("HostName", self.address.replace("%", "%%")),
            ("Port", str(self.port or "")),
            ("User", self.user),
            ("IdentityFile", self.key_file),
        )
        file = ("-F", self.config) if self.config else ()
        return (*file, *(f"-o{name}={value}" for name, value in given if value))


def ssh_command(
    target: SshTarget, *, as_root: bool = False, more: Sequence[str] = ()
) -> tuple[str, ...]:
    """What runs a script on the host; `more` are options of ours."""
    return _command(target, COMMAND_AS_ROOT if as_root else COMMAND, more)


def file_command(
    target: SshTarget, *, as_root: bool = False, more: Sequence[str] = ()
) -> tuple[str, ...]:
    """What moves a file to the host, or from it; `more` are options of ours."""
    return _command(target, FILE_COMMAND_AS_ROOT if as_root else FILE_COMMAND, more)


def _command(target: SshTarget, command: str, more: Sequence[str]) -> tuple[str, ...]:
    return ("ssh", *_OPTIONS, *more, *target.options, "--", target.name, command)


def ssh_environment(environ: Mapping[str, str]) -> Mapping[str, str]:
    """What ssh may see of the environment; its messages are in English then, and it never asks."""
    passed = {
        name: value
        for name, value in environ.items()
        if name in _PASSED_ON or name.startswith(_PREFIXES)
    }
    return {**passed, "LC_ALL": "C", "SSH_ASKPASS_REQUIRE": "never"}
