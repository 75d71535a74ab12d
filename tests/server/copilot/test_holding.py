"""What comes while a person is asked waits for the answer."""

import io
from contextlib import redirect_stderr, redirect_stdout

import pytest

from opsmcp_server.copilot.base.outcome import Outcome
from opsmcp_server.copilot.base.words import Words
from opsmcp_server.copilot.terminal.screen import Screen
from opsmcp_server.copilot.terminal.view import Plain


@pytest.mark.parametrize("kind", [Screen, Plain])
def test_nothing_is_shown_until_the_person_has_answered(kind: type[Screen] | type[Plain]) -> None:
    shown = io.StringIO()
    with redirect_stdout(shown), redirect_stderr(shown):
        view = kind(Words(), silence=False)
        with view.quiet():
            view.calling("look")
            view.called("look", Outcome("came through"))
            view.note("of note")
            view.text("said in between\n")
            view.end_text("said in between", final=False)
            assert shown.getvalue() == ""
        later = shown.getvalue()
        view.rest()
    places = [later.index(words) for words in ("came through", "of note", "said in between")]
    assert places == sorted(places)
