"""The model of the settings, at work for the responders that want one while a server runs."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from opsmcp_server.calls.context import CallContext
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.extras import lack_of
from opsmcp_server.responding.investigation import Investigates
from opsmcp_tools.incidents.responder import Responder

__all__ = ["investigating"]

_NAMES = {
    "base_name": "openai.base (OPENAI_API_BASE)",
    "key_name": "openai.key (OPENAI_API_KEY)",
    "model_name": "openai.model (OPENAI_API_MODEL)",
}


@asynccontextmanager
async def investigating(context: CallContext) -> AsyncGenerator[Investigates | None]:
    """Who asks the model while the block goes on; None where no responder wants one.

    Raises:
        ConfigError: One does, and no model can be asked.
    """
    wanted: list[Responder] = [one for one in context.config.responders if one.agent is not None]
    if not wanted:
        yield None
        return
    _check(context, wanted[0])
    from opsmcp_server.agent.investigator import Investigator
    from opsmcp_server.agent.model import Model
    from opsmcp_server.copilot.base.words import Words
    from opsmcp_server.copilot.llm.client import Endpoint, EndpointSettings

    config, words = context.config, Words(context.config.tools.language)
    key = config.openai.key.get_secret_value()
    settings = EndpointSettings(config.openai.base, key, config.openai.model, _NAMES)
    mask = context.masker.text
    async with Endpoint(settings.checked(words), words, mask, repeats=0) as endpoint:
        model = Model(endpoint, words, config.copilot.tool_calling, context.clock)
        yield Investigator(context, model)


def _check(context: CallContext, responder: Responder) -> None:
    where, model = f"responders.{responder.name}.mode", context.config.openai
    if not model.model or not (model.base or model.key):
        raise ConfigError(
            f"{where} agent needs a model: set openai.model and openai.base, openai.key or both "
            f"(OPENAI_API_MODEL, OPENAI_API_BASE, OPENAI_API_KEY) ({responder.where})"
        )
    if lack := lack_of("copilot"):
        raise ConfigError(f"{where} agent {lack} ({responder.where})")
