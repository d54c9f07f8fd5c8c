"""A real SMTP server on loopback that keeps what it is given."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from functools import partial
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass
class Mailbox:
    """`mails` are the envelopes in the order of their arrival; `certificate` is what a client has to trust."""

    port: int
    certificate: Path | None = None
    mails: list[Envelope] = field(default_factory=list)

    async def handle_DATA(self, server, session, envelope: Envelope) -> str:
        self.mails.append(envelope)
        return "250 OK"


@contextmanager
def mailbox(login: tuple[str, str] | None = None, folder: Path | None = None) -> Iterator[Mailbox]:
    """A mailbox that takes everything; or, with a login, only over STARTTLS (its certificate goes to `folder`)."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    box = Mailbox(port, _certificate(folder) if folder else None)
    options = {}
    if login:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(box.certificate)
        options = {"authenticator": partial(_is_login, login), "tls_context": context}
        options |= {"require_starttls": True, "auth_required": True}
    server = Controller(box, hostname="127.0.0.1", port=port, **options)
    server.start()
    try:
        yield box
    finally:
        server.stop()


def _is_login(
    login: tuple[str, str], server, session, envelope, mechanism: str, data: LoginPassword
) -> AuthResult:
    given = (data.login.decode(), data.password.decode())
    return AuthResult(success=given == login, handled=given == login)


def _certificate(folder: Path) -> Path:
    """A key and its own certificate for localhost, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "mail.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    return path


def subject_and_text(mail: Envelope) -> tuple[str, str]:
    message = message_from_bytes(mail.content)
    (part,) = [part for part in message.walk() if part.get_content_maintype() == "text"]
    text = part.get_payload(decode=True).decode(part.get_content_charset())
    return str(make_header(decode_header(message["Subject"]))), text
