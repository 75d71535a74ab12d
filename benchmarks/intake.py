"""A storm: 10,000 alerts in POSTs of 100, from four senders at once, to an `opsmcp serve`.

Each opens an incident, as long as there may be more, and those are worked on meanwhile. Then all of
them once more, as Alertmanager repeats what goes on: nothing may be recorded twice. Each POST is
answered when its signals are on the disk.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import anyio
import httpx2

from benchmarks.measure import Row
from benchmarks.process import Usage, serving

_SENDERS, _POSTS, _ALERTS = 4, 25, 100
_TOKEN = "a-token-of-the-benchmark-0123456789"  # noqa: S105 - of a server of its own
_SETTINGS = """\
responders:
  - {name: disks, when: 'labels.alertname == "NodeDiskFull" && severity == "critical"'}
  - {name: down, when: 'labels.alertname == "InstanceDown"', key: '"down/" + labels.instance'}
events:
  senders:
""" + "".join(
    f"    am{number}: {{type: alertmanager, token: {{env: AM_TOKEN}}}}\n"
    for number in range(_SENDERS)
)


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        return anyio.run(_measure, Path(folder))


async def _measure(folder: Path) -> list[Row]:
    file = folder / "opsmcp.yaml"
    file.write_text(_SETTINGS, "utf-8")
    environ = {"OPSMCP_CONFIG": str(file), "AM_TOKEN": _TOKEN}
    async with serving(folder / "state", environ) as (pid, url):
        await storm(url, "warm", posts=1)
        before = Usage.of(pid)
        first, new = await storm(url, "storm")
        after = Usage.of(pid)
        again, twice = await storm(url, "storm")
        repeated = Usage.of(pid)
    alerts = _SENDERS * _POSTS * _ALERTS
    return [
        Row(
            "intake: a POST of 100 alerts, p95 of a storm",
            _p95(first),
            0.2,
            "s",
            _detail(first, before, after),
        ),
        Row(
            "intake: the same once more, p95",
            _p95(again),
            0.2,
            "s",
            _detail(again, after, repeated),
        ),
        Row("intake: alerts that are not on the disk", alerts - new, 0, "alerts"),
        Row("intake: alerts that are recorded twice", twice, 0, "alerts"),
        Row(
            "intake: memory grown by a storm",
            after.resident_mib - before.resident_mib,
            20,
            "MiB",
        ),
    ]


def _detail(seconds: Sequence[float], before: Usage, after: Usage) -> str:
    used = (after.processor_seconds - before.processor_seconds) / len(seconds)
    median = statistics.median(seconds)
    return f"median {median:.3f} s, {used * 1000:.0f} ms of processor time each"


async def storm(url: str, name: str, posts: int = _POSTS) -> tuple[list[float], int]:
    """The seconds of each POST, and how many signals were new."""
    seconds, new = list[float](), list[int]()

    async def send(sender: int) -> None:
        headers = {"Authorization": f"Bearer {_TOKEN}"}
        async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
            for number in range(posts):
                body = body_of(f"{name}-{number}")
                begin = time.perf_counter()
                answer = await http.post(f"{url}/events/am{sender}", content=body)
                seconds.append(time.perf_counter() - begin)
                new.append(answer.raise_for_status().json()["new"])

    async with anyio.create_task_group() as group:
        for sender in range(_SENDERS):
            group.start_soon(send, sender)
    return seconds, sum(new)


def _p95(seconds: Sequence[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.95)]


def body_of(name: str, alerts: int = _ALERTS) -> bytes:
    """What Alertmanager posts of so many alerts."""
    labels = {"alertname": "InstanceDown", "job": "node", "cluster": "prod", "severity": "critical"}
    group = [
        {
            "status": "firing",
            "labels": {**labels, "instance": f"{name}-{number}.example.com:9100"},
            "annotations": {"summary": f"{name}-{number} has been down for more than 5 minutes"},
            "startsAt": "2026-11-30T12:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus:9090/graph?g0.expr=up%20%3D%3D%200",
            "fingerprint": f"{name}-{number}",
        }
        for number in range(alerts)
    ]
    return json.dumps({"version": "4", "groupKey": name, "alerts": group}).encode()
