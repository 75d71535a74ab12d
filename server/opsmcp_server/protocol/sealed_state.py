"""Sealing: what a client keeps for us and must neither read nor change.

A token is authenticated and encrypted (AES-256-GCM, the codec of the SDK) with a key that all
processes of a state directory share, so that each of them reads what another one sealed. A token of
one purpose is nothing to another.
Knows nothing of what is sealed.
"""

import json
from collections.abc import Mapping
from typing import Any, cast

from mcp.server.request_state import AESGCMRequestStateCodec, InvalidRequestState

from opsmcp_server.calls.state_key import derive

__all__ = ["Seal"]

_LONGEST_TOKEN = 4096


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
