"""The fake program answers only what it was told to, and remembers every call."""

from pathlib import Path

import pytest

from tests.fakes.program import FakeProgram, answer_call


def test_the_first_fitting_answer_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = FakeProgram(tmp_path, "tool")
    fake.answer("get", "a", out="first", code=3)
    fake.answer("get", out="second", err="warned")
    state = tmp_path / "tool.state"
    assert [answer_call(state, call) for call in (["get", "a"], ["get", "b"])] == [3, 0]
    assert capsys.readouterr() == ("firstsecond", "warned")
    assert fake.calls == [["get", "a"], ["get", "b"]]


def test_a_call_without_an_answer_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    FakeProgram(tmp_path, "tool")
    assert answer_call(tmp_path / "tool.state", ["put"]) == 99
    assert capsys.readouterr().err == "the fake has no answer to ['put']\n"
