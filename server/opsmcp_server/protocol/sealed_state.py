"""Sealing: what a client keeps for us and must neither read nor change.

A token is authenticated and encrypted (AES-256-GCM, the codec of the SDK) with a key that all
processes of a state directory share, so that each of them reads what another one sealed. Every
purpose has a key of its own, derived from that one: a token of one purpose is nothing to another.
Knows nothing of what is sealed.
"""

import contextlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from mcp.server.request_state import AESGCMRequestStateCodec, InvalidRequestState

from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.schema import LEAST_KEY_LENGTH, State

__all__ = ["Seal", "derive", "read_key"]

_FILE = "key"
_LONGEST_TOKEN = 4096


def read_key(state: State) -> str:
    """The key of the settings, else the one that is kept in the state directory, made if needed.

    Raises:
        ConfigError: It cannot be read or made.
    """
    configured = state.key.get_secret_value()
    if configured:
        return configured
    path = state.dir / _FILE
    try:
        if not path.exists():
            _make(path)
        key = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror or "").lower() if isinstance(error, OSError) else "it is no text"
        raise ConfigError(f"the key in {path} cannot be read or made: {why} (state.dir)") from error
    if len(key) < LEAST_KEY_LENGTH:
        raise ConfigError(f"the key in {path} is damaged; remove the file for a new one")
    return key


def _make(path: Path) -> None:
    """Make the file, whole and for its owner only; of several processes one makes it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{_FILE}.{secrets.token_hex(8)}")
    draft.touch(mode=0o600, exist_ok=False)
    try:
        with draft.open("w", encoding="ascii") as writer:
            writer.write(f"{secrets.token_urlsafe(32)}\n")
            writer.flush()
            os.fsync(writer.fileno())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()


def derive(key: str, purpose: str) -> bytes:
    """The key of one purpose: 32 bytes that tell nothing of `key` or of another purpose."""
    return hmac.digest(key.encode(), f"opsmcp/{purpose}".encode(), "sha256")


class Seal:
    """Seals small JSON objects of one purpose."""

    def __init__(self, key: str, purpose: str) -> None:
        """Use the key of this purpose."""
        self._codec = AESGCMRequestStateCodec([derive(key, purpose)])

    def close(self, data: Mapping[str, Any]) -> str:
        """A token for `data`: printable, fit for a header, another one each time."""
        return self._codec.seal(json.dumps(data, separators=(",", ":")).encode())

    def open(self, token: str) -> Mapping[str, Any] | None:
        """What was sealed; None for everything that is no token of ours."""
        if len(token) > _LONGEST_TOKEN:
            return None
        try:
            data: object = json.loads(self._codec.unseal(token))
        except (InvalidRequestState, ValueError):
            return None
        return cast("dict[str, Any]", data) if isinstance(data, dict) else None
