"""From command line, environment and file to one frozen `Config`: the only reader of settings.

Command line over environment over file over default. Takes the environment as a mapping. Knows
nothing of what the settings do (`groups` describes them).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from opsmcp_server.config.bound_values import read_bound_value
from opsmcp_server.config.build import build
from opsmcp_server.config.effective import Config, field_of, setting_names
from opsmcp_server.config.environment import FILE_ONLY, read_environment
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.files.paths import absolute, state_place
from opsmcp_server.config.files.settings_file import (
    Choice,
    SettingsFile,
    choose_file,
    parse_settings,
)
from opsmcp_server.config.schema import LeadsTo, RawSetting
from opsmcp_server.config.sections import complete, read_people, read_people_ids, read_sections

__all__ = ["load", "settings_of", "state_dir"]

_NAMED = ("bind.", "people.", "responders", "schedules")
"""Groups whose settings have names that somebody chose."""

_PATHS: tuple[object, ...] = (Path, Path | None, tuple[Path, ...])
"""The types of settings that are paths."""


def load(
    environ: Mapping[str, str],
    *,
    cwd: Path,
    flags: Mapping[str, object] | None = None,
    file: Path | None = None,
    options: Sequence[str] = (),
    people: bool = False,
    senders: bool = False,
    channels: bool = False,
) -> Config:
    """The effective settings.

    Args:
        environ: The environment. An empty variable counts as not given.
        cwd: What relative paths of the command line and the environment count from.
        flags: Settings of the command line by name; None and `()` count as not given.
        file: The file of `--config`.
        options: How `flags` and `file` are written on a command line.
        people: Whether the tokens of people are read; only the pages need them.
        senders: Whether the secrets of senders are read; only what receives or sends signals needs
            them.
        channels: Whether the addresses and secrets of channels are read; only what sends messages
            needs them.

    Raises:
        ConfigError: Names each bad setting and where it came from.
    """
    choice = choose_file(environ, cwd, file, setting_names())
    in_file = parse_settings(choice.file, setting_names()) if choice.file else []
    if choice.digests is not None:
        _refuse_own(in_file)
    raw = _given(environ, cwd, in_file) | _from_flags(flags or {}, cwd)
    resolved = _resolve(raw, environ, senders=senders, channels=channels)
    bind = [item for key, item in raw.items() if key.startswith("bind.")]
    bound = {item.key: read_bound_value(item, environ) for item in bind}
    resolved |= {item.key: replace(item, value=bound[item.key].text) for item in bind}
    constants = {key.partition(".")[2] for key, value in bound.items() if not value.secret}
    people_given = {key: item for key, item in raw.items() if key.startswith("people.")}
    config = build(
        resolved | people_given,
        people=read_people(raw, environ if people else None),
        people_ids=read_people_ids(raw),
        constants=frozenset(constants),
        options=tuple(options),
        settings_files=choice.uses,
        manifest_digests=_digests(choice, raw, in_file),
    )
    return complete(config, raw)


def state_dir(environ: Mapping[str, str], *, cwd: Path) -> Path:
    """The state directory of a command without options. No other setting is looked at.

    Raises:
        ConfigError: The settings cannot be read.
    """
    choice = choose_file(environ, cwd, None, setting_names())
    in_file = parse_settings(choice.file, setting_names()) if choice.file else []
    item = _given(environ, cwd, in_file)["state.dir"]
    return absolute(str(item.value), item, environ)


def _given(
    environ: Mapping[str, str], cwd: Path, in_file: Sequence[RawSetting]
) -> dict[str, RawSetting]:
    """What default, file and environment say, each over the one before."""
    return {
        "state.dir": state_place(environ, cwd),
        **{item.key: _as_list(item) for item in in_file},
        **read_environment(environ, cwd, setting_names(), _split),
    }


def settings_of(file: SettingsFile, environ: Mapping[str, str]) -> tuple[list[RawSetting], Config]:
    """What a file alone says: as it stands there, and checked, but for the values of `bind`.

    Nothing is run or read for those.

    Raises:
        ConfigError: Names each bad setting and where it came from.
    """
    raw = [_as_list(item) for item in parse_settings(file, setting_names())]
    known = {item.key: item for item in raw}
    return raw, build(_resolve(known, environ), people=read_people(known, None))


def _resolve(
    raw: Mapping[str, RawSetting],
    environ: Mapping[str, str],
    *,
    senders: bool = False,
    channels: bool = False,
) -> dict[str, RawSetting]:
    """All but `bind` and `people`, with paths, rules, senders and so on in place of their texts."""
    values = {key: item for key, item in raw.items() if not key.startswith(_NAMED)}
    resolved = {key: _resolve_paths(item, environ) for key, item in values.items()}
    return resolved | read_sections(resolved, environ, senders=senders, channels=channels)


def _digests(
    choice: Choice, raw: Mapping[str, RawSetting], in_file: Collection[RawSetting]
) -> Mapping[str, str] | None:
    """What is known of the manifests, if it is the trusted file that names them."""
    item = raw.get("embedded.manifests")
    named = item is not None and any(item.origin == one.origin for one in in_file)
    return choice.digests if named else None


_INSTEAD: Mapping[str, str] = {
    "audit": "name the file with --config, or set it in your own settings file",
    "auth": "name the file with --config, or set it in your own settings file",
    "hosts": "give --hosts, or set it in your own settings file",
    "events": "name the file with --config, or set it in your own settings file",
    "responders": "name the file with --config, or set it in your own settings file",
    "schedules": "name the file with --config, or set it in your own settings file",
}
"""Groups that are the person's own affair, and what to do instead: what is reached, who gets in."""


def _refuse_own(in_file: Collection[RawSetting]) -> None:
    """A directory's file says nothing of what is the person's own affair."""
    for item in in_file:
        group = item.key.partition(".")[0]
        if group in _INSTEAD:
            raise ConfigError(
                f"{item.key}: not in the opsmcp.yaml of a directory; {_INSTEAD[group]}"
                f" ({item.origin})"
            )


# What somebody gave for a setting, in the form that the setting has: lists, and whole paths.


def _as_list(item: RawSetting) -> RawSetting:
    """A list of which only one is given may stand there as a text, as in the environment."""
    if item.key in setting_names() and item.key not in FILE_ONLY and isinstance(item.value, str):
        return replace(item, value=_split(item.key, item.value))
    return item


def _split(key: str, value: str) -> object:
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


def _from_flags(flags: Mapping[str, object], cwd: Path) -> dict[str, RawSetting]:
    """The settings that the command line gives."""
    return {
        key: RawSetting(key, _split(key, value) if isinstance(value, str) else value, origin, cwd)
        for origin, key, value in (("command line", *item) for item in flags.items())
        if value is not None and value != ()
    }


def _resolve_paths(item: RawSetting, environ: Mapping[str, str]) -> RawSetting:
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
