"""A small IMAP server for what Dovecot cannot be made to do.

It announces a change to idling sessions at once, and a hook may make it
answer wrongly, late, or never. Each session has a thread of its own, which
alone reads and writes its socket.

As a program (`python3 -m lab.fake DIRECTORY`) it serves one INBOX over TLS
with the certificate of that directory, prints its port, and ends with its
standard input.
"""

import base64
import re
import select
import socket
import ssl
import sys
import threading

from lab import dovecot, process

CAPABILITIES = "IMAP4rev1 SASL-IR ID ENABLE IDLE LITERAL+ UNSELECT UIDPLUS"
NEVER = object()  # a hook's word that the session shall say nothing more


class Message:
    def __init__(self, uid, body, flags=(), date="01-Jan-2024 00:00:00 +0000",
                 emailid=None):
        self.uid = uid
        self.emailid = emailid  # EMAILID and X-GM-MSGID alike
        self.body = body
        self.flags = set(flags)
        self.date = date
        self.revision = 0
        self.modseq = 1


class Mailbox:
    def __init__(self, uidvalidity=1):
        self.uidvalidity = uidvalidity
        self.uidnext = 1
        self.messages = {}
        self.attributes = "\\HasNoChildren"

    def add(self, body, flags=(), **more):
        message = Message(self.uidnext, body, flags, **more)
        self.messages[message.uid] = message
        self.uidnext += 1
        return message.uid


class Server:
    """hook(session, tag, name, rest): a reply's lines, NEVER, or None."""

    def __init__(self, context=None, starttls=False, greeting=None,
                 capabilities=CAPABILITIES, hook=None, port=0,
                 auth="AUTH=PLAIN"):
        self.context = context
        self.is_starttls = starttls
        self.greeting = greeting or "* OK fake ready"
        self.capabilities = capabilities
        self.auth = auth
        self.hook = hook
        self.lock = threading.RLock()
        self.mailboxes = {"INBOX": Mailbox()}
        self.sessions = []
        self.log = []  # (session number, line) of all that clients said
        self.bodies = []  # the UIDs of the messages that were sent
        self.accepted = 0
        self.tells_uids = True  # with flags that nobody asked for
        self.modseq = 0  # what EXAMINE tells as HIGHESTMODSEQ; 0: nothing
        self.listener = socket.create_server(
            ("127.0.0.1", port or process.free_port()))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

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

    def change(self, what):
        """Calls what(mailboxes) and lets every session tell its client."""
        with self.lock:
            result = what(self.mailboxes)
            for session in self.sessions:
                session.wake()
        return result

    def deliver(self, body, flags=(), mailbox="INBOX"):
        return self.change(lambda all_: all_[mailbox].add(body, flags))

    def said(self, pattern):
        """The lines of clients that match."""
        return [line for _, line in list(self.log)
                if re.search(pattern, line, re.IGNORECASE)]

    def drop_all(self):
        """Cuts every connection."""
        with self.lock:
            for session in self.sessions:
                session.cut()

    def close(self):
        self.listener.close()
        self.drop_all()


class Closed(Exception):
    pass


class Session:
    def __init__(self, server, sock, number):
        self.server = server
        self.number = number
        self.sock = sock
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.woken, self.waker = socket.socketpair()
        self.selected = None
        self.view = []      # the UIDs that the client knows of, in order
        self.revisions = {}
        self.idle_tag = None
        self.is_secure = False

    # ---- bytes ----

    def wake(self):
        try:
            self.waker.send(b"w", socket.MSG_DONTWAIT)
        except OSError:
            pass

    def cut(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def send(self, *lines):
        data = b"".join((line if isinstance(line, bytes) else line.encode())
                        + b"\r\n" for line in lines)
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise Closed from error

    def _receive(self):
        while True:
            pending = isinstance(self.sock, ssl.SSLSocket) \
                and self.sock.pending()
            ready = [self.sock] if pending else select.select(
                [self.sock, self.woken], [], [])[0]
            if self.woken in ready:
                self.woken.recv(4096)
                if self.idle_tag:
                    self.tell_changes()
            if self.sock in ready:
                try:
                    data = self.sock.recv(65536)
                except OSError as error:
                    raise Closed from error
                if not data:
                    raise Closed
                self.buffer += data
                return

    def _line(self):
        while b"\r\n" not in self.buffer:
            self._receive()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def _command(self):
        """One command with its literals, each as {n}CRLF and its bytes."""
        whole = self._line()
        while True:
            match = re.search(rb"\{(\d+)(\+?)\}$", whole)
            if not match:
                return whole
            if not match.group(2):
                self.send("+ go on")
            length = int(match.group(1))
            while len(self.buffer) < length:
                self._receive()
            literal, self.buffer = self.buffer[:length], self.buffer[length:]
            whole += b"\r\n" + literal + self._line()

    def secure(self):
        self.sock = self.server.context.wrap_socket(
            self.sock, server_side=True)
        self.is_secure = True

    # ---- the dialogue ----

    def serve(self):
        try:
            if self.server.context and not self.server.is_starttls:
                self.secure()
            self.send(self.server.greeting)
            while True:
                self._one(self._command())
        except (Closed, OSError):
            pass
        finally:
            with self.server.lock:
                if self in self.server.sessions:
                    self.server.sessions.remove(self)
            self.cut()
            self.sock.close()

    def _one(self, raw):
        line = raw.decode("utf-8", "surrogateescape")
        with self.server.lock:
            self.server.log.append((self.number, line))
        if self.idle_tag:
            tag, self.idle_tag = self.idle_tag, None
            self.send("%s OK idled" % tag if line.upper() == "DONE"
                      else "%s BAD expected DONE" % tag)
            return
        tag, _, rest = line.partition(" ")
        name, _, rest = rest.partition(" ")
        name = name.upper()
        if name == "UID":
            name, _, rest = rest.partition(" ")
            name = "UID_" + name.upper()
        if self.server.hook:
            answer = self.server.hook(self, tag, name, rest)
            if answer is NEVER:
                while True:
                    self._receive()
            if answer is not None:
                self.send(*answer)
                return
        method = getattr(self, "do_" + name.lower(), None)
        if method is None:
            self.send("%s BAD unknown command" % tag)
        else:
            method(tag, rest)

    def _capability(self):
        words = self.server.capabilities
        if self.server.is_starttls and not self.is_secure:
            return words + " STARTTLS LOGINDISABLED"
        return words + " " + self.server.auth

    def do_capability(self, tag, _):
        self.send("* CAPABILITY " + self._capability(), tag + " OK done")

    def do_starttls(self, tag, _):
        self.send(tag + " OK begin")
        self.buffer = b""
        self.secure()

    def do_login(self, tag, rest):
        self._judge(tag, dovecot.PASSWORD in rest)

    def do_authenticate(self, tag, rest):
        _, _, initial = rest.partition(" ")
        if not initial:
            self.send("+ ")
            initial = self._line().decode("ascii")
        wanted = "\0%s\0%s" % (dovecot.USER, dovecot.PASSWORD)
        self._judge(tag, base64.b64decode(initial).decode() == wanted)

    def _judge(self, tag, is_right):
        self.send("%s OK [CAPABILITY %s] in" % (tag, self._capability())
                  if is_right else
                  "%s NO [AUTHENTICATIONFAILED] no" % tag)

    def do_noop(self, tag, _):
        self.tell_changes()
        self.send(tag + " OK done")

    do_check = do_noop

    def do_id(self, tag, _):
        self.send('* ID ("name" "fake")', tag + " OK done")

    def do_enable(self, tag, _):
        self.send("* ENABLED", tag + " OK done")

    def do_logout(self, tag, _):
        self.send("* BYE bye", tag + " OK done")
        raise Closed

    def do_list(self, tag, _):
        with self.server.lock:
            lines = ['* LIST (%s) "/" "%s"' % (mailbox.attributes, name)
                     for name, mailbox in self.server.mailboxes.items()]
        self.send(*lines, tag + " OK done")

    def _find(self, rest):
        match = re.match(r'"?([^" ]+)"?', rest)
        return match.group(1), self.server.mailboxes.get(match.group(1))

    def do_status(self, tag, rest):
        with self.server.lock:
            name, mailbox = self._find(rest)
            if mailbox is None:
                self.send(tag + " NO [NONEXISTENT] no such mailbox")
                return
            unseen = sum("\\Seen" not in m.flags
                         for m in mailbox.messages.values())
            self.send('* STATUS "%s" (MESSAGES %d UIDNEXT %d UIDVALIDITY %d '
                      "RECENT 0 UNSEEN %d)" % (
                          name, len(mailbox.messages), mailbox.uidnext,
                          mailbox.uidvalidity, unseen), tag + " OK done")

    def do_examine(self, tag, rest, word="READ-ONLY"):
        with self.server.lock:
            _, mailbox = self._find(rest)
            if mailbox is None:
                self.send(tag + " NO [NONEXISTENT] no such mailbox")
                return
            self.selected = mailbox
            self.view = sorted(mailbox.messages)
            self.revisions = {uid: m.revision
                              for uid, m in mailbox.messages.items()}
            flags = "\\Answered \\Flagged \\Deleted \\Seen \\Draft"
            self.send("* FLAGS (%s)" % flags,
                      "* OK [PERMANENTFLAGS (%s \\*)] all" % flags,
                      "* %d EXISTS" % len(self.view), "* 0 RECENT",
                      "* OK [UIDVALIDITY %d] valid" % mailbox.uidvalidity,
                      "* OK [UIDNEXT %d] next" % mailbox.uidnext,
                      *(["* OK [HIGHESTMODSEQ %d] highest" %
                         self.server.modseq] if self.server.modseq else []),
                      "%s OK [%s] done" % (tag, word))

    def do_select(self, tag, rest):
        self.do_examine(tag, rest, "READ-WRITE")

    def do_unselect(self, tag, _):
        self.selected = None
        self.send(tag + " OK done")

    do_close = do_unselect

    def do_idle(self, tag, _):
        self.send("+ idling")
        self.idle_tag = tag
        self.tell_changes()

    def do_append(self, tag, rest):
        name, _ = self._find(rest)
        flags = re.search(r"\(([^)]*)\)", rest.split("\r\n")[0])
        body = rest.split("\r\n", 1)[1].encode("utf-8", "surrogateescape")
        uid = self.server.deliver(body, (flags.group(1) if flags
                                         else "").split(), name)
        self.send("%s OK [APPENDUID 1 %d] done" % (tag, uid))

    # ---- messages ----

    def tell_changes(self):
        """EXPUNGE, EXISTS and FETCH for what changed since the client knew."""
        if self.selected is None:
            return
        with self.server.lock:
            messages = self.selected.messages
            lines = []
            for index in range(len(self.view) - 1, -1, -1):
                if self.view[index] not in messages:
                    lines.append("* %d EXPUNGE" % (index + 1))
                    del self.view[index]
            known = set(self.view)
            new = sorted(uid for uid in messages if uid not in known)
            if new:
                self.view += new
                lines.append("* %d EXISTS" % len(self.view))
            for index, uid in enumerate(self.view):
                revision = messages[uid].revision
                if self.revisions.setdefault(uid, revision) != revision:
                    self.revisions[uid] = revision
                    lines.append("* %d FETCH (%sFLAGS (%s))" % (
                        index + 1,
                        "UID %d " % uid if self.server.tells_uids else "",
                        " ".join(sorted(messages[uid].flags))))
        if lines:
            self.send(*lines)

    def _in_set(self, text):
        """The known UIDs of a sequence set, in order."""
        top = self.view[-1] if self.view else 0
        chosen = set()
        for part in text.split(","):
            ends = [top if end == "*" else int(end)
                    for end in part.split(":")]
            low, high = min(ends), max(ends)
            chosen.update(uid for uid in self.view if low <= uid <= high)
        return [uid for uid in self.view if uid in chosen]

    def do_uid_fetch(self, tag, rest):
        uids, _, items = rest.partition(" ")
        with self.server.lock:
            self.tell_changes()
            position = {uid: i + 1 for i, uid in enumerate(self.view)}
            chosen = [(position[uid], self.selected.messages[uid])
                      for uid in self._in_set(uids)]
        since = re.search(r"\(CHANGEDSINCE (\d+)", items)
        if since:
            chosen = [(number, message) for number, message in chosen
                      if message.modseq > int(since.group(1))]
        for number, message in chosen:
            self.send(self.fetch_line(number, message, items.upper()))
        self.send(tag + " OK done")

    def fetch_line(self, number, message, items):
        parts = ["UID %d" % message.uid]
        if "FLAGS" in items:
            parts.append("FLAGS (%s)" % " ".join(sorted(message.flags)))
        if " MODSEQ" in items:
            parts.append("MODSEQ (%d)" % message.modseq)
        if "INTERNALDATE" in items:
            parts.append('INTERNALDATE "%s"' % message.date)
        if "RFC822.SIZE" in items:
            parts.append("RFC822.SIZE %d" % len(message.body))
        if "X-GM-MSGID" in items and message.emailid:
            parts.append("X-GM-MSGID %s" % message.emailid)
        elif "EMAILID" in items and message.emailid:
            parts.append("EMAILID (%s)" % message.emailid)
        head = ("* %d FETCH (" % number + " ".join(parts)).encode()
        if "[HEADER" in items:
            section, header = _header(message.body, items)
            return head + b" BODY[%s] {%d}\r\n" % (
                section, len(header)) + header + b")"
        if "BODY.PEEK[]" not in items and "BODY[]" not in items:
            return head + b")"
        with self.server.lock:
            self.server.bodies.append(message.uid)
        return head + b" BODY[] {%d}\r\n" % len(message.body) \
            + message.body + b")"

    def do_uid_search(self, tag, rest):
        with self.server.lock:
            self.tell_changes()
            match = re.search(r"(?:^|UID )([\d:*,]+)", rest)
            uids = self._in_set(match.group(1)) if match else list(self.view)
        self.send("* SEARCH" + "".join(" %d" % uid for uid in uids),
                  tag + " OK done")


def _header(body, items):
    """The section and the bytes of BODY[HEADER] or of the Message-ID."""
    header = body.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    if "[HEADER.FIELDS" not in items:
        return b"HEADER", header
    lines = [line for line in header.split(b"\r\n")
             if line.lower().startswith(b"message-id:")]
    return b"HEADER.FIELDS (MESSAGE-ID)", b"\r\n".join(lines + [b"", b""])


def server_context(directory, **limits):
    """TLS with DIRECTORY/server.pem."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory + "/server.pem",
                            directory + "/server.key")
    for name, value in limits.items():
        setattr(context, name, value)
    return context


def main():
    sys.setswitchinterval(0.0002)
    server = Server(server_context(sys.argv[1]))
    print(server.port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
