"""From settings that were given to one frozen `Config`, or a refusal of each that is not right."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError

from opsmcp_server.config.effective import Config, field_of, groups
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.schema import Means, RawSetting
from opsmcp_tools.safe_text.characters import quote

__all__ = ["build"]


def build(raw: Mapping[str, RawSetting], **rest: Any) -> Config:
    """The settings, with `rest` for what is no group.

    Raises:
        ConfigError: Names each bad setting and where it came from.
    """
    tree: dict[str, dict[str, object]] = {}
    for key, item in raw.items():
        group, _, field = key.partition(".")
        tree.setdefault(group, {})[field] = item.value
    bind = {name: SecretStr(str(value)) for name, value in tree.pop("bind", {}).items()}
    tree.pop("people", None)
    built: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, kind in groups().items():
        try:
            built[name] = _read_group(kind, tree.get(name))
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
    return Config(**built, bind=bind, origins=origins, **rest)


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
    field = field_of(item.key)
    means = next(part for part in field.metadata if isinstance(part, Means))
    # An address may hold a password, or a key in its query.
    in_address = re.search(r"@|://.*[?#]", str(item.value), re.DOTALL) is not None
    secret = field.annotation is SecretStr or in_address
    value = str(item.value) if isinstance(item.value, Path) else item.value
    shown = "" if secret else f", not {quote(value)}"
    if entry and isinstance(item.value, dict):
        shown = f"; its entry {quote(entry)} is not right"
    return f"{item.key} must be {means.text}{shown} ({item.origin})"
