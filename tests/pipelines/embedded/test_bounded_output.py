"""Outputs are cut where no secret is cut in two, however long their lines are."""

import base64

import pytest

from opsmcp_pipelines.embedded.engine.bounded_output import BoundedOutput
from opsmcp_tools.masking.masker import Masker

HALF = 100_000
SECRET = "AbCdEfGhIjKlMnOp-QrStUvWxYz=0123456789"
MASKER = Masker([SECRET])
LINES = base64.encodebytes(f"{'u' * 40}{SECRET}{'z' * 50}".encode()).decode()


def kept(*chunks: str) -> BoundedOutput:
    output = BoundedOutput(2 * HALF, MASKER.text)
    for chunk in chunks:
        output.add(chunk.encode())
    return output


def around(text: str, place: int) -> str:
    """An output of 400 kB in one line, with the text at that place of it."""
    return "x" * place + text + "y" * (4 * HALF - place - len(text))


@pytest.mark.parametrize("before", [0, 1, 20, len(SECRET) - 1, len(SECRET)])
@pytest.mark.parametrize("cut", [HALF, 3 * HALF], ids=["beginning", "end"])
def test_no_half_of_a_secret_is_shown_at_a_cut_within_a_line(cut: int, before: int) -> None:
    shown = MASKER.text(kept(around(SECRET, cut - before)).text())
    assert not any(SECRET[at : at + 3] in shown for at in range(len(SECRET) - 2))
    assert "left out" in shown
    assert shown.count("x") + shown.count("y") > 1.5 * HALF


@pytest.mark.parametrize("cut", [HALF, 3 * HALF], ids=["beginning", "end"])
def test_no_half_of_a_secret_is_shown_at_a_cut_between_lines_of_it(cut: int) -> None:
    first, second = LINES.splitlines()[:2]
    shown = MASKER.text(kept(around(f"\n{LINES}\n", cut - len(first) - 2)).text())
    assert first[-20:] not in shown
    assert second[:20] not in shown


def test_an_output_without_secrets_is_cut_in_the_middle_of_a_long_line() -> None:
    shown = kept(around("", 2 * HALF)).text()
    assert shown == f"{'x' * HALF}\n[... {2 * HALF} bytes left out ...]\n{'y' * HALF}"


def test_where_every_cut_would_be_within_a_secret_nothing_is_shown() -> None:
    output = BoundedOutput(2 * HALF, lambda _: "***")
    output.add(b"x" * 4 * HALF)
    assert output.text().strip() == f"[... {4 * HALF} bytes left out ...]"


def test_of_a_running_step_no_beginning_of_a_secret_is_shown() -> None:
    for seen in range(1, len(SECRET)):
        text = kept("x" * 20_000, SECRET[:seen]).text(so_far=True)
        assert text
        assert set(text) == {"x"}


def test_a_character_is_not_cut_in_two() -> None:
    assert "\ufffd" not in kept("x", "磁" * 200_000).text()
