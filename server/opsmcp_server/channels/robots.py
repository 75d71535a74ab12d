"""Robots of chats: what each is sent, and what its answer means. Pure.

Each message is of a sort in which the chat reads no markup and no mention, so that what came from
outside stays text; what is left of it is escaped. Formats and codes are those of the vendors'
pages on custom robots and incoming webhooks: open.feishu.cn/document/client-docs/bot-v3,
open.dingtalk.com/document/robots, developer.work.weixin.qq.com/document/path/91770,
docs.slack.dev/messaging, learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast
from urllib.parse import quote_plus

from opsmcp_server.channels.http_post import Answer, Outgoing, reason, refused_status
from opsmcp_server.channels.message import Message, Part, lines_of
from opsmcp_server.config.channel import Channel, ChannelType
from opsmcp_server.protocol.strict_json import BadJson, read_json
from opsmcp_tools.incidents.outbox import Again, Delivered, Delivery, Refused

__all__ = ["ROBOTS", "Robot", "dingtalk_signature", "feishu_signature"]

_WECOM_BYTES = 2_048
_DINGTALK_BYTES = 18_000
_SLACK_TEXT = 2_900
_SLACK_HEADER = 150
_LIMITED_SECONDS = 60.0
_NOTHING: Mapping[int, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Robot:
    """How a chat is spoken to: what is posted at a time (seconds), and what an answer means."""

    write: Callable[[Channel, Message, float], Outgoing]
    read: Callable[[Answer], Delivery]


def _json(channel: Channel, body: Mapping[str, Any], query: str = "") -> Outgoing:
    url = channel.url.get_secret_value()
    if query:
        url += f"{'&' if '?' in url else '?'}{query}"
    return Outgoing(url, json.dumps(body, ensure_ascii=False).encode())


def _hmac_base64(key: str, message: str) -> str:
    digest = hmac.new(key.encode(), message.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _fields(answer: Answer) -> Mapping[str, Any]:
    """The object of an answer; nothing of any other."""
    try:
        found = read_json(answer.body)
    except BadJson:
        return {}
    return cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}


def _by_code(
    answer: Answer, code: object, never: Iterable[int], limited: Mapping[int, float]
) -> Delivery:
    """What a code within an answer of 200 means: only 0 is good."""
    if answer.status != 200:
        return refused_status(answer)
    if type(code) is not int:
        return Again("an answer that is not understood", lost=True)
    if code == 0:
        return Delivered()
    said = f"its code is {code}: {reason(answer)}"
    return Refused(said) if code in never else Again(said, limited.get(code, 0.0))


def _cut(lines: Iterable[str], most_bytes: int, links: Iterable[str]) -> str:
    """Lines that fit, whole; what is a link is rather kept than the text before it."""
    kept, left = set[str](), most_bytes
    for link in links:
        size = len(link.encode()) + 1
        if size <= left:
            kept.add(link)
            left -= size
    found: list[str] = []
    for line in lines:
        size = 0 if line in kept else len(line.encode()) + 1
        if size <= left:
            found.append(line)
            left -= size
    return "\n".join(found)


def _plain(message: Message, most_bytes: int, instead: Mapping[int, str] = _NOTHING) -> str:
    """All of it as text, as far as it fits with these characters replaced."""
    lines = (line.translate(instead) for line in (message.title, *lines_of(message)))
    return _cut(lines, most_bytes, (part.link for part in message.parts if part.link))


# Feishu and Lark

_FEISHU_NEVER = frozenset({9499, 10003, 19001, 19002, 19021, 19022, 19024})
"""The request, the address, the signature, the own address, a keyword: only a person mends it."""
_FEISHU_LIMITED = {11232: _LIMITED_SECONDS, 99991400: _LIMITED_SECONDS}


def feishu_signature(timestamp: str, secret: str) -> str:
    """The signature of a message: the key is what is signed, and the text is empty."""
    return _hmac_base64(f"{timestamp}\n{secret}", "")


def _feishu(channel: Channel, message: Message, now: float) -> Outgoing:
    secret, stamp = channel.secret.get_secret_value(), str(int(now))
    signed = {"timestamp": stamp, "sign": feishu_signature(stamp, secret)} if secret else {}
    elements: list[dict[str, Any]] = []
    for part in message.parts:
        elements += _feishu_part(part, message)
    if message.more:
        elements.append({"tag": "div", "text": _feishu_text(message.more)})
    header = {"title": _feishu_text(message.title), "template": "blue"}
    card = {"config": {"wide_screen_mode": True}, "header": header, "elements": elements}
    return _json(channel, {**signed, "msg_type": "interactive", "card": card})


def _feishu_text(text: str) -> dict[str, str]:
    return {"tag": "plain_text", "content": text}


def _feishu_part(part: Part, message: Message) -> list[dict[str, Any]]:
    text = "\n".join(message.text_of(part))
    found: list[dict[str, Any]] = [{"tag": "div", "text": _feishu_text(text)}]
    if part.link:
        button = {"tag": "button", "text": _feishu_text(message.open_page), "type": "primary"}
        found.append({"tag": "action", "actions": [{**button, "url": part.link}]})
    return found


def _feishu_answer(answer: Answer) -> Delivery:
    fields = _fields(answer)
    code = fields.get("code", fields.get("StatusCode"))
    return _by_code(answer, code, _FEISHU_NEVER, _FEISHU_LIMITED)


# DingTalk

_DINGTALK_NEVER = frozenset({300001, 300005, 310000, 400013, 40035, 43004, 400101, 400102, 400105})
_DINGTALK_LIMITED = {130101: 600.0, 410100: 600.0, -1: 30.0}
"""Who sends too much is silenced for ten minutes."""


def dingtalk_signature(timestamp: str, secret: str) -> str:
    """The signature of a message, which stands in the query; the time is in milliseconds."""
    return _hmac_base64(secret, f"{timestamp}\n{secret}")


def _dingtalk(channel: Channel, message: Message, now: float) -> Outgoing:
    secret, stamp, query = channel.secret.get_secret_value(), str(int(now * 1000)), ""
    if secret:
        query = f"timestamp={stamp}&sign={quote_plus(dingtalk_signature(stamp, secret))}"
    text = {"content": _plain(message, _DINGTALK_BYTES)}
    nobody = {"atMobiles": list[str](), "atUserIds": list[str](), "isAtAll": False}
    return _json(channel, {"msgtype": "text", "text": text, "at": nobody}, query)


def _dingtalk_answer(answer: Answer) -> Delivery:
    return _by_code(answer, _fields(answer).get("errcode"), _DINGTALK_NEVER, _DINGTALK_LIMITED)


# WeCom

_WECOM_NEVER = frozenset({93000, 93004, 93008, 40008, 40058, 44004, 45002, 90135})
_WECOM_LIMITED = {45009: _LIMITED_SECONDS, 45033: _LIMITED_SECONDS, -1: 5.0}
_NO_MENTION = str.maketrans({"<": "\N{FULLWIDTH LESS-THAN SIGN}"})
"""`<@user>` mentions somebody; the text of a robot has no escape for it."""


def _wecom(channel: Channel, message: Message, now: float) -> Outgoing:
    content = _plain(message, _WECOM_BYTES, _NO_MENTION)
    return _json(channel, {"msgtype": "text", "text": {"content": content}})


def _wecom_answer(answer: Answer) -> Delivery:
    return _by_code(answer, _fields(answer).get("errcode"), _WECOM_NEVER, _WECOM_LIMITED)


# Slack

_SLACK_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def _slack(channel: Channel, message: Message, now: float) -> Outgoing:
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": _slack_text(message.title, _SLACK_HEADER)}
    ]
    for part in message.parts:
        if lines := message.text_of(part):
            text = _slack_text("\n".join(lines), _SLACK_TEXT)
            blocks.append({"type": "section", "text": text})
        if part.link:
            label = _slack_text(message.open_page, 70)
            button = {"type": "button", "text": label, "url": part.link}
            blocks.append({"type": "actions", "elements": [button]})
    if message.more:
        blocks.append({"type": "section", "text": _slack_text(message.more, _SLACK_TEXT)})
    # What notifications show is read as markup, so there it is escaped.
    fallback = message.title.translate(_SLACK_ESCAPES)
    quiet = {"link_names": False, "unfurl_links": False, "unfurl_media": False}
    return _json(channel, {"text": fallback, "blocks": blocks, **quiet})


def _slack_text(text: str, most: int) -> dict[str, Any]:
    """Text without markup, in which these three characters are written as entities all the same."""
    return {"type": "plain_text", "text": _escaped(text, most), "emoji": False}


def _escaped(text: str, most: int) -> str:
    escaped = text.translate(_SLACK_ESCAPES)
    while len(escaped) > most:
        text = text[: len(text) - max(1, (len(escaped) - most) // 5)]
        escaped = text.translate(_SLACK_ESCAPES)
    return escaped


def _slack_answer(answer: Answer) -> Delivery:
    if answer.status != 200:
        return refused_status(answer)
    if answer.body.strip() == b"ok":
        return Delivered()
    return Again("an answer that is not understood", lost=True)


# Teams

_TEAMS_GOOD = (b"", b"1")
"""A workflow says nothing (202), a connector 1 (200)."""


def _teams(channel: Channel, message: Message, now: float) -> Outgoing:
    body: list[dict[str, Any]] = [_teams_text(message.title, weight="Bolder", size="Medium")]
    for part in message.parts:
        if message.is_summary:
            body.append(_teams_text(part.title, weight="Bolder"))
        body += [_teams_text(line) for line in part.lines]
        if part.link:
            button = {"type": "Action.OpenUrl", "title": message.open_page, "url": part.link}
            body.append({"type": "ActionSet", "actions": [button]})
    if message.more:
        body.append(_teams_text(message.more))
    card = {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.4",
        "body": body,
    }
    kind = "application/vnd.microsoft.card.adaptive"
    attachment = {"contentType": kind, "contentUrl": None, "content": card}
    return _json(channel, {"type": "message", "attachments": [attachment]})


def _teams_text(text: str, **style: str) -> dict[str, Any]:
    """A run of text: a TextBlock would read Markdown in it."""
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}


def _teams_answer(answer: Answer) -> Delivery:
    if answer.status not in (200, 202):
        return refused_status(answer)
    if answer.body.strip() in _TEAMS_GOOD:
        return Delivered()
    # A connector answers with 200 also when Teams takes no more of it.
    limited = _LIMITED_SECONDS if b"429" in answer.body else 0.0
    return Again(f"it says: {reason(answer)}", limited, lost=not limited)


ROBOTS: Mapping[ChannelType, Robot] = MappingProxyType(
    {
        ChannelType.FEISHU: Robot(_feishu, _feishu_answer),
        ChannelType.DINGTALK: Robot(_dingtalk, _dingtalk_answer),
        ChannelType.WECOM: Robot(_wecom, _wecom_answer),
        ChannelType.SLACK: Robot(_slack, _slack_answer),
        ChannelType.TEAMS: Robot(_teams, _teams_answer),
    }
)
"""How each chat is spoken to."""
