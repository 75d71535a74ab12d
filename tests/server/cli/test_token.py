"""Personal tokens on the command line: shown once, listed without their secret, ended."""

import json
import os
import re
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from opsmcp_server.identity.personal_token import split_token
from opsmcp_server.identity.token_files import read_tokens
from tests.own_settings import write_settings
from tests.server.cli.process import Opsmcp


def _file(opsmcp: Opsmcp) -> Path:
    return opsmcp.folder / "state" / "tokens.json"


def test_a_token_is_shown_once_and_only_its_hash_is_kept(opsmcp: Opsmcp) -> None:
    made = opsmcp("token", "create", "anna", "--group", "admins", "--note", "laptop")
    parts = split_token(made.stdout.strip())
    assert made.returncode == 0 and parts is not None
    number, secret = parts
    (kept,) = read_tokens(_file(opsmcp)).values()
    assert kept.is_of(secret) and secret not in _file(opsmcp).read_text("utf-8")
    assert stat.S_IMODE(_file(opsmcp).stat().st_mode) == 0o600
    shown = opsmcp("audit", "show", "--event", "token.created").stdout
    assert f"token {number}; of anna (token:anna)" in shown
    listed = opsmcp("token", "list").stdout.split("\t")
    assert listed[:4] == [number, "anna", "admins", "ops:read,ops:run"]
    (entry,) = json.loads(opsmcp("token", "list", "--json").stdout)["tokens"]
    assert (entry["principal"], entry["last_used"], "hash" in entry) == ("token:anna", None, False)


def test_a_token_is_rotated_and_revoked_by_its_id(opsmcp: Opsmcp) -> None:
    who = ("--id", "https://issuer.example 7", "--scope", "ops:read", "--expires", "never")
    opsmcp("token", "create", "anna", *who)
    (old,) = read_tokens(_file(opsmcp))
    rotated = opsmcp("token", "rotate", old, "--overlap", "1h")
    assert rotated.returncode == 0, rotated.stderr
    found = read_tokens(_file(opsmcp))
    (new,) = set(found) - {old}
    assert (found[new].principal, found[new].scopes) == (found[old].principal, ("ops:read",))
    assert found[old].expires == found[new].created + timedelta(hours=1)
    assert opsmcp("token", "revoke", old).returncode == 0
    assert read_tokens(_file(opsmcp))[old].revoked is not None
    assert "revoked" in opsmcp("token", "list").stdout
    assert opsmcp("token", "rotate", old).returncode == 2


def test_a_token_in_a_file_becomes_a_header_if_nobody_else_reads_it(opsmcp: Opsmcp) -> None:
    path = opsmcp.folder / "mine"
    assert opsmcp("token", "create", "anna", "--out", str(path)).stdout == ""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    shown = json.loads(opsmcp("token", "header", "--file", str(path)).stdout)
    assert shown == {"Authorization": f"Bearer {path.read_text('ascii').strip()}"}
    path.chmod(0o640)
    refused = opsmcp("token", "header", "--file", str(path))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "is read by others" in refused.stderr
    path.chmod(0o600)
    path.write_text(path.read_text("ascii")[:-3], "ascii")
    assert "cut or changed" in opsmcp("token", "header", "--file", str(path)).stderr


def test_a_long_token_of_a_file_is_shown_whole_or_not_at_all(opsmcp: Opsmcp) -> None:
    path = opsmcp.folder / "mine"
    path.touch(mode=0o600)
    path.write_text("t" * 16 * 1024, "ascii")
    shown = json.loads(opsmcp("token", "header", "--file", str(path)).stdout)
    assert shown == {"Authorization": f"Bearer {path.read_text('ascii')}"}
    path.write_text("t" * 17 * 1024, "ascii")
    refused = opsmcp("token", "header", "--file", str(path))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "holds no token" in refused.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("create", "Anna"), "is no name for a token"),
        (("create", "token"), "is no name for a token"),
        (("create", "anna@example.com"), "is no name for a token"),
        (("create", "anna", "--id", "anna"), "is no id such as"),
        (("create", "anna", "--id", "local:root"), "is no id such as"),
        (("create", "anna", "--expires", "soon"), "is no duration"),
        (("create", "anna", "--group", "a\nb"), "no good groups"),
        (("create", "anna", "--scope", "ops:admin"), "ops:admin"),
        (("revoke", "none"), "there is no token"),
    ],
)
def test_what_cannot_be_meant_is_refused(words: tuple[str, ...], said: str, opsmcp: Opsmcp) -> None:
    done = opsmcp("token", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert not _file(opsmcp).exists() or not read_tokens(_file(opsmcp))


DAMAGED = {
    "no JSON": "{",
    "no mapping": "[]",
    "another version": '{"version": 2}',
    "no list": '{"version": 1, "tokens": {}}',
    "no entry": '{"version": 1, "tokens": [5]}',
    "an unknown key": '{"version": 1, "tokens": [{"id": "AAAAAAAA", "admin": true}]}',
    "no hash": '{"version": 1, "tokens": [{"id": "AAAAAAAA", "name": "a", "hash": "x"}]}',
    "nested too deeply": "[" * 100_000,
}


@pytest.mark.parametrize("how", DAMAGED)
def test_a_file_of_tokens_that_says_something_else_stops_the_start(
    how: str, opsmcp: Opsmcp, tmp_path: Path
) -> None:
    path = tmp_path / "mounted.json"
    path.write_text(DAMAGED[how], "utf-8")
    write_settings(opsmcp.folder, f"auth: {{tokens_file: {path}}}\n")
    served = opsmcp("serve", "--port", "0")
    assert served.returncode == 2, served.stderr
    assert re.search(r"the tokens in \S+ cannot be read", served.stderr)
    assert opsmcp("token", "list").returncode == 1


def test_what_is_no_regular_file_holds_no_tokens_and_is_not_waited_for(
    opsmcp: Opsmcp, tmp_path: Path
) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path, 0o600)
    assert "no regular file" in opsmcp("token", "header", "--file", str(path)).stderr
    write_settings(opsmcp.folder, f"auth: {{tokens_file: {path}}}\n")
    served = opsmcp("serve", "--port", "0")
    assert served.returncode == 2, served.stderr
    assert re.search(r"the tokens in \S+ cannot be read: it is no regular file", served.stderr)


def test_a_token_lets_a_server_listen_beyond_this_machine(opsmcp: Opsmcp) -> None:
    refused = opsmcp("serve", "--port", "0", "--host", "0.0.0.0")
    assert refused.returncode == 2
    assert "opsmcp token create" in refused.stderr
