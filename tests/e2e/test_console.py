#!/usr/bin/python3
"""`mailmirror imap --json`: every command, on each server that supports it."""

import base64
import datetime
import os

import test_servers
from lab import case, console, courier, cyrus, dovecot
from lab import client as imap

DATE = "17-Jul-1996 02:44:25 -0700"
SECONDS = 837596665

# As COMMANDS in test_servers, in the console's words.
COMMANDS = {
    "ACL": "getacl INBOX",
    "SETACL": "setacl INBOX other lr",
    "DELETEACL": "deleteacl INBOX other",
    "LISTRIGHTS": "listrights INBOX other",
    "MYRIGHTS": "myrights INBOX",
    "QUOTA": "getquotaroot INBOX",
    "METADATA": "getmetadata INBOX /private/comment",
    "SETMETADATA": "setmetadata INBOX /private/comment x",
    "ANNOTATEMORE": "getannotation INBOX /comment value.priv",
    "SETANNOTATION": 'setannotation INBOX /comment ("value.priv" "x")',
    "NAMESPACE": "namespace",
    "ID": "id NIL",
    "PROXYAUTH": "proxyauth other",
    "UNAUTHENTICATE": "unauthenticate",
    "NOTIFY": "notify SET (selected (MessageNew MessageExpunge))",
    "SORT": "uid sort (SUBJECT) UTF-8 ALL",
    "ESORT": "xatom UID SORT RETURN (COUNT) (SUBJECT) UTF-8 ALL",
    "THREAD=REFERENCES": "uid thread REFERENCES UTF-8 ALL",
    "THREAD=ORDEREDSUBJECT": "uid thread ORDEREDSUBJECT UTF-8 ALL",
    "THREAD=REFS": "uid thread REFS UTF-8 ALL",
    "ESEARCH": "uid search RETURN (MIN MAX COUNT ALL) ALL",
    "SEARCHRES": "uid search RETURN (SAVE) ALL",
    "CONTEXT=SEARCH": "uid search RETURN (PARTIAL 1:2) ALL",
    "SEARCH=FUZZY": "uid search FUZZY SUBJECT x",
    "CONDSTORE": "uid fetch 1 (MODSEQ)",
    "BINARY": "uid fetch 1 BINARY.PEEK[1]",
    "PREVIEW": "uid fetch 1 (PREVIEW)",
    "SAVEDATE": "uid fetch 1 SAVEDATE",
    "OBJECTID": "uid fetch 1 EMAILID",
    "ANNOTATE": 'uid fetch 1 (ANNOTATION ("/comment" "value.priv"))',
    "UIDPLUS": "uid expunge 1",
    "MOVE": "uid move 2 INBOX",
    "LIST-EXTENDED": 'list (SUBSCRIBED) "" "*" RETURN (CHILDREN)',
    "LIST-STATUS": 'list "" "*" RETURN (STATUS (MESSAGES))',
    "UNSELECT": "unselect",
    "COMPRESS": "compress",
}


def mail(subject, number, *parents):
    """A small message, perhaps an answer to others."""
    lines = ["From: <a@example.org>", "Subject: " + subject,
             "Date: Mon, %d Jan 2024 10:00:00 +0000" % number,
             "Message-ID: <%d@example.org>" % number]
    if parents:
        lines.append("References: " + " ".join(
            "<%d@example.org>" % parent for parent in parents))
    return "\r\n".join(lines + ["", "body %d" % number, ""]).encode()


# Of UIDs 1, 2, 3; the last answers the first.
MAILS = [mail("beta", 1), mail("alpha", 2), mail("Re: beta", 3, 1)]


class Commands:
    """On any server; `prefix` is in front of names of mailboxes."""

    prefix = ""

    def setUp(self):
        super().setUp()
        self.server = self.kind(self.path("server"), **self.options)
        self.addCleanup(self.server.stop)
        self.server.start()
        imap.fill(self.server, "INBOX", [(text, "", None) for text in MAILS])
        self.other = self.client(self.server)
        self.console = console.Console(self.mirror(self.server), "main")
        self.addCleanup(self.console.end)
        self.supported = set(self.supports.split())

    options = {}

    def shows(self, line, name=None, *data):
        """OK, with such an untagged response; all untagged ones."""
        with self.subTest(line):
            untagged = self.console.ok(line)
            if name is not None:
                self.assertIn(list(data), console.data(untagged, name))
            return untagged

    def says(self, line, kind, pattern="^"):
        with self.subTest(line):
            answer = self.console.ask(line)
            self.assertEqual(answer["type"], kind, answer)
            self.assertRegex(answer["text"], pattern)
            return answer

    def numbers(self, line, name, *numbers):
        """OK, with responses of that name and those numbers."""
        with self.subTest(line):
            self.assertEqual(
                [one["number"] for one in self.console.ok(line)
                 if one["name"] == name], list(numbers))

    def fetched(self, line, number=1):
        """The items of the FETCH response of a message, a dict."""
        with self.subTest(line):
            for one in self.console.ok(line):
                if (one["name"], one["number"]) == ("FETCH", number):
                    items = one["data"][0]
                    return dict(zip(items[::2], items[1::2]))
        raise AssertionError("no FETCH of %d by %s" % (number, line))

    def flags(self, uid, mailbox="INBOX"):
        """Its flags as the other client sees them."""
        imap.ok(self.other.select(imap.quote(mailbox), readonly=True))
        data = imap.ok(self.other.uid("FETCH", str(uid), "(FLAGS)"))
        return set(imap.imaplib.ParseFlags(data[0])) - {b"\\Recent"}

    def uids(self, mailbox="INBOX"):
        imap.ok(self.other.select(imap.quote(mailbox), readonly=True))
        return imap.ok(self.other.uid("SEARCH", "ALL"))[0].split()

    def file(self, name, content):
        with open(self.path(name), "wb") as f:
            f.write(content)
        return "@" + self.path(name)

    # ---- every row ----

    def test_every_row_where_it_is_supported(self):
        self.console.ok("select INBOX")
        for name, line in COMMANDS.items():
            with self.subTest(line):
                answer = self.console.ask(line)
                self.assertEqual(answer["type"] == "OK",
                                 name in self.supported, answer)
                if answer["type"] != "OK":
                    self.console.ok("noop")
        self.shows("noop")

    # ---- connections ----

    def test_connection(self):
        self.assertRegex(self.says("state", "OK")["text"], "^AUTH IMAP4rev1 ")
        self.shows("capability")
        self.shows("noop")
        self.shows("xatom NOOP")
        self.shows("XATOM CAPABILITY")
        self.shows("response EXISTS")
        self.shows("debug 4")
        self.shows("print_log")
        self.says("help", "OK", "(?m)^\\[uid\\] fetch ")
        self.says("help fetch", "OK", "SET ITEMS")
        self.says("logout", "OK")
        self.says("noop", "ERROR", "no connection")

    def test_helpers(self):
        self.assertEqual(self.says("parseflags FLAGS (a b])", "OK")["text"],
                         "a b]")
        self.assertEqual(self.says("int2ap 5", "OK")["text"], "F")
        self.assertEqual(self.says(
            "time2internaldate %d -0700" % SECONDS, "OK")["text"],
            '"%s"' % DATE)
        self.assertEqual(self.says(
            'internaldate2tuple INTERNALDATE "%s"' % DATE, "OK")["text"],
            str(SECONDS))

    # ---- mailboxes ----

    def test_mailboxes(self):
        first, second = self.prefix + "Größe & Co", self.prefix + "Ärger ×"
        wire = imap.quote(first).strip('"')
        self.shows('create "%s"' % first)
        self.assertIn(wire.encode(), b"".join(imap.ok(self.other.list())))
        lists = console.data(self.shows("list"), "LIST")
        self.assertIn(wire, [one[2] for one in lists])
        self.shows('subscribe "%s"' % first)
        self.assertIn(wire.encode(), b"".join(imap.ok(self.other.lsub())))
        lists = console.data(self.shows('lsub "" "*"'), "LSUB")
        self.assertIn(wire, [one[2] for one in lists])
        self.shows('unsubscribe "%s"' % first)
        self.assertNotIn(wire, str(imap.ok(self.other.lsub())))
        self.shows('rename "%s" "%s"' % (first, second))
        self.shows('status "%s" (MESSAGES UIDNEXT)' % second, "STATUS",
                   imap.quote(second).strip('"'),
                   ["MESSAGES", 0, "UIDNEXT", 1])
        self.shows('delete "%s"' % second)
        self.assertNotIn(imap.quote(second).strip('"').encode(),
                         b"".join(imap.ok(self.other.list())))
        self.says('select "%s"' % second, "NO")

    def test_a_mailbox_is_open(self):
        self.numbers("select", "EXISTS", 3)
        self.assertRegex(self.says("state", "OK")["text"], "^SELECTED")
        self.shows("check")
        self.shows("recent")
        self.shows("close")
        self.assertRegex(self.says("state", "OK")["text"], "^AUTH")
        self.numbers("examine INBOX", "EXISTS", 3)
        self.assertRegex(self.says("state", "OK")["text"], "read-only")
        self.assertEqual(self.says("select INBOX readonly", "OK")["code"],
                         "READ-ONLY")
        self.assertEqual(self.says("select INBOX", "OK")["code"],
                         "READ-WRITE")

    # ---- messages ----

    def test_append(self):
        at = self.file("text", MAILS[0])
        self.shows('append INBOX (\\Seen \\Flagged) "%s" %s' % (DATE, at))
        self.shows('append INBOX "" "" ' + at)
        self.shows("append INBOX NIL NIL " + at)
        self.shows("append INBOX " + at)
        self.shows('append INBOX (\\Seen) "" %s (\\Draft) NIL %s' % (at, at))
        answer = self.says("append INBOX " + at, "OK")
        self.assertEqual(answer["code"], "APPENDUID")
        self.assertEqual(self.uids(), b"1 2 3 4 5 6 7 8 9 10".split())
        self.assertEqual(self.flags(4), {b"\\Seen", b"\\Flagged"})
        self.assertEqual(self.flags(5), set())
        self.assertEqual(self.flags(9), {b"\\Draft"})
        data = imap.ok(self.other.uid(
            "FETCH", "4", "(INTERNALDATE BODY.PEEK[])"))
        self.assertEqual(data[0][1], MAILS[0])
        whole = data[0][0] + (data[1] if len(data) > 1 else b"")
        self.assertEqual(self.moment(whole), SECONDS)

    @staticmethod
    def moment(response):
        text = response.split(b'INTERNALDATE "')[1].split(b'"')[0].decode()
        return datetime.datetime.strptime(
            text.strip(), "%d-%b-%Y %H:%M:%S %z").timestamp()

    def test_a_wrong_date_is_refused_here(self):
        at = self.file("text", b"X1 DELETE Box\r\n")
        self.says("append INBOX () yesterday " + at, "ERROR", "date")
        self.shows("noop")

    def test_bytes_that_are_not_utf8(self):
        text = b"Subject: bytes\r\n\r\n\xff\xfe\xe4\r\n"
        self.shows("append INBOX " + self.file("text", text))
        self.shows("select INBOX")
        items = self.fetched("fetch 4 BODY.PEEK[]", 4)
        self.assertEqual(base64.b64decode(items["BODY[]"]["base64"]), text)
        items = self.fetched("fetch 1 BODY.PEEK[]")
        self.assertEqual(items["BODY[]"].encode(), MAILS[0])

    def test_fetch(self):
        self.shows("select INBOX")
        self.assertEqual(self.fetched("fetch 1 RFC822.SIZE"),
                         {"RFC822.SIZE": len(MAILS[0])})
        self.assertEqual(self.fetched("uid fetch 3 (UID)", 3), {"UID": 3})
        self.numbers("uid fetch 2:* (UID FLAGS)", "FETCH", 2, 3)
        envelope = self.fetched("fetch 2 (ENVELOPE)", 2)["ENVELOPE"]
        self.assertEqual(envelope[1], "alpha")
        self.assertIsNone(envelope[8])
        self.fetched("fetch 1 ALL")
        self.assertEqual(self.fetched("partial 1 TEXT 2 3"),
                         {"BODY[TEXT]<2>": "dy "})
        self.assertEqual(self.fetched("uid partial 1 TEXT 0 4")[
            "BODY[TEXT]<0>"], "body")

    def test_store(self):
        self.shows("select INBOX")
        for line, flags in (
                ("store 1 FLAGS (\\Seen \\Draft)", {b"\\Seen", b"\\Draft"}),
                ("store 1 +FLAGS \\Flagged",
                 {b"\\Seen", b"\\Draft", b"\\Flagged"}),
                ("store 1 -FLAGS \\Seen \\Draft", {b"\\Flagged"}),
                ("store 1 +FLAGS.SILENT (\\Answered)",
                 {b"\\Flagged", b"\\Answered"}),
                ("uid store 1 FLAGS.SILENT ()", set())):
            self.shows(line)
            with self.subTest(line, what="flags"):
                self.assertEqual(self.flags(1), flags)

    def test_copy_and_expunge(self):
        box = self.prefix + "Box"
        self.shows("create " + box)
        self.shows("select INBOX")
        self.assertEqual(self.says("copy 1 " + box, "OK")["code"], "COPYUID")
        self.shows("uid copy 2:3 " + box)
        self.assertEqual(self.uids(box), [b"1", b"2", b"3"])
        self.shows("store 1:2 +FLAGS.SILENT (\\Deleted)")
        self.shows("uid expunge 2")
        self.assertEqual(self.uids(), [b"1", b"3"])
        self.numbers("expunge", "EXPUNGE", 1)
        self.assertEqual(self.uids(), [b"3"])

    def test_search(self):
        self.shows("select INBOX")
        self.shows("store 2 FLAGS.SILENT (\\Flagged)")
        self.shows("search ALL", "SEARCH", 1, 2, 3)
        self.shows("search NIL FLAGGED", "SEARCH", 2)
        self.shows("uid search UNFLAGGED", "SEARCH", 1, 3)
        self.shows('search SUBJECT "alpha"', "SEARCH", 2)
        self.shows("search CHARSET UTF-8 SUBJECT beta", "SEARCH", 1, 3)
        self.shows("search OR FLAGGED (UID 3)", "SEARCH", 2, 3)

    def test_sort_and_thread(self):
        self.shows("select INBOX")
        self.shows("sort (SUBJECT DATE) UTF-8 ALL", "SORT", 2, 1, 3)
        self.shows("uid sort (REVERSE DATE) UTF-8 ALL", "SORT", 3, 2, 1)
        for line in ("thread REFERENCES UTF-8 ALL",
                     "uid thread ORDEREDSUBJECT UTF-8 ALL"):
            with self.subTest(line):
                threads = console.data(self.console.ok(line), "THREAD")[0]
                self.assertCountEqual(threads, [[1, 3], [2]])

    # ---- rights and quotas ----

    def test_rights(self):
        self.shows("setacl INBOX other lr")
        self.assertRegex(imap.ok(self.other.getacl("INBOX"))[0],
                         rb'\bother"? "?lr')
        acl = console.data(self.shows("getacl INBOX"), "ACL")[0]
        self.assertEqual(acl[acl.index("other") + 1], "lr")
        rights = console.data(self.shows("listrights INBOX other"),
                              "LISTRIGHTS")[0]
        self.assertEqual(rights[:2], ["INBOX", "other"])
        self.assertIn("l", rights[2:])
        mine = console.data(self.shows("myrights INBOX"), "MYRIGHTS")[0]
        self.assertRegex(mine[1], "l.*r.*s|a.*l.*r")
        self.shows("deleteacl INBOX other")
        self.assertNotIn(b"other", imap.ok(self.other.getacl("INBOX"))[0])

    def test_quota(self):
        untagged = self.shows("getquotaroot INBOX")
        name, root = console.data(untagged, "QUOTAROOT")[0]
        self.assertEqual(name, "INBOX")
        self.assertEqual(console.data(untagged, "QUOTA")[0][0], root)
        self.says('setquota "%s" (STORAGE 100)' % root, "NO")

    # ---- what is refused here ----

    def test_state_and_words_are_checked_here(self):
        for line in ("fetch 1 FLAGS", "uid store 1 FLAGS ()", "search ALL",
                     "copy 1 Box", "expunge", "close", "check"):
            self.says(line, "ERROR", "illegal in state AUTH")
        self.says("login mirror x", "ERROR", "illegal in state AUTH")
        self.says("fetch 1", "ERROR", "usage: fetch SET")
        self.says("frobnicate", "ERROR", "is no command")
        self.says("select @%s" % self.path("none"), "ERROR", "No such file")
        self.assertIsNone(self.says('select "INBOX', "ERROR",
                                    "not closed")["command"])
        self.says("xatom FROBNICATE",
                  "NO" if self.kind is courier.Courier else "BAD")
        self.shows("noop")
        self.assertEqual(self.console.end(), 64)


class Metadata:
    """METADATA as RFC 5464 has it."""

    def test_metadata(self):
        self.shows('setmetadata INBOX /private/comment "hä llo"')
        self.shows("getmetadata INBOX /private/comment", "METADATA", "INBOX",
                   ["/private/comment", "hä llo"])
        self.shows("getmetadata (MAXSIZE 100) INBOX /private/comment",
                   "METADATA", "INBOX", ["/private/comment", "hä llo"])
        value = b"two\r\nlines \xc3\xa9\r\n"
        self.shows("setmetadata INBOX /private/comment " +
                   self.file("value", value))
        self.shows("getmetadata INBOX /private/comment", "METADATA", "INBOX",
                   ["/private/comment", value.decode()])
        self.shows("setmetadata INBOX /private/comment NIL")
        data = console.data(self.shows(
            "getmetadata INBOX /private/comment"), "METADATA")
        self.assertNotIn("two", str(data))


class Modern:
    """What Dovecot and Cyrus have both."""

    def test_enable(self):
        self.shows("enable CONDSTORE", "ENABLED", "CONDSTORE")
        self.assertIn("QRESYNC", console.data(self.shows(
            "enable CONDSTORE QRESYNC"), "ENABLED")[0])
        self.says("enable IMAP4rev2", "ERROR", "not support IMAP4rev2")
        self.says("enable UTF8=ACCEPT", "ERROR", "not support")
        self.shows("select INBOX (CONDSTORE)")
        modseq = self.fetched("fetch 3 (MODSEQ)", 3)["MODSEQ"][0]
        self.shows("store 1 (UNCHANGEDSINCE %d) FLAGS (\\Seen)" % modseq)
        answer = self.says("store 1 (UNCHANGEDSINCE %d) FLAGS ()" % modseq,
                           "OK")
        self.assertEqual((answer["code"], answer["arguments"]),
                         ("MODIFIED", "1"))
        self.assertEqual(self.flags(1), {b"\\Seen"})
        self.numbers("fetch 1:* FLAGS (CHANGEDSINCE %d)" % modseq,
                     "FETCH", 1)

    def test_list_extended(self):
        self.shows("create Work")
        self.shows("subscribe Work")
        lists = console.data(self.shows(
            'list (SUBSCRIBED) "" "W*" RETURN (CHILDREN)'), "LIST")
        self.assertEqual([one[2] for one in lists], ["Work"])
        self.shows('list "" INBOX RETURN (STATUS (MESSAGES))', "STATUS",
                   "INBOX", ["MESSAGES", 3])
        items = console.data(self.shows("status INBOX (SIZE HIGHESTMODSEQ)"),
                             "STATUS")[0][1]
        items = dict(zip(items[::2], items[1::2]))
        self.assertEqual(items["SIZE"], sum(map(len, MAILS)))
        self.assertGreater(items["HIGHESTMODSEQ"], 0)

    def test_special_use(self):
        self.shows("create Sent (USE (\\Sent))")
        lists = console.data(self.shows(
            'list "" "Sent" RETURN (SPECIAL-USE)'), "LIST")
        self.assertIn("\\Sent", lists[0][0])

    def test_move(self):
        self.shows("create Box")
        self.shows("select INBOX")
        self.shows("move 1 Box")
        self.shows("uid move 3 Box")
        self.assertEqual(self.uids(), [b"2"])
        self.assertEqual(self.uids("Box"), [b"1", b"2"])

    def test_extended_search(self):
        self.shows("select INBOX")
        data = console.data(self.shows(
            "uid search RETURN (MIN MAX COUNT) ALL"), "ESEARCH")[0]
        self.assertEqual(data[1], "UID")
        self.assertEqual(dict(zip(data[2::2], data[3::2])),
                         {"MIN": 1, "MAX": 3, "COUNT": 3})

    def test_compress(self):
        self.shows("compress")
        self.shows("select INBOX")
        self.assertEqual(
            self.fetched("fetch 3 BODY.PEEK[]", 3)["BODY[]"].encode(),
            MAILS[2])
        self.assertNotEqual(self.console.ask("compress")["type"], "OK")
        self.shows("noop")

    def test_id(self):
        self.shows("id")
        data = console.data(self.shows(
            'id ("name" "console" "version" NIL)'), "ID")[0][0]
        self.assertEqual(data[0], "name")
        self.shows('id name "a console"')
        self.says("id name", "ERROR", "without a value")

    def test_unselect_expunges_nothing(self):
        self.shows("select INBOX")
        self.shows("store 1 +FLAGS.SILENT (\\Deleted)")
        self.shows("unselect")
        self.assertEqual(len(self.uids()), 3)
        self.shows("select INBOX")
        self.shows("close")
        self.assertEqual(len(self.uids()), 2)


class Dovecot(Metadata, Modern, Commands, case.Case):
    kind = dovecot.Dovecot
    options = {"extra": dovecot.PLUGINS}
    supports = test_servers.Dovecot.supports

    def test_namespace(self):
        self.shows("namespace", "NAMESPACE", [["", "/"]], None, None)

    def test_saved_search(self):
        self.shows("select INBOX")
        self.shows("uid search RETURN (SAVE) SUBJECT beta")
        self.numbers("fetch $ (UID)", "FETCH", 1, 3)

    def test_getquota(self):
        data = console.data(self.shows("getquota ROOT"), "QUOTA")[0]
        self.assertEqual((data[0], data[1][0], data[1][2]),
                         ("ROOT", "STORAGE", 102400))

    def test_metadata_of_the_server(self):
        self.shows('getmetadata "" /shared/comment')
        self.shows("getmetadata (DEPTH 1) INBOX /private /shared")


class Cyrus(Metadata, Modern, Commands, case.Case):
    kind = cyrus.Cyrus
    supports = test_servers.Cyrus.supports

    def test_annotations(self):
        self.shows('setannotation INBOX /comment ("value.priv" "x y")')
        self.shows("getannotation INBOX /comment value.priv", "ANNOTATION",
                   "INBOX", "/comment", ["value.priv", "x y"])
        self.shows("getannotation INBOX * (\"value.priv\" \"size.priv\")")

    def test_object_ids(self):
        self.shows("select INBOX")
        items = self.fetched("fetch 1 (EMAILID THREADID SAVEDATE PREVIEW)")
        self.assertEqual(len(items["EMAILID"]), 1)

    def test_an_administrator_sets_quotas(self):
        with open(self.path("password"), "w", encoding="ascii") as f:
            f.write(dovecot.PASSWORD + "\n")
        os.chmod(self.path("password"), 0o600)
        result, answers = console.once(
            self.mirror(self.server), "--host", "127.0.0.1", "--port",
            str(self.server.port), "--tls", "none", "--user", cyrus.ADMIN,
            "--password-file", self.path("password"), "setquota",
            "user/" + cyrus.USER, "(STORAGE 1000)")
        self.assert_code(result, 0)
        self.assertEqual(answers[0]["command"], "setquota")
        data = console.data(self.shows("getquotaroot INBOX"), "QUOTA")[0]
        self.assertEqual(data[1][::2], ["STORAGE", 1000])


class Courier(Commands, case.Case):
    kind = courier.Courier
    prefix = "INBOX."
    supports = test_servers.Courier.supports

    def test_namespace(self):
        data = console.data(self.shows("namespace"), "NAMESPACE")[0]
        self.assertEqual(data[0], [["INBOX.", "."]])

    def test_enable(self):
        self.shows("enable UTF8=ACCEPT")
        self.assertRegex(self.says("state", "OK")["text"], "utf8$")
        self.shows('create "INBOX.Größe"')
        lists = console.data(self.shows('list "" "*"'), "LIST")
        self.assertIn("INBOX.Größe", [one[2] for one in lists])

    def test_append_in_utf8(self):
        at = self.file("text", MAILS[0])
        self.shows("enable UTF8=ACCEPT")
        self.shows("append INBOX (\\Seen) NIL " + at)
        self.shows("append INBOX " + at)
        self.shows('append INBOX NIL "%s" %s' % (DATE, at))
        self.assertEqual(self.flags(4), {b"\\Seen"})
        self.assertEqual(self.uids(), b"1 2 3 4 5 6".split())


if __name__ == "__main__":
    case.main()
