#!/usr/bin/python3
"""Maildirs that mbsync or offlineimap kept are taken over: no message that is
here already is downloaded again, and what is not certain is."""

import fcntl
import os
import re
import shutil

from lab import case, compare, dovecot, messages, mirror, peers
from lab import client as imap

COUNT = 12
BODY = re.compile(rb"BODY\.PEEK\[\]", re.I)
FLAGS = ("", "\\Seen", "\\Flagged \\Seen", "\\Answered work")


def plain(number):
    """A message that every program takes as it is."""
    return (b"From: a%d@example.org\r\nTo: me@example.org\r\n"
            b"Subject: number %d\r\nMessage-ID: <%d@example.org>\r\n"
            b"Date: Thu, 01 Jan 2015 00:00:00 +0000\r\n\r\n"
            b"line of message %d\r\n" % ((number,) * 4)
            + b"another line\r\n" * (number % 5))


def tree(top):
    """{path: (inode, mode, mtime)} of all files below a directory."""
    found = {}
    for directory, _, files in os.walk(top):
        found[directory] = None
        for name in files:
            path = os.path.join(directory, name)
            info = os.lstat(path)
            found[path] = (info.st_ino, info.st_mode, info.st_mtime_ns)
    return found


class Adopt(case.Case):
    names = ("INBOX", "Lists/c")

    def fill(self, names=names, count=COUNT):
        """A server with mail whose UIDs are not 1, 2, 3."""
        self.imap = self.dovecot()
        self.other = self.client(self.imap)
        for name in names:
            imap.fill(self.imap, name, [
                (plain(n), FLAGS[n % len(FLAGS)], messages.date(n))
                for n in range(count)])
            imap.ok(self.other.select(imap.quote(name)))
            imap.expunge(self.other, [2, 5])

    def mbsync(self, **more):
        peer = peers.Mbsync(self.imap, self.path("home"), self.path("Mail"))
        peer.configure(**more).sync()
        return peer

    def begin(self, names=names, **more):
        """From here on what is asked of the server counts."""
        self.names = names
        self.imap.begin_rawlog()
        self.mirrored = self.mirror(self.imap, folders=["*"], **more)

    def bodies(self):
        return len(BODY.findall(self.imap.rawlog()))

    def run_daemon(self):
        daemon = self.mirrored.start()
        self.addCleanup(daemon.kill)
        return daemon

    def adopt(self, *more, tool="mbsync", code=0):
        result = self.mirrored.call("adopt", tool, "main", *more)
        self.assert_code(result, code)
        return result

    def go_the_readmes_way(self, tool, config, *more):
        """import, check, adopt and run, as README.md says."""
        imported = self.mirrored.call("import", tool, config)
        self.assert_code(imported, 0)
        self.mirrored.write(imported.out)
        name, secret = (re.search(r'\b%s = "(.*)";' % setting,
                                  imported.out).group(1)
                        for setting in ("name", "password_file"))
        secret = secret.replace("~", self.mirrored.environment["HOME"])
        os.makedirs(os.path.dirname(secret))
        with open(secret, "w", encoding="ascii") as f:
            f.write(dovecot.PASSWORD)
        os.chmod(secret, 0o600)
        for command in (("check",), ("adopt", "--dry-run", *more, tool, name),
                        ("adopt", *more, tool, name)):
            self.assert_code(self.mirrored.call(*command), 0)
        self.assert_all_exact()
        self.assertEqual(self.bodies(), 0)
        daemon = self.run_daemon()
        daemon.wait_line("%s/INBOX: the same as" % name)
        imap.append(self.other, "INBOX", plain(99))
        self.wait_alike(daemon, self.other, "INBOX", self.mirrored.folder())

    def assert_all_exact(self):
        for name in self.names:
            self.assert_exact(self.other, name, self.mirrored.folder(name))


class FromMbsync(Adopt):
    def test_nothing_is_downloaded_and_push_goes_on(self):
        self.fill()
        self.mbsync()
        self.begin()
        before = tree(self.path("Mail"))
        told = self.adopt("--dry-run").out
        self.assertEqual(tree(self.path("Mail")), before)
        self.assertEqual(told.splitlines(), [
            "INBOX: 10 files are taken over",
            "Lists/c: 10 files are taken over"])
        self.assertEqual(self.adopt().out.splitlines()[:2], told.splitlines())
        self.assert_all_exact()
        self.assertEqual(self.bodies(), 0)
        self.assertIn("nothing is left to be taken over", self.adopt().out)
        daemon = self.run_daemon()
        daemon.wait_line("main/INBOX: the same as")
        imap.append(self.other, "INBOX", plain(99))
        self.wait_alike(daemon, self.other, "INBOX", self.mirrored.folder())

    def test_the_readmes_way(self):
        self.fill()
        peer = self.mbsync()
        self.begin()
        self.go_the_readmes_way("mbsync", peer.config)

    def test_without_being_asked_and_after_changes_on_the_server(self):
        self.fill()
        self.mbsync()
        imap.ok(self.other.select("INBOX"))
        imap.store(self.other, [3, 4], "+", "\\Seen \\Flagged")
        imap.expunge(self.other, [7])
        imap.append(self.other, "INBOX", plain(99))
        self.begin()
        result = self.mirrored.sync()
        self.assertIn("taken over from mbsync: 10 files", result.err)
        self.assert_all_exact()
        self.assertEqual(self.bodies(), 1)

    def test_what_is_not_certain_is_downloaded(self):
        self.fill(names=("INBOX",))
        imap.append(self.other, "INBOX", plain(50) + b"long line\r\n" * 9000)
        self.mbsync(store="SubFolders Verbatim\nMaxSize 20k")
        self.begin(names=("INBOX",))
        folder = self.mirrored.folder()
        paths = [os.path.join(folder, sub, name)
                 for sub, name in sorted(compare.local_names(folder))]
        with open(paths[0], "ab") as f:
            f.write(b"added here\n")
        shutil.copy(paths[1], paths[1].replace(",U=", "copy,U="))
        os.unlink(paths[2])
        told = self.adopt().out
        self.assertIn("1 placeholders are downloaded", told)
        self.assertIn("messages without a file are downloaded", told)
        there = compare.server_mailbox(self.other, "INBOX")
        wrong = compare.differences(there, folder, "localhost")
        # the changed one, the two that are alike, the placeholder
        self.assertEqual([line.split(": ")[-1] for line in wrong],
                         ["not a message's name"] * 4)
        self.assertLess(self.bodies(), 5)

    def test_mbsync_at_work_or_interrupted_is_left_alone(self):
        self.fill(names=("INBOX",))
        self.mbsync()
        self.begin(names=("INBOX",))
        folder = self.mirrored.folder()
        state = os.path.join(folder, ".mbsyncstate")
        before = tree(folder + "/cur")
        with open(state + ".lock", "w") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            result = self.adopt(code=mirror.EX_TEMPFAIL)
            self.assertIn("locked by process %d" % os.getpid(), result.err)
        for name in (".journal", ".new"):
            shutil.copy(state, state + name)
        result = self.adopt(code=mirror.EX_IOERR)
        self.assertIn("run it once more", result.err)
        self.assert_code(self.mirrored.call("sync"), mirror.EX_IOERR)
        self.assertEqual(tree(folder + "/cur"), before)
        for name in (".journal", ".new"):
            os.unlink(state + name)
        with open(folder + "/.uidvalidity", "w") as f:
            f.write("77\n10\n")
        result = self.adopt(code=mirror.EX_IOERR)
        self.assertIn("is not of its state file", result.err)
        self.assertEqual(tree(folder + "/cur"), before)
        self.assertEqual(self.bodies(), 0)

    def test_after_another_uidvalidity_messages_are_known_again(self):
        self.fill(names=("INBOX",))
        self.mbsync(channel="SyncState *\nCopyArrivalDate yes")
        self.begin(names=("INBOX",))
        folder = self.mirrored.folder()
        state = os.path.join(folder, ".mbsyncstate")
        with open(state) as f:
            text = f.read()
        with open(state, "w") as f:
            f.write(re.sub(r"FarUidValidity \d+", "FarUidValidity 9", text))
        self.adopt()
        self.assert_all_exact()
        self.assertEqual(self.bodies(), 0)

    def test_mail_of_another_server_stays(self):
        self.fill(names=("Box",))
        self.mbsync()
        folder = self.path("Mail", "Box")
        imap.ok(self.other.delete("Box"))
        imap.fill(self.imap, "Box", [
            (plain(n), "", messages.date(n)) for n in range(100, 120)])
        self.begin(names=("Box",))
        self.adopt()
        texts = []
        for sub, name in compare.local_names(folder):
            with open(os.path.join(folder, sub, name), "rb") as f:
                texts.append(f.read().replace(b"\n", b"\r\n"))
        self.assertEqual(len(texts), 30)
        for n in (0, 2, 3, *range(5, COUNT)):
            self.assertIn(plain(n), texts)

    def test_mbsync_does_not_take_our_uids_for_its_own(self):
        self.imap = self.dovecot()
        self.other = self.client(self.imap)
        imap.fill(self.imap, "INBOX", [
            (plain(n), "", messages.date(n)) for n in range(20)])
        imap.ok(self.other.select("INBOX"))
        imap.expunge(self.other, range(1, 13))
        peer = self.mbsync()
        self.begin(names=("INBOX",))
        folder = self.mirrored.folder()
        there = compare.server_mailbox(self.other, "INBOX")
        state = os.path.join(folder, ".mbsyncstate")
        with open(state) as f:
            text = re.sub(r"(?<=NearUidValidity )\d+",
                          str(there.uidvalidity), f.read())
        with open(state, "w") as f:
            f.write(text)
        with open(os.path.join(folder, ".uidvalidity"), "w") as f:
            f.write("%d\n100\n" % there.uidvalidity)
        with open(peer.config) as f:
            peer.use(f.read().replace("Sync Pull", "Sync All")
                     .replace("Expunge Near", "Expunge Both"))
        # a directory where the last file is to be
        last = next(os.path.join(folder, "new", name)
                    for _, name in compare.local_names(folder)
                    if ",U=8:" in name)
        with open(last, "rb") as f:
            size = len(plain(19))
            self.assertIn(b"number 19\n", f.read())
        in_the_way = os.path.join(
            folder, "new", "%d.V%d.localhost,U=20,S=%d" % (
                os.stat(last).st_mtime, there.uidvalidity, size))
        os.mkdir(in_the_way)
        self.adopt(code=mirror.EX_IOERR)
        self.assertRaises(AssertionError, peer.sync)
        os.rmdir(in_the_way)
        self.adopt()
        self.assertRaises(AssertionError, peer.sync)
        self.assertEqual(compare.server_mailbox(self.other, "INBOX"), there)
        self.assert_all_exact()
        self.assertEqual(self.bodies(), 0)

    def test_legacy_folders_and_old_names_move_to_their_place(self):
        names = ("INBOX", "Arch/2024", "Entwürfe")
        self.fill(names=names)
        self.mbsync(store="SubFolders Legacy", channel="")
        os.rename(self.path("home", ".mbsync"), self.path("states"))
        self.begin(names=names)
        told = self.adopt("--from", self.path("states")).out
        self.assertIn("Arch/.2024 -> Arch/2024: 10 files", told)
        self.assertIn("Entw&APw-rfe -> Entwürfe: 10 files", told)
        self.assert_all_exact()
        self.assertEqual(self.bodies(), 0)

    def test_maildir_plus_plus_wants_that_layout(self):
        self.fill(names=("INBOX", "Arch/2024"))
        peer = peers.Mbsync(self.imap, self.path("home"), self.path("Mail"))
        peer.configure(inbox="", store="SubFolders Maildir++")
        with open(peer.config) as f:
            text = re.sub(r"\nPath .*", "", f.read())
        peer.use(text).sync()
        self.begin()
        self.assertIn('layout = "maildir++"',
                      self.adopt(code=mirror.EX_CONFIG).err)
        self.begin(layout="maildir++")
        self.adopt()
        self.assert_exact(self.other, "INBOX", self.path("Mail"))
        self.assert_exact(self.other, "Arch/2024",
                          self.path("Mail", ".Arch.2024"))
        self.assertEqual(self.bodies(), 0)

    def test_a_maildir_of_nobody_is_said(self):
        self.fill(names=("INBOX",))
        self.begin()
        self.assertIn("is maildir right", self.adopt(code=78).err)
        self.assert_code(self.mirrored.call("adopt", "mutt", "main"), 64)
        self.assert_code(self.mirrored.call("adopt", "mbsync", "other"), 64)


class FromOfflineimap(Adopt):
    names = ("INBOX", "Arch/2024")

    def test_nothing_is_downloaded_and_folders_move(self):
        self.fill(names=self.names)
        peer = peers.Offlineimap(
            self.imap, self.path("home"), self.path("Mail")).configure()
        peer.sync()
        self.begin(names=self.names)
        arguments = ("--from", peer.path("metadata"))
        before = tree(self.path("Mail"))
        told = self.adopt("--dry-run", *arguments, tool="offlineimap").out
        self.assertEqual(tree(self.path("Mail")), before)
        self.assertEqual(sorted(told.splitlines()), [
            "Arch.2024 -> Arch/2024: 10 files are taken over",
            "INBOX: 10 files are taken over"])
        for take in fcntl.lockf, fcntl.flock:
            with open(peer.path("metadata", "main.lock"), "w") as lock:
                take(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.adopt(*arguments, tool="offlineimap",
                           code=mirror.EX_TEMPFAIL)
        self.adopt(*arguments, tool="offlineimap")
        self.assert_all_exact()
        self.assertEqual(self.bodies(), 0)

    def test_the_readmes_way(self):
        self.fill(names=self.names)
        peer = peers.Offlineimap(
            self.imap, self.path("home"), self.path("Mail")).configure()
        peer.sync()
        self.begin(names=self.names)
        self.go_the_readmes_way("offlineimap", peer.config, "--from",
                                peer.path("metadata"))

    def test_what_a_mail_reader_moved_between_folders_stays(self):
        self.fill(names=("INBOX",))
        imap.fill(self.imap, "Arch/2024", [
            (plain(n), "", messages.date(n)) for n in range(100, 106)])
        peer = peers.Offlineimap(
            self.imap, self.path("home"), self.path("Mail")).configure()
        peer.sync()
        inbox = self.path("Mail", "INBOX")
        arch = self.path("Mail", "Arch.2024")
        moved = sorted(compare.local_names(inbox))
        for place in moved:
            os.rename(os.path.join(inbox, *place), os.path.join(arch, *place))
        imap.ok(self.other.select("INBOX"))
        imap.expunge(self.other, range(1, COUNT + 1))
        self.begin(names=self.names)
        told = self.adopt("--from", peer.path("metadata"),
                          tool="offlineimap").out
        self.assertIn("6 files are taken over, 10 that nothing", told)
        self.assertEqual(self.bodies(), 0)
        folder = self.mirrored.folder("Arch/2024")
        for sub, name in moved:
            self.assertIn((sub, re.sub(",U=[0-9]+", "", name)),
                          list(compare.local_names(folder)))


if __name__ == "__main__":
    case.main()
