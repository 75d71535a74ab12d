"""The model's endpoint is asked with an end to every wait, and what its answers cost is counted."""

import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from opsmcp_server.agent.model import Model, NoAnswer
from opsmcp_server.copilot.base.words import Words
from opsmcp_server.copilot.llm.client import Endpoint, EndpointSettings
from opsmcp_tools.model.run_record import SystemClock
from tests.fakes.openai_server import FakeOpenAI, chunk, chunks, fake_openai, hangs_after, says

_ASKED = [{"role": "user", "content": "why?"}]


@asynccontextmanager
async def _model(fake: FakeOpenAI) -> AsyncGenerator[Model]:
    names = {"base_name": "b", "key_name": "k", "model_name": "m"}
    settings = EndpointSettings(fake.url, "k" * 20, "m", names)
    async with Endpoint(settings, Words(), str, repeats=0) as endpoint:
        yield Model(endpoint, Words(), "auto", SystemClock())


async def test_a_model_that_is_silent_is_not_waited_for() -> None:
    until = threading.Event()
    with fake_openai() as fake:
        fake.script(hangs_after([chunk({"content": "well"})], until))
        async with _model(fake) as model:
            with pytest.raises(NoAnswer, match="did not answer within 30 s"):
                await model.answer("system", _ASKED, [], 0.3)
        until.set()


async def test_what_an_answer_costs_is_what_the_endpoint_says_else_an_estimate() -> None:
    usage = '{"prompt_tokens": 40, "completion_tokens": 2, "total_tokens": 42}'
    told = f'data: {{"id": "c", "object": "x", "choices": [], "usage": {usage}}}\n\n'
    with fake_openai() as fake:
        fake.script(chunks(chunk({"content": "full"}), chunk({}, "stop"), told), says("full"))
        async with _model(fake) as model:
            counted = await model.answer("system", _ASKED, [], 20)
            estimated = await model.answer("system", _ASKED, [], 20)
    assert counted.tokens == 42 and 0 < estimated.tokens != 42
    assert counted.reply.text == estimated.reply.text == "full"
