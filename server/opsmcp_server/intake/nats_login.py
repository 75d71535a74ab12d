"""One connection to a NATS: encrypted where that is wanted, and logged in."""

import base64
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
from anyio import to_thread
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nats.aio.client import Client
from nats.aio.msg import Msg

from opsmcp_server.config.nats_settings import read_credentials
from opsmcp_server.config.sender import Nats
from opsmcp_server.intake.nats_failures import Unencrypted

__all__ = ["close", "connect"]

_CONNECT_SECONDS = 5.0
_CLOSE_SECONDS = 2.0
_PING_SECONDS = 20


async def connect(nats: Nats, server: str, note: Callable[[Exception], Awaitable[None]]) -> Client:
    """A connection to one server, which is not made anew when it is lost.

    Args:
        nats: How to log in.
        server: `HOST:PORT`.
        note: Is told of what the server says aside.

    Raises:
        nats.errors.Error: It cannot be used.
        OSError: It cannot be reached.
        Unencrypted: It would have had to be told a secret in the open.
    """
    context = await to_thread.run_sync(_tls, nats)
    client = _Client()
    try:
        with anyio.fail_after(2 * _CONNECT_SECONDS):
            await client.connect(
                f"nats://{server}",
                name="opsmcp",
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=int(_CONNECT_SECONDS),
                ping_interval=_PING_SECONDS,
                error_cb=note,
                tls=context,
                **_proof(nats, context),
            )
    except BaseException:
        await close(client)
        raise
    return client


async def close(client: Client) -> None:
    """Close it also when cancelled; after a failed handshake nats-py would wait for ever."""
    with anyio.move_on_after(_CLOSE_SECONDS, shield=True):
        await client.close()


class _Client(Client):
    """nats-py stops to read, for good, at a subject that is no UTF-8; anybody can publish one."""

    def _build_message(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: dict[str, str] | None
    ) -> Msg:
        known = subject.decode("utf-8", "replace").encode()
        return super()._build_message(sid, known, reply, data, headers)


class _Context(ssl.SSLContext):
    """Says whether a connection was encrypted with it."""

    is_used = False

    def wrap_bio(self, *args: Any, **more: Any) -> ssl.SSLObject:
        self.is_used = True
        return super().wrap_bio(*args, **more)


def _tls(nats: Nats) -> _Context:
    """How a connection is encrypted, where the server or the address wants that."""
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)
    if nats.ca_file is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(nats.ca_file)
    if nats.cert_file is not None:
        context.load_cert_chain(nats.cert_file, nats.key_file)
    return context


def _proof(nats: Nats, context: _Context) -> dict[str, Any]:
    """Who logs in. Said by functions, because nats-py asks for it once it is known who listens.

    It encrypts if the server wants it, and would send a password in the open to one that does not,
    whatever its address says.
    """

    def safe(value: Any) -> Callable[[], Any]:
        def say() -> Any:
            if nats.tls and not context.is_used:
                raise Unencrypted
            return value

        return say

    def sign(nonce: str) -> bytes:
        return base64.b64encode(key.sign(nonce.encode()))

    if text := nats.credentials.get_secret_value():
        credentials = read_credentials(text)
        key = Ed25519PrivateKey.from_private_bytes(credentials.seed)
        return {"user_jwt_cb": safe(credentials.jwt.encode()), "signature_cb": sign}
    if token := nats.token.get_secret_value():
        return {"token": safe(token)}
    if nats.user:
        return {"user": safe(nats.user), "password": safe(nats.password.get_secret_value())}
    return {}
