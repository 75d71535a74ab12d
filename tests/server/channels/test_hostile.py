"""What comes from outside is text in every channel: no markup, no mention, no link, no header."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from opsmcp_server.channels.mail import write_mail
from opsmcp_server.channels.message import Message, inert
from opsmcp_server.channels.robots import ROBOTS
from opsmcp_server.channels.webhook import write_webhook
from opsmcp_server.config.channel import ChannelType, Mail
from opsmcp_tools.incidents.outbox import Topic
from tests.fakes.chats import texts_in
from tests.server.channels.letters import PAGES, SECRET, channel, letter, message

_HOSTILE = (
    "<!channel> <!here> <@U012AB3CD> @all @channel",
    "<at id=all></at> <at user_id='all'>x</at> <@zhangsan>",
    "[click](https://evil.example/x) **bold** # head ![i](http://evil.example/i.png)",
    "<https://evil.example/login|Approve here> javascript://x mailto:a@evil.example",
    "https://evil.example/a www.evil.example WWW.EVIL.example",
    "x\r\nBcc: victim@example.com\r\n\r\nbody\x1b[2J\u202eabc",
    "<font color='info'>good</font> <a href='https://evil.example'>a</a> &lt;!channel&gt;",
    f"password={SECRET}",
    "y" * 5_000,
    '"}], "elements": [{"tag": "button"}]',
)
_KINDS = ("feishu", "dingtalk", "wecom", "slack", "teams")


def _hostile(several: bool) -> Message:
    letters = [
        letter(
            topic,
            kind=text,
            key=text,
            annotations={"summary": text},
            labels={"instance": text, "namespace": text},
        )
        for text in _HOSTILE
        for topic in (Topic.HANDED_OVER,)
    ]
    return message(*letters, more=3) if several else message(letters[0])


def _messages() -> list[Message]:
    alone = [
        message(letter(kind=text, key=text, annotations={"summary": text}, labels={"host": text}))
        for text in _HOSTILE
    ]
    return [*alone, _hostile(several=True)]


def _sent(kind: str, one: Message) -> Any:
    to = channel(kind, "https://chat.example.com/hook")
    return json.loads(ROBOTS[ChannelType(kind)].write(to, one, 1_700_000_000.0).body)


def _links(value: Any) -> list[str]:
    """What a chat makes a link of: fields for that, and addresses that it would find in text."""
    text = "\n".join(texts_in(value))
    found = re.findall(r"(?i)(?:\w+://|www\.)\S+", text)
    return [link for link in found if not link.startswith("http://adaptivecards.io/")]


@pytest.mark.parametrize("kind", _KINDS)
def test_the_only_links_are_those_of_our_pages(kind: str) -> None:
    for one in _messages():
        links = _links(_sent(kind, one))
        assert links and all(link.startswith(f"{PAGES}/incidents/i-") for link in links), links


@pytest.mark.parametrize("kind", _KINDS)
def test_nobody_is_mentioned_and_nothing_is_markup(kind: str) -> None:
    """Each vendor's sort of text is one in which nothing is read; where that is escaped, it is."""
    for one in _messages():
        _CHECKS[kind](_sent(kind, one))


def _plain_tags(value: Any) -> set[str]:
    """The tags of all that has a content."""
    written = json.dumps(value, ensure_ascii=False)
    return set(re.findall(r'\{"tag": "([a-z_]+)", "content": ', written))


def _feishu(sent: Any) -> None:
    assert _plain_tags(sent["card"]) == {"plain_text"}
    tags = {one["tag"] for one in sent["card"]["elements"]}
    assert tags <= {"div", "action"}


def _dingtalk(sent: Any) -> None:
    assert sent["msgtype"] == "text"
    assert sent["at"] == {"atMobiles": [], "atUserIds": [], "isAtAll": False}


def _wecom(sent: Any) -> None:
    assert sent["msgtype"] == "text" and set(sent["text"]) == {"content"}
    assert "<" not in sent["text"]["content"]
    assert len(sent["text"]["content"].encode()) <= 2048


def _slack(sent: Any) -> None:
    assert not set(sent["text"]) & {"<", ">"} and "<!" not in json.dumps(sent)
    texts = [block["text"] for block in sent["blocks"] if "text" in block]
    assert {text["type"] for text in texts} == {"plain_text"}
    assert not any("<" in text["text"] for text in texts)
    assert sent["link_names"] is False


def _teams(sent: Any) -> None:
    body = sent["attachments"][0]["content"]["body"]
    assert {one["type"] for one in body} <= {"RichTextBlock", "ActionSet"}
    assert len(json.dumps(sent).encode()) < 28_000
    assert "msteams" not in sent["attachments"][0]["content"]


_CHECKS = {"feishu": _feishu, "dingtalk": _dingtalk, "wecom": _wecom, "slack": _slack}
_CHECKS["teams"] = _teams


def test_a_link_to_wecom_is_whole_however_much_is_replaced_in_the_text_before_it() -> None:
    text = "<" * 300
    one = letter(kind=text, key=text, annotations={"summary": text}, labels={"host": text})
    sent = _sent("wecom", message(one))
    _wecom(sent)
    assert sent["text"]["content"].endswith(f"\n{PAGES}/incidents/i-abcdefghij")


def test_links_that_do_not_fit_wecom_are_left_out_whole() -> None:
    pages = f"https://ops.example.com/{'p' * 900}"
    one, names = letter(), ("i-aaaaaaaaaa", "i-bbbbbbbbbb", "i-cccccccccc")
    letters = [replace(one, incident=replace(one.incident, id=name)) for name in names]
    sent = _sent("wecom", message(*letters, pages=pages))
    _wecom(sent)
    assert _links(sent) == [f"{pages}/incidents/{name}" for name in names[:2]]


@pytest.mark.parametrize("kind", _KINDS)
def test_a_secret_and_what_steers_a_terminal_are_in_no_message(kind: str) -> None:
    for one in _messages():
        sent = json.dumps(_sent(kind, one), ensure_ascii=False)
        assert SECRET not in sent
        assert not re.search("[\x00-\x1f\u202e]", sent)


def test_a_webhook_has_no_secret_either() -> None:
    for one in _messages():
        assert SECRET not in write_webhook(channel("json", "https://x"), one, 0.0).body.decode()


def test_mail_has_the_headers_that_it_is_given_and_no_others() -> None:
    mail = Mail("mx.example.com", 25, "none", "ops@example.com", ("a@example.com",))
    for one in _messages():
        written = write_mail(mail, one, 1_700_000_000.0)
        assert written["Bcc"] is None and written["To"] == "a@example.com"
        assert written.get_content_type() == "text/plain"
        assert SECRET not in written.as_string()
        assert _links(written.get_content()) != []
        assert all(link.startswith(PAGES) for link in _links(written.get_content()))


def test_what_chats_make_links_of_is_written_so_that_they_do_not() -> None:
    assert inert("see https://x.y/z or www.x.y, mailto:a@b") == (
        "see https[:]//x.y/z or www[.]x.y, mailto[:]a@b"
    )
    assert inert("10.0.0.1:9100 h1.example.com a//b key:value") == (
        "10.0.0.1:9100 h1.example.com a//b key:value"
    )


def test_a_message_of_every_size_fits_the_channel() -> None:
    """A summary names the most urgent and counts the others."""
    one = _hostile(several=True)
    assert one.title == f"opsmcp: {len(_HOSTILE) + 3} pieces of news"
    assert one.more.startswith("+3 more")
    assert len(json.dumps(_sent("feishu", one)).encode()) < 20_000
    assert len(_sent("slack", one)["blocks"]) <= 50


def test_messages_are_written_in_chinese_too() -> None:
    one = message(letter(Topic.ESCALATED), language="zh")
    assert one.title.startswith("需要人工处理:NodeDiskFull")
    assert one.parts[0].lines[0].startswith("warning,来自 alertmanager")
    assert _sent("feishu", one)["card"]["elements"][1]["actions"][0]["text"]["content"] == "打开"
