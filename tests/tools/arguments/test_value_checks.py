"""Values cannot become code, and ordinary ones are not a nuisance."""

import re
import shlex
import subprocess
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsmcp_pipelines.kinds.guess import kind_of
from opsmcp_pipelines.kinds.kind import Kind, Separator, VariableKind, parse_kind
from opsmcp_pipelines.models import Cluster, Variable
from opsmcp_tools.arguments.choices import Inventory
from opsmcp_tools.arguments.repaired_call import correct
from opsmcp_tools.arguments.value_checks import Refused, check_value
from opsmcp_tools.model.tool import Input
from opsmcp_tools.model.value_rules import ValueRules
from opsmcp_tools.toolbox.inputs import build_input
from tests.tools.corpus import (
    HOSTILE_BY_KIND,
    HOSTILE_EVERYWHERE,
    HOSTILE_WORDS,
    INPUTS,
    INVENTORY,
    ORDINARY,
)

ANY = build_input(Variable("x", regex=".*"), VariableKind(Kind.PATTERN), INVENTORY)
PHRASES = (Kind.TIME, Kind.SCHEDULE)
WORDS = [kind for kind in INPUTS if kind not in (Kind.TEXT, Kind.CHOICE)]
ORDINARY_ROWS = [(kind, value) for kind, values in ORDINARY.items() for value in values]
HOSTILE_ROWS = [(kind, value) for kind, values in HOSTILE_BY_KIND.items() for value in values]


def test_the_corpus_is_large_enough():
    assert len(HOSTILE_EVERYWHERE) + len(HOSTILE_WORDS) + len(HOSTILE_ROWS) >= 400
    assert len(ORDINARY_ROWS) >= 250


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
        check_value(ANY, word)


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
    allowing = replace(ANY, rules=ValueRules(link_local=True))
    plain = not value.startswith(":")  # no value of a pattern begins with a sign
    assert not plain or check_value(allowing, value) == value


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
        assert check_value(ANY, word) == word


def test_a_namespace_is_one_label():
    namespace = build_input(Variable("namespace"), VariableKind(Kind.KUBERNETES_NAME), INVENTORY)
    assert check_value(namespace, "kube-system") == "kube-system"
    with pytest.raises(Refused, match="at most 63"):
        check_value(namespace, "a.b")


def test_a_host_is_a_name_where_no_hosts_are_known():
    host = build_input(Variable("host"), VariableKind(Kind.HOST), type(INVENTORY)())
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
        if kind not in PHRASES:
            assert shlex.split(word.replace("\\", "")) == [word.replace("\\", "")]


def test_ordinary_words_arrive_in_a_real_shell_as_one_argument():
    rows = [row for row in ORDINARY_ROWS if row[0] in WORDS and row[0] not in PHRASES]
    taken = [check_value(INPUTS[kind], value) for kind, value in rows]
    words = [word for word in taken if "\\" not in word]  # of units, which Ops has in quotes
    script = "\n".join(f"printf '%s\\n' {word}" for word in words)
    shell = subprocess.run(["/bin/sh"], input=script, capture_output=True, text=True, check=True)
    assert shell.stdout.splitlines() == words


@pytest.mark.parametrize("name", ["target_host", "nodename", "hostname", "node", "srcNode"])
@pytest.mark.parametrize("value", ["all", "anymaster", "role=web", "web-1,web-2"])
def test_a_machine_is_one_machine_under_whatever_name(name: str, value: str) -> None:
    for kind in (Kind.TOKEN, Kind.KUBERNETES_NAME):
        item = build_input(Variable(name), VariableKind(kind), INVENTORY)
        with pytest.raises(Refused):
            check_value(item, value)
        assert check_value(item, "web-1") == "web-1"


def test_a_selector_that_the_settings_allow_may_name_a_machine_too() -> None:
    item = build_input(Variable("target_host"), VariableKind(Kind.TOKEN), INVENTORY)
    allowing = replace(item, rules=replace(item.rules, host_selectors=("all",)))
    assert check_value(allowing, "all") == "all"


@pytest.mark.parametrize(
    "value", ["file:///etc/shadow", "FILE:/etc/shadow", "a@file:///x", "a=file:/x"]
)
def test_a_word_names_no_file_by_url_unless_the_settings_allow(value: str) -> None:
    item = build_input(Variable("target", regex=".*"), VariableKind(Kind.PATTERN), INVENTORY)
    with pytest.raises(Refused):
        check_value(item, value)
    schemes = (*item.rules.url_schemes, "file")
    allowing = replace(item, rules=replace(item.rules, url_schemes=schemes))
    assert check_value(allowing, value) == value


@pytest.mark.parametrize(
    "value", ["profile:a", "logfile:1", "containerd://5f2b", "s3://bucket/key"]
)
def test_other_words_with_a_colon_are_ordinary(value: str) -> None:
    item = build_input(Variable("target", regex=".*"), VariableKind(Kind.PATTERN), INVENTORY)
    assert check_value(item, value) == value


HOSTS = build_input(
    Variable("racks", default="r1"), VariableKind(Kind.HOST, Separator.COMMA), INVENTORY
)


@pytest.mark.parametrize("given", [["web-1", "web-2"], "web-1,web-2", "web-1, web-2"])
def test_a_list_is_given_as_an_array_or_as_the_one_string(given: object) -> None:
    assert check_value(HOSTS, given) == "web-1,web-2"
    assert HOSTS.schema["type"] == "array"
    assert HOSTS.schema["items"] == {"type": "string", "pattern": "^[A-Za-z0-9._-]+$"}
    assert HOSTS.schema["default"] == ["r1"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["web-1", "--all"], "of the item '--all': it must not start with '-'"),
        (["web-1,web-2"], "of the item 'web-1,web-2'"),
        (["web-1", ""], "of the item ''"),
        ("web-1,,web-2", "of the item ''"),
        (["web-1", "169.254.169.254"], "metadata"),
        (["web-1", "all"], "one machine"),
        (["web-1", ["web-2"]], "of the item a list"),
        (["web-1", True], "must be a string"),
        ([], "it holds 0 items; 1 to 64 may be given"),
        (["a"] * 65, "it holds 65 items"),
    ],
)
def test_each_item_of_a_list_is_checked_as_if_it_stood_alone(given: object, said: str) -> None:
    with pytest.raises(Refused, match=re.escape(said)):
        check_value(HOSTS, given)


def test_numbers_in_a_list_keep_their_bounds() -> None:
    pids = build_input(Variable("pids"), VariableKind(Kind.COUNT, Separator.BLANK), INVENTORY)
    assert check_value(pids, [17, "42"]) == "17 42"
    with pytest.raises(Refused, match="a whole number"):
        check_value(pids, [17, -1])


def test_an_author_may_name_a_lowest_number_below_zero() -> None:
    level = build_input(
        Variable("level", desc="from -20 to 19"), VariableKind(Kind.COUNT), INVENTORY
    )
    assert check_value(level, -5) == "-5"
    with pytest.raises(Refused, match="from -20 to 19"):
        check_value(level, -21)


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("eu/blue", "ref"),
        ("a,b", "list.token.comma"),
        ("/srv/x", "path"),
        ("https://a.example", "url"),
        ("getty@tty1", "unit"),
        ("10.0.0.0/8", "cidr"),
        ("role=db", "selector"),
        ("deploy@db-1:/srv/x", "location"),
        ("+100M", "size"),
    ],
)
def test_a_refused_guess_says_what_its_author_may_declare(value: str, meant: str) -> None:
    zone = build_input(Variable("zone"), VariableKind(Kind.TOKEN, guessed=True), INVENTORY)
    with pytest.raises(Refused) as caught:
        check_value(zone, value)
    assert f"opsmcp/kind.zone: {meant}" in str(caught.value)
    assert f"opsmcp/kind.zone: {meant}" in caught.value.said.to("zh")
    declared = build_input(Variable("zone"), VariableKind(Kind.TOKEN), INVENTORY)
    with pytest.raises(Refused) as caught:
        check_value(declared, value)
    assert "opsmcp/kind" not in str(caught.value)


def test_a_name_that_misleads_is_a_token_to_its_author() -> None:
    source = build_input(Variable("source"), kind_of(Variable("source")), INVENTORY)
    with pytest.raises(Refused, match="opsmcp/kind.source: token"):
        check_value(source, "internal")


@pytest.mark.parametrize(
    ("kind", "value", "wrong"),
    [
        (Kind.HOST, "example.com:80", "without ':80' it would be one"),
        (Kind.HOST, "https://example.com/x", "without 'https://' or '/x' it would be one"),
        (Kind.HOST, "root@db-1", "without 'root@' it would be one"),
        (Kind.HOST, "*.example.com", "not allowed in it: '*'"),
        (Kind.HOST, "db-1,db-2", "these are 2 values: call once for each"),
        (Kind.KUBERNETES_NAME, "pod/web-1", "without 'pod/' it would be one"),
        (Kind.KUBERNETES_NAME, "Web_1", "did you mean 'web-1'?"),
        (Kind.CONTAINER, "/web_app", "without '/' it would be one"),
        (Kind.UNIT, "getty@@tty2.service", "not allowed in it: '@@'"),
        (Kind.REF, "refs/heads/", "without '/' it would be one"),
        (Kind.USER, "root:root", "without ':root' it would be one"),
        (Kind.PACKAGE, "nginx=1.2", "without '=1.2' it would be one"),
        (Kind.VERSION, ">=1.2", "without '>=' it would be one"),
        (Kind.SIZE, "100 M", "did you mean '100M'?"),
        (Kind.PATH, "/var/log/*.log", "not allowed in it: '*'"),
        (Kind.PATH, "/var/../etc", "not allowed in it: '/../'"),
        (Kind.URL, "https://a.example/ b", "not allowed in it: blanks"),
        (Kind.URL, "https://a.example/it's", 'not allowed in it: "\'"'),
        (Kind.IP, "10.0.0.0/24", "without '/24' it would be one"),
        (Kind.CIDR, "10.0.0.5/16", "did you mean '10.0.0.0/16'?"),
        (Kind.SIGNAL, "kill", "did you mean 'KILL'?"),
        (Kind.TOKEN, "10%", "not allowed in it: '%'"),
        (Kind.TOKEN, "<word>", "that is a placeholder: give the value itself"),
    ],
)
def test_a_refusal_says_what_is_wrong_with_the_value(kind: Kind, value: str, wrong: str) -> None:
    guessed = build_input(Variable("zone"), VariableKind(kind, guessed=True), INVENTORY)
    with pytest.raises(Refused) as caught:
        check_value(guessed, value)
    assert str(caught.value).endswith(f"; {wrong}")
    assert "opsmcp/kind" not in str(caught.value)


@pytest.mark.parametrize("kind", [Kind.HOST, Kind.TOKEN, Kind.URL, Kind.COUNT], ids=str)
def test_where_nothing_can_be_told_the_words_for_the_kind_stand_alone(kind: Kind) -> None:
    with pytest.raises(Refused) as caught:
        check_value(INPUTS[kind], "*" * 400 if kind is Kind.URL else "_" * 40)
    assert ";" not in str(caught.value)


def test_what_a_place_adds_to_a_kind_is_checked_and_shown() -> None:
    url = build_input(Variable("url"), VariableKind(Kind.URL, without="?&"), INVENTORY)
    assert check_value(url, "https://a.example/x") == "https://a.example/x"
    with pytest.raises(Refused, match=re.escape("without ? &, of the scheme")):
        check_value(url, "https://a.example/x?y=1")
    both = build_input(Variable("path"), VariableKind(Kind.PATH, also=Kind.TOKEN), INVENTORY)
    with pytest.raises(Refused, match="one word"):
        check_value(both, "/srv/x")
    assert both.schema["pattern"] == "^[A-Za-z0-9._-]*$"


def test_a_cluster_whose_name_is_no_plain_word_is_left_out_where_only_that_may_stand() -> None:
    inventory = Inventory(clusters=(Cluster("east"), Cluster("admin@west")))
    kind = VariableKind(Kind.CLUSTER, also=Kind.TOKEN)
    assert build_input(Variable("cluster"), kind, inventory).allowed == ("east",)


def test_a_text_that_begins_no_argument_may_begin_with_a_dash() -> None:
    within = build_input(Variable("note"), VariableKind(Kind.TEXT), INVENTORY, starts=False)
    assert check_value(within, "- a dash") == "- a dash"
    assert "pattern" not in within.schema
    assert INPUTS[Kind.TEXT].schema["pattern"] == r"^(?![\-@+<|=:~])"


def test_the_items_that_were_meant_are_offered() -> None:
    item = build_input(Variable("units"), VariableKind(Kind.UNIT, Separator.COMMA), INVENTORY)
    port = build_input(Variable("port"), VariableKind(Kind.COUNT), INVENTORY)
    good = {"units": ["nginx", "ssh"], "port": [80]}
    assert correct((item, port), good) == {"units": "nginx,ssh", "port": "80"}
    assert correct((item,), {"units": [" nginx ", "ssh"]}) == {"units": "nginx,ssh"}
    assert correct((item,), {"units": ["nginx", "--now"]}) is None


@pytest.mark.parametrize(
    ("declared", "good", "bad"),
    [
        ("text", "release of monday", "DROP TABLE; release"),
        ("ref", "release/1.2", "main"),
        ("list.token.comma", "release-1,release-2", "main,release-1"),
        ("kubernetes_name", "release-1", "main"),
    ],
)
def test_the_regex_of_the_author_holds_beside_a_declared_kind(
    declared: str, good: str, bad: str
) -> None:
    kind = parse_kind(declared)
    assert kind
    item = build_input(Variable("x", regex="^release[-/ ,0-9a-z.]*$"), kind, INVENTORY)
    assert check_value(item, good) == good
    with pytest.raises(Refused, match="must match"):
        check_value(item, bad)
    assert "must match" in str(item.schema)


def test_a_list_of_choices_takes_these_alone() -> None:
    kind = parse_kind("list.token.comma")
    assert kind
    item = build_input(Variable("zones", enums=("east", "west")), kind, INVENTORY)
    assert check_value(item, ["east", "west"]) == "east,west"
    assert item.schema["items"]["enum"] == ["east", "west"]
    with pytest.raises(Refused, match="one of east, west"):
        check_value(item, "east,north")
