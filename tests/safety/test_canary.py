"""Hostile values forced past every check and run by the engine: none becomes code.

Whatever a value would run touches the canary. Where the engine runs the step, each value arrives
as exactly one word; where a place cannot be made safe, the script is refused when it is read.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import yaml

from opsmcp_pipelines.embedded.source import EmbeddedSettings, open_embedded_source
from opsmcp_pipelines.kinds.kind import Kind, VariableKind
from opsmcp_pipelines.run import Status
from opsmcp_pipelines.shell.check import check
from opsmcp_pipelines.shell.values import OUTPUT, Value
from tests.pipelines.embedded.test_source import Engine
from tests.safety.hostile import texts

PAYLOADS = (
    "touch CANARY",
    "$(touch CANARY)",
    "x$(touch CANARY)y",
    "`touch CANARY`",
    "; touch CANARY",
    "a; touch CANARY #",
    "a && touch CANARY",
    "| touch CANARY",
    "& touch CANARY &",
    "\ntouch CANARY\n",
    "x\r\ntouch CANARY",
    "'; touch CANARY; '",
    '"; touch CANARY; "',
    "'\"'\"'; touch CANARY; '",
    "\\'; touch CANARY",
    '\\"; touch CANARY; \\"',
    "\\$(touch CANARY)",
    "$'\\n'touch CANARY",
    "EOF\ntouch CANARY\n",
    "'EOF'\ntouch CANARY\nEOF",
    "x) touch CANARY;; esac #",
    "a[$(touch CANARY)]",
    "a[$(touch CANARY)]=1",
    "1+a[`touch CANARY`]",
    "-oProxyCommand=touch CANARY",
    "--checkpoint-action=exec=touch CANARY",
    "--use-compress-program=touch CANARY",
    'system("touch CANARY")',
    '";system("touch CANARY");"',
    "/e;s//touch CANARY/e",
    "1e touch CANARY",
    "__import__('os').system('touch CANARY')",
    "'+__import__('os').system('touch CANARY')+'",
    '"""+__import__("os").system("touch CANARY")+"""',
    "{__import__('os').system('touch CANARY')}",
    "\\N{x}'); __import__('os').system('touch CANARY') #",
    "${IFS}touch${IFS}CANARY",
    "${OPSMCP_V1}",
    "() { :; }; touch CANARY",
    "!touch CANARY",
    ".shell touch CANARY\n",
    "%s%s%n",
    "*",
    "-n",
    "-rf",
    "--",
    "a  b\tc",
    "\\",
    "~root",
    "{a,b}",
    "磁盘 \U0001f600",
    "",
)
SHOW = "show() { printf '%s\\0' \"$@\"; }\n"
SHELL = {
    "bare": "show ${x}",
    "double": 'show "${x}"',
    "single": "show '${x}'",
    "assigned": 'v=${x}; show "$v"',
    "default": 'show "${nothing:-${x}}"',
    "substitution": 'show "$(printf %s ${x}; printf .)"',
    "backticks": 'show "`printf %s ${x}; printf .`"',
    "case": "case ${x} in ${x}) show ${x};; esac",
    "test": "[ ${x} = ${x} ] && show ${x}",
    "function": 'f() { show "$1"; }; f ${x}',
    "condition": "if [ a${x} != a ] || true; then show ${x}; fi",
    "subshell": "(show ${x})",
    "pipeline": "show ${x} | cat",
    "argument of sh -c": 'sh -c \'printf "%s\\0" "$1"\' _ ${x}',
}
BASH = {
    "ansi": "show $'${x}'",
    "double test": "[[ ${x} == ${x} ]] && show ${x}",
    "array": 'a=(${x}); show "${a[@]}"',
    "here-string": 'IFS= read -r -d "" v <<< ${x}; show "${v%?}"',
    "replaced": 'v=ab; show "${v/ab/${x}}"',
    "process substitution": "cat <(show ${x})",
}
HERE_DOCUMENTS = {
    "open": "cat <<EOF\n[${x}]\nEOF",
    "quoted": "cat <<'EOF'\n[${x}]\nEOF",
    "indented": 'cat <<-"EOF"\n\t[${x}]\n\tEOF',
}
PYTHON = "sys.stdout.write('\\0'.join(['${x}', '${x}', \"${x}\", '''${x}''', f'${x}', '']))"
EVALUATING = {
    "eval": "eval ${x}",
    "eval in quotes": 'eval "echo ${x}"',
    "eval later": 'v=${x}; w="echo $v"; eval "$w"',
    "sh -c": "sh -c 'echo ${x}'",
    "name of a command": "${x}",
    "input of sh": "echo ${x} | sh",
    "here-document of sh": "sh <<EOF\necho ${x}\nEOF",
    "trap": "trap ${x} EXIT",
    "arithmetic": "#!/bin/bash\necho $(( ${x} ))",
    "arithmetic later": "#!/bin/bash\nv=${x}; (( v ))",
    "index": '#!/bin/bash\na=(1); echo "${a[${x}]}"',
    "comparison": "#!/bin/bash\n[[ ${x} -gt 1 ]]",
    "substring": '#!/bin/bash\nv=abc; echo "${v:${x}}"',
    "declaration": "#!/bin/bash\ndeclare ${x}",
    "awk": "awk 'BEGIN{print ${x}}'",
    "system of awk": "awk -v v=${x} 'BEGIN{system(\"echo \" v)}'",
    "sed": 'sed "s/a/${x}/" /etc/passwd',
    "option of ssh": "ssh ${x} uptime",
    "option of tar": "tar -cf /dev/null ${x} /etc/hostname",
    "xargs": "echo ${x} | xargs -I% sh -c 'echo %'",
    "find": "find /etc/hostname -exec sh -c 'echo ${x}' \\;",
    "program of python": "# python\nimport os\nos.system('echo ${x}')",
    "eval of python": "# python\neval(${x})",
    "environment": "export A=${x}; bash -c '(( A ))'",
    "variable of git": "GIT_SSH_COMMAND=${x} git ls-remote ssh://h/x",
}
REMOTE = {
    "input of a remote shell": "ssh h bash -s <<EOF\nls ${x}\nEOF",
    "piped into a remote shell": 'echo "ls ${x}" | ssh h bash',
    "option with a value": "bash -euo pipefail <<EOF\nls ${x}\nEOF",
    "login shell": "sudo -i <<EOF\nls ${x}\nEOF",
    "shell of sudo": "sudo -s <<EOF\nls ${x}\nEOF",
    "function": "run() { bash; }; run <<EOF\nls ${x}\nEOF",
    "process substitution": '#!/bin/bash\necho "ls ${x}" > >(bash); wait',
    "sshpass": 'sshpass -p p ssh h "ls ${x}"',
    "long option of sudo": 'sudo --user root ssh h "ls ${x}"',
    "long option of timeout": 'timeout --kill-after 5 10 ssh h "ls ${x}"',
    "long option of xargs": 'echo h | xargs --max-procs 4 ssh h "ls ${x}"',
    "find -exec ssh": 'find /etc/hostname -exec ssh h "ls ${x}" \\;',
    "rbash": 'rbash -c "ls ${x}"',
    "for without in": 'f() { for a; do eval "echo $a"; done; }; f ${x}',
    "input of awk": "echo ${x} | awk '{system(\"echo \" $0)}'",
    "input of python": "echo ${x} | python3 -c 'import os,sys; os.system(sys.stdin.read())'",
    "file that is run": "cat <<EOF > f\nls ${x}\nEOF\nbash f",
    "filtered": '#!/bin/bash\nn=$(tr -d % <<< ${x}); [[ "$n" -gt 1 ]]',
    "list of hosts": 'for h in $(echo "${x}" | tr , " "); do ssh "$h" uptime; done',
    "list": "IFS=,; list=${x}; ssh -v $list",
    "read list": '#!/bin/bash\nIFS=, read -ra hs <<< ${x}; for h in "${hs[@]}"; do ssh "$h"; done',
    "cut off": 'h=${x}; ssh "${h#*,}" uptime',
    "split by a variable": "f=${x}; ssh $f uptime",
    "parameters": "IFS=' '; f() { ssh $1 uptime; }; f ${x}",
    "list of xargs": "echo ${x} | tr , '\\n' | xargs -I{} ssh {} uptime",
    "second word": "t=${x}; timeout $t ls",
    "shell of asyncio": (
        "# python\nimport asyncio\nasync def run():\n"
        "    await (await asyncio.create_subprocess_shell('ls ' + ${x})).wait()\nasyncio.run(run())"
    ),
    "eval of builtins": "# python\nimport builtins\nbuiltins.eval(${x})",
}
"""Places from which values reach other shells, other machines, or options in parts."""


def _values(canary: Path) -> list[str]:
    forced = [text for text in texts()[::20] if "\0" not in text and "\ud800" not in text]
    return [payload.replace("CANARY", str(canary)) for payload in PAYLOADS] + forced


def _task(name: str, content: str, values: Sequence[str]) -> str:
    variables = {f"v{number}": dict[str, str]() for number in range(len(values))}
    steps = [{"name": "all", "content": content}]
    metadata = {"name": name, "namespace": "ops-system"}
    head = {"apiVersion": "crd.chenshaowen.com/v1", "kind": "Task", "metadata": metadata}
    return yaml.safe_dump({**head, "spec": {"variables": variables, "steps": steps}})


def _each(place: str, values: Sequence[str]) -> str:
    """The place once for every value."""
    lines = [place.replace("${x}", f"${{v{number}}}") for number in range(len(values))]
    return "\n".join(lines) + "\n"


async def _run(contents: Mapping[str, str], values: Sequence[str], root: Path) -> dict[str, str]:
    """What each script showed, all values given at once; a refusal is shown as such."""
    folder = root / "manifests"
    folder.mkdir()
    documents = [_task(name, content, values) for name, content in contents.items()]
    (folder / "all.yaml").write_text("---\n".join(documents), "utf-8")
    environ = {"PATH": f"{root / 'bin'}:{os.defpath}", "HOME": str(root)}
    settings = EmbeddedSettings(environ, (folder,), bundled=False)
    given = {f"v{number}": value for number, value in enumerate(values)}
    shown: dict[str, str] = {}
    async with open_embedded_source(settings) as source:
        engine = Engine(source)
        started = {name: await engine.start(name, given) for name in contents}
        for name, ref in started.items():
            [task] = (await engine.end(ref)).tasks
            [step] = task.nodes[0].steps
            good = step.status is Status.SUCCEEDED
            shown[name] = step.output if good else f"refused: {step.note} {step.output}"
    return shown


async def test_a_value_arrives_as_one_word_in_every_place(tmp_path: Path) -> None:
    values = [value for value in _values(tmp_path / "CANARY") if value]
    scripts = {f"s{n}": SHOW + _each(place, values) for n, place in enumerate(SHELL.values())}
    scripts |= {
        f"b{n}": "#!/bin/bash\n" + SHOW + _each(place, values)
        for n, place in enumerate(BASH.values())
    }
    shown = await _run(scripts, values, tmp_path)
    names = dict(zip(scripts, [*SHELL, *BASH], strict=True))
    for name, output in shown.items():
        end = "." if names[name] in ("substitution", "backticks") else ""
        assert output.split("\0")[:-1] == [value + end for value in values], names[name]
    assert not (tmp_path / "CANARY").exists()


async def test_a_value_is_text_in_here_documents_and_in_python(tmp_path: Path) -> None:
    values = _values(tmp_path / "CANARY")
    scripts = {f"h{n}": _each(place, values) for n, place in enumerate(HERE_DOCUMENTS.values())}
    python = _each(PYTHON, values)
    shown = await _run({**scripts, "y": f"# python\nimport sys\n{python}"}, values, tmp_path)
    assert shown.pop("y").split("\0")[:-1] == [value for value in values for _ in range(5)]
    for output in shown.values():
        assert output == "".join(f"[{value}]\n" for value in values)
    assert not (tmp_path / "CANARY").exists()


@pytest.mark.parametrize("kind", ["text", "output"])
@pytest.mark.parametrize("place", (EVALUATING | REMOTE).values(), ids=EVALUATING | REMOTE)
def test_no_text_is_taken_where_something_evaluates_it(place: str, kind: str) -> None:
    value = OUTPUT if kind == "output" else Value(VariableKind(Kind.TEXT))
    for pasted in (False, True):
        assert check(place, {"x": value}, pasted=pasted).findings
