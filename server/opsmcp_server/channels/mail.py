"""The channel `smtp`: plain text by a mail server. Blocks: called in a thread."""

import smtplib
import ssl
from contextlib import closing, suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

from opsmcp_server.channels.http_post import SEND_SECONDS
from opsmcp_server.channels.message import Message, lines_of
from opsmcp_server.config.channel import Channel, Mail
from opsmcp_tools.incidents.outbox import Again, Delivered, Delivery, Refused
from opsmcp_tools.safe_text.characters import clean_line

__all__ = ["send_mail", "write_mail"]

_MOST_REASON = 200


def write_mail(mail: Mail, message: Message, now: float) -> EmailMessage:
    """The mail; whoever gets the same twice can tell by its `Message-ID`."""
    letter = EmailMessage(policy=SMTP)
    letter["Subject"] = message.title
    letter["From"] = mail.sender
    letter["To"] = ", ".join(mail.to)
    letter["Date"] = formatdate(now)
    letter["Message-ID"] = f"<{message.id}@opsmcp.{mail.sender.rpartition('@')[2]}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content("\n".join(lines_of(message)) + "\n")
    return letter


def send_mail(channel: Channel, message: Message, now: float) -> Delivery:
    """Hand it to the mail server, for everybody at once."""
    mail = channel.mail
    if mail is None:
        return Refused("it has no mail server")
    handed_over = False
    try:
        with closing(_connect(mail)) as server:
            if mail.user:
                server.login(mail.user, channel.secret.get_secret_value())
            handed_over = True
            refused = server.send_message(write_mail(mail, message, now), mail.sender, mail.to)
            # It has the mail now, whatever it answers to QUIT: sent again, it would come twice.
            with suppress(OSError):
                server.quit()
    except smtplib.SMTPRecipientsRefused as error:
        return _by_code(next(iter(error.recipients.values())))
    except smtplib.SMTPResponseException as error:
        return _by_code((error.smtp_code, error.smtp_error))
    except (smtplib.SMTPNotSupportedError, ssl.SSLCertVerificationError) as error:
        return Refused(f"its TLS or login cannot be used ({type(error).__name__})")
    except (OSError, smtplib.SMTPException) as error:
        return Again(f"it cannot be reached ({type(error).__name__})", lost=handed_over)
    if refused:
        # The others have it: sent again, they would have it twice.
        return Refused(f"{len(refused)} of {len(mail.to)} recipients were refused")
    return Delivered()


def _connect(mail: Mail) -> smtplib.SMTP:
    if mail.tls == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(mail.host, mail.port, timeout=SEND_SECONDS, context=context)
    server = smtplib.SMTP(mail.host, mail.port, timeout=SEND_SECONDS)
    try:
        if mail.tls == "starttls":
            server.starttls(context=ssl.create_default_context())
    except BaseException:
        server.close()
        raise
    return server


def _by_code(answer: tuple[int, bytes | str]) -> Delivery:
    """Four hundreds pass by themselves, five hundreds do not (RFC 5321, 4.2.1)."""
    code, text = answer
    told = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    said = f"it answers {code}: {clean_line(told, _MOST_REASON)}"
    return Refused(said) if 500 <= code < 600 else Again(said)
