#!/usr/bin/python3
"""What mail readers and people do to the files here is put back; what the
server no longer has is removed, kept or archived; what is too large waits."""

import os
import re
import shutil
import signal
import sqlite3

from lab import case, compare, messages, rows
from lab import client as imap

COUNT = 12
BODIES = re.compile(rb"UID FETCH (\S+) \([^)]*BODY\.PEEK\[\]", re.I)
LISTING = re.compile(rb"UID FETCH 1:", re.I)


def files(folder):
    """{UID: path} of the files that claim one."""
    found = {}
    for sub, name in compare.local_names(folder):
        match = re.search(r",U=(\d+),", name)
        if match:
            found[int(match.group(1))] = os.path.join(folder, sub, name)
    return found


def local_files(folder):
    """The names that claim no UID, sorted."""
    return sorted(name for _, name in compare.local_names(folder)
                  if ",U=" not in name)


class Local(case.Case):
    def begin(self, names=("INBOX",), **more):
        self.imap = self.dovecot()
        for name in names:
            imap.fill(self.imap, name, [
                (messages.make(n), ("", "\\Seen", "\\Flagged work")[n % 3],
                 messages.date(n)) for n in range(COUNT)])
        self.other = self.client(self.imap)  # before the log: it is not said
        self.imap.begin_rawlog()
        self.mirrored = self.mirror(self.imap, folders=list(names), **more)

    def run_daemon(self):
        daemon = self.mirrored.start()
        self.addCleanup(daemon.kill)
        return daemon

    def watching(self, *names, **more):
        self.begin(names or ("INBOX",), **more)
        daemon = self.run_daemon()
        for name in names or ("INBOX",):
            daemon.wait_line("main/%s: the same as" % name)
        daemon.wait_until(
            lambda: any(text.rstrip().endswith(b" IDLE")
                        for _, text in self.logs()),
            "IDLE to be the last word")
        return daemon

    def mark(self):
        """What the clients say from now on is what said() gives."""
        self.begun = {name: len(text) for name, text in self.logs()}

    def logs(self):
        for name in sorted(os.listdir(self.imap.path("rawlog"))):
            if name.endswith(".in"):
                with open(self.imap.path("rawlog", name), "rb") as log:
                    yield name, log.read()

    def said(self):
        return b"".join(text[self.begun.get(name, 0):]
                        for name, text in self.logs())

    def fetched(self):
        """The UIDs whose bodies were asked for since mark()."""
        uids = []
        for match in BODIES.finditer(self.said()):
            for part in match.group(1).split(b","):
                first, _, last = part.partition(b":")
                if last == b"4294967295":  # what is new, unasked for
                    continue
                uids += range(int(first), int(last or first) + 1)
        return uids

    def wait_exact(self, daemon, name="INBOX"):
        folder = self.mirrored.folder(name)
        there = compare.server_mailbox(self.other, name)

        def is_exact():
            try:  # .uidvalidity is written last
                return not compare.differences(there, folder, "localhost")
            except FileNotFoundError:  # it is being put right
                return False
        daemon.wait_until(is_exact, "%s to be exact" % name)


class WhileItRuns(Local):
    def test_flags_that_a_reader_changed_are_put_back_without_a_question(self):
        daemon = self.watching(disable_extensions=["NOTIFY"])
        folder = self.mirrored.folder()
        self.mark()
        since = len(daemon.lines)
        for uid, path in list(files(folder).items())[:6]:
            base = os.path.basename(path).partition(":")[0]
            os.rename(path, os.path.join(folder, "cur", base + ":2,RT"))
        daemon.wait_line("changed here by somebody: 6 files are put back, "
                         "0 are fetched", since=since)
        self.wait_exact(daemon)
        self.assertEqual(self.said().decode(), "")

    def test_a_uidvalidity_that_could_not_be_written_is_made_up_for(self):
        daemon = self.watching()
        file = os.path.join(self.mirrored.folder(), ".uidvalidity")
        os.remove(file)
        os.mkdir(file)  # what a rename cannot replace
        since = len(daemon.lines)
        imap.append(self.other, "INBOX", messages.make(99))
        daemon.wait_line("INBOX: 1 new, 0 removed", since=since)
        for _ in range(2):  # when it asks again, it has been at rest
            self.mark()
            daemon.signal(signal.SIGUSR1)
            daemon.wait_until(lambda: b" IDLE" in self.said(), "a question")
        os.rmdir(file)
        daemon.signal(signal.SIGUSR1)
        self.wait_exact(daemon)

    def test_moved_to_cur_is_the_readers_right(self):
        daemon = self.watching()
        folder = self.mirrored.folder()
        new = os.path.join(folder, "new")
        names = os.listdir(new)
        self.assertTrue(names)
        for name in names:
            os.rename(os.path.join(new, name),
                      os.path.join(folder, "cur", name + ":2,"))
        # the server's word finds them there
        imap.ok(self.other.select("INBOX"))
        imap.store(self.other, list(files(folder)), "+", "\\Answered")
        self.wait_alike(daemon, self.other, "INBOX", folder)
        self.assertEqual(os.listdir(new), [])
        self.assertNotIn("changed here", daemon.text())

    def test_removed_messages_alone_are_fetched_again(self):
        daemon = self.watching()
        self.mark()
        for uid in (2, 3, 7):
            os.unlink(files(self.mirrored.folder())[uid])
        daemon.wait_until(lambda: len(files(self.mirrored.folder())) == COUNT,
                          "all files")
        self.wait_exact(daemon)
        self.assertEqual(sorted(self.fetched()), [2, 3, 7])
        self.assertIsNone(LISTING.search(self.said()))

    def test_a_copy_is_removed_and_another_file_becomes_a_local_one(self):
        daemon = self.watching()
        folder = self.mirrored.folder()
        self.mark()
        path = files(folder)[2]
        copy = path.partition(":2,")[0] + ":2,T"
        os.makedirs(self.path("aside"))
        aside = self.path("aside", "copy")
        shutil.copyfile(path, aside)
        os.rename(aside, copy)
        daemon.wait_line("1 copies are removed")
        with open(aside, "wb") as f:
            f.write(b"not it")
        os.rename(aside, copy)
        daemon.wait_line("1 are local files now")
        self.assertEqual(len(local_files(folder)), 1)
        os.unlink(os.path.join(folder, "cur", local_files(folder)[0]))
        self.wait_exact(daemon)
        self.assertEqual(self.said().decode(), "")

    def test_moved_to_another_folder_it_comes_back_and_is_local_there(self):
        daemon = self.watching("INBOX", "Saved")
        inbox, saved = self.mirrored.folder(), self.mirrored.folder("Saved")
        self.mark()
        path = files(inbox)[2]
        os.rename(path, os.path.join(saved, "cur", os.path.basename(path)))
        daemon.wait_until(lambda: len(files(inbox)) == COUNT, "all of INBOX")
        daemon.wait_until(lambda: local_files(saved) or
                          len(compare.local_names(saved)) == COUNT,
                          "the copy to be settled")
        self.wait_exact(daemon)
        self.assertEqual(len(files(saved)), COUNT)
        self.assertEqual(self.fetched(), [2])

    def test_a_directory_that_is_gone_is_made_and_filled_again(self):
        daemon = self.watching()
        folder = self.mirrored.folder()
        os.rename(os.path.join(folder, "cur"), self.path("old-cur"))
        daemon.wait_until(lambda: len(files(folder)) == COUNT, "all files")
        self.wait_exact(daemon)
        os.rename(folder, self.path("old-folder"))
        daemon.wait_until(lambda: len(files(folder)) == COUNT, "all files")
        self.wait_exact(daemon)
        # and push goes on
        imap.append(self.other, "INBOX", messages.make(99))
        daemon.wait_until(lambda: len(files(folder)) == COUNT + 1, "push")

    def test_our_own_renames_are_nobodys_change(self):
        daemon = self.watching()
        folder = self.mirrored.folder()
        imap.fill(self.imap, "INBOX", [
            (messages.make(n, size=200), "", None) for n in range(1000)])
        imap.ok(self.other.select("INBOX"))
        for flags in ("\\Seen", "\\Flagged", "\\Answered"):
            imap.store(self.other, range(1, 1001), "+", flags)
        imap.expunge(self.other, range(100, 300))
        self.wait_exact(daemon)
        # had it looked, it would have said so by the next real change
        os.unlink(files(folder)[2])
        daemon.wait_line("changed here by somebody")
        self.assertEqual(daemon.text().count("changed here"), 1)
        self.assertIn("0 files are put back, 1 are fetched again",
                      daemon.text())

    def test_a_polled_folder_too(self):
        self.begin(("INBOX", "Rare"), watch=["INBOX"], poll_interval="1h")
        daemon = self.run_daemon()
        daemon.wait_line("main/Rare: the same as")
        daemon.wait_line("main/INBOX: the same as")
        folder = self.mirrored.folder("Rare")
        path = files(folder)[1]
        os.unlink(path)
        os.rename(files(folder)[2], files(folder)[2] + "T")
        daemon.wait_until(lambda: len(files(folder)) == COUNT, "all files")
        self.wait_exact(daemon, "Rare")


class AtTheStart(Local):
    def test_what_changed_meanwhile_is_put_back_from_the_rows(self):
        self.begin()
        self.mirrored.sync()
        self.mirrored.sync()
        folder = self.mirrored.folder()
        found = files(folder)
        os.unlink(found[5])
        os.rename(found[2], found[2] + "T")
        os.rename(found[3], os.path.join(folder, "new", os.path.basename(
            found[3]).partition(":")[0]))
        self.mark()
        self.mirrored.sync()
        self.assert_exact(self.other, "INBOX", folder)
        self.assertEqual(self.fetched(), [5])
        self.assertIsNone(LISTING.search(self.said()))

    def test_what_the_server_lost_as_well_is_not_asked_for(self):
        self.begin()
        self.mirrored.sync()
        imap.ok(self.other.select("INBOX"))
        imap.expunge(self.other, [5])
        os.unlink(files(self.mirrored.folder())[5])
        self.mark()
        self.mirrored.sync()
        self.assert_exact(self.other, "INBOX", self.mirrored.folder())
        self.assertEqual(self.fetched(), [])

    def place(self, uid, text=b"put here by somebody\n"):
        """A file of our form, as one that is copied from elsewhere."""
        folder = self.mirrored.folder()
        name = re.sub(",U=[0-9]+,S=[0-9]+", ",U=%d,S=%d" % (
            uid, len(text) + text.count(b"\n")),
                      os.path.basename(files(folder)[2]))
        with open(os.path.join(folder, "cur", name), "wb") as f:
            f.write(text)
        return text

    def assert_local(self, *texts):
        """There are local files of these texts, and all else is exact."""
        folder = self.mirrored.folder()
        found = [os.path.join(folder, sub, name)
                 for sub, name in compare.local_names(folder)
                 if ",U=" not in name]
        kept = []
        for path in found:
            with open(path, "rb") as f:
                kept.append(f.read())
        self.assertEqual(sorted(kept), sorted(texts))
        for path in found:
            os.unlink(path)
        self.assert_exact(self.other, "INBOX", folder)

    def test_a_file_with_a_uid_that_never_was_becomes_a_local_one(self):
        self.begin()
        self.mirrored.sync()
        text = self.place(1000)
        result = self.mirrored.sync()
        self.assertRegex(result.err, "1 files claimed a UID that is not "
                         "theirs: they are local files now")
        self.mirrored.sync()
        self.assert_local(text)

    def test_a_message_from_a_backup_stays_as_a_local_file(self):
        """The server removed it, and told so while nobody listened."""
        self.begin()
        self.mirrored.sync()
        folder = self.mirrored.folder()
        with open(files(folder)[5], "rb") as f:
            text = f.read()
        shutil.copy2(files(folder)[5], self.path("backup"))
        name = files(folder)[5]
        imap.ok(self.other.select("INBOX"))
        imap.expunge(self.other, [5])
        self.mirrored.sync()
        shutil.copy2(self.path("backup"), name)
        imap.expunge(self.other, [6])
        self.mirrored.sync()
        self.assert_local(text)

    def test_many_files_from_elsewhere_are_no_removal_to_be_held(self):
        self.begin()
        self.mirrored.sync()
        texts = [self.place(uid, b"number %d\n" % uid)
                 for uid in range(1000, 1150)]
        self.mirrored.sync()
        self.assert_local(*texts)

    def test_without_rows_uidvalidity_says_what_was_ours(self):
        self.begin()
        self.mirrored.sync()
        shutil.rmtree(self.path("state"))
        imap.ok(self.other.select("INBOX"))
        imap.expunge(self.other, [3, 5])
        text = self.place(1000)
        self.mirrored.sync()
        self.assert_local(text)

    def test_letters_that_nobody_explains_are_asked_for(self):
        self.begin()
        self.mirrored.sync()
        os.unlink(os.path.join(self.mirrored.folder(), "dovecot-keywords"))
        self.mirrored.sync()
        self.assert_exact(self.other, "INBOX", self.mirrored.folder())


class Keywords(Local):
    def rows(self):
        state = os.path.join(self.top, "state", "main.db")
        if not os.path.exists(state):
            state = next(os.path.join(where, "main.db")
                         for where, _, names in os.walk(self.top)
                         if "main.db" in names)
        with sqlite3.connect("file:%s?mode=ro" % state, uri=True) as db:
            return rows.keywords(db)

    def test_those_past_the_26th_are_in_the_database(self):
        daemon = self.watching()
        imap.ok(self.other.select("INBOX"))
        imap.store(self.other, [1], "+",
                   " ".join("key%02d" % n for n in range(30)))
        daemon.wait_until(lambda: self.rows()[1] ==
                          "key25 key26 key27 key28 key29", "five in the row")
        imap.store(self.other, [1], "-", "key27")
        daemon.wait_until(lambda: self.rows()[1] ==
                          "key25 key26 key28 key29", "four in the row")
        imap.store(self.other, [1], "+", "\\Answered")
        folder = self.mirrored.folder()
        daemon.wait_until(lambda: "R" in case.letters(folder, 1), "R")
        self.assertEqual(self.rows()[1], "key25 key26 key28 key29")
        imap.append(self.other, "INBOX", messages.make(77), "key29 key00")
        daemon.wait_until(lambda: self.rows().get(COUNT + 1) == "key29",
                          "the arrival's")
        imap.store(self.other, [1], "-", "key25 key26 key28 key29")
        daemon.wait_until(lambda: self.rows()[1] is None, "none")
        daemon.stop()
        self.mark()
        self.mirrored.sync()
        self.assertEqual(self.rows()[COUNT + 1], "key29")
        self.assertIsNone(self.rows()[1])


class Expunged(Local):
    def expunge(self, **more):
        self.begin(**more)
        self.mirrored.sync()
        imap.ok(self.other.select("INBOX"))
        inbox = self.path("Mail") if "layout" in more \
            else self.mirrored.folder()
        self.gone = {uid: open(path, "rb").read() for uid, path in
                     files(inbox).items() if uid in (1, 2, 3)}
        imap.expunge(self.other, [1, 2, 3])

    def test_keep(self):
        self.expunge(on_expunge="keep")
        for _ in range(2):
            self.mirrored.sync()
            names = local_files(self.mirrored.folder())
            self.assertEqual(len(names), 3, names)
            self.assertEqual(sorted(files(self.mirrored.folder())),
                             list(range(4, COUNT + 1)))

    def archived(self, path, **more):
        self.expunge(on_expunge="archive", archive_folder="Old/2020", **more)
        for _ in range(2):
            self.mirrored.sync()
            archive = self.path("Mail", path)
            names = local_files(archive)
            self.assertEqual(len(names), 3, names)
            self.assertEqual(files(archive), {})
            texts = sorted(open(os.path.join(archive, sub, name), "rb").read()
                           for sub, name in compare.local_names(archive))
            self.assertEqual(texts, sorted(self.gone.values()))
            self.assertEqual(os.stat(archive).st_mode & 0o777, 0o700)
        self.assertNotIn(b"Old", self.imap.rawlog())

    def test_archive(self):
        self.archived("Old/2020")
        self.assert_exact(self.other, "INBOX", self.mirrored.folder())

    def test_archive_in_maildir_plus_plus(self):
        self.archived(".Old.2020", layout="maildir++")

    def test_a_mailbox_of_the_archives_name_gets_another_path(self):
        self.begin(("INBOX", "Old"), on_expunge="archive",
                   archive_folder="Old")
        self.mirrored.sync()
        self.assertFalse(os.path.exists(self.path("Mail", "Old")))
        imap.ok(self.other.select("INBOX"))
        imap.expunge(self.other, [1])
        self.mirrored.sync()
        self.assertEqual(len(local_files(self.path("Mail", "Old"))), 1)


class TooLarge(Local):
    def test_large_messages_wait_until_the_setting_grows(self):
        self.imap = self.dovecot()
        imap.fill(self.imap, "INBOX", [
            (messages.make(n, size=size), "", None)
            for n, size in enumerate((500, 50000, 600, 70000, 700))])
        self.other = self.client(self.imap)
        self.imap.begin_rawlog()
        self.mirrored = self.mirror(self.imap, max_size="20K")
        folder = self.mirrored.folder()
        result = self.mirrored.sync()
        self.assertEqual(compare.local_uids(folder), [1, 3, 5])
        self.assertIn("2 messages are larger than max_size", result.err)
        self.mark()
        self.mirrored.sync()
        self.assertEqual(self.fetched(), [])
        daemon = self.run_daemon()
        daemon.wait_line("the same as")
        daemon.wait_until(lambda: b" IDLE" in self.imap.rawlog(), "IDLE")
        imap.append(self.other, "INBOX", messages.make(8, size=90000))
        imap.append(self.other, "INBOX", messages.make(9, size=800))
        daemon.wait_until(lambda: compare.local_uids(folder) == [1, 3, 5, 7],
                          "the small one")
        daemon.wait_line("3 messages are larger than max_size")
        self.assertEqual(set(self.fetched()), {7})
        daemon.stop()
        self.mirrored.configure([self.account(self.imap, max_size="60K")])
        self.mark()
        self.mirrored.sync()
        self.assertEqual(compare.local_uids(folder), [1, 2, 3, 5, 7])
        self.assertEqual(self.fetched(), [2])
        self.mirrored.configure([self.account(self.imap)])
        self.mirrored.sync()
        self.assert_exact(self.other, "INBOX", folder)


class Withheld(case.Fake):
    def test_the_wait_survives_a_restart(self):
        def skipping(session, tag, name, rest):
            if name != "UID_FETCH" or "BODY.PEEK[]" not in rest.upper():
                return None
            uids, _, items = rest.partition(" ")
            with session.server.lock:
                return [session.fetch_line(
                    session.view.index(uid) + 1,
                    session.selected.messages[uid], items.upper())
                    for uid in session._in_set(uids) if uid != 3] + [
                        tag + " OK done"]
        self.serve(5, skipping)
        mirrored = self.mirrored()
        for start in range(2):
            daemon = self.start(mirrored)
            self.wait_uids(daemon, mirrored, [1, 2, 4, 5])
            daemon.wait_line("the same as the server")
            asked = len(self.server.said(r"BODY\.PEEK\[\]"))
            if start == 0:
                before = asked
            daemon.stop()
        self.assertEqual(asked, before)
        self.server.hook = None
        mirrored.sync()
        self.assert_uids(mirrored, self.uids())


if __name__ == "__main__":
    case.main()
