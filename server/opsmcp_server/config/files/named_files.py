"""The files that come with a settings file, because it names them: what they hold is trusted too.

They are the manifests, wherever they lie, because their scripts run here; and what `bind` or
`people` reads or runs, where it is named by a relative path or lies below the settings file. What
is named by an absolute path elsewhere belongs to this machine, and changes for reasons of its own,
as a password does. What a program reads beside that cannot be known.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import cast

from opsmcp_pipelines.untyped import mapping_of
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.files.paths import absolute
from opsmcp_server.config.files.safe_reading import UnsafeFile, digest_of
from opsmcp_server.config.schema import RawSetting

__all__ = ["digests_of", "manifests_in", "texts_of"]

_MOST_FILES = 2000
_ENDINGS = frozenset({".yaml", ".yml"})


def digests_of(settings: Iterable[RawSetting], environ: Mapping[str, str]) -> dict[str, str]:
    """The SHA-256 of each of these files, by its path. One that is not there is left out.

    Raises:
        ConfigError: There are too many, or one may not count; says which and why.
    """
    found: dict[str, str] = {}
    for item in settings:
        for path in _named_by(item, environ):
            if len(found) >= _MOST_FILES:
                raise ConfigError(f"{item.key}: it names more than {_MOST_FILES:,} files")
            try:
                found[str(path)] = digest_of(path)
            except FileNotFoundError:
                continue
            except UnsafeFile as error:
                raise ConfigError(f"{path} {error} ({item.key})") from error
    return found


def _named_by(item: RawSetting, environ: Mapping[str, str]) -> Iterator[Path]:
    if item.key == "embedded.manifests":
        for text in texts_of(item.value):
            yield from manifests_in(absolute(text, item, environ))
    if item.key.startswith(("bind.", "people.")):
        value = mapping_of(item.value)
        raw = value if item.key.startswith("bind.") else mapping_of(value.get("token"))
        yield from _coming_along(raw.get("file"), item, environ)
        words = _coming_along(raw.get("command"), item, environ)
        yield from (path for path in words if _is_file(path))


def _coming_along(value: object, item: RawSetting, environ: Mapping[str, str]) -> Iterator[Path]:
    for text in texts_of(value):
        path = absolute(text, item, environ)
        relative = not Path(text).is_absolute() and not text.startswith("~")
        if relative or path.is_relative_to(item.base):
            yield path


def _is_file(path: Path) -> bool:
    """Whether it is one; a word of a command can be far too long for a name."""
    try:
        return path.is_file()
    except OSError:
        return False


def texts_of(value: object) -> list[str]:
    """The texts of one text, or of a list of texts; none of anything else."""
    found = cast("list[object]", value if isinstance(value, list) else [value])
    return [text for text in found if isinstance(text, str) and "\0" not in text]


def manifests_in(directory: Path) -> Iterator[Path]:
    """The manifest files of a directory at any depth, in order, as the embedded engine finds them.

    Raises:
        ConfigError: It cannot be searched.
    """
    for folder, inner, names in os.walk(directory, onerror=_refuse):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder, name)
            if not name.startswith(".") and path.suffix in _ENDINGS and _is_file(path):
                yield path


def _refuse(error: OSError) -> None:
    raise ConfigError(f"embedded.manifests: {error.filename!r}: {error.strerror}") from error
