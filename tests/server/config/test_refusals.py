from collections.abc import Mapping
from pathlib import Path

import pytest

from opsmcp_server.config.effective import groups
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.load import load
from opsmcp_server.config.schema import Means

HOME = {"HOME": "/home/someone"}


def refusal(
    tmp_path: Path,
    environ: Mapping[str, str] | None = None,
    *,
    file: str | bytes = "",
    flags: Mapping[str, object] | None = None,
) -> str:
    data = file if isinstance(file, bytes) else file.encode()
    (tmp_path / "opsmcp.yaml").write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        given = HOME | dict(environ or {})
        load(given, cwd=tmp_path, flags=flags, file=Path("opsmcp.yaml"))
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("OPSMCP_SERVER_PORT", "http", "server.port must be a port from 0 to 65535, not 'http'"),
        ("OPSMCP_SERVER_PORT", "70000", "server.port must be a port"),
        ("OPSMCP_RUN_WAIT_SECONDS", "-1", "run.wait_seconds must be a number of seconds from 0"),
        ("OPSMCP_DISCOVERY_INTERVAL_SECONDS", "nan", "discovery.interval_seconds must be a number"),
        ("OPSMCP_EXPOSE_PIPELINES", "some", "must be labelled, all or none, not 'some'"),
        ("OPSMCP_CONSENT_UNAVAILABLE", "ask", "must be deny or trust-client"),
        ("OPSMCP_POLICY_READ_ONLY", "maybe", "must be true or false"),
        ("OPSMCP_OPS_SERVER", "ops.example", "ops.server must be an http:// or https:// address"),
        ("OPS_SERVER", "ftp://ops.example", "ops.server must be an http:// or https:// address"),
        ("OPS_SERVER", "http://ops.example:99999", "ops.server must be"),
        ("OPS_SERVER", "http://ops.example/?a=b", "ops.server must be"),
        ("OPS_SERVER", "http://", "ops.server must be"),
        ("OPS_NAMESPACE", ",", "ops.namespace must be a list of namespaces"),
        *(
            ("OPSMCP_SERVER_ALLOWED_ORIGINS", origin, "allowed_origins must be a list of origins")
            for origin in ("*", "null", "app.example", "https://app.example/", "https://*.example")
        ),
    ],
)
def test_a_bad_value_names_setting_rule_and_origin(
    tmp_path: Path, name: str, value: str, words: str
) -> None:
    message = refusal(tmp_path, {name: value})
    assert words in message
    assert message.endswith(f"(environment {name})")


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (
            "ops:\n  sever: x",
            "opsmcp.yaml:2: there is no setting 'ops.sever'; did you mean 'ops.serv",
        ),
        ("\nopps: {}", "opsmcp.yaml:2: there is no setting 'opps'; did you mean 'ops'"),
        ("policy: {rules: [{effect: deny, arguments: {zebra: [a]}}]}", "there are: cluster, host"),
        ("zebra: {}", "opsmcp.yaml:1: there is no setting 'zebra'"),
        ("ops.server: x", "opsmcp.yaml:1: 'ops.server' is written as 'server' below 'ops:'"),
        ("server: {port: 1}\nserver: {port: 2}", "opsmcp.yaml:2: 'server' stands there twice"),
        ("ops: {token: a, token: b}", "'token' stands there twice in ops"),
        (
            "policy:\n  rules:\n  - {effect: deny}\n  - {effect: allow,\n     effect: deny}",
            "opsmcp.yaml:5: 'effect' stands there twice in policy.rules[1]",
        ),
        (
            "policy: {rules: [{effect: deny, arguments: {host: a, host: b}}]}",
            "opsmcp.yaml:1: 'host' stands there twice in policy.rules[0].arguments",
        ),
        ("bind: {a: {env: A, env: B}}", "'env' stands there twice in bind.a"),
        ("tools: {kinds: &k {a: text, a: url}, hints: *k}", "'a' stands there twice"),
        ("tools: {hints: &h {a: *h}}", "this is not valid YAML"),
        ("a: " + "[" * 100_000, "nested too deeply"),
        ("- a", "opsmcp.yaml:1: the file must be a mapping"),
        ("ops: 5", "opsmcp.yaml:1: ops must be a mapping"),
        ("ops: {", "opsmcp.yaml:1: this is not valid YAML"),
        ("a: 1\n---\nb: 2", "this is not valid YAML"),
        ("ops: !!python/object:os.system {}", "opsmcp.yaml:1: this is not valid YAML"),
        ("state: {dir: 2020-13-13}", "this is not valid YAML"),
        (b"\xff\xfe", "it is not UTF-8 text"),
        (b"\x00", "this is not valid YAML"),
        (b"#" * (1024 * 1024 + 1), "larger than 1 MiB"),
        ("server: {port: yes}", "server.port must be a port from 0 to 65535, not true"),
        ("state: {dir: 5}", "state.dir must be a directory, not 5 (file opsmcp.yaml:1)"),
        ("embedded: {manifests: 5}", "embedded.manifests must be a list of directories"),
        ("expose: {include: {a: b}}", "expose.include must be a list of name patterns"),
        ("run: {deadlines: {get-*: 60, put-*: no}}", "its entry 'put-*' is not right"),
        ("policy: {rules: [{effect: alow}]}", "not 'alow'; did you mean 'allow'?"),
        (
            "policy: {rules: [{effect: deny, group: interns}], groups: {intern: [anna]}}",
            "policy.rules[0].group: there is no group 'interns' in policy.groups; did you mean",
        ),
        (
            'policy: {rules: [{effect: deny, reason: "not \\e[31mnow"}]}',
            "policy.rules[0].reason holds characters that cannot be seen: 'not \\u{1b}[31mnow'",
        ),
        ("policy: {rules: [{effect: deny, group: interns}]}", "there is no group 'interns'"),
        ("server: {trusted_proxies: [proxy]}", "trusted_proxies must be a list of networks such"),
        ("tools: {kinds: {a: number}}", "tools.kinds must be a mapping of variables to one of"),
        ("tools: {hints: {a: {safe: true}}}", "tools.hints must be a mapping of name patterns"),
        ("bind: {a: 5}", "bind.a must be a text, {env: NAME}, {file: PATH}"),
        ("bind: {a: {env: A, file: B}}", "bind.a must be a text"),
        ("bind: {a: {env: A}}", "bind.a: environment A is not set (file opsmcp.yaml:1)"),
        ("bind: {a: {file: nowhere}}", "nowhere' (file opsmcp.yaml:1)"),
        ("bind: [a]", "bind must be a mapping"),
    ],
)
def test_a_bad_file_names_the_line(tmp_path: Path, file: str | bytes, words: str) -> None:
    assert words in refusal(tmp_path, file=file)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("OPSMCP_OPS_SEVER", "did you mean 'OPSMCP_OPS_SERVER'"),
        ("OPSMCP_CONFG", "did you mean 'OPSMCP_CONFIG'"),
        ("OPSMCP_BIND_", "there is no such setting"),
        ("OPSMCP_TOOLS_HINTS", "in the file only"),
    ],
)
def test_an_unknown_variable_is_refused(tmp_path: Path, name: str, words: str) -> None:
    message = refusal(tmp_path, {name: "x"})
    assert f"environment {name}: " in message
    assert words in message


def test_all_bad_values_are_named_at_once(tmp_path: Path) -> None:
    message = refusal(tmp_path, {"OPSMCP_SERVER_PORT": "x"}, file="tools: {limit: none}")
    assert "server.port must" in message
    assert "tools.limit must" in message
    assert "(file opsmcp.yaml:1)" in message


@pytest.mark.parametrize("given", ["nowhere", "opsmcp.yaml"])
def test_a_manifest_directory_must_exist(tmp_path: Path, given: str) -> None:
    message = refusal(tmp_path, flags={"embedded.manifests": (given,)})
    assert message.startswith("embedded.manifests: ")
    assert message.endswith("is not a directory (command line)")


@pytest.mark.parametrize("given", ["nowhere", "/dev/null"])
def test_a_directory_of_files_must_exist(tmp_path: Path, given: str) -> None:
    message = refusal(tmp_path, {"OPSMCP_FILES_DIR": given})
    assert message.startswith("files.dir: ")
    assert message.endswith("is not a directory (environment OPSMCP_FILES_DIR)")


@pytest.mark.parametrize("given", ["nowhere.pem", "opsmcp.yaml", "."])
def test_certificates_that_copies_are_checked_against_must_be_there(
    tmp_path: Path, given: str
) -> None:
    message = refusal(tmp_path, {"OPSMCP_AUDIT_CA_FILE": given})
    assert message.startswith("audit.ca_file must be a file of certificates (PEM), not '/")
    assert message.endswith("(environment OPSMCP_AUDIT_CA_FILE)")


def test_a_long_value_is_shortened(tmp_path: Path) -> None:
    assert len(refusal(tmp_path, {"OPSMCP_SERVER_PORT": "x" * 5000})) < 250


@pytest.mark.parametrize("missing", ["nowhere.yaml", "."])
def test_a_named_file_must_be_one(tmp_path: Path, missing: str) -> None:
    with pytest.raises(ConfigError, match="^file "):
        load(HOME | {"OPSMCP_CONFIG": missing}, cwd=tmp_path)


def test_a_state_is_where_it_is_said_to_be(tmp_path: Path) -> None:
    assert load({"OPSMCP_STATE_DIR": "s"}, cwd=tmp_path).state.dir == tmp_path / "s"


def test_every_setting_says_what_a_good_value_is() -> None:
    for kind in groups().values():
        for name, field in kind.model_fields.items():
            assert any(isinstance(part, Means) for part in field.metadata), (kind, name)
