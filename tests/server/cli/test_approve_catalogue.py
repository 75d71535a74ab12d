import json
from pathlib import Path

import pytest

from tests.own_settings import write_settings
from tests.server.cli.process import Opsmcp


@pytest.fixture
def pinned(opsmcp: Opsmcp) -> Opsmcp:
    write_settings(opsmcp.folder, "policy: {pin: true}\n")
    return opsmcp


def manifest(opsmcp: Opsmcp) -> Path:
    (path,) = (opsmcp.folder / "manifests").glob("*.yaml")
    return path


def withheld(opsmcp: Opsmcp) -> dict[str, str]:
    data = json.loads(opsmcp("tools", "--all", "--json").stdout)
    return {item["operation"]: item["reason"] for item in data["withheld"]}


def test_without_approval_an_operation_is_withheld_and_cannot_be_called(pinned: Opsmcp) -> None:
    called = pinned("call", "say-hello", "word=world")
    assert called.returncode == 1
    assert "opsmcp approve-catalogue" in called.stderr
    assert "not approved" in withheld(pinned)["say-hello"]


def test_the_command_that_approves_is_whole(pinned: Opsmcp) -> None:
    shown = pinned("tools", "--all", "--namespace", "ops-system").stdout
    assert "opsmcp approve-catalogue --namespace ops-system shows it" in shown


def test_what_is_approved_may_be_called_until_it_changes(pinned: Opsmcp) -> None:
    done = pinned("approve-catalogue", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert "+      content: printf 'hello" in done.stdout
    assert "Approved 4 new definitions." in done.stdout
    assert pinned("call", "say-hello", "word=world").returncode == 0
    text = manifest(pinned).read_text("utf-8").replace("printf 'hello", "id; printf 'hello")
    manifest(pinned).write_text(text, "utf-8")
    assert "changed since it was approved" in withheld(pinned)["say-hello"]
    assert "show-trouble" not in withheld(pinned)


def test_a_change_is_shown_as_a_difference_and_nothing_is_approved_without_a_person(
    pinned: Opsmcp,
) -> None:
    pinned("approve-catalogue", "--yes")
    text = manifest(pinned).read_text("utf-8").replace("echo something", "id; echo something")
    manifest(pinned).write_text(text, "utf-8")
    done = pinned("approve-catalogue")
    assert done.returncode == 1
    assert "-      content: echo something broke; exit 3\n" in done.stdout
    assert "+      content: id; echo something broke; exit 3\n" in done.stdout
    assert "say-hello" not in done.stdout
    assert "1 changed definition" in done.stderr and "--yes" in done.stderr
    named = pinned("approve-catalogue", "show-*")
    assert named.stderr.rstrip().endswith("opsmcp approve-catalogue 'show-*' --yes")
    assert "show-trouble" in withheld(pinned)


@pytest.mark.parametrize(("typed", "status"), [("y\n", 0), ("n\n", 1), ("\x04", 1)])
def test_a_person_at_a_terminal_is_asked(pinned: Opsmcp, typed: str, status: int) -> None:
    done, shown = pinned.on_terminal("approve-catalogue", typed=typed)
    assert done == status
    assert "Approve 4 new definitions?" in shown
    assert "\x1b[31mgreeting" not in shown
    assert "\\u{1b}[31mgreeting" in shown
    assert ("say-hello" in withheld(pinned)) is bool(status)


def test_one_of_them_may_be_approved(pinned: Opsmcp) -> None:
    assert pinned("approve-catalogue", "--yes", "say-*").returncode == 0
    assert set(withheld(pinned)) == {
        "show-trouble",
        "delete-marker",
        "show-forever",
        "broken-pipeline",
    }
    assert pinned("approve-catalogue", "say-hello").stdout == "Every definition is approved.\n"


def test_an_unknown_name_is_wrong_use(pinned: Opsmcp) -> None:
    done = pinned("approve-catalogue", "say-helo")
    assert done.returncode == 2
    assert "say-hello" in done.stderr


def test_approvals_that_cannot_be_read_are_named_and_withhold_everything(pinned: Opsmcp) -> None:
    (pinned.folder / "state").mkdir()
    (pinned.folder / "state" / "approvals.json").write_text("{", "utf-8")
    assert "cannot be read" in withheld(pinned)["say-hello"]
    done = pinned("approve-catalogue", "--yes")
    assert done.returncode == 2
    assert "approvals.json" in done.stderr


def test_where_nothing_is_pinned_an_approval_is_kept_and_that_is_said(opsmcp: Opsmcp) -> None:
    done = opsmcp("approve-catalogue", "--yes")
    assert done.returncode == 0
    assert "policy.pin is false" in done.stderr
    assert opsmcp("approve-catalogue").stdout == "Every definition is approved.\n"
