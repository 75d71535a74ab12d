"""A real web server on a loopback port, in plain text or with a certificate made for it."""

import ssl
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket
from threading import Thread
from typing import ClassVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

__all__ = ["make_certificate", "serve_website"]


class _Handler(BaseHTTPRequestHandler):
    """`/status/N` answers N, `/moved` leads to `/status/200`, `/cut` ends before its body does.

    Other paths are those of `pages`: type and body of an answer with status 500.
    """

    pages: ClassVar[Mapping[str, tuple[str, bytes]]] = {}

    def do_GET(self) -> None:
        if self.path in self.pages:
            self._send(500, *self.pages[self.path])
        elif self.path == "/moved":
            self._send(302, "text/plain", b"hello", location="/status/200")
        elif self.path == "/cut":
            self._send(200, "text/plain", b"hello", announced=10)
        else:
            self._send(int(self.path.rpartition("/")[2] or 200), "text/plain", b"hello")

    def _send(
        self, status: int, kind: str, body: bytes, *, location: str = "", announced: int = 0
    ) -> None:
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(announced or len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that leave in the middle are what these tests are about."""


@contextmanager
def serve_website(
    certificate: Path | None = None, pages: Mapping[str, tuple[str, bytes]] | None = None
) -> Generator[int]:
    """Serve on localhost until the block ends; gives the port."""
    handler = type("_WithPages", (_Handler,), {"pages": pages or {}})
    with _Server(("localhost", 0), handler) as server:
        if certificate is not None:
            server.socket = _with_tls(server.socket, certificate)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _with_tls(plain: socket, certificate: Path) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context.wrap_socket(plain, server_side=True)


def make_certificate(path: Path, *, days_left: float, host: str = "localhost") -> Path:
    """Write a self-signed certificate for `host`, with its key, to `path`."""
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(_secret(key) + _pem(_certificate(_NAME, _NAME, key, key, days_left, host)))
    return path


def make_chain(path: Path, root: Path, *, days_left: float, issuer_days_left: float) -> Path:
    """Write a certificate for localhost, its key and that of its issuer to `path`.

    The certificate of the issuer's issuer, which is the one to trust, goes to `root`.
    """
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
    names = [_NAME, _name("opsmcp issuer"), _name("opsmcp root")]
    own = _certificate(names[0], names[1], keys[0], keys[1], days_left)
    issuer = _certificate(names[1], names[2], keys[1], keys[2], issuer_days_left)
    path.write_bytes(_secret(keys[0]) + _pem(own) + _pem(issuer))
    root.write_bytes(_pem(_certificate(names[2], names[2], keys[2], keys[2], 90)))
    return path


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


_NAME = _name("opsmcp test")


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signing: ec.EllipticCurvePrivateKey,
    days_left: float,
    host: str = "localhost",
) -> x509.Certificate:
    end = datetime.now(UTC) + timedelta(days=days_left)
    return (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(end - timedelta(days=90))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(signing, hashes.SHA256())
    )


def _secret(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
