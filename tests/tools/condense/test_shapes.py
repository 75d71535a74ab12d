import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from opsmcp_tools.condense.choose import LEAST_TOKENS, condense
from opsmcp_tools.phrases.phrase import Language
from opsmcp_tools.safe_text.cleaning import clean
from opsmcp_tools.safe_text.token_estimate import estimate_tokens

_PODS = [
    {
        "kind": "Pod",
        "metadata": {"name": f"web-{n:03}", "labels": {"app": "web", "hash": f"{n:032x}"}},
        "status": {"phase": "Failed" if n == 150 else "Running", "message": "x" * 300},
    }
    for n in range(200)
]


def test_json_is_shown_as_yaml_and_cut_by_its_structure() -> None:
    head, *lines = condense(json.dumps({"kind": "List", "items": _PODS}), 600).split("\n")
    assert head.endswith(" of 1,002 lines; JSON, shown as YAML]")
    assert lines[:3] == ['kind: "List"', "items:", '  - kind: "Pod"']
    assert lines[-1].endswith(" lines left out]")


def test_the_item_of_a_json_list_that_names_an_error_is_kept() -> None:
    assert "web-150" in condense(json.dumps({"items": _PODS}), 600)


def test_json_that_is_deep_or_has_many_keys_says_what_is_left_out() -> None:
    deep: object = "end"
    for _ in range(30):
        deep = {"next": [deep], "long": "word " * 40}
    assert "lines left out" in condense(json.dumps(deep), 200)
    many = {f"key-{n}": "value" * 5 for n in range(500)}
    assert "lines left out" in condense(json.dumps(many), 200)


_VOLUMES: list[dict[str, Any]] = [
    {"id": f"vol-{n:03}", "size": 20, "state": "in-use", "replicas": {"wanted": 3, "ready": 3}}
    for n in range(300)
]
_VOLUMES[123]["state"] = "detached"
_VOLUMES[222]["replicas"] = {"wanted": 3, "ready": 1}


@pytest.mark.parametrize(
    "write",
    [json.dumps, partial(yaml.safe_dump, sort_keys=False)],
    ids=["JSON", "YAML"],
)
def test_values_that_few_others_of_their_key_have_are_kept_with_their_item(
    write: Callable[[object], str],
) -> None:
    lines = condense(write({"volumes": _VOLUMES}), 900).replace('"', "").split("\n")
    for item, odd in (("vol-123", "state: detached"), ("vol-222", "ready: 1")):
        start = next(n for n, line in enumerate(lines) if item in line)
        assert any(odd in line for line in lines[start : start + 6])


def test_a_line_of_an_error_within_a_text_in_json_is_found() -> None:
    text = "\n".join([*(f"step {n} done" for n in range(900)), "panic: no space", "bye"])
    short = condense(json.dumps({"pod": "web-0", "log": text, "code": 1}), 300)
    assert "  panic: no space" in short
    assert 'pod: "web-0"' in short


def test_an_error_that_is_in_every_item_takes_room_a_few_times_only() -> None:
    pods = [{**pod, "policy": {"failureThreshold": n}} for n, pod in enumerate(_PODS)]
    short = condense(yaml.safe_dump({"items": pods}, sort_keys=False), 900)
    assert "phase: Failed" in short


def test_the_odd_rows_of_comma_separated_values_are_kept_below_their_titles() -> None:
    rows = [f"vol-{n},20,in-use,{n % 30}" for n in range(400)]
    rows[123], rows[222] = "vol-123,20,detached,7", "vol-222,20,in-use,9000"
    short = condense("\n".join(["id,size,state,latency_ms", *rows]), 400).split("\n")
    assert short[1] == "id,size,state,latency_ms"
    assert [row for row in (rows[123], rows[222]) if row not in short] == []


def test_what_only_looks_like_json_is_a_log() -> None:
    short = condense("{" + "not json\n" * 5_000)
    assert "lines" in short.split("\n")[0]
    assert "lines" in condense("[" * 100_000 + "\nx\n" * 3_000)


def test_yaml_keeps_what_is_less_deep_and_errors_with_what_they_belong_to() -> None:
    text = yaml.safe_dump_all(_PODS[100:200], sort_keys=False)
    short = condense(text, 1_500)
    assert short.count("kind: Pod") > 12
    assert "  phase: Failed" in short
    lines = short.split("\n")
    assert lines[lines.index("  phase: Failed") - 1] == "status:"


def test_a_table_keeps_its_header_both_ends_and_odd_rows() -> None:
    rows = [f"web-{n:04}   1/1     Running            0          {n}d" for n in range(900)]
    rows[500] = "web-0500   0/1     CrashLoopBackOff   17         2d"
    short = condense("\n".join(["NAME       READY   STATUS   RESTARTS   AGE", *rows]), 500)
    head, *lines = short.split("\n")
    assert " of 901 lines" in head
    assert lines[0].startswith("NAME")
    assert f"{rows[0]}  [×899]" in lines
    assert [rows[500] in lines, rows[-1] in lines] == [True] * 2
    assert estimate_tokens(short) <= 500


def test_a_table_with_a_rule_below_its_header_keeps_both() -> None:
    rows = [f"| {n:04} | web | up |" for n in range(900)]
    short = condense("\n".join(["| ID | NAME | STATE |", "|----|------|-------|", *rows]), 300)
    assert "| ID | NAME | STATE |\n|----|------|-------|\n| 0000 |" in short


def test_lines_of_one_length_below_a_sentence_are_no_table() -> None:
    text = "\n".join(f"Copied file {n} to backup" for n in range(2_000))
    assert "×N" in condense(text, 300).split("\n")[0]


def test_below_the_titles_of_a_table_what_is_rare_is_kept() -> None:
    overlay = "overlay          40G   39G  200M 100% /var/lib/docker/overlay2/{:064x}/merged"
    rows = [overlay.format(n * 2**200 + 1) for n in range(200)]
    rows.insert(90, "/dev/sdb1       500G  120G  380G  24% /data")
    short = condense("\n".join(["Filesystem  Size  Used Avail Use% Mounted on", *rows]), 500)
    assert rows[90] in short
    assert "[×200]" in short


def test_what_stands_above_the_titles_of_a_table_is_kept_with_the_first_rows() -> None:
    top = ["top - 10:00:00 up 10 days, load average: 12.03", "Tasks: 312 total, 3 running", ""]
    titles = "    PID USER   PR  NI  S  %CPU  %MEM   COMMAND"
    rows = [f"{n:7} root   20   0  S  {99 - n / 4:4.1f}   0.1   proc{n}" for n in range(300)]
    short = condense("\n".join([*top, titles, *rows]), 500).split("\n")
    assert short[1:6] == [*top, titles, f"{rows[0]}  [×300]"]
    assert short[6:9] == rows[1:4]


def test_each_part_of_a_table_keeps_its_heading_and_its_first_rows() -> None:
    titles = "  CPU%      PID  USER   COMMAND"
    rows = [f"{90 - n:6.1f}  {n + 1000:7}  app   java -Dfile={'x' * 60}" for n in range(20)]
    text = "\n".join(["40 processes", "by cpu:", titles, *rows, "by memory:", titles, *rows])
    short = condense(text, 400).split("\n")
    memory = short.index("by memory:")
    assert short[memory + 1 : memory + 3] == [titles, rows[0]]
    assert short[1:5] == ["40 processes", "by cpu:", titles, f"{rows[0]}  [×40]"]


def test_of_a_table_of_moderate_length_ends_of_rows_are_cut_before_a_row_is_left_out() -> None:
    titles = "  CPU%  MEM MiB      PID  USER          RUNS FOR  COMMAND"
    command = f"/usr/lib/jvm/java-17/bin/java -Xmx4g -cp /srv/app/{'lib/x.jar:' * 20}"
    rows = [
        f"{50 - n:6.1f}  {n * 30:7}  {1000 + n:>7}  app  1-02:03:04  {command}" for n in range(20)
    ]
    parts = ["240 processes", "by processor time:", titles, *rows[:10], "by memory:", titles]
    short = condense("\n".join([*parts, *rows[10:]]), 1_000)
    assert [line for line in parts if not line.startswith(" ") and line not in short] == []
    assert [row[:60] for row in rows if row[:60] not in short] == []


def test_the_item_of_a_yaml_list_that_names_an_error_is_kept_with_what_is_around() -> None:
    text = yaml.safe_dump({"items": _PODS}, sort_keys=False, default_flow_style=False)
    short = condense(text, 800)
    assert "  status:\n    phase: Failed\n    message: xxx" in short
    assert "    name: web-000" in short


def test_an_object_of_many_keys_does_not_take_the_room_of_all_others() -> None:
    fields = {f"f:{n}": "" for n in range(40)}
    pods = [{**pod, "fields": fields, "end": "here"} for pod in _PODS]
    short = condense(yaml.safe_dump({"items": pods}, sort_keys=False), 1_500)
    assert short.count("end: here") > 5


_LINES = [
    "NAME READY STATUS AGE",
    "web-0   1/1   Running   3d",
    "web-1   0/1   CrashLoopBackOff   3d",
    "items:",
    "- name: web-0",
    "  state: failed",
    "---",
    '{"level": "error", "status": 503}',
    '10.0.0.1 - - "GET / HTTP/1.1" 502 17',
    "Traceback (most recent call last):",
    '  File "x.py", line 3',
    "ValueError: no",
    "10%\r20%\r30%",
    "磁盘写入失败",
    "",
]


@settings(max_examples=100)
@given(
    st.lists(st.sampled_from(_LINES), min_size=1, max_size=12),
    st.integers(1, 300),
    st.integers(0, 600),
    st.sampled_from(["en", "zh"]),
)
def test_whatever_is_mixed_it_never_grows_and_says_what_it_left_out(
    lines: list[str], times: int, tokens: int, language: Language
) -> None:
    text = "\n".join(lines * times)
    whole, short = clean(text), condense(text, tokens, language)
    short.encode("utf-8")
    assert len(short) <= len(whole)
    assert estimate_tokens(short) <= max(tokens, LEAST_TOKENS)
    marks = ("left out", " of ", "省略", "共 ")
    assert short == whole or any(mark in short for mark in marks)
