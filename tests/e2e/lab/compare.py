"""Is the Maildir what the server has? Written from the manual page alone."""

import collections
import datetime
import hashlib
import os
import re
import stat

from lab import client as imap

Message = collections.namedtuple(
    "Message", "uid size date flags lf crlf")
Mailbox = collections.namedtuple("Mailbox", "uidvalidity messages")

_LETTERS = {"\\draft": "D", "\\flagged": "F", "$forwarded": "P",
            "\\answered": "R", "\\seen": "S", "\\deleted": "T"}
_NAME = re.compile(
    r"^(-?\d+)\.V(\d+)\.([^,:/]+),U=(\d+),S=(\d+)(?::2,([A-Za-z]*))?$")


# ---- what the server has ----

def server_mailbox(client, mailbox):
    """Everything in a mailbox, by one FETCH of one client."""
    client.untagged_responses.pop("UIDVALIDITY", None)
    imap.ok(client.select(imap.quote(mailbox), readonly=True))
    uidvalidity = int(client.response("UIDVALIDITY")[1][-1])
    messages = {}
    count = int(imap.ok(client.status(
        imap.quote(mailbox), "(MESSAGES)"))[0].rsplit(b" ", 1)[1][:-1])
    if count:
        data = imap.ok(client.fetch(
            "1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])"))
        for item in data:
            if isinstance(item, tuple):
                message = _message(item[0], item[1])
                messages[message.uid] = message
    imap.ok(client.close())  # of a mailbox opened to read: removes nothing
    if len(messages) != count:
        raise AssertionError("%d of %d messages read" % (len(messages), count))
    return Mailbox(uidvalidity, messages)


def _message(head, body):
    text = head.decode("ascii")
    date = re.search(r'INTERNALDATE "([^"]+)"', text).group(1)
    moment = datetime.datetime.strptime(date.strip(), "%d-%b-%Y %H:%M:%S %z")
    return Message(
        uid=int(re.search(r"UID (\d+)", text).group(1)),
        size=int(re.search(r"RFC822.SIZE (\d+)", text).group(1)),
        date=int(moment.timestamp()),
        flags=frozenset(flag for flag in re.search(
            r"FLAGS \(([^)]*)\)", text).group(1).split()
            if flag.lower() != "\\recent"),
        lf=digest(body.replace(b"\r\n", b"\n")), crlf=digest(body))


def digest(data):
    return hashlib.sha256(data).hexdigest()


# ---- what the disk has ----

def _keyword_names(folder):
    names = {}
    try:
        with open(os.path.join(folder, "dovecot-keywords"),
                  encoding="utf-8") as f:
            for line in f:
                number, _, name = line.rstrip("\n").partition(" ")
                names[chr(ord("a") + int(number))] = name
    except FileNotFoundError:
        pass
    return names


def local_names(folder):
    """[(directory, name)] of new and cur; [] if the folder is not there."""
    found = []
    for sub in ("new", "cur"):
        try:
            found += [(sub, name) for name in
                      os.listdir(os.path.join(folder, sub))]
        except FileNotFoundError:
            pass
    return found


def local_uids(folder):
    """The UIDs that files in new and cur claim, duplicates and all, sorted."""
    uids = []
    for _, name in local_names(folder):
        match = _NAME.match(name)
        if match:
            uids.append(int(match.group(4)))
    return sorted(uids)


def is_alike(mailbox, folder):
    """Do UIDs and flags agree? Reads names alone, so it may be asked often."""
    expected = dict(mailbox.messages)
    keywords = None
    for sub, name in local_names(folder):
        match = _NAME.match(name)
        if not match or int(match.group(4)) not in expected:
            return False
        message = expected.pop(int(match.group(4)))
        if keywords is None or any(c.islower() for c in match.group(6) or ""):
            keywords = _keyword_names(folder)
        if _wrong_flags(message, sub, match.group(6), keywords):
            return False
    return not expected


def _wrong_flags(message, sub, letters, keywords):
    """What is wrong with directory and letters, or None."""
    if letters is None:
        if sub != "new":
            return "no flags suffix in cur"
        letters = ""
    elif sub != "cur":
        return "a flags suffix in new"
    if list(letters) != sorted(set(letters)):
        return "letters not sorted: " + letters
    system = set(letters) & set("DFPRST")
    words = set()
    for letter in letters:
        if letter.islower():
            if letter not in keywords:
                return "letter %s is not in dovecot-keywords" % letter
            words.add(keywords[letter].lower())
    wanted = {_LETTERS[flag.lower()] for flag in message.flags
              if flag.lower() in _LETTERS}
    wanted_words = {flag.lower() for flag in message.flags
                    if flag.lower() not in _LETTERS}
    if system != wanted or words != wanted_words:
        return "has %s+%s, the server %s+%s" % (
            sorted(system), sorted(words), sorted(wanted),
            sorted(wanted_words))
    return None


def differences(mailbox, folder, host, crlf=False, partial=False):
    """Every difference of a server's Mailbox and a local folder, in words.

    partial: messages may be missing (an interrupted run), but whatever is
    visible must be right.
    """
    wrong = _wrong_modes(folder)
    expected = dict(mailbox.messages)
    keywords = _keyword_names(folder)
    for sub, name in sorted(local_names(folder)):
        where = sub + "/" + name
        match = _NAME.match(name)
        if not match:
            wrong.append(where + ": not a message's name")
            continue
        message = expected.pop(int(match.group(4)), None)
        if message is None:
            wrong.append(where + ": unknown to the server, or a second file")
            continue
        wrong += _wrong_message(folder, where, match, message, mailbox, host,
                                crlf, keywords)
    if not partial:
        wrong += ["UID %d is missing" % uid for uid in sorted(expected)]
        wrong += ["left in tmp: " + name for name in
                  os.listdir(os.path.join(folder, "tmp"))]
        wrong += _wrong_uidvalidity(mailbox, folder)
    return wrong


def _wrong_message(folder, where, match, message, mailbox, host, crlf,
                   keywords):
    wrong = []
    base = "%d.V%d.%s,U=%d,S=%d" % (
        message.date, mailbox.uidvalidity, host.replace("/", "_").replace(
            ":", "_"), message.uid, message.size)
    if where.split("/", 1)[1].split(":2,")[0] != base:
        wrong.append("%s: should be %s" % (where, base))
    fault = _wrong_flags(message, where.split("/")[0], match.group(6),
                         keywords)
    if fault:
        wrong.append(where + ": " + fault)
    path = os.path.join(folder, where)
    info = os.lstat(path)
    if not stat.S_ISREG(info.st_mode) or stat.S_IMODE(info.st_mode) != 0o600:
        wrong.append("%s: mode %o" % (where, info.st_mode))
    if int(info.st_mtime) != message.date:
        wrong.append("%s: mtime %d, INTERNALDATE %d" % (
            where, info.st_mtime, message.date))
    with open(path, "rb") as f:
        content = f.read()
    if digest(content) != (message.crlf if crlf else message.lf):
        wrong.append("%s: other bytes (%d of %d)" % (
            where, len(content), message.size))
    return wrong


def _wrong_modes(folder):
    wrong = []
    for sub in ("", "cur", "new", "tmp"):
        try:
            mode = stat.S_IMODE(os.lstat(os.path.join(folder, sub)).st_mode)
        except FileNotFoundError:
            wrong.append("no directory %s" % os.path.join(folder, sub))
            continue
        if mode != 0o700:
            wrong.append("%s: mode %o" % (os.path.join(folder, sub), mode))
    return wrong


def _wrong_uidvalidity(mailbox, folder):
    try:
        with open(os.path.join(folder, ".uidvalidity"), encoding="ascii") as f:
            lines = f.read().split("\n")
    except FileNotFoundError:
        return ["no .uidvalidity"]
    highest = max(mailbox.messages, default=0)
    if (lines[0] != str(mailbox.uidvalidity) or not lines[1].isdigit()
            or int(lines[1]) < highest or lines[2] != "mailmirror"):
        return [".uidvalidity is %r; UIDVALIDITY %d, highest UID %d" % (
            lines, mailbox.uidvalidity, highest)]
    return []
