"""Which settings file counts, and what it held when it was read.

One counts because somebody vouched for it: it was named, it was trusted, or it is this person's
own. Where it lies is no reason: clients start opsmcp in whatever directory somebody opened.
"""

import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from opsmcp_server.config.environment import CONFIG_VARIABLE
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.files.paths import own_file
from opsmcp_server.config.files.safe_reading import UnsafeFile, read_safely, sha256
from opsmcp_server.config.schema import RawSetting

__all__ = [
    "FILE_NAME",
    "Choice",
    "FileUse",
    "SettingsFile",
    "choose_file",
    "parse_settings",
    "read_found",
]

FILE_NAME = "opsmcp.yaml"

_MOST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """A settings file as it was read. `label` is what people call it, for origins."""

    path: Path
    label: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class FileUse:
    """A settings file that is there: whether it counts, why, and how it would."""

    path: Path
    used: bool
    why: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """The settings file that counts, if there is one, and what is to be said of those seen.

    `digests` are those of the files that come with a trusted one: no others of them may be used.
    """

    file: SettingsFile | None = None
    uses: tuple[FileUse, ...] = ()
    digests: Mapping[str, str] | None = None


def choose_file(
    environ: Mapping[str, str], cwd: Path, raw: Path | None, settings: Collection[str]
) -> Choice:
    """The one that is named; else that of the working directory, if trusted; else the own one.

    Raises:
        ConfigError: The named one or the own one cannot be used.
    """
    if raw is not None:
        return _named(cwd, raw, "given with --config")
    if environ.get(CONFIG_VARIABLE):
        return _named(cwd, Path(environ[CONFIG_VARIABLE]), f"given with {CONFIG_VARIABLE}")
    own, found = own_file(environ), cwd / FILE_NAME
    seen = Choice() if _is_same(found, own) else _found(found, environ, settings)
    if seen.file is not None or own is None:
        return seen
    file = _read_own(own)
    if file is None:
        return seen
    return Choice(file, (*seen.uses, FileUse(own, used=True, why="your own")))


def _is_same(found: Path, own: Path | None) -> bool:
    """Whether both are one file, or would be, by whatever path each is named."""
    try:
        return own is not None and (found == own or found.samefile(own))
    except OSError:
        return False


def read_found(path: Path) -> SettingsFile:
    """A file that lies in some directory.

    Raises:
        FileNotFoundError: There is none.
        UnsafeFile: It may not count, whatever it holds.
    """
    return SettingsFile(path, FILE_NAME, read_safely(path, _MOST_BYTES))


def parse_settings(file: SettingsFile, settings: Collection[str]) -> list[RawSetting]:
    """What the file says.

    Raises:
        ConfigError: It holds an unknown or a repeated key, or is no YAML.
    """
    if len(file.data) > _MOST_BYTES:
        raise ConfigError(f"file {file.label}: it is larger than 1 MiB")
    try:
        text = file.data.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"file {file.label}: it is not UTF-8 text") from error
    # YAML costs a start a few milliseconds, and most starts have no file.
    from opsmcp_server.config.files.yaml_file import read_yaml

    return list(read_yaml(text, file.label, file.path.parent, settings))


def _named(cwd: Path, name: Path, why: str) -> Choice:
    path, label = cwd / name, str(name)
    try:
        with path.open("rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise ConfigError(f"file {label}: there is no such file") from error
    except OSError as error:
        raise ConfigError(f"file {label}: it cannot be read: {error.strerror}") from error
    return Choice(SettingsFile(path, label, data), (FileUse(path, used=True, why=why),))


def _read_own(path: Path) -> SettingsFile | None:
    try:
        return SettingsFile(path, str(path), read_safely(path, _MOST_BYTES))
    except FileNotFoundError:
        return None
    except UnsafeFile as error:
        raise ConfigError(f"file {path}: it {error}; to use another one, give --config") from error


def _found(path: Path, environ: Mapping[str, str], settings: Collection[str]) -> Choice:
    """Whatever is wrong with a file that was only found, it is passed over, and that is said."""
    try:
        file = read_found(path)
        choice = _trusted(file, environ, settings)
    except FileNotFoundError:
        return Choice()
    except (UnsafeFile, ConfigError) as error:
        why = f"it {error}" if isinstance(error, UnsafeFile) else str(error)
        remedy = "to use it, name it with --config"
        return Choice(uses=(FileUse(path, used=False, why=why, remedy=remedy),))
    if isinstance(choice, Choice):
        return choice
    command = shlex.join(["opsmcp", "trust", str(path)])
    remedy = f"{command} shows what it would bring, and trusts it"
    return Choice(uses=(FileUse(path, used=False, why=choice, remedy=remedy),))


def _trusted(
    file: SettingsFile, environ: Mapping[str, str], settings: Collection[str]
) -> Choice | str:
    """The choice of a file that was trusted as it is; of any other, why it does not count."""
    from opsmcp_server.config.files.named_files import digests_of
    from opsmcp_server.config.files.trust import Trusted, open_trust

    known = open_trust(environ).read().get(str(file.path))
    if known is None:
        return "it was never trusted"
    if known.digest != sha256(file.data):
        return "it changed since it was trusted"
    named = digests_of(parse_settings(file, settings), environ)
    now = Trusted(sha256(file.data), named, known.at)
    different = next(known.differences(now), None)
    if different is not None:
        return f"{different} since it was trusted"
    return Choice(file, (FileUse(file.path, used=True, why=f"trusted at {known.at}"),), named)
