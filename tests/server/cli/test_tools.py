import json
from dataclasses import replace

import mcp_types as types
import pytest

from opsmcp_server.protocol.builtin_tools import registry
from tests.server.cli.process import Opsmcp

OPERATIONS = {"say-hello", "show-trouble", "delete-marker", "show-forever"}
BUILT_IN = {
    row.name for row in registry.BUILT_IN if not row.reaches_unlisted and not row.for_incidents
}


def test_json_is_the_list_of_a_client(opsmcp: Opsmcp) -> None:
    done = opsmcp("tools", "--json")
    data = json.loads(done.stdout)
    assert (done.returncode, done.stderr, set(data)) == (0, "", {"tools"})
    tools = types.ListToolsResult.model_validate(data).tools
    assert {tool.name for tool in tools} == OPERATIONS | BUILT_IN
    assert all("inputSchema" in tool for tool in data["tools"])


def test_all_adds_what_is_withheld_with_the_reason(opsmcp: Opsmcp) -> None:
    data = json.loads(opsmcp("tools", "--all", "--json").stdout)
    withheld = {item["operation"]: item for item in data["withheld"]}
    assert set(withheld["broken-pipeline"]) == {"operation", "kind", "reason"}
    assert withheld["broken-pipeline"]["kind"] == "pipeline"
    assert "nowhere" in withheld["broken-pipeline"]["reason"]


def test_all_adds_the_hash_of_each_definition_that_its_runs_keep(opsmcp: Opsmcp) -> None:
    definitions = json.loads(opsmcp("tools", "--all", "--json").stdout)["definitions"]
    assert set(definitions) == OPERATIONS
    called = json.loads(opsmcp("call", "say-hello", "word=world", "--json").stdout)
    kept = json.loads(opsmcp("runs", called["run"], "--json").stdout)["definition"]
    rows = [line.split("\t") for line in opsmcp("tools", "--all").stdout.splitlines()]
    shown = {row[0]: row[3] for row in rows}
    assert kept == definitions["say-hello"]
    assert len(kept) == 32 and kept.startswith(shown["say-hello"] or "none")


def test_a_pipe_gets_lines_with_tabs(opsmcp: Opsmcp) -> None:
    rows = [line.split("\t") for line in opsmcp("tools", "--all").stdout.splitlines()]
    effects = {row[0]: row[1] for row in rows}
    assert {len(row) for row in rows} == {4}
    assert effects["say-hello"] == "reads"
    assert effects["delete-marker"] == "can destroy"
    assert effects["broken-pipeline"] == "withheld"


def test_no_operations_at_all_are_told_with_what_to_do(opsmcp: Opsmcp) -> None:
    hidden = opsmcp.folder / "opsmcp.yaml"
    hidden.write_text("expose: {tasks: none, pipelines: none}\n", "utf-8")
    again = "opsmcp tools --all --config opsmcp.yaml"
    assert (
        f"No operation is a tool: {again} says why."
        in opsmcp("tools", "--config", hidden.name).stderr
    )
    (opsmcp.folder / "manifests" / "all.yaml").unlink()
    assert "the embedded engine has no operations." in opsmcp("tools").stderr


def test_a_pipeline_and_a_task_that_are_withheld_together_are_one_row(opsmcp: Opsmcp) -> None:
    bundled = replace(opsmcp, environ={"OPSMCP_EMBEDDED_BUNDLED": "true"})
    rows = [line.split("\t") for line in bundled("tools", "--all").stdout.splitlines()]
    assert [row[1::2] for row in rows if row[0] == "list-pods"] == [["withheld", "pipeline, task"]]


def test_who_wrote_an_operation_that_is_withheld_is_told(opsmcp: Opsmcp) -> None:
    said = "1 more is withheld: opsmcp tools --all says why.\n"
    assert opsmcp("tools").stderr == said
    # What only this machine lacks is nothing that its author could mend.
    bundled = replace(opsmcp, environ={"OPSMCP_EMBEDDED_BUNDLED": "true"})
    assert bundled("tools").stderr == said


def test_a_task_of_a_pipeline_is_not_told_as_missing(opsmcp: Opsmcp) -> None:
    bundled = replace(opsmcp, environ={"OPSMCP_EMBEDDED_BUNDLED": "true"})
    assert "not exposed" not in bundled("tools", "--all").stderr
    path = opsmcp.folder / "manifests" / "more.yaml"
    task = "metadata: {name: unseen}\nspec: {steps: [{name: a, content: id}]}\n"
    path.write_text(f"apiVersion: crd.chenshaowen.com/v1\nkind: Task\n{task}", "utf-8")
    reason = "it has no label ops/copilot=enabled"
    for told in (bundled("tools"), bundled("tools", "--all")):
        assert f"1 more is not exposed: unseen ({reason}).\n" in told.stderr
    said = f"There is no tool 'unseen': the task of that name is not exposed: {reason}."
    for asked in (bundled("tools", "unseen"), bundled("call", "unseen")):
        assert said in asked.stderr


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        ({"OPSMCP_EXPOSE_TASKS": "none"}, "expose.tasks leaves it out"),
        ({"OPSMCP_EXPOSE_EXCLUDE": "uns*"}, "expose.exclude leaves it out"),
    ],
)
def test_the_setting_that_leaves_an_operation_out_is_named(
    opsmcp: Opsmcp, environ: dict[str, str], reason: str
) -> None:
    path = opsmcp.folder / "manifests" / "more.yaml"
    label = "labels: {ops/copilot: enabled}"
    task = f"metadata: {{name: unseen, {label}}}\nspec: {{steps: [{{name: a, content: id}}]}}\n"
    path.write_text(f"apiVersion: crd.chenshaowen.com/v1\nkind: Task\n{task}", "utf-8")
    assert f"is not exposed: {reason}" in replace(opsmcp, environ=environ)("call", "unseen").stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_of_another_encoding_is_shown_escapes(opsmcp: Opsmcp, encoding: str) -> None:
    path = opsmcp.folder / "manifests" / "all.yaml"
    path.write_text(path.read_text("utf-8").replace("what a failure", "\u65e5\u672c"), "utf-8")
    status, shown = replace(opsmcp, environ={"PYTHONIOENCODING": encoding}).on_terminal("tools")
    assert status == 0
    assert "\\u65e5\\u672c" in shown


def test_a_terminal_gets_a_table_without_the_codes_of_strangers(opsmcp: Opsmcp) -> None:
    status, shown = opsmcp.on_terminal("tools", "--all")
    assert status == 0
    assert "what it does" in shown
    assert "broken-pipeline" in shown
    assert "\x1b[31mgreeting" not in shown


def test_read_only_lists_nothing_that_changes(opsmcp: Opsmcp) -> None:
    names = {line.split("\t")[0] for line in opsmcp("tools", "--read-only").stdout.splitlines()}
    assert "say-hello" in names
    assert "delete-marker" not in names


@pytest.mark.parametrize("arguments", [("tools",), ("tools", "--json"), ("call", "say-hello")])
def test_a_source_that_cannot_be_reached_is_status_3(
    opsmcp: Opsmcp, arguments: tuple[str, ...]
) -> None:
    done = replace(opsmcp, environ={"OPSMCP_EMBEDDED_MANIFESTS": ""})(
        *arguments, "--server", "http://127.0.0.1:1"
    )
    assert done.returncode == 3
    assert "keeps trying" not in done.stderr  # a command has ended
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert last.startswith("opsmcp: ")
    assert "127.0.0.1:1" in last
    assert "Traceback" not in done.stderr


def test_unused_manifests_are_mentioned(opsmcp: Opsmcp) -> None:
    done = opsmcp("runs", "--server", "http://127.0.0.1:1")
    assert done.returncode == 0
    assert "embedded.manifests is not used, because ops.server is set" in done.stderr


def test_a_reader_that_goes_away_is_no_crash(opsmcp: Opsmcp) -> None:
    with opsmcp.start("tools") as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(30) == 1


def test_one_tool_is_shown_with_all_that_a_call_needs(opsmcp: Opsmcp) -> None:
    done = opsmcp("tools", "say-hello", "--manifests", "manifests")
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert ["effect", "reads"] in rows
    assert ["a call", "runs at once (it only reads)"] in rows
    assert ["runbook", str(opsmcp.folder / "manifests" / "all.yaml")] in rows
    assert ["example", "opsmcp call say-hello 'word=<word>' --manifests manifests"] in rows
    assert [row for row in rows if row[0] == "word"][0][1] == "(required)"
    assert "Whom to greet" in done.stdout


def test_one_tool_that_changes_something_says_that_a_person_is_asked(opsmcp: Opsmcp) -> None:
    rows = [line.split("\t") for line in opsmcp("tools", "delete-marker").stdout.splitlines()]
    called = dict(row for row in rows if len(row) == 2)["a call"]
    assert called.startswith("runs after a person agreed (")


def test_one_tool_in_json_is_the_one_of_the_list(opsmcp: Opsmcp) -> None:
    tools = json.loads(opsmcp("tools", "--json").stdout)["tools"]
    listed = {tool["name"]: tool for tool in tools}
    for name in ("say-hello", "get_run_output"):
        assert json.loads(opsmcp("tools", name, "--json").stdout) == listed[name]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("say-helo",), 2, "The nearest names are say-hello."),
        (("broken-pipeline",), 1, "broken-pipeline is withheld: "),
        (("delete-marker", "--read-only"), 1, "Policy does not allow delete-marker."),
        (("say-hello", "--all"), 2, "--all and --cost are for the list"),
    ],
)
def test_one_tool_that_cannot_be_shown_says_why(
    opsmcp: Opsmcp, arguments: tuple[str, ...], status: int, words: str
) -> None:
    done = opsmcp("tools", *arguments)
    assert done.returncode == status
    assert words in done.stderr


def test_one_tool_on_a_terminal_has_no_codes_of_strangers(opsmcp: Opsmcp) -> None:
    _, shown = opsmcp.on_terminal("tools", "say-hello")
    assert "Whom to greet" in shown
    assert "\x1b[31mgreeting" not in shown


def test_tools_are_listed_without_a_state_directory_and_make_none(opsmcp: Opsmcp) -> None:
    assert opsmcp("tools").returncode == 0
    assert not (opsmcp.folder / "state").exists()
    (opsmcp.folder / "file").touch()
    state = str(opsmcp.folder / "file" / "state")
    for command in (("tools",), ("tools", "say-hello"), ("lint",), ("policy", "explain", "x")):
        done = replace(opsmcp, environ={"OPSMCP_STATE_DIR": state})(*command)
        assert "journal" not in done.stderr
    assert replace(opsmcp, environ={"OPSMCP_STATE_DIR": state})("tools").returncode == 0
