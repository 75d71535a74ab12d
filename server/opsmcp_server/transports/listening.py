"""Where is listened over HTTP, which may not be beyond this machine where nobody needs a token."""

import os
import socket

from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.groups.server import Server, split_address
from opsmcp_server.config.issuers import is_loopback_host

__all__ = ["check_exposure", "listen", "listen_for_monitoring"]

_SEND_BUFFER_BYTES = 64 * 1024
"""What the kernel keeps of an answer for a client that does not read it. Left alone that grows to
megabytes, which count against a container."""

_CHOOSE = "Choose another with --port or --host."


def listen(settings: Server, *, guarded: bool = False) -> socket.socket:
    """The socket to serve on; `guarded` says that whoever calls needs a token.

    Raises:
        ConfigError: It would listen beyond this machine without one, or the address is taken.
    """
    check_exposure(settings.host, guarded=guarded)
    return _listener(settings.host, settings.port, "server.host, server.port", _CHOOSE)


def listen_for_monitoring(settings: Server) -> socket.socket | None:
    """The socket to serve metrics on, if there is to be one.

    Raises:
        ConfigError: The address is taken.
    """
    if not settings.metrics_address:
        return None
    host, port = split_address(settings.metrics_address)
    return _listener(host, port, "server.metrics_address", "Choose another.")


def _listener(host: str, port: int, settings: str, advice: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        # The text of the error repeats the address.
        why = os.strerror(error.errno) if error.errno else str(error)
        raise ConfigError(
            f"cannot listen on {host} port {port} ({settings}): {why}. {advice}"
        ) from error
    # Connections inherit it. The event loop would set it only on sockets that name their protocol,
    # and without it an answer in two parts waits 40 ms for the client's acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    return listener


def check_exposure(host: str, *, guarded: bool) -> None:
    """Refuse to listen beyond this machine where nobody needs a token.

    Raises:
        ConfigError: That would let everybody on the network run operations.
    """
    if not guarded and not is_loopback_host(host):
        raise ConfigError(
            f"server.host {host!r} is reached from other machines, and nobody needs a token. Make "
            "one with `opsmcp token create`, set auth.tokens_file or server.token "
            "(OPSMCP_SERVER_TOKEN), or listen on 127.0.0.1."
        )
