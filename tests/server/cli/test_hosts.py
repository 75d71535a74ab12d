import json
from dataclasses import replace

import pytest

from tests.fakes.ssh_program import install_ssh
from tests.server.cli.process import Opsmcp

HOSTS = """
kind: Host
metadata: {name: web1, labels: {role: web, rack: a}}
spec: {address: 10.0.0.1}
---
kind: Host
metadata: {name: web2, labels: {role: web, rack: a}}
---
kind: Host
metadata: {name: web3, labels: {role: web}}
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
  name: show-place
  labels: {ops/copilot: enabled, opsmcp/read-only: "true", opsmcp/hosts: many}
spec:
  desc: Shows a place.
  host: localhost
  steps:
    - name: show
      content: |
        case ${HOSTNAME} in web3) echo "somewhere else";; *) echo "here";; esac
---
apiVersion: crd.chenshaowen.com/v1
kind: Task
metadata:
  name: mark-place
  labels: {ops/copilot: enabled, opsmcp/read-only: "false", opsmcp/hosts: many}
spec:
  desc: Marks a place.
  host: localhost
  steps:
    - name: mark
      content: echo "I was on ${host}"
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
    assert [row[0] for row in rows] == ["localhost", "web1", "web2", "web3", "refused-1"]
    assert rows[1][1:] == ["10.0.0.1", "role=web, rack=a", f"{file}:2"]
    assert "db1 has a password in a file" in done.stderr
    data = json.loads(ops("hosts", "--json").stdout)
    assert [host["name"] for host in data["hosts"]] == [
        "localhost",
        "web1",
        "web2",
        "web3",
        "refused-1",
    ]
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
    assert "succeeded: show-name on web1, web2, web3" in done.stdout
    assert "I am web1" in done.stdout
    refused = ops("call", "show-name", "host=role=db")
    assert refused.returncode == 2
    assert "role=web" in refused.stderr


def test_a_host_that_is_not_reached_is_no_success(ops: Opsmcp) -> None:
    done = ops("call", "show-name", "host=all")
    assert done.returncode == 1
    assert "nothing ran: not reached (Connection refused)" in done.stdout
    assert "I am web1" in done.stdout


def test_the_same_on_a_list_of_hosts_says_first_where_it_is_different(ops: Opsmcp) -> None:
    done = ops("call", "show-place", "host=web1,web2,web3,refused-1")
    lines = list(filter(None, done.stdout.splitlines()))
    headings = [line for line in lines if line[0].isdigit() and " of 4 hosts" in line]
    assert done.returncode == 1
    assert [line.partition(" of ")[0] for line in headings] == ["1", "1", "2"]
    for name, heading in zip(("refused-1", "web3", "web1, web2"), headings, strict=True):
        assert name in heading


def test_a_change_on_several_hosts_is_planned_and_asked_about_with_names_and_brakes(
    ops: Opsmcp,
) -> None:
    plan = ops("call", "mark-place", "host=role=web", "--plan").stdout
    assert "Where: 3 hosts" in plan
    assert "mark-place on 3 hosts (role=web: web1, web2, web3)" in plan
    held = "first 1, the others only if that succeeds; after 1 without success no more is started"
    assert f"Over the hosts: {held}" in plan
    data = json.loads(ops("call", "mark-place", "host=role=web", "--plan", "--json").stdout)
    assert data["brakes"] == {"at_once": 16, "canary": 1, "stop_after": 1}
    assert data["hosts"] == 3
    done, said = ops.on_terminal("call", "mark-place", "host=role=web", typed="n\n")
    assert done == 1
    assert "3 hosts (role=web: web1, web2, web3)" in said
    assert held in " ".join(said.split())
    free = {**ops.environ, "OPSMCP_HOSTS_CANARY": "0", "OPSMCP_HOSTS_STOP_AFTER": "0"}
    other = replace(ops, environ=free)("call", "mark-place", "host=role=web", "--plan").stdout
    assert "Over the hosts: also after a failure it goes on" in other


def test_a_change_stops_at_the_first_host_without_success(ops: Opsmcp) -> None:
    done = ops("call", "mark-place", "host=refused-1,web1", "--yes")
    assert done.returncode == 1
    assert "skipped: web1, which went first" not in done.stdout
    assert "I was on web1" in done.stdout
    assert "nothing ran on refused-1" in done.stdout


RULES = """
policy:
  rules:
    - {name: two, effect: allow, operation: mark-place, arguments: {host: [web1, web2]}}
    - {name: rest, effect: deny, operation: mark-place, reason: not there}
"""


def test_policy_sees_every_host_that_a_label_means(ops: Opsmcp) -> None:
    (ops.folder / "mine.yaml").write_text(RULES, encoding="utf-8")
    options = ("--config", "mine.yaml")
    assert ops("call", "mark-place", "host=rack=a", *options).returncode == 0
    assert ops("call", "mark-place", "host=web1,web2", *options).returncode == 0
    for value in ("role=web", "all", "web1,web3"):
        refused = ops("call", "mark-place", f"host={value}", *options)
        assert "not there" in refused.stderr, value
        assert refused.returncode != 0


def test_a_plan_says_what_runs_as_root_and_where(ops: Opsmcp) -> None:
    there = ops("call", "show-root", "host=web1", "--plan").stdout
    here = ops("call", "show-root", "--plan").stdout
    assert "show-root on web1, as root" in there
    assert "as root" not in here


def test_a_plan_for_several_hosts_shows_that_each_finds_its_own_name(ops: Opsmcp) -> None:
    several = ops("call", "mark-place", "host=web1,web2", "--plan").stdout
    assert "I was on ‹the name of each host›" in several
    assert "I was on «web1»" in ops("call", "mark-place", "host=web1", "--plan").stdout


def test_where_no_host_is_named_it_is_said_how_to_name_some(ops: Opsmcp) -> None:
    (ops.folder / ".ssh").mkdir()
    (ops.folder / ".ssh" / "config").write_text("Host web_1 git\n", encoding="utf-8")
    none = replace(ops, environ={"PATH": ops.environ["PATH"]})
    done = none("hosts")
    assert done.stdout.split("\t")[0] == "localhost"
    assert len(done.stdout.splitlines()) == 1
    assert "OPSMCP_HOSTS_SSH_CONFIG=auto takes those of ~/.ssh/config" in done.stderr
    named = replace(ops, environ={**none.environ, "OPSMCP_HOSTS_SSH_CONFIG": "auto"})("hosts")
    assert [line.split("\t")[0] for line in named.stdout.splitlines()] == [
        "localhost",
        "web_1",
        "git",
    ]


def test_whoever_may_not_list_the_inventory_sees_no_hosts_and_logs_in_to_none(ops: Opsmcp) -> None:
    rule = "policy: {rules: [{name: none, effect: deny, operation: list_inventory, reason: ours}]}"
    (ops.folder / "mine.yaml").write_text(rule, encoding="utf-8")
    for arguments in (("hosts",), ("hosts", "web1"), ("hosts", "--json")):
        done = ops(*arguments, "--config", "mine.yaml")
        assert done.returncode != 0
        assert "ours" in done.stderr
        assert "web1" not in done.stdout
    assert not (ops.folder / "bin" / "web1.log").exists()


SUDO = """#!/bin/sh
echo "sudo: a password is required" >&2
exit 1
"""


def test_a_question_says_as_root_and_a_refusal_of_sudo_which_line_would_help(ops: Opsmcp) -> None:
    sudo = ops.folder / "bin" / "sudo"
    sudo.write_text(SUDO, encoding="utf-8")
    sudo.chmod(0o755)
    asks = "policy: {rules: [{name: all, effect: confirm}]}"
    (ops.folder / "mine.yaml").write_text(asks, encoding="utf-8")
    _, said = ops.on_terminal(
        "call", "show-root", "host=web1", "--config", "mine.yaml", typed="n\n"
    )
    assert "Where: web1, as root" in said
    done = ops("call", "show-root", "host=web1")
    assert done.returncode == 1
    assert "nothing_ran" in done.stdout
    assert "nothing ran: sudo refused" in done.stdout
    assert "ACCOUNT ALL=(ALL) NOPASSWD: /bin/sh" in done.stdout
