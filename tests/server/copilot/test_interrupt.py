"""What only a process on a terminal of its own shows: Ctrl-C at each moment, a pager, resizing."""

import os
import threading
from collections.abc import Generator
from typing import Any

import pexpect
import pytest

from tests.fakes.openai_server import (
    Answer,
    Exchange,
    FakeOpenAI,
    calls,
    chunk,
    hangs_after,
    says,
)
from tests.process_id import ProcessId
from tests.server.cli.process import Opsmcp
from tests.server.copilot.harness import Eye, chatting, leave, spawned

GOES_ON = "as long as opsmcp copilot does: r-"


@pytest.fixture
def hanging() -> Generator[Answer]:
    """A model that begins and then says nothing more."""
    done = threading.Event()
    yield hangs_after([chunk({"content": "Beginning to "})], done)
    done.set()


def test_ctrl_c_stops_an_answer_and_once_more_leaves(
    opsmcp: Opsmcp, model: FakeOpenAI, hanging: Answer
) -> None:
    model.script(hanging)
    with chatting(opsmcp) as child:
        child.send("go on\r")
        child.expect("Beginning to")
        child.sendintr()
        child.expect("interrupted")
        child.expect("ops>")
        child.sendintr()
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 0


def test_after_an_interrupted_answer_the_chat_goes_on_with_what_came(
    opsmcp: Opsmcp, model: FakeOpenAI, hanging: Answer
) -> None:
    model.script(hanging, says("Here I am."))
    with chatting(opsmcp) as child:
        child.send("go on\r")
        child.expect("Beginning to")
        child.sendintr()
        child.expect("ops>")
        child.send("are you there?\r")
        child.expect("Here I am.")
        child.expect("ops>")
        assert leave(child) == 0
    said = [message["content"] for message in model.requests[1].messages[1:]]
    assert said == ["go on", "Beginning to ", "are you there?"]


def test_ctrl_c_before_the_model_says_anything_stops_it(opsmcp: Opsmcp, model: FakeOpenAI) -> None:
    asked, done = threading.Event(), threading.Event()

    def silent(exchange: Exchange) -> None:
        asked.set()
        hangs_after([], done)(exchange)

    model.script(silent)
    with chatting(opsmcp) as child:
        child.send("go on\r")
        assert asked.wait(20)
        child.expect(r"[1-9] s.*thinking")
        child.sendintr()
        child.expect("interrupted")
        child.expect("ops>")
        assert leave(child) == 0
    done.set()


def test_ctrl_c_at_a_question_starts_nothing(opsmcp: Opsmcp, model: FakeOpenAI) -> None:
    model.script(calls(("delete-marker", {})))
    with chatting(opsmcp) as child:
        child.send("delete it\r")
        child.expect(r"\[y/n\]")
        child.sendintr()
        child.expect("not started")
        child.expect("ops>")
        assert leave(child) == 0
    assert opsmcp.marker.exists()


def test_ctrl_c_leaves_a_run_going_and_says_which(opsmcp: Opsmcp, model: FakeOpenAI) -> None:
    os.mkfifo(opsmcp.pipe)
    model.script(calls(("show-forever", {})), says("It goes on."))
    with chatting(opsmcp) as child:
        child.send("wait\r")
        opsmcp.pipe.read_text(encoding="utf-8")
        child.expect("run r-")
        child.sendintr()
        child.expect(f"{GOES_ON}[a-z0-9]+")
        shown = child.after
        child.expect("ops>")
        child.send("and?\r")
        child.expect("It goes on.")
        child.expect("ops>")
        assert shown in model.requests[1].results()[0]
        child.sendeof()
        child.expect("lives in this process, so it ends now")
        child.expect(pexpect.EOF)


@pytest.mark.parametrize("seconds", ["45", "0"], ids=["its call", "a handle"])
def test_a_run_that_was_left_tells_of_its_end(
    seconds: str, opsmcp: Opsmcp, model: FakeOpenAI
) -> None:
    os.mkfifo(opsmcp.pipe)
    model.script(calls(("show-gated", {})))
    with chatting(opsmcp, OPSMCP_RUN_WAIT_SECONDS=seconds) as child:
        child.send("wait\r")
        child.expect("run r-")
        child.sendintr()
        child.expect(GOES_ON)
        child.expect("ops>")
        opsmcp.pipe.write_text("go\n", encoding="utf-8")
        child.expect(r"• (\S+ has ended: \w+)")
        assert child.match[1] == "show-gated has ended: succeeded"
        assert leave(child) == 0


def test_ctrl_c_at_the_prompt_twice_leaves(opsmcp: Opsmcp) -> None:
    with chatting(opsmcp) as child:
        child.sendintr()
        child.expect("Ctrl-C again leaves")
        child.expect("ops>")
        child.sendintr()
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 0


def test_ctrl_c_ends_a_single_question_with_status_130(
    opsmcp: Opsmcp, model: FakeOpenAI, hanging: Answer
) -> None:
    model.script(hanging)
    with spawned(opsmcp, "go on") as child:
        child.expect("Beginning to")
        child.sendintr()
        child.expect("interrupted")
        child.expect(pexpect.EOF)
        child.wait()
        assert child.exitstatus == 130


def test_what_goes_on_meanwhile_does_not_draw_over_a_question(
    opsmcp: Opsmcp, model: FakeOpenAI
) -> None:
    os.mkfifo(opsmcp.pipe)
    model.script(calls(("show-gated", {}), ("delete-marker", {})), says("Both."))
    with chatting(opsmcp) as child:
        eye = child.logfile_read = Eye((40, 120))
        child.send("look, and delete it\r")
        child.expect(r"\[y/n\]")
        opsmcp.pipe.write_text("came through\n", "utf-8")
        while "succeeded" not in opsmcp("runs").stdout:
            pass
        asked = eye.shown.strip().partition("Run Delete marker (delete-marker)?")[2]
        assert asked.endswith("delete-marker: y = yes, n = no [y/n]")
        assert "came through" not in asked
        child.send("y\r")
        child.expect("came through")
        child.expect("Both.")
        child.expect("ops>")
        assert leave(child) == 0
    assert not opsmcp.marker.exists()


def test_a_window_may_be_resized_while_the_model_speaks(opsmcp: Opsmcp, model: FakeOpenAI) -> None:
    resized = threading.Event()

    def speaks(exchange: Exchange) -> None:
        exchange.begin_stream()
        exchange.send(chunk({"content": "wide " * 30}))
        assert resized.wait(20)
        exchange.send(chunk({"content": "narrow " * 30 + "and done."}))
        exchange.send(chunk({}, "stop"))
        exchange.end_stream()

    model.script(speaks)
    with chatting(opsmcp) as child:
        eye = child.logfile_read = Eye((40, 120))
        child.send("speak\r")
        child.expect("wide wide")
        child.setwinsize(20, 40)
        eye.resize(20, 40)
        resized.set()
        child.expect("and done.*ops>")
        assert [eye.shown.count(word) for word in ("wide", "narrow", "and done")] == [30, 30, 1]
        assert max(map(len, eye.lines)) <= 40
        assert leave(child) == 0


def test_a_terminal_that_is_closed_during_a_run_ends_its_script(
    opsmcp: Opsmcp, model: FakeOpenAI
) -> None:
    os.mkfifo(opsmcp.pipe)
    model.script(calls(("show-forever", {})))
    with chatting(opsmcp) as child:
        child.send("wait\r")
        script = ProcessId.of(int(opsmcp.pipe.read_text(encoding="utf-8")))
        child.expect("run r-")
        hang_up(child)
    assert not script.alive


def test_a_terminal_that_is_closed_at_a_question_starts_nothing(
    opsmcp: Opsmcp, model: FakeOpenAI
) -> None:
    model.script(calls(("delete-marker", {})))
    with chatting(opsmcp) as child:
        child.send("delete it\r")
        child.expect(r"\[y/n\]")
        hang_up(child)
    assert opsmcp.marker.exists()


def hang_up(child: Any) -> None:
    """Close the terminal, as a window that is closed does; returns when the chat is over."""
    child.ptyproc.fileobj.close()
    child.wait()


PAGER = """\
#!/bin/sh
trap 'echo the pager goes on' INT
cat
while ! read -r key < /dev/tty; do :; done
"""


def test_the_whole_output_is_paged_and_ctrl_c_is_the_pagers(opsmcp: Opsmcp) -> None:
    pager = opsmcp.folder / "pager"
    pager.write_text(PAGER, "utf-8")
    pager.chmod(0o755)
    with chatting(opsmcp, PAGER=str(pager)) as child:
        child.send("/run show-many\r")
        child.expect(r"/output (r-[a-z0-9]+)")
        run = child.match[1]
        child.expect("ops>")
        child.send(f"/output {run}\r")
        child.expect("line    1\r\n.*line  400\r\n")
        child.sendintr()
        child.expect("the pager goes on")
        child.send("\n")
        child.expect("ops>")
        assert "interrupted" not in child.before
        assert leave(child) == 0
