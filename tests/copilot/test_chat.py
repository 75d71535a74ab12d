"""The chat on a real pseudo-terminal."""

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.cli.process import COMMAND, Opsmcp
from tests.fakes.openai_server import FakeOpenAI, calls, chunk, hangs_after, says

DELETE: tuple[str, dict[str, Any]] = ("delete-marker", {})


@contextmanager
def chatting(copilot: Opsmcp, *arguments: str, **environ: str) -> Generator[Any]:
    spawn: Any = pexpect.spawn
    child = spawn(
        COMMAND[0],
        [*COMMAND[1:], "copilot", *arguments],
        env={**copilot.environment(), "PROMPT_TOOLKIT_NO_CPR": "1", **environ},
        cwd=str(copilot.folder),
        timeout=10,
        dimensions=(40, 120),
        encoding="utf-8",
    )
    try:
        child.expect("ops>")
        yield child
    finally:
        child.close(force=True)


def leave(child: Any) -> int:
    child.sendline("exit")
    child.expect(pexpect.EOF)
    child.wait()
    return child.exitstatus


@pytest.mark.parametrize(("answer", "kept"), [("y", False), ("n", True)])
def test_a_change_is_asked_about(
    copilot: Opsmcp, model: FakeOpenAI, answer: str, kept: bool
) -> None:
    model.script(calls(DELETE), says("That was **it**."))
    with chatting(copilot) as child:
        child.send("delete the marker\r")
        child.expect(r"\[y/n")
        child.send(f"{answer}\r")
        child.expect("That was")
        child.expect("ops>")
        assert leave(child) == 0
    assert copilot.marker.exists() is kept


def test_commands_work_without_the_model(copilot: Opsmcp, model: FakeOpenAI) -> None:
    with chatting(copilot) as child:
        child.send("/run say-hello word=world\r")
        child.expect("hello world")
        child.send("/tools greeting\r")
        child.expect("say-hello")
        child.send("/nonsense\r")
        child.expect("There is no /nonsense")
        assert leave(child) == 0
    assert model.requests == []


def test_the_transcript_is_saved_without_secrets(
    copilot: Opsmcp, model: FakeOpenAI, tmp_path: Path
) -> None:
    model.script(says("The key is sk-very-secret-key."))
    with chatting(copilot) as child:
        child.send("what is the key?\r")
        child.expect("ops>")
        child.send("/save talk.md\r")
        child.expect("Saved in")
        leave(child)
    saved = (tmp_path / "talk.md").read_text(encoding="utf-8")
    assert "what is the key?" in saved
    assert "sk-very-secret-key" not in saved


def test_ctrl_c_stops_an_answer_and_once_more_leaves(copilot: Opsmcp, model: FakeOpenAI) -> None:
    done = threading.Event()
    model.script(hangs_after([chunk({"content": "Beginning to "})], done))
    with chatting(copilot) as child:
        child.send("go on\r")
        child.expect("Beginning to")
        child.sendintr()
        child.expect("interrupted")
        child.expect("ops>")
        child.sendintr()
        child.expect(pexpect.EOF)
    done.set()


def test_ctrl_c_leaves_a_run_going_and_says_which(copilot: Opsmcp, model: FakeOpenAI) -> None:
    os.mkfifo(copilot.pipe)
    model.script(calls(("show-forever", {})))
    with chatting(copilot) as child:
        child.send("wait\r")
        copilot.pipe.read_text(encoding="utf-8")
        child.expect("run r-")
        child.sendintr()
        child.expect("as long as opsmcp copilot does: r-")
        child.expect("ops>")


def test_our_words_follow_the_locale(copilot: Opsmcp, model: FakeOpenAI) -> None:
    model.script(calls(DELETE), says("好的。"))
    with chatting(copilot, LC_ALL="zh_CN.UTF-8", PYTHONUTF8="1") as child:
        child.send("删除标记\r")
        child.expect("y = 同意")
        child.send("是\r")
        child.expect("好的")
        assert leave(child) == 0
    assert not copilot.marker.exists()


def test_the_slash_commands_work_without_the_model(copilot: Opsmcp, model: FakeOpenAI) -> None:
    with chatting(copilot) as child:
        for line, answer in [
            ("/help", "/tools"),
            ("/run say-hello word=world", "succeeded"),
            ("/runs", "say-hello"),
            ("/plan say-hello word=world", "Plan hash"),
            ("/history", "ops>"),
            ("/model", "ops>"),
            ("/clear", "ops>"),
            ("/nothing", "/help"),
        ]:
            child.sendline(line)
            child.expect(answer)
            if answer != "ops>":
                child.expect("ops>")
        assert leave(child) == 0
    assert model.requests == []


@pytest.mark.parametrize(
    ("typed", "rest"),
    [
        ("/run say-he", "llo"),
        ("/run say-hello wo", "rd="),
    ],
    ids=["a tool", "an argument"],
)
def test_tab_completes_what_exists(
    copilot: Opsmcp, model: FakeOpenAI, typed: str, rest: str
) -> None:
    with chatting(copilot) as child:
        child.send(f"{typed}\t")
        child.expect(rest)
        child.send("\x15")
        assert leave(child) == 0
    assert model.requests == []
