"""Markdown in pieces, cut into blocks that are drawn for good."""

import time

import pytest

from opsmcp_server.copilot.terminal.model_text import Blocks


def cut(text: str, size: int) -> list[str]:
    blocks = Blocks()
    done = [block for at in range(0, len(text), size) for block in blocks.add(text[at : at + size])]
    return [*done, *blocks.end()]


@pytest.mark.parametrize("size", [1, 3, 1_000])
def test_a_block_ends_at_a_blank_line_outside_of_a_fence(size: int) -> None:
    text = "one\ntwo\n\n```sh\na\n\nb\n```\n\n~~~~\n```\n\n~~~~\nlast"
    blocks = [block.strip() for block in cut(text, size)]
    assert blocks == ["one\ntwo", "```sh\na\n\nb\n```", "~~~~\n```\n\n~~~~\nlast"]


def test_a_fence_without_end_is_closed_and_opened_again() -> None:
    blocks = cut("```sh\n" + "line\n" * 2_000, 50)
    assert len(blocks) > 2
    assert all(block.startswith("```sh\n") for block in blocks)
    assert all(block.endswith("\n```") for block in blocks)
    assert sum(block.count("line") for block in blocks) == 2_000


def test_a_line_without_end_is_cut() -> None:
    blocks = cut("x" * 100_000, 7)
    assert len(blocks) > 4
    assert sum(block.count("x") for block in blocks) == 100_000


def test_what_is_not_complete_can_be_glimpsed() -> None:
    blocks = Blocks()
    blocks.add("done\n\nunfin")
    assert blocks.tail == "unfin"
    blocks.end()
    assert blocks.tail == ""


def test_the_cost_grows_with_the_length_alone() -> None:
    def cost(length: int) -> float:
        text = "word " * (length // 5)
        start = time.process_time()
        cut(text, 20)
        return time.process_time() - start

    assert cost(800_000) < 40 * max(cost(80_000), 0.005)
