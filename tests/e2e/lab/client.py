"""The other client: imaplib, and a bare socket where imaplib cannot."""

import binascii
import imaplib
import os
import socket

from lab import dovecot

imaplib._MAXLINE = 100_000_000  # a SEARCH reply of a large mailbox is long


def connect(server, user=dovecot.USER, password=dovecot.PASSWORD):
    """A logged-in imaplib client (plain text, loopback)."""
    client = imaplib.IMAP4("127.0.0.1", server.port, timeout=120)
    client.login(user, password)
    return client


def ok(reply):
    """The data of an imaplib reply that must be OK."""
    status, data = reply
    if status != "OK":
        raise AssertionError("the server said %s %r" % (status, data))
    return data


def quote(name):
    """A mailbox name (str) as modified UTF-7 in quotes."""
    parts = []
    pending = ""
    for char in name + "\0":
        if " " <= char <= "~":
            flushed = _base64(pending)
            pending = ""
            parts.append(flushed + ("&-" if char == "&" else char))
        elif char == "\0":
            parts.append(_base64(pending))
        else:
            pending += char
    encoded = "".join(parts).replace("\\", "\\\\").replace('"', '\\"')
    return '"%s"' % encoded


def _base64(text):
    if not text:
        return ""
    raw = text.encode("utf-16-be")
    packed = binascii.b2a_base64(raw, newline=False).rstrip(b"=")
    return "&" + packed.decode("ascii").replace("/", ",") + "-"


def append(client, mailbox, message, flags="", date=None):
    """Appends one message; returns its UID."""
    data = ok(client.append(quote(mailbox), "(%s)" % flags, date, message))
    return int(data[0].split(b"APPENDUID ")[1].split(b"]")[0].split()[1])


def store(client, uids, how, flags):
    """UID STORE in the selected mailbox: how is '+', '-' or ''."""
    ok(client.uid("STORE", as_set(uids), how + "FLAGS.SILENT",
                  "(%s)" % flags))


def expunge(client, uids):
    """Removes messages from the selected mailbox."""
    ok(client.uid("STORE", as_set(uids), "+FLAGS.SILENT", "(\\Deleted)"))
    ok(client.uid("EXPUNGE", as_set(uids)))


def as_set(uids):
    if isinstance(uids, int):
        return str(uids)
    return ",".join(str(uid) for uid in uids)


class Bare:
    """IMAP on a bare socket: says what it is told, reads line by line."""

    def __init__(self, port, context=None, host="127.0.0.1"):
        self.sock = socket.create_connection((host, port), timeout=120)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            self.sock = context.wrap_socket(self.sock,
                                            server_hostname="localhost")
        self.buffer = b""
        self.tag = 0
        self.greeting = self.line()

    def send(self, data):
        self.sock.sendall(data)

    def line(self):
        """One line without CRLF; a literal in it is part of it."""
        whole = b""
        while True:
            while b"\r\n" not in self.buffer:
                self._receive()
            line, self.buffer = self.buffer.split(b"\r\n", 1)
            whole += line
            if not line.endswith(b"}"):
                return whole
            length = int(line[line.rindex(b"{") + 1:-1])
            while len(self.buffer) < length:
                self._receive()
            whole += b"\r\n" + self.buffer[:length]
            self.buffer = self.buffer[length:]

    def _receive(self):
        data = self.sock.recv(1 << 18)
        if not data:
            raise AssertionError("the server closed the connection")
        self.buffer += data

    def begin(self, command):
        """Sends a command (bytes); returns its tag."""
        self.tag += 1
        tag = b"B%d" % self.tag
        self.send(tag + b" " + command + b"\r\n")
        return tag

    def finish(self, tag):
        """Reads to the tag's reply, which must be OK; all lines before it."""
        lines = []
        while True:
            line = self.line()
            if line.startswith(tag + b" "):
                if not line.startswith(tag + b" OK"):
                    raise AssertionError(repr(line))
                return lines
            lines.append(line)

    def command(self, command):
        return self.finish(self.begin(command))

    def login(self, user=dovecot.USER):
        self.command(b'LOGIN %s "%s"' % (user.encode(),
                                         dovecot.PASSWORD.encode()))
        return self

    def append(self, message, mailbox="INBOX"):
        """Appends one message; returns its UID."""
        tag = self.begin(b"APPEND %s {%d+}\r\n%s" % (
            quote(mailbox).encode(), len(message), message))
        while True:
            line = self.line()
            if line.startswith(tag + b" OK"):
                return int(line.split(b"APPENDUID ")[1].split(b"]")[0]
                           .split()[1])

    def append_all(self, mailbox, triples):
        """MULTIAPPEND in one go: [(message, flags, date or None)]."""
        self.tag += 1
        tag = b"B%d" % self.tag
        out = [tag, b" APPEND ", quote(mailbox).encode()]
        for message, flags, date in triples:
            out.append(b" (%s) " % flags.encode())
            if date:
                out.append(date.encode() + b" ")
            out.append(b"{%d+}\r\n" % len(message))
            out.append(message)
        out.append(b"\r\n")
        self.send(b"".join(out))
        self.finish(tag)

    def append_each(self, mailbox, triples):
        """The same for servers with neither MULTIAPPEND nor LITERAL+."""
        for message, flags, date in triples:
            tag = self.begin(b"APPEND %s (%s) %s{%d}" % (
                quote(mailbox).encode(), flags.encode(),
                date.encode() + b" " if date else b"", len(message)))
            line = self.line()
            if not line.startswith(b"+"):
                raise AssertionError(repr(line))
            self.send(message + b"\r\n")
            self.finish(tag)

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def fill(server, mailbox, triples, create=True, user=dovecot.USER):
    """Puts many messages into a mailbox, a thousand at a time."""
    with Bare(server.port) as bare:
        bare.login(user)
        if create and mailbox != "INBOX":
            bare.command(b"CREATE " + quote(mailbox).encode())
        triples = list(triples)
        if not any(b" MULTIAPPEND" in line
                   for line in bare.command(b"CAPABILITY")):
            bare.append_each(mailbox, triples)
            return
        for start in range(0, len(triples), 1000):
            bare.append_all(mailbox, triples[start:start + 1000])


def seed_maildir(server, path, messages):
    """Writes [(message, letters, seconds)] as a server-side Maildir.

    For servers made with location="maildir:~/Maildir:LAYOUT=fs", before the
    first login; much faster than APPEND.
    """
    for sub in ("", "cur", "new", "tmp"):
        os.makedirs(os.path.join(path, sub), mode=0o700, exist_ok=True)
    for number, (message, letters, seconds) in enumerate(messages):
        name = "%d.M%06dP1.seed,S=%d:2,%s" % (
            seconds, number, len(message), letters)
        full = os.path.join(path, "cur", name)
        with open(full, "wb") as f:
            f.write(message)
        os.utime(full, (seconds, seconds))
    for top, _, names in os.walk(server.path("mail")):
        os.chown(top, server.uid, server.gid)
        for name in names:
            os.chown(os.path.join(top, name), server.uid, server.gid)
