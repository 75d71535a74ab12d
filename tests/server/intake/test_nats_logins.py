"""How opsmcp logs in to a real NATS, what it refuses before that, and what nobody is shown."""

import logging
from pathlib import Path

import anyio
import pytest
import trustme

from opsmcp_pipelines.errors import SourceError, SourceRefused
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.load import load
from opsmcp_server.config.sender import Nats
from opsmcp_server.intake.nats_stream import NatsStream
from tests.own_settings import write_settings
from tests.server.intake.nats_keys import operated
from tests.server.intake.nats_server import PATTERN, needs_nats, running_nats

_NO_STREAM = "it has no stream ops"
"""What is found out by those alone who are let in."""


def _read(folder: Path, nats: str, **environ: str) -> Nats:
    write_settings(folder, f"events: {{senders: {{bus: {{type: ops, nats: {nats}}}}}}}\n")
    config = load({"HOME": str(folder), **environ}, cwd=folder, senders=True)
    found = config.events.senders["bus"].nats
    assert found is not None
    for secret in found.secrets():
        assert secret not in repr(found) + repr(config) + str(list(config.entries()))
        assert secret in config.secret_values()
    return found


async def _answer(nats: Nats) -> str:
    """What comes of asking for a consumer where there is no stream."""
    stream = NatsStream(nats)
    try:
        with anyio.fail_after(20), pytest.raises(SourceError) as caught:
            await stream.consumer(PATTERN, None)
    finally:
        await stream.close()
    return str(caught.value)


@needs_nats
async def test_a_credentials_file_lets_in(tmp_path: Path) -> None:
    server, credentials = operated()
    (tmp_path / "user.creds").write_text(credentials, "utf-8")
    (tmp_path / "other.creds").write_text(operated()[1], "utf-8")
    with running_nats(tmp_path / "nats", server) as nats:
        url = f"'nats://127.0.0.1:{nats.port}'"
        for name, expected in (("user", _NO_STREAM), ("other", "it refuses the user")):
            said = f"{{url: {url}, credentials: {{file: {tmp_path}/{name}.creds}}}}"
            assert expected in await _answer(_read(tmp_path, said))


@needs_nats
async def test_a_connection_is_encrypted_and_its_ends_are_checked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    authority = trustme.CA()
    own = authority.issue_cert("client@example.com")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    own.private_key_and_cert_chain_pem.write_to_path(tmp_path / "own.pem")
    server = authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem
    server.write_to_path(tmp_path / "server.pem")
    tls = (
        f'tls {{ cert_file: "{tmp_path}/server.pem", key_file: "{tmp_path}/server.pem", '
        f'ca_file: "{tmp_path}/ca.pem", verify: true }}'
    )
    with running_nats(tmp_path / "nats", tls) as nats:
        url, own_file = f"url: 'tls://127.0.0.1:{nats.port}'", f"{tmp_path}/own.pem"
        ca = f"{url}, ca_file: '{tmp_path}/ca.pem'"
        both = f"{ca}, cert_file: '{own_file}', key_file: '{own_file}'"
        assert _NO_STREAM in await _answer(_read(tmp_path, f"{{{both}}}"))
        untrusted = await _answer(_read(tmp_path, f"{{{url}}}"))
        assert "its certificate is not trusted" in untrusted and "ca_file" in untrusted
        assert _NO_STREAM not in await _answer(_read(tmp_path, f"{{{ca}}}"))


@needs_nats
async def test_the_next_server_is_asked_when_one_is_away(tmp_path: Path) -> None:
    with running_nats(tmp_path / "nats") as nats:
        found = _read(tmp_path, "{env: URL}", URL=f"{_dead(nats.url)},{nats.url}")
        assert found.servers == (f"127.0.0.2:{nats.port}", f"127.0.0.1:{nats.port}")
        assert _NO_STREAM in await _answer(found)


def _dead(url: str) -> str:
    return url.replace("127.0.0.1", "127.0.0.2")


@needs_nats
async def test_a_user_that_may_not_is_told_what_it_lacks(tmp_path: Path) -> None:
    may = "{ user: anna, password: long-word, permissions { publish: [x], subscribe: [_INBOX.>] } }"
    with running_nats(tmp_path / "nats", f"authorization {{ users: [{may}] }}") as nats:
        found = _read(tmp_path, "{env: URL}", URL=f"nats://anna:long-word@127.0.0.1:{nats.port}")
        said = await _answer(found)
    assert "permissions violation for publish to" in said and "more rights" in said


async def test_no_server_at_all_is_refused() -> None:
    with pytest.raises(SourceRefused):
        await NatsStream(Nats()).heard(PATTERN, 1.0)


def test_an_address_is_read_as_the_client_of_ops_reads_it(tmp_path: Path) -> None:
    found = _read(tmp_path, "{env: URL}", URL="nats://ops:p%40ss%2Fword@nats.ops-system:4222")
    assert (found.user, found.password.get_secret_value()) == ("ops", "p@ss/word")
    assert (found.servers, found.tls) == (("nats.ops-system:4222",), False)
    assert str(found) == "NATS at nats.ops-system:4222"
    assert (found.stream, found.consumer) == ("ops", "opsmcp-bus")
    found = _read(tmp_path, "{env: URL}", URL="tls://a-token@[::1],tls://a-token@nats-2:4223")
    assert found.token.get_secret_value() == "a-token"
    assert (found.servers, found.tls) == (("[::1]:4222", "nats-2:4223"), True)


def test_without_its_secrets_a_sender_is_known_all_the_same(tmp_path: Path) -> None:
    write_settings(tmp_path, "events: {senders: {bus: {type: ops, nats: {env: NOWHERE}}}}\n")
    config = load({"HOME": str(tmp_path)}, cwd=tmp_path)
    assert str(config.events.senders["bus"]) == "ops, read from NATS"


_URL = "url: 'nats://nats:4222'"


@pytest.mark.parametrize(
    ("nats", "words"),
    [
        ("nats://nats", r"bus\.nats must be \{env: NAME\} or a mapping"),
        ("{}", "must be {env: NAME} or a mapping"),
        ("{user: a}", "url is missing"),
        ("{env: SECRET}", "must be the address of a NATS"),
        ("{env: HTTP}", "with http in place of nats"),
        ("{url: 'nats://a:hidden-word@nats'}", "names a user"),
        ("{url: 'nats://nats/path'}", "must be the address"),
        ("{url: 'nats://nats:99999'}", "must be the address"),
        ("{url: 'nats://a,tls://b'}", "mixes"),
        (f"{{{_URL}, passwd: x}}", "has no part 'passwd'"),
        (f"{{{_URL}, password: hidden-word, user: a}}", "a secret never stands in the file"),
        (f"{{{_URL}, user: a}}", "stand together"),
        (
            f"{{{_URL}, user: a, password: {{env: SECRET}}, token: {{env: SECRET}}}}",
            "more than one",
        ),
        ("{url: {env: BOTH}}", "more than one proof"),
        (f"{{{_URL}, credentials: {{env: SECRET}}}}", "no credentials file of NATS"),
        (f"{{{_URL}, credentials: {{env: DAMAGED}}}}", "no credentials file of NATS"),
        (f"{{{_URL}, ca_file: /nowhere.pem}}", "no file of certificates"),
        (f"{{{_URL}, ca_file: 3}}", "must be the path"),
        (f"{{{_URL}, cert_file: /nowhere.pem}}", "stand together"),
        (f"{{{_URL}, cert_file: /no.pem, key_file: /no.pem}}", "no certificate with its key"),
        (f"{{{_URL}, stream: 'a.b'}}", "must be a name"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place_and_no_secret(
    nats: str, words: str, tmp_path: Path
) -> None:
    secrets = {
        "SECRET": "hidden-word",
        "HTTP": "http://ops:hidden-word@nats:4222",
        "BOTH": "nats://a:hidden-word@b,nats://c:hidden-word@b",
        "DAMAGED": operated()[1].replace("\nSU", "\nSUA"),
    }
    with pytest.raises(ConfigError) as caught:
        _read(tmp_path, nats, **secrets)
    said = str(caught.value)
    assert words.replace("\\", "") in said
    assert "events.senders.bus.nats" in said and "opsmcp.yaml:1" in said
    assert "hidden-word" not in said
