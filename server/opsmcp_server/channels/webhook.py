"""The channel `json`: the incident as data, signed as Standard Webhooks 1.0 says. Pure."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

from opsmcp_server.channels.http_post import Answer, Outgoing, refused_status
from opsmcp_server.channels.message import Message
from opsmcp_server.config.channel import Channel
from opsmcp_server.config.sender_settings import standard_webhooks_key
from opsmcp_tools.incidents.outbox import Delivered, Delivery

__all__ = ["read_webhook", "write_webhook"]


def write_webhook(channel: Channel, message: Message, now: float) -> Outgoing:
    """What is posted; its id is the same whenever the same is sent again."""
    body = json.dumps(
        {
            "type": message.kind,
            "timestamp": datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds"),
            "title": message.title,
            "data": message.data,
        },
        ensure_ascii=False,
    ).encode()
    handle, stamp = f"msg_{message.id}", str(int(now))
    headers = [("webhook-id", handle), ("webhook-timestamp", stamp)]
    if secret := channel.secret.get_secret_value():
        signed = f"{handle}.{stamp}.".encode() + body
        digest = hmac.new(standard_webhooks_key(secret), signed, hashlib.sha256).digest()
        headers.append(("webhook-signature", f"v1,{base64.b64encode(digest).decode()}"))
    return Outgoing(channel.url.get_secret_value(), body, tuple(headers))


def read_webhook(answer: Answer) -> Delivery:
    """What its answer means."""
    return Delivered() if 200 <= answer.status < 300 else refused_status(answer)
