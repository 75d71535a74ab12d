"""The key that signs checkpoints of the audit trail (Ed25519, RFC 8032), and the check of them.

The signature of a checkpoint stands last in its line and covers all other bytes of it, and so by
its hash of the line before everything up to there.
"""

import base64
import binascii
import hashlib
import re
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from opsmcp_tools.journal.key_file import make_key_file

__all__ = ["KeyUnusable", "PublicKey", "Signer", "read_private_key", "read_public_key"]

_MOST_BYTES = 16 * 1024
_SIGNED = re.compile(rb'(.*),"signature":"([A-Za-z0-9+/=]{88})"\}', re.DOTALL)


class KeyUnusable(Exception):
    """A key cannot be read or made. The message is safe to show."""


class PublicKey:
    """What checks signatures; `fingerprint` names it."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        """Check with this one."""
        self._key = key
        raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.fingerprint = hashlib.sha256(raw).hexdigest()

    @property
    def pem(self) -> str:
        """The key as a text, to be kept elsewhere."""
        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def has_signed(self, line: bytes) -> bool:
        """Whether the signature in a checkpoint is good."""
        found = _SIGNED.fullmatch(line)
        if found is None:
            return False
        try:
            signature = base64.b64decode(found[2], validate=True)
            self._key.verify(signature, found[1] + b"}")
        except (InvalidSignature, binascii.Error):
            return False
        # The last letter has bits that mean nothing: in another one they would be a change.
        return base64.b64encode(signature) == found[2]


class Signer:
    """What signs."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        """Sign with this one."""
        self._key = key
        self.public = PublicKey(key.public_key())

    def sign(self, line: bytes) -> bytes:
        """The line with its signature."""
        signature = base64.b64encode(self._key.sign(line)).decode()
        return line[:-1] + f',"signature":"{signature}"}}'.encode()


def read_private_key(path: Path, *, make: bool = True) -> Signer:
    """The key in a file, made with its first use if that is wanted.

    Raises:
        KeyUnusable: It cannot be read or made.
    """
    try:
        if make and not path.exists():
            make_key_file(path, _new_key())
        key = load_pem_private_key(_read(path), password=None)
    except OSError as error:
        why = (error.strerror or "").lower()
        raise KeyUnusable(f"the key of the audit trail in {path} cannot be used: {why}") from error
    except (ValueError, TypeError):
        raise KeyUnusable(f"the key of the audit trail in {path} is damaged") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(f"the key of the audit trail in {path} is no Ed25519 key")
    return Signer(key)


def read_public_key(path: Path) -> PublicKey:
    """A public key that was kept elsewhere, as `opsmcp audit key` prints it.

    Raises:
        KeyUnusable: There is none in that file.
    """
    try:
        key = load_pem_public_key(_read(path))
    except OSError as error:
        raise KeyUnusable(f"{path} cannot be read: {(error.strerror or '').lower()}") from error
    except ValueError:
        raise KeyUnusable(f"{path} holds no public key") from None
    if not isinstance(key, Ed25519PublicKey):
        raise KeyUnusable(f"{path} holds no Ed25519 key")
    return PublicKey(key)


def _read(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_MOST_BYTES)


def _new_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
