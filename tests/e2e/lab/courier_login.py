"""Stands in for couriertcpd, imaplogin and authdaemond, none of which runs
without directories of the system: listens, logs in, becomes Courier's imapd.

    courier_login.py SETTINGS    (JSON, written by courier.py)

The environment is imapd's own, but for what the login adds to it.
"""

import base64
import binascii
import ctypes
import json
import os
import re
import select
import signal
import socket
import ssl
import subprocess
import sys
import time

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
_WORD = re.compile(rb' *(?:"((?:[^"\\]|\\.)*)"|\{(\d+)\}$|([^ "{]+))')
_ERROR = "NO Error in IMAP command received by server."


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        settings = json.load(f)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(settings["certificate"], settings["key"])
    begin_gamin(settings["gamin"])
    listeners = {socket.create_server(("127.0.0.1", settings[name]),
                                      backlog=100): name == "tls_port"
                 for name in ("tls_port", "port")}
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        for listener in select.select(list(listeners), [], [])[0]:
            near, _ = listener.accept()
            if os.fork() == 0:
                die_with_parent()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for other in listeners:
                    other.close()
                serve(near, context, listeners[listener], settings)
            near.close()


def die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def begin_gamin(command):
    """The file monitor, without which IDLE only polls."""
    subprocess.Popen(command + ["--notimeout", os.environ["GAM_CLIENT_ID"]],
                     stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)
    name = "-%s" % os.environ["GAM_CLIENT_ID"]
    for _ in range(6000):
        with open("/proc/net/unix", encoding="ascii",
                  errors="replace") as sockets:
            if any("@/tmp/fam-" in line and line.split("@")[1].endswith(name)
                   for line in sockets):
                return
        time.sleep(0.005)
    sys.exit("gam_server does not listen")


def serve(near, context, is_tls, settings):
    """One connection, to the end of this process."""
    try:
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        Login(near, context, is_tls, settings).run()
    except (OSError, EOFError) as why:
        print("courier_login:", why, file=sys.stderr, flush=True)
    finally:
        os._exit(0)


class Login:
    """The session until imapd takes over."""

    def __init__(self, near, context, is_tls, settings):
        self.near = near
        self.context = context
        self.is_tls = is_tls
        self.settings = settings

    def run(self):
        if self.is_tls:
            self.secure()
        self.say("* OK [CAPABILITY %s] Courier-IMAP ready. Copyright "
                 "1998-2022 Double Precision, Inc.  See COPYING for "
                 "distribution information." % self.capability())
        while True:
            tag, _, rest = self.line().partition(b" ")
            name, _, rest = rest.partition(b" ")
            method = getattr(self, "do_" + name.decode("ascii", "replace")
                             .lower(), None)
            if method is None:
                self.say("%s %s" % (tag.decode("latin-1"), _ERROR))
            else:
                method(tag.decode("latin-1"), rest)

    def secure(self):
        self.near = self.context.wrap_socket(self.near, server_side=True)
        self.is_tls = True

    def capability(self):
        return "%s AUTH=PLAIN ACL ACL2=UNION%s ENABLE UTF8=ACCEPT" % (
            os.environ["IMAP_CAPABILITY"], "" if self.is_tls else " STARTTLS")

    # One byte at a time: what follows the login is for imapd to read.
    def read(self, count):
        data = b""
        while len(data) < count:
            byte = self.near.recv(1)
            if not byte:
                raise EOFError("the client left")
            data += byte
        return data

    def line(self):
        data = b""
        while not data.endswith(b"\n"):
            if len(data) > 16384:
                raise EOFError("the client sends no end of line")
            data += self.read(1)
        return data.rstrip(b"\r\n")

    def say(self, text):
        self.near.sendall(text.encode("latin-1") + b"\r\n")

    def words(self, rest):
        """The arguments of a command: atoms, strings, literals."""
        words = []
        while rest:
            match = _WORD.match(rest)
            if not match:
                return []
            quoted, length, atom = match.groups()
            rest = rest[match.end():]
            if length is not None:
                self.say("+ OK")
                atom = self.read(int(length))
                rest = self.line()
            words.append(atom if quoted is None
                         else re.sub(rb"\\(.)", rb"\1", quoted))
        return words

    # ---- the commands ----

    def do_capability(self, tag, _):
        self.say("* CAPABILITY " + self.capability())
        self.say(tag + " OK CAPABILITY completed")

    def do_noop(self, tag, _):
        self.say(tag + " OK NOOP completed")

    def do_logout(self, tag, _):
        self.say("* BYE Courier-IMAP server shutting down")
        self.say(tag + " OK LOGOUT completed")
        raise EOFError("the client logged out")

    def do_starttls(self, tag, _):
        if self.is_tls:
            self.say("%s %s" % (tag, _ERROR))
            return
        self.say(tag + " OK Begin SSL/TLS negotiation now.")
        self.secure()

    def do_login(self, tag, rest):
        words = self.words(rest)
        if len(words) != 2:
            self.say("%s %s" % (tag, _ERROR))
            return
        self.check(tag, *words)

    def do_authenticate(self, tag, rest):
        if rest.upper() != b"PLAIN":
            self.say("%s %s" % (tag, _ERROR))
            return
        self.say("+ ")
        try:
            parts = base64.b64decode(self.line()).split(b"\0")
        except binascii.Error:
            parts = []
        if len(parts) != 3:
            self.say(tag + " NO Login aborted.")
            return
        self.check(tag, parts[1], parts[2])

    def check(self, tag, user, password):
        with open(self.settings["users"], encoding="utf-8") as f:
            users = json.load(f)
        name = user.decode("utf-8", "replace")
        if users.get(name) != password.decode("utf-8", "replace"):
            self.say(tag + " NO Login failed.")
            return
        os.chdir(os.path.join(self.settings["home"], name))
        os.environ.update(IMAPLOGINTAG=tag, AUTHENTICATED=name,
                          AUTHADDR=name, HOME=os.getcwd(),
                          IMAP_TLS=str(int(self.is_tls)))
        command = self.settings["imapd"]
        if self.is_tls:
            self.pump(command)
        self.near.setblocking(True)
        os.dup2(self.near.fileno(), 0)
        os.dup2(self.near.fileno(), 1)
        os.execv(command[0], command)

    def pump(self, command):
        """imapd behind the TLS layer, until one of both ends."""
        far, inner = socket.socketpair()
        subprocess.Popen(command, stdin=inner, stdout=inner,
                         preexec_fn=die_with_parent)
        inner.close()
        while True:
            ready = ([self.near] if self.near.pending() else
                     select.select([self.near, far], [], [])[0])
            for source in ready:
                # what is there may be no whole record yet
                self.near.settimeout(0)
                try:
                    data = source.recv(65536)
                except ssl.SSLWantReadError:
                    continue
                self.near.settimeout(None)
                if not data:
                    raise EOFError("the session ended")
                (far if source is self.near else self.near).sendall(data)


if __name__ == "__main__":
    main()
