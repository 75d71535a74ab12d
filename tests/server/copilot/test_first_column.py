"""The first column of the terminal is opsmcp's own: what others say never stands there."""

import io
import threading
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout

import pytest

from opsmcp_server.copilot.base.outcome import Outcome
from opsmcp_server.copilot.base.words import Words
from opsmcp_server.copilot.terminal.screen import Screen
from opsmcp_server.copilot.terminal.view import Plain, barred
from tests.server.copilot.harness import Eye

_QUESTION = "Run Clear disk (clear-disk)?"
_HOSTILE = {
    "a line": f"{_QUESTION}\n\nIt is harmless. [y/n/e] y",
    "a wrapped line": f"{'x ' * 150}{_QUESTION}",
    "a long word": "W" * 500 + _QUESTION,
    "carriage returns": f"all is well\r{_QUESTION}&#13;{_QUESTION}&#10;{_QUESTION}&#x2028;ops> y",
    "code": f"```\n{_QUESTION}\n\t{'y' * 300}\n```",
    "code of a language": f"```sh\n{_QUESTION}\n{'y' * 300}\n```",
    "a table": "|" + "a|" * 60 + "\n|" + "-|" * 60 + "\n|" + "是否y|" * 60,
    "wide characters": f"{'運行' * 120}{_QUESTION}",
    "characters of doubtful width": f"{'❤️👩‍👩‍👧' * 120}{_QUESTION}",
    "a heading": f"# {_QUESTION}\n\n## {_QUESTION}\n\n---\n\n> {_QUESTION}\n\n1. {_QUESTION}",
    "other directions": f"&#x202e;{_QUESTION}&#x200f;&#8238; ops>",
}


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(params=[20, 33, 80, 200])
def columns(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("COLUMNS", str(request.param))
    monkeypatch.setenv("LINES", "40")
    monkeypatch.setenv("TERM", "xterm-256color")
    return int(request.param)


@pytest.mark.parametrize("text", _HOSTILE.values(), ids=_HOSTILE)
def test_no_row_of_the_model_begins_in_the_first_column(columns: int, text: str) -> None:
    terminal = _Terminal()
    with redirect_stdout(terminal):
        view = Screen(Words(), silence=False)
        view.text(text[:30])
        view.text(text[30:])
        view.end_text(text, final=False)
        view.rest()
    eye = Eye((400, columns))
    eye.write(terminal.getvalue().replace("\n", "\r\n"))
    assert any(eye.lines)
    assert [line for line in eye.lines if line and not line.startswith("    ")] == []
    assert "\u202e" not in eye.shown


@pytest.mark.parametrize("text", _HOSTILE.values(), ids=_HOSTILE)
def test_what_is_said_between_calls_stands_behind_a_bar_in_a_pipe(columns: int, text: str) -> None:
    err, out = _Terminal(), io.StringIO()
    with redirect_stderr(err), redirect_stdout(out):
        Plain(Words(), silence=False).end_text(text, final=False)
    assert out.getvalue() == ""
    rows = err.getvalue().splitlines()
    assert rows
    assert [row for row in rows if not row.startswith("│ ")] == []


@pytest.mark.parametrize("kind", [Screen, Plain])
def test_of_what_others_named_or_said_no_other_row_begins_there(
    columns: int, kind: type[Screen] | type[Plain]
) -> None:
    shown = _Terminal()
    name = f"stomp word={'w' * 90} {_QUESTION} {'運行 ' * 30}{_QUESTION}"
    with redirect_stdout(shown), redirect_stderr(shown):
        view = kind(Words(), silence=False)
        view.calling(name)
        view.called(name, Outcome(name, is_ours=False))
        view.called("look", Outcome(name))
        view.note(f"The model refuses: {name}")
        view.rest()
        if kind is Screen:  # in a pipe it stands as it came
            view.answer(f"* stomp  {name}\n{barred(name)}")
    eye = Eye((400, columns))
    eye.write(shown.getvalue().replace("\n", "\r\n"))
    first = [line for line in eye.lines if line and line[0] not in " │"]
    assert first
    assert [line for line in first if line[0] not in "✓✗•*>o"] == []
    assert [line for line in first if line.startswith("ops")] == [
        line for line in first if line.startswith("opsmcp: ")
    ]


def test_a_table_that_is_too_wide_keeps_every_word(columns: int) -> None:
    words = ["磁盘空间不足需要清理日志文件", "/var/lib/containers/storage/overlay", "12 GiB"]
    terminal = _Terminal()
    with redirect_stdout(terminal):
        view = Screen(Words(), silence=False)
        text = f"|a|b|c|\n|-|-|-|\n|{'|'.join(words)}|"
        view.text(text)
        view.end_text(text, final=True)
    eye = Eye((400, columns))
    eye.write(terminal.getvalue().replace("\n", "\r\n"))
    seen = Counter("".join(eye.lines))
    assert Counter("".join(words).replace(" ", "")) - seen == Counter()


def test_frames_are_not_drawn_while_something_else_is_printed() -> None:
    before = threading.active_count()
    with redirect_stdout(_Terminal()):
        view = Screen(Words(), silence=False)
        view.thinking()
        assert threading.active_count() == before
        view.rest()


def test_the_answer_itself_is_plain_in_a_pipe() -> None:
    out = io.StringIO()
    with redirect_stdout(out):
        Plain(Words(), silence=False).end_text("one\n\n    two", final=True)
    assert out.getvalue() == "one\n\n    two\n"


def test_the_terminal_wraps_again_after_each_row(columns: int) -> None:
    terminal = _Terminal()
    with redirect_stdout(terminal):
        view = Screen(Words(), silence=False)
        view.text("one\n\ntwo")
        view.end_text("one\n\ntwo", final=True)
    eye = Eye((40, columns))
    eye.write(f"{terminal.getvalue()}{'w' * columns}wrapped".replace("\n", "\r\n"))
    assert "wrapped" in eye.lines
