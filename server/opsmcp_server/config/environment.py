"""The environment: which variable stands for which setting, and what the others are refused for.

Every setting is `OPSMCP_GROUP_NAME`; a few have older names, which other Ops programs use. Takes
the environment as a mapping; `process_environment` is the one place that looks at the real one.
"""

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.schema import RawSetting
from opsmcp_tools.arguments.nearest_names import suggest

__all__ = [
    "CONFIG_VARIABLE",
    "FILE_ONLY",
    "OLDER_NAMES",
    "environment_name",
    "process_environment",
    "read_environment",
]

CONFIG_VARIABLE = "OPSMCP_CONFIG"
"""Names the settings file."""

FILE_ONLY = frozenset(
    {
        "auth.oidc",
        "bind",
        "events.channels",
        "events.limits",
        "events.quiet",
        "events.senders",
        "people",
        "policy.groups",
        "policy.rules",
        "run.deadlines",
        "tools.hints",
        "tools.kinds",
        "tools.overrides",
    }
)
"""Settings that no variable can hold."""

OLDER_NAMES: tuple[tuple[str, str], ...] = (
    ("OPS_SERVER", "ops.server"),
    ("OPS_TOKEN", "ops.token"),
    ("OPS_NAMESPACE", "ops.namespace"),
    ("OPENAI_API_HOST", "openai.base"),
    ("OPENAI_API_BASE", "openai.base"),
    ("OPENAI_API_MODEL", "openai.model"),
    ("OPENAI_API_KEY", "openai.key"),
)
"""Names that other Ops programs use; the later one wins, and the `OPSMCP_` name over both."""

_PREFIX = "OPSMCP_"
_BIND = "OPSMCP_BIND_"
_NO_SETTINGS = frozenset({CONFIG_VARIABLE})
"""Names with our prefix that are no settings."""

Split = Callable[[str, str], object]
"""From a setting and its text to its value: a list where the setting is one."""


def environment_name(setting: str) -> str:
    """The environment variable of a setting."""
    return _PREFIX + setting.upper().replace(".", "_")


def process_environment() -> Mapping[str, str]:
    """The environment of this process. Everything else gets it handed in."""
    return os.environ  # noqa: TID251 - this is the module that may


def read_environment(
    environ: Mapping[str, str], cwd: Path, settings: Collection[str], split: Split
) -> dict[str, RawSetting]:
    """The settings that the environment gives; an empty variable gives none.

    Raises:
        ConfigError: A variable has our prefix and is no setting, or one of the file only.
    """
    names = dict(OLDER_NAMES) | {environment_name(name): name for name in settings}
    present = {name: value.strip() for name, value in environ.items() if value.strip()}
    _refuse_unknown(present, names)
    raw = {
        key: RawSetting(key, split(key, present[name]), f"environment {name}", cwd)
        for name, key in names.items()
        if name in present
    }
    for name, value in present.items():
        if _is_bound(name):
            key = "bind." + name.removeprefix(_BIND).lower()
            raw[key] = RawSetting(key, value, f"environment {name}", cwd)
    return raw


def _refuse_unknown(present: Iterable[str], names: Mapping[str, str]) -> None:
    for name in present:
        if not name.startswith(_PREFIX) or name in _NO_SETTINGS or _is_bound(name):
            continue
        if name not in names:
            hint = suggest(name, [*names, CONFIG_VARIABLE])
            raise ConfigError(f"environment {name}: there is no such setting{hint}")
        if names[name] in FILE_ONLY:
            raise ConfigError(f"environment {name}: this setting can stand in the file only")


def _is_bound(name: str) -> bool:
    return name.startswith(_BIND) and name != _BIND
