"""What would be decided and done, shown in a terminal without doing it."""

from tests.own_settings import write_settings
from tests.server.cli.process import Opsmcp


def test_the_terminal_shows_the_plan_and_starts_nothing(opsmcp: Opsmcp) -> None:
    done = opsmcp("call", "delete-marker", "--plan")
    assert (done.returncode, done.stderr) == (0, "")
    assert "delete-marker" in done.stdout
    assert opsmcp("runs", "--json").stdout.strip() in ("[]", '{"runs": []}', '{\n  "runs": []\n}')


def test_the_terminal_explains_which_rule_decides(opsmcp: Opsmcp) -> None:
    done = opsmcp("policy", "explain", "delete-marker", "--as", "anna")
    assert done.returncode == 0
    assert "confirm" in done.stdout
    data = opsmcp("policy", "explain", "say-hello", "word=x", "--json")
    assert data.returncode == 0 and "allow" in data.stdout
    own = opsmcp("policy", "explain", "search_operations")
    assert own.returncode == 0 and "allow" in own.stdout
    unknown = opsmcp("policy", "explain", "nothing-such")
    assert unknown.returncode == 2
    assert "`opsmcp tools` lists those that there are" in unknown.stderr


def test_the_terminal_explains_a_rule_about_a_group_that_a_principal_brings(opsmcp: Opsmcp) -> None:
    rule = "{name: guests, effect: deny, group: guests, operation: say-hello, reason: no guests}"
    write_settings(opsmcp.folder, f"policy: {{groups: {{guests: []}}, rules: [{rule}]}}\n")
    found = [
        opsmcp("policy", "explain", "say-hello", "--as", "anna", "--group", group).stdout
        for group in ("guests", "staff")
    ]
    assert ["say-hello for anna: deny" in text for text in found] == [True, False]
    assert opsmcp("policy", "explain", "say-hello", "--group", "guests").returncode == 2
