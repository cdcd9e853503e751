"""A private Courier IMAP 5 on loopback, unpacked by `tests/deps servers`.

Its imapd is the real one; what logs in is courier_login.py. Mailboxes are below
INBOX with '.', as Courier has them; OTHER is somebody to give rights to.
"""

import json
import os
import shlex

from lab import dovecot, process, unpacked

USER, PASSWORD = dovecot.USER, dovecot.PASSWORD
OTHER = "other"
CAPABILITY = ("IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT "
              "THREAD=REFERENCES SORT QUOTA IDLE")


class Courier(unpacked.Server):
    """One server; environment: more of the settings IMAP_..."""

    name = "Courier"

    def __init__(self, directory, capability=CAPABILITY, quota="100000000S",
                 environment=None, **more):
        super().__init__(directory, **more)
        self.settings = {
            "IMAP_CAPABILITY": capability, "IMAP_KEYWORDS": "1",
            "IMAP_ACL": "1", "IMAP_USELOCKS": "1", "IMAP_ENHANCEDIDLE": "1",
            "IMAP_IDLE_TIMEOUT": "1", "IMAP_CHECK_ALL_FOLDERS": "0",
            "IMAP_UMASK": "022", "IMAP_TRASHFOLDERNAME": "Trash",
            "IMAP_MAILBOX_SANITY_CHECK": "0", "IMAP_DISABLETHREADSORT": "0",
            "IMAP_OBSOLETE_CLIENT": "0", "MAILDIRQUOTA": quota,
            "PROTOCOL": "IMAP", "TCPREMOTEIP": "127.0.0.1",
            "TCPREMOTEPORT": "0", "TCPLOCALPORT": str(self.port),
            # of this server alone, and short: it is a socket's name
            "GAM_CLIENT_ID": "lab%d-%d" % (os.getpid(), self.port),
            **(environment or {})}
        self.passwords = {}
        self.directory("mail")
        for user in (USER, OTHER):
            self.directory("mail", user)
            for sub in ("", "cur", "new", "tmp"):
                self.directory("mail", user, "Maildir", sub)
            self.set_password(PASSWORD, user)

    def set_password(self, password, user=USER):
        self.passwords[user] = password
        self.write("users", json.dumps(self.passwords))

    def environment(self):
        return {**super().environment(), **self.settings}

    def command(self):
        settings = self.write("login.json", json.dumps({
            "port": self.port, "tls_port": self.tls_port,
            "certificate": self.path("server.pem"),
            "key": self.path("server.key"), "users": self.path("users"),
            "home": self.path("mail"), "imapd": self._imapd(),
            "gamin": [unpacked.program("usr/libexec/gam_server")]}))
        return ("/usr/bin/python3", "-I", "-B", os.path.join(
            os.path.dirname(os.path.abspath(__file__)),
            "courier_login.py"), settings)

    @staticmethod
    def _imapd():
        return [unpacked.program("usr/bin/imapd"), "Maildir"]

    def sessions(self):
        """The process ids of the logged-in sessions."""
        return [pid for pid, name, _ in
                process.group_members(self.child.pid) if name == "imapd"]

    # ---- other ways in ----

    def tunnel_command(self, user=USER):
        """A shell command that is a session, logged in already (PREAUTH)."""
        words = ["env"] + ["%s=%s" % pair for pair in {
            **self.environment(), "AUTHENTICATED": user, "AUTHADDR": user,
            "HOME": self.path("mail", user)}.items()]
        if os.getuid() == 0:
            words += ["setpriv", "--reuid", str(self.uid), "--regid",
                      str(self.gid), "--clear-groups"]
        return "cd %s && exec %s" % (
            shlex.quote(self.path("mail", user)),
            shlex.join(words + self._imapd()))
