"""`people` of the settings file: who may sign in to the pages, and with which token.

`people: {anna: {token: {env: ANNA_TOKEN}}}`. The name is that of the principal, as rules and groups
have it; its id is that of the local user of this name, unless the entry has an `id`: that of her
other login, so that her own requests are known as hers. A token is never written into the file, and
it signs in to the pages and nothing else.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from pydantic import SecretStr

from opsmcp_pipelines.untyped import mapping_of
from opsmcp_server.config.bound_values import read_bound_value, secret_source
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.schema import LEAST_KEY_LENGTH, RawSetting
from opsmcp_tools.model.principal_id import is_id
from opsmcp_tools.safe_text.characters import quote

__all__ = ["read_ids", "read_people", "token_of"]

_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,62}")
_TAKEN = frozenset({"token", "local", "opsmcp", "responder", "schedule"})
"""Names that other principals have, or will have."""

_TOKEN = re.compile(f"[!-~]{{{LEAST_KEY_LENGTH},512}}")


def read_people(
    items: Iterable[RawSetting], environ: Mapping[str, str] | None
) -> dict[str, SecretStr]:
    """Name to token, which is empty where there is no environment to read it from.

    Raises:
        ConfigError: One of them cannot be used. Never tells what was read.
    """
    people = {_name_of(item): (item, token_of(item)) for item in items}
    if environ is None:
        return {name: SecretStr("") for name in people}
    found = {name: _read(token, environ) for name, (_, token) in people.items()}
    for name, (item, _) in people.items():
        if list(found.values()).count(found[name]) > 1:
            raise ConfigError(f"{item.key}: somebody else has the same token ({item.origin})")
    return {name: SecretStr(token) for name, token in found.items()}


def read_ids(items: Iterable[RawSetting]) -> dict[str, str]:
    """Name to the id of the same person's other login, for those who have one.

    Raises:
        ConfigError: One of them is no id.
    """
    given = {_name_of(item): (item, mapping_of(item.value).get("id")) for item in items}
    for item, found in given.values():
        if found is not None and not is_id(found):
            raise ConfigError(
                f"{item.key}.id must be an id as `opsmcp runs --json` shows it, such as "
                f"'token:anna' or 'https://ISSUER SUBJECT' ({item.origin})"
            )
    return {name: str(found) for name, (_, found) in given.items() if found is not None}


def _name_of(item: RawSetting) -> str:
    name = item.key.partition(".")[2]
    if not _NAME.fullmatch(name) or name in _TAKEN:
        raise ConfigError(
            f"people: {quote(name)} is no name that a person can have: at most 63 lower-case "
            f"letters, digits, '.', '_', '-' and '@', and none of {', '.join(sorted(_TAKEN))} "
            f"({item.origin})"
        )
    return name


def token_of(item: RawSetting) -> RawSetting:
    """Where the token of a person comes from, as a setting of its own.

    Raises:
        ConfigError: The entry is something else.
    """
    entry = mapping_of(item.value)
    source = secret_source(entry.get("token"))
    if set(entry) - {"id"} != {"token"} or not source:
        raise ConfigError(
            f"{item.key} must be {{token: {{env: NAME}}}}, or {{file: PATH}} or {{command: "
            f"[PROGRAM, ...]}} in place of env; a token never stands in the file ({item.origin})"
        )
    return replace(item, key=f"{item.key}.token", value=source)


def _read(token: RawSetting, environ: Mapping[str, str]) -> str:
    text = read_bound_value(token, environ).text
    if not _TOKEN.fullmatch(text):
        raise ConfigError(
            f"{token.key} must be one word of at least {LEAST_KEY_LENGTH} printable ASCII "
            f"characters (its value is not shown; {token.origin})"
        )
    return text
