"""A known secret is masked as real programs write it down: shells, encoders, markup."""

import base64
import html
import json
import subprocess
from xml.sax import saxutils

import pytest

from opsmcp_tools.masking.masker import Masker

SECRET = "pl4nted-S3cret/+=x"
QUOTED = """pl4nted'S3cr&t" <x> $y `z` +\\/é!42"""
MASKER = Masker([SECRET, QUOTED])
PEM_BEGIN = "-----BEGIN RSA PRIVATE KEY-----"


def lines(text: str, width: int) -> str:
    return "\n".join(text[start : start + width] for start in range(0, len(text), width))


def base64_lines(text: str, width: int) -> str:
    return lines(base64.b64encode(text.encode()).decode(), width)


IN_LINES = base64_lines(f"uu{SECRET}", 16)
ENCODED = {
    "within JSON": json.dumps(IN_LINES),
    "indented": IN_LINES.replace("\n", "\n    "),
    "on a terminal": IN_LINES.replace("\n", "\r\n"),
    "of JSON": base64.b64encode(json.dumps({"a": QUOTED}).encode()).decode(),
    "hexadecimal": lines(f"{SECRET}u".encode().hex(), 6),
}
SHELLS = {
    "bash, traced": ("bash", "C", 'set -x; : login "$1" now'),
    "bash, traced in UTF-8": ("bash", "C.UTF-8", 'set -x; : login "$1" now'),
    "bash, traced with a line end": ("bash", "C.UTF-8", 'set -x; : "$1\n"'),
    "bash, printf": ("bash", "C.UTF-8", 'printf %q "$1"'),
    "bash, declare": ("bash", "C.UTF-8", "secret=$1; declare -p secret"),
    "sh, traced": ("sh", "C", 'set -x; : login "$1" now'),
}
NUMBERED = html.escape(QUOTED).replace("&#x27;", "&#39;")
MARKUP = {
    "HTML": html.escape(QUOTED),
    "HTML of JavaScript": NUMBERED,
    "HTML of PHP": NUMBERED.replace("&#39;", "&#039;"),
    "HTML of Go": NUMBERED.replace("&quot;", "&#34;"),
    "HTML of Go's templates": NUMBERED.replace("&quot;", "&#34;").replace("+", "&#43;"),
    "HTML, no attribute": html.escape(QUOTED, quote=False),
    "XML": saxutils.escape(QUOTED, {"'": "&apos;", '"': "&quot;"}),
    "JSON": json.dumps(QUOTED),
    "JSON of PHP": json.dumps(QUOTED).replace("/", "\\/"),
    "JSON of Go": json.dumps(QUOTED, ensure_ascii=False)
    .replace("&", "\\u0026")
    .replace("<", "\\u003c")
    .replace(">", "\\u003e"),
}


@pytest.mark.parametrize("width", [4, 16, 20, 64, 76])
@pytest.mark.parametrize("before", ["", "u", "uu", "u" * 45, '{"user":"app","pass_phrase":"'])
def test_a_secret_is_masked_in_lines_of_base64(before: str, width: int) -> None:
    encoded = base64_lines(f"{before}{SECRET}{'z' * 90}", width)
    around = base64_lines(f"{before}{'*' * len(SECRET)}{'z' * 90}", width)
    masked = MASKER.text(encoded)
    assert "***" in masked
    assert all(line in around for line in masked.split("***")[0].splitlines())
    assert all(line in around for line in masked.split("***")[1].splitlines())


@pytest.mark.parametrize("text", ENCODED.values(), ids=ENCODED)
def test_a_secret_is_masked_wherever_lines_of_it_stand(text: str) -> None:
    masked = MASKER.text(text)
    assert "***" in masked
    assert len(masked) < len(text) - len(SECRET)


@pytest.mark.parametrize(("shell", "locale", "script"), SHELLS.values(), ids=SHELLS)
def test_a_secret_is_masked_as_shells_write_it(shell: str, locale: str, script: str) -> None:
    command = [shell, "-c", script, "-", QUOTED]
    done = subprocess.run(command, capture_output=True, env={"LC_ALL": locale}, check=True)
    is_gone((done.stdout + done.stderr).decode())


@pytest.mark.parametrize("text", MARKUP.values(), ids=MARKUP)
def test_a_secret_is_masked_in_markup(text: str) -> None:
    is_gone(text)


def is_gone(text: str) -> None:
    assert "4nted" in text
    masked = MASKER.text(text)
    assert "***" in masked
    assert not any(part in masked for part in ("4nted", "S3cr", "z`", "42"))


@pytest.mark.parametrize("before", ["password=", 'password="', "Authorization: ", "://u:"])
def test_a_secret_is_masked_whole_where_a_shape_would_end_within_it(before: str) -> None:
    is_gone(f"{before}{QUOTED} y")


@pytest.mark.parametrize("length", [100, 114, 171, 300])
def test_a_private_key_in_lines_of_base64_is_masked_to_its_end(length: int) -> None:
    encoded = base64_lines(PEM_BEGIN + "k" * length, 76)
    assert MASKER.text(f"key: {encoded}\n---\nnext: line") == "key: ***\n---\nnext: line"


def test_what_follows_a_private_key_in_one_line_of_base64_is_kept() -> None:
    encoded = base64.b64encode(PEM_BEGIN.encode() + b"k" * 300).decode()
    assert MASKER.text(f"key: {encoded}\nnext: line") == "key: ***\nnext: line"


@pytest.mark.parametrize("length", [300, 390, 2000])
@pytest.mark.parametrize("width", [64, 76, 10_000])
def test_a_long_secret_is_masked_in_base64(length: int, width: int) -> None:
    secret = "".join(chr(97 + number * 7 % 26) for number in range(length))
    masked = Masker([secret]).text(f"<{base64_lines(secret, width)}>")
    assert "***" in masked
    assert len(masked) <= 9
