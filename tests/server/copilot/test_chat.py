"""The chat on a pseudo-terminal, in this process."""

import re
import stat

import pytest

from tests.fakes.openai_server import (
    FakeOpenAI,
    breaks_off,
    calls,
    chunk,
    says,
    status,
)
from tests.server.cli.process import Opsmcp
from tests.server.copilot.harness import PROMPT, Copilot, Terminal, chatting, leave

HELLO = ("say-hello", {"word": "world"})
SHOWS_EVIL = ("show-evil", dict[str, object]())


def test_markdown_is_drawn_as_it_comes(copilot: Copilot, model: FakeOpenAI) -> None:
    def person(at: Terminal) -> None:
        at.ask("show me", "the end")
        at.expect(PROMPT)
        assert " • one" in at.shown
        assert "plain bold" in at.shown
        assert re.search(r"a +b\n +─+\n +1 +2", at.shown)
        assert "see (https://example.com/x)" in at.shown

    text = "plain **bold**\n\n- one\n\n|a|b|\n|-|-|\n|1|2|\n\n[see](https://example.com/x), the end"
    model.script(says(text))
    copilot.chat(person)


def test_what_a_tool_gives_keeps_its_columns_and_is_folded(
    copilot: Copilot, model: FakeOpenAI
) -> None:
    def person(at: Terminal) -> None:
        at.ask("count", "Counted.")
        assert "line    1" in at.shown
        assert re.search(r"… \d+ more lines: /output r-", at.shown)

    model.script(calls(("show-many", {})), says("Counted."))
    copilot.chat(person)


def test_that_nothing_new_was_started_is_not_folded(copilot: Copilot) -> None:
    def person(at: Terminal) -> None:
        for _ in range(2):
            at.ask("/run rotate-logs", "[y/n]")
            at.ask("y", PROMPT)
        assert at.shown.count("Nothing new was started") == 1
        assert at.shown.count(" more lines: /output r-") == 2

    copilot.chat(person)


def test_hostile_codes_move_nothing_on_the_terminal(copilot: Copilot, model: FakeOpenAI) -> None:
    def person(at: Terminal) -> None:
        at.ask("look", "Look")
        at.expect(PROMPT)
        assert "ops> look" in at.shown  # nothing was cleared
        assert "evil red end" in at.shown
        assert "Look: b end" in at.shown
        assert at.eye.title == ""

    evil = "Look: \x1b]0;owned\x07\x1b[2J\x1b[1;1Hb\u202e end [bold]x[/bold]"
    model.script(calls(SHOWS_EVIL), says(evil, size=2))
    copilot.chat(person)


def test_output_stands_behind_a_bar_on_every_row(copilot: Copilot) -> None:
    def person(at: Terminal) -> None:
        at.ask(f"/run say-hello word={'W' * 90}", "succeeded")
        at.expect(PROMPT)
        assert f"  │ {'W' * 36}\n" in at.shown

    copilot.having(COLUMNS="40").chat(person, size=(40, 40))


def test_an_answer_of_10_mb_is_cut_and_the_chat_goes_on(
    copilot: Copilot, model: FakeOpenAI
) -> None:
    def person(at: Terminal) -> None:
        at.ask("go on", "cut here")
        at.expect(PROMPT)
        at.ask("and now?", "Now.")

    model.script(says("all work and no play " * 500_000, size=100_000), says("Now."))
    assert copilot.chat(person) == 0


def test_lines_that_are_not_sent_yet_begin_with_alt_enter(
    copilot: Copilot, model: FakeOpenAI
) -> None:
    def person(at: Terminal) -> None:
        at.send("first\x1b\r")
        at.ask("second", "Both.")

    model.script(says("Both."))
    copilot.chat(person)
    assert model.requests[0].last["content"] == "first\nsecond"


def test_a_fault_is_one_line_and_the_chat_goes_on(copilot: Copilot, model: FakeOpenAI) -> None:
    def person(at: Terminal) -> None:
        at.ask("greet", "set OPENAI_API_KEY")
        at.ask("again", "Here.")

    model.script(status(401, "bad key"), says("Here."))
    assert copilot.chat(person) == 0
    said = [message["content"] for message in model.requests[1].messages[1:]]
    assert said == ["greet", "(broken off)", "again"]


def test_as_many_questions_are_sent_again_as_history_says(
    copilot: Copilot, model: FakeOpenAI
) -> None:
    def person(at: Terminal) -> None:
        for number in range(1, 5):
            at.ask(f"question {number}", f"answer {number}")
        at.ask("/history", "4. question 4")

    model.script(*[says(f"answer {number}") for number in range(1, 5)])
    copilot.chat(person, "--history", "2")
    asked = [one["content"] for one in model.requests[3].messages if one["role"] == "user"]
    assert asked == ["question 2", "question 3", "question 4"]


def test_the_transcript_is_whole_whatever_failed_and_has_no_secrets(
    copilot: Copilot, model: FakeOpenAI
) -> None:
    def person(at: Terminal) -> None:
        at.ask("what is the key?", PROMPT)
        at.ask("greet, then fail", "again later")
        at.ask("break off", "broke off")
        at.ask("/run say-hello word=there", PROMPT)
        at.ask("/save nowhere/talk.md", "cannot be written")
        at.ask("/save talk.md", "Saved in")

    failures = [status(500, "no")] * 3
    half = breaks_off(chunk({"content": "Half an ans"}))
    model.script(says("It is sk-very-secret-key."), calls(HELLO), *failures, half)
    copilot.chat(person)
    file = copilot.folder / "talk.md"
    saved = file.read_text("utf-8")
    told = ["what is the key?", "greet, then fail", "say-hello word=world", "hello world"]
    told += ["failed with status 500", "break off", "Half an ans …", "broke off", "hello there"]
    places = [saved.find(words) for words in told]
    assert -1 not in places
    assert places == sorted(places)
    assert "sk-very-secret-key" not in saved
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_that_is_not_from_this_chat_is_not_overwritten(copilot: Copilot) -> None:
    def person(at: Terminal) -> None:
        at.ask("/save talk.md", "Saved in talk.md")
        at.ask("/run say-hello word=world", PROMPT)
        at.ask("/save talk.md", "Saved in talk.md")
        at.ask("/save notes.md", "give another name")

    notes = copilot.folder / "notes.md"
    notes.write_text("mine", "utf-8")
    copilot.chat(person)
    assert notes.read_text("utf-8") == "mine"
    assert "hello world" in (copilot.folder / "talk.md").read_text("utf-8")


def test_questions_are_remembered_from_day_to_day(opsmcp: Opsmcp, model: FakeOpenAI) -> None:
    model.script(says("Here."), says("Again."))
    for keys, answer in [("where are you?\r", "Here."), ("\x1b[A\r", "Again.")]:
        with chatting(opsmcp) as child:
            child.send(keys)
            child.expect(answer)
            child.expect(PROMPT)
            leave(child)
    assert model.requests[1].last["content"] == "where are you?"
    kept = opsmcp.folder / "state" / "copilot-history"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_history_that_cannot_be_written_does_not_end_the_chat(
    copilot: Copilot, model: FakeOpenAI
) -> None:
    def person(at: Terminal) -> None:
        kept = copilot.folder / "state" / "copilot-history"
        kept.unlink()
        kept.mkdir()
        at.ask("are you there?", "Here.")
        at.ask("still?", "Still.")
        assert "directory" not in at.shown

    model.script(says("Here."), says("Still."))
    assert copilot.chat(person) == 0


def test_our_words_follow_the_locale(copilot: Copilot, model: FakeOpenAI) -> None:
    def person(at: Terminal) -> None:
        at.ask("删除标记", "y = 同意")
        at.ask("是", "好的")

    model.script(calls(("delete-marker", {})), says("好的。"))
    assert copilot.having(LC_ALL="zh_CN.UTF-8").chat(person) == 0
    assert not copilot.marker.exists()


def test_the_slash_commands_work_without_the_model(copilot: Copilot, model: FakeOpenAI) -> None:
    def person(at: Terminal) -> None:
        for line, answer in [
            ("/help", "/tools"),
            ("/run say-hello word=world", "succeeded"),
            ("/tools marker", "delete-marker"),
            ("/runs", "say-hello"),
            ("/plan say-hello word=world", "Plan hash"),
            ("/history", "nothing yet"),
            ("/model", "test-model"),
            ("/clear", "Forgotten"),
            ("/tools zzz", "No tool fits"),
            ("/nonsense", "There is no /nonsense"),
            ("/run", "Usage: /run TOOL name=value"),
            ("/run say-hello world", "Usage: /run TOOL name=value"),
            ("/run nothing", "There is no tool 'nothing'; /tools lists those that there are."),
            ("/run say-helo", "There is no tool 'say-helo'; the nearest: say-hello."),
            ("/run say-hello word='a", "word"),
            ("/plan say-hello", "word"),
            ("/output", "Usage: /output RUN"),
            ("/output r-nowhere", "recent ones"),
            ("/save", "Usage: /save FILE"),
            ("/model other", "Model: other"),
        ]:
            at.ask(line, answer)
            at.expect(PROMPT)

    assert copilot.chat(person) == 0
    assert model.requests == []


def test_operations_that_are_not_listed_are_found_and_run(
    copilot: Copilot, model: FakeOpenAI
) -> None:
    def person(at: Terminal) -> None:
        at.ask("/tools", "search_operations")
        at.expect(PROMPT)
        assert "show-many" not in at.shown
        for line, answer in [
            ("/tools many", "  show-many"),
            ("/run show-many", "line    1"),
            ("/plan show-many", "Plan hash"),
            ("/run show-mny", "show-many"),
        ]:
            at.ask(line, answer)
            at.expect(PROMPT)

    assert copilot.having(OPSMCP_TOOLS_LIMIT="1").chat(person) == 0
    assert model.requests == []


@pytest.mark.parametrize(
    ("typed", "whole"),
    [
        ("/sa", "/save"),
        ("/run say-he", "/run say-hello"),
        ("/run say-hello wo", "/run say-hello word="),
        ("/run describe-pod cluster=la", "/run describe-pod cluster=lab"),
        ("/plan get_run_output run=", "/plan get_run_output run=r-"),
        ("/output r", "/output r-"),
        ("restart web on liv", "restart web on live"),
        ("重启la", "重启lab"),
        ("look at loc", "look at localhost"),
    ],
    ids=lambda text: text,
)
def test_tab_completes_what_exists(lab: Copilot, typed: str, whole: str) -> None:
    def person(at: Terminal) -> None:
        at.ask("/run say-hello word=world", "succeeded")
        at.ask("/runs", "say-hello")  # until then, the names have been read
        at.expect(PROMPT)
        at.send(f"{typed}\t")
        at.see(f"ops> {whole}")

    assert lab.chat(person) == 0
