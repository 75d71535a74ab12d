"""What `ansible-inventory --list` prints -> hosts for ssh, and why others are withheld. Pure.

The format: `{"_meta": {"hostvars": {HOST: {...}}}, GROUP: {"hosts": [...], "children": [...]}}`
(lib/ansible/cli/inventory.py). Of a host are read its address, port, account, key file and groups.
Whoever has a password, a key or options of ssh in the inventory is withheld, and none is kept.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

from opsmcp_pipelines.models import BadHost
from opsmcp_pipelines.ssh.host_fields import (
    BadField,
    HostFile,
    SshHost,
    is_host_name,
    is_label,
    make_target,
)
from opsmcp_pipelines.untyped import mapping_of

__all__ = ["NotAnInventory", "parse_inventory"]

_TOP = "all"
_OF_ANSIBLE = frozenset({_TOP, "ungrouped", "_meta"})
"""Groups that every inventory has."""

_MAX_GROUPS = 2000
_MAX_GROUPS_OF_HOST = 64
_SHOWN_CHARS = 80
_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "address": ("ansible_host", "ansible_ssh_host"),
        "port": ("ansible_port", "ansible_ssh_port"),
        "user": ("ansible_user", "ansible_ssh_user"),
        "key_file": ("ansible_ssh_private_key_file", "ansible_private_key_file"),
    }
)
"""Which variables say it: the first that is there."""

_SSH = frozenset({"ssh", "smart"})
_SECRETS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("ansible_password", "ansible_ssh_pass"), "a password"),
        "ansible_ssh_password": "a password",
        "ansible_private_key_passphrase": "a passphrase",
        "ansible_ssh_private_key_passphrase": "a passphrase",
        **dict.fromkeys(("ansible_private_key", "ansible_ssh_private_key"), "a private key"),
    }
)
_WITHOUT_EFFECT = frozenset(
    f"ansible_ssh_{name}"
    for name in ("retries", "timeout", "pipelining", "transfer_method", "use_tty", "verbosity")
) | {"ansible_ssh_host_key_checking"}
"""Of the variables of ssh those that do not change which host is reached, or as whom."""


class NotAnInventory(Exception):
    """The answer is not one of `ansible-inventory`."""


class _Withheld(Exception):
    """A host that cannot be used; the message says why."""


def parse_inventory(text: str | bytes, path: str) -> HostFile:
    """The hosts of an inventory, in its order.

    Args:
        text: What `ansible-inventory --list` printed.
        path: How the inventory is called in messages.

    Raises:
        NotAnInventory: It is something else.
    """
    try:
        answer = mapping_of(json.loads(text))
    except (ValueError, RecursionError):
        raise NotAnInventory from None
    if _TOP not in answer:
        raise NotAnInventory
    variables = mapping_of(mapping_of(answer.get("_meta")).get("hostvars"))
    hosts: list[SshHost] = []
    problems: list[BadHost] = []
    for name, within in _groups_of_hosts(answer).items():
        own = mapping_of(variables.get(name))
        if name == "localhost" and own.get("ansible_connection") == "local":
            continue  # This machine is there anyway.
        try:
            hosts.append(_read_host(name, own, within, path))
        except _Withheld as why:
            problems.append(BadHost(name if is_host_name(name) else "", f"{path}: {why}"))
    return HostFile(tuple(hosts), tuple(problems))


def _groups_of_hosts(answer: Mapping[str, object]) -> Mapping[str, tuple[str, ...]]:
    """Each host, in the order of the inventory, with all groups that it is in."""
    groups = {name: mapping_of(group) for name, group in answer.items() if name != "_meta"}
    if len(groups) > _MAX_GROUPS:
        raise NotAnInventory
    parents: dict[str, list[str]] = {}
    for name, group in groups.items():
        for child in _texts(group.get("children")):
            parents.setdefault(child, []).append(name)
    found: dict[str, set[str]] = {}
    for name in _in_order(groups):
        above = _with_all_above(name, parents) - _OF_ANSIBLE
        for host in _texts(groups.get(name, {}).get("hosts")):
            found.setdefault(host, set()).update(above)
    return {host: tuple(sorted(filter(is_label, names))) for host, names in found.items()}


def _in_order(groups: Mapping[str, Mapping[str, object]]) -> list[str]:
    """The groups below `all`, each once, as the inventory has them."""
    seen: dict[str, None] = {}
    left = [_TOP]
    while left:
        name = left.pop()
        if name not in seen:
            seen[name] = None
            left += reversed(_texts(groups.get(name, {}).get("children")))
    return list(seen)


def _with_all_above(name: str, parents: Mapping[str, list[str]]) -> set[str]:
    above: set[str] = set()
    left = [name]
    while left:
        one = left.pop()
        if one not in above:
            above.add(one)
            left += parents.get(one, [])
    return above


def _read_host(
    name: str, variables: Mapping[str, object], groups: tuple[str, ...], path: str
) -> SshHost:
    if not is_host_name(name):
        raise _Withheld(f"{_shown(name)} is no host name: letters, digits, dots and dashes")
    _refuse_secrets(name, variables)
    _refuse_connection(name, variables)
    if len(groups) > _MAX_GROUPS_OF_HOST:
        raise _Withheld(f"{name} is in more than {_MAX_GROUPS_OF_HOST} groups")
    found = {field: _first(name, variables, names) for field, names in _NAMES.items()}
    try:
        target = make_target(name, **{field: text for field, (_, text) in found.items()})
    except BadField as bad:
        raise _Withheld(f"{name}: {found[bad.field][0]} {bad.fault}") from None
    return SshHost(target, origin=path, groups=groups)


def _refuse_secrets(name: str, variables: Mapping[str, object]) -> None:
    for key, what in _SECRETS.items():
        if variables.get(key) not in (None, ""):
            raise _Withheld(
                f"{name} has {what} in its inventory ({key}): use an agent, or a key file"
                " (ansible_ssh_private_key_file)"
            )


def _refuse_connection(name: str, variables: Mapping[str, object]) -> None:
    connection = variables.get("ansible_connection") or "ssh"
    # Also by the full name of a plugin: ansible.builtin.ssh.
    if str(connection).removeprefix("ansible.builtin.") not in _SSH:
        raise _Withheld(f"{name} is reached by {_shown(connection)}, and not by ssh")
    shell = variables.get("ansible_shell_type") or "sh"
    if shell != "sh":
        raise _Withheld(f"{name} has the shell {_shown(shell)}, and not a POSIX one")
    known = {one for names in _NAMES.values() for one in names} | _WITHOUT_EFFECT
    for key in variables:
        if key.startswith("ansible_ssh_") and key not in known and variables[key] not in (None, ""):
            raise _Withheld(
                f"{name} has options of its own for ssh ({_shown(key)}), which only Ansible"
                " follows: write them into the configuration of ssh"
            )


def _first(name: str, variables: Mapping[str, object], names: tuple[str, ...]) -> tuple[str, str]:
    """The variable of these that is there, and its text."""
    key = next((one for one in names if variables.get(one) not in (None, "")), names[0])
    value = variables.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return key, str(value)
    if isinstance(value, str) and "{{" in value:
        raise _Withheld(f"{name}: {key} is a template, which only Ansible can fill in")
    if value is not None and not isinstance(value, str):
        raise _Withheld(f"{name}: {key} is no text")
    return key, value or ""


def _shown(value: object) -> str:
    return repr(str(value)[:_SHOWN_CHARS])


def _texts(value: object) -> list[str]:
    listed: list[Any] = cast("list[Any]", value) if isinstance(value, list) else []
    return [one for one in listed if isinstance(one, str)]
