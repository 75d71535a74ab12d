import pytest

from opsmcp_pipelines.ssh.host_fields import HostFile, is_host_name
from opsmcp_pipelines.ssh.host_files import parse_hosts
from opsmcp_pipelines.ssh.target import SshTarget

HEAD = "apiVersion: crd.chenshaowen.com/v1\nkind: Host\n"


def host(name: str, spec: str = "{}", labels: str = "{}") -> str:
    return f"---\n{HEAD}metadata: {{name: {name}, labels: {labels}}}\nspec: {spec}\n"


def read(text: str, path: str = "f") -> HostFile:
    found = parse_hosts(text, path)
    assert found is not None
    return found


def test_hosts_are_read_with_what_ssh_needs_and_their_line() -> None:
    text = host(
        "web1",
        "{address: 10.0.0.1, port: 2222, username: deploy, privateKeyPath: ~/.ssh/k}",
        "{role: web}",
    )
    web1, db1 = read(text + host("db1"), "hosts.yaml").hosts
    assert web1.target == SshTarget("web1", "10.0.0.1", 2222, "deploy", "~/.ssh/k")
    assert dict(web1.labels) == {"role": "web"}
    assert (web1.origin, db1.origin) == ("hosts.yaml:2", "hosts.yaml:7")
    assert db1.target == SshTarget("db1")


def test_the_list_that_kubectl_prints_is_read() -> None:
    text = "kind: List\nitems:\n- kind: Host\n  metadata: {name: a}\n- kind: Host\n"
    found = read(text)
    assert [one.name for one in found.hosts] == ["a"]
    assert [problem.reason for problem in found.problems] == [
        "f:5: metadata.name must be a host name"
    ]


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("{password: hunter2}", "db3 has a password in a file"),
        ("{privateKey: hunter2}", "db3 has a private key in a file"),
        ("{secretRef: {name: hunter2}}", "db3 has a reference to a Secret"),
        ("{port: 0}", "port must be a number"),
        ("{port: 99999}", "port must be a number"),
        ("{port: ssh}", "port must be a number"),
        ("{address: '-oProxyCommand=x'}", "address must be"),
        ("{address: 'a b'}", "address must be"),
        ("{username: '-l root'}", "username must be"),
        ("{username: 'a@b'}", "username must be"),
        ("{privateKeyPath: key}", "privateKeyPath must begin with"),
        ("{privateKeyPath: '/k%d'}", "privateKeyPath must begin with"),
        ("{address: [1]}", "address must be text"),
        ("[]", "spec must be a mapping"),
    ],
)
def test_a_bad_host_costs_itself_and_shows_no_secret(spec: str, reason: str) -> None:
    found = read(host("db3", spec) + host("db4"))
    assert [one.name for one in found.hosts] == ["db4"]
    assert [problem.name for problem in found.problems] == ["db3"]
    assert reason in found.problems[0].reason
    assert "hunter2" not in found.problems[0].reason


@pytest.mark.parametrize("name", ["-oProxyCommand=x", "a b", "user@web1", "web*", "a/b", "", "é"])
def test_a_name_that_ssh_could_take_for_something_else_is_no_name(name: str) -> None:
    assert not is_host_name(name)
    found = read(host(f"'{name}'"), "f")
    assert not found.hosts
    assert found.problems[0].name == ""


@pytest.mark.parametrize("name", ["web1", "web-1.example.com", "10.0.0.1", "_srv", "A", "web_1"])
def test_ordinary_names_are_names(name: str) -> None:
    assert is_host_name(name)


def test_what_is_no_yaml_says_where() -> None:
    found = read(host("a") + "---\n{")
    assert [one.name for one in found.hosts] == ["a"]
    assert "f:8: not valid YAML" in found.problems[0].reason


def test_labels_that_no_selector_could_name_are_refused() -> None:
    found = read(host("a", labels="{'x=y': z}") + host("b", labels="{x: 'a b'}"))
    assert not found.hosts
    assert len(found.problems) == 2


def test_an_address_of_ipv6_keeps_its_zone() -> None:
    file = parse_hosts('kind: Host\nmetadata: {name: v6}\nspec: {address: "fe80::1%eth0"}\n', "f")
    assert file is not None
    assert file.hosts[0].target.options == ("-oHostName=fe80::1%%eth0",)
