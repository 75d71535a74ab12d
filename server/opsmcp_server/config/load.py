"""From command line, environment and file to one frozen `Config`: the only reader of settings.

Command line over environment over file over default. `load` takes the environment as a mapping;
`process_environment` is the one place that looks at the real one. Knows nothing of what the
settings do (`settings` describes them).
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from stat import S_ISREG
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from opsmcp_server.config import schema as settings
from opsmcp_server.config.bound_values import BoundValue, read_bound_value
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.schema import Given
from opsmcp_tools.arguments.bound_variables import PRINCIPAL
from opsmcp_tools.arguments.nearest_names import suggest
from opsmcp_tools.safe_text.characters import quote

__all__ = [
    "Config",
    "Entry",
    "environment_name",
    "load",
    "process_environment",
    "setting_names",
]

_PREFIX = "OPSMCP_"
_CONFIG = "OPSMCP_CONFIG"
_BIND = "OPSMCP_BIND_"
_FILE = "opsmcp.yaml"
_DIRECTORIES = frozenset({"embedded.manifests", "state.dir"})
_FILE_ONLY = frozenset(
    {
        "bind",
        "policy.groups",
        "policy.rules",
        "run.deadlines",
        "tools.hints",
        "tools.kinds",
        "tools.overrides",
    }
)

_OLDER_NAMES: tuple[tuple[str, str], ...] = (
    ("OPS_SERVER", "ops.server"),
    ("OPS_TOKEN", "ops.token"),
    ("OPS_NAMESPACE", "ops.namespace"),
    ("OPENAI_API_BASE", "openai.base"),
    ("OPENAI_API_HOST", "openai.base"),
    ("OPENAI_API_MODEL", "openai.model"),
    ("OPENAI_API_KEY", "openai.key"),
)
"""Names that other Ops programs use; the later one wins, and the `OPSMCP_` name over both."""


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
    discovery: settings.Discovery = Field(default_factory=settings.Discovery)
    expose: settings.Expose = Field(default_factory=settings.Expose)
    tools: settings.Tools = Field(default_factory=settings.Tools)
    run: settings.Run = Field(default_factory=settings.Run)
    server: settings.Server = Field(default_factory=settings.Server)
    state: settings.State = Field(default_factory=settings.State)
    values: settings.Values = Field(default_factory=settings.Values)
    policy: settings.Policy = Field(default_factory=settings.Policy)
    consent: settings.Consent = Field(default_factory=settings.Consent)
    result: settings.Result = Field(default_factory=settings.Result)
    openai: settings.OpenAI = Field(default_factory=settings.OpenAI)
    copilot: settings.Copilot = Field(default_factory=settings.Copilot)
    bind: dict[str, SecretStr] = Field(default_factory=dict)
    """Values of bound variables by the variable's name."""
    constants: frozenset[str] = frozenset()
    """The names in `bind` whose values are no secrets."""
    origins: dict[str, str] = Field(default_factory=dict, repr=False)
    """Setting to where its value came from; settings left at their default are absent."""

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
        found = {secret.get_secret_value() for secret in kept}
        found |= {text for name, text in self.bound_values().items() if name not in self.constants}
        variables = (said.variables for said in self.tools.overrides.values())
        given = (item.bound for items in variables for item in items.values())
        found |= {secret.get_secret_value() for secret in given if secret is not None}
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


def environment_name(setting: str) -> str:
    """The environment variable of a setting."""
    return _PREFIX + setting.upper().replace(".", "_")


def process_environment() -> Mapping[str, str]:
    """The environment of this process. Everything else gets it handed in."""
    return os.environ  # noqa: TID251 - this is the module that may


def load(
    environ: Mapping[str, str],
    *,
    cwd: Path,
    flags: Mapping[str, object] | None = None,
    file: Path | None = None,
) -> Config:
    """The effective settings.

    Args:
        environ: The environment. An empty variable counts as not given.
        cwd: What relative paths of the command line and the environment count from.
        flags: Settings of the command line by name; None and `()` count as not given.
        file: The file of `--config`.

    Raises:
        ConfigError: Names each bad setting and where it came from.
    """
    given = {
        **_from_default_places(environ, cwd),
        **_from_file(environ, cwd, file),
        **_from_environment(environ, cwd),
        **_from_flags(flags or {}, cwd),
    }
    bind = [item for key, item in given.items() if key.startswith("bind.")]
    values = {key: item for key, item in given.items() if not key.startswith("bind.")}
    resolved = {key: _resolve_paths(item, environ) for key, item in values.items()}
    resolved |= _read_policy(resolved)
    bound = {item.key: _read_bound(item, environ) for item in bind}
    resolved |= {item.key: replace(item, value=bound[item.key].text) for item in bind}
    constants = {key.partition(".")[2] for key, value in bound.items() if not value.secret}
    return _build(resolved, constants)


def _from_default_places(environ: Mapping[str, str], cwd: Path) -> dict[str, Given]:
    home = environ.get("XDG_STATE_HOME", "")
    if not Path(home).is_absolute():  # the specification wants a relative one ignored
        default = str(settings.State.model_fields["dir"].default)
        return {"state.dir": Given("state.dir", default, "default", cwd)}
    directory = str(Path(home) / "opsmcp")
    return {"state.dir": Given("state.dir", directory, "environment XDG_STATE_HOME", cwd)}


def _from_file(environ: Mapping[str, str], cwd: Path, file: Path | None) -> dict[str, Given]:
    named = file or (Path(environ[_CONFIG]) if environ.get(_CONFIG) else None)
    path = cwd / (named or _FILE)
    if named is None and not _is_there(path):
        return {}
    # YAML costs a start a few milliseconds, and most starts have no file.
    from opsmcp_server.config.yaml_file import read_settings_file

    found = read_settings_file(path, str(named or _FILE), setting_names())
    return {item.key: _as_list(item) for item in found}


def _is_there(path: Path) -> bool:
    """Whether there is such a file.

    Raises:
        ConfigError: That cannot be told, so it may be there and mean something.
    """
    try:
        return S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise ConfigError(
            f"file {path.name}: the working directory cannot be searched for it: {error.strerror}; "
            "change to another directory, or name a file with --config"
        ) from error


def _as_list(item: Given) -> Given:
    """A list of which only one is given may stand there as a text, as in the environment."""
    if item.key in setting_names() and item.key not in _FILE_ONLY and isinstance(item.value, str):
        return replace(item, value=_split(item.key, item.value))
    return item


def _from_environment(environ: Mapping[str, str], cwd: Path) -> dict[str, Given]:
    names = dict(_OLDER_NAMES) | {environment_name(name): name for name in setting_names()}
    present = {name: value.strip() for name, value in environ.items() if value.strip()}
    _refuse_unknown(present, names)
    given = {
        key: Given(key, _split(key, present[name]), f"environment {name}", cwd)
        for name, key in names.items()
        if name in present
    }
    for name, value in present.items():
        if _is_bound(name):
            key = "bind." + name.removeprefix(_BIND).lower()
            given[key] = Given(key, value, f"environment {name}", cwd)
    return given


def _refuse_unknown(present: Iterable[str], names: Mapping[str, str]) -> None:
    for name in present:
        if not name.startswith(_PREFIX) or name == _CONFIG or _is_bound(name):
            continue
        if name not in names:
            hint = suggest(name, [*names, _CONFIG])
            raise ConfigError(f"environment {name}: there is no such setting{hint}")
        if names[name] in _FILE_ONLY:
            raise ConfigError(f"environment {name}: this setting can stand in the file only")


def _is_bound(name: str) -> bool:
    return name.startswith(_BIND) and name != _BIND


def _split(key: str, value: str) -> object:
    if not _is_list(key):
        return value
    return [part for part in (part.strip() for part in value.split(",")) if part]


def _is_list(key: str) -> bool:
    group, _, field = key.partition(".")
    default: object = _groups()[group].model_fields[field].default
    return isinstance(default, tuple)


def _from_flags(flags: Mapping[str, object], cwd: Path) -> dict[str, Given]:
    return {
        key: Given(key, _split(key, value) if isinstance(value, str) else value, origin, cwd)
        for origin, key, value in (("command line", *item) for item in flags.items())
        if value is not None and value != ()
    }


def _resolve_paths(item: Given, environ: Mapping[str, str]) -> Given:
    if item.key not in _DIRECTORIES:
        return item
    value = item.value
    if isinstance(value, str):
        return replace(item, value=_absolute(value, item, environ))
    if not isinstance(value, list | tuple):
        return item  # refused with the other bad values
    parts = cast("Sequence[object]", value)
    paths = [_absolute(str(part), item, environ) for part in parts]
    missing = next((path for path in paths if not path.is_dir()), None)
    if missing is not None:
        raise ConfigError(f"{item.key}: {str(missing)!r} is not a directory ({item.origin})")
    return replace(item, value=paths)


def _absolute(text: str, item: Given, environ: Mapping[str, str]) -> Path:
    path = Path(text)
    if path.parts[:1] == ("~",):
        home = environ.get("HOME", "")
        if not home:
            raise ConfigError(
                f"{item.key}: {text!r} needs HOME, which is not set ({item.origin});"
                f" give an absolute path, for example with {environment_name(item.key)}"
            )
        path = Path(home, *path.parts[1:])
    return item.base / path


def _read_bound(item: Given, environ: Mapping[str, str]) -> BoundValue:
    return read_bound_value(item, environ, lambda path: _absolute(path, item, environ))


def _read_policy(given: Mapping[str, Given]) -> dict[str, Given]:
    """The settings whose data become rules. Most have none, and reading them costs a start."""
    if not given.keys() & {"policy.rules", "policy.groups"}:
        return {}
    from opsmcp_server.config.policy_rules import check_groups, read_groups, read_rules

    rules, groups = given.get("policy.rules"), given.get("policy.groups")
    read: dict[str, Given] = {}
    known = read_groups(groups) if groups else {}
    if groups:
        read[groups.key] = replace(groups, value=known)
    if rules:
        found = read_rules(rules)
        check_groups(rules, found, known)
        read[rules.key] = replace(rules, value=found)
    return read


def _build(given: Mapping[str, Given], constants: Set[str]) -> Config:
    tree: dict[str, dict[str, object]] = {}
    for key, item in given.items():
        group, _, field = key.partition(".")
        tree.setdefault(group, {})[field] = item.value
    bind = {name: SecretStr(str(value)) for name, value in tree.pop("bind", {}).items()}
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
            "; ".join(_refusal(given[key], entry) for key, entry in sorted(problems.items()))
        )
    origins = {key: item.origin for key, item in given.items()}
    return Config.model_construct(
        **groups, bind=bind, origins=origins, constants=frozenset(constants)
    )


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


def _refusal(item: Given, entry: str) -> str:
    group, _, name = item.key.partition(".")
    field = _groups()[group].model_fields[name]
    means = next(part for part in field.metadata if isinstance(part, settings.Means))
    # An address may hold a password, or a key in its query.
    in_address = re.search(r"@|://.*[?#]", str(item.value), re.DOTALL) is not None
    secret = field.annotation is SecretStr or in_address
    shown = "" if secret else f", not {quote(item.value)}"
    if entry and isinstance(item.value, dict):
        shown = f"; its entry {quote(entry)} is not right"
    return f"{item.key} must be {means.text}{shown} ({item.origin})"
