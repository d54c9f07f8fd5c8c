"""A real SMTP server on loopback that keeps what it is given."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.header import decode_header, make_header

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope


@dataclass
class Mailbox:
    """`mails` are the envelopes in the order of their arrival."""

    port: int
    mails: list[Envelope] = field(default_factory=list)

    async def handle_DATA(self, server, session, envelope: Envelope) -> str:
        self.mails.append(envelope)
        return "250 OK"


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    box = Mailbox(port)
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    try:
        yield box
    finally:
        server.stop()


def subject_and_text(mail: Envelope) -> tuple[str, str]:
    message = message_from_bytes(mail.content)
    (part,) = [part for part in message.walk() if part.get_content_maintype() == "text"]
    text = part.get_payload(decode=True).decode(part.get_content_charset())
    return str(make_header(decode_header(message["Subject"]))), text
