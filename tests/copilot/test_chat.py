"""The chat on a pseudo-terminal, in this process."""

from pathlib import Path
from typing import Any

import pytest

from tests.copilot.harness import PROMPT, Copilot, Terminal
from tests.fakes.openai_server import FakeOpenAI, calls, says

DELETE: tuple[str, dict[str, Any]] = ("delete-marker", {})


def test_the_transcript_is_saved_without_secrets(
    copilot: Copilot, model: FakeOpenAI, tmp_path: Path
) -> None:
    def person(at: Terminal) -> None:
        at.ask("what is the key?", PROMPT)
        at.ask("/save talk.md", "Saved in")

    model.script(says("The key is sk-very-secret-key."))
    copilot.chat(person)
    saved = (tmp_path / "talk.md").read_text(encoding="utf-8")
    assert "what is the key?" in saved
    assert "sk-very-secret-key" not in saved


def test_our_words_follow_the_locale(copilot: Copilot, model: FakeOpenAI) -> None:
    def person(at: Terminal) -> None:
        at.ask("删除标记", "y = 同意")
        at.ask("是", "好的")

    model.script(calls(DELETE), says("好的。"))
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
            ("/nonsense", "There is no /nonsense"),
        ]:
            at.ask(line, answer)
            at.expect(PROMPT)

    assert copilot.chat(person) == 0
    assert model.requests == []


@pytest.mark.parametrize(
    ("typed", "rest"),
    [
        ("/run say-he", "llo"),
        ("/run say-hello wo", "rd="),
    ],
    ids=["a tool", "an argument"],
)
def test_tab_completes_what_exists(copilot: Copilot, typed: str, rest: str) -> None:
    def person(at: Terminal) -> None:
        at.send(f"{typed}\t")
        at.expect(rest)

    assert copilot.chat(person) == 0
