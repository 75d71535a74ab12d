"""Keys and JWTs of a NATS whose users log in by credentials files, as `nsc` makes them."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_SEED = 18 << 3
_KINDS = {"operator": 14 << 3, "account": 0, "user": 20 << 3}
_LIMITS = {
    **dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf"), -1),
    **dict.fromkeys(("mem_storage", "disk_storage"), -1),
    "wildcards": True,
}
_NO_STORAGE = {"mem_storage": 0, "disk_storage": 0}


def _written(held: bytes) -> str:
    crc = binascii.crc_hqx(held, 0).to_bytes(2, "little")
    return base64.b32encode(held + crc).decode().rstrip("=")


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


@dataclass(frozen=True)
class Key:
    kind: str
    key: Ed25519PrivateKey

    @property
    def id(self) -> str:
        public = self.key.public_key().public_bytes_raw()
        return _written(bytes([_KINDS[self.kind]]) + public)

    @property
    def seed(self) -> str:
        kind = _KINDS[self.kind]
        prefix = bytes([_SEED | kind >> 5, (kind & 31) << 3])
        return _written(prefix + self.key.private_bytes_raw())

    def jwt(self, by: "Key", **claims: Any) -> str:
        nats = {"type": self.kind, "version": 2, **claims}
        body = {"iss": by.id, "sub": self.id, "name": self.kind, "iat": 1_700_000_000, "nats": nats}
        head = {"typ": "JWT", "alg": "ed25519-nkey"}
        signed = ".".join(_base64(json.dumps(part).encode()) for part in (head, body))
        return f"{signed}.{_base64(by.key.sign(signed.encode()))}"


def operated() -> tuple[str, str]:
    """What a server is configured with, and the credentials file of its one user."""
    operator, account, user = (Key(kind, Ed25519PrivateKey.generate()) for kind in _KINDS)
    system = Key("account", Ed25519PrivateKey.generate())
    known = "\n".join(
        f"{one.id}: {one.jwt(operator, limits=limits)}"
        for one, limits in ((account, _LIMITS), (system, _LIMITS | _NO_STORAGE))
    )
    server = (
        f"operator: {operator.jwt(operator)}\nsystem_account: {system.id}\n"
        f"resolver: MEMORY\nresolver_preload {{\n{known}\n}}\n"
    )
    jwt = user.jwt(account, pub={}, sub={}, subs=-1, data=-1, payload=-1)
    return server, (
        f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
        f"************************* IMPORTANT *************************\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n"
    )
