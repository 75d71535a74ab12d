"""What somebody gave for a setting, in the form that the setting has: lists, and whole paths."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from opsmcp_server.config.effective import field_of, setting_names
from opsmcp_server.config.environment import FILE_ONLY
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.files.paths import absolute
from opsmcp_server.config.schema import LeadsTo, RawSetting

__all__ = ["as_list", "from_flags", "resolve_paths", "split"]

_PATHS: tuple[object, ...] = (Path, Path | None, tuple[Path, ...])
"""The types of settings that are paths."""


def as_list(item: RawSetting) -> RawSetting:
    """A list of which only one is given may stand there as a text, as in the environment."""
    if item.key in setting_names() and item.key not in FILE_ONLY and isinstance(item.value, str):
        return replace(item, value=split(item.key, item.value))
    return item


def split(key: str, value: str) -> object:
    """The items of a text, separated by commas, where the setting is a list; else the text."""
    if not _is_list(key):
        return value
    return [part for part in (part.strip() for part in value.split(",")) if part]


def _is_list(key: str) -> bool:
    return isinstance(field_of(key).default, tuple)


def _leads_to(key: str) -> LeadsTo | None:
    """What a setting leads to; None if it is no path."""
    field = field_of(key)
    said = next((part for part in field.metadata if isinstance(part, LeadsTo)), None)
    return said or (LeadsTo() if field.annotation in _PATHS else None)


def from_flags(flags: Mapping[str, object], cwd: Path) -> dict[str, RawSetting]:
    """The settings that the command line gives."""
    return {
        key: RawSetting(key, split(key, value) if isinstance(value, str) else value, origin, cwd)
        for origin, key, value in (("command line", *item) for item in flags.items())
        if value is not None and value != ()
    }


def resolve_paths(item: RawSetting, environ: Mapping[str, str]) -> RawSetting:
    """A setting that is a path, or several, with whole ones in place of their texts.

    Raises:
        ConfigError: What one has to lead to is not there.
    """
    leads = _leads_to(item.key)
    if leads is None:
        return item
    value = item.value
    if isinstance(value, str):
        if value in leads.words:
            return item
        path = _resolve_path(value, leads, item, environ)
        return replace(item, value=str(path) if leads.words else path)
    if not isinstance(value, list | tuple):
        return item  # refused with the other bad values
    parts = cast("Sequence[object]", value)
    paths = [_resolve_path(str(part), leads, item, environ) for part in parts]
    return replace(item, value=paths)


def _resolve_path(text: str, leads: LeadsTo, item: RawSetting, environ: Mapping[str, str]) -> Path:
    path = absolute(text, item, environ)
    if leads.is_there is not None and not leads.is_there(path):
        raise ConfigError(f"{item.key}: {str(path)!r} is {leads.missing} ({item.origin})")
    return path
