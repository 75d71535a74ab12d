"""An OpenID Connect issuer on the loopback: keys, discovery, and tokens as a test wants them."""

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ABSENT = object()
"""The value of a claim that is left out."""

AUDIENCE = "https://ops.example.com/mcp"


def new_key(kid: str, bits: int = 2048) -> tuple[Any, dict[str, Any]]:
    """A private key, and its public half as a set has it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    jwk = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return key, {**jwk, "kid": kid, "use": "sig"}


def new_curve_key(kid: str) -> tuple[Any, dict[str, Any]]:
    key = ec.generate_private_key(ec.SECP256R1())
    jwk = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return key, {**jwk, "kid": kid}


@dataclass
class FakeIssuer:
    """What it answers can be changed at any time; `asked` are the paths that were asked for."""

    url: str = ""
    keys: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    private: Any = None
    answers: dict[str, tuple[int, bytes, dict[str, str]]] = field(
        default_factory=dict[str, tuple[int, bytes, dict[str, str]]]
    )
    asked: list[str] = field(default_factory=list[str])
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    def rotate(self, kid: str) -> None:
        self.private, jwk = new_key(kid)
        self.keys = [jwk]

    def answer(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        if path in self.answers:
            return self.answers[path]
        if path == "/.well-known/openid-configuration":
            said: Any = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        elif path == "/keys":
            said = {"keys": self.keys}
        else:
            return 404, b"", {}
        return 200, json.dumps(said).encode(), {}

    def token(self, *, key: Any = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A good access token, but for what is said otherwise."""
        kid = self.keys[0]["kid"] if self.keys else "none"
        return jwt.encode(
            self.claims(**claims),
            key or self.private,
            algorithm=str((header or {}).get("alg", "RS256")),
            headers={"kid": kid, "typ": "at+jwt", **(header or {})},
        )

    def claims(self, **claims: Any) -> dict[str, Any]:
        now = int(time())
        whole = {
            "iss": self.url,
            "sub": "7",
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + 300,
            "azp": "claude-code",
            "scope": "ops:read ops:run",
            "email": "anna@example.com",
            "email_verified": True,
            **claims,
        }
        return {name: value for name, value in whole.items() if value is not ABSENT}


@contextmanager
def issuing() -> Generator[FakeIssuer]:
    """An issuer that answers for the time of the block."""
    issuer = FakeIssuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked.append(self.path)
            issuer.headers.append({name.lower(): value for name, value in self.headers.items()})
            status, body, headers = issuer.answer(self.path)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer.url = f"http://127.0.0.1:{server.server_address[1]}"
        issuer.rotate("first")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()
