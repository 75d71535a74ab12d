"""The recorded session of docs/copilot.md, and its picture: `make picture` records both anew.

What is recorded is `opsmcp copilot` itself, as a process on a terminal: real operations on the
embedded engine. The model is scripted and so is kubectl (`tests.server.copilot.scenario`).
"""

import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pexpect

from opsmcp_server.config.environment import process_environment
from tests.docs.settings_reference import ROOT
from tests.docs.terminal_picture import draw
from tests.fakes.openai_server import FakeOpenAI, fake_openai
from tests.server.cli.process import Opsmcp
from tests.server.copilot.harness import PROMPT, Eye, spawned
from tests.server.copilot.scenario import SESSIONS, prepare

PAGE = ROOT / "docs" / "copilot.md"
PICTURE = ROOT / "docs" / "copilot.svg"
SIZE = (40, 100)
START = "<!-- recorded session: generated -->\n"
END = "<!-- end of the recorded session -->\n"

_FIRST_DRAWN = "ops> list the clusters"
"""The picture begins here: the whole would be too tall."""


def record() -> Eye:
    """What a person saw who had the session on a terminal."""
    with tempfile.TemporaryDirectory() as folder, fake_openai() as model:
        home = Path(folder)
        prepare(home)
        (home / "manifests").mkdir()
        environ = {
            "PATH": f"{home / 'bin'}:{process_environment()['PATH']}",
            "OPSMCP_EMBEDDED_BUNDLED": "true",
            "OPENAI_API_BASE": model.url,
            "OPENAI_API_MODEL": "scripted",
            "PROMPT_TOOLKIT_NO_CPR": "1",
            "TERM": "xterm-256color",
            "COLUMNS": "",
        }
        with spawned(replace(Opsmcp(home), environ=environ), size=SIZE) as child:
            eye = child.logfile_read = Eye(SIZE)
            _talk(child, model)
    return eye


def _talk(child: Any, model: FakeOpenAI) -> None:
    child.expect_exact(PROMPT)
    for exchanged in SESSIONS["en"]:
        model.script(*exchanged.answers)
        child.send(f"{exchanged.question}\r")
        if exchanged.asks:
            child.expect_exact("[y/n/e]")
            child.send("y\r")
        child.expect_exact(exchanged.shown)
        child.expect_exact(PROMPT)
    child.send("exit\r")
    child.expect(pexpect.EOF)


def written(eye: Eye) -> str:
    """The session as the page has it."""
    return f"{START}\n```text\n$ opsmcp copilot\n{eye.shown.strip()}\n```\n\n{END}"


def without_chance(session: str) -> str:
    """The session without what is another each time: handles and durations."""
    return re.sub(r"\br-[a-z0-9]+|\d+\.\d s", "*", session)


def picture(eye: Eye) -> str:
    """The part of it that changes something, as SVG."""
    first = eye.lines.index(_FIRST_DRAWN)
    last = eye.lines.index("ops> exit")
    return draw(eye.rows[first:last], "A session of opsmcp copilot in a terminal")


def write() -> None:
    eye = record()
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(START)
    PAGE.write_text(before + written(eye) + rest.split(END)[1], encoding="utf-8")
    PICTURE.write_text(picture(eye), encoding="utf-8")


if __name__ == "__main__":
    write()
