#!/usr/bin/python3
"""Other people's servers: what each can do, and that it is mirrored exactly."""

import os
import ssl

from lab import case, courier, cyrus, dovecot, messages, process
from lab import client as imap

# Asked in this order in a selected INBOX of three messages. COMPRESS is last,
# since nothing can be read after it.
COMMANDS = {
    "ACL": "GETACL INBOX",
    "SETACL": "SETACL INBOX other lr",
    "DELETEACL": "DELETEACL INBOX other",
    "LISTRIGHTS": "LISTRIGHTS INBOX other",
    "MYRIGHTS": "MYRIGHTS INBOX",
    "QUOTA": "GETQUOTAROOT INBOX",
    "METADATA": "GETMETADATA INBOX /private/comment",
    "SETMETADATA": 'SETMETADATA INBOX (/private/comment "x")',
    "ANNOTATEMORE": 'GETANNOTATION INBOX "/comment" "value.priv"',
    "SETANNOTATION": 'SETANNOTATION INBOX "/comment" ("value.priv" "x")',
    "NAMESPACE": "NAMESPACE",
    "ID": "ID NIL",
    "PROXYAUTH": "PROXYAUTH other",
    "UNAUTHENTICATE": "UNAUTHENTICATE",
    "NOTIFY": "NOTIFY SET (selected (MessageNew MessageExpunge))",
    "SORT": "UID SORT (SUBJECT) UTF-8 ALL",
    "ESORT": "UID SORT RETURN (COUNT) (SUBJECT) UTF-8 ALL",
    "THREAD=REFERENCES": "UID THREAD REFERENCES UTF-8 ALL",
    "THREAD=ORDEREDSUBJECT": "UID THREAD ORDEREDSUBJECT UTF-8 ALL",
    "THREAD=REFS": "UID THREAD REFS UTF-8 ALL",
    "ESEARCH": "UID SEARCH RETURN (MIN MAX COUNT ALL) ALL",
    "SEARCHRES": "UID SEARCH RETURN (SAVE) ALL",
    "CONTEXT=SEARCH": "UID SEARCH RETURN (PARTIAL 1:2) ALL",
    "SEARCH=FUZZY": "UID SEARCH FUZZY SUBJECT x",
    "CONDSTORE": "UID FETCH 1 (MODSEQ)",
    "BINARY": "UID FETCH 1 (BINARY.PEEK[1])",
    "PREVIEW": "UID FETCH 1 (PREVIEW)",
    "SAVEDATE": "UID FETCH 1 (SAVEDATE)",
    "OBJECTID": "UID FETCH 1 (EMAILID)",
    "ANNOTATE": 'UID FETCH 1 (ANNOTATION ("/comment" "value.priv"))',
    "UIDPLUS": "UID EXPUNGE 1",
    "MOVE": "UID MOVE 2 INBOX",
    "LIST-EXTENDED": 'LIST (SUBSCRIBED) "" "*" RETURN (CHILDREN)',
    "LIST-STATUS": 'LIST "" "*" RETURN (STATUS (MESSAGES))',
    "UNSELECT": "UNSELECT",
    "COMPRESS": "COMPRESS DEFLATE",
}


class Servers:
    """What is shown of every server; `box` is a mailbox to be made."""

    box = "Box"
    supports = ""
    enables = ""

    def serve(self, **more):
        server = self.kind(self.path("server"), **{**self.options, **more})
        self.addCleanup(server.stop)
        return server.start()

    options = {}

    @staticmethod
    def some(count, first=0):
        for number in range(first, first + count):
            flags = messages.flags(number)
            if number % 5 == 0:
                flags = (flags + " $Forwarded work%d" % (number % 4)).strip()
            yield messages.make(number), flags, messages.date(number)

    def folder(self, mirrored, mailbox):
        return mirrored.folder(mailbox.replace(".", os.sep))

    # ---- the server ----

    def test_what_it_can_do(self):
        server = self.serve()
        imap.fill(server, "INBOX", self.some(3))
        with imap.Bare(server.port) as bare:
            bare.login()
            for line in bare.command(b"CAPABILITY"):
                print(server.__class__.__name__, line.decode())
            self.assertEqual(self.enabled(bare), self.enables)
            bare.command(b"SELECT INBOX")
            can = [name for name, command in COMMANDS.items()
                   if self.is_ok(bare, command)]
        print("  can:", *can)
        print("  cannot:", *sorted(set(COMMANDS) - set(can)))
        self.assertEqual(set(can), set(self.supports.split()))

    @staticmethod
    def is_ok(bare, command):
        tag = bare.begin(command.encode())
        while True:
            line = bare.line()
            if line.startswith(tag):
                break
        if line.startswith(tag + b" OK"):
            return True
        # Courier hangs up after ten refusals in a row.
        bare.command(b"NOOP")
        return False

    @staticmethod
    def enabled(bare):
        lines = bare.command(b"ENABLE CONDSTORE QRESYNC UTF8=ACCEPT IMAP4rev2")
        return b"".join(lines).decode().removeprefix("* ENABLED").strip()

    def test_what_is_appended_is_fetched(self):
        client = self.client(self.serve())
        uid = imap.append(client, "INBOX", messages.make(7), "\\Flagged",
                          messages.date(7))
        imap.ok(client.select("INBOX"))
        data = imap.ok(client.uid("FETCH", str(uid), "(FLAGS BODY.PEEK[])"))
        self.assertEqual(data[0][1], messages.make(7))
        self.assertIn(b"\\Flagged", b"".join(
            part if isinstance(part, bytes) else part[0] for part in data))

    def test_idle_tells_of_a_new_message(self):
        server = self.serve()
        client = self.client(server)
        imap.ok(client.select("INBOX"))
        with imap.Bare(server.port) as bare:
            bare.login()
            bare.command(b"SELECT INBOX")
            tag = bare.begin(b"IDLE")
            while not bare.line().startswith(b"+"):
                pass
            imap.append(client, "INBOX", messages.make(1))
            while bare.line() != b"* 1 EXISTS":
                pass
            bare.send(b"DONE\r\n")
            bare.finish(tag)

    def test_tls_in_both_ways(self):
        server = self.serve()
        context = ssl.create_default_context(cafile=server.authority)
        with imap.Bare(server.tls_port, context) as bare:
            bare.login()
        client = imap.imaplib.IMAP4("localhost", server.port, timeout=60)
        self.addCleanup(client.shutdown)
        imap.ok(client.starttls(context))
        imap.ok(client.login(dovecot.USER, dovecot.PASSWORD))
        imap.ok(client.noop())

    def test_nothing_runs_after_it(self):
        server = self.serve()
        imap.ok(self.client(server).noop())
        group = server.child.pid
        self.assertTrue(server.sessions())
        server.stop()
        self.assertFalse(process.group_members(group))

    # ---- mailmirror and the server ----

    def check_sync(self, **more):
        """Two mailboxes, a sync, changes, a sync; exact after each."""
        server = self.serve()
        imap.fill(server, "INBOX", self.some(60))
        imap.fill(server, self.box, self.some(60, first=100))
        mirrored = self.mirror(server, folders=["INBOX", self.box], **more)
        mirrored.sync()
        client = self.client(server)
        for mailbox in ("INBOX", self.box):
            self.assert_exact(client, mailbox, self.folder(mirrored, mailbox))
        imap.ok(client.select(imap.quote(self.box)))
        imap.store(client, range(1, 20), "+", "\\Seen \\Flagged")
        imap.store(client, range(10, 30), "-", "\\Seen \\Answered")
        imap.expunge(client, range(25, 40))
        imap.append(client, self.box, messages.make(99))
        mirrored.sync()
        self.assert_exact(client, self.box, self.folder(mirrored, self.box))

    def test_sync_is_exact(self):
        self.check_sync()

    def test_sync_is_exact_by_starttls(self):
        self.check_sync(tls="starttls")

    def test_sync_is_exact_without_tls(self):
        self.check_sync(tls="none")

    def test_push(self):
        server = self.serve()
        imap.fill(server, "INBOX", self.some(10))
        client = self.client(server)
        mirrored = self.mirror(server, poll_interval="1h")
        folder = mirrored.folder()
        with mirrored.start() as daemon:
            daemon.wait_note("^READY=1$")
            self.wait_alike(daemon, client, "INBOX", folder)
            imap.append(client, "INBOX", messages.make(50), "\\Answered")
            self.wait_alike(daemon, client, "INBOX", folder)
            imap.ok(client.select("INBOX"))
            imap.store(client, [2, 3], "+", "\\Flagged \\Seen")
            self.wait_alike(daemon, client, "INBOX", folder)
            imap.ok(client.select("INBOX"))
            imap.expunge(client, [1, 4, 10])
            self.wait_alike(daemon, client, "INBOX", folder)
        self.assert_exact(client, "INBOX", folder)


class Dovecot(Servers, case.Case):
    kind = dovecot.Dovecot
    options = {"extra": dovecot.PLUGINS}
    enables = "CONDSTORE QRESYNC"
    supports = ("ACL SETACL DELETEACL LISTRIGHTS MYRIGHTS QUOTA METADATA "
                "SETMETADATA NAMESPACE ID NOTIFY SORT ESORT "
                "THREAD=REFERENCES THREAD=ORDEREDSUBJECT THREAD=REFS ESEARCH "
                "SEARCHRES CONTEXT=SEARCH SEARCH=FUZZY CONDSTORE BINARY "
                "PREVIEW SAVEDATE UIDPLUS MOVE LIST-EXTENDED LIST-STATUS "
                "UNSELECT COMPRESS")


class Cyrus(Servers, case.Case):
    kind = cyrus.Cyrus
    enables = "CONDSTORE QRESYNC"
    supports = ("ACL SETACL DELETEACL LISTRIGHTS MYRIGHTS QUOTA METADATA "
                "SETMETADATA ANNOTATEMORE SETANNOTATION NAMESPACE ID SORT "
                "ESORT THREAD=REFERENCES THREAD=ORDEREDSUBJECT THREAD=REFS "
                "ESEARCH SEARCH=FUZZY CONDSTORE BINARY PREVIEW SAVEDATE "
                "OBJECTID ANNOTATE UIDPLUS MOVE LIST-EXTENDED LIST-STATUS "
                "UNSELECT COMPRESS")

    def test_an_administrator_sets_quotas(self):
        server = self.serve()
        client = self.client(server)
        imap.append(client, "INBOX", messages.make(1))
        admin = imap.connect(server, cyrus.ADMIN)
        self.addCleanup(admin.shutdown)
        imap.ok(admin.setquota("user/" + cyrus.USER, "(STORAGE 1000)"))
        _, quotas = imap.ok(client.getquotaroot("INBOX"))
        self.assertRegex(quotas[0], rb"^INBOX \(STORAGE \d+ 1000\)$")

    def test_a_proxy_logs_in_as_somebody_else(self):
        server = self.serve()
        imap.append(self.client(server), "INBOX", messages.make(1))
        client = imap.imaplib.IMAP4(server.host, server.port, timeout=60)
        self.addCleanup(client.shutdown)
        imap.ok(client.authenticate("PLAIN", lambda _: "\0".join(
            (cyrus.USER, cyrus.PROXY, cyrus.PASSWORD)).encode()))
        self.assertEqual(imap.ok(client.select("INBOX")), [b"1"])

    def test_scram_without_tls(self):
        server = self.serve(mechanisms=cyrus.SCRAM)
        imap.append(self.client(server), "INBOX", messages.make(1))
        mirrored = self.mirror(server, tls="none")
        mirrored.sync()
        self.assert_exact(self.client(server), "INBOX", mirrored.folder())

    def test_scram_bound_to_tls(self):
        server = self.serve(mechanisms=cyrus.SCRAM)
        imap.append(self.client(server), "INBOX", messages.make(1))
        self.mirror(server).sync()


class Courier(Servers, case.Case):
    kind = courier.Courier
    box = "INBOX.Box"
    enables = "UTF8=ACCEPT"
    supports = ("ACL SETACL DELETEACL LISTRIGHTS MYRIGHTS QUOTA NAMESPACE "
                "SORT THREAD=REFERENCES THREAD=ORDEREDSUBJECT UIDPLUS")

    def test_a_tunnel(self):
        server = self.serve()
        imap.fill(server, "INBOX", self.some(20))
        mirrored = self.mirror(
            server, name="pipe", tunnel=server.tunnel_command(), host=None,
            port=None, tls=None, tls_ca_file=None, user=None, password=None)
        mirrored.sync()
        self.assert_exact(self.client(server), "INBOX", mirrored.folder(),
                          host="pipe")


if __name__ == "__main__":
    case.main()
