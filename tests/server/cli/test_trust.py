"""`opsmcp trust`, and what every command says of a settings file that it only found."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, StdioServerParameters

from opsmcp_server.cli import COMMANDS
from tests.server.cli.process import MANIFESTS, SECONDS, Opsmcp

SETTINGS = """
embedded: {manifests: [book]}
tools: {limit: 7}
policy: {rules: [{name: all of it, effect: allow, operation: "*"}]}
bind:
  ak: {env: CLOUD_AK}
  sk: {command: [sh, ./get.sh]}
  pw: planted-password
"""
LINE = (
    "opsmcp: {file} is ignored: it was never trusted; "
    "opsmcp trust {file} shows what it would bring, and trusts it\n"
)
ARGUMENTS = {
    "call": ("say-hello", "word=x"),
    "policy": ("explain", "say-hello"),
    "approve": ("q-none",),
    "reject": ("q-none",),
    "events": ("list",),
    "notify": ("outbox",),
    "token": ("list",),
    "audit": ("show",),
}
WITHOUT_SETTINGS = {"demo", "trust"}
LONG_LIVED = {"serve", "copilot"}


@pytest.fixture
def clone(opsmcp: Opsmcp) -> Opsmcp:
    """A person who stands in a clone that has settings and manifests."""
    folder = opsmcp.folder
    (folder / "opsmcp.yaml").write_text(SETTINGS, "utf-8")
    (folder / "get.sh").write_text(f"touch {folder}/ran; echo from-program", "utf-8")
    (folder / "book").mkdir()
    text = MANIFESTS.replace("say-hello", "say-goodbye").replace("show-trouble", "disk-usage")
    (folder / "book" / "all.yaml").write_text(text, "utf-8")
    environ = {"CLOUD_AK": "planted-key", "OPSMCP_EMBEDDED_MANIFESTS": ""}
    return replace(opsmcp, environ=environ)


def file_of(clone: Opsmcp) -> Path:
    return clone.folder / "opsmcp.yaml"


def ran(clone: Opsmcp) -> bool:
    return (clone.folder / "ran").exists()


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - WITHOUT_SETTINGS - LONG_LIVED))
def test_every_command_says_that_a_found_file_is_ignored(clone: Opsmcp, command: str) -> None:
    given = replace(clone, environ={})  # so that there are operations
    done = given(command, *ARGUMENTS.get(command, ()))
    line = LINE.format(file=file_of(clone))
    assert done.stderr.count(line) == 1
    assert not ran(clone)


def test_the_chat_says_it_once(clone: Opsmcp) -> None:
    done = replace(clone, environ={"OPENAI_API_KEY": "planted-key-of-api"})("copilot", "a?")
    assert done.stderr.count("is ignored: it was never trusted") == 1


def test_the_configuration_shows_a_file_that_is_ignored(clone: Opsmcp) -> None:
    done = clone("config")
    first = done.stdout.splitlines()[0].split("\t")
    assert first == ["(file)", str(file_of(clone)), "ignored: it was never trusted"]
    assert "tools.limit\t40\tdefault" in done.stdout


def test_what_it_would_bring_is_shown_and_nothing_is_run(clone: Opsmcp) -> None:
    (file_of(clone)).write_text(SETTINGS + "ops: {server: https://ops.example}\n", "utf-8")
    sent = replace(clone, environ={**clone.environ, "OPS_TOKEN": "planted-token"})
    done = sent("trust", "--yes")
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert ["bind.sk", f"runs at each start, in {clone.folder}", "sh ./get.sh"] in rows
    assert ["bind.ak", "is taken from your environment", "CLOUD_AK"] in rows
    assert ["bind.pw", "gives a value", "(hidden)"] in rows
    manifests = ["embedded.manifests", "its scripts become tools (1 file)"]
    assert [*manifests, str(clone.folder / "book")] in rows
    tasks = "replaces the bundled tasks that the pipelines of these names run"
    assert ["embedded.manifests", tasks, "disk-usage"] in rows
    assert not any(row[1:2] == ["replaces the bundled pipelines"] for row in rows)
    server = "runs the operations, and is sent your OPS_TOKEN"
    assert ["ops.server", server, "https://ops.example"] in rows
    rule = '{"name": "all of it", "effect": "allow", "operation": "*"}'
    assert ["policy.rules[0]", "decides what may be done", rule] in rows
    assert ["tools.limit", "", "7"] in rows
    assert "planted" not in done.stdout + done.stderr
    assert not ran(clone)


def test_what_is_trusted_counts_without_a_word(clone: Opsmcp) -> None:
    assert clone("trust", "--yes").returncode == 0
    done = clone("tools")
    assert "say-goodbye" in done.stdout
    assert "is ignored" not in done.stderr
    assert ran(clone)


def test_a_change_is_named_and_asks_again(clone: Opsmcp) -> None:
    clone("trust", "--yes")
    manifest = clone.folder / "book" / "all.yaml"
    manifest.write_text(manifest.read_text("utf-8") + "# more", "utf-8")
    done = clone("tools")
    assert "say-goodbye" not in done.stdout
    assert f"is ignored: {manifest} changed since it was trusted; opsmcp trust" in done.stderr
    again = clone("trust", "--yes")
    assert f"  {manifest} changed\n" in again.stdout
    assert "say-goodbye" in clone("tools").stdout


def test_on_a_terminal_a_person_decides(clone: Opsmcp) -> None:
    status, shown = clone.on_terminal("trust", typed="\n")
    assert status == 1
    assert "Trust it? [y/N]" in shown
    assert "is ignored" in clone("config").stderr
    assert clone.on_terminal("trust", typed="y\n")[0] == 0
    assert clone("config").stderr == ""


def test_without_a_terminal_it_is_shown_and_not_trusted(clone: Opsmcp) -> None:
    done = clone("trust")
    assert done.returncode == 1
    assert f"bind.sk\truns at each start, in {clone.folder}\tsh ./get.sh" in done.stdout
    again = f"opsmcp trust --yes {file_of(clone)}"
    assert done.stderr == (
        "opsmcp: nothing was trusted: a person has to agree, and there is no terminal to ask on. "
        f"To agree: {again}\n"
    )
    assert clone("trust", "--list").stdout == ""
    assert clone(*again.split()[1:]).returncode == 0
    assert clone("trust", "--list").stdout != ""


def test_a_manifest_that_would_be_waited_for_is_not_trusted(clone: Opsmcp) -> None:
    (clone.folder / "book" / "log.yaml").symlink_to("/proc/kmsg")
    done = clone("trust", "--yes")
    assert done.returncode == 2
    assert "log.yaml is no regular file (embedded.manifests)" in done.stderr


def test_only_what_takes_the_place_of_a_bundled_operation_is_called_so(clone: Opsmcp) -> None:
    book = clone.folder / "book" / "all.yaml"
    task = book.read_text("utf-8")
    book.write_text(
        task.replace("name: disk-usage", "namespace: other\n  name: disk-usage"), "utf-8"
    )
    assert "replaces" not in clone("trust").stdout
    pipeline = {
        "apiVersion": "crd.chenshaowen.com/v1",
        "kind": "Pipeline",
        "metadata": {"name": "disk-usage"},
        "spec": {"tasks": [{"name": "a", "taskRef": "disk-usage"}]},
    }
    book.write_text(f"{task}\n---\n{json.dumps(pipeline)}\n", "utf-8")
    shown = clone("trust").stdout
    assert "replaces the bundled pipelines\tdisk-usage" in shown
    assert "replaces the bundled tasks that the pipelines of these names run\tdisk-usage" in shown


def test_a_directory_whose_name_is_no_text_can_be_trusted(clone: Opsmcp) -> None:
    folder = clone.folder / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (folder / "opsmcp.yaml").write_text("tools: {limit: 7}\n", "utf-8")
    there = replace(clone, folder=folder)
    assert there("trust", "--yes").returncode == 0
    assert "tools.limit\t7\t" in there("config").stdout
    assert there("trust", "--remove").returncode == 0
    assert "tools.limit\t40\t" in there("config").stdout


def test_what_is_trusted_is_listed_and_can_be_taken_back(clone: Opsmcp) -> None:
    clone("trust", "--yes", ".")
    path, state, _ = clone("trust", "--list").stdout.split("\t")
    assert (path, state) == (str(file_of(clone)), "trusted")
    (clone.folder / "get.sh").unlink()
    assert f"not used: {clone.folder}/get.sh is gone" in clone("trust", "--list").stdout
    file_of(clone).unlink()
    assert "not used: there is no file" in clone("trust", "--list").stdout
    assert clone("trust", "--remove", str(file_of(clone))).returncode == 0
    assert clone("trust", "--list").stdout == ""
    done = clone("trust", "--remove")
    assert (done.returncode, done.stderr) == (1, f"opsmcp: {file_of(clone)} was not trusted\n")


def test_what_is_trusted_already_is_shown_and_not_asked_about(clone: Opsmcp) -> None:
    clone("trust", "--yes")
    status, shown = clone.on_terminal("trust")
    assert status == 0
    assert "is trusted, and is as it was" in shown
    assert "Trust it?" not in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("trust", "nowhere"), "only files that are called opsmcp.yaml are looked for"),
        (("trust", "no/opsmcp.yaml"), "there is no file"),
        (("trust", "x" * 300), "File name too long"),
        (("trust", "--list", "--remove"), "--list takes neither a FILE nor --remove"),
        (("trust", "--list", "opsmcp.yaml"), "--list takes neither a FILE nor --remove"),
        (("trust", "--remove", "--yes"), "--yes is for trusting a file"),
    ],
)
def test_what_cannot_be_trusted_is_one_line(
    clone: Opsmcp, arguments: tuple[str, ...], words: str
) -> None:
    done = clone(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("tols: {}", "there is no setting 'tols'"),
        ("policy: {rules: [{effect: alow}]}", "did you mean 'allow'"),
        ("embedded: {manifests: [nowhere]}", "is not a directory"),
        (f"bind: {{ak: {{command: [sh, -c, '{'x' * 20_000}']}}}}", "too long to be looked at"),
    ],
)
def test_settings_that_could_not_count_are_not_trusted(
    clone: Opsmcp, settings: str, words: str
) -> None:
    file_of(clone).write_text(settings, "utf-8")
    done = clone("trust")
    assert done.returncode == 2
    assert words in done.stderr
    assert clone("trust", "--list").stdout == ""


def test_a_name_that_steers_a_terminal_is_written_out(opsmcp: Opsmcp) -> None:
    folder = opsmcp.folder / "evil\x1b[2J\u202e"
    folder.mkdir()
    (folder / "opsmcp.yaml").write_text("tools: {limit: 7}\n", "utf-8")
    there = replace(opsmcp, folder=folder, environ={"OPSMCP_EMBEDDED_MANIFESTS": ""})
    for done in (there("config"), there("trust")):
        assert "\x1b" not in done.stdout + done.stderr
        assert "\u202e" not in done.stdout + done.stderr


def test_a_pipe_where_settings_are_looked_for_keeps_no_command_waiting(clone: Opsmcp) -> None:
    file_of(clone).unlink()
    os.mkfifo(file_of(clone))
    done = clone("config")
    assert done.returncode == 0
    assert "is ignored: it is no regular file; to use it, name it with --config" in done.stderr
    assert clone("trust").returncode == 2


async def test_a_client_hears_that_a_trusted_manifest_changed_while_it_was_served(
    clone: Opsmcp,
) -> None:
    assert clone("trust", "--yes").returncode == 0
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "opsmcp_server", "stdio"],
        env=clone.environment(),
        cwd=clone.folder,
    )
    call: Any = ("say-goodbye", {"word": "x"})
    with anyio.fail_after(SECONDS):
        async with Client(server) as client:
            before = await client.call_tool(*call)
            manifest = clone.folder / "book" / "all.yaml"
            manifest.write_text(manifest.read_text("utf-8").replace("echo", "echo -n"), "utf-8")
            # The first finds it where its run is started, the next one among the tools.
            after = [str((await client.call_tool(*call)).content) for _ in range(2)]
    assert not before.is_error
    assert after[0] != after[1]
    assert all("changed since the settings were trusted" in text for text in after)
    assert all("`opsmcp trust`" in text for text in after)
