import json
import subprocess
from dataclasses import replace

import pytest
import yaml

from tests.own_settings import write_settings
from tests.pipelines.bundled.conftest import KUBECONFIG
from tests.server.cli.process import Opsmcp


def test_findings_are_lines_with_tabs_and_an_error_is_status_1(opsmcp: Opsmcp) -> None:
    done = opsmcp("lint")
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert {len(row) for row in rows} == {5}
    file = opsmcp.folder / "manifests" / "all.yaml"
    places = {(row[0], row[2]): row[4] for row in rows}
    assert places["broken-pipeline", "no-tool"] == str(file)
    place, line = places["say-hello", "unquoted-variable"].rsplit(":", 1)
    assert place == str(file)
    assert "${word}" in file.read_text("utf-8").splitlines()[int(line) - 1]
    assert ["broken-pipeline", "0", "no-tool"] in [row[:3] for row in rows]
    assert done.returncode == 1
    assert "operations have no findings" in done.stderr


def test_json_holds_scores_findings_and_the_patch(opsmcp: Opsmcp) -> None:
    data = json.loads(opsmcp("lint", "--json").stdout)
    assert set(data) == {"broken", "operations", "settings", "patch", "manifests"}
    assert [item["operation"] for item in data["broken"]] == ["broken-pipeline"]
    by_name = {item["operation"]: item for item in data["operations"]}
    assert by_name["say-hello"]["score"] < 100
    assert by_name["delete-marker"]["findings"]
    assert set(by_name["say-hello"]["findings"][0]) == {
        *("rule", "severity", "variable", "message", "place", "labels", "answer"),
    }


def test_what_is_no_tool_has_no_points_and_is_not_called_clean(opsmcp: Opsmcp) -> None:
    done = opsmcp("lint", "--json")
    by_name = {item["operation"]: item for item in json.loads(done.stdout)["operations"]}
    assert by_name["broken-pipeline"]["score"] == 0
    clean = [item for item in by_name.values() if item["score"] > 0 and not item["findings"]]
    told = f"{len(clean)} of {len(by_name)} operations have no findings."
    assert told in opsmcp("lint").stderr


def test_the_bundled_operations_have_no_findings(opsmcp: Opsmcp) -> None:
    (opsmcp.folder / "manifests" / "all.yaml").unlink()
    kubeconfig = opsmcp.folder / "kubeconfig"
    kubeconfig.write_text(KUBECONFIG, encoding="utf-8")
    environ = {"OPSMCP_EMBEDDED_BUNDLED": "true", "KUBECONFIG": str(kubeconfig)}
    done = replace(opsmcp, environ=environ)("lint", "--json")
    data = json.loads(done.stdout)
    assert "list-pods" in [item["operation"] for item in data["operations"]]
    assert data["broken"] == []
    assert [item for item in data["operations"] if item["findings"]] == []


def test_a_terminal_is_shown_no_empty_table(opsmcp: Opsmcp) -> None:
    (opsmcp.folder / "manifests" / "all.yaml").unlink()
    status, shown = opsmcp.on_terminal("lint")
    assert (status, shown.splitlines()) == (0, ["0 of 0 operations have no findings."])


def test_the_patch_is_settings(opsmcp: Opsmcp) -> None:
    shown = opsmcp("lint", "--patch").stdout
    write_settings(opsmcp.folder, shown)
    patch = yaml.safe_load(shown)
    assert patch["tools"]["overrides"]["delete-marker"]["hints"] == {"destructive": True}
    again = opsmcp("lint", "--json")
    assert again.stderr == ""
    assert json.loads(again.stdout)["patch"] != patch
    assert "TODO" not in opsmcp("tools").stdout


def test_the_cost_of_every_tool_and_their_sum(opsmcp: Opsmcp) -> None:
    done = opsmcp("tools", "--cost")
    rows = dict(line.split("\t") for line in done.stdout.splitlines())
    total = int(rows.pop("total"))
    assert total == sum(int(tokens) for tokens in rows.values())
    assert "estimate" in done.stderr
    data = json.loads(opsmcp("tools", "--cost", "--json").stdout)
    assert data["total"] == total
    assert data["tokens"] == {name: int(tokens) for name, tokens in rows.items()}
    assert "estimate" in data["how"]


def test_what_is_not_listed_is_mentioned(opsmcp: Opsmcp) -> None:
    write_settings(opsmcp.folder, "tools: {limit: 1}\n")
    done = opsmcp("tools")
    assert "search_operations" in done.stdout
    assert "3 more are reached by search_operations" in done.stderr


def test_what_is_wrong_in_a_manifest_is_said_with_its_line(opsmcp: Opsmcp) -> None:
    manifests = opsmcp.folder / "manifests"
    (manifests / "bad.yaml").write_text("kind: Task\nspec: [\n", "utf-8")
    (manifests / "misspelt.yaml").write_text(
        "apiVersion: crd.chenshaowen.com/v1\nkind: Task\nmetadata: {name: misspelt}\nspec:\n"
        "  descr: greets\n  steps:\n    - {content: echo hi, timeoutSecond: 5, nodeName: a}\n",
        "utf-8",
    )
    done = opsmcp("lint")
    rows = {row[-1].rpartition("/")[2]: row for row in map(_cells, done.stdout.splitlines())}
    assert rows["bad.yaml:3"][:3] == ["", "0", "no-tool"]
    assert rows["bad.yaml:3"][3].startswith("not valid YAML")
    assert rows["misspelt.yaml:5"][2:4] == [
        "doubtful",
        "the key 'descr' means nothing here; 'desc' does",
    ]
    assert "'timeoutSecond' means nothing here" in rows["misspelt.yaml:7"][3]
    assert "nodeName" not in done.stdout
    assert done.stderr.count("\n") == 1
    listed = opsmcp("tools")
    assert "misspelt.yaml" not in listed.stderr
    assert "named by opsmcp lint" in listed.stderr
    assert opsmcp("runs").stderr == ""


def _cells(line: str) -> list[str]:
    return line.split("\t")


def test_what_is_withheld_is_told_once(opsmcp: Opsmcp) -> None:
    (opsmcp.folder / "manifests" / "twice.yaml").write_text(_TWICE, "utf-8")
    rows = list(map(_cells, opsmcp("lint").stdout.splitlines()))
    assert [row[2] for row in rows if row[0] == "run-any"] == ["no-hint", "refused-value"]
    assert [row[2] for row in rows if row[0] == "elsewhere"] == ["no-tool"]
    [found] = [row for row in rows if row[0] == "torn"]
    assert (found[2], found[4].rpartition("/")[2]) == ("unreadable-condition", "twice.yaml:33")


_TWICE = """\
apiVersion: crd.chenshaowen.com/v1
kind: Pipeline
metadata: {name: run-any, labels: {ops/copilot: enabled}}
spec: {desc: Runs what is said, tasks: [{taskRef: run-any}]}
---
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata: {name: run-any}
spec:
  variables: {cmd: {required: true, desc: what is run}}
  steps: [{content: '"${cmd}"'}]
---
apiVersion: crd.chenshaowen.com/v1
kind: Pipeline
metadata: {name: elsewhere, labels: {ops/copilot: enabled}}
spec: {desc: Shows the disk of db-1, tasks: [{taskRef: elsewhere}]}
---
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata: {name: elsewhere}
spec: {host: db-1, steps: [{content: df}]}
---
apiVersion: crd.chenshaowen.com/v1
kind: Pipeline
metadata: {name: torn, labels: {ops/copilot: enabled}}
spec: {desc: Shows the disk when full, tasks: [{taskRef: torn}]}
---
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata: {name: torn}
spec:
  steps:
  - {name: a, when: "${output} =~ 9", content: df}
"""


def test_a_terminal_gets_warnings_without_what_only_a_log_needs(opsmcp: Opsmcp) -> None:
    bad = opsmcp.folder / "manifests" / "bad.yaml"
    bad.write_text("kind: Task\nspec: [\n", "utf-8")
    there = ("--manifests", str(bad.parent))
    _, shown = opsmcp.on_terminal("tools", "--server", "http://127.0.0.1:9", *there)
    assert "\nopsmcp: embedded.manifests is not used, because" in f"\n{shown}"
    assert "WARNING" not in shown
    _, shown = opsmcp.on_terminal("call", "say-hello", "word=world")
    assert "bad.yaml" not in shown
    _, shown = opsmcp.on_terminal("call", "say-hello", "word=world", "--verbose")
    assert f" WARNING opsmcp_pipelines.faults: manifest {bad}:3: not" in shown


OLD = """\
apiVersion: crd.chenshaowen.com/v1
kind: Pipeline
metadata:
  name: old-things
  labels:
    ops/copilot: enabled
    opsmcp/read-only: "true"
    opsmcp/kind.hosts: list.host.comma
    opsmcp/kind.levle: count
    opsmcp/text.runn: message
spec:
  desc: Looks at some old things of a zone and tells about them
  tasks: [{name: a, taskRef: old-things}]
---
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata: {name: old-things}
spec:
  host: localhost
  variables:
    zone: {default: eu/blue, desc: zone}
    level: {desc: level}
    racks: {desc: racks}
    hosts: {desc: hosts}
    tool: {desc: tool}
  steps:
    - name: run
      content: |
        echo ${zone} $(( ${level} + 1 ))
        for r in ${racks}; do echo "$r"; done
        for h in ${hosts}; do echo "$h"; done
    - name: tool
      content: ${tool} --now
    - name: tell
      content: slackcat "${output}"
"""


def _lint(opsmcp: Opsmcp) -> list[list[str]]:
    """Rule, what is said and the place of each finding of `OLD`."""
    rows = [line.split("\t") for line in opsmcp("lint").stdout.splitlines()]
    return [row[2:] for row in rows if row[0] == "old-things"]


def test_what_is_certain_is_mended_by_one_diff(opsmcp: Opsmcp) -> None:
    file = opsmcp.folder / "manifests" / "old things.yaml"
    file.write_text(OLD, "utf-8")
    before = {row[0] for row in _lint(opsmcp)}
    certain = {"undeclared-kind", "narrowed-guess", "list-separator", "unquoted-variable"}
    assert certain <= before
    diff = opsmcp("lint", "--diff").stdout
    subprocess.run(["git", "apply"], input=diff, text=True, cwd=opsmcp.folder, check=True)
    text = file.read_text("utf-8")
    assert "opsmcp/kind.level: count" in text and "opsmcp/kind.racks: list.token.blank" in text
    assert "opsmcp/kind.hosts: list.host.blank" in text and "list.host.comma" not in text
    after = _lint(opsmcp)
    assert certain.isdisjoint(row[0] for row in after)
    assert opsmcp("lint", "--diff").stdout == ""


def test_what_only_its_author_knows_is_a_line_to_paste(opsmcp: Opsmcp) -> None:
    file = opsmcp.folder / "manifests" / "old.yaml"
    file.write_text(OLD, "utf-8")
    rows = {(rule, said.split(":")[0]): (said, place) for rule, said, place in _lint(opsmcp)}
    tool, place = rows["refused-value", "tool"]
    assert place == f"{file}:33" and f"To paste at {file}:25: enums: [TODO]" in tool
    output, place = rows["refused-value", "output"]
    assert place == f"{file}:35" and f"{file}:6: opsmcp/text.tell: output" in output
    lines = OLD.replace("    tool: {", "    tool: {enums: [uptime], ").split("\n")
    lines.insert(5, "    opsmcp/text.tell: output")
    file.write_text("\n".join(lines), "utf-8")
    assert "refused-value" not in {row[0] for row in _lint(opsmcp)}


def test_labels_that_name_nothing_are_told_with_their_lines(opsmcp: Opsmcp) -> None:
    file = opsmcp.folder / "manifests" / "old.yaml"
    file.write_text(OLD, "utf-8")
    unused = {place: said for rule, said, place in _lint(opsmcp) if rule == "unused-label"}
    assert "no variable or result is called 'levle'; 'level' is there" in unused[f"{file}:9"]
    assert "no step is called 'runn'; 'run' is there" in unused[f"{file}:10"]


def test_a_kind_that_is_none_is_said_when_the_file_is_read(opsmcp: Opsmcp) -> None:
    file = opsmcp.folder / "manifests" / "old.yaml"
    file.write_text(OLD.replace("kind.levle: count", "kind.level: list.time.comma"), "utf-8")
    done = opsmcp("tools", "--all")
    assert f"{file}:9: the label opsmcp/kind.level names no kind: 'list.time.comma'" in done.stdout
    assert "a time may hold blanks" in done.stdout and "list.duration.comma" in done.stdout


def test_a_diff_of_files_elsewhere_says_where_to_apply_it(
    opsmcp: Opsmcp, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "old.yaml"
    elsewhere.write_text(OLD, "utf-8")
    environ = {"OPSMCP_EMBEDDED_MANIFESTS": str(elsewhere.parent)}
    done = replace(opsmcp, environ=environ)("lint", "--diff")
    assert f"--- a{elsewhere}" in done.stdout
    assert "git -C / apply" in done.stderr
    status, shown = opsmcp.on_terminal("lint", "--diff")
    assert status == 1 and "+++ b/manifests/all.yaml" in shown
