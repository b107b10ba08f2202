"""A mail server that keeps what it accepts as files, and fails on request.

Arguments: folder, port, user, password, certificate (the last three may be empty). Standard input is a socket to the
owner: it gets `ready`, then `ok` for each line of the owner. When the owner is gone, so is this program.

Each message is two files in the folder: `<number>.data`, the bytes after the envelope, and `<number>.envelope`, lines
with the time in microseconds, the sender and the recipients. The second is written last and appears at once.
"""

import asyncio
import os
import pathlib
import socket
import ssl
import sys
import time

from aiosmtpd.smtp import SMTP, AuthResult

# As large providers have it (Gmail: 25 MB sent, 50 MB received).
MESSAGE_BYTES_MAX = 50 * 1024 * 1024


class Mailbox:
    def __init__(self, folder):
        self.folder = folder
        self.stored = len(list(folder.glob("*.envelope")))
        self.refused = {}
        self.hangs = 0
        self.lost_answers = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        code = self.refused.get(address)
        if code is not None:
            return f"{code} {address} is refused on request"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.hangs > 0:
            self.hangs -= 1
            # Until the client hangs up, which cancels this task.
            await asyncio.Future()
        self.store(envelope)
        if self.lost_answers > 0:
            self.lost_answers -= 1
            server.transport.close()
            await asyncio.Future()
        return f"250 OK: message {self.stored}"

    def store(self, envelope):
        self.stored += 1
        base = self.folder / f"{self.stored:08}"
        base.with_suffix(".data").write_bytes(envelope.content)
        lines = [str(time.time_ns() // 1000), envelope.mail_from or "", *envelope.rcpt_tos]
        part = base.with_suffix(".part")
        part.write_text("\n".join(lines), encoding="utf-8")
        part.rename(base.with_suffix(".envelope"))

    def obey(self, line):
        order, *words = line.split(" ")
        if order == "refuse":
            self.refused[words[1]] = int(words[0])
        elif order == "accept":
            self.refused.pop(words[0], None)
        elif order == "hang":
            self.hangs = int(words[0])
        elif order == "lose":
            self.lost_answers = int(words[0])
        else:
            return f"unknown order {order}"
        return "ok"


async def main(folder, port, user, password, certificate):
    mailbox = Mailbox(pathlib.Path(folder))
    options = {"hostname": "localhost", "enable_SMTPUTF8": True, "data_size_limit": MESSAGE_BYTES_MAX}
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        options.update(tls_context=context, require_starttls=True)
    if user:

        def check(server, session, envelope, mechanism, data):
            known = (data.login, data.password) == (user.encode(), password.encode())
            return AuthResult(success=known, handled=False)

        options.update(authenticator=check, auth_required=True, auth_require_tls=bool(certificate))

    owner, answers = await asyncio.open_connection(sock=socket.socket(fileno=0))
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: SMTP(mailbox, loop=loop, **options), "127.0.0.1", int(port))
    answers.write(b"ready\n")
    while line := await owner.readline():
        answers.write(f"{mailbox.obey(line.decode().rstrip(chr(10)))}\n".encode())
    # Without a word to the clients, as a server that dies.
    os._exit(0)


asyncio.run(main(*sys.argv[1:]))
