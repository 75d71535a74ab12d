"""Values cannot become code, and ordinary ones are not a nuisance."""

import shlex
import subprocess
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsmcp_pipelines.kinds.kind import Kind
from opsmcp_pipelines.models import Variable
from opsmcp_tools.arguments.value_checks import Refused, check_value, is_safe_word
from opsmcp_tools.model.tool import Input
from opsmcp_tools.model.value_rules import ValueRules
from opsmcp_tools.toolbox.schema import build_input
from tests.tools.corpus import (
    HOSTILE_BY_KIND,
    HOSTILE_EVERYWHERE,
    HOSTILE_WORDS,
    INPUTS,
    INVENTORY,
    ORDINARY,
)

WORDS = [kind for kind in INPUTS if kind not in (Kind.TEXT, Kind.CHOICE)]
ORDINARY_ROWS = [(kind, value) for kind, values in ORDINARY.items() for value in values]
HOSTILE_ROWS = [(kind, value) for kind, values in HOSTILE_BY_KIND.items() for value in values]


def test_the_corpus_is_large_enough():
    assert len(HOSTILE_EVERYWHERE) + len(HOSTILE_WORDS) + len(HOSTILE_ROWS) >= 150
    assert len(ORDINARY_ROWS) >= 60


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("value", HOSTILE_EVERYWHERE.values(), ids=HOSTILE_EVERYWHERE)
def test_no_kind_takes(kind: Kind, value: object):
    with pytest.raises(Refused):
        check_value(INPUTS[kind], value)


@pytest.mark.parametrize("kind", WORDS)
@pytest.mark.parametrize("value", HOSTILE_WORDS.values(), ids=HOSTILE_WORDS)
def test_no_kind_but_text_takes(kind: Kind, value: object):
    with pytest.raises(Refused):
        check_value(INPUTS[kind], value)


@pytest.mark.parametrize(
    ("kind", "value"), HOSTILE_ROWS, ids=[f"{k}-{v!r:.40}" for k, v in HOSTILE_ROWS]
)
def test_a_kind_refuses_what_it_does_not_mean(kind: Kind, value: object):
    with pytest.raises(Refused):
        check_value(INPUTS[kind], value)


@pytest.mark.parametrize(
    ("kind", "value"), ORDINARY_ROWS, ids=[f"{k}-{v!r:.40}" for k, v in ORDINARY_ROWS]
)
def test_an_ordinary_value_is_taken_and_its_canonical_form_too(kind: Kind, value: object):
    text = check_value(INPUTS[kind], value)
    assert check_value(INPUTS[kind], text) == text


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (Kind.COUNT, 200.0, "200"),
        (Kind.FLAG, True, "true"),
        (Kind.PATH, "/var/log/", "/var/log"),
        (Kind.IP, "FD00:0::7", "fd00::7"),
        (Kind.TOKEN, 42, "42"),
    ],
)
def test_what_models_send_is_brought_into_one_form(kind: Kind, value: object, text: str):
    assert check_value(INPUTS[kind], value) == text


@pytest.mark.parametrize(
    "word",
    [
        "x=http://localhost",
        "http:/127.0.0.1/",
        "https:///localhost/",
        "http://a.example,http://0x7f.1",
        "HTTP://u:p@169.254.169.254:80/x",
        "ftp://metadata.google.internal/x",
    ],
)
def test_a_word_names_no_local_address_wherever_a_url_begins_in_it(word: str):
    with pytest.raises(Refused, match="its host is"):
        check_value(INPUTS[Kind.TOKEN], word)


@pytest.mark.parametrize(
    "value",
    [
        "169.254.169.254",
        "169.254.169.254:80/latest/meta-data",
        "u@169.254.169.254",
        "169.254.169.254.",
        "web-1,0xa9fea9fe",
        "to=2852039166",
        "169.254.43518/x",
        "100.100.100.200",
        "169.254.170.2/v2/credentials",
        "fd00:ec2::254",
        "::ffff:a9fe:a9fe",
        "metadata.google.internal/x",
    ],
)
def test_what_a_script_could_make_a_url_of_is_no_metadata_address(value: str):
    with pytest.raises(Refused, match="metadata"):
        check_value(INPUTS[Kind.TOKEN], value)
    allowing = replace(INPUTS[Kind.TOKEN], rules=ValueRules(link_local=True))
    assert check_value(allowing, value) == value


@pytest.mark.parametrize("kind", [Kind.IP, Kind.KUBERNETES_NAME, Kind.HOST, Kind.IMAGE])
def test_no_kind_of_address_is_one_of_metadata(kind: Kind):
    value = "169.254.169.254/app" if kind is Kind.IMAGE else "169.254.169.254"
    with pytest.raises(Refused, match="metadata"):
        check_value(replace(INPUTS[kind], allowed=()), value)


def test_an_address_of_metadata_that_the_settings_name_is_taken():
    rules = ValueRules(url_hosts=("169.254.169.254",))
    item = replace(INPUTS[Kind.IP], rules=rules)
    assert check_value(item, "169.254.169.254") == "169.254.169.254"
    network = check_value(INPUTS[Kind.CIDR], "169.254.169.254/32")
    assert network == "169.254.169.254/32", "it says what to block, for example"


def test_a_word_that_only_resembles_a_url_is_fine():
    for word in ("s3://bucket/key", "a:/data:ro", "oci://registry.example/app", "https://"):
        assert check_value(INPUTS[Kind.TOKEN], word) == word


def test_a_namespace_is_one_label():
    namespace = build_input(Variable("namespace"), Kind.KUBERNETES_NAME, INVENTORY)
    assert check_value(namespace, "kube-system") == "kube-system"
    with pytest.raises(Refused, match="at most 63"):
        check_value(namespace, "a.b")


def test_a_host_is_a_name_where_no_hosts_are_known():
    host = build_input(Variable("host"), Kind.HOST, type(INVENTORY)())
    assert check_value(host, "web-9") == "web-9"
    with pytest.raises(Refused):
        check_value(host, "role=web")


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(1, None, "of at least 1"), (None, 9, "of at most 9"), (1, 9, "from 1 to 9")],
)
def test_bounds_are_said(low: int | None, high: int | None, words: str):
    count = Input("n", Kind.COUNT, {}, minimum=low, maximum=high)
    with pytest.raises(Refused, match=f"a whole number {words}"):
        check_value(count, 0 if low else 10)


@given(st.text(max_size=40))
def test_whatever_is_taken_as_a_word_is_one_word_for_a_shell(text: str):
    for kind in WORDS:
        try:
            word = check_value(INPUTS[kind], text)
        except Refused:
            continue
        assert shlex.split(word) == [word]
        assert is_safe_word(word) or kind is Kind.URL


def test_ordinary_words_arrive_in_a_real_shell_as_one_argument():
    words = [check_value(INPUTS[kind], value) for kind, value in ORDINARY_ROWS if kind in WORDS]
    script = "\n".join(f"printf '%s\\n' {word}" for word in words)
    shell = subprocess.run(["/bin/sh"], input=script, capture_output=True, text=True, check=True)
    assert shell.stdout.splitlines() == words


@pytest.mark.parametrize("name", ["target_host", "nodename", "hostname", "node", "srcNode"])
@pytest.mark.parametrize("value", ["all", "anymaster", "role=web", "web-1,web-2"])
def test_a_machine_is_one_machine_under_whatever_name(name: str, value: str) -> None:
    for kind in (Kind.TOKEN, Kind.KUBERNETES_NAME):
        item = build_input(Variable(name), kind, INVENTORY)
        with pytest.raises(Refused):
            check_value(item, value)
        assert check_value(item, "web-1") == "web-1"


def test_a_selector_that_the_settings_allow_may_name_a_machine_too() -> None:
    item = build_input(Variable("target_host"), Kind.TOKEN, INVENTORY)
    allowing = replace(item, rules=replace(item.rules, host_selectors=("all",)))
    assert check_value(allowing, "all") == "all"


@pytest.mark.parametrize(
    "value", ["file:///etc/shadow", "FILE:/etc/shadow", "@file:///x", "a=file:/x"]
)
def test_a_word_names_no_file_by_url_unless_the_settings_allow(value: str) -> None:
    item = build_input(Variable("target"), Kind.TOKEN, INVENTORY)
    with pytest.raises(Refused):
        check_value(item, value)
    schemes = (*item.rules.url_schemes, "file")
    allowing = replace(item, rules=replace(item.rules, url_schemes=schemes))
    assert check_value(allowing, value) == value


@pytest.mark.parametrize(
    "value", ["profile:a", "logfile:1", "containerd://5f2b", "s3://bucket/key"]
)
def test_other_words_with_a_colon_are_ordinary(value: str) -> None:
    item = build_input(Variable("target"), Kind.TOKEN, INVENTORY)
    assert check_value(item, value) == value
