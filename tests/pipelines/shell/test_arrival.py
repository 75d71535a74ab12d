"""Whatever a kind takes arrives as it is, through every shell and language that it may stand in."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsmcp_pipelines.kinds.kind import Kind, Separator, VariableKind
from opsmcp_pipelines.kinds.lists import MAX_ITEMS, canonical_value, split_items
from opsmcp_pipelines.kinds.narrow import narrowed
from opsmcp_pipelines.kinds.table import KINDS
from opsmcp_pipelines.shell import python_runner
from opsmcp_pipelines.shell.check import check
from opsmcp_pipelines.shell.render import render_step
from opsmcp_pipelines.shell.values import Value
from tests.pipelines.kinds.good_values import GOOD_VALUES

INERT = sorted(set(KINDS) - {Kind.TEXT, Kind.CHOICE})
PLACES = {
    "quoted": 'printf "%s\\0" "${x}"',
    "bare": "printf '%s\\0' ${x}",
    "single": "printf '%s\\0' '${x}'",
    "assigned": 'v=${x}; w="$v"; printf "%s\\0" "$w"',
    "in a shell": "sh -c \"echo '${x}'\"",
    "in a shell in a shell": 'sh -c "sh -c \\"echo \'${x}\'\\""',
    "piped into a shell": "echo \"echo '${x}'\" | sh",
    "a document": "cat <<EOF\n${x}\nEOF",
    "awk": 'awk -v v=1 \'BEGIN {printf "%s%c", "${x}", 0}\'',
    "jq": 'jq -jn \'"${x}" + "\\u0000"\'',
    "sqlite": "sqlite3 :memory: \"SELECT '${x}'\"",
    "function": 'f() { printf "%s\\0" "$1"; }; f ${x}',
    "python": "# python\nprint('${x}', end='\\0')",
}

WORDS = st.from_regex(r"[A-Za-z0-9]{1,6}([._/:@=+~,-][A-Za-z0-9]{1,6}){0,2}", fullmatch=True)


def values_of(kind: Kind) -> st.SearchStrategy[str]:
    """Values of a kind: good ones, and what is put together of them and still good."""
    taken = VariableKind(kind)
    known = st.sampled_from(GOOD_VALUES.get(kind) or ("a.b/c:1",))
    more = st.tuples(known, st.sampled_from("-._/:@,+~"), WORDS).map("".join)
    good = known.flatmap(lambda a: more.map(lambda b: b if canonical_value(taken, b) == b else a))
    return good.filter(lambda text: canonical_value(taken, text) == text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("arrival")


def run(script: str, value: str, folder: Path) -> str:
    rendered = render_step(script, {"x": value})
    command = ["/bin/sh", "-c", rendered.text]
    if rendered.mark:
        path = folder / "script"
        path.write_text(rendered.text)
        command = [sys.executable, python_runner.__file__, str(path), rendered.mark]
    environ = {"PATH": "/usr/bin:/bin", **rendered.environ}
    ended = subprocess.run(command, cwd=folder, env=environ, capture_output=True, check=True)
    return ended.stdout.decode()


@pytest.mark.parametrize("kind", INERT)
@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=2)
@given(data=st.data())
def test_a_value_arrives_as_exactly_one_word(
    kind: Kind, place: str, data: st.DataObject, folder: Path
) -> None:
    program = PLACES[place].split()[0]
    if program in ("jq", "sqlite3", "awk") and shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    verdict = check(PLACES[place], {"x": Value(VariableKind(kind))}, pasted=False)
    assert verdict.findings == ()
    taken = VariableKind(kind)
    for need in verdict.needs.get("x", ()):
        taken = narrowed(taken, need) or taken
    value = data.draw(values_of(kind).filter(lambda text: not set(text) & set(taken.without)))
    assert run(PLACES[place], value, folder) in (f"{value}\0", f"{value}\n")


@settings(max_examples=15)
@given(data=st.data(), separator=st.sampled_from(Separator))
def test_a_list_arrives_as_exactly_its_items(
    data: st.DataObject, separator: Separator, folder: Path
) -> None:
    kind = VariableKind(data.draw(st.sampled_from([Kind.HOST, Kind.TOKEN, Kind.PATH])), separator)
    one = values_of(kind.kind).filter(lambda text: separator.sign not in text)
    items = data.draw(st.lists(one, min_size=1, max_size=min(5, MAX_ITEMS)))
    loops = {
        Separator.BLANK: 'for i in ${x}; do printf "%s\\0" "$i"; done',
        Separator.COMMA: 'for i in $(echo "${x}" | tr , " "); do printf "%s\\0" "$i"; done',
        Separator.LINE: 'while read -r i; do printf "%s\\0" "$i"; done <<EOF\n${x}\nEOF',
    }
    script = loops[separator]
    assert check(script, {"x": Value(kind)}, pasted=False).findings == ()
    value = separator.sign.join(items)
    assert run(script, value, folder).split("\0")[:-1] == list(split_items(kind, value))
