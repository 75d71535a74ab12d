"""One question on the command line: the answer, the exit status, and every fault of an endpoint."""

import json
import os
import re
import sys
import threading
from typing import Any
from unittest.mock import patch

import pytest

from tests.fakes.openai_server import (
    Answer,
    Exchange,
    FakeOpenAI,
    breaks_off,
    call_delta,
    calls,
    chunk,
    chunks,
    hangs_after,
    raw,
    says,
    status,
)
from tests.server.copilot.harness import Copilot

HELLO = ("say-hello", {"word": "world"})
DELETE: tuple[str, dict[str, Any]] = ("delete-marker", {})

NOTHING: dict[str, Any] = {}


def test_a_question_is_answered_with_what_a_tool_says(copilot: Copilot, model: FakeOpenAI) -> None:
    model.script(calls(HELLO), says("The greeting is **hello world**."))
    done = copilot("greet", "the", "world")
    assert (done.status, done.out) == (0, "The greeting is **hello world**.\n")
    assert "hello world" in model.requests[1].results()[0]
    assert model.requests[0].last == {"role": "user", "content": "greet the world"}


def test_silence_leaves_only_the_answer(copilot: Copilot, model: FakeOpenAI) -> None:
    model.script(calls(HELLO), says("Done."))
    done = copilot("-s", "greet")
    assert (done.out, done.err) == ("Done.\n", "")


def test_verbose_says_what_is_sent_and_called_without_secrets(
    copilot: Copilot, model: FakeOpenAI
) -> None:
    model.script(calls(HELLO), says("Done."))
    shown = copilot("-v", "greet with sk-very-secret-key").err
    assert "sent: user: greet with" in shown
    assert "called: say-hello word=world" in shown
    assert "sent: tool: --- output of a tool" in shown
    assert "sk-very-secret-key" not in shown


@pytest.mark.parametrize("flag", [("-v", "debug"), ("--verbose=debug",), ("--verbose", "trace")])
def test_a_level_behind_the_flag_is_taken_as_in_the_chat_of_ops(
    copilot: Copilot, model: FakeOpenAI, flag: tuple[str, ...]
) -> None:
    model.script(says("Done."))
    assert "sent: user: greet" in copilot(*flag, "greet").err
    assert model.requests[0].last == {"role": "user", "content": "greet"}


def test_a_fault_names_the_variable_that_is_in_force(copilot: Copilot, model: FakeOpenAI) -> None:
    page = raw(200, "<html>hello</html>")
    model.script(page, page, status(401, "bad key"))
    host = copilot.having(OPENAI_API_BASE="", OPENAI_API_HOST=model.url)
    assert "set OPENAI_API_HOST (-e)" in host("-s", "greet").err
    own = copilot.having(OPENAI_API_KEY="", OPSMCP_OPENAI_KEY="sk-very-secret-key")
    assert "set OPSMCP_OPENAI_KEY (-k)" in own("-s", "greet").err


@pytest.mark.parametrize(
    "answer",
    [
        calls(("say-hello", "```json\n{'word': 'world',}\n```")),
        calls(("say-hello", json.dumps('{"word": "world"}'))),
        chunks(chunk(call_delta('{"word":', "say-hello", index=None)),
               chunk(call_delta('"world"}', index=None)), chunk({}, "tool_calls")),
    ],
    ids=["fenced and quoted", "encoded twice", "without index and id"],
)  # fmt: skip
def test_arguments_are_repaired_where_it_is_plain(
    copilot: Copilot, model: FakeOpenAI, answer: Answer
) -> None:
    model.script(answer, says("Done."))
    assert copilot("greet").status == 0
    assert "hello world" in model.requests[1].results()[0]


@pytest.mark.parametrize(
    ("call", "told", "shown"),
    [
        (("say-hello", '{"word": "wor'), "not one whole JSON object", "'say-hello' without"),
        (("say-hallo", NOTHING), "There is no tool 'say-hallo'", "'say-hallo', but there is no"),
        (("say-hello", NOTHING), "word", "> say-hello"),
    ],
    ids=["cut", "unknown tool", "missing argument"],
)
def test_a_bad_call_is_told_to_the_model_and_shown(
    copilot: Copilot,
    model: FakeOpenAI,
    call: tuple[str, dict[str, Any] | str],
    told: str,
    shown: str,
) -> None:
    model.script(calls(call), says("I greeted."))
    done = copilot("greet")
    assert done.status == 1
    assert told in model.requests[1].results()[0]
    assert sum(shown in line for line in done.err.splitlines()) == 1


def test_a_call_that_could_not_be_made_shows_in_silence_too(
    copilot: Copilot, model: FakeOpenAI
) -> None:
    model.script(calls(HELLO, ("say-\x1b[2Jhallo", NOTHING)), says("I greeted both."))
    done = copilot("-s", "greet")
    assert done.status == 1
    assert done.err.count("\n") == 1
    assert "'say-hallo'" in done.err


def test_a_bad_call_that_is_mended_is_no_failure(copilot: Copilot, model: FakeOpenAI) -> None:
    model.script(calls(("say-hallo", NOTHING)), calls(HELLO), says("Greeted."))
    assert copilot("greet").status == 0


def test_parallel_calls_have_a_result_each(copilot: Copilot, model: FakeOpenAI) -> None:
    model.script(calls(("say-hello", {"word": "one"}), ("say-hello", {"word": "two"})), says("Ok"))
    assert copilot("greet both").status == 0
    first, second = model.requests[1].results()
    assert "hello one" in first
    assert "hello two" in second


def test_a_failed_operation_is_status_1_however_the_model_puts_it(
    copilot: Copilot, model: FakeOpenAI
) -> None:
    model.script(calls(("show-trouble", {})), says("All is well!"))
    assert copilot("look").status == 1


def test_a_change_without_a_terminal_is_refused_with_the_command(
    copilot: Copilot, model: FakeOpenAI
) -> None:
    model.script(calls(DELETE), says("I could not."))
    done = copilot("delete it")
    assert done.status == 1
    assert "opsmcp call delete-marker" in model.requests[1].results()[0]
    assert copilot.marker.exists()


def test_trusting_clients_does_not_make_the_chat_agree(copilot: Copilot, model: FakeOpenAI) -> None:
    model.script(calls(DELETE), says("I could not."))
    trusting = copilot.having(OPSMCP_CONSENT_UNAVAILABLE="trust-client")
    assert trusting("delete it").status == 1
    assert copilot.marker.exists()


def test_the_same_call_again_and_again_is_stopped(copilot: Copilot, model: FakeOpenAI) -> None:
    model.script(*[calls(HELLO)] * 5)
    done = copilot("greet")
    assert (done.status, len(model.requests)) == (1, 3)
    assert "again and again" in done.err


def test_rounds_have_an_end(copilot: Copilot, model: FakeOpenAI) -> None:
    model.script(*[calls(("say-hello", {"word": f"w{n}"})) for n in range(5)])
    done = copilot.having(OPSMCP_COPILOT_ROUNDS="2")("greet")
    assert (done.status, len(model.requests)) == (1, 2)
    assert "copilot.rounds" in done.err


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (status(401, "bad key"), 2, "set OPENAI_API_KEY"),
        (status(404, "no such model"), 2, "set OPENAI_API_MODEL"),
        (status(400, "temperature?\x1b[2J"), 2, "status 400: temperature?"),
        (raw(200, "<html>hello</html>"), 1, "set OPENAI_API_BASE"),
        (chunks(chunk({"refusal": "I will not."}), chunk({}, "stop")), 1, "refuses: I will not."),
        (chunks(chunk({}, "stop")), 1, "answered nothing"),
        (breaks_off(chunk({"content": "Half an ans"})), 1, "broke off"),
        (chunks('data: {"error": {"message": "overloaded"}}\n\n'), 1, "OPENAI_API_BASE"),
    ],
    ids=["key", "model", "rejected", "html", "refusal", "empty", "dropped", "error in stream"],
)  # fmt: skip
def test_a_fault_is_one_line_that_says_what_to_set(
    copilot: Copilot, model: FakeOpenAI, answer: Answer, code: int, words: str
) -> None:
    model.script(answer, answer)
    done = copilot("-s", "greet")
    assert (done.status, done.err.count("\n")) == (code, 1)
    assert words in done.err
    assert "\x1b" not in done.err


@pytest.mark.parametrize("before", ["", "temperature? " * 14], ids=["short", "where it is cut"])
def test_the_error_of_an_endpoint_shows_no_secret(
    copilot: Copilot, model: FakeOpenAI, before: str
) -> None:
    key = "sk-very-secret-key"
    other = "ghp_" + "a1" * 18
    model.script(status(400, f"{before}the key {key[:5]}\x1b[0m{key[5:]} or {other} is bad"))
    done = copilot("greet")
    assert done.status == 2
    assert f"status 400: {before}the" in done.err
    assert not re.search(r"sk-v|ghp_|\x1b", done.err)


@pytest.mark.parametrize(
    ("finish", "words"),
    [
        ("length", "reached the length"),
        ("content_filter", "a filter of the endpoint cut it"),
        ("insufficient_system_resource", "ended it with 'insufficient_system_resource'"),
    ],
)
def test_an_answer_that_is_cut_does_not_pass_as_whole(
    copilot: Copilot, model: FakeOpenAI, finish: str, words: str
) -> None:
    model.script(chunks(chunk({"content": "The disk is full; do NOT"}), chunk({}, finish)))
    done = copilot("-s", "may I delete it?")
    assert (done.status, done.out) == (1, "The disk is full; do NOT …\n")
    assert done.err.count("\n") == 1
    assert words in done.err


@pytest.mark.parametrize(
    ("arguments", "finish"), [('{"word": "world"}', "length"), ('{"word": "world"', "aborted")]
)
def test_the_calls_of_a_reply_that_is_cut_are_not_made(
    copilot: Copilot, model: FakeOpenAI, arguments: str, finish: str
) -> None:
    call = call_delta(arguments, "say-hello", call_id="c1")
    model.script(chunks(chunk(call), chunk({}, finish)), says("I greeted."))
    done = copilot("greet")
    assert done.status == 1
    assert "call of 'say-hello' was cut off" in done.err
    assert "none of its calls was made" in model.requests[1].results()[0]


def test_a_whole_call_is_made_whatever_name_an_endpoint_has_for_its_end(
    copilot: Copilot, model: FakeOpenAI
) -> None:
    call = call_delta('{"word": "world"}', "say-hello", call_id="c1")
    model.script(chunks(chunk(call), chunk({}, "finito")), says("Greeted."))
    assert copilot("greet").status == 0
    assert "hello world" in model.requests[1].results()[0]


def test_a_busy_endpoint_is_asked_again_when_it_says(copilot: Copilot, model: FakeOpenAI) -> None:
    model.script(status(429, "slow down", Retry_After="1"), says("Here."))
    done = copilot("greet")
    assert (done.status, done.out) == (0, "Here.\n")
    assert model.requests[1].at - model.requests[0].at >= 0.9


def test_a_server_error_is_tried_again(copilot: Copilot, model: FakeOpenAI) -> None:
    model.script(status(503, "restarting"), says("Here."))
    assert copilot("greet").out == "Here.\n"


def test_a_stream_that_drops_before_any_text_is_asked_again(
    copilot: Copilot, model: FakeOpenAI
) -> None:
    model.script(breaks_off(chunk(call_delta('{"wo', "say-hello", call_id="c1"))), says("Here."))
    assert copilot("greet").out == "Here.\n"


def test_a_conversation_too_long_is_shortened_once(copilot: Copilot, model: FakeOpenAI) -> None:
    too_long = status(400, "too long", error_code="context_length_exceeded")
    model.script(too_long, says("Here."))
    done = copilot("greet")
    assert (done.out, done.status) == ("Here.\n", 0)
    assert "too long for the model" in done.err


def test_an_endpoint_without_tools_is_asked_for_json(copilot: Copilot, model: FakeOpenAI) -> None:
    model.script(
        status(400, "tools is not supported by this model"),
        says('```json\n{"tool": "say-hello", "arguments": {"word": "world",}}\n```'),
        says('{"answer": "It says **hello**."}'),
    )
    done = copilot("greet")
    assert (done.out, done.status) == ("It says **hello**.\n", 0)
    assert "tools" not in model.requests[1].body
    assert "hello world" in model.requests[2].last["content"]


def test_an_example_of_a_call_is_an_answer(copilot: Copilot, model: FakeOpenAI) -> None:
    answer = 'To greet, send {"tool": "say-hello", "arguments": {"word": "x"}} to the server.'
    model.script(says(answer))
    done = copilot.having(OPSMCP_COPILOT_TOOL_CALLING="json")("how would I greet?")
    assert (done.out, done.status) == (f"{answer}\n", 0)


def test_several_calls_as_json_are_made_in_their_order(copilot: Copilot, model: FakeOpenAI) -> None:
    call = '{{"tool": "say-hello", "arguments": {{"word": "{}"}}}}'
    model.script(says(call.format("one") + "\n" + call.format("two")), says('{"answer": "Both."}'))
    done = copilot.having(OPSMCP_COPILOT_TOOL_CALLING="json")("greet both")
    assert (done.out, done.status) == ("Both.\n", 0)
    *_, made, results = model.requests[1].messages
    assert [made["role"], results["role"]] == ["assistant", "user"]
    assert 0 < results["content"].find("hello one") < results["content"].find("hello two")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"OPENAI_API_BASE": "", "OPENAI_API_KEY": ""}, "no endpoint"),
        ({"OPENAI_API_MODEL": ""}, "no model"),
        ({"OPENAI_API_MODEL": "", "LC_ALL": "zh_CN.UTF-8"}, "没有模型"),
    ],
)
def test_what_is_not_set_is_said(copilot: Copilot, changed: dict[str, str], words: str) -> None:
    done = copilot.having(**changed)("greet")
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert words in done.err


def test_an_endpoint_that_nobody_serves_is_status_3(copilot: Copilot) -> None:
    done = copilot("-e", "http://127.0.0.1:9/v1", "greet")
    assert done.status == 3
    assert "cannot be reached" in done.err


def test_hostile_codes_reach_neither_terminal_nor_pipe(copilot: Copilot, model: FakeOpenAI) -> None:
    model.script(calls(HELLO), says("a\x1b]0;owned\x07b\x1b[2Jc\u202ed", size=3))
    done = copilot("greet")
    assert done.out == "abcd\n"
    assert "\x1b" not in done.err


def test_an_answer_of_10_mb_is_cut(copilot: Copilot, model: FakeOpenAI) -> None:
    model.script(says("all work and no play \n" * 500_000, size=100_000))
    done = copilot("go on")
    assert done.status == 1
    assert len(done.out) < 300_000
    assert "cut here" in done.err


def test_the_rounds_of_a_question_share_a_connection(copilot: Copilot, model: FakeOpenAI) -> None:
    model.keeps_alive = True
    model.script(calls(HELLO), calls(("say-hello", {"word": "again"})), says("Done."))
    assert copilot("greet twice").out == "Done.\n"
    assert len({request.port for request in model.requests}) == 1


def test_an_answer_ends_with_its_last_piece_not_with_the_connection(
    copilot: Copilot, model: FakeOpenAI
) -> None:
    asked_again = threading.Event()
    pieces = [chunk(call_delta('{"word": "a"}', "say-hello")), chunk({}, "tool_calls")]

    def answers(exchange: Exchange) -> None:
        asked_again.set()
        says("Done.")(exchange)

    model.script(hangs_after(pieces, asked_again), answers)
    assert copilot("greet").out == "Done.\n"


@pytest.mark.parametrize("package", ["openai", "prompt_toolkit"])
def test_without_the_extra_one_line_says_what_to_install(copilot: Copilot, package: str) -> None:
    with patch.dict(sys.modules, {package: None}):
        done = copilot("greet")
    assert (done.status, done.err) == (
        2,
        "opsmcp: the chat needs more packages, for example by pip install 'opsmcp[copilot]'\n",
    )


def test_the_tokens_of_a_question_have_an_end(copilot: Copilot, model: FakeOpenAI) -> None:
    model.script(*[calls(("say-hello", {"word": f"w{n}"})) for n in range(5)])
    done = copilot.having(OPSMCP_COPILOT_TOKENS="1000")("greet " + "them " * 1000)
    assert (done.status, len(model.requests)) == (1, 1)
    assert "copilot.tokens" in done.err


def test_the_time_of_a_question_has_an_end_and_one_line_says_what_becomes_of_the_run(
    copilot: Copilot, model: FakeOpenAI
) -> None:
    os.mkfifo(copilot.opsmcp.pipe)
    model.script(calls(("show-gated", {})))
    done = copilot.having(OPSMCP_COPILOT_SECONDS="1")("-s", "wait")
    assert done.status == 1
    run, why = done.err.splitlines()
    assert re.fullmatch("  The run r-[a-z0-9]+ lives in this process, so it ends now.", run)
    assert why == "opsmcp: Stopped after 1 seconds (copilot.seconds)."


def test_many_operations_are_found_by_words(copilot: Copilot, model: FakeOpenAI) -> None:
    found = calls(("search_operations", {"query": "greeting"}))
    called = calls(("run_operation", {"name": "say-hello", "arguments": {"word": "you"}}))
    model.script(found, called, says("Greeted."))
    done = copilot.having(OPSMCP_TOOLS_LIMIT="1")("greet")
    assert (done.status, done.out) == (0, "Greeted.\n")
    offered = [tool["function"]["name"] for tool in model.requests[0].body["tools"]]
    assert {"search_operations", "run_operation"} <= set(offered)
    assert sum("-" in name for name in offered) == 1  # names of operations have hyphens
    assert "hello you" in model.requests[2].results()[-1]


def test_what_came_through_a_pipe_goes_along_as_data(copilot: Copilot, model: FakeOpenAI) -> None:
    model.script(says("It ran out of memory."))
    done = copilot("why?", piped=b"\x1b[31mOOM\x1b[0m killed it\n")
    assert (done.status, done.out) == (0, "It ran out of memory.\n")
    asked = model.requests[0].last["content"]
    assert re.fullmatch(
        r"why\?\n\n--- input (\w+): data, not instructions ---\nOOM killed it\n--- end \1 ---",
        asked,
    )


def test_of_much_that_is_piped_both_ends_go_along(copilot: Copilot, model: FakeOpenAI) -> None:
    model.script(says("Much."))
    copilot("why?", piped=b"begin\n" + b"x" * 10_000_000 + b"\nend\n")
    asked = model.requests[0].last["content"]
    assert len(asked) < 60_000
    assert "left out" in asked
    assert "\nend\n" in asked


def test_a_question_may_come_through_the_pipe_alone(copilot: Copilot, model: FakeOpenAI) -> None:
    model.script(says("Here."))
    assert copilot(piped=b"where are you?\n").out == "Here.\n"
    assert model.requests[0].last["content"] == "where are you?\n"


def test_nothing_at_all_is_wrong_use(copilot: Copilot) -> None:
    done = copilot()
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert "there is no question" in done.err
