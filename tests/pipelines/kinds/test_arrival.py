"""Whatever a kind takes means nothing to the languages of runbooks: it arrives byte for byte."""

import json
import random
import sqlite3
import subprocess

import pytest

from opsmcp_pipelines.kinds.kind import ITEM_KINDS, Kind, Separator, ValueClass, VariableKind
from opsmcp_pipelines.kinds.lists import canonical_value, split_items
from opsmcp_pipelines.kinds.table import KINDS, canonical
from tests.tools.corpus import HOSTILE_BY_KIND, ORDINARY

INERT = [
    kind
    for kind, row in KINDS.items()
    if row.value_class in (ValueClass.NAME, ValueClass.ADDRESS) and kind is not Kind.CHOICE
]
QUOTED = (Kind.UNIT, Kind.URL)
"""Kinds that need quotes where a shell reads them: it takes `\\\\`, `?` and `&` for its own."""

SIGNS = "aZ09._:/@%+=,~!?&#[]{}()<>|;*^$`'\"- \t\\\n"
_TRIES = 120
SHOW = "show() { printf '%s\\0' \"$@\"; }\n"


def strange(kind: Kind) -> list[str]:
    """Values that the kind takes: ordinary and hostile ones, with signs put in by chance."""
    chance = random.Random(str(kind))
    seeds = [str(value) for value in (*ORDINARY[kind], *HOSTILE_BY_KIND.get(kind, ()))]
    found = dict.fromkeys(seed for seed in seeds if canonical(kind, seed) == seed)
    for seed in seeds[:60]:
        for _ in range(_TRIES):
            text = seed
            for _ in range(chance.randint(1, 3)):
                at = chance.randint(0, len(text))
                text = text[:at] + chance.choice(SIGNS) + text[at + chance.randint(0, 1) :]
            if canonical(kind, text) == text:
                found[text] = None
    return list(found)


VALUES = {kind: strange(kind) for kind in INERT}
PAIRS = [(kind, value) for kind, values in VALUES.items() for value in values]


def printed(*command: str, given: str) -> list[str]:
    ran = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    return ran.stdout.split("\0")[:-1]


def test_there_are_many_and_strange_ones():
    assert len(PAIRS) > 1500
    assert min(len(values) for kind, values in VALUES.items() if kind is not Kind.FLAG) >= 10


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_within_single_and_double_quotes_of_a_shell(shell: str):
    values = [value for _, value in PAIRS if "\\" not in value]
    script = SHOW + "".join(f"show '{value}' \"{value}\"\n" for value in values)
    assert printed(shell, given=script) == [value for value in values for _ in (1, 2)]


def test_in_a_shell_in_a_shell():
    values = [value for kind, value in PAIRS if kind not in QUOTED]
    lines = "".join(
        f'sh -c "sh -c \\"printf \'%s\\\\\\\\0\' {" ".join(values[at : at + 200])}\\""\n'
        for at in range(0, len(values), 200)
    )
    assert printed("sh", given=lines) == values


@pytest.mark.parametrize("shell", [("sh",), ("bash", "-O", "failglob")])
def test_bare_in_a_shell(shell: tuple[str, ...]):
    values = [value for kind, value in PAIRS if kind not in QUOTED]
    script = SHOW + "".join(f"show {value}\n" for value in values)
    assert printed(*shell, given=script) == values


def test_within_strings_of_awk_sql_and_json():
    values = [value for _, value in PAIRS if "\\" not in value]
    program = "".join(f'BEGIN {{ printf "%s%c", "{value}", 0 }}\n' for value in values)
    assert printed("awk", "-f", "/dev/stdin", given=program) == values
    database = sqlite3.connect(":memory:")
    for value in values:
        assert database.execute(f"SELECT '{value}'").fetchone() == (value,)
        assert json.loads(f'"{value}"') == value
    database.close()


LOOPS = {
    Separator.BLANK: 'for r in ${items}; do show "$r"; done',
    Separator.COMMA: 'for r in $(echo "${items}" | tr , \' \'); do show "$r"; done',
    Separator.LINE: 'while read -r r; do show "$r"; done <<EOF\n${items}\nEOF',
}


@pytest.mark.parametrize("separator", Separator)
def test_a_loop_over_a_list_sees_exactly_its_items(separator: Separator):
    lists = [VariableKind(kind, separator) for kind in sorted(ITEM_KINDS) if kind not in QUOTED]
    script, expected = SHOW, list[str]()
    for kind in lists:
        value = canonical_value(kind, kind.join(VALUES[kind.kind][:40]))
        assert value is not None
        script += LOOPS[separator].replace("${items}", value) + "\n"
        expected += split_items(kind, value)
    assert printed("sh", given=script) == expected
