"""The channel `apprise`: every other service, by the package of that name. In a thread.

It says only whether it worked, so what failed is sent again. What means something in some service
is replaced in texts, as it is not known which service it is.
"""

import logging
from typing import Any

from apprise import Apprise, NotifyFormat, NotifyType

from opsmcp_server.channels.message import Message, lines_of
from opsmcp_server.config.channel import Channel
from opsmcp_tools.incidents.outbox import Again, Delivered, Delivery, Refused

__all__ = ["send_by_apprise"]

_WIDE = str.maketrans({sign: chr(ord(sign) + 0xFEE0) for sign in "<>@[]`*|~&"})
"""What is markup or a mention somewhere, as the wide form of the same character."""


def send_by_apprise(channel: Channel, message: Message, now: float) -> Delivery:
    """Send it; `now` is not needed."""
    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it logs addresses
    service: Any = Apprise()
    if not service.add(channel.url.get_secret_value()):
        return Refused("its url is none that apprise knows")
    links = {part.link for part in message.parts}
    lines = (line if line in links else line.translate(_WIDE) for line in lines_of(message))
    sent = service.notify(
        body="\n".join(lines),
        title=message.title.translate(_WIDE),
        notify_type=NotifyType.INFO,
        body_format=NotifyFormat.TEXT,
    )
    return Delivered() if sent else Again("apprise could not deliver it, and says no more")
