"""check-http, check-dns and check-certificate against real servers on this machine."""

import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from opsmcp_pipelines.run import Verdict
from tests.fakes.program import FakeProgram
from tests.fakes.website import make_certificate, make_chain, serve_website
from tests.pipelines.bundled.bench import Bench

PAGES = {
    "/json": (
        "application/json",
        b'{"error": "no connection to redis:6379", "trace": "\x1b[2J"}\r\nsecond\n',
    ),
    "/html": (
        "text/html; charset=utf-8",
        "<style>p {}</style><h1>Bad &amp; déjà</h1><script>x</script><p>vu</p>".encode(),
    ),
    "/long": ("text/plain", b"a line of the trace\n" * 10_000),
    "/binary": ("application/octet-stream", bytes(range(256))),
    "/charset": ("text/plain; charset=none-such", b"caf\xe9"),
    "/empty": ("text/plain", b""),
}


@pytest.fixture(scope="module")
def website() -> Iterator[str]:
    with serve_website(pages=PAGES) as port:
        yield f"http://localhost:{port}"


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


async def test_check_http_reports_a_good_answer(bench: Bench, website: str) -> None:
    outcome = await bench.run("check-http", url=f"{website}/status/200")
    assert outcome.verdict is Verdict.SUCCEEDED
    lines = outcome.text.splitlines()
    assert lines[0] == "status: 200 OK"
    assert lines[1].startswith("time: ")
    assert lines[2:5] == [
        "size: 5 bytes",
        "type: text/plain",
        f"final URL: {website}/status/200",
    ]


async def test_check_http_follows_a_redirect_and_says_where_to(bench: Bench, website: str) -> None:
    outcome = await bench.run("check-http", url=f"{website}/moved")
    assert outcome.verdict is Verdict.SUCCEEDED
    assert f"final URL: {website}/status/200 (redirected)" in outcome.text


@pytest.mark.parametrize("status", [404, 500])
async def test_check_http_fails_on_an_error_status(bench: Bench, website: str, status: int) -> None:
    outcome = await bench.run("check-http", url=f"{website}/status/{status}")
    assert outcome.verdict is Verdict.FAILED
    assert f"status: {status} " in outcome.text
    assert "size: 5 bytes" in outcome.text


@pytest.mark.parametrize(
    ("page", "body"),
    [
        ("json", ['{"error": "no connection to redis:6379", "trace": " [2J"}', "second"]),
        ("html", ["Bad & déjà", "vu"]),
        ("binary", ["(not text)"]),
        ("charset", ["café"]),
        ("empty", ["(empty)"]),
    ],
)
async def test_check_http_shows_what_an_error_answer_says(
    bench: Bench, website: str, page: str, body: list[str]
) -> None:
    outcome = await bench.run("check-http", url=f"{website}/{page}")
    assert outcome.verdict is Verdict.FAILED
    lines = outcome.text.splitlines()
    assert [line.strip() for line in lines[lines.index("body begins:") + 1 :]] == body


async def test_check_http_shows_only_the_beginning_of_a_long_error(
    bench: Bench, website: str
) -> None:
    text = (await bench.run("check-http", url=f"{website}/long")).text
    assert len(text) < 2000
    assert text.strip().endswith("(cut: the body goes on)")


async def test_check_http_says_when_a_body_ends_too_early(bench: Bench, website: str) -> None:
    outcome = await bench.run("check-http", url=f"{website}/cut")
    assert outcome.verdict is Verdict.FAILED
    assert "status: 200 OK" in outcome.text
    assert "body: cut off: " in outcome.text


async def test_check_http_fails_when_nobody_listens(bench: Bench) -> None:
    url = f"http://127.0.0.1:{unused_port()}/"
    outcome = await bench.run("check-http", url=url)
    assert outcome.verdict is Verdict.FAILED
    assert outcome.text.strip() == f"{url} cannot be reached: Connection refused"


async def test_check_http_names_the_address_that_it_could_not_reach(bench: Bench) -> None:
    outcome = await bench.run("check-http", url=f"http://localhost:{unused_port()}/")
    assert re.search(r"Connection refused; localhost is [0-9.:, ]*127\.0\.0\.1 here$", outcome.text)


async def test_check_http_fails_when_the_answer_is_not_http(bench: Bench, tmp_path: Path) -> None:
    with serve_website(make_certificate(tmp_path / "pem", days_left=9)) as port:
        outcome = await bench.run("check-http", url=f"http://localhost:{port}/", seconds="2")
    assert outcome.verdict is Verdict.FAILED
    assert "Traceback" not in outcome.text


@pytest.mark.parametrize("url", ["file:///etc/hosts", "ftp://localhost/", "localhost"])
async def test_check_http_gets_nothing_but_http(bench: Bench, url: str) -> None:
    outcome = await bench.run("check-http", url=url)
    assert outcome.verdict is Verdict.FAILED
    assert outcome.text.strip() == "url must begin with http:// or https://"


async def test_check_http_shows_the_days_left_of_a_trusted_certificate(
    bench: Bench, tmp_path: Path
) -> None:
    pem = make_certificate(tmp_path / "pem", days_left=9.5)
    trusting = replace(bench, environ={**bench.environ, "SSL_CERT_FILE": str(pem)})
    with serve_website(pem) as port:
        outcome = await trusting.run("check-http", url=f"https://localhost:{port}/status/200")
    assert outcome.verdict is Verdict.SUCCEEDED
    assert "certificate: 9 days left" in outcome.text


SELF_SIGNED = "certificate: self-signed, so not trusted by this host"


@pytest.mark.parametrize(
    ("days_left", "host", "problems"),
    [
        (40.5, "localhost", [SELF_SIGNED]),
        (4.5, "localhost", ["certificate: ends in 4 days (", SELF_SIGNED]),
        (-1.5, "localhost", ["certificate: EXPIRED 2 days ago (", SELF_SIGNED]),
        (95.5, "localhost", ["certificate: is not valid before ", SELF_SIGNED]),
        (
            1.5,
            "other.example",
            [
                "certificate: ends in 1 day (",
                "certificate: WRONG HOST: it is for other.example, not for localhost",
                SELF_SIGNED,
            ],
        ),
    ],
    ids=["self-signed", "ends-soon", "expired", "not-yet", "wrong-host"],
)
async def test_check_http_ranks_what_is_wrong_with_a_certificate(
    bench: Bench, tmp_path: Path, days_left: float, host: str, problems: list[str]
) -> None:
    pem = make_certificate(tmp_path / "pem", days_left=days_left, host=host)
    with serve_website(pem) as port:
        outcome = await bench.run("check-http", url=f"https://localhost:{port}/status/503")
    assert outcome.verdict is Verdict.FAILED
    status, *lines = outcome.text.splitlines()
    assert status == "status: 503 Service Unavailable"
    assert all(map(str.startswith, lines, problems))
    assert lines[len(problems)].startswith("time: ")
    assert "issued by opsmcp test" in outcome.text


@pytest.mark.parametrize(
    ("days_left", "host", "problem"),
    [
        (9.5, "localhost", "certificate: ends in 9 days ("),
        (-1.5, "localhost", "certificate: EXPIRED 2 days ago ("),
        (40, "other.example", "certificate: WRONG HOST: it is for other.example, not for"),
    ],
    ids=["ends-soon", "expired", "wrong-host"],
)
async def test_check_http_tells_trust_from_the_other_problems(
    bench: Bench, tmp_path: Path, days_left: float, host: str, problem: str
) -> None:
    pem = make_certificate(tmp_path / "pem", days_left=days_left, host=host)
    trusting = replace(bench, environ={**bench.environ, "SSL_CERT_FILE": str(pem)})
    with serve_website(pem) as port:
        outcome = await trusting.run("check-http", url=f"https://localhost:{port}/")
    assert outcome.text.splitlines()[1].startswith(problem)
    assert "trusted" not in outcome.text
    assert (outcome.verdict is Verdict.SUCCEEDED) == (problem.startswith("certificate: ends"))


async def test_check_dns_shows_the_addresses_that_this_host_sees(bench: Bench) -> None:
    outcome = await bench.run("check-dns", domain="localhost")
    assert outcome.verdict is Verdict.SUCCEEDED
    assert "localhost resolves in" in outcome.text
    assert "127.0.0.1" in outcome.text


@pytest.mark.parametrize("domain", ["no-such-host.invalid", "-x", ""])
async def test_check_dns_fails_on_a_name_without_addresses(bench: Bench, domain: str) -> None:
    outcome = await bench.run("check-dns", domain=domain)
    assert outcome.verdict is Verdict.FAILED
    assert "Traceback" not in outcome.text


async def test_check_dns_asks_dig_for_one_record_type(bench: Bench, programs: Path) -> None:
    dig = FakeProgram(programs, "dig")
    dig.answer("MX", out="10 mail.example.com.\n")
    outcome = await bench.run("check-dns", domain="example.com", record="MX")
    assert outcome.verdict is Verdict.SUCCEEDED
    assert outcome.text.split() == ["MX", "10", "mail.example.com."]
    assert dig.calls == [["+short", "+time=3", "+tries=2", "-t", "MX", "-q", "example.com"]]


async def test_check_dns_adds_the_usual_records_where_dig_is(bench: Bench, programs: Path) -> None:
    dig = FakeProgram(programs, "dig")
    dig.answer("TXT", out='"v=spf1 -all"\n')
    dig.answer()
    outcome = await bench.run("check-dns", domain="localhost")
    assert '  TXT    "v=spf1 -all"' in outcome.text
    assert [call[4] for call in dig.calls] == ["CNAME", "MX", "NS", "TXT"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [(0, "example.com has no CAA record"), (9, "no DNS server answered")],
    ids=["no-record", "no-server"],
)
async def test_check_dns_fails_without_the_record(
    bench: Bench, programs: Path, code: int, reason: str
) -> None:
    FakeProgram(programs, "dig").answer(code=code)
    outcome = await bench.run("check-dns", domain="example.com", record="CAA")
    assert outcome.verdict is Verdict.FAILED
    assert reason in outcome.text


async def test_check_dns_says_that_the_hosts_file_decides(bench: Bench) -> None:
    text = (await bench.run("check-dns", domain="localhost")).text
    assert re.search(r"^  by line \d+ of /etc/hosts, not by DNS: .*localhost", text, re.MULTILINE)


async def test_check_certificate_describes_a_good_one(bench: Bench, tmp_path: Path) -> None:
    with serve_website(make_certificate(tmp_path / "pem", days_left=40.5)) as port:
        outcome = await bench.run("check-certificate", domain="localhost", port=str(port))
    assert outcome.verdict is Verdict.SUCCEEDED
    assert outcome.text.splitlines()[:3] == [
        "subject: commonName=opsmcp test",
        "issuer: commonName=opsmcp test",
        "names: localhost",
    ]
    assert "trusted: no: self-signed certificate" in outcome.text
    assert "days left: 40\nOPS_RESULT:days=40" in outcome.text


async def test_check_certificate_tells_the_wrong_host_from_missing_trust(
    bench: Bench, tmp_path: Path
) -> None:
    pem = make_certificate(tmp_path / "pem", days_left=40, host="other.example")
    trusting = replace(bench, environ={**bench.environ, "SSL_CERT_FILE": str(pem)})
    with serve_website(pem) as port:
        text = (await trusting.run("check-certificate", domain="localhost", port=str(port))).text
    assert "trusted: yes, by this host" in text
    assert "WRONG HOST: it is not for localhost; see its names" in text


async def test_check_certificate_sees_that_this_host_trusts_it(
    bench: Bench, tmp_path: Path
) -> None:
    pem = make_certificate(tmp_path / "pem", days_left=40)
    trusting = replace(bench, environ={**bench.environ, "SSL_CERT_FILE": str(pem)})
    with serve_website(pem) as port:
        outcome = await trusting.run("check-certificate", domain="localhost", port=str(port))
    assert "trusted: yes, by this host" in outcome.text


@pytest.mark.parametrize(
    ("days_left", "threshold", "line"),
    [(9.5, "10", "days left: 9"), (-1.5, "0", "EXPIRED 2 days ago")],
    ids=["soon", "expired"],
)
async def test_check_certificate_fails_below_the_threshold(
    bench: Bench, tmp_path: Path, days_left: float, threshold: str, line: str
) -> None:
    with serve_website(make_certificate(tmp_path / "pem", days_left=days_left)) as port:
        outcome = await bench.run(
            "check-certificate", domain="localhost", port=str(port), threshold=threshold
        )
    assert outcome.verdict is Verdict.FAILED
    assert line in outcome.text
    assert f"the certificate has expired or ends within {threshold} days" in outcome.text


async def test_check_certificate_fails_on_a_server_without_tls(bench: Bench, website: str) -> None:
    port = website.rpartition(":")[2]
    outcome = await bench.run("check-certificate", domain="localhost", port=port)
    assert outcome.verdict is Verdict.FAILED
    assert f"localhost:{port} does not speak TLS" in outcome.text


async def test_check_certificate_fails_when_nobody_listens(bench: Bench) -> None:
    port = str(unused_port())
    outcome = await bench.run("check-certificate", domain="127.0.0.1", port=port)
    assert outcome.verdict is Verdict.FAILED
    assert outcome.text.strip() == f"127.0.0.1:{port} cannot be reached: Connection refused"


@pytest.mark.parametrize(
    ("issuer_days_left", "verdict", "said"),
    [(60.5, Verdict.SUCCEEDED, "days left: 60"), (-2.5, Verdict.FAILED, "EXPIRED 3 days ago")],
    ids=["valid", "expired"],
)
async def test_the_certificates_of_the_issuers_are_looked_at_too(
    bench: Bench, tmp_path: Path, issuer_days_left: float, verdict: Verdict, said: str
) -> None:
    root = tmp_path / "root.pem"
    pem = make_chain(tmp_path / "pem", root, days_left=80, issuer_days_left=issuer_days_left)
    trusting = replace(bench, environ={**bench.environ, "SSL_CERT_FILE": str(root)})
    with serve_website(pem) as port:
        outcome = await trusting.run("check-certificate", domain="localhost", port=str(port))
        by_http = await trusting.run("check-http", url=f"https://localhost:{port}/status/200")
    assert outcome.verdict is by_http.verdict is verdict
    assert f"sent with it: commonName=opsmcp issuer: {said}" in outcome.text
    expired = "certificate: a certificate of its issuers has expired"
    assert (expired in by_http.text) is (verdict is Verdict.FAILED)


async def test_a_missing_certificate_of_the_issuer_is_named(bench: Bench, tmp_path: Path) -> None:
    pem = make_chain(tmp_path / "pem", tmp_path / "root", days_left=80, issuer_days_left=80)
    text = pem.read_text(encoding="utf-8")
    end = "-----END CERTIFICATE-----\n"
    pem.write_text(text.partition(end)[0] + end, encoding="utf-8")
    with serve_website(pem) as port:
        text = (await bench.run("check-certificate", domain="localhost", port=str(port))).text
    assert text.strip().endswith("sent with it: no certificate of an issuer")
