"""Ctrl-C at each moment of the chat, in a process whose terminal sends the signal."""

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pexpect

from tests.cli.process import COMMAND, Opsmcp
from tests.fakes.openai_server import FakeOpenAI, calls, chunk, hangs_after


@contextmanager
def chatting(opsmcp: Opsmcp, *arguments: str) -> Generator[Any]:
    spawn: Any = pexpect.spawn
    child = spawn(
        COMMAND[0],
        [*COMMAND[1:], "copilot", *arguments],
        env=opsmcp.environment(),
        cwd=str(opsmcp.folder),
        timeout=10,
        dimensions=(40, 120),
        encoding="utf-8",
    )
    child.delaybeforesend = None
    try:
        child.expect("ops>")
        yield child
    finally:
        child.close(force=True)


def test_ctrl_c_stops_an_answer_and_once_more_leaves(opsmcp: Opsmcp, model: FakeOpenAI) -> None:
    done = threading.Event()
    model.script(hangs_after([chunk({"content": "Beginning to "})], done))
    with chatting(opsmcp) as child:
        child.send("go on\r")
        child.expect("Beginning to")
        child.sendintr()
        child.expect("interrupted")
        child.expect("ops>")
        child.sendintr()
        child.expect(pexpect.EOF)
    done.set()


def test_ctrl_c_leaves_a_run_going_and_says_which(opsmcp: Opsmcp, model: FakeOpenAI) -> None:
    os.mkfifo(opsmcp.pipe)
    model.script(calls(("show-forever", {})))
    with chatting(opsmcp) as child:
        child.send("wait\r")
        opsmcp.pipe.read_text(encoding="utf-8")
        child.expect("run r-")
        child.sendintr()
        child.expect("as long as opsmcp copilot does: r-")
        child.expect("ops>")
