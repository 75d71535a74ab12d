"""Tokens: an estimate that is held against what tokenizers counted."""

import pytest

from opsmcp_tools.safe_text.token_estimate import CHARACTERS_PER_TOKEN, estimate_tokens

_LOG = "2026-11-23T10:00:01.123456 INFO [worker-3] request 9f86d081884c7d65 took 17 ms\n" * 5
_SCHEMA = '{"type":"string","description":"Only this namespace","pattern":"^[a-z0-9.-]*$"}'
_PROSE = "The same call gets the run that is in flight or that just ended, with its own name. " * 3
_CHINESE = "磁盘写入失败,请检查磁盘空间后重试。"
_TABLE = "web-0                  1/1     Running            0               3d\n" * 5


@pytest.mark.parametrize(
    ("text", "counted"),
    [(_LOG, 190), (_SCHEMA, 23), (_PROSE, 61), (_CHINESE, 15), (_TABLE, 90)],
    ids=["log", "schema", "prose", "Chinese", "table"],
)
def test_the_estimate_is_near_what_a_tokenizer_counts(text: str, counted: int):
    """Counted by o200k_base."""
    assert 0.75 * counted <= estimate_tokens(text) <= 1.25 * counted


@pytest.mark.parametrize("text", ["", " " * 80, "x" * 80, "1" * 80, "\n" * 80, "é" * 80])
def test_no_text_has_more_characters_for_a_token_than_said(text: str):
    assert len(text) <= CHARACTERS_PER_TOKEN * estimate_tokens(text)
