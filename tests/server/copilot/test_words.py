import string
from pathlib import Path

import pytest

from opsmcp_server import copilot
from opsmcp_server.copilot.base.words import WORDS, Words, language_of

SOURCES = Path(copilot.__file__).parent


def names(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("key", WORDS)
def test_a_sentence_says_the_same_in_both_languages(key: str) -> None:
    english, chinese = WORDS[key]
    assert names(english) == names(chinese)
    assert english.isascii() or key in ("folded", "folded-run")
    assert not chinese.isascii()


def test_every_sentence_is_said_somewhere() -> None:
    source = "".join(path.read_text("utf-8") for path in SOURCES.rglob("*.py"))
    assert [key for key in WORDS if source.count(f'"{key}"') < 2] == []


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LC_MESSAGES": "ZH_TW", "LANG": "de_DE"}, "zh"),
    ],
)
def test_the_locale_chooses_the_language(environ: dict[str, str], language: str) -> None:
    assert language_of(environ) == language


def test_values_stand_in_the_sentence() -> None:
    assert Words("en")("model", model="m1") == "Model: m1"
