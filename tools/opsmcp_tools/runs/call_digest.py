"""The digest of a call: what makes two calls the same call. Pure."""

import hashlib
import json

from opsmcp_tools.arguments.check import CheckedCall
from opsmcp_tools.model.tool import Principal, Tool

__all__ = ["digest_of"]


def digest_of(tool: Tool, call: CheckedCall, principal: Principal) -> str:
    """Equal for calls of one principal, one tool as it is defined now and the same arguments.

    Made of the complete variables, so that a default counts as if it had been given; the values
    of secrets are left out, because they could be guessed from a digest.
    """
    secret = {item.name for item in tool.bound if item.secret}
    variables = {name: value for name, value in call.variables.items() if name not in secret}
    key = tool.operation.key
    identity = key.kind, key.namespace, key.name
    whole = [principal.name, tool.name, *identity, tool.definition, variables]
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
