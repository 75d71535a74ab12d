"""Where the paths of settings lead: from `~`, from the XDG directories, from whatever names them.

What depends on the working directory without anybody having said so is left out: a relative HOME or
XDG directory counts as none, as the XDG Base Directory Specification 0.8 has it.
"""

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

from opsmcp_server.config.environment import environment_name
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.groups.state import State
from opsmcp_server.config.schema import RawSetting

__all__ = ["absolute", "own_file", "state_place"]


def absolute(text: str, item: RawSetting, environ: Mapping[str, str]) -> Path:
    """The path that `text` means where `item` stands.

    Raises:
        ConfigError: It begins with `~`, and this user has no home directory.
    """
    path = Path(text)
    if path.parts[:1] == ("~",):
        home = _home(environ)
        if home is None:
            raise ConfigError(
                f"{item.key}: {text!r} needs HOME, which is not set ({item.origin});"
                f" give an absolute path, for example with {environment_name(item.key)}"
            )
        path = home.joinpath(*path.parts[1:])
    return item.base / path


def own_file(environ: Mapping[str, str]) -> Path | None:
    """Where the settings file of this person is, if there is one."""
    home = _home(environ)
    folder = _directory(environ, "XDG_CONFIG_HOME") or (home / ".config" if home else None)
    return folder / "opsmcp" / "opsmcp.yaml" if folder else None


def state_place(environ: Mapping[str, str], cwd: Path) -> RawSetting:
    """The state directory, as far as no setting says another."""
    home = _directory(environ, "XDG_STATE_HOME")
    if home is None:
        return RawSetting("state.dir", str(State.model_fields["dir"].default), "default", cwd)
    return RawSetting("state.dir", str(home / "opsmcp"), "environment XDG_STATE_HOME", cwd)


def _directory(environ: Mapping[str, str], name: str) -> Path | None:
    path = Path(environ.get(name, ""))
    return path if path.is_absolute() else None


def _home(environ: Mapping[str, str]) -> Path | None:
    home = _directory(environ, "HOME")
    if home is not None:
        return home
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return None
