"""A private Cyrus IMAP 3.6 on loopback, unpacked by `tests/deps servers`.

Besides USER it knows OTHER (to give rights to), ADMIN (sets quotas, sees all
mailboxes as user/NAME) and PROXY (logs in as somebody else: SASL with an
authorisation identity).
"""

import os
import subprocess

from lab import dovecot, unpacked

USER, PASSWORD = dovecot.USER, dovecot.PASSWORD
OTHER, ADMIN, PROXY = "other", "admin", "proxy"
MECHANISMS = "PLAIN LOGIN CRAM-MD5"
# Under TLS these come with -PLUS, bound by tls-unique whatever the version.
SCRAM = "SCRAM-SHA-1 SCRAM-SHA-256"

_SETTINGS = """\
configdirectory: {top}/conf
defaultpartition: default
partition-default: {top}/spool
sievedir: {top}/conf
cyrus_user: {owner}
servername: localhost
admins: {admin}
proxyservers: {proxy}
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {top}/sasldb2
sasl_mech_list: {mechanisms}
tls_server_cert: {top}/server.pem
tls_server_key: {top}/server.key
unixhierarchysep: yes
altnamespace: yes
autocreate_quota: 0
munge8bit: no
imapidlepoll: 1
annotation_enable_legacy_commands: yes
skiplist_unsafe: yes
{extra}
"""

_SERVICES = """\
START {{
  recover cmd="{bin}/ctl_cyrusdb -r -C {top}/imapd.conf"
}}
DAEMON {{
  idled cmd="{bin}/idled -C {top}/imapd.conf"
}}
SERVICES {{
  imap cmd="{bin}/imapd -C {top}/imapd.conf" listen="127.0.0.1:{port}"
  imaps cmd="{bin}/imapd -s -C {top}/imapd.conf" listen="127.0.0.1:{tls_port}"
}}
EVENTS {{
}}
"""


class Cyrus(unpacked.Server):
    """One server; the mailbox names have '/', as Dovecot's here."""

    name = "Cyrus"

    def __init__(self, directory, mechanisms=MECHANISMS, extra="", **more):
        super().__init__(directory, **more)
        for name in ("conf", "conf/socket", "conf/proc", "conf/log",
                     "conf/lock", "conf/db", "spool"):
            self.directory(name)
        self.write("imapd.conf", _SETTINGS.format(
            top=self.top, owner=unpacked.OWNER, admin=ADMIN, proxy=PROXY,
            mechanisms=mechanisms, extra=extra))
        self.write("cyrus.conf", _SERVICES.format(
            top=self.top, port=self.port, tls_port=self.tls_port,
            bin=os.path.dirname(unpacked.program("usr/lib/cyrus/bin/imapd"))))
        for user in (USER, OTHER, ADMIN, PROXY):
            self.set_password(PASSWORD, user)

    def set_password(self, password, user=USER):
        subprocess.run(
            (unpacked.program("usr/sbin/saslpasswd2"), "-p", "-c", "-u",
             "localhost", "-f", self.path("sasldb2"), user),
            input=password.encode(), env=self.environment(), check=True,
            timeout=60, capture_output=True)
        os.chown(self.path("sasldb2"), self.uid, self.gid)

    def command(self):
        return (unpacked.program("usr/lib/cyrus/bin/master"), "-D",
                "-C", self.path("imapd.conf"), "-M", self.path("cyrus.conf"),
                "-p", self.path("conf/master.pid"))

    def sessions(self):
        """The process ids of sessions; each shows soon after its login."""
        pids = []
        for name in os.listdir(self.path("conf", "proc")):
            try:
                with open(self.path("conf", "proc", name),
                          encoding="utf-8") as f:
                    # service, client, user, mailbox, command
                    fields = f.read().rstrip("\n").split("\t")
            except FileNotFoundError:
                continue
            if name.isdigit() and len(fields) > 2 and fields[2]:
                pids.append(int(name))
        return pids

    # ---- what the clients said ----

    def begin_rawlog(self, user=USER):
        """Sessions of the user that log in from now on are recorded."""
        self.directory("conf", "log", user)

    def rawlog(self, user=USER):
        """All that the user's clients and the server said after the login.

        Each burst begins with <TIME< (the client) or >TIME> (the server).
        """
        texts = []
        directory = self.path("conf", "log", user)
        for name in sorted(os.listdir(directory)):
            with open(os.path.join(directory, name), "rb") as log:
                texts.append(log.read())
        return b"".join(texts)
