import json
from dataclasses import replace

import pytest

from tests.fakes.ssh_program import install_ssh
from tests.server.cli.process import Opsmcp

HOSTS = """
kind: Host
metadata: {name: web1, labels: {role: web}}
spec: {address: 10.0.0.1}
---
kind: Host
metadata: {name: refused-1}
---
kind: Host
metadata: {name: db1}
spec: {password: hunter2}
"""
ROLES = """
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata:
  name: show-name
  labels: {ops/copilot: enabled, opsmcp/read-only: "true", opsmcp/hosts: many}
spec:
  desc: Shows the name of a host.
  host: localhost
  steps:
    - name: show
      content: echo \"I am ${HOSTNAME}\"
---
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata:
  name: show-root
  labels: {ops/copilot: enabled, opsmcp/read-only: "true", opsmcp/sudo: "true"}
spec:
  desc: Shows who it runs as.
  steps:
    - name: show
      content: id -un
"""


@pytest.fixture
def ops(opsmcp: Opsmcp) -> Opsmcp:
    (opsmcp.folder / "hosts.yaml").write_text(HOSTS, encoding="utf-8")
    (opsmcp.folder / "manifests" / "roles.yaml").write_text(ROLES, encoding="utf-8")
    programs = install_ssh(opsmcp.folder / "bin")
    path = f"{programs}:{opsmcp.environment()['PATH']}"
    return replace(opsmcp, environ={"PATH": path, "OPSMCP_HOSTS_FILES": "hosts.yaml"})


def test_hosts_are_listed_with_where_they_are_named_and_what_is_withheld(ops: Opsmcp) -> None:
    done = ops("hosts")
    file = ops.folder / "hosts.yaml"
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert [row[0] for row in rows] == ["localhost", "web1", "refused-1"]
    assert rows[1][1:] == ["10.0.0.1", "role=web", f"{file}:2"]
    assert "db1 has a password in a file" in done.stderr
    data = json.loads(ops("hosts", "--json").stdout)
    assert [host["name"] for host in data["hosts"]] == ["localhost", "web1", "refused-1"]
    assert data["withheld"][0]["name"] == "db1"
    assert "hunter2" not in done.stdout + done.stderr + str(data)


def test_one_host_is_looked_at(ops: Opsmcp) -> None:
    good, bad, none = ops("hosts", "web1"), ops("hosts", "refused-1"), ops("hosts", "db1")
    assert good.returncode == 0
    assert "login\tworks" in good.stdout
    assert bad.returncode == 3
    assert "login\tnot reached" in bad.stdout
    assert none.returncode == 2
    assert json.loads(ops("hosts", "refused-1", "--json").stdout)["login"] == "not reached"


def test_an_operation_runs_on_the_hosts_with_a_label_and_on_no_other(ops: Opsmcp) -> None:
    done = ops("call", "show-name", "host=role=web")
    assert done.returncode == 0, done
    assert "succeeded: show-name on web1" in done.stdout
    assert "I am web1" in done.stdout
    refused = ops("call", "show-name", "host=role=db")
    assert refused.returncode == 2
    assert "role=web" in refused.stderr


def test_a_host_that_is_not_reached_is_no_success(ops: Opsmcp) -> None:
    done = ops("call", "show-name", "host=all")
    assert done.returncode == 1
    assert "nothing ran on refused-1: not reached (Connection refused)" in done.stdout
    assert "I am web1" in done.stdout


def test_a_plan_says_what_runs_as_root_and_where(ops: Opsmcp) -> None:
    there = ops("call", "show-root", "host=web1", "--plan").stdout
    here = ops("call", "show-root", "--plan").stdout
    assert "show-root on web1, as root" in there
    assert "as root" not in here
