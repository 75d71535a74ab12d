"""The settings that have parts with meanings of their own, and what must hold between settings.

Each is read by a module of its own, which is imported where somebody gave it: most starts have none
of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import SecretStr

from opsmcp_server.config.effective import Config
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.extras import lack_of
from opsmcp_server.config.schema import RawSetting
from opsmcp_tools.arguments.nearest_names import suggest
from opsmcp_tools.policy.rules import Effect
from opsmcp_tools.safe_text.characters import quote

__all__ = ["complete", "read_people", "read_people_ids", "read_sections"]


def read_sections(
    raw: Mapping[str, RawSetting],
    environ: Mapping[str, str],
    *,
    senders: bool = False,
    channels: bool = False,
) -> dict[str, RawSetting]:
    """Those that groups hold, with what was read in place of what was given.

    Args:
        raw: The settings that were given.
        environ: The environment, where secrets may be.
        senders: Whether the secrets of senders are read.
        channels: Whether the addresses and secrets of channels are.

    Raises:
        ConfigError: One cannot be used; says which and why.
    """
    readers: Mapping[str, Callable[[RawSetting], Any]] = {
        "auth.oidc": _read_issuers,
        "events.senders": lambda item: _read_senders(item, environ if senders else None),
        "events.channels": lambda item: _read_channels(item, environ if channels else None),
        "events.quiet": _read_quiet,
    }
    given = ((raw[key], read) for key, read in readers.items() if key in raw)
    read = {item.key: replace(item, value=read(item)) for item, read in given}
    return _read_policy(raw) | read


def _read_issuers(item: RawSetting) -> object:
    from opsmcp_server.config.issuers import read_issuers

    return read_issuers(item)


def _read_senders(item: RawSetting, environ: Mapping[str, str] | None) -> object:
    from opsmcp_server.config.sender_settings import read_senders

    return read_senders(item, environ)


def _read_channels(item: RawSetting, environ: Mapping[str, str] | None) -> object:
    from opsmcp_server.config.channel_settings import read_channels

    return read_channels(item, environ)


def _read_quiet(item: RawSetting) -> object:
    _require_expressions(item)
    from opsmcp_server.config.responder_settings import read_quiet

    return read_quiet(item)


def _read_policy(raw: Mapping[str, RawSetting]) -> dict[str, RawSetting]:
    rules, groups = raw.get("policy.rules"), raw.get("policy.groups")
    if rules is None and groups is None:
        return {}
    from opsmcp_server.config.policy_rules import check_groups, read_groups, read_rules

    read: dict[str, RawSetting] = {}
    known = read_groups(groups) if groups else {}
    if groups:
        read[groups.key] = replace(groups, value=known)
    if rules:
        found = read_rules(rules)
        check_groups(rules, found, known)
        read[rules.key] = replace(rules, value=found)
    return read


def _people_in(raw: Mapping[str, RawSetting]) -> list[RawSetting]:
    return [item for key, item in raw.items() if key.startswith("people.")]


def read_people(
    raw: Mapping[str, RawSetting], environ: Mapping[str, str] | None
) -> dict[str, SecretStr]:
    """The people of the settings; their tokens only with an environment to read them from."""
    items = _people_in(raw)
    if not items:
        return {}
    from opsmcp_server.config import people

    return people.read_people(items, environ)


def read_people_ids(raw: Mapping[str, RawSetting]) -> dict[str, str]:
    """The ids of those people who have another login."""
    items = _people_in(raw)
    if not items:
        return {}
    from opsmcp_server.config import people

    return people.read_ids(items)


def complete(config: Config, raw: Mapping[str, RawSetting]) -> Config:
    """The settings with what is read in the light of the others.

    Raises:
        ConfigError: Some of them do not go together.
    """
    _check_people(config)
    _check_senders(config)
    _check_notify(config)
    config = _with_schedules(_with_approvers(config), raw.get("schedules"))
    return _with_responders(config, raw.get("responders"))


def _check_people(config: Config) -> None:
    """Return if nobody signs in with what clients have: then callers would decide on their calls.

    Raises:
        ConfigError: Somebody would.
    """
    shared = config.server.token.get_secret_value()
    for name, token in config.people.items():
        if shared and token.get_secret_value() == shared:
            raise ConfigError(f"people.{name}.token is server.token, which all clients have")


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


def _check_notify(config: Config) -> None:
    """Return if there are the channels that are told of what is no incident.

    Raises:
        ConfigError: One is not there.
    """
    channels = config.events.channels
    for name in config.events.notify:
        if name not in channels:
            raise ConfigError(
                f"events.notify names {quote(name)}, and there is no such channel (events.channels)"
                f"{suggest(name, channels)} ({config.origins['events.notify']})"
            )


def _with_approvers(config: Config) -> Config:
    """The same, with rules that say who may approve, however that was said."""
    if all(rule.effect is not Effect.APPROVE for rule in config.policy.rules):
        return config
    from opsmcp_server.config.policy_rules import complete_approvers

    policy, origin = config.policy, config.origins["policy.rules"]
    rules = complete_approvers(policy.rules, policy.groups, config.requests, origin)
    return replace(config, policy=policy.model_copy(update={"rules": rules}))


def _with_schedules(config: Config, item: RawSetting | None) -> Config:
    """The same, with the inspections that are run again and again."""
    if item is None:
        return config
    _require_expressions(item)
    from opsmcp_server.config.schedule_settings import read_schedules

    return replace(config, schedules=read_schedules(item))


def _with_responders(config: Config, item: RawSetting | None) -> Config:
    """The same, with what is done about signals."""
    if item is None:
        return config
    _require_expressions(item)
    from opsmcp_server.config.responder_settings import read_responders

    return replace(config, responders=read_responders(item, config))


def _require_expressions(item: RawSetting) -> None:
    """Return if expressions and moments can be understood.

    Raises:
        ConfigError: A package for that is not installed.
    """
    if lack := lack_of("events"):
        raise ConfigError(f"{item.key} {lack} ({item.origin})")
