import json

import pytest

from opsmcp_pipelines.ssh.ansible_hosts import NotAnInventory, parse_inventory
from opsmcp_pipelines.ssh.host_fields import HostFile
from opsmcp_pipelines.ssh.target import SshTarget


def read(answer: object) -> HostFile:
    return parse_inventory(json.dumps(answer), "inv")


def one_host(name: str, **variables: object) -> HostFile:
    """An inventory with this host and a good one."""
    hosts = {"all": {"hosts": [name, "good"]}, "_meta": {"hostvars": {name: variables}}}
    return read(hosts)


def test_address_port_account_and_key_are_taken_and_nothing_else() -> None:
    found = one_host(
        "web1",
        ansible_host="10.0.0.11",
        ansible_port=2222,
        ansible_user="deploy",
        ansible_ssh_private_key_file="~/.ssh/k",
        ansible_python_interpreter="/usr/bin/python3",
        ansible_become=True,
        ansible_become_password="hunter2",
        role="web",
    )
    assert not found.problems
    assert found.hosts[0].target == SshTarget("web1", "10.0.0.11", 2222, "deploy", "~/.ssh/k")
    assert found.hosts[0].origin == "inv"
    assert "hunter2" not in str(found)


def test_the_older_names_of_variables_mean_the_same() -> None:
    found = one_host("a", ansible_ssh_host="h", ansible_ssh_port="22", ansible_ssh_user="u")
    assert found.hosts[0].target == SshTarget("a", "h", 22, "u")


def test_hosts_stand_in_the_order_of_the_inventory_with_all_groups_above_them() -> None:
    found = read(
        {
            "_meta": {"hostvars": {}},
            "all": {"children": ["ungrouped", "prod", "eu"]},
            "ungrouped": {"hosts": ["lone"]},
            "prod": {"children": ["web", "db"]},
            "eu": {"hosts": ["web2"]},
            "web": {"hosts": ["web2", "web1"]},
            "db": {"hosts": ["db1"]},
        }
    )
    assert [(host.name, host.groups) for host in found.hosts] == [
        ("lone", ()),
        ("web2", ("eu", "prod", "web")),
        ("web1", ("prod", "web")),
        ("db1", ("db", "prod")),
    ]


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"ansible_password": "hunter2"}, "a has a password in its inventory (ansible_password)"),
        ({"ansible_ssh_pass": "hunter2"}, "a has a password in its inventory"),
        ({"ansible_password": {"__ansible_vault": "hunter2"}}, "a has a password"),
        ({"ansible_ssh_private_key": "hunter2"}, "a has a private key in its inventory"),
        ({"ansible_private_key_passphrase": "hunter2"}, "a has a passphrase in its inventory"),
        ({"ansible_connection": "local"}, "a is reached by 'local', and not by ssh"),
        ({"ansible_connection": "winrm"}, "a is reached by 'winrm'"),
        ({"ansible_shell_type": "powershell"}, "a has the shell 'powershell'"),
        ({"ansible_ssh_common_args": "-J hunter2"}, "options of its own for ssh"),
        ({"ansible_ssh_extra_args": "-oX=hunter2"}, "options of its own for ssh"),
        ({"ansible_ssh_executable": "/hunter2"}, "options of its own for ssh"),
        ({"ansible_ssh_a_new_one": "hunter2"}, "options of its own for ssh"),
        ({"ansible_host": "{{ hunter2 }}"}, "ansible_host is a template"),
        ({"ansible_host": "-oProxyCommand=x"}, "ansible_host must be an address"),
        ({"ansible_user": "a b"}, "ansible_user must be"),
        ({"ansible_port": 99999}, "ansible_port must be a number"),
        ({"ansible_port": True}, "ansible_port is no text"),
        ({"ansible_ssh_private_key_file": "k"}, "ansible_ssh_private_key_file must begin with"),
    ],
)
def test_what_opsmcp_cannot_follow_withholds_its_host_and_no_other(
    variables: dict[str, object], reason: str
) -> None:
    found = one_host("a", **variables)
    assert [host.name for host in found.hosts] == ["good"]
    (problem,) = found.problems
    assert problem.name == "a"
    assert reason in problem.reason
    assert "hunter2" not in problem.reason


def test_what_changes_neither_the_host_nor_the_account_withholds_nothing() -> None:
    found = one_host(
        "a",
        ansible_connection="ansible.builtin.ssh",
        ansible_ssh_pipelining=True,
        ansible_ssh_host_key_checking=False,
        ansible_password="",
        ansible_ssh_extra_args=None,
    )
    assert not found.problems


def test_a_name_that_ssh_could_take_for_something_else_is_withheld() -> None:
    found = one_host("-oProxyCommand=x")
    assert [host.name for host in found.hosts] == ["good"]
    assert "is no host name" in found.problems[0].reason


def test_this_machine_is_passed_over_without_a_word() -> None:
    found = one_host("localhost", ansible_connection="local")
    assert ([host.name for host in found.hosts], found.problems) == (["good"], ())


def test_groups_that_hold_each_other_and_diamonds_of_groups_end() -> None:
    layers = {
        f"g{n}{side}": {"children": [f"g{n + 1}a", f"g{n + 1}b"]}
        for n in range(40)
        for side in "ab"
    }
    ring = {"x": {"children": ["y"]}, "y": {"children": ["x"], "hosts": ["a"]}}
    found = read({"all": {"children": ["g0a", "x"]}, **layers, "g40a": {"hosts": ["b"]}, **ring})
    groups = {host.name: host.groups for host in found.hosts}
    assert groups["a"] == ("x", "y")
    assert "in more than 64 groups" in found.problems[0].reason


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "nonsense", "[" * 100_000, '{"all": {}}', '{"all": [1], "_meta": 3}']
)
def test_an_answer_that_is_no_inventory_names_no_host(text: str) -> None:
    try:
        assert not parse_inventory(text, "inv").hosts
    except NotAnInventory:
        assert '"all"' not in text


def test_an_inventory_of_too_many_groups_is_none() -> None:
    with pytest.raises(NotAnInventory):
        read({"all": {}, **{f"g{number}": {} for number in range(2001)}})
