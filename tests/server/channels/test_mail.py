"""Mail by a real mail server: taken, refused, put off, cut off, and with a login."""

from collections.abc import Generator
from contextlib import contextmanager
from email import message_from_bytes
from email.header import decode_header, make_header
from socket import socket
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from pydantic import SecretStr

from opsmcp_server.channels.mail import send_mail
from opsmcp_server.config.channel import Channel, ChannelType, Mail
from opsmcp_tools.incidents.outbox import Again, Delivered, Refused
from tests.server.channels.letters import letter, message


class Server:
    """A mail server that says to `RCPT`, `DATA` and `QUIT` what a test wants."""

    def __init__(self, data: str = "250 OK", refuses: str = "", bye: str = "221 Bye") -> None:
        self.data, self.refuses, self.bye = data, refuses, bye
        self.mails: list[bytes] = []

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address == self.refuses:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.data.startswith("250"):
            self.mails.append(envelope.content)
        return self.data

    async def handle_QUIT(self, _server: Any, _session: Any, _envelope: Any) -> str:
        return self.bye


@contextmanager
def serving(server: Server, **more: Any) -> Generator[int]:
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(server, hostname="127.0.0.1", port=port, **more)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def _channel(port: int, *to: str, user: str = "", password: str = "") -> Channel:
    mail = Mail("127.0.0.1", port, "none", "ops@example.com", to or ("anna@example.com",), user)
    return Channel("mail", ChannelType.SMTP, secret=SecretStr(password), mail=mail)


def test_a_mail_is_plain_text_with_one_link() -> None:
    server = Server()
    with serving(server) as port:
        sent = send_mail(_channel(port), message(letter(kind="磁盘满")), 1_700_000_000.0)
    assert sent == Delivered()
    (raw,) = server.mails
    mail = message_from_bytes(raw)
    subject = str(make_header(decode_header(mail["Subject"])))
    assert subject == "Incident: 磁盘满 (repairs, i-abcdefghij)"
    assert mail["Message-ID"] == f"<{'0' * 32}@opsmcp.example.com>"
    body = mail.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert body.count(b"https://") == 1
    assert b"https://ops.example.com/incidents/i-abcdefghij" in body


def test_what_a_mail_server_says_is_understood() -> None:
    for data, expected in (("451 try later", Again), ("554 spam", Refused)):
        with serving(Server(data)) as port:
            sent = send_mail(_channel(port), message(), 0.0)
        assert isinstance(sent, expected) and data[:3] in sent.why
    with serving(Server(refuses="bob@example.com")) as port:
        some = send_mail(_channel(port, "anna@example.com", "bob@example.com"), message(), 0.0)
        assert some == Refused("1 of 2 recipients were refused")
        none = send_mail(_channel(port, "bob@example.com"), message(), 0.0)
        assert none == Refused("it answers 550: no such user")
    assert isinstance(send_mail(_channel(port), message(), 0.0), Again)


def test_a_mail_that_was_taken_is_delivered_whatever_the_server_answers_to_quit() -> None:
    for bye in ("421 too busy", "500 what", "not a word of SMTP"):
        server = Server(bye=bye)
        with serving(server) as port:
            assert send_mail(_channel(port), message(), 0.0) == Delivered()
        assert len(server.mails) == 1


def test_a_login_is_made_where_the_settings_have_one() -> None:
    def check(_server: Any, _session: Any, _envelope: Any, _how: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and data.password == b"right"
        return AuthResult(success=good, handled=False)

    server = Server()
    more = {"authenticator": check, "auth_require_tls": False}
    with serving(server, **more) as port:
        right = send_mail(_channel(port, user="ops", password="right"), message(), 0.0)
        wrong = send_mail(_channel(port, user="ops", password="wrong"), message(), 0.0)
    assert right == Delivered() and len(server.mails) == 1
    assert isinstance(wrong, Refused) and "535" in wrong.why


def test_a_server_without_tls_is_told_nothing_where_tls_is_wanted() -> None:
    server = Server()
    with serving(server) as port:
        mail = Mail("127.0.0.1", port, "starttls", "ops@example.com", ("a@example.com",))
        sent = send_mail(Channel("mail", ChannelType.SMTP, mail=mail), message(), 0.0)
    assert isinstance(sent, Refused) and "TLS" in sent.why
    assert server.mails == []
