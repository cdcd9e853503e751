"""A hostile IMAP server: a good one that follows a script where it has one.

It is tests/e2e/lab/fake.py, byte-exact where a case wants it, and knows what
that one need not: COMPRESS, SCRAM with lies, mailbox names of any bytes, and
an end of the connection at any byte. A script maps a moment (a command's
name, or one of the words below) to the steps that are played then.

GREETING  in place of the greeting
LISTING   a UID FETCH that asks for no body
BODY      a UID FETCH that asks for bodies
SECURE    before the first byte of a TLS handshake
"""

import base64
import errno
import hashlib
import hmac
import re
import select
import socket
import ssl
import struct
import threading
import time
import zlib

from lab import dovecot, fake

CAPABILITIES = fake.CAPABILITIES


# ---- steps; a str or bytes is a line ----

class Raw:
    """Bytes as they are, without a line's end."""

    def __init__(self, data):
        self.data = data

    def play(self, session, _tag):
        session.put(self.data)


class Many:
    """The same bytes again and again, in large pieces."""

    def __init__(self, data, times):
        self.data = data
        self.times = times

    def play(self, session, _tag):
        each = max(1, 65536 // len(self.data))
        for left in range(self.times, 0, -each):
            session.put(self.data * min(each, left))


class Drip:
    """So many bytes at a time, so many seconds apart."""

    def __init__(self, data, size=1, pause=0.02):
        self.data = data
        self.size = size
        self.pause = pause

    def play(self, session, _tag):
        for i in range(0, len(self.data), self.size):
            session.put(self.data[i:i + self.size])
            time.sleep(self.pause)


class Say:
    """A line made of the session, the tag and the rest of the command."""

    def __init__(self, make):
        self.make = make

    def play(self, session, tag):
        for line in self.make(session, tag):
            session.send(line)


class Word:
    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return self.name


USUAL = Word("USUAL")    # what a good server answers
CUT = Word("CUT")        # the connection ends, without close_notify
RESET = Word("RESET")    # ... by RST
CLOSE = Word("CLOSE")    # ... with close_notify, where TLS is
SILENT = Word("SILENT")  # nothing more is said, ever
HANDSHAKE = Word("HANDSHAKE")
DEFLATE = Word("DEFLATE")  # what follows is compressed


class Server(fake.Server):
    """script: {moment: [step]}; times: how often each moment is played."""

    def __init__(self, context=None, starttls=False, **more):
        self.good = {}
        self.behave()
        self.recorded = bytearray()  # what the first connection was sent
        for attempt in range(20):
            try:
                super().__init__(context, starttls, **more)
                break
            except OSError as error:  # another case took the port
                if error.errno != errno.EADDRINUSE or attempt == 19:
                    raise
        self.good = {"auth": self.auth, "capabilities": self.capabilities,
                     "modseq": 0}

    def behave(self):
        """A good server from now on."""
        self.script = {}
        self.times = None
        self.played = {}
        self.first = 0        # the script is for connections up to this one
        self.lie = {}         # see Scram
        self.list_lines = None
        self.raw_names = {}   # name on the wire (bytes): a Mailbox
        self.cuts = {}        # connection: the byte at which it ends
        self.sent = {}        # connection: bytes
        vars(self).update(self.good)

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.accepted += 1
                session = Session(self, sock, self.accepted)
                self.sessions.append(session)
            threading.Thread(target=session.serve, daemon=True).start()

    def steps(self, session, moment):
        """The steps of a moment, or None."""
        with self.lock:
            if self.first and session.number > self.first:
                return None
            steps = self.script.get(moment)
            count = self.played.get(moment, 0)
            if steps is None or (self.times and count >= self.times):
                return None
            self.played[moment] = count + 1
            return steps


class Deflated:
    """A socket whose bytes are deflated both ways (RFC 4978)."""

    def __init__(self, sock):
        self.sock = sock
        self.inflate = zlib.decompressobj(-15)
        self.deflate = zlib.compressobj(9, zlib.DEFLATED, -15)

    def __getattr__(self, name):
        return getattr(self.sock, name)

    def recv(self, size):
        while True:
            data = self.sock.recv(size)
            if not data:
                return b""
            plain = self.inflate.decompress(data)
            if plain:
                return plain

    def sendall(self, data):
        self.sock.sendall(self.deflate.compress(data) +
                          self.deflate.flush(zlib.Z_SYNC_FLUSH))


class Session(fake.Session):
    def put(self, data):
        with self.server.lock:
            limit = self.server.cuts.get(self.number)
            done = self.server.sent.get(self.number, 0)
            self.server.sent[self.number] = done + len(data)
            if self.number == 1:
                self.server.recorded += data
        is_last = limit is not None and done + len(data) >= limit
        try:
            self.sock.sendall(data[:limit - done] if is_last else data)
        except OSError as error:
            raise fake.Closed from error
        if is_last:
            raise fake.Closed

    def send(self, *lines):
        self.put(b"".join((line if isinstance(line, bytes)
                           else line.encode("utf-8", "surrogateescape"))
                          + b"\r\n" for line in lines))

    def _receive(self):
        """As fake's, for descriptors of any number."""
        if not (isinstance(self.sock, ssl.SSLSocket) and
                self.sock.pending()):
            poller = select.poll()
            poller.register(self.sock.fileno(), select.POLLIN)
            poller.register(self.woken.fileno(), select.POLLIN)
            ready = {fd for fd, _ in poller.poll()}
            if self.woken.fileno() in ready:
                self.woken.recv(4096)
                if self.idle_tag:
                    self.tell_changes()
            if self.sock.fileno() not in ready:
                return
        try:
            data = self.sock.recv(65536)
        except OSError as error:
            raise fake.Closed from error
        if not data:
            raise fake.Closed
        self.buffer += data

    def play(self, steps, tag="", usual=None):
        for step in steps:
            if isinstance(step, (str, bytes)):
                line = step.encode() if isinstance(step, str) else step
                self.send(line.replace(b"TAG", tag.encode()))
            elif step is USUAL:
                usual()
            elif isinstance(step, Word):
                self._act(step)
            else:
                step.play(self, tag)

    def _act(self, step):
        if step is CUT:
            raise fake.Closed
        if step is RESET:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack("ii", 1, 0))
            self.sock.close()
            raise fake.Closed
        if step is CLOSE:
            try:
                self.sock.unwrap()
            except (OSError, ValueError):
                pass
            raise fake.Closed
        if step is SILENT:
            while True:
                self._receive()
        if step is HANDSHAKE:
            self.secure()
        if step is DEFLATE:
            self.sock = Deflated(self.sock)

    def serve(self):
        try:
            steps = self.server.steps(self, "SECURE")
            if steps:
                self.play(steps)
            if self.server.context and not self.server.is_starttls:
                self.secure()
            self.play(self.server.steps(self, "GREETING") or [USUAL],
                      usual=lambda: self.send(self.server.greeting))
            while True:
                self._one(self._command())
        except (fake.Closed, OSError, ValueError):
            pass
        finally:
            with self.server.lock:
                if self in self.server.sessions:
                    self.server.sessions.remove(self)
            self.cut()
            self.sock.close()

    def cut(self):
        """Ends the socket, and TLS without a word."""
        sock = self.sock.sock if isinstance(self.sock, Deflated) \
            else self.sock
        try:
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
        except OSError:
            pass

    def smuggle(self, data):
        """Bytes past TLS: on the socket as they are, and its end."""
        descriptor = self.sock.detach()
        self.sock = socket.socket(fileno=descriptor)
        self.sock.sendall(data)
        raise fake.Closed

    def _one(self, raw):
        line = raw.decode("utf-8", "surrogateescape")
        tag, _, rest = line.partition(" ")
        name, _, rest = rest.partition(" ")
        name = name.upper()
        if name == "UID" and rest[:5].upper() == "FETCH":
            name = "BODY" if "BODY.PEEK[]" in rest.upper() else "LISTING"
        elif name == "UID":
            name = "UID_" + rest.partition(" ")[0].upper()
        if self.idle_tag:
            name, tag = "DONE", self.idle_tag
        steps = self.server.steps(self, name)
        if steps is None:
            super()._one(raw)
            return
        with self.server.lock:
            self.server.log.append((self.number, line))
        if name == "DONE":
            self.idle_tag = None
        self.rest = rest
        self.play(steps, tag, lambda: super(Session, self)._one(raw))

    def do_enable(self, tag, rest):
        self.send("* ENABLED" + "".join(
            " " + word for word in rest.split()
            if word in self.server.capabilities.split()), tag + " OK done")

    def do_compress(self, tag, _):
        self.send(tag + " OK deflating")
        self.sock = Deflated(self.sock)

    # ---- names of any bytes ----

    def _find(self, rest):
        raw = rest.encode("utf-8", "surrogateescape")
        literal = re.match(rb"\{(\d+)\+?\}\r\n", raw)
        if literal:
            name = raw[literal.end():literal.end() + int(literal.group(1))]
        elif raw[:1] == b'"':
            name = re.sub(rb"\\(.)", rb"\1", re.match(
                rb'"((?:[^"\\]|\\.)*)"', raw).group(1))
        else:
            name = re.match(rb"[^ ]+", raw).group(0)
        key = name.decode("ascii", "replace")
        return key, self.server.raw_names.get(
            name, self.server.mailboxes.get(key))

    def do_list(self, tag, rest):
        if self.server.list_lines is None:
            super().do_list(tag, rest)
            return
        for line in self.server.list_lines:
            self.send(line)
        self.send(tag + " OK done")

    # ---- SASL ----

    def do_authenticate(self, tag, rest):
        mechanism, _, initial = rest.partition(" ")
        if mechanism.upper().startswith("SCRAM-"):
            Scram(self, mechanism.upper()).run(tag, initial)
        else:
            super().do_authenticate(tag, rest)


class Scram:
    """The server's side of RFC 5802, with what server.lie says instead.

    nonce, salt, iterations: words of the first message; first, final: whole
    messages; signature: its bytes; is_early: OK in place of the signature.
    """

    def __init__(self, session, mechanism):
        self.session = session
        self.lie = session.server.lie
        self.hash = hashlib.sha1 if mechanism.endswith("1") \
            else hashlib.sha256

    def _hmac(self, key, text):
        return hmac.new(key, text, self.hash).digest()

    def _ask(self, message):
        """Sends a challenge; the client's answer, b"" if it gave up."""
        self.session.send(b"+ " + base64.b64encode(message))
        answer = self.session._line()
        with self.session.server.lock:
            self.session.server.log.append(
                (self.session.number, answer.decode("ascii", "replace")))
        return b"" if answer == b"*" else base64.b64decode(answer)

    def run(self, tag, initial):
        if not initial:
            self.session.send("+ ")
            initial = self.session._line()
        bare = base64.b64decode(initial).split(b",", 2)[2]
        nonce = re.search(rb"r=([^,]*)", bare).group(1)
        count = int(self.lie.get("count", 4096))
        first = self.lie.get("first", b"r=%s,s=%s,i=%s" % (
            self.lie.get("nonce", lambda given: given + b"more")(nonce),
            self.lie.get("salt", base64.b64encode(b"saltsalt")),
            self.lie.get("iterations", b"%d" % count)))
        proof = self._ask(first)
        if not proof:
            self.session.send(tag + " BAD given up")
            return
        if self.lie.get("is_early"):
            self.session.send(tag + " OK in")
            return
        key = hashlib.pbkdf2_hmac(self.hash().name, dovecot.PASSWORD.encode(),
                                  b"saltsalt", count)
        text = b"%s,%s,%s" % (bare, first, proof.rpartition(b",p=")[0])
        signature = self.lie.get("signature", self._hmac(
            self._hmac(key, b"Server Key"), text))
        final = self.lie.get("final", b"v=" + base64.b64encode(signature))
        answer = self._ask(final)
        if self.lie.get("again"):
            self._ask(self.lie["again"])
        self.session.send("%s OK [CAPABILITY %s] in" % (
            tag, self.session._capability()) if answer == b""
            and not self.lie.get("refuses") else tag + " NO no")
