import json
import random
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsmcp_tools.condense.carriage_returns import last_states
from opsmcp_tools.condense.choose import LEAST_TOKENS, condense
from opsmcp_tools.safe_text.cleaning import clean
from opsmcp_tools.safe_text.token_estimate import estimate_tokens
from tests.tools.condense.logs import ERRORS, TRACE, chatter, with_errors

_LIMIT = 1_500


def _condensed(lines: list[str]) -> str:
    return condense("\n".join(lines), _LIMIT)


def test_what_fits_stays_as_it_is() -> None:
    assert condense("one\ntwo\n") == "one\ntwo\n"


@pytest.mark.parametrize("lines", [2_000, 20_000, 200_000])
def test_every_kind_of_error_survives(lines: int) -> None:
    short = _condensed(with_errors(lines))
    assert [error for error in ERRORS if error not in short] == []
    assert estimate_tokens(short) <= _LIMIT


def test_as_many_kinds_of_error_as_fit_survive_by_shorter_lines_without_marks() -> None:
    errors = tuple(f"cannot {a} the {b}" for a in _VERBS for b in _THINGS)
    short = _condensed(with_errors(5_000, errors))
    assert [error for error in errors if error not in short] == []
    assert estimate_tokens(short) <= _LIMIT


_VERBS = ("open", "close", "read", "write", "lock", "flush")
_THINGS = ("volume", "socket", "journal", "snapshot", "mirror", "ledger")


def test_a_flood_of_names_in_one_error_does_not_drown_the_others() -> None:
    chance = random.Random(3)
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = ["".join(chance.choices(letters, k=9)) for _ in range(1_500)]
    flood = [f"ERROR login failed for {name} from the console" for name in names]
    log = flood[:700] + [f"ERROR {error}" for error in ERRORS] + flood[700:]
    short = _condensed(log)
    assert [error for error in ERRORS if error not in short] == []


def test_a_word_of_failure_in_a_name_makes_no_trouble_of_the_lines_without_it() -> None:
    chance = random.Random(4)
    names = ["".join(chance.choices("abcdefgh", k=7)) for _ in range(300)]
    names[100] = "liberror"
    short = _condensed(chatter(3_000) + [f"status installed {name}:all" for name in names])
    rows = short.split("\n")
    assert rows.index("status installed liberror:all") < rows.index("also:")
    assert [row for row in rows[rows.index("also:") :] if "[×299" in row] != []


def test_lines_of_one_kind_are_shown_once_with_their_number() -> None:
    log = chatter(1_000) + [f"ERROR disk {n} is gone after {n} ms" for n in range(400)]
    short = _condensed(log)
    assert "ERROR disk 0 is gone after 0 ms  [×400]" in short


def test_a_line_that_says_there_was_no_error_counts_as_none() -> None:
    log = [f"check {n}: 0 errors, failed=0" for n in range(3_000)]
    log[1_500] = "check 1500: 3 errors, failed=3"
    assert "check 1500: 3 errors" in _condensed(log)


def test_a_stack_trace_keeps_its_head_its_foot_and_its_cause() -> None:
    log = [*chatter(3_000), *TRACE.split("\n"), *chatter(3_000, 2)]
    short = condense("\n".join(log), 450)
    for part in ("main.py", "inner.py", "raise ValueError", "checksum of block 77"):
        assert part in short
    assert "frame_15" not in short


def test_indented_lines_that_are_no_frames_are_not_told_below_the_line_before_them() -> None:
    log = [f"    an idle line of prose about {a} {b}" for a in _VERBS for b in _THINGS] * 100
    log[50] = "    it cannot be undone"
    rows = _condensed(log).split("\n")
    assert rows[rows.index("trouble:") + 2] == "also:"


def test_the_last_lines_and_the_trouble_are_shown_without_what_all_lines_share() -> None:
    log = chatter(4_000)
    log[2_000] = "2026-11-23T10:33:20 ERROR [db] the only one"
    short = _condensed(log).split("\n")
    assert short[1:3] == ["trouble:", "ERROR [db] the only one  [10:33:20]"]
    assert short[-1] == log[-1].split("] ", 1)[1]


def test_an_error_within_one_line_of_a_mebibyte_is_found() -> None:
    line = "x" * 500_000 + " ERROR no space left on device " + "y" * 500_000
    short = condense(line, _LIMIT)
    assert "ERROR no space left on device" in short
    assert len(short) < 6_000


def test_an_error_within_binary_rubbish_is_found() -> None:
    rubbish = random.Random(5).randbytes(200_000)
    text = (rubbish + b"\nERROR in the middle\n" + rubbish).decode("utf-8", "replace")
    short = condense(text, _LIMIT)
    assert "ERROR in the middle" in short
    assert estimate_tokens(short) <= _LIMIT


def test_every_line_is_counted_by_its_kind() -> None:
    short = _condensed(with_errors(5_000)).split("\n")
    assert short[0] == "[5,036 lines, 13 kinds, 13 shown; ×N: N lines of the kind]"
    rows = short[: short.index("the end:")]
    counts = [int(found[1].replace(",", "")) for row in rows if (found := _COUNT.search(row))]
    assert sum(counts) == 5_036


def test_what_is_not_shown_is_counted_by_kind_and_lines() -> None:
    log = [f"ERROR cannot {a} the {b} near {a}" for a in (*_VERBS, *_THINGS) for b in _THINGS]
    log += [f"{a} {b} rests near {a}" for a in _VERBS for b in _VERBS]
    short = condense("\n".join(log), 300).split("\n")
    shown = short.index("the end:") - 2
    left = 72 + 36 - shown
    counted = f"[not shown: {left} kinds, {left - 36} of them trouble; {left} lines; the next: "
    found = re.fullmatch(re.escape(counted) + r'search="([a-z]+ [a-z]+)"\]', short[-1])
    assert found
    wanted = [line for line in log if set(found[1].split()) <= set(line.split())]
    assert any(line not in "\n".join(short) for line in wanted)


_COUNT = re.compile(r"\[×([\d,]+)")


_ANY_TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from("\n {}[]:-eErRoO0"))


@settings(max_examples=150)
@given(_ANY_TEXT, st.integers(1, 120), st.integers(0, 2_000))
def test_whatever_comes_it_never_grows_and_says_what_it_left_out(
    text: str, times: int, tokens: int
) -> None:
    whole = clean(text * times)
    short = condense(text * times, tokens)
    short.encode("utf-8")
    assert len(short) <= len(whole)
    assert estimate_tokens(short) <= max(tokens, LEAST_TOKENS)
    assert short == whole or "left out" in short or "[" in short.split("\n")[0]


@pytest.mark.parametrize("unit", ["ERROR a\n", "x", '{"a":', "a: b\n", "\x1b[31mred\n", "é"])
def test_condensing_is_linear(unit: str) -> None:
    small, large = (_seconds(unit * (size // len(unit))) for size in (100_000, 800_000))
    assert large < 40 * small + 0.5


def test_a_long_row_of_names_with_signs_costs_no_more_than_its_length() -> None:
    said = [f"cannot {a} the {b}" for a in _VERBS for b in _THINGS]
    few, many = (
        _seconds("\n".join([*chatter(200), *(f"{'blk_-877560279 ' * names}{it}" for it in said)]))
        for names in (2, 8)
    )
    assert many < 40 * few + 0.5


def _seconds(text: str) -> float:
    start = time.process_time()
    condense(text)
    return time.process_time() - start


def test_of_more_than_32_mebibytes_both_ends_are_looked_at_and_that_is_said() -> None:
    text = "ERROR first\n" + ("plain " * 100 + "\n") * 60_000 + "ERROR last"
    short = condense(text)
    assert "ERROR first" in short
    assert "ERROR last" in short
    assert "characters after the first 8,388,608 were not looked at" in short


def test_of_what_is_no_text_the_plain_characters_are_looked_at_and_that_is_said() -> None:
    rubbish = random.Random(7).randbytes(300_000)
    short = condense((rubbish + b"\nERROR in it\n" + rubbish).decode("utf-8", "replace"))
    assert "ERROR in it" in short
    assert short.endswith("[this is no text: only its plain characters were looked at]")


def test_of_lines_that_are_rewritten_the_last_state_stays() -> None:
    bar = "\r".join(f"{n:3}% [{'#' * (n // 2):50}]" for n in range(101))
    short = last_states(f"begin\r\n{bar}\r\nend\r\n")
    assert short.startswith("begin\n[… 99 states of this line left out]\n 99% [")
    assert short.endswith("]\nend\n")
    broken = bar.replace(" 50% ", "ERROR ")
    assert last_states(broken) == broken
    assert last_states("a\rb\rc") == "a\rb\rc"


def test_failed_answers_of_a_web_server_are_told_from_good_ones() -> None:
    log = [f'10.0.0.{n % 9} - - "GET /{n} HTTP/1.1" 200 {n} "-"' for n in range(3_000)]
    log[1_234] = log[1_234].replace('" 200 ', '" 502 ')
    log[2_345] = '{"path": "/", "status": 503, "ms": 3}'
    log[2_346] = '{"path": "/", "status": 200, "ms": 3}'
    short = _condensed(log)
    assert log[1_234] in short
    assert "path=/ status=503 ms=3" in short.split("also:")[0]
    assert "[×2,997" in short


def test_the_journal_as_json_is_read_by_its_priority_and_its_message() -> None:
    log = [
        json.dumps({"__CURSOR": f"s={n:x}", "PRIORITY": "6", "MESSAGE": f"request {n} served"})
        for n in range(3_000)
    ]
    log[1_500] = json.dumps({"__CURSOR": "s=1", "PRIORITY": "3", "MESSAGE": "remounting read-only"})
    short = _condensed(log).split("\n")
    assert short[1:5] == [
        "trouble:",
        "ERROR remounting read-only",
        "also:",
        "request 0 served  [×2,999]",
    ]


def test_of_a_kind_with_few_lines_each_is_named() -> None:
    log = [f"test_order[{n}] PASSED" for n in range(3_000)]
    for n in (17, 911, 2_500):
        log[n] = f"test_order[{n}] FAILED"
    assert "test_order[17] FAILED  [×3; test_order [17], [911], [2500]]" in _condensed(log)


def test_identifiers_do_not_make_a_line_rare() -> None:
    chance = random.Random(9)
    log = [f"  id = i-{chance.getrandbits(64):016x}" for _ in range(2_000)]
    log.insert(700, "must be replaced")
    short = _condensed(log)
    assert "must be replaced" in short
    assert short.count("  id = ") < 20
