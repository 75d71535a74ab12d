"""The envelope of a message: whether JSON is a request, a notification or an answer of JSON-RPC.

The SDK drops what is none of them, or answers with words of its parser that repeat what came. Pure;
knows no method. Source: https://www.jsonrpc.org/specification, less what MCP takes from it (ids are
never null, params are an object, nothing comes in batches).
"""

from collections.abc import Mapping
from typing import cast

from opsmcp_server.protocol.strict_json import has_surrogate

__all__ = ["answered_by", "envelope_fault", "id_of"]


def envelope_fault(message: object) -> str:
    """What is wrong with the envelope, in words without what it holds; empty when nothing is."""
    if isinstance(message, list):
        return "it is a batch; send each message by itself"
    if not isinstance(message, dict):
        return "it is not an object"
    fields = cast("dict[str, object]", message)
    if fields.get("jsonrpc") != "2.0":
        return 'jsonrpc must be "2.0"'
    if "id" in fields and not _is_id(fields["id"]) and (fields["id"] is not None or _asks(fields)):
        return "its id must be a string or a whole number"
    return _request_fault(fields) if _asks(fields) else _answer_fault(fields)


def id_of(message: object) -> str | int | None:
    """The id of what is meant as a request; None when it cannot be told, or not be written."""
    fields = cast("dict[str, object]", message) if isinstance(message, dict) else {}
    own = fields.get("id")
    is_answer = not _asks(fields) and ("result" in fields or "error" in fields)
    if is_answer or not _is_id(own) or has_surrogate(str(own)):
        return None
    return cast("str | int", own)


def answered_by(message: object) -> str | int | None:
    """The id of the question that what is no request was meant to answer; None if there is none."""
    fields = cast("dict[str, object]", message) if isinstance(message, dict) else {}
    own = None if _asks(fields) else fields.get("id")
    return cast("str | int", own) if _is_id(own) and not has_surrogate(str(own)) else None


def _asks(fields: Mapping[str, object]) -> bool:
    return "method" in fields


def _is_id(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _request_fault(fields: Mapping[str, object]) -> str:
    if not isinstance(fields["method"], str):
        return "its method must be a string"
    if not isinstance(fields.get("params"), dict | None):
        return "its params must be an object"
    return ""


def _answer_fault(fields: Mapping[str, object]) -> str:
    if "result" not in fields and "error" not in fields:
        return "it has neither a method nor a result nor an error"
    if "result" in fields:
        whole = isinstance(fields["result"], dict) and fields.get("id") is not None
        return "" if whole else "a result must be an object, and have the id of its request"
    error = fields["error"]
    inner = cast("dict[str, object]", error) if isinstance(error, dict) else {}
    code, text = inner.get("code"), inner.get("message")
    whole = isinstance(code, int) and not isinstance(code, bool) and isinstance(text, str)
    return "" if whole and "id" in fields else "an error must have an id, a code and a message"
