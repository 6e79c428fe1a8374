#!/usr/bin/python3
"""An SMTP server (aiosmtpd) that does as it is told: usage: smtp.py CERT KEY USER PASSWORD

Prints {"port": n}, then one JSON line for each thing that happens. "knock" on stdin is answered by {"ev": "here"}; each other line is
what the next message meets, in turn:
  ok  451  550  cut (the connection breaks in the middle of DATA)  lost (it breaks when the whole message was taken, before the answer)
"""
import json
import ssl
import sys
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, syntax

plans, lock = [], threading.Lock()


def say(**event):
    print(json.dumps(event), flush=True)


def plan():
    with lock:
        return plans.pop(0) if plans else 'ok'


class Server(SMTP):
    @syntax('DATA')
    async def smtp_DATA(self, arg):
        self.plan = plan()
        if self.plan != 'cut':
            return await super().smtp_DATA(arg)
        await self.push('354 go on')
        await self._reader.read(200)
        say(ev='cut')
        self.transport.abort()


class Handler:
    async def handle_DATA(self, server, session, envelope):
        say(ev='message', plan=server.plan, sender=envelope.mail_from, to=envelope.rcpt_tos, tls=session.ssl is not None,
            user=session.auth_data.login.decode() if session.auth_data else None, text=envelope.content.decode('ascii'))
        if server.plan == 'lost':
            server.transport.abort()
        return {'ok': '250 taken', '451': '451 come back later', '550': '550 nobody of that name'}.get(server.plan, '250 taken')


class Login(Controller):
    def factory(self):
        return Server(self.handler, **self.SMTP_kwargs)

    def _trigger_server(self):
        # It knocks at its own port to see that it is there. Which one port 0 became is known by now.
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def authenticate(server, session, envelope, mechanism, data):
    good = data.login.decode() == sys.argv[3] and data.password.decode() == sys.argv[4]
    say(ev='sign-in', good=good)
    return AuthResult(success=good, handled=False, auth_data=data)


def main():
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(sys.argv[1], sys.argv[2])
    controller = Login(Handler(), hostname='127.0.0.1', port=0, tls_context=tls, require_starttls=True, auth_required=True, authenticator=authenticate,
                       ready_timeout=60)
    controller.start()
    say(port=controller.port)
    for line in sys.stdin:
        if line == 'knock\n':
            say(ev='here')
            continue
        with lock:
            plans.append(line.strip())
        say(ev='planned')
    controller.stop()


main()
