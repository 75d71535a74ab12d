"""No attack reaches its marker, and no ordinary line is refused without a reason."""

import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from opsmcp_pipelines.kinds.kind import parse_kind
from opsmcp_pipelines.kinds.lists import canonical_value
from opsmcp_pipelines.kinds.narrow import narrowed
from opsmcp_pipelines.shell import python_runner
from opsmcp_pipelines.shell.check import check
from opsmcp_pipelines.shell.references import RefusedStep
from opsmcp_pipelines.shell.render import render_step
from opsmcp_pipelines.shell.values import OUTPUT, Value, Verdict
from tests.safety.attacks import ATTACKS, Attack
from tests.safety.runbook_lines import ORDINARY, REFUSED, Refused, Row

STUBS = {
    "mk": 'touch "$MARKER"',
    "sudo": 'while [ "${1#-}" != "$1" ]; do [ "$1" = -u ] && shift; shift; done\nexec env "$@"',
    "ssh": 'while [ "${1#-}" != "$1" ]; do case $1 in -oProxyCommand=*) eval "${1#*=}";;\n'
    '-[op]) case $2 in ProxyCommand=*) eval "${2#*=}";; "ProxyCommand "*) eval "${2#* }";; esac;'
    " shift;; esac; shift; done\n"
    '[ $# -gt 1 ] || exec sh; shift; exec sh -c "$*"',
    "kubectl": 'while [ $# -gt 0 ] && [ "$1" != -- ]; do shift; done; shift; exec "$@"',
    "docker": "run=$1; shift\n"
    'while [ "${1#-}" != "$1" ]; do case $1 in --entrypoint) exec $2;;\n'
    "--entrypoint=*) exec ${1#*=};;\n"
    '-e) export "$2"; shift;; -[uv]) shift;; esac; shift; done; shift; exec "$@"',
    "watch": 'shift 2; exec sh -c "$*"',
    "busybox": 'exec "$@"',
    "rsync": "while [ $# -gt 0 ]; do case $1 in -e) exec $2;; --rsh=*) exec ${1#*=};;\n"
    "-e*) exec ${1#-e};; esac; shift; done",
    "parallel": 'c=; while [ $# -gt 0 ] && [ "$1" != ::: ]; do c="$c $1"; shift; done; shift\n'
    'for a in "$@"; do case $c in *{}*) sh -c "$(echo "$c" | sed "s/{}/$a/")";;\n'
    '*) sh -c "$c $a";; esac; done',
    "tmux": 'for a in "$@"; do sh -c "$a"; done 2>/dev/null',
    "salt": 'exec sh -c "$3"',
    "pdsh": 'shift 2; exec sh -c "$*"',
    "ansible": 'exec sh -c "$5"',
    "start-stop-daemon": "exec $3",
    "crontab": "exec $EDITOR",
    "mosh": 'shift 2; exec "$@"',
}
"""Programs that run their words as the real ones do, and the marker."""


def known(kind: str) -> Value:
    if kind == "output":
        return OUTPUT
    parsed = parse_kind(kind)
    assert parsed, kind
    return Value(parsed)


def verdict_of(script: str, values: Mapping[str, tuple[str, str]]) -> Verdict:
    kinds = {name: known(kind) for name, (kind, _) in values.items()}
    return check(script, kinds, pasted=False)


def can_be_given(verdict: Verdict, name: str, kind: str, text: str) -> bool:
    """Whether a caller could give the value, or a step that prints it be followed by this one."""
    if name in verdict.beginnings and text[:1] in tuple("-@+<|=:~"):
        return False
    if kind == "output":
        return True
    parsed = parse_kind(kind)
    assert parsed
    for need in verdict.needs.get(name, ()):
        parsed = narrowed(parsed, need)
        assert parsed
    return canonical_value(parsed, text) is not None and not set(parsed.without) & set(text)


@pytest.fixture(scope="session")
def stubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bin")
    write_stubs(folder)
    return folder


def write_stubs(folder: Path) -> None:
    for name, body in STUBS.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)


def run(script: str, values: Mapping[str, str], folder: Path, stubs: Path) -> bool:
    """Run a script as the embedded engine does; whether the marker is there afterwards."""
    rendered = render_step(script, values)
    path, marker, work = folder / "script", folder / "marker", folder / "work"
    work.mkdir()
    path.write_text(rendered.text, encoding="utf-8", newline="")
    interpreter = {"sh": ["/bin/sh"], "bash": ["bash"], "python": [sys.executable]}
    command = [*interpreter[rendered.language], str(path)]
    if rendered.mark:
        command = [sys.executable, python_runner.__file__, str(path), rendered.mark]
    environ = {"PATH": f"{stubs}:/usr/bin:/bin", "MARKER": str(marker), "HOME": str(work)}
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(
            command,
            cwd=work,
            env={**environ, **rendered.environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=5,
            check=False,
        )
    return marker.exists()


def row_id(row: Attack | Refused) -> str:
    return row[0].replace("\n", "; ")[:60]


def with_folder(attack: Attack, folder: Path) -> Attack:
    """The attack with the folder of the stubs in it."""
    script, values = attack
    placed = {n: (k, text.replace("{dir}", str(folder))) for n, (k, text) in values.items()}
    return script.replace("{dir}", str(folder)), placed


@pytest.mark.parametrize("attack", ATTACKS, ids=row_id)
def test_no_attack_reaches_its_marker(attack: Attack, tmp_path: Path, stubs: Path) -> None:
    script, values = with_folder(attack, stubs)
    verdict = verdict_of(script, values)
    if verdict.findings or not all(can_be_given(verdict, n, *row) for n, row in values.items()):
        return
    with suppress(RefusedStep):
        assert not run(script, {n: text for n, (_, text) in values.items()}, tmp_path, stubs)


def test_most_attacks_reach_it_where_nothing_is_checked(tmp_path: Path, stubs: Path) -> None:
    reached = 0
    sample = ATTACKS[::12]
    for number, attack in enumerate(sample):
        script, values = with_folder(attack, stubs)
        folder = tmp_path / str(number)
        folder.mkdir()
        write_stubs(stubs)  # An attack may take one of them away.
        reached += run(script, {n: text for n, (_, text) in values.items()}, folder, stubs)
    assert reached >= 0.75 * len(sample)


@pytest.mark.parametrize("row", ORDINARY, ids=row_id)
def test_an_ordinary_line_is_taken(row: Row) -> None:
    script, values = row
    assert all(f"${{{name}}}" in script for name in values)
    verdict = verdict_of(script, values)
    assert verdict.findings == ()
    assert all(can_be_given(verdict, name, *given) for name, given in values.items())


@pytest.mark.parametrize("row", REFUSED, ids=row_id)
def test_a_line_that_is_refused_says_why_and_where(row: Refused) -> None:
    script, values, reason = row
    [finding] = verdict_of(script, values).findings
    assert reason in str(finding)
    assert finding.line == 1 and finding.name in values


def test_the_tables_are_as_long_as_they_should_be() -> None:
    assert len(ATTACKS) >= 150
    assert len(ORDINARY) >= 120
    assert len(REFUSED) <= 0.05 * len(ORDINARY)
    programs = {script.split()[0] for script, _ in ORDINARY}
    assert len(programs) >= 80
