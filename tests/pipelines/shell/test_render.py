import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsmcp_pipelines.shell import python_runner
from opsmcp_pipelines.shell.references import RefusedStep
from opsmcp_pipelines.shell.render import MAX_VALUE_BYTES, render_step

HOSTILE = [
    "/etc; touch CANARY",
    "$(touch CANARY)",
    "`touch CANARY`",
    "${HOME}",
    "'; touch CANARY; '",
    '"; touch CANARY; "',
    "a[$(touch CANARY)]",
    "x\ntouch CANARY\n",
    "EOF\ntouch CANARY\n",
    "*",
    "-rf",
    "a  b\tc",
    "\\",
    "é \U0001f600",
    "{0}{__import__('os').system('touch CANARY')}",
    "${OPSMCP_V1} opsmcp_0_0_",
    "",
]
IDS = [f"value{number}" for number in range(len(HOSTILE))]
CONTEXTS = {
    "bare": "show ${x}",
    "double": 'show "${x}"',
    "single": "show '${x}'",
    "ansi": "#!/bin/bash\nshow $'${x}'",
    "assigned": 'v=${x}\nshow "$v"',
    "substitution": 'show "$(printf %s ${x}; printf .)"',
    "default": "show ${nothing:-${x}}",
    "default-double": 'show "${nothing:-${x}}"',
    "case": "case ${x} in ${x}) show ${x};; esac",
    "test": "[ ${x} = ${x} ] && show ${x}",
    "double-test": "#!/bin/bash\n[[ ${x} == ${x} ]] && show ${x}",
    "array": '#!/bin/bash\na=(${x}); show "${a[@]}"',
    "function": 'f() { show "$1"; }\nf ${x}',
}
SHOW = "show() { printf '%s\\0' \"$@\"; }\n"


def run(content: str, values: Mapping[str, str], cwd: Path) -> str:
    script = render_step(content, values)
    path = cwd / "script"
    path.write_text(script.text, encoding="utf-8", newline="")
    interpreters = {"sh": ["/bin/sh"], "bash": ["bash"], "python": [sys.executable]}
    command = [*interpreters[script.language], str(path)]
    if script.mark:
        command = [sys.executable, python_runner.__file__, str(path), script.mark]
    environ = {"PATH": "/usr/bin:/bin", **script.environ}
    result = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, check=False)
    assert not (cwd / "CANARY").exists(), script.text
    assert result.returncode == 0, result.stderr
    return result.stdout.decode()


def shell(content: str) -> str:
    first, newline, rest = content.partition("\n")
    return first + newline + SHOW + rest if first.startswith("#!") else SHOW + content


@pytest.mark.parametrize("value", HOSTILE, ids=IDS)
@pytest.mark.parametrize("context", CONTEXTS)
def test_value_arrives_as_one_word(context: str, value: str, tmp_path: Path) -> None:
    wanted = f"{value}." if context == "substitution" else value
    assert run(shell(CONTEXTS[context]), {"x": value}, tmp_path) == f"{wanted}\0"


@pytest.mark.parametrize("value", HOSTILE, ids=IDS)
@pytest.mark.parametrize(
    "content",
    ["cat <<EOF\n[${x}]\nEOF\n", "cat <<'EOF'\n[${x}]\nEOF\n", 'cat <<-"EOF"\n\t[${x}]\n\tEOF\n'],
    ids=["open", "single", "double"],
)
def test_value_appears_in_a_here_document(content: str, value: str, tmp_path: Path) -> None:
    assert run(content, {"x": value}, tmp_path) == f"[{value}]\n"


def test_quoted_here_document_keeps_the_rest_as_written(tmp_path: Path) -> None:
    content = "cat <<'EOF'\n$HOME `touch CANARY` $(touch CANARY) \\ \\${x} ${y} \"q\"\nEOF\n"
    output = run(content, {"x": "V"}, tmp_path)
    assert output == '$HOME `touch CANARY` $(touch CANARY) \\ \\V ${y} "q"\n'


@settings(max_examples=40)
@given(value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_any_text_arrives_whole_in_every_quoting(
    value: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = "printf '%s\\0' ${x} \"${x}\" '${x}' a${x}b \"<${x}>\" '<${x}>'\n"
    output = run(content, {"x": value}, tmp_path_factory.mktemp("run"))
    wanted = [value, value, value, f"a{value}b", f"<{value}>", f"<{value}>"]
    assert output.split("\0")[:-1] == wanted


@settings(max_examples=60)
@given(value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_any_text_arrives_whole_in_python(
    value: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = (
        "# python ${x}\nn = 1\n"
        "print(ascii(['${x}', '${x}', \"<${x}>\", '''${x}''',"
        " f'{n}${x}{{', b'${x}'.decode()]))\n"
    )
    output = run(content, {"x": value}, tmp_path_factory.mktemp("run"))
    assert output == ascii([value, value, f"<{value}>", value, f"1{value}{{", value]) + "\n"


def test_comment_and_escaped_and_unknown_references_stay(tmp_path: Path) -> None:
    content = "# ${x}\ny=own; echo \\${x} ${y} $y\n"
    assert render_step(content, {"x": "v"}).text == content


@pytest.mark.parametrize("name", ["PATH", "LD_PRELOAD", "IFS", "ENV"])
def test_variable_is_not_exported_under_its_own_name(name: str) -> None:
    assert set(render_step(f"echo ${{{name}}}", {name: "v"}).environ) == {"OPSMCP_V1"}


def test_names_with_dots_are_references(tmp_path: Path) -> None:
    assert run("echo ${steps.a-b.output}", {"steps.a-b.output": "hi"}, tmp_path) == "hi\n"


def test_a_script_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(RefusedStep, match="cannot be read"):
        render_step("echo ${x} )", {"x": "a"})


LOOPS = {
    "blank": ("a b  c", ["a", "b", "c"]),
    "one": ("web-1", ["web-1"]),
    "lines": ("a.service\nb.service", ["a.service", "b.service"]),
    "nothing a shell takes for its own": ("a *", ["a *"]),
}


@pytest.mark.parametrize(("value", "items"), LOOPS.values(), ids=LOOPS)
def test_a_list_is_split_where_it_stands_bare_as_the_words_of_a_loop(
    value: str, items: list[str], tmp_path: Path
) -> None:
    content = 'for i in ${x}; do show "$i"; done'
    assert run(shell(content), {"x": value}, tmp_path).split("\0")[:-1] == items
    content = 'for i in "${x}" x${x}; do show "$i"; done'
    assert run(shell(content), {"x": value}, tmp_path).split("\0")[:-1] == [value, f"x{value}"]


@pytest.mark.parametrize("value", ["a\0b", "\ud800", "x" * (MAX_VALUE_BYTES + 1)])
def test_value_that_cannot_be_passed_is_refused(value: str) -> None:
    with pytest.raises(RefusedStep, match="value of 'x'"):
        render_step("echo ${x}", {"x": value})


@pytest.mark.parametrize("value", HOSTILE, ids=IDS)
@pytest.mark.parametrize(
    "expression",
    [
        "'${x}'",
        '"""${x}"""',
        "f'${x}'",
        "r'${x}'",
        "b'${x}'.decode()",
        "f'{\"${x}\"}'",
        "'\\\\${x}'[1:]",
    ],
)
def test_python_gets_the_value_as_text(expression: str, value: str, tmp_path: Path) -> None:
    content = f"#!/usr/bin/env python3\nprint(ascii({expression}))  # ${{x}}\n"
    assert run(content, {"x": value}, tmp_path) == ascii(value) + "\n"


def test_python_gets_whole_numbers_as_numbers(tmp_path: Path) -> None:
    content = "# python\nprint(2 * ${x} + ${y}, f'{${x} + 1} {{${x}}}', r'${x}', '''${y}''')"
    assert run(content, {"x": "5", "y": "-1"}, tmp_path) == "9 6 {5} 5 -1\n"


def test_python_sees_nothing_of_how_it_is_run(tmp_path: Path) -> None:
    content = (
        "# python\nimport os, sys\nprint('${x}')\n"
        "print(__name__, sys.argv[1:], [n for n in os.environ if n.startswith('OPSMCP')])\n"
    )
    assert run(content, {"x": "v"}, tmp_path) == "v\n__main__ [] []\n"


def test_a_traceback_of_python_keeps_its_lines_and_tells_no_value(tmp_path: Path) -> None:
    script = render_step("# python\n\nv = '${x}'\nraise ValueError\n", {"x": "quite secret"})
    path = tmp_path / "script"
    path.write_text(script.text, encoding="utf-8")
    command = [sys.executable, python_runner.__file__, str(path), script.mark]
    ended = subprocess.run(
        command, env={**script.environ}, capture_output=True, check=False, text=True
    )
    assert f'"{path}", line 4' in ended.stderr
    assert "quite secret" not in script.text + ended.stderr


def test_python_without_references_is_left_alone() -> None:
    content = "# python\nthis is { not python ${y}"
    assert render_step(content, {"x": "v"}).text == content
