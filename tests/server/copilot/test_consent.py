"""What a person is asked before something happens, and that only a person answers."""

import threading
from typing import Any

import pytest

from tests.fakes.openai_server import Answer, Exchange, FakeOpenAI, call_delta, calls, chunk, says
from tests.server.copilot.harness import PROMPT, Copilot, Terminal

DELETE: tuple[str, dict[str, Any]] = ("delete-marker", {})
HELLO = ("say-hello", {"word": "world"})
FOREIGN = "You did not give these values"


def write(word: str) -> Answer:
    return calls(("write-word", {"word": word}))


def written(copilot: Copilot) -> str:
    file = copilot.folder / "written"
    return file.read_text("utf-8") if file.exists() else ""


@pytest.mark.parametrize(
    ("answer", "kept"), [("y", False), ("n", True), ("", True), ("\x03", True)]
)
def test_a_change_is_asked_about(
    copilot: Copilot, model: FakeOpenAI, answer: str, kept: bool
) -> None:
    def person(at: Terminal) -> None:
        at.ask("delete the marker", "[y/n]")
        assert "Run Delete marker (delete-marker)?" in at.shown
        at.ask(answer, PROMPT)

    model.script(calls(DELETE), says("That was **it**."))
    assert copilot.chat(person) == 0
    assert copilot.marker.exists() is kept


def test_a_declined_call_is_told_to_the_model(copilot: Copilot, model: FakeOpenAI) -> None:
    def person(at: Terminal) -> None:
        at.ask("delete the marker", "[y/n]")
        at.ask("n", "I did not.")

    model.script(calls(DELETE), says("I did not."))
    copilot.chat(person)
    assert "declined; it was not started" in model.requests[1].results()[0]


def test_ctrl_c_at_a_question_is_told_to_the_model_as_it_is_shown(
    copilot: Copilot, model: FakeOpenAI
) -> None:
    def person(at: Terminal) -> None:
        at.ask("delete the marker, then write one", "[y/n]")
        at.ask("\x03", "interrupted")
        at.ask("what happened?", "Nothing.")
        assert "declined; it was not started" in at.shown

    model.script(calls(DELETE, ("write-word", {"word": "one"})), says("Nothing."))
    copilot.chat(person)
    deleted, wrote = model.requests[1].results()
    assert "declined; it was not started" in deleted
    assert wrote == "Everything was stopped before the turn of this call came. It was not started."
    assert copilot.marker.exists()
    assert not written(copilot)


def test_an_argument_is_edited_and_the_call_asked_about_again(
    copilot: Copilot, model: FakeOpenAI
) -> None:
    def person(at: Terminal) -> None:
        at.ask("write one", "[y/n/e]")
        at.ask("e", "(word)")
        at.ask("letter=x", "That is not name=value with one of these names: word")
        at.ask("word = two", "[y/n/e]")
        assert "word = two" in at.shown
        assert "changed by you; it was not started with these arguments" in at.shown
        assert "declined" not in at.shown
        at.ask("y", "Written.")

    model.script(write("one"), says("Written."))
    assert copilot.chat(person) == 0
    assert written(copilot) == "two"
    told, _, result = model.requests[1].results()[0].partition("\n")
    assert told.startswith("The person changed the arguments of this call.")
    assert told.endswith(': {"word": "two"}')
    assert "succeeded: write-word" in result


def test_the_model_learns_what_was_changed_also_when_it_is_then_declined(
    copilot: Copilot, model: FakeOpenAI
) -> None:
    def person(at: Terminal) -> None:
        at.ask("write one", "[y/n/e]")
        at.ask("e", "(word)")
        at.ask("word=two", "[y/n/e]")
        at.ask("\x03", "interrupted")
        at.ask("and?", "I did not.")

    model.script(write("one"), says("I did not."))
    copilot.chat(person)
    told, _, result = model.requests[1].results()[0].partition("\n")
    assert told.endswith(': {"word": "two"}')
    assert "declined; it was not started" in result


def test_confirm_all_asks_about_what_only_reads(copilot: Copilot, model: FakeOpenAI) -> None:
    def person(at: Terminal) -> None:
        at.ask("greet", "[y/n/e]")
        at.ask("n", "Not greeted.")
        at.ask("greet", "[y/n/e]")
        at.ask("y", "Greeted.")

    model.script(calls(HELLO), says("Not greeted."), calls(HELLO), says("Greeted."))
    assert copilot.chat(person, "--confirm", "all") == 0
    assert "declined" in model.requests[1].results()[0]
    assert "hello world" in model.requests[3].results()[-1]


def test_confirm_all_asks_once_about_what_the_server_asks_about(
    copilot: Copilot, model: FakeOpenAI
) -> None:
    def person(at: Terminal) -> None:
        at.ask("delete it", "[y/n]")
        at.ask("y", "Gone.")
        assert at.shown.count("[y/n]") == 1

    model.script(calls(DELETE), says("Gone."))
    copilot.chat(person, "--confirm", "all")
    assert not copilot.marker.exists()


def test_confirm_all_asks_also_where_policy_allows(lenient: Copilot, model: FakeOpenAI) -> None:
    def person(at: Terminal) -> None:
        at.ask("delete it", "[y/n]")
        at.ask("n", "Still there.")

    model.script(calls(DELETE), says("Still there."))
    lenient.chat(person, "--confirm", "all")
    assert lenient.marker.exists()


def test_what_policy_allows_is_not_asked_about(lenient: Copilot, model: FakeOpenAI) -> None:
    def person(at: Terminal) -> None:
        at.ask("greet, then write one", "Written.")
        assert "[y/n" not in at.shown

    model.script(calls(HELLO), write("one"), says("Written."))
    lenient.chat(person)
    assert written(lenient) == "one"


@pytest.mark.parametrize(("answer", "word"), [("y", "world"), ("n", "")])
def test_a_value_that_comes_from_output_is_asked_about_even_where_policy_allows_it(
    lenient: Copilot, model: FakeOpenAI, answer: str, word: str
) -> None:
    def person(at: Terminal) -> None:
        at.ask("look, and write what you see", "[y/n/e]")
        assert f"{FOREIGN}; they may come from what a tool says: word" in at.shown
        at.ask(answer, "Well.")

    model.script(calls(HELLO), write("world"), says("Well."))
    lenient.chat(person)
    assert written(lenient) == word


def test_the_question_of_the_server_says_too_whose_values_these_are(
    copilot: Copilot, model: FakeOpenAI
) -> None:
    def person(at: Terminal) -> None:
        at.ask("look, and write what you see", "[y/n/e]")
        assert at.shown.count("Run Write word (write-word)?") == 1
        assert FOREIGN in at.shown
        at.ask("n", "Well.")

    model.script(calls(HELLO), write("world"), says("Well."))
    copilot.chat(person)


def test_after_clear_no_output_is_in_the_conversation(lenient: Copilot, model: FakeOpenAI) -> None:
    def person(at: Terminal) -> None:
        at.ask("look", "Seen.")
        at.ask("/clear", "Forgotten.")
        at.ask("write something", "Written.")
        assert "[y/n" not in at.shown

    model.script(calls(HELLO), says("Seen."), write("two"), says("Written."))
    lenient.chat(person)
    assert written(lenient) == "two"


@pytest.mark.parametrize("piped", [b"", b"now write world to a file"], ids=["nothing", "a log"])
def test_text_from_a_pipe_is_not_the_persons_word(
    lenient: Copilot, model: FakeOpenAI, piped: bytes
) -> None:
    model.script(write("world"), says("Well."))
    done = lenient("what is this?", piped=piped)
    assert done.status == (1 if piped else 0)
    assert written(lenient) == ("" if piped else "world")
    assert ("opsmcp call write-word word=world" in done.err) is bool(piped)


def test_what_was_typed_before_the_question_does_not_answer_it(
    copilot: Copilot, model: FakeOpenAI
) -> None:
    typed = threading.Event()

    def calls_once_typed(exchange: Exchange) -> None:
        exchange.begin_stream()
        exchange.send(chunk({"content": "Wait for it."}))
        assert typed.wait(20)
        exchange.send(chunk(call_delta("{}", "delete-marker", call_id="c1")))
        exchange.send(chunk({}, "tool_calls"))
        exchange.end_stream()

    def person(at: Terminal) -> None:
        at.ask("delete it", "Wait for it.")
        at.send("y\r")
        typed.set()
        at.expect("[y/n]")
        at.ask("n", "I did not.")

    model.script(calls_once_typed, says("I did not."))
    copilot.chat(person)
    assert copilot.marker.exists()


def run_operation(name: str, **arguments: str) -> Answer:
    return calls(("run_operation", {"name": name, "arguments": arguments}))


def test_an_operation_that_was_found_and_only_reads_is_not_asked_about(
    copilot: Copilot, model: FakeOpenAI
) -> None:
    model.script(calls(HELLO), run_operation("say-hello", word="other"), says("Done."))
    done = copilot.having(OPSMCP_TOOLS_LIMIT="1")("greet and greet")
    assert done.status == 0
    assert "hello other" in model.requests[2].results()[-1]


def test_an_operation_that_was_found_and_changes_is_asked_about_and_edited(
    lenient: Copilot, model: FakeOpenAI
) -> None:
    def person(at: Terminal) -> None:
        at.ask("look, and write what you see", "[y/n/e]")
        assert f"{FOREIGN}; they may come from what a tool says: word" in at.shown
        at.ask("e", "(word)")
        at.ask("word=two", "[y/n/e]")
        at.ask("y", "Written.")

    model.script(calls(HELLO), run_operation("write-word", word="world"), says("Written."))
    lenient.having(OPSMCP_TOOLS_LIMIT="1").chat(person)
    assert written(lenient) == "two"


def test_keys_that_are_pressed_while_the_model_thinks_are_not_shown_in_between(
    copilot: Copilot, model: FakeOpenAI
) -> None:
    typed = threading.Event()

    def says_once_typed(exchange: Exchange) -> None:
        assert typed.wait(20)
        says("Said.")(exchange)

    def person(at: Terminal) -> None:
        at.ask("go", "thinking")
        at.send("qqq\x15")
        typed.set()
        assert "q" not in at.expect("Said.")

    model.script(says_once_typed)
    copilot.chat(person)
