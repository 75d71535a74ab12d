"""`make demo-incident`: an alert, a request, an approval, the run, the verification. In a terminal.

Everything is real and in a folder of its own: `opsmcp serve`, what Alertmanager would post, and the
commands of a person. `python -m tests.docs.demo_incident`.
"""

import json
import os
import pwd
import re
import select
import shlex
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

TOKEN = "demo-token-0123456789abcdef"
_SECONDS = 120.0

SETTINGS = """\
embedded: {manifests: [manifests], bundled: false}
policy:
  groups: {on-call: [USER]}
requests: {approvers: [on-call], expires: 15m}
events:
  senders:
    alertmanager: {type: alertmanager, token: {env: AM_TOKEN}}
responders:
  - name: cache-full
    senders: [alertmanager]
    when: 'labels.alertname == "CacheFull" && severity in ["critical", "warning"]'
    key: '"cache/" + labels.instance'
    mode: approve
    run: clear-cache
    arguments: {keep: '"1"'}
    confirm: {run: count-cache, expect: 'int(results.files) > 5'}
    verify: {after: 0s, run: count-cache, expect: 'int(results.files) <= 5', within: 1m}
"""

MANIFESTS = """\
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata: {name: count-cache, namespace: ops-system}
spec:
  desc: count the files of the cache
  host: localhost
  steps: [{name: count, content: 'echo "OPS_RESULT:files=$(ls CACHE | wc -l)"'}]
---
apiVersion: crd.chenshaowen.com/v1
kind: Pipeline
metadata: {name: count-cache, namespace: ops-system, labels: {ops/copilot: enabled}}
spec:
  desc: count the files of the cache
  tasks: [{name: count, taskRef: count-cache, results: {files: count}}]
---
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata: {name: clear-cache, namespace: ops-system, labels: {opsmcp/kind.keep: count}}
spec:
  desc: delete the oldest files of the cache
  host: localhost
  variables: {keep: {desc: how many files stay, required: true}}
  steps:
    - name: clear
      content: 'cd CACHE && ls | head -n "-${keep}" | xargs rm -v'
---
apiVersion: crd.chenshaowen.com/v1
kind: Pipeline
metadata: {name: clear-cache, namespace: ops-system, labels: {ops/copilot: enabled}}
spec:
  desc: delete the oldest files of the cache
  tasks: [{name: clear, taskRef: clear-cache}]
"""

ALERT: dict[str, Any] = {
    "version": "4",
    "groupKey": "{}:{alertname=CacheFull}",
    "truncatedAlerts": 0,
    "status": "firing",
    "receiver": "opsmcp",
    "groupLabels": {},
    "commonLabels": {},
    "commonAnnotations": {},
    "externalURL": "http://alertmanager:9093",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "CacheFull", "severity": "warning", "instance": "h1:9100"},
            "annotations": {"summary": "9 files in the cache"},
            "startsAt": "2026-11-30T10:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus:9090/graph",
            "fingerprint": "9f86d081884c7d65",
        }
    ],
}


class Demo:
    """The story, in a folder of its own."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.cache = folder / "cache"
        self._folder = folder
        self._environ = {**environ, "AM_TOKEN": TOKEN, "HOME": str(folder)}
        self._environ["OPSMCP_STATE_DIR"] = str(folder / "state")
        self.settings = folder / "opsmcp.yaml"

    def write(self) -> None:
        """The one settings file, the operations, and a cache that is too full."""
        (self._folder / "manifests").mkdir()
        self.cache.mkdir()
        for number in range(9):
            (self.cache / f"part-{number}").write_text("old", "utf-8")
        text = MANIFESTS.replace("CACHE", str(self.cache))
        (self._folder / "manifests" / "cache.yaml").write_text(text, "utf-8")
        user = pwd.getpwuid(os.getuid()).pw_name
        self.settings.write_text(SETTINGS.replace("USER", user), "utf-8")

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "opsmcp_server", *words, "--config", str(self.settings)]

    @contextmanager
    def serving(self) -> Generator[str]:
        """`opsmcp serve`, with the address that it says."""
        _say("opsmcp serve")
        server = subprocess.Popen(
            self._command("serve", "--port", "0"),
            env=self._environ,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield _address(server)
        finally:
            server.terminate()
            server.communicate(timeout=20)

    def run(self, *words: str) -> str:
        """What a command of a person says."""
        done = subprocess.run(
            self._command(*words),
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        return done.stdout + done.stderr

    def show(self, word: str, *words: str) -> str:
        """What a command says, once it has this word; shown with the command."""
        _say(shlex.join(["opsmcp", *words]))
        until, found = time.monotonic() + _SECONDS, ""
        while time.monotonic() < until:
            found = self.run(*words)
            if word in found:
                click.echo("\n".join(f"  {line}" for line in found.strip().splitlines()))
                return found
            time.sleep(0.5)
        raise SystemExit(f"it took too long; opsmcp {shlex.join(words)} said last:\n{found}")


def _address(server: "subprocess.Popen[str]") -> str:
    """Where signals come in, by what the server says until it works on incidents."""
    assert server.stderr is not None
    address, said, until = "", "", time.monotonic() + _SECONDS
    while time.monotonic() < until:
        if not select.select([server.stderr], [], [], 1)[0]:
            continue
        line = server.stderr.readline()
        said += line
        if found := re.search(r"http://\S+/events/alertmanager", line):
            address = found[0]
        if address and "at work" in line:
            return address
        if not line:
            break
    raise SystemExit(f"opsmcp serve did not start:\n{said}")


def _say(command: str) -> None:
    click.secho(f"\n$ {command}", bold=True)


def _post(address: str) -> None:
    _say(f"curl -H 'Authorization: Bearer $AM_TOKEN' --data @alert.json {address}")
    request = urllib.request.Request(
        address,
        json.dumps(ALERT).encode(),
        {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        click.echo(f"  {answer.status} {answer.read().decode().strip()}")


def tell(folder: Path, environ: dict[str, str]) -> Demo:
    """The story from the settings file to the verified repair."""
    demo = Demo(folder, environ)
    demo.write()
    click.echo(f"One settings file, and a cache with {len(list(demo.cache.iterdir()))} files:\n")
    click.echo(demo.settings.read_text("utf-8"))
    with demo.serving() as address:
        _post(address)
        request = re.search(r"q-[a-z2-7]{26}", demo.show("q-", "requests"))
        assert request is not None
        why = "the cache may be cleared"
        demo.show("is started", "approve", request[0], "--yes", "--comment", why)
        found = re.search(
            r"i-[a-z2-7]{10}", demo.show("recovered", "incidents", "--state", "closed")
        )
        assert found is not None
        demo.show("closed:", "incidents", found[0])
    click.echo(f"\nThe cache has {len(list(demo.cache.iterdir()))} file now.")
    return demo


if __name__ == "__main__":
    with TemporaryDirectory() as place:
        tell(Path(place), dict(os.environ))  # noqa: TID251 - handed to processes of its own
