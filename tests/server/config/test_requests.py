"""Settings of requests and people: what the start refuses, in words that say what to change."""

from pathlib import Path

import pytest

from opsmcp_server.config.effective import Config
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.load import load
from opsmcp_tools.policy.rules import Approvers

TOKEN = "a-token-of-anna-that-nobody-can-guess-1"


def config_of(folder: Path, text: str, *, people: bool = False, **environ: str) -> Config:
    file = folder / "opsmcp.yaml"
    file.write_text(text, "utf-8")
    given = {"HOME": str(folder), **environ}
    return load(given, cwd=folder, file=file, people=people)


def rule(more: str = "") -> str:
    return f"rules: [{{name: drains, effect: approve{more}}}]"


def test_a_person_may_have_the_id_of_another_login(tmp_path: Path) -> None:
    text = (
        "people: {anna: {token: {env: A}, id: 'https://issuer.example 7'}, bob: {token: {env: B}}}"
    )
    assert config_of(tmp_path, text).people_ids == {"anna": "https://issuer.example 7"}


def test_a_rule_says_who_approves_or_the_settings_do(tmp_path: Path) -> None:
    policy = f"""
policy:
  groups: {{on-call: [anna], leads: [bob]}}
  {rule(", approve: {from: leads, count: 2}")}
requests: {{approvers: [on-call], count: 3, expires: 2h}}
"""
    own = config_of(tmp_path, policy).policy.rules[0].approvers
    others = config_of(tmp_path, policy.replace(", approve: {from: leads, count: 2}", ""))
    assert own == Approvers(("leads",), 2, 7200.0)
    assert others.policy.rules[0].approvers == Approvers(("on-call",), 3, 7200.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"policy: {{{rule()}}}", "approve.from is missing, and requests.approvers is not set"),
        (
            f"policy: {{groups: {{on-call: [anna]}}, {rule(', approve: {from: oncall}')}}}",
            "there is no group 'oncall' in policy.groups; did you mean 'on-call'",
        ),
        (
            f"policy: {{{rule()}}}\nrequests: {{approvers: [nobody]}}",
            "requests.approvers: there is no group 'nobody'",
        ),
        (
            "policy: {rules: [{effect: allow, approve: {from: x}}]}",
            "approve is only for rules whose effect is approve",
        ),
        (f"policy: {{{rule(', approve: {count: 0}')}}}", "must be a whole number from 1 to 20"),
        (f"policy: {{{rule(', approve: {count: true}')}}}", "must be a whole number from 1 to 20"),
        (f"policy: {{{rule(', approve: {expires: 5}')}}}", "must be a duration from 1m to 7d"),
        (f"policy: {{{rule(', approve: {form: x}')}}}", "there is no key 'approve.form'"),
        ("requests: {expires: 8d}", "requests.expires must be a duration from 1m to 7d"),
        ("requests: {count: 21}", "requests.count must be a whole number from 1 to 20"),
        ("people: {token: {token: {env: A}}}", "'token' is no name that a person can have"),
        ("people: {Anna: {token: {env: A}}}", "'Anna' is no name that a person can have"),
        ("people: {anna: {token: abc}}", "a token never stands in the file"),
        ("people: {anna: {token: {value: abc}}}", "a token never stands in the file"),
        ("people: {anna: {token: {env: A}, mail: x}}", "people.anna must be"),
        ("people: {anna: x}", "people.anna must be"),
        ("people: {anna: {token: {env: A}, id: anna}}", "people.anna.id must be an id"),
        ("people: {anna: {token: {env: A}, id: ' 7'}}", "people.anna.id must be an id"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config_of(tmp_path, text)
    assert said in str(caught.value)


def test_tokens_are_read_only_where_the_pages_need_them(tmp_path: Path) -> None:
    text = "people: {anna: {token: {env: ANNA}}, bob: {token: {file: bob.token}}}"
    (tmp_path / "bob.token").write_text(f"{TOKEN[::-1]}\n", "utf-8")
    unread = config_of(tmp_path, text)
    read = config_of(tmp_path, text, people=True, ANNA=TOKEN)
    assert [one.get_secret_value() for one in unread.people.values()] == ["", ""]
    assert read.people["anna"].get_secret_value() == TOKEN
    assert {TOKEN, TOKEN[::-1]} <= read.secret_values()
    shown = {entry.setting: entry.value for entry in read.entries()}
    assert (shown["people.anna"], shown["people.bob"]) == ("(hidden)", "(hidden)")


@pytest.mark.parametrize(
    ("anna", "said"),
    [
        ("short", "people.anna.token must be one word of at least 32"),
        (f"{TOKEN} and more", "people.anna.token must be one word"),
        ("", "environment ANNA is not set"),
        (TOKEN[::-1], "somebody else has the same token"),
    ],
)
def test_a_token_that_is_weak_or_shared_stops_the_start_and_is_not_shown(
    tmp_path: Path, anna: str, said: str
) -> None:
    text = "people: {anna: {token: {env: ANNA}}, bob: {token: {env: BOB}}}"
    with pytest.raises(ConfigError) as caught:
        config_of(tmp_path, text, people=True, ANNA=anna, BOB=TOKEN[::-1])
    assert said in str(caught.value)
    assert not anna or anna not in str(caught.value)


def test_a_token_of_clients_is_nobodys_token(tmp_path: Path) -> None:
    text = "people: {anna: {token: {env: ANNA}}}"
    given = {"ANNA": TOKEN, "OPSMCP_SERVER_TOKEN": TOKEN}
    with pytest.raises(ConfigError, match="server.token"):
        config_of(tmp_path, text, people=True, **given)
