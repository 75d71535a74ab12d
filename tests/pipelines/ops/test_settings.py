"""What the address, the token and the namespaces of an Ops server may look like."""

import pytest

from opsmcp_pipelines.ops.settings import OpsSettings, parse_server


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("http://ops.example", "http://ops.example"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("https://ops.example/api/v1", "https://ops.example"),
        (" https://ops.example:8443/api/v1/ ", "https://ops.example:8443"),
        ("http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_an_address_is_taken_with_or_without_its_end(text: str, origin: str) -> None:
    assert parse_server(text) == origin


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ops.example",
        "ops.example:80",
        "ftp://ops.example",
        "http://",
        "http://ops.example:port",
        "http://ops.example:99999",
        "http://[::1",
        "http://ops.example/other",
        "http://ops.example?x=1",
        "http://ops.example#x",
        "http://a b",
        "http://user:hunter2@ops.example",
    ],
)
def test_any_other_address_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="the address of the Ops server must") as caught:
        parse_server(text)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("token", ["two words", "new\nline", "s\u00e4cret"])
def test_a_token_that_no_header_can_carry_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="must be ASCII") as caught:
        OpsSettings(server="http://ops.example", token=token)
    assert token not in str(caught.value)


def test_no_namespace_is_refused() -> None:
    with pytest.raises(ValueError, match="namespace"):
        OpsSettings(server="http://ops.example", namespaces=())


def test_the_token_is_not_shown() -> None:
    assert "hunter2" not in repr(OpsSettings(server="http://ops.example", token="hunter2"))
