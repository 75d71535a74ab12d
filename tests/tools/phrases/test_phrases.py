"""Every phrase is there in both languages, with the same places to fill in."""

import pkgutil
import string
from importlib import import_module

import pytest

from opsmcp_pipelines.kinds.table import KINDS
from opsmcp_tools import phrases
from opsmcp_tools.phrases.phrase import Phrase, Said


def _phrases() -> dict[str, Phrase]:
    found: dict[str, Phrase] = {}
    for module in pkgutil.iter_modules(phrases.__path__):
        for name, value in vars(import_module(f"{phrases.__name__}.{module.name}")).items():
            if isinstance(value, Phrase):
                found[f"{module.name}.{name}"] = value
    of_kinds = {
        f"table.{kind}.{name}": Phrase(said.en, said.zh)
        for kind, row in KINDS.items()
        for name, said in (("meaning", row.meaning), ("allowed", row.allowed))
    }
    return found | of_kinds


PHRASES = _phrases()


def places(template: str) -> list[tuple[int, str]]:
    """The places of a template by number, each with how it is written."""
    parsed = string.Formatter().parse(template)
    found = [(name, how or "") for _, name, how, _ in parsed if name is not None]
    return sorted((int(name or at), how) for at, (name, how) in enumerate(found))


def test_there_are_phrases():
    assert len(PHRASES) > 100


@pytest.mark.parametrize("name", PHRASES)
def test_both_languages_have_the_same_places(name: str):
    phrase = PHRASES[name]
    assert places(phrase.zh) == places(phrase.en)


@pytest.mark.parametrize("name", PHRASES)
def test_a_phrase_is_said_in_both_languages_or_in_neither(name: str):
    phrase = PHRASES[name]
    assert bool(phrase.en) == bool(phrase.zh) or name == "definition.BETWEEN"
    letters = [char for char in phrase.en.replace("ops", "") if char.isalpha()]
    if len(letters) > 12:
        assert not phrase.zh.isascii()


def test_a_phrase_within_a_phrase_is_said_in_the_same_language():
    inner, outer = Phrase("one of {}", "{} 之一"), Phrase("it must be {}", "必须是 {}")
    said = outer(inner("{a}"))
    assert (said.to("en"), said.to("zh")) == ("it must be one of {a}", "必须是 {a} 之一")
    assert isinstance(said, Said)
