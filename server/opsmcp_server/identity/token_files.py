"""Where personal tokens are kept: `tokens.json` of the state directory, and a file to read only.

Both have one form. The first is changed by `opsmcp token`, whole and under a lock; the second,
`auth.tokens_file`, belongs to whoever keeps such things in git, and may be a mounted Secret. When
tokens were last used stands in a file of its own, which the server alone writes.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from opsmcp_pipelines.regular_files import Signature, read_regular, sign
from opsmcp_server.identity.personal_token import PersonalToken
from opsmcp_tools.journal.state_file import StateFile

__all__ = ["TokensUnusable", "read_tokens", "sign_tokens", "token_file", "tokens_of", "uses_file"]

_MOST_BYTES = 4 * 1024 * 1024


class TokensUnusable(Exception):
    """A file of tokens cannot be read, or says something else; the message says which and why."""


def token_file(state_dir: Path) -> StateFile:
    """The file that `opsmcp token` changes."""
    return StateFile(state_dir, "tokens", most_bytes=_MOST_BYTES)


def uses_file(state_dir: Path) -> StateFile:
    """The file that says by the hour when tokens were last used."""
    return StateFile(state_dir, "token-uses", most_bytes=_MOST_BYTES)


def sign_tokens(path: Path) -> Signature | None:
    """What is another one when the file was changed; None where there is none.

    Raises:
        TokensUnusable: It cannot be told.
    """
    try:
        return sign(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(path, error) from error


def read_tokens(path: Path) -> Mapping[str, PersonalToken]:
    """The tokens of a file by their ids; none where there is no file.

    Raises:
        TokensUnusable: It cannot be read or understood.
    """
    try:
        data = read_regular(path, _MOST_BYTES + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        if len(data) > _MOST_BYTES:
            raise ValueError("it is larger than 4 MiB")
        return tokens_of(json.loads(data))
    except (RecursionError, json.JSONDecodeError):
        raise TokensUnusable(f"the tokens in {path} cannot be read: it is no JSON") from None
    except ValueError as error:
        raise TokensUnusable(f"the tokens in {path} cannot be read: {error}") from None


def tokens_of(kept: object) -> dict[str, PersonalToken]:
    """The tokens that stand in a file, by their ids.

    Raises:
        ValueError: It is no such file.
    """
    if not isinstance(kept, dict):
        raise ValueError("it is no mapping")
    found = cast("Mapping[str, Any]", kept)
    if found.get("version") != 1:
        raise ValueError("its version is not 1")
    entries: object = found.get("tokens", [])
    if not isinstance(entries, list):
        raise ValueError("its tokens are no list")
    tokens = [PersonalToken.read(entry) for entry in cast("list[object]", entries)]
    by_id = {token.id: token for token in tokens}
    if len(by_id) != len(tokens):
        raise ValueError("an id stands in it twice")
    return by_id


def _unreadable(path: Path, error: OSError) -> TokensUnusable:
    why = (error.strerror or "it cannot be read").lower()
    return TokensUnusable(f"the tokens in {path} cannot be read: {why}")
