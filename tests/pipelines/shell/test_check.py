"""What the analysis says of a script besides taking or refusing it: needs, lines, limits."""

import pytest

from opsmcp_pipelines.kinds.kind import parse_kind
from opsmcp_pipelines.kinds.narrow import Need
from opsmcp_pipelines.shell.check import check
from opsmcp_pipelines.shell.values import OF_AUTHOR, OUTPUT, Rule, Value, Verdict


def value(kind: str, *, guessed: bool = False, vouched: bool = False) -> Value:
    parsed = parse_kind(kind)
    assert parsed
    return Value(type(parsed)(parsed.kind, parsed.separator, guessed), vouched=vouched)


def verdict(script: str, *, pasted: bool = False, **values: Value) -> Verdict:
    return check(script, values, pasted=pasted)


GUESS = value("token", guessed=True)
TEXT = value("text")


@pytest.mark.parametrize(
    ("script", "need"),
    [
        ("echo $(( ${x} * 2 ))", Need.NUMBER),
        ("v=${x}; echo $((v))", Need.NUMBER),
        ("#!/bin/bash\n[[ ${x} -gt 3 ]]", Need.NUMBER),
        ('[ "${x}" -gt 3 ]', Need.NUMBER),
        ("sed -n '${x}p' f", Need.NUMBER),
        ("awk '$1 > ${x}' f", Need.NUMBER),
        ('psql -c "DELETE FROM t WHERE id = ${x}"', Need.NUMBER),
        ("# python\nprint(${x} + 1)", Need.NUMBER),
        ("head -${x} f", Need.OPTION),
        ('kill -${x} "$pid"', Need.SIGNAL),
        ("for i in ${x}; do echo $i; done", Need.WORDS),
        ("IFS=,; for i in ${x}; do echo $i; done", Need.COMMAS),
        ("old=$IFS; IFS=','\nfor i in ${x}; do echo $i; done; IFS=$old", Need.COMMAS),
        ("IFS=,; true; IFS=$old; for i in ${x}; do echo $i; done", Need.WORDS),
        ("IFS=, read -r a b; for i in ${x}; do echo $i; done", Need.WORDS),
        ("#!/bin/bash\nIFS=$'\\n'; for i in ${x}; do echo $i; done", Need.LINES),
    ],
)
def test_a_guess_is_narrowed_by_its_place(script: str, need: Need) -> None:
    found = verdict(script, x=GUESS)
    assert found.findings == ()
    assert found.needs == {"x": {need}}


@pytest.mark.parametrize("script", ["echo $(( ${x} * 2 ))", "sed -n '${x}p' f", "head -${x} f"])
def test_a_declared_kind_that_contradicts_its_place_is_refused(script: str) -> None:
    [finding] = verdict(script, x=value("token")).findings
    assert finding.name == "x" and "only a number may" in finding.reason


@pytest.mark.parametrize("kind", ["url", "unit"])
def test_an_address_loses_what_a_shell_expands(kind: str) -> None:
    assert verdict('ssh h "show ${x}"', x=value(kind)).needs == {"x": {Need.UNQUOTED}}
    assert verdict("ssh h \"show '${x}'\"", x=value(kind)).needs == {}


def test_what_is_pasted_is_parted_at_blanks_whatever_ifs_is() -> None:
    script = "IFS=,; for i in ${x}; do echo $i; done"
    assert verdict(script, pasted=True, x=GUESS).needs == {"x": {Need.WORDS}}


def test_a_time_behind_since_may_have_a_dash_and_behind_others_not() -> None:
    duration = value("duration", guessed=True)
    assert verdict('journalctl -u a --since "-${x}" -n 9', x=duration).needs == {}
    assert verdict('journalctl -u a --user "-${x}"', x=duration).needs == {"x": {Need.OPTION}}


def test_a_finding_says_its_line_and_what_to_do() -> None:
    [finding] = verdict('true\ntrue\nslackcat "${t}"\n', t=TEXT).findings
    assert (finding.rule, finding.name, finding.line) == (Rule.TEXT, "t", 3)
    assert "'slackcat'" in str(finding) and "opsmcp/text.STEP" in str(finding)


def test_text_that_begins_an_argument_is_known() -> None:
    assert verdict('grep "${t}" f', t=TEXT).beginnings == {"t"}
    for script in ('grep -e "${t}" f', 'grep -- "${t}" f', 'echo "a ${t}"', 'v="${t}"'):
        assert verdict(script, t=TEXT).beginnings == frozenset()


def test_what_the_author_vouches_for_may_be_text_but_never_a_command_or_a_shells_text() -> None:
    vouched = value("text", vouched=True)
    assert verdict('slackcat "${t}" > f', t=vouched).findings == ()
    assert verdict('slackcat "${t}" > f', t=vouched).beginnings == {"t"}
    refused = ('"${t}"', 'sh "${t}"', 'PATH="${t}"', "sh -c 'echo ${t}'", "echo $((${t}))")
    for script in refused:
        assert verdict(script, t=vouched).findings, script


def test_a_word_of_the_author_may_stand_anywhere() -> None:
    for script in ("${x}", "sh -c '${x}'", "echo $((${x}))", "tar --to-command=${x}", ". ${x}"):
        assert verdict(script, x=OF_AUTHOR).findings == ()


def test_a_script_without_values_is_not_looked_at() -> None:
    assert verdict("eval ${y} (((", x=TEXT) == Verdict()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo ${x} (", "cannot be read"),
        ("# python\nprint('${x}'", "cannot be parsed"),
        ("echo ${x}\n" + "a\n" * 40_000, "bytes of 65,536; split the step"),
        ("echo ${x}\n" + "sh f;" * 12_000, "command lines of 6,000"),
        ("echo ${x} " * 300, "places of values of 256"),
        ("sh -c 'echo ${x}'\n" * 70, "nested scripts of 64"),
        ("echo " + "${a:-" * 100 + "${x}" + "}" * 100, "nested too deeply"),
        ('sh -c "sh -c \'sh -c \\"sh -c ls\\\\ ${x}\\"\'"', "cannot be read"),
    ],
    ids=["shell", "python", "bytes", "lines", "places", "texts", "deep", "shells"],
)
def test_what_cannot_be_read_or_is_too_much_is_refused(script: str, reason: str) -> None:
    found = verdict(script, x=value("token")).findings
    assert [finding.rule for finding in found] == [Rule.UNREADABLE]
    assert reason in found[0].reason


def test_many_ways_of_a_variable_have_an_end() -> None:
    script = "".join(f"v=a{n}; w=b{n}; u=c{n}\n" for n in range(40)) + '"$v$w$u" ${x}\n' * 100
    assert verdict(script, x=value("token")) is not None


PASTED = [
    ('echo "${t}"', TEXT, True),
    ("echo '${t}'", TEXT, False),
    ("echo ${t}", TEXT, False),
    ("cat <<E\n- ${t}\nE", TEXT, True),
    ("cat <<E\n${t}\nE", TEXT, False),
    ("# python\nprint('${t}')", TEXT, False),
    ("systemctl restart ${t}", value("unit"), True),
]


@pytest.mark.parametrize(("script", "kind", "good"), PASTED)
def test_where_values_are_pasted_text_stands_in_double_quotes_only(
    script: str, kind: Value, good: bool
) -> None:
    assert (verdict(script, pasted=True, t=kind).findings == ()) is good


def test_a_phrase_that_is_pasted_bare_is_narrowed() -> None:
    guessed = value("time", guessed=True)
    assert verdict("date -d ${t}", pasted=True, t=guessed).needs == {"t": {Need.UNQUOTED}}
    assert verdict('date -d "${t}"', pasted=True, t=guessed).needs == {}
    assert verdict("date -d ${t}", t=guessed).needs == {}


def test_an_output_has_no_place_where_its_lines_would_begin_something() -> None:
    assert verdict('curl -H "X-Note: ${t}" u', t=TEXT).findings == ()
    assert verdict('curl -H "X-Note: ${t}" u', t=OUTPUT).findings
