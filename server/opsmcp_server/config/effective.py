"""The effective settings: what all of opsmcp is given, and what `opsmcp config` shows of them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from opsmcp_server.config.files.settings_file import FileUse
from opsmcp_server.config.groups.audit import Audit
from opsmcp_server.config.groups.copilot import Copilot, OpenAI
from opsmcp_server.config.groups.events import Events
from opsmcp_server.config.groups.policy import Consent, Policy, Requests
from opsmcp_server.config.groups.runs import Result, Run
from opsmcp_server.config.groups.server import Auth, Limits, Server
from opsmcp_server.config.groups.sources import Discovery, Embedded, Files, Hosts, Ops
from opsmcp_server.config.groups.state import State
from opsmcp_server.config.groups.tools import Expose, Tools, Values
from opsmcp_tools.arguments.bound_variables import PRINCIPAL

__all__ = ["Config", "Entry", "field_of", "groups", "setting_names"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of `opsmcp config`: a setting, its value for people, and where it came from."""

    setting: str
    value: str
    origin: str


@dataclass(frozen=True)
class Config:
    """The effective settings, one frozen group per concern."""

    ops: Ops = field(default_factory=Ops)
    embedded: Embedded = field(default_factory=Embedded)
    hosts: Hosts = field(default_factory=Hosts)
    files: Files = field(default_factory=Files)
    discovery: Discovery = field(default_factory=Discovery)
    expose: Expose = field(default_factory=Expose)
    tools: Tools = field(default_factory=Tools)
    run: Run = field(default_factory=Run)
    server: Server = field(default_factory=Server)
    auth: Auth = field(default_factory=Auth)
    limits: Limits = field(default_factory=Limits)
    state: State = field(default_factory=State)
    audit: Audit = field(default_factory=Audit)
    values: Values = field(default_factory=Values)
    policy: Policy = field(default_factory=Policy)
    consent: Consent = field(default_factory=Consent)
    requests: Requests = field(default_factory=Requests)
    events: Events = field(default_factory=Events)
    result: Result = field(default_factory=Result)
    openai: OpenAI = field(default_factory=OpenAI)
    copilot: Copilot = field(default_factory=Copilot)
    bind: dict[str, SecretStr] = field(default_factory=dict[str, SecretStr])
    """Values of bound variables by the variable's name."""
    constants: frozenset[str] = frozenset()
    """The names in `bind` whose values are no secrets."""
    people: dict[str, SecretStr] = field(default_factory=dict[str, SecretStr])
    """The people who may sign in to the pages, with their tokens; empty ones where nobody asked for
    the tokens."""
    people_ids: dict[str, str] = field(default_factory=dict[str, str])
    """The ids of those people who have another login."""
    responders: tuple[Any, ...] = ()
    """What is done about signals, in order: each a `Responder`."""
    schedules: tuple[Any, ...] = ()
    """The inspections that are run again and again: each a `Schedule`."""
    origins: dict[str, str] = field(default_factory=dict[str, str], repr=False)
    """Setting to where its value came from; settings left at their default are absent."""
    options: tuple[str, ...] = ()
    """The options that a command which is suggested needs, to mean the same source and """
    settings_files: tuple[FileUse, ...] = ()
    """The settings files that are there: which one counts, and which do not."""
    manifest_digests: Mapping[str, str] | None = field(default=None, repr=False)
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
        found = found.union(*(one.nats.secrets() for one in senders if one.nats))
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
        f"{group}.{field}" for group, kind in groups().items() for field in kind.model_fields
    )


def groups() -> dict[str, type[BaseModel]]:
    """What stands before the point of a setting's name, with the class of its group."""
    return {
        one.name: one.type
        for one in fields(Config)
        if isinstance(one.type, type) and issubclass(one.type, BaseModel)
    }


def field_of(key: str) -> FieldInfo:
    """What the group of a setting says of it."""
    group, _, field = key.partition(".")
    return groups()[group].model_fields[field]
