import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsmcp_pipelines.embedded.engine.render import MAX_VALUE_BYTES, render_step
from opsmcp_pipelines.shell.references import RefusedStep

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
    "loop": 'for i in ${x}; do show "$i"; done',
    "array": '#!/bin/bash\na=(${x}); show "${a[@]}"',
    "function": 'f() { show "$1"; }\nf ${x}',
}
SHOW = "show() { printf '%s\\0' \"$@\"; }\n"


def run(content: str, values: Mapping[str, str], cwd: Path) -> str:
    script = render_step(content, values, {})
    interpreter = {"sh": "/bin/sh", "bash": "bash", "python": sys.executable}[script.language]
    path = cwd / "script"
    path.write_text(script.text, encoding="utf-8", newline="")
    environ = {"PATH": "/usr/bin:/bin", **script.environ}
    result = subprocess.run(
        [interpreter, str(path)], cwd=cwd, env=environ, capture_output=True, check=False
    )
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


@settings(max_examples=40, deadline=None)
@given(value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_any_text_arrives_whole_in_every_quoting(
    value: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = "printf '%s\\0' ${x} \"${x}\" '${x}' a${x}b \"<${x}>\" '<${x}>'\n"
    output = run(content, {"x": value}, tmp_path_factory.mktemp("run"))
    wanted = [value, value, value, f"a{value}b", f"<{value}>", f"<{value}>"]
    assert output.split("\0")[:-1] == wanted


@settings(max_examples=60, deadline=None)
@given(value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_any_text_arrives_whole_in_python(
    value: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = (
        "# python ${x}\nn = 1\n"
        "print(ascii([str(${x}), '${x}', \"<${x}>\", '''${x}''',"
        " f'{n}${x}{{', b'${x}'.decode()]))\n"
    )
    output = run(content, {"x": value}, tmp_path_factory.mktemp("run"))
    assert output == ascii([value, value, f"<{value}>", value, f"1{value}{{", value]) + "\n"


@pytest.mark.parametrize(
    "content",
    [
        "eval ${x}",
        'eval "ls ${x}"',
        "sh -c ${x}",
        "bash -c 'ls ${x}'",
        '/bin/sh -ec "ls ${x}"',
        'sudo -u me sh -c "ls ${x}"',
        "${x} now",
        "sudo ${x}",
        "env A=1 ${x}",
        "timeout 5 ${x}",
        "exec ${x}",
        'trap "rm ${x}" EXIT',
        'alias l="${x}"',
        ". ${x}",
        "sh ${x}",
        "sh <<EOF\nls ${x}\nEOF",
        'bash <<< "ls ${x}"',
        "sh <<'EOF'\nls ${x}\nEOF",
        "echo ${x} | sh",
        'echo "ls ${x}" | sudo bash',
        "echo ${x} | python3 -",
        "ssh host ls ${x}",
        'kubectl exec p -- sh -c "ls ${x}"',
        "kubectl exec p -- ${x}",
        "find . -exec ${x} {} +",
        'find . -exec sh -c "${x}" {} +',
        "ls | xargs -n 1 ${x}",
        "python3 -c \"print('${x}')\"",
        "perl -e \"print '${x}'\"",
        'v=${x}\neval "$v"',
        'v=${x}\nw="ls $v"\nsh -c "$w"',
        'f() { eval "$1"; }\nf ${x}',
        "read ${x}",
        "printf -v ${x} hello",
        "PS4=${x}\nset -x",
        "#!/bin/bash\ndeclare ${x}=1",
        "#!/bin/bash\nv=${x}\necho ${!v}",
        "#!/bin/bash\nv=${x}\necho ${v@P}",
        "#!/bin/bash\n[[ -v ${x} ]]",
        "`${x}`",
        "eval ${x} (",
        'read v <<EOF\n${x}\nEOF\neval "$v"',
        "awk ${x} /etc/passwd",
        "awk -f ${x} /etc/passwd",
        ". /dev/stdin <<EOF\n${x}\nEOF",
        'cmd="sh -c"; $cmd ${x}',
        "e=eval; $e ${x}",
        "\\eval ${x}",
        'ev"al" ${x}',
        "sh -c 'eval \"$1\"' _ ${x}",
        "bash -c 'echo $(( $1 ))' _ ${x}",
        "bash -c '\"$@\"' _ ${x}",
        "#!/bin/bash\nv=${x}; declare -n r=$v; echo $r",
        "echo ${x} | xargs -I{} sh -c 'ls {}'",
        "echo ${x} | while read v; do eval $v; done",
        "read v <<< ${x}; eval $v",
        "while read v; do eval $v; done <<EOF\n${x}\nEOF",
        "printf -v v %s ${x}; eval $v",
        "set -- ${x}; eval $1",
        "ssh -o ${x} host",
        "ssh host <<EOF\n${x}\nEOF",
        "env -S ${x}",
        "test -v ${x}",
        "sudo -- ${x}",
        "for i in ${x}; do sh -c $i; done",
        "cat <<E\\OF\n${x}\nEOF",
        "#!/bin/bash\necho $'\\${x}'",
        "sed -e ${x} /etc/passwd",
        'sed "${x}" /etc/passwd',
        'a="x ${x}"; $a',
        "awk -v v=${x} 'BEGIN{system(\"ls \" v)}'",
        "awk -v v=${x} 'BEGIN{print 1 | v}'",
        'X=${x} awk \'BEGIN{system("ls " ENVIRON["X"])}\'',
        "GIT_SSH_COMMAND=${x} git fetch",
        "PATH=${x}:$PATH ls",
        "env PATH=${x} ls",
        "env A=${x} sh -c 'eval \"$A\"'",
        "A=${x} python3 -c 'import os; os.system(os.environ[\"A\"])'",
        "python3 -c 'import os,sys; os.system(sys.argv[1])' ${x}",
        "perl -ne print ${x}",
        "export A=${x}; bash -c '(( A ))'",
        '#!/bin/bash\nrun=(sh -c); "${run[@]}" ${x}',
        "e=ev; ${e}al ${x}",
        "`echo eval` ${x}",
        "strace -o f ${x}",
        "taskset 1 ${x}",
        "coproc ${x}",
        "script -c ${x} /dev/null",
        "script --command=${x} /dev/null",
        "tar --to-command=${x} -xf a",
        "tar -I ${x} -xf a",
        "ssh -oProxyCommand=${x} h",
        "rsync -e ${x} a b",
        "git -c core.pager=${x} log",
        "sqlite3 db \"select '${x}'\"",
        "echo ${x} | sqlite3 db",
        "make -f - <<E\na:\n\techo ${x}\nE",
        "echo ${x} | at now",
        "echo ${x} | sh /dev/stdin",
        "sh -c -- ${x}",
        "sh -c '. $0' ${x}",
        "bash --rcfile ${x} -i",
        ": ${v:=${x}}; eval $v",
        "f() { echo $1; }; v=$(f ${x}); eval $v",
        "hash -p ${x} ls; ls",
        "watch ls ${x}",
    ],
)
def test_value_that_would_run_is_refused(content: str) -> None:
    with pytest.raises(RefusedStep):
        render_step(content, {"x": "touch CANARY; $(id)"}, {})


ARITHMETIC = [
    "echo $(( ${x} + 1 ))",
    '#!/bin/bash\nlet "v=${x}"',
    "#!/bin/bash\n(( v = ${x} ))",
    "#!/bin/bash\n[[ ${x} -gt 3 ]]",
    "#!/bin/bash\nv=${x}; echo $((v + 1))",
    "#!/bin/bash\nv=${x}; [[ $v -gt 3 ]]",
    '#!/bin/bash\na=(1 2); echo "${a[${x}]}"',
    '#!/bin/bash\nv=abc; echo "${v:${x}:1}"',
    "#!/bin/bash\ndeclare -i v=${x}",
    "#!/bin/bash\na=([${x}]=1)",
    "#!/bin/bash\nv=${x}; w=v; echo $((w))",
    "#!/bin/bash\ndeclare -i v; v=${x}",
    "#!/bin/bash\nfor ((i=0; i<${x}; i++)); do :; done",
]


@pytest.mark.parametrize("content", ARITHMETIC)
def test_arithmetic_takes_whole_numbers_only(content: str) -> None:
    render_step(content, {"x": "1"}, {})
    with pytest.raises(RefusedStep, match="whole number"):
        render_step(content, {"x": "a[$(touch CANARY)]"}, {})


@pytest.mark.parametrize(
    "content",
    [
        "kubectl get pods -n ${x}",
        "bash -c 'ls \"$1\"' _ ${x}",
        "ssh ${x} uptime",
        "timeout ${x} ls",
        "sudo -u ${x} ls",
        "grep -e ${x} file",
        "echo sh -c ${x}",
        "start=$(date -d ${x} +%s); echo $((start + 1))",
        "kubectl logs ${x} | grep error",
        "sed 's/a/${x}/' f",
        "awk '$1 > ${x}' f",
        "find ${x} -exec ls {} +",
        "bash -s ${x} <<'EOF'\necho $1\nEOF",
        "ssh -p 22 ${x} uptime",
        "kubectl=kubectl\n$kubectl get pods -n ${x}",
        "#!/bin/bash\nlocal v=${x}",
        "awk -v v=${x} '/a|b/ {print v | \"sort\"}' f",
        "sqlite3 db \"select '${x}'\"",
        "python3 -c 'import os,sys; os.system(sys.argv[1])' ${x}",
        "tool=$(command -v kubectl); $tool get pods ${x}",
        "tar -C ${x} -xf a",
        "ssh -- ${x} uptime",
        "git clone ${x}",
        "env LANG=${x} ls",
    ],
)
def test_harmless_use_of_a_word_is_accepted(content: str) -> None:
    assert render_step(content, {"x": "word-1"}, {}).environ == {"OPSMCP_V1": "word-1"}


@pytest.mark.parametrize(
    "content", ["ssh ${x} uptime", "tar -cf a ${x}", 'h=${x}; ssh "$h" uptime', "sort ${x}"]
)
def test_a_value_is_no_option_of_a_program_that_options_make_run_something(content: str) -> None:
    render_step(content, {"x": "two words"}, {})
    with pytest.raises(RefusedStep, match="could be an option"):
        render_step(content, {"x": "-oProxyCommand=touch CANARY"}, {})


def test_comment_and_escaped_and_unknown_references_stay(tmp_path: Path) -> None:
    content = "# ${x}\ny=own; echo \\${x} ${y} $y\n"
    assert render_step(content, {"x": "v"}, {}).text == content


@pytest.mark.parametrize("name", ["PATH", "LD_PRELOAD", "IFS", "ENV"])
def test_variable_is_not_exported_under_its_own_name(name: str) -> None:
    assert set(render_step(f"echo ${{{name}}}", {name: "v"}, {}).environ) == {"OPSMCP_V1"}


def test_names_with_dots_are_references(tmp_path: Path) -> None:
    assert run("echo ${steps.a-b.output}", {"steps.a-b.output": "hi"}, tmp_path) == "hi\n"


def test_unreadable_script_uses_plain_references_when_nothing_evaluates() -> None:
    script = render_step("echo ${x} )", {"x": "a"}, {})
    assert script.text == "echo ${OPSMCP_V1} )"
    for value in ("a b", "a,-b"):
        with pytest.raises(RefusedStep, match="could not be understood"):
            render_step("echo ${x} )", {"x": value}, {})


def test_step_of_one_fixed_variable_is_that_script() -> None:
    values = {"script": "echo ${x}", "x": "a b"}
    script = render_step("${script}\n", values, {"script": "echo ${x}"})
    assert (script.text, script.environ) == ('echo "${OPSMCP_V1}"', {"OPSMCP_V1": "a b"})


def test_step_of_one_caller_variable_is_refused() -> None:
    with pytest.raises(RefusedStep, match="name of a command"):
        render_step("${script}\n", {"script": "id"}, {})


@pytest.mark.parametrize("value", ["a\0b", "\ud800", "x" * (MAX_VALUE_BYTES + 1)])
def test_value_that_cannot_be_passed_is_refused(value: str) -> None:
    with pytest.raises(RefusedStep, match="value of 'x'"):
        render_step("echo ${x}", {"x": value}, {})


@pytest.mark.parametrize("value", HOSTILE, ids=IDS)
@pytest.mark.parametrize(
    "expression", ["${x}", "'${x}'", '"""${x}"""', "f'${x}'", "u'${x}'", "b'${x}'.decode()"]
)
def test_python_gets_the_value_as_text(expression: str, value: str, tmp_path: Path) -> None:
    content = f"#!/usr/bin/env python3\nprint(ascii({expression}))  # ${{x}}\n"
    assert run(content, {"x": value}, tmp_path) == ascii(value) + "\n"


def test_python_gets_whole_numbers_as_numbers(tmp_path: Path) -> None:
    content = "# python\nprint(2 * ${x} + ${y}, f'{${x} + 1} {{${x}}}', r'${x}', '''${y}''')"
    assert run(content, {"x": "5", "y": "-1"}, tmp_path) == "9 6 {5} 5 -1\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("a_${x} = 1", "longer name"),
        ("v = r'${x}'", "raw string"),
        ("v = f'{${x}}'", "expression"),
        ("v = f'{1:${x}}'", "expression"),
        ("v = '\\${x}'", "backslash"),
        ("v = f'{a[\"}\"]} ${x}'", "intricate|valid Python"),
        ("v = (${x}", "valid Python"),
        ("v = '${x}", "valid Python"),
    ],
)
def test_python_refuses_what_is_not_safe(content: str, reason: str) -> None:
    with pytest.raises(RefusedStep, match=reason):
        render_step(f"# python\n{content}\n", {"x": "$(a)'\""}, {})


@pytest.mark.parametrize(
    "content",
    [
        "import os\nos.system('ls ${x}')",
        "import os\nos.popen('ls ' + ${x})",
        "import subprocess\nsubprocess.run(f'ls ${x}', shell=True)",
        "import subprocess\nsubprocess.run(['sh', '-c', 'ls ${x}'])",
        "import subprocess\nsubprocess.getoutput('ls ${x}')",
        "eval(${x})",
        "exec('v = ${x}')",
        "client.exec_command('ls ${x}')",
        "import asyncio\nasyncio.create_subprocess_shell('ls ' + ${x})",
        "import builtins\nbuiltins.eval(${x})",
        "import subprocess, shlex\nsubprocess.run(shlex.split(${x}))",
        "import subprocess\nsubprocess.run(${x})",
        "import subprocess\nsubprocess.run([${x}, 'now'])",
        "import subprocess\nsubprocess.Popen('${x}'.split())",
        "import subprocess, sys\nsubprocess.run([sys.executable, '-c', ${x}])",
        "import subprocess\nsubprocess.run(['sudo', ${x}])",
        "import os\ngetattr(os, 'sys' + 'tem')(${x})",
        "import pty\npty.spawn(${x})",
        "code = compile(${x}, 'x', 'exec')",
        "import os\nos.execvp('ssh', ['ssh', 'web-1', ${x}])",
    ],
)
def test_python_that_runs_texts_gets_plain_words_only(content: str) -> None:
    assert "web-1" in render_step(f"# python\n{content}\n", {"x": "web-1"}, {}).text
    with pytest.raises(RefusedStep, match="plain word"):
        render_step(f"# python\n{content}\n", {"x": "a; touch CANARY"}, {})
    with pytest.raises(RefusedStep, match="plain word"):
        render_step(f"# python\n{content}\n", {"x": "-x"}, {})


def test_python_that_runs_programs_without_a_shell_gets_any_text() -> None:
    content = (
        "# python3\nimport re, subprocess\nre.compile('a')\ngetattr(re, 'A', None)\n"
        "subprocess.run(['ls', ${x}]).stdout.split()\n"
    )
    assert "a b" in render_step(content, {"x": "a b"}, {}).text


def test_python_without_references_is_left_alone() -> None:
    content = "# python\nthis is { not python ${y}"
    assert render_step(content, {"x": "v"}, {}).text == content


FIELDS = {
    "field of awk": "set -- \"--name=${x}\"; printf 'a b\\n' | awk '{print $2}'",
    "line of awk": "set -- ${x}; printf 'b\\n' | awk '$0 ~ /b/ {print $1}'",
    "end in sed": "set -- ${x}; printf 'ba\\n' | sed 's/a$//'",
    "escaped field": 'set -- ${x}; printf "a b\\n" | awk "{print \\$2}"',
    "in a function": "f() { awk '{print $1}'; }\necho b | f ${x}",
    "name of a variable": "name=${x}; echo b | sed '/name/d'",
}


@pytest.mark.parametrize("content", FIELDS.values(), ids=FIELDS)
def test_a_shell_variable_is_not_read_in_single_quotes(content: str, tmp_path: Path) -> None:
    assert run(content, {"x": "app=web tier=1"}, tmp_path).strip() == "b"


@pytest.mark.parametrize(
    "content",
    [
        'set -- ${x}; awk "{print $1}"',
        "set -- ${x}; awk '{print '$1'}'",
        "set -- ${x}; awk '{print '\"$1\"'}'",
        "set -- ${x}; sed 's/a/'\"$1\"'/e'",
        "awk '{print ${x}}'",
        'v=${x}; awk "\\\\$v"',
        "f() { eval '$1'; }\nf ${x}",
    ],
)
def test_a_value_that_reaches_a_program_is_refused_however_it_is_quoted(content: str) -> None:
    with pytest.raises(RefusedStep):
        render_step(content, {"x": 'system("touch CANARY")'}, {})
