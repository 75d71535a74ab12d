"""Checking scripts, in milliseconds of processor time: ordinary ones, and the longest."""

import time

from benchmarks.measure import Row
from opsmcp_pipelines.kinds.kind import Kind, VariableKind
from opsmcp_pipelines.shell import check as module
from opsmcp_pipelines.shell.values import OUTPUT, Value

_MOST_MILLISECONDS = 50.0
_LONGEST_MILLISECONDS = 500.0
_HEAD = 'ns=${namespace}\necho "${output}"\n'
_LINE = 'kubectl get pods -n "$ns" -o wide | grep -c Running > /dev/null 2>&1\n'
_HARD = {
    "chain of variables": "".join(f"v{n}=$v{n - 1}\n" for n in range(1, 2_500)) + 'eval "$v9"\n',
    "tests": 'if [ "$a" = b ]; then echo "$a"; fi\n' * 800,
    "substitutions": 'v=$(kubectl get pod "$ns" -o json | jq -r .x); echo "$v"\n' * 450,
    "calls of a function": 'retry() { shift; "$@"; }\n'
    + 'retry 3 kubectl -n "$ns" get pod a\n' * 700,
    "nested scripts": 'sh -c "echo $ns"\n' * 60,
}
_VALUES = {"namespace": Value(VariableKind(Kind.KUBERNETES_NAME)), "output": OUTPUT}


def run() -> list[Row]:
    quarter, whole = _script(8 * 1024), _script(32 * 1024)
    short, long_ = _milliseconds(quarter), _milliseconds(whole)
    size = f"{len(whole.splitlines()):,} lines"
    rows = [
        Row("checking a script of 8 KiB", short, _MOST_MILLISECONDS, "ms"),
        Row("checking a script of 32 KiB", long_, _LONGEST_MILLISECONDS, "ms", size),
        Row("checking 32 KiB / 8 KiB", long_ / short, 6.0),
        Row("refusing a script of 100 kB", _milliseconds(_script(100_000)), 1.0, "ms"),
    ]
    for name, body in _HARD.items():
        milliseconds = _milliseconds(_HEAD + body)
        rows.append(Row(f"checking {name}", milliseconds, _LONGEST_MILLISECONDS, "ms"))
    return rows


def _script(size: int) -> str:
    return _HEAD + _LINE * (size // len(_LINE))


def _milliseconds(script: str) -> float:
    """The best of three, each asked for the first time."""
    best = float("inf")
    for number in range(3):
        asked = f"# {number}\n{script}"
        start = time.process_time()
        module.check(asked, _VALUES, pasted=False)
        best = min(best, time.process_time() - start)
    return best * 1000
