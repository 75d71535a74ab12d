"""Hostile values forced past every check and run by the engine: none becomes code.

Whatever a value would run touches the canary. Where the engine runs the step, each value arrives
as exactly one word; where a place cannot be made safe, the engine refuses the step.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import yaml

from opsmcp_pipelines.embedded.source import EmbeddedSettings, open_embedded_source
from opsmcp_pipelines.run import Status
from tests.embedded.test_source import Engine
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
    "loop": 'for i in ${x}; do show "$i"; done',
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
PYTHON = "sys.stdout.write('\\0'.join([str(${x}), '${x}', \"${x}\", '''${x}''', f'${x}', '']))"
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
    environ = {"PATH": os.defpath, "HOME": str(root)}
    settings = EmbeddedSettings(root / "state", environ, (folder,), bundled=False)
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


@pytest.mark.parametrize("place", EVALUATING.values(), ids=EVALUATING)
async def test_no_value_runs_where_a_script_evaluates_it(place: str, tmp_path: Path) -> None:
    values = [payload.replace("CANARY", str(tmp_path / "CANARY")) for payload in PAYLOADS]
    contents = {f"e{n}": place.replace("${x}", f"${{v{n}}}") for n in range(len(values))}
    shown = await _run(contents, values, tmp_path)
    assert not (tmp_path / "CANARY").exists()
    assert any(output.startswith("refused: not run") for output in shown.values())
