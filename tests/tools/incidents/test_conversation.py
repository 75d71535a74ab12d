"""Conversations with a model: kept within their bound, by whoever has the incident, and shown."""

from pathlib import Path

import pytest

from opsmcp_tools.incidents.conversation import (
    MOST_BYTES,
    Call,
    Conversation,
    Line,
    conversation_of,
    text_of,
)
from opsmcp_tools.incidents.sqlite_conversations import SqliteConversations
from opsmcp_tools.incidents.sqlite_file import open_incident_file
from opsmcp_tools.model.errors import JournalUnusable
from tests.tools.incidents.signals import NOW
from tests.tools.incidents.test_correlation import MINUTE, Record

_CALL = Call(1, "call_1", "get-pod", '{"name": "x"}')


def test_what_is_kept_is_what_was_said() -> None:
    talk = Conversation().told("why?").said("let me look", [_CALL]).asked("1.0")
    assert conversation_of(text_of(talk)) == talk
    answered = conversation_of(text_of(talk.answered("it is full", "r-1")))
    assert (answered.pending, answered.runs, answered.turns) == ((), ("r-1",), 1)
    assert list(answered.lines()) == [
        Line("opsmcp", "why?"),
        Line("model", "let me look"),
        Line("call", 'get-pod {"name": "x"}'),
        Line("result", "it is full"),
    ]
    assert answered.so_far == "let me look"


def test_without_room_the_oldest_results_lose_their_middle() -> None:
    talk = Conversation().told("why?")
    for number in range(1, 6):
        call = Call(number, f"call_{number}", "get-pod", "{}")
        talk = talk.said("", [call]).answered(f"{number}" * (MOST_BYTES // 4))
    kept = conversation_of(text_of(talk))
    assert len(text_of(talk).encode()) <= MOST_BYTES
    results = [line.text for line in kept.lines() if line.who == "result"]
    assert "characters left out" in results[0] and results[-1] == "5" * (MOST_BYTES // 4)


def test_what_has_no_room_at_all_is_not_kept() -> None:
    with pytest.raises(ValueError, match="too long"):
        text_of(Conversation().told("x" * MOST_BYTES))


def test_only_who_has_the_incident_writes_its_conversation(tmp_path: Path) -> None:
    with open_incident_file(tmp_path) as file:
        record, talks = Record(file), SqliteConversations(file)
        record.say("d1")
        old = record.claim()
        assert talks.get(old.id) is None
        assert talks.put(old, Conversation().told("mine"), NOW)
        record.mine.look_later(old, NOW, NOW)
        (new,) = record.yours.claim(NOW + 2 * MINUTE)
        assert not talks.put(old, Conversation().told("late"), NOW)
        assert talks.put(new, Conversation().told("theirs"), NOW)
        kept = talks.get(new.id)
        with file.writing() as database:
            database.execute("UPDATE conversations SET body = '[]'")
        with pytest.raises(JournalUnusable, match="a damaged conversation"):
            talks.get(new.id)
    assert kept is not None and [line.text for line in kept.lines()] == ["theirs"]
