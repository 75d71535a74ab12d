"""From command line, environment and file to one frozen `Config`: the only reader of settings.

Command line over environment over file over default. Takes the environment as a mapping. Knows
nothing of what the settings do (`schema` describes them).
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from opsmcp_server.config import schema as settings
from opsmcp_server.config.bound_values import read_bound_value
from opsmcp_server.config.environment import FILE_ONLY, read_environment
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.groups.audit import Audit
from opsmcp_server.config.paths import absolute, state_place
from opsmcp_server.config.schema import LeadsTo, RawSetting
from opsmcp_server.config.settings_file import (
    Choice,
    FileUse,
    SettingsFile,
    choose_file,
    parse_settings,
)
from opsmcp_tools.arguments.bound_variables import PRINCIPAL
from opsmcp_tools.policy.rules import Effect
from opsmcp_tools.safe_text.characters import quote

__all__ = ["Config", "Entry", "load", "setting_names", "settings_of", "state_dir"]

_NAMED = ("bind.", "people.", "responders", "schedules")
"""Groups whose settings have names that somebody chose."""

_PATHS: tuple[object, ...] = (Path, Path | None, tuple[Path, ...])
"""The types of settings that are paths."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of `opsmcp config`: a setting, its value for people, and where it came from."""

    setting: str
    value: str
    origin: str


class Config(BaseModel):
    """The effective settings, one frozen group per concern."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True
    )

    ops: settings.Ops = Field(default_factory=settings.Ops)
    embedded: settings.Embedded = Field(default_factory=settings.Embedded)
    hosts: settings.Hosts = Field(default_factory=settings.Hosts)
    files: settings.Files = Field(default_factory=settings.Files)
    discovery: settings.Discovery = Field(default_factory=settings.Discovery)
    expose: settings.Expose = Field(default_factory=settings.Expose)
    tools: settings.Tools = Field(default_factory=settings.Tools)
    run: settings.Run = Field(default_factory=settings.Run)
    server: settings.Server = Field(default_factory=settings.Server)
    auth: settings.Auth = Field(default_factory=settings.Auth)
    limits: settings.Limits = Field(default_factory=settings.Limits)
    state: settings.State = Field(default_factory=settings.State)
    audit: Audit = Field(default_factory=Audit)
    values: settings.Values = Field(default_factory=settings.Values)
    policy: settings.Policy = Field(default_factory=settings.Policy)
    consent: settings.Consent = Field(default_factory=settings.Consent)
    requests: settings.Requests = Field(default_factory=settings.Requests)
    events: settings.Events = Field(default_factory=settings.Events)
    result: settings.Result = Field(default_factory=settings.Result)
    openai: settings.OpenAI = Field(default_factory=settings.OpenAI)
    copilot: settings.Copilot = Field(default_factory=settings.Copilot)
    bind: dict[str, SecretStr] = Field(default_factory=dict)
    """Values of bound variables by the variable's name."""
    constants: frozenset[str] = frozenset()
    """The names in `bind` whose values are no secrets."""
    people: dict[str, SecretStr] = Field(default_factory=dict)
    """The people who may sign in to the pages, with their tokens; empty ones where nobody asked for
    the tokens."""
    people_ids: dict[str, str] = Field(default_factory=dict)
    """The ids of those people who have another login."""
    responders: tuple[Any, ...] = ()
    """What is done about signals, in order: each a `Responder`."""
    schedules: tuple[Any, ...] = ()
    """The inspections that are run again and again: each a `Schedule`."""
    origins: dict[str, str] = Field(default_factory=dict, repr=False)
    """Setting to where its value came from; settings left at their default are absent."""
    options: tuple[str, ...] = ()
    """The options that a command which is suggested needs, to mean the same source and settings."""
    settings_files: tuple[FileUse, ...] = ()
    """The settings files that are there: which one counts, and which do not."""
    manifest_digests: Mapping[str, str] | None = Field(default=None, repr=False)
    """The SHA-256 of each manifest that may be used, by path; None where all may."""

    def has(self, setting: str) -> bool:
        """Whether a setting has a value that is not empty."""
        group, _, field = setting.partition(".")
        return bool(getattr(getattr(self, group), field))

    @property
    def audit_dir(self) -> Path:
        """Where the audit trail is."""
        return self.audit.dir or self.state.dir / "audit"

    @property
    def audit_key(self) -> Path:
        """The file of the key that signs it."""
        return self.audit.key_file or self.state.dir / "audit.key"

    def bound_values(self) -> dict[str, str]:
        """The values of bound variables, readable. For the engine, never for people."""
        return {name: value.get_secret_value() for name, value in self.bind.items()}

    def secret_values(self) -> frozenset[str]:
        """Every value that nobody may be shown, readable. For the masker."""
        kept = (
            self.ops.token,
            self.server.token,
            self.openai.key,
            self.copilot.token,
            self.state.key,
        )
        senders = self.events.senders.values()
        proofs = (secret for sender in senders for secret in (sender.token, sender.secret))
        found = {secret.get_secret_value() for secret in (*kept, *self.people.values(), *proofs)}
        found = found.union(*(one.secrets() for one in self.events.channels.values()))
        found |= {text for name, text in self.bound_values().items() if name not in self.constants}
        variables = (said.variables for said in self.tools.overrides.values())
        bound = (item.bound for items in variables for item in items.values())
        found |= {secret.get_secret_value() for secret in bound if secret is not None}
        return frozenset(found) - {"", PRINCIPAL}

    def entries(self) -> Iterator[Entry]:
        """Every setting in the order of the documentation, secrets hidden."""
        for name in setting_names():
            group, _, field = name.partition(".")
            value: object = getattr(getattr(self, group), field)
            yield Entry(name, _for_people(value), self.origins.get(name, "default"))
        for name, value in self.bind.items():
            key = f"bind.{name}"
            yield Entry(key, _for_people(value), self.origins.get(key, "default"))
        for name in self.people:
            key = f"people.{name}"
            yield Entry(key, "(hidden)", self.origins.get(key, "default"))
        for one in self.responders:
            shown = f"{one.mode} {one.run}".strip()
            yield Entry(f"responders.{one.name}", shown, one.where)
        for one in self.schedules:
            yield Entry(f"schedules.{one.name}", f"{one.moments} {one.run}", one.where)


def _for_people(value: object) -> str:
    if isinstance(value, SecretStr):
        return "(hidden)" if value else "(none)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in cast("tuple[object, ...]", value)) or "(none)"
    if isinstance(value, dict):
        return json.dumps(value, default=_as_data, ensure_ascii=False) if value else "(none)"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) or "(none)"


def _as_data(value: object) -> object:
    """A group within a mapping, without what is left out; secrets stay hidden."""
    return (
        value.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
        if isinstance(value, BaseModel)
        else str(value)
    )


@cache
def setting_names() -> tuple[str, ...]:
    """Every setting as `group.name`, in the order of the documentation; `bind` is none of them."""
    return tuple(
        f"{group}.{field}" for group, kind in _groups().items() for field in kind.model_fields
    )


def _groups() -> dict[str, type[BaseModel]]:
    return {
        name: field.annotation
        for name, field in Config.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }


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
    config = _build(
        resolved | people_given,
        people=_read_people(raw, environ if people else None),
        people_ids=_read_people_ids(raw),
        constants=frozenset(constants),
        options=tuple(options),
        settings_files=choice.uses,
        manifest_digests=_digests(choice, raw, in_file),
    )
    _check_people(config)
    _check_senders(config)
    config = _with_schedules(_with_approvers(config), raw.get("schedules"))
    return _with_responders(config, raw.get("responders"))


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
    return raw, _build(_resolve(known, environ), people=_read_people(known, None))


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
    read = _read_senders(resolved, environ if senders else None) | _read_issuers(resolved)
    read |= _read_channels(resolved, environ if channels else None)
    return resolved | _read_policy(resolved) | _read_quiet(resolved) | read


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


def _as_list(item: RawSetting) -> RawSetting:
    """A list of which only one is given may stand there as a text, as in the environment."""
    if item.key in setting_names() and item.key not in FILE_ONLY and isinstance(item.value, str):
        return replace(item, value=_split(item.key, item.value))
    return item


def _split(key: str, value: str) -> object:
    if not _is_list(key):
        return value
    return [part for part in (part.strip() for part in value.split(",")) if part]


def _is_list(key: str) -> bool:
    return isinstance(_field(key).default, tuple)


def _leads_to(key: str) -> LeadsTo | None:
    """What a setting leads to; None if it is no path."""
    field = _field(key)
    said = next((part for part in field.metadata if isinstance(part, LeadsTo)), None)
    return said or (LeadsTo() if field.annotation in _PATHS else None)


def _field(key: str) -> FieldInfo:
    group, _, field = key.partition(".")
    return _groups()[group].model_fields[field]


def _from_flags(flags: Mapping[str, object], cwd: Path) -> dict[str, RawSetting]:
    return {
        key: RawSetting(key, _split(key, value) if isinstance(value, str) else value, origin, cwd)
        for origin, key, value in (("command line", *item) for item in flags.items())
        if value is not None and value != ()
    }


def _resolve_paths(item: RawSetting, environ: Mapping[str, str]) -> RawSetting:
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


def _read_people(
    raw: Mapping[str, RawSetting], environ: Mapping[str, str] | None
) -> dict[str, SecretStr]:
    """The people of the settings; their tokens only with an environment to read them from."""
    items = [item for key, item in raw.items() if key.startswith("people.")]
    if not items:
        return {}
    from opsmcp_server.config.people import read_people

    return read_people(items, environ)


def _read_senders(
    raw: Mapping[str, RawSetting], environ: Mapping[str, str] | None
) -> dict[str, RawSetting]:
    """The senders of the settings; their secrets only with an environment to read them from."""
    item = raw.get("events.senders")
    if item is None:
        return {}
    from opsmcp_server.config.sender_settings import read_senders

    return {item.key: replace(item, value=read_senders(item, environ))}


def _read_channels(
    raw: Mapping[str, RawSetting], environ: Mapping[str, str] | None
) -> dict[str, RawSetting]:
    """The channels of the settings; where they are, only with an environment to read it from."""
    item = raw.get("events.channels")
    if item is None:
        return {}
    from opsmcp_server.config.channel_settings import read_channels

    return {item.key: replace(item, value=read_channels(item, environ))}


def _read_issuers(raw: Mapping[str, RawSetting]) -> dict[str, RawSetting]:
    item = raw.get("auth.oidc")
    if item is None:
        return {}
    from opsmcp_server.config.issuers import read_issuers

    return {item.key: replace(item, value=read_issuers(item))}


def _check_senders(config: Config) -> None:
    """Return if no sender has what clients have: then callers could send signals.

    Raises:
        ConfigError: One has.
    """
    shared = config.server.token.get_secret_value()
    for name, sender in config.events.senders.items():
        if shared and shared in (
            sender.token.get_secret_value(),
            sender.secret.get_secret_value(),
        ):
            where = sender.where.get("", "")
            raise ConfigError(
                f"events.senders.{name} has server.token, which all clients have ({where})"
            )


def _read_people_ids(raw: Mapping[str, RawSetting]) -> dict[str, str]:
    items = [item for key, item in raw.items() if key.startswith("people.")]
    if not items:
        return {}
    from opsmcp_server.config.people import read_ids

    return read_ids(items)


def _check_people(config: Config) -> None:
    """Return if nobody signs in with what clients have: then callers would decide on their calls.

    Raises:
        ConfigError: Somebody would.
    """
    shared = config.server.token.get_secret_value()
    for name, token in config.people.items():
        if shared and token.get_secret_value() == shared:
            raise ConfigError(f"people.{name}.token is server.token, which all clients have")


def _with_approvers(config: Config) -> Config:
    """The same, with rules that say who may approve, however that was said."""
    if all(rule.effect is not Effect.APPROVE for rule in config.policy.rules):
        return config
    from opsmcp_server.config.policy_rules import complete_approvers

    policy, origin = config.policy, config.origins["policy.rules"]
    rules = complete_approvers(policy.rules, policy.groups, config.requests, origin)
    return config.model_copy(update={"policy": policy.model_copy(update={"rules": rules})})


def _read_quiet(raw: Mapping[str, RawSetting]) -> dict[str, RawSetting]:
    """The times in which signals are recorded and not acted on."""
    item = raw.get("events.quiet")
    if item is None:
        return {}
    _require_expressions(item)
    from opsmcp_server.config.responder_settings import read_quiet

    return {item.key: replace(item, value=read_quiet(item))}


def _with_responders(config: Config, item: RawSetting | None) -> Config:
    """The same, with what is done about signals."""
    if item is None:
        return config
    _require_expressions(item)
    from opsmcp_server.config.responder_settings import read_responders

    return config.model_copy(update={"responders": read_responders(item, config)})


def _with_schedules(config: Config, item: RawSetting | None) -> Config:
    """The same, with the inspections that are run again and again."""
    if item is None:
        return config
    _require_expressions(item, "cronsim")
    from opsmcp_server.config.schedule_settings import read_schedules

    return config.model_copy(update={"schedules": read_schedules(item)})


def _require_expressions(item: RawSetting, *more: str) -> None:
    """Return if expressions can be understood, and these packages are there.

    Raises:
        ConfigError: A package for that is not installed.
    """
    if any(find_spec(name) is None for name in ("cel_expr_python", *more)):
        raise ConfigError(
            f"{item.key} needs one more package, for example by pip install 'opsmcp[events]' "
            f"({item.origin})"
        )


def _read_policy(raw: Mapping[str, RawSetting]) -> dict[str, RawSetting]:
    """The settings whose data become rules. Most have none, and reading them costs a start."""
    if not raw.keys() & {"policy.rules", "policy.groups"}:
        return {}
    from opsmcp_server.config.policy_rules import check_groups, read_groups, read_rules

    rules, groups = raw.get("policy.rules"), raw.get("policy.groups")
    read: dict[str, RawSetting] = {}
    known = read_groups(groups) if groups else {}
    if groups:
        read[groups.key] = replace(groups, value=known)
    if rules:
        found = read_rules(rules)
        check_groups(rules, found, known)
        read[rules.key] = replace(rules, value=found)
    return read


def _build(raw: Mapping[str, RawSetting], **rest: Any) -> Config:
    tree: dict[str, dict[str, object]] = {}
    for key, item in raw.items():
        group, _, field = key.partition(".")
        tree.setdefault(group, {})[field] = item.value
    bind = {name: SecretStr(str(value)) for name, value in tree.pop("bind", {}).items()}
    tree.pop("people", None)
    groups: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, kind in _groups().items():
        try:
            groups[name] = _read_group(kind, tree.get(name))
        except ValidationError as error:
            for problem in reversed(error.errors(include_url=False)):
                location = problem["loc"]
                problems[f"{name}.{location[0]}"] = _entry_of(location)
    # Outside of the handler, so that the library's error, which knows the value, is not its cause.
    if problems:
        raise ConfigError(
            "; ".join(_refusal(raw[key], entry) for key, entry in sorted(problems.items()))
        )
    origins = {key: item.origin for key, item in raw.items()}
    return Config.model_construct(**groups, bind=bind, origins=origins, **rest)


def _read_group(kind: type[BaseModel], values: Mapping[str, object] | None) -> BaseModel:
    """One group of settings.

    Few are given something, and only those need their validator, which costs a start a millisecond.

    Raises:
        ValidationError: A value cannot be used.
    """
    return kind.model_construct() if values is None else kind.model_validate(values)


def _entry_of(location: tuple[int | str, ...]) -> str:
    """Which entry of a mapping is wrong, if it is one."""
    return next((part for part in location[1:2] if isinstance(part, str)), "")


def _refusal(item: RawSetting, entry: str) -> str:
    group, _, name = item.key.partition(".")
    field = _groups()[group].model_fields[name]
    means = next(part for part in field.metadata if isinstance(part, settings.Means))
    # An address may hold a password, or a key in its query.
    in_address = re.search(r"@|://.*[?#]", str(item.value), re.DOTALL) is not None
    secret = field.annotation is SecretStr or in_address
    value = str(item.value) if isinstance(item.value, Path) else item.value
    shown = "" if secret else f", not {quote(value)}"
    if entry and isinstance(item.value, dict):
        shown = f"; its entry {quote(entry)} is not right"
    return f"{item.key} must be {means.text}{shown} ({item.origin})"
