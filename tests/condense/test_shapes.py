import json

import yaml

from opsmcp_tools.condense import condense
from opsmcp_tools.tokens import estimate_tokens

_PODS = [
    {
        "kind": "Pod",
        "metadata": {"name": f"web-{n:03}", "labels": {"app": "web", "hash": f"{n:032x}"}},
        "status": {"phase": "Failed" if n == 150 else "Running", "message": "x" * 300},
    }
    for n in range(200)
]


def test_json_is_cut_by_its_structure_and_stays_json() -> None:
    short = json.loads(condense(json.dumps({"kind": "List", "items": _PODS}), 600))
    assert short["kind"] == "List"
    assert short["items"][-1].endswith("of 200 items left out)")
    assert short["items"][0]["metadata"]["name"] == "web-000"


def test_the_item_of_a_json_list_that_names_an_error_is_kept() -> None:
    assert "web-150" in condense(json.dumps({"items": _PODS}), 600)


def test_json_that_is_deep_or_has_many_keys_says_what_is_left_out() -> None:
    deep: object = "end"
    for _ in range(30):
        deep = {"next": [deep], "long": "word " * 40}
    assert "keys left out" in condense(json.dumps(deep), 200)
    many = {f"key-{n}": "value" * 5 for n in range(500)}
    assert "keys left out" in condense(json.dumps(many), 200)


def test_what_only_looks_like_json_is_a_log() -> None:
    short = condense("{" + "not json\n" * 5_000)
    assert "lines" in short.split("\n")[0]
    assert "lines" in condense("[" * 100_000 + "\nx\n" * 3_000)


def test_yaml_keeps_what_is_less_deep_and_errors_with_what_they_belong_to() -> None:
    text = yaml.safe_dump_all(_PODS[100:200], sort_keys=False)
    short = condense(text, 1_500)
    assert short.count("kind: Pod") > 20
    assert "  phase: Failed" in short
    lines = short.split("\n")
    assert lines[lines.index("  phase: Failed") - 1] == "status:"


def test_a_table_keeps_its_header_both_ends_and_odd_rows() -> None:
    rows = [f"web-{n:04}   1/1     Running            0          {n}d" for n in range(900)]
    rows[500] = "web-0500   0/1     CrashLoopBackOff   17         2d"
    short = condense("\n".join(["NAME       READY   STATUS   RESTARTS   AGE", *rows]), 500)
    head, *lines = short.split("\n")
    assert head.endswith("of 901 lines]")
    assert lines[0].startswith("NAME")
    assert [rows[0] in lines, rows[500] in lines, rows[-1] in lines] == [True] * 3
    assert estimate_tokens(short) <= 500


def test_a_table_with_a_rule_below_its_header_keeps_both() -> None:
    rows = [f"| {n:04} | web | up |" for n in range(900)]
    short = condense("\n".join(["| ID | NAME | STATE |", "|----|------|-------|", *rows]), 300)
    assert "| ID | NAME | STATE |\n|----|------|-------|\n| 0000 |" in short


def test_lines_of_one_length_below_a_sentence_are_no_table() -> None:
    text = "\n".join(f"Copied file {n} to backup" for n in range(2_000))
    assert "×N" in condense(text, 300).split("\n")[0]
