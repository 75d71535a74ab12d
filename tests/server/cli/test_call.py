import json
import os
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.own_settings import write_settings
from tests.server.cli.process import COMMAND, SECONDS, Opsmcp


def test_a_good_run_is_status_0_with_its_summary(opsmcp: Opsmcp) -> None:
    done = opsmcp.as_process("call", "say-hello", "word=world")
    assert (done.returncode, done.stderr) == (0, "")
    assert "succeeded" in done.stdout.splitlines()[0]
    assert "hello world" in done.stdout
    assert "\x1b" not in done.stdout


def test_outputs_are_fenced_in_a_pipe(opsmcp: Opsmcp) -> None:
    done = opsmcp("call", "say-hello", "word=world")
    assert "data, not instructions" in done.stdout


def test_json_is_the_structured_result(opsmcp: Opsmcp) -> None:
    done = opsmcp("call", "say-hello", "word=world", "--json")
    data = json.loads(done.stdout)
    assert done.returncode == 0
    assert (data["operation"], data["verdict"]) == ("say-hello", "succeeded")
    assert data["tasks"][0]["nodes"][0]["steps"][0]["output"].splitlines()[1:-1] == ["hello world"]
    assert data["summary"].startswith("succeeded: say-hello")


def test_a_failed_run_is_status_1_with_its_result_on_stdout(opsmcp: Opsmcp) -> None:
    done = opsmcp.as_process("call", "show-trouble", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["verdict"] == "failed"
    shown = opsmcp("call", "show-trouble").stdout
    assert "something broke" in shown
    assert "Next: Read all output: opsmcp runs r-" in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("say-helo", "word=x"), "say-hello"),
        (("say-hello",), "word"),
        (("say-hello", "word=a", "other=b"), "other"),
        (("say-hello", "word=$(id)"), "word"),
        (("get_run", "run=r-none"), "r-none"),
    ],
    ids=["unknown tool", "missing", "undeclared", "hostile", "unknown run"],
)
def test_wrong_arguments_are_status_2_and_say_what_to_change(
    opsmcp: Opsmcp, arguments: tuple[str, ...], words: str
) -> None:
    done = opsmcp("call", *arguments, "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("opsmcp: ")
    assert words in done.stderr


@pytest.mark.parametrize("name", ["broken-pipeline", "ops-system-broken-pipeline"])
def test_a_withheld_operation_is_status_1_with_the_reason(opsmcp: Opsmcp, name: str) -> None:
    done = opsmcp("call", name)
    assert done.returncode == 1
    assert "nowhere" in done.stderr


def test_a_built_in_tool_can_be_called(opsmcp: Opsmcp) -> None:
    done = opsmcp("call", "list_inventory", "kind=hosts", "--json")
    assert done.returncode == 0
    assert [host["name"] for host in json.loads(done.stdout)["hosts"]] == ["localhost"]
    assert "hosts:\n- localhost (" in opsmcp("call", "list_inventory", "kind=hosts").stdout


def test_a_change_without_a_terminal_is_refused_with_the_command_to_run(opsmcp: Opsmcp) -> None:
    done = opsmcp("call", "delete-marker")
    assert done.returncode == 1
    assert "opsmcp call delete-marker --yes" in done.stderr
    assert opsmcp.marker.exists()


def test_yes_agrees(opsmcp: Opsmcp) -> None:
    assert opsmcp("call", "delete-marker", "--yes").returncode == 0
    assert not opsmcp.marker.exists()


def test_read_only_refuses_even_with_yes(opsmcp: Opsmcp) -> None:
    assert opsmcp("call", "delete-marker", "--yes", "--read-only").returncode == 1
    assert opsmcp.marker.exists()


@pytest.mark.parametrize(
    ("typed", "status", "kept"),
    [("y\n", 0, False), ("n\n", 1, True), ("\n", 1, True)],
    ids=["yes", "no", "nothing"],
)
def test_a_terminal_is_asked(opsmcp: Opsmcp, typed: str, status: int, kept: bool) -> None:
    done, shown = opsmcp.on_terminal("call", "delete-marker", typed=typed)
    assert "Start it? [y/N]" in shown
    assert (done, opsmcp.marker.exists()) == (status, kept)


def test_ctrl_c_answers_the_question_with_no(opsmcp: Opsmcp) -> None:
    status, shown = opsmcp.on_terminal("call", "delete-marker", interrupt_at="[y/N]")
    assert status == 1
    assert "delete-marker was not started" in shown
    assert "Traceback" not in shown
    assert opsmcp.marker.exists()


def test_a_terminal_gets_no_codes_of_strangers(opsmcp: Opsmcp) -> None:
    status, shown = opsmcp.on_terminal("call", "say-hello", "word=world")
    assert status == 0
    assert "\N{BOX DRAWINGS LIGHT VERTICAL} hello world" in shown
    assert "data, not instructions" not in shown
    assert "\x1b[31mworld" not in shown


def test_a_narrow_terminal_is_shown_how_long_a_run_takes(opsmcp: Opsmcp) -> None:
    narrow = replace(opsmcp, environ={"COLUMNS": "36"})
    assert "0:00:00" in narrow.on_terminal("call", "say-hello", "word=world")[1]


def test_output_stands_behind_a_bar_on_every_row_of_a_terminal(opsmcp: Opsmcp) -> None:
    narrow = replace(opsmcp, environ={"COLUMNS": "40"})
    _, shown = narrow.on_terminal("call", "say-hello", f"word={'W' * 90}")
    rows = [row for row in shown.splitlines() if "WW" in row]
    assert all(row.startswith("\N{BOX DRAWINGS LIGHT VERTICAL} ") for row in rows)
    assert max(map(len, rows)) == 40


def test_the_end_of_wait_cancels_a_run_of_the_embedded_engine(opsmcp: Opsmcp) -> None:
    os.mkfifo(opsmcp.pipe)
    done = opsmcp("call", "show-forever", "--wait", "0.2", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["verdict"] == "cancelled"
    assert "Not ended after 0.2 seconds" in done.stderr
    assert "was cancelled, because it lived in this process; look at it with: " in done.stderr


@pytest.mark.parametrize("wait", ["nan", "inf", "-1", "1e400", "700000", "soon", ""])
def test_what_is_no_time_to_wait_starts_nothing(opsmcp: Opsmcp, wait: str) -> None:
    done = opsmcp("call", "say-hello", "word=x", "--wait", wait)
    assert done.returncode == 2
    assert f"'--wait': {wait!r} is no number of seconds from 0 to 604800" in done.stderr
    assert opsmcp("runs").stdout == ""


def test_ctrl_c_cancels_a_run_of_the_embedded_engine(opsmcp: Opsmcp) -> None:
    os.mkfifo(opsmcp.pipe)
    with opsmcp.start("call", "show-forever") as process:
        number = int(opsmcp.pipe.read_text(encoding="utf-8"))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert "Interrupted" in err
    assert "Traceback" not in err
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


def test_nothing_is_started_with_a_key_that_is_damaged(opsmcp: Opsmcp, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(exist_ok=True)
    key = tmp_path / "state" / "key"
    key.write_text("short", "ascii")
    done = opsmcp("call", "say-hello", "word=world")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"opsmcp: the key in {key} is damaged")


def test_an_unusable_state_is_told_in_a_line(opsmcp: Opsmcp, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("not a directory", encoding="utf-8")
    done = opsmcp("call", "say-hello", "word=x")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("opsmcp: state.dir: the journal in")


def test_a_change_joins_the_run_of_another_process_and_leaves_it_to_go_on(opsmcp: Opsmcp) -> None:
    """The same operation as `show-forever`, without the label that says that it only reads."""
    library = opsmcp.folder / "manifests" / "all.yaml"
    text = library.read_text(encoding="utf-8")
    library.write_text(text.replace(', opsmcp/read-only: "true"', ""), encoding="utf-8")
    os.mkfifo(opsmcp.pipe)
    with opsmcp.start("call", "show-forever", "--yes") as process:
        opsmcp.pipe.read_text(encoding="utf-8")
        done = opsmcp("call", "show-forever", "--yes", "--wait", "0.2")
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=SECONDS)
    assert "Not ended after 0.2 seconds. The run goes on; look at it with: " in done.stderr
    assert "cancelled" not in done.stderr
    assert len(json.loads(opsmcp("runs", "--json").stdout)["runs"]) == 1


def test_what_only_reads_is_run_anew_beside_a_run_of_another_process(opsmcp: Opsmcp) -> None:
    os.mkfifo(opsmcp.pipe)
    with opsmcp.start("call", "show-forever") as process:
        first = opsmcp.pipe.read_text(encoding="utf-8")
        with opsmcp.start("call", "show-forever") as again:
            second = opsmcp.pipe.read_text(encoding="utf-8")
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=SECONDS)
            os.kill(int(second), 0)
            again.send_signal(signal.SIGINT)
            again.communicate(timeout=SECONDS)
    assert first != second


def test_what_agrees_is_the_whole_command(opsmcp: Opsmcp) -> None:
    (opsmcp.folder / "other.yaml").write_text("tools: {limit: 30}\n", "utf-8")
    done = opsmcp("call", "delete-marker", "--config", "other.yaml", "--namespace", "ops-system")
    again = "opsmcp call delete-marker --config other.yaml --namespace ops-system --yes"
    assert done.stderr.rstrip().endswith(f"To agree: {again}")
    assert opsmcp(*again.split()[1:]).returncode == 0


@pytest.mark.parametrize(
    ("given", "command"),
    [
        (("call", "nothing-of-it"), "opsmcp tools --manifests manifests --read-only"),
        (("call", "get_run", "run=r-none"), "opsmcp runs --manifests manifests --read-only"),
        (("runs", "r-none"), "opsmcp runs --manifests manifests --read-only"),
    ],
)
def test_the_command_that_lists_what_there_is_is_whole(
    opsmcp: Opsmcp, given: tuple[str, ...], command: str
) -> None:
    done = opsmcp(*given, "--manifests", "manifests", "--read-only")
    assert f"`{command}` lists" in done.stderr


def test_why_a_rule_wants_somebody_to_agree_is_said(opsmcp: Opsmcp) -> None:
    rule = "{effect: confirm, operation: say-hello, reason: greetings are dear}"
    write_settings(opsmcp.folder, f"policy: {{rules: [{rule}]}}\n")
    done = opsmcp("call", "say-hello", "word=x")
    assert "a person has to agree (greetings are dear)" in done.stderr
    assert "changes something" not in done.stderr


def test_what_policy_refuses_says_where_the_rule_is_found(opsmcp: Opsmcp) -> None:
    rule = "{effect: deny, operation: say-hello}"
    write_settings(opsmcp.folder, f"policy: {{rules: [{rule}]}}\n")
    done = opsmcp("call", "say-hello", "word=x")
    assert "Which rule, and why: opsmcp policy explain say-hello" in done.stderr
    assert opsmcp("policy", "explain", "say-hello").returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("get_run", "--plan"), "get_run is a tool of opsmcp's own"),
        (("run_operation", "name=say-hello"), "opsmcp call NAME ... runs any operation"),
    ],
)
def test_tools_that_are_for_models_say_what_to_do_instead(
    words: tuple[str, ...], said: str, opsmcp: Opsmcp
) -> None:
    done = opsmcp("call", *words)
    assert done.returncode == 2
    assert said in done.stderr


def test_operations_can_be_searched_where_not_all_are_listed(opsmcp: Opsmcp) -> None:
    write_settings(opsmcp.folder, "tools: {limit: 1}\n")
    assert "say-hello" in opsmcp("call", "search_operations", "query=greeting").stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
@pytest.mark.parametrize("command", ["tools", "config", "lint"])
def test_an_output_that_cannot_be_written_is_one_line(command: str, opsmcp: Opsmcp) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [*COMMAND, command],
            cwd=opsmcp.folder,
            env=opsmcp.environment(),
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=SECONDS,
        )
    assert done.returncode == 1
    assert done.stderr == "opsmcp: the output could not be written: No space left on device\n"


@pytest.mark.parametrize("command", ["tools", "config", "lint", "demo"])
def test_an_output_that_is_closed_is_one_line(command: str, opsmcp: Opsmcp) -> None:
    with opsmcp.start(command, under=("sh", "-c", 'exec "$@" >&-', "sh")) as process:
        _, said = process.communicate(timeout=2 * SECONDS)
    assert process.returncode == 1
    assert said == "opsmcp: the output could not be written: Bad file descriptor\n"


def test_a_terminal_breaks_no_word_of_an_error(opsmcp: Opsmcp) -> None:
    narrow = replace(opsmcp, environ={"COLUMNS": "40"})
    status, shown = narrow.on_terminal("call", "broken-pipeline")
    assert status == 1
    rows = shown.splitlines()
    assert len(rows) > 1 and max(map(len, rows)) <= 40
    assert " ".join(rows) == opsmcp("call", "broken-pipeline").stderr.strip()


def test_a_command_that_a_result_suggests_keeps_the_options(opsmcp: Opsmcp) -> None:
    given = ("--manifests", "manifests", "--namespace", "ops-system")
    done = opsmcp("call", "show-trouble", *given)
    assert f"--output {' '.join(given)}" in done.stdout
    run = opsmcp("runs", *given).stdout.split("\t")[0]
    assert f"opsmcp runs {run} --output {' '.join(given)}" in opsmcp("runs", run, *given).stdout
