import json
import re
import shlex
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime

import pytest

from tests.server.cli.process import Opsmcp


def test_runs_are_listed_newest_first(opsmcp: Opsmcp) -> None:
    opsmcp("call", "say-hello", "word=world")
    opsmcp("call", "show-trouble")
    rows = [line.split("\t") for line in opsmcp("runs").stdout.splitlines()]
    assert [(row[1], row[4]) for row in rows] == [
        ("failed", "show-trouble"),
        ("succeeded", "say-hello"),
    ]
    assert rows[1][5] == "word=world"


def test_json_lists_runs_too(opsmcp: Opsmcp) -> None:
    opsmcp("call", "say-hello", "word=world")
    (run,) = json.loads(opsmcp("runs", "--json").stdout)["runs"]
    assert (run["operation"], run["verdict"]) == ("say-hello", "succeeded")
    assert run["arguments"] == {"word": "world"}


def test_no_runs_are_an_empty_answer(opsmcp: Opsmcp) -> None:
    done = opsmcp("runs")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_terminal_is_told_that_there_are_no_runs(opsmcp: Opsmcp) -> None:
    assert opsmcp.on_terminal("runs") == (0, "There are no such runs.\r\n")


def test_one_run_is_shown_in_three_ways(opsmcp: Opsmcp) -> None:
    called = json.loads(opsmcp("call", "show-trouble", "--json").stdout)
    run: str = called["run"]
    text = opsmcp("runs", run).stdout
    assert "failed" in text.splitlines()[0]
    assert f"opsmcp runs {run} --output" in text
    assert json.loads(opsmcp("runs", run, "--json").stdout)["verdict"] == "failed"
    shown = opsmcp("runs", run, "--output")
    assert shown.returncode == 0
    assert "/ break: failed" in shown.stdout
    assert "something broke" in shown.stdout


def test_the_whole_output_is_cleaned(opsmcp: Opsmcp) -> None:
    called = json.loads(opsmcp("call", "say-hello", "word=world", "--json").stdout)
    shown = opsmcp("runs", called["run"], "--output").stdout
    assert shown.splitlines()[-1] == "hello world"


def test_a_terminal_gets_a_table_of_runs(opsmcp: Opsmcp) -> None:
    opsmcp("call", "show-trouble")
    status, shown = opsmcp.on_terminal("runs")
    assert status == 0
    assert "verdict" in shown
    assert "show-trouble" in shown


def test_an_unknown_run_is_wrong_use(opsmcp: Opsmcp) -> None:
    done = opsmcp("runs", "r-aaaaaaaaaa")
    assert done.returncode == 2
    assert "r-aaaaaaaaaa" in done.stderr
    assert "`opsmcp runs` lists" in done.stderr


def test_a_cursor_that_is_none_is_wrong_use(opsmcp: Opsmcp) -> None:
    done = opsmcp("runs", "--cursor", "next")
    assert done.returncode == 2
    assert "leave it out for the newest runs" in done.stderr


def test_runs_are_filtered_and_paged(opsmcp: Opsmcp) -> None:
    for word in ("one", "two"):
        opsmcp("call", "say-hello", f"word={word}")
    opsmcp("call", "show-trouble")

    def shown(*options: str) -> list[str]:
        rows = [line.split("\t") for line in opsmcp("runs", *options).stdout.splitlines()]
        return [row[5] or row[4] for row in rows]

    assert shown("--tool", "say-hello") == ["word=two", "word=one"]
    assert shown("--verdict", "failed") == ["show-trouble"]
    assert shown("--since", "1h", "--until", "2100-01-01") == shown()
    assert shown("--until", "1h") == []
    assert shown("--principal", "somebody-else") == []
    mine = json.loads(opsmcp("runs", "--json").stdout)["runs"][0]
    assert mine["principal_id"] == f"local:{mine['principal']}"
    for named in (mine["principal"], mine["principal_id"]):
        assert shown("--principal", named) == shown()
        assert opsmcp("runs", mine["run"], "--principal", named).returncode == 0
    assert opsmcp("runs", mine["run"], "--principal", "token:token").returncode == 2
    first = opsmcp("runs", "--limit", "2")
    cursor = first.stderr.rpartition(" ")[2].strip()
    assert "There are more" in first.stderr
    assert shown("--cursor", cursor) == ["word=one"]


def test_the_rest_of_a_list_is_that_of_the_same_list(opsmcp: Opsmcp) -> None:
    for word in ("one", "two"):
        opsmcp("call", "say-hello", f"word={word}")
    opsmcp("call", "show-trouble")
    first = opsmcp("runs", "--tool", "say-hello", "--since", "1h", "--limit", "1")
    again = shlex.split(first.stderr.partition("There are more: ")[2])
    rest = opsmcp(*again[1:])
    assert [line.split("\t")[5] for line in rest.stdout.splitlines()] == ["word=one"]


def test_a_time_that_is_none_is_wrong_use(opsmcp: Opsmcp) -> None:
    done = opsmcp("runs", "--since", "yesterday")
    assert done.returncode == 2
    assert "it must be like 30m, 2h, 7d (ago) or 2026-11-23T09:30" in done.stderr


def test_tools_are_listed_and_checked_although_the_journal_cannot_be_used(opsmcp: Opsmcp) -> None:
    (opsmcp.folder / "state").write_text("in the way", encoding="utf-8")
    listed, linted = opsmcp("tools"), opsmcp("lint")
    assert (listed.returncode, "say-hello" in listed.stdout) == (0, True)
    assert "say-hello" in linted.stdout


def test_the_others_are_shown_where_one_run_is_damaged(opsmcp: Opsmcp) -> None:
    opsmcp("call", "say-hello", "word=world")
    opsmcp("call", "show-trouble")
    with closing(sqlite3.connect(opsmcp.folder / "state" / "journal.db")) as database, database:
        database.execute("UPDATE runs SET arguments = '' WHERE tool = 'say-hello'")
        ((run,),) = database.execute("SELECT run FROM runs WHERE tool = 'say-hello'").fetchall()
    shown, data = opsmcp("runs"), json.loads(opsmcp("runs", "--json").stdout)
    assert [row.split("\t")[4] for row in shown.stdout.splitlines()] == ["show-trouble"]
    assert f"Damaged in the journal, so not shown: {run}\n" in shown.stderr
    assert (len(data["runs"]), data["damaged"]) == (1, [run])


def test_a_run_whose_end_nobody_saw_is_listed_without_a_time(opsmcp: Opsmcp) -> None:
    opsmcp("call", "say-hello", "word=world")
    with closing(sqlite3.connect(opsmcp.folder / "state" / "journal.db")) as database, database:
        database.execute("UPDATE runs SET verdict = 'aborted', ended_at = created_at")
    assert opsmcp("runs").stdout.split("\t")[3] == ""


def test_runs_are_shown_although_nothing_can_be_written(opsmcp: Opsmcp) -> None:
    opsmcp("call", "say-hello", "word=world")
    owners = opsmcp.folder / "state" / "owners"
    owners.rmdir()
    owners.touch()
    shown = opsmcp("runs")
    assert (shown.returncode, shown.stdout.count("say-hello")) == (0, 1)
    assert "unfinished runs were not recovered: the journal" in shown.stderr


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("stdio",), ("call", "say-hello")])
def test_a_state_directory_that_can_never_work_is_told_at_once(
    command: tuple[str, ...], opsmcp: Opsmcp
) -> None:
    (opsmcp.folder / "state").write_text("in the way", encoding="utf-8")
    refused = opsmcp(*command)
    assert refused.returncode == 2
    assert refused.stderr == (
        f"opsmcp: state.dir: the journal in {opsmcp.folder}/state cannot be used: "
        "there is a file where a directory has to be (environment OPSMCP_STATE_DIR)\n"
    )
    assert opsmcp("runs").returncode == 2


def test_a_narrow_terminal_is_shown_all_of_a_table(opsmcp: Opsmcp) -> None:
    opsmcp("call", "say-hello", f"word={'W' * 90}")
    started = datetime.fromisoformat(opsmcp("runs").stdout.split("\t")[2])
    status, shown = replace(opsmcp, environ={"COLUMNS": "80"}).on_terminal("runs")
    assert status == 0
    first, second = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown).splitlines()[:2]
    assert re.fullmatch(rf"r-\w+  succeeded  {started:%m-%d %H:%M:%S}  \S+ s  say-hello", first)
    assert second == f"  word={'W' * 90}"


def test_what_is_usual_is_a_table_on_a_terminal_of_80_columns(opsmcp: Opsmcp) -> None:
    opsmcp("call", "say-hello", "word=world")
    _, shown = replace(opsmcp, environ={"COLUMNS": "80"}).on_terminal("runs")
    titles, _, row = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown).splitlines()[:3]
    assert titles.split() == ["run", "verdict", "started", "took", "tool", "arguments"]
    assert row.split()[-2:] == ["say-hello", "word=world"]
