"""The key of a state directory: what all processes that share it have, and nobody else.

Every purpose has a key of its own, derived from that one.
"""

import hmac
import secrets

from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.groups.state import State
from opsmcp_server.config.schema import LEAST_KEY_LENGTH
from opsmcp_tools.journal.key_file import make_key_file

__all__ = ["derive", "read_key"]

_FILE = "key"


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
            make_key_file(path, f"{secrets.token_urlsafe(32)}\n".encode("ascii"))
        key = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror or "").lower() if isinstance(error, OSError) else "it is no text"
        raise ConfigError(f"the key in {path} cannot be read or made: {why} (state.dir)") from error
    if len(key) < LEAST_KEY_LENGTH:
        raise ConfigError(f"the key in {path} is damaged; remove the file for a new one")
    return key


def derive(key: str, purpose: str) -> bytes:
    """The key of one purpose: 32 bytes that tell nothing of `key` or of another purpose."""
    return hmac.digest(key.encode(), f"opsmcp/{purpose}".encode(), "sha256")
