#!/usr/bin/python3
"""`mailmirror import`: what mbsync, offlineimap and goimapnotify are told, as
our configuration, which `check --offline` accepts whatever it is made of."""

import json
import os
import re

from lab import case, mirror

MBSYNC_EXAMPLE = "/usr/share/doc/isync/examples/mbsyncrc.sample"
OFFLINEIMAP_EXAMPLES = "/usr/share/doc/offlineimap3/examples/"

MBSYNC = r"""
IMAPAccount gmail
# a comment
Host imap.gmail.com
User me@gmail.com
PassCmd "+gpg -q -d \"$HOME/pass word.gpg\""
TLSType IMAPS
AuthMechs LOGIN PLAIN
Timeout 120
DisableExtensions COMPRESS=DEFLATE LITERAL+

IMAPStore gmail-remote
Account gmail

MaildirStore gmail-local
Path ~/Mail/gmail/
Inbox ~/Mail/gmail/INBOX
SubFolders Verbatim

Channel gmail
Far :gmail-remote:
Near :gmail-local:
Patterns * ![Gmail]* "[Gmail]/Sent Mail" "[Gmail]/Starred"
Sync Pull
Expunge Near
SyncState *
"""

OFFLINEIMAP = r"""
[general]
accounts = Work, Gm
pythonfile = %s
socktimeout = 90
fsync = no

[DEFAULT]
domain = example.org

[Account Work]
localrepository = WorkLocal
remoterepository = WorkRemote
autorefresh = 2.5
maxsize = 2000000
maxage = 30
postsynchook = notmuch new

[Repository WorkLocal]
type = Maildir
localfolders = $HOME/Mail/work
sep = /

[Repository WorkRemote]
type = IMAP
remotehost = imap.%%(domain)s
remoteport = 1993
remoteuser = me
remotepasseval = get_pass("work")
ssl = yes
sslcacertfile = OS-DEFAULT
cert_fingerprint = 9F:86:d0:81:88:4c:7d:65:9a:2f:ea:a0:c5:5a:d0:15:a3:bf:4f:1b:2b:0b:82:2c:d1:5d:6c:15:b0:f0:0a:08,
    bbfe29cf97acb204591edbafe0aa8c8f914287c9
auth_mechanisms = GSSAPI, CRAM-MD5, PLAIN
readonly = True
sync_deletes = no
maxconnections = 2
idlefolders = ['INBOX', 'INBOX.Alerts']
folderfilter = lambda foldername: foldername not in [
    'Trash', 'G&AOQ-ste']
nametrans = lambda foldername: re.sub('^INBOX\.', '', foldername)

[Account Gm]
localrepository = GmLocal
remoterepository = GmRemote

[Repository GmLocal]
type = GmailMaildir
localfolders = ~/Mail/gm

[Repository GmRemote]
type = Gmail
remoteuser = me@gmail.com
remotepassfile = ~/.gm.pass
"""

GOIMAPNOTIFY = r"""{
  "configurations": [
    {
      "host": "mail.example.com", "port": 143, "tls": true,
      "tlsOptions": {
        "rejectUnauthorized": false, "starttls": true
      },
      "username": "me@example.com", "alias": "Example COM",
      "passwordCMD": "pass show \"m\\n\"",
      "wait": 20,
      "boxes": [
        {"mailbox": "INBOX", "onNewMail": "mbsync x:INBOX",
         "onNewMailPost": "notmuch new"},
        {"mailbox": "Entw\u00fcrfe", "onNewMail": "offlineimap && it's",
         "onNewMailPost": "SKIP"}
      ]
    },
    {
      "host": "127.0.0.1", "port": 1143, "tls": false, "xoAuth2": true,
      "username": "me", "passwordCmd": "token", "onNewMail": "SKIP",
      "onNewMailPost": "", "onDeletedMail": "gone", "boxes": ["INBOX"]
    }
  ]
}
"""


def accounts(text):
    """The settings of each account, as they are written."""
    return [dict(re.findall(r"^    ([a-z_]+) = (.*);$", part, re.M))
            for part in text.split("\n  {\n")[1:]]


class Import(case.Case):
    def setUp(self):
        super().setUp()
        self.source = self.path("source")
        self.ours = self.path("mailmirror.conf")
        self.environment = {"HOME": self.top, "PATH": os.environ["PATH"],
                            "LC_ALL": "C.UTF-8"}

    def run_import(self, *arguments):
        return mirror.execute([mirror.binary(), "import", *arguments], 300,
                              self.environment)

    def write(self, text):
        with open(self.source, "w", encoding="utf-8") as f:
            f.write(text)

    def check(self, result):
        """The accounts that were printed, and accepted."""
        self.assert_code(result, 0)
        with open(self.ours, "w", encoding="utf-8") as f:
            f.write(result.out)
        self.assert_code(mirror.execute(
            [mirror.binary(), "check", "--offline", "-c", self.ours], 300,
            self.environment), 0)
        for line in result.err.splitlines():
            self.assertRegex(line, "^%s:[0-9]+: " % re.escape(self.source))
        self.warnings = result.err
        self.text = result.out
        return accounts(result.out)

    def translate(self, tool, text):
        self.write(text)
        return self.check(self.run_import(tool, self.source))

    def assert_warns(self, text, word):
        """One of the warnings has the word, and the line of the text."""
        line = self.line_of(text)
        self.assertRegex(self.warnings, "(?m):%d: .*%s" % (
            line, re.escape(word)))
        self.assertIn("# line %d: " % line, self.text)

    def line_of(self, text):
        with open(self.source, encoding="utf-8") as f:
            return next(number for number, line in enumerate(f, 1)
                        if text in line)

    def assert_refused(self, tool, text, line, word):
        self.write(text)
        result = self.run_import(tool, self.source)
        self.assert_code(result, 78)
        self.assertEqual(result.out, "")
        self.assertRegex(result.err, "(?m)^%s:%d: .*%s" % (
            re.escape(self.source), line, re.escape(word)))


class Mbsync(Import):
    def simple(self, server="", local="Path ~/M/", channel="", top=""):
        """One account, with these lines more."""
        return self.translate("mbsync", "%s\n\n" % top + "\n".join([
            "IMAPStore far", "Host imap.example.org", "User me",
            "PassCmd secret", server, "", "MaildirStore near", local, "",
            "Channel all", "Far :far:", "Near :near:", channel, ""]).replace(
                "\n\n\n", "\n\n"))[0]

    def test_an_account_with_all_that_it_has(self):
        [account] = self.translate("mbsync", MBSYNC)
        self.assertEqual(account, {
            "name": '"gmail"', "host": '"imap.gmail.com"',
            "tls": '"implicit"', "user": '"me@gmail.com"',
            "password_command":
                '"gpg -q -d \\"$HOME/pass word.gpg\\""',
            "auth": '[ "login", "plain" ]', "maildir": '"~/Mail/gmail/"',
            "folders":
                '[ "*", "[Gmail]/Sent Mail", "[Gmail]/Starred" ]',
            "exclude": '[ "\\\\All", "\\\\Drafts", "\\\\Important", '
                       '"\\\\Junk", "\\\\Trash" ]',
            "timeout": '"2m"',
            "disable_extensions": '[ "COMPRESS=DEFLATE", "LITERAL+" ]'})
        self.assertEqual(self.warnings, "")

    def test_its_own_example(self):
        found = self.check(self.run_example(MBSYNC_EXAMPLE))
        self.assertEqual([account["name"] for account in found],
                         ['"work"', '"personal"', '"remote"', '"server"'])
        self.assertEqual(found[2]["tunnel"],
                         '"ssh -q host.remote.com /usr/sbin/imapd"')
        self.assertEqual(found[0]["layout"], '"maildir++"')
        self.assertEqual(found[0]["maildir"], '"~/Mail/work"')
        self.assertNotIn("xxxxxxxx", self.text + self.warnings)

    def run_example(self, path):
        self.source = path
        return self.run_import("mbsync", path)

    def test_old_words(self):
        [account] = self.translate("mbsync", "\n".join([
            "IMAPStore far", "Host imaps:old.example.org", "User me",
            "Pass secret", "RequireCRAM yes", "UseTLSv1 yes", "",
            "MaildirStore near", "Path ~/Old/", "Inbox ~/Old/INBOX", "",
            "Channel old", "Master :far:", "Slave :near:", "Pattern INBOX",
            "Sync Pull", "Expunge Slave", ""]))
        self.assertEqual(account["host"], '"old.example.org"')
        self.assertEqual(account["tls"], '"implicit"')
        self.assertEqual(account["auth"], '[ "cram-md5" ]')
        self.assertNotIn("on_expunge", account)
        self.assert_warns("UseTLSv1", "1.2 and 1.3")
        self.assert_warns("Pass secret", "not copied")
        self.assertNotIn('"secret"', self.text)

    def test_tls(self):
        for lines, expected in (
                ("", ("starttls", None, None)),
                ("SSLType None", ("none", "true", None)),
                ("TLSType IMAPS\nTLSVersions TLSv1.3",
                 ("implicit", None, "1.3")),
                ("TLSType STARTTLS\nTLSVersions -1.0 -1.2",
                 ("starttls", None, "1.3"))):
            account = self.simple(server=lines)
            self.assertEqual(
                (account["tls"].strip('"'), account.get("allow_plaintext"),
                 account.get("tls_min_version", '""').strip('"') or None),
                expected, lines)

    def test_what_changes_the_server_is_warned_of(self):
        account = self.simple(channel="Sync All\nExpunge Both\nCreate Both")
        self.assert_warns("Sync All", "carries changes")
        self.assert_warns("Expunge Both", "Expunge")
        self.assert_warns("Create Both", "Create")
        self.assertNotIn("on_expunge", account)

    def test_what_is_expunged_stays_as_it_does_there(self):
        for lines in ("Sync Pull", "Sync PullNew PullFlags\nExpunge Near"):
            account = self.simple(channel=lines)
            self.assertEqual(account["on_expunge"], '"keep"', lines)
            self.assertEqual(account["folders"], '[ "INBOX" ]')

    def test_what_is_said_for_all_channels_is_warned_of_once(self):
        self.write("\n".join([
            "Create Both", "Expunge Both", "", "IMAPStore far", "Host h",
            "User me", "PassCmd x", "", "MaildirStore near", "Path ~/M/",
            "Inbox ~/M/Inbox", "", "Channel a", "Far :far:", "Near :near:",
            "", "Channel b", "Far :far:Sent", "Near :near:Sent", ""]))
        self.check(self.run_import("mbsync", self.source))
        for text, word in (("Create", "Create"), ("Expunge", "Expunge"),
                           ("Channel a", "carries changes"),
                           ("Inbox", "INBOX is ~/M/Inbox")):
            self.assert_warns(text, word)
        self.assertEqual(len(self.warnings.splitlines()), 4)

    def test_a_reversed_channel_pulls_by_pushing(self):
        self.write("\n".join([
            "IMAPStore far", "Host h", "User me", "PassCmd x", "",
            "MaildirStore near", "Path ~/M/", "Inbox ~/M/INBOX", "",
            "Channel c", "Far :near:", "Near :far:", "Patterns *",
            "Sync Push", "Expunge Far", ""]))
        [account] = self.check(self.run_import("mbsync", self.source))
        self.assertNotIn("on_expunge", account)
        self.assertEqual(self.warnings, "")

    def test_an_exclusion_that_takes_too_much_is_left_out(self):
        account = self.simple(
            server="PathDelimiter .",
            channel="Patterns Lists/% !Lists/a* Lists/abc !INBOX INBOX")
        self.assertEqual(account["folders"],
                         '[ "Lists.%", "Lists.abc", "INBOX" ]')
        self.assertNotIn("exclude", account)
        self.assert_warns("Patterns", "left out")

    def test_names_are_decoded(self):
        account = self.simple(
            channel='Patterns Entw&APw-rfe "R&D" "a\\"b\\\\" !Gel&APY-scht*')
        self.assertEqual(account["folders"],
                         '[ "Entwürfe", "R&D", "a\\"b\\\\" ]')
        self.assertEqual(account["exclude"], '[ "Gelöscht*" ]')

    def test_layouts(self):
        inbox = self.simple(local="Inbox ~/Maildir\nSubFolders Maildir++",
                            channel="Patterns *")
        self.assertEqual((inbox["maildir"], inbox["layout"]),
                         ('"~/Maildir"', '"maildir++"'))
        self.simple(local="Path ~/M/\nFlatten .\nInbox ~/I",
                    channel="Patterns *")
        self.assert_warns("Flatten", "Flatten")
        self.assert_warns("Inbox ~/I", "INBOX is ~/I")
        self.simple(local="Path ~/M\nSubFolders Legacy",
                    channel="Patterns *")
        self.assert_warns("Legacy", "Legacy")
        self.assert_warns("Path", "no \"/\" at its end")

    def test_channels_of_one_pair_of_stores_are_one_account(self):
        self.write("\n".join([
            "FSync no", "", "IMAPStore far", "Host h", "User me",
            "PassCmd x", "", "MaildirStore near", "Path ~/M/",
            "Inbox ~/M/INBOX", "MaxSize 2m", "", "Channel a",
            "Far :far:INBOX", "Near :near:INBOX", "Sync Pull", "",
            "Channel b", 'Far ":far:Sent Items"', "Near :near:sent",
            "Sync Pull", "", "Group both a b", ""]))
        [account] = self.check(self.run_import("mbsync", self.source))
        self.assertEqual(account["folders"], '[ "INBOX", "Sent Items" ]')
        self.assertEqual(account["max_size"], "2097152")
        self.assertEqual(account["fsync"], "false")
        self.assert_warns("Channel b", '"Sent Items" on the server')
        self.assert_warns("Group", "Group both")

    def test_accounts_that_shared_a_maildir_get_their_own(self):
        stores = "".join("IMAPStore s%d\nHost h%d\nUser u\nPassCmd x\n\n"
                         "Channel c%d\nFar :s%d:\nNear :m:\nPatterns *\n\n"
                         % (n, n, n, n) for n in (1, 2))
        found = self.translate(
            "mbsync", "MaildirStore m\nPath ~/M/\n\n" + stores)
        self.assertEqual([account["maildir"] for account in found],
                         ['"~/M/"', '"~/M/s2"'])

    def test_what_is_refused(self):
        good = "IMAPStore s\nHost h\nUser u\n\nMaildirStore l\nPath /x/\n\n"
        channel = "Channel c\nFar :s:\nNear :l:\n"
        for text, line, word in (
                ("", 1, "no Channel"),
                ("what is this\n", 1, '"what"'),
                ("IMAPStore s\nHost\n", 2, "value is missing"),
                ("IMAPStore s\nHost a b\n", 2, "more than one"),
                ('IMAPStore s\nHost "a\n', 2, "closing quote"),
                ("IMAPStore s\nHost a\\\n", 2, "\\"),
                ("IMAPStore\n", 1, "name is missing"),
                ("IMAPStore s\nHost h\nMaildirStore l\n", 3, "empty line"),
                (good + "IMAPStore s\nHost h\n", 8, "already"),
                (good + "Channel c\nFar :s:\n", 8, "Near is missing"),
                (good + "Channel c\nFar :t:\nNear :l:\n", 9, "no store t"),
                (good + "Channel c\nFar s\nNear :l:\n", 9, ":STORE:"),
                (good + channel + "Sync Sideways\n", 11, "Sideways"),
                (good + channel + "MaxSize 20q\n", 11, "20q"),
                (good.replace("Host h", "Host a_b/c") + channel, 2, "a_b/c"),
                (good.replace("Host h", "Host h\nPort 70000") + channel, 3,
                 "70000"),
                (good.replace("Host h\n", "") + channel, 1, "neither Host"),
                (good.replace("Host h", "Account a") + channel, 2,
                 "IMAPAccount a"),
                ("IMAPStore s\nHost \x01\n", 2, "0x01")):
            with self.subTest(text=text):
                self.assert_refused("mbsync", text, line, word)


    def test_what_it_includes_is_asked_for(self):
        self.simple(top='IncludeCmd "pass show rest"')
        self.assert_warns("IncludeCmd", "what the command prints")

    def test_paths_are_as_they_stand_there(self):
        account = self.simple(local='Path "~/My $HOME/"', top=(
            'SyncState "~/sync state/"'))
        self.assertEqual(account["maildir"], '"~/My $HOME/"')
        self.assertIn("--from ~/'sync state/'", self.text)

    def test_what_a_terminal_would_obey_is_not_printed(self):
        account = self.simple(local="Path ~/a\u009bb\u202ec/")
        self.assertEqual(account["maildir"],
                         '"~/a\\xc2\\x9bb\\xe2\\x80\\xaec/"')

    def test_too_many_patterns(self):
        words = " ".join("!a%d b%d*" % (i, i) for i in range(1001))
        with self.assertRaises(AssertionError):
            self.simple(channel="Patterns " + words)
        result = self.run_import("mbsync", self.source)
        self.assert_code(result, 78)
        self.assertIn("%s:%d: this is pattern 2001" % (
            self.source, self.line_of("Patterns")), result.err)


class Offlineimap(Import):
    def simple(self, remote="", account="", local="", module=None):
        """One account, with these lines more."""
        general = "[general]\naccounts = A\n"
        if module is not None:
            with open(self.path("module.py"), "w", encoding="utf-8") as f:
                f.write(module)
            general += "pythonfile = ~/module.py\n"
        return self.translate("offlineimap", general + (
            "[Account A]\nlocalrepository = L\nremoterepository = R\n%s\n"
            "[Repository L]\ntype = Maildir\nlocalfolders = ~/M\n%s\n"
            "[Repository R]\ntype = IMAP\nremotehost = h\nremoteuser = u\n"
            "%s\n" % (account, local, remote)))[0]

    def test_accounts_with_all_that_they_have(self):
        with open(self.path("offlineimap.py"), "w", encoding="utf-8") as f:
            f.write("from subprocess import check_output\n\n"
                    "def get_pass(account):\n"
                    "    return check_output('pass mail/' + account, "
                    "shell=True).splitlines()[0]\n")
        work, gmail = self.translate(
            "offlineimap", OFFLINEIMAP % self.path("offlineimap.py"))
        self.assertEqual(work, {
            "name": '"Work"', "host": '"imap.example.org"', "port": "1993",
            "tls": '"implicit"', "tls_fingerprint": '[ "%s" ]' % (
                "9f86d081884c7d659a2feaa0c55ad015"
                "a3bf4f1b2b0b822cd15d6c15b0f00a08"),
            "user": '"me"', "password_command": '"pass mail/work"',
            "auth": '[ "cram-md5", "plain" ]',
            "maildir": '"${HOME}/Mail/work"', "folders": '[ "*" ]',
            "exclude": '[ "Trash", "Gäste" ]',
            "watch": '[ "INBOX", "INBOX.Alerts" ]', "max_connections": "3",
            "poll_interval": '"150s"', "timeout": '"90s"',
            "on_expunge": '"keep"', "max_size": "2000000", "fsync": "false",
            "on_change": '"notmuch new"'})
        for text, word in (("cert_fingerprint", "SHA-256"),
                           ("GSSAPI", "GSSAPI"), ("maxage", "maxage"),
                           ("nametrans", "nametrans")):
            self.assert_warns(text, word)
        self.assertNotIn("domain", self.text)
        self.assertEqual(gmail["host"], '"imap.gmail.com"')
        self.assertEqual(gmail["password_file"], '"~/.gm.pass"')
        self.assert_warns("[Repository GmRemote]", "carries changes")

    def test_a_proxy(self):
        for theirs, ours in (
                ("SOCKS5:localhost:9050", "socks5h://localhost:9050"),
                ("HTTP:p.example.org:3128", "http://p.example.org:3128")):
            with self.subTest(theirs):
                account = self.simple(account="proxy = " + theirs)
                self.assertEqual(account["proxy"], '"%s"' % ours)
                self.assertNotIn("proxy: ", self.text)
        for theirs in ("SOCKS4:h:1080", "SOCKS5:h", "HTTP::1", "HTTP:h:0"):
            with self.subTest(theirs):
                account = self.simple(account="proxy = " + theirs)
                self.assertNotIn("proxy", account)
                self.assert_warns("proxy = ", "SOCKS 5 or HTTP")
        # loopback behind a proxy is anywhere
        account = self.simple(account="proxy = HTTP:h:1", remote=(
            "remotehost = localhost\nssl = no\nstarttls = no"))
        self.assertEqual(account["allow_plaintext"], "true")

    def test_its_own_examples(self):
        for name in ("offlineimap.conf", "offlineimap.conf.minimal"):
            self.source = OFFLINEIMAP_EXAMPLES + name
            [account] = self.check(self.run_import("offlineimap",
                                                   self.source))
            self.assertEqual(account["maildir"], '"~/Test"')
            self.assertEqual(account["host"], '"examplehost"')

    def test_every_option_of_its_example_is_known(self):
        with open(OFFLINEIMAP_EXAMPLES + "offlineimap.conf",
                  encoding="utf-8") as f:
            remote = f.read().split("[Repository RemoteExample]", 1)[1]
        remote = remote.split("\n[Repository GmailExample]", 1)[0]
        lines = dict(re.findall(
            r"^#?((?!ipv6)[a-z_0-9]+) *= *([^<\n\[]*[^<\n\[,(\\ ])$",
            remote, re.M))
        for key in ("type", "remotehost", "remoteuser", "transporttunnel",
                    "preauthtunnel", "newmail_hook"):
            lines.pop(key, None)
        self.assertGreater(len(lines), 30)
        self.simple(remote="\n".join(
            "%s = %s" % (key, re.sub("(?<!%)%(?!%)", "%%", value))
            for key, value in lines.items()))
        self.assertNotIn("not known", self.warnings)

    def test_filters(self):
        for python, folders, exclude in (
                ("lambda f: f in ['INBOX', \"Sent Mail\"]",
                 '[ "INBOX", "Sent Mail" ]', None),
                ("lambda f: not re.search('(^Trash$|Del)', f)",
                 '[ "*" ]', '[ "Trash", "*Del*" ]'),
                (r"lambda f: re.match(r'^INBOX(\.|$)', f)", '[ "*" ]', None),
                (r"lambda x: re.match(r'INBOX\.a', x) and x != 'INBOX.ab'",
                 '[ "INBOX.a*" ]', '[ "INBOX.ab" ]'),
                ("lambda f: f.startswith('L') or 'x' in f",
                 '[ "L*", "*x*" ]', None),
                ("lambda f: True", '[ "*" ]', None),
                ("lambda f: f.lower() in ['a']", '[ "*" ]', None),
                ("my_filter", '[ "*" ]', None)):
            with self.subTest(python=python):
                account = self.simple("folderfilter = " + python)
                self.assertEqual(account["folders"], folders)
                self.assertEqual(account.get("exclude"), exclude)

    def test_a_filter_that_is_not_recognised_is_warned_of(self):
        self.simple("folderfilter = my_filter\nidlefolders = mine()\n"
                    "folderincludes = ['a']")
        self.assert_warns("folderfilter", "my_filter")
        self.assert_warns("idlefolders", "mine()")
        self.assertNotIn("folderincludes", self.warnings)

    def test_commands_in_python(self):
        for body, command in (
                ("return check_output(['pass', 'show', 'a b/' + x])",
                 '"pass show \'a b/w\'"'),
                ("cmd = 'pass %s' % x\n    p = Popen(cmd, shell=True, "
                 "stdout=PIPE)\n    return p.communicate()[0].strip()",
                 '"pass w"'),
                ("return os.popen('pass {} x'.format(x)).read()[:-1]",
                 '"pass w x"'),
                ("return subprocess.run(f\"pass {x}\".split(), text=True, "
                 "capture_output=True).stdout", '"pass w"'),
                ("return keyring.get_password('mail', x)",
                 '"keyring get mail w"'),
                ("s = os.popen('pass').read()\n    "
                 "return re.search('p (.*)', s).group(1)", None),
                ("return check_output('pass').splitlines()[1]", None),
                ("return open('/x').read()", None)):
            with self.subTest(body=body):
                account = self.simple(
                    'remotepasseval = get("w")',
                    module="import x\n\ndef get(x):\n    %s\n" % body)
                self.assertEqual(account.get("password_command"), command)
                self.assertEqual("not recognised" in self.warnings,
                                 command is None)

    def test_tls_and_tunnels(self):
        for lines, expected in (
                ("ssl = no", ("starttls", None)),
                ("ssl = no\nstarttls = no", ("none", None)),
                ("preauthtunnel = ssh h 'imapd x'", (None, "ssh h 'imapd x'"))):
            account = self.simple(lines)
            self.assertEqual(
                (account.get("tls", '""').strip('"') or None,
                 account.get("tunnel", '""').strip('"') or None), expected)

    def test_secrets_are_not_copied(self):
        self.simple("remotepass = hunter%%2")
        self.assertNotIn("hunter", self.text + self.warnings)
        account = self.simple("oauth2_client_id = a\n"
                              "oauth2_client_secret = sesame\n"
                              "oauth2_refresh_token = hunter")
        self.assertEqual(account["auth"], '[ "xoauth2" ]')
        self.assert_warns("refresh_token", "access token")
        self.assertNotIn("hunter", self.text + self.warnings)
        self.assertNotIn("sesame", self.text + self.warnings)

    def test_what_is_refused(self):
        good = "[general]\naccounts = A\n"
        for text, line, word in (
                ("", 1, "accounts is missing"),
                ("a = b\n", 1, "[section]"),
                ("[general\n", 1, '"]"'),
                (good + "nothing\n", 3, "option = value"),
                (good, 2, "[Account A]"),
                (good + "[Account A]\n", 3, "localrepository"),
                (good + "[Account A]\nlocalrepository = L\n", 4,
                 "[Repository L]"),
                ("[general]\naccounts = %(a)s\na = %(accounts)s\n", 2,
                 "contains itself"),
                ("[general]\naccounts = %(a)s\n", 2, "%(a)s"),
                ("[general]\naccounts = 5%\n", 2, '"%%"')):
            with self.subTest(text=text):
                self.assert_refused("offlineimap", text, line, word)
        for lines, word in (("ssl = perhaps", "perhaps"),
                            ("remoteport = 0", '"0"'),
                            ("maxconnections = many", "many")):
            with self.assertRaises(AssertionError):
                self.simple(lines)
            self.assertIn(word, self.run_import("offlineimap",
                                                self.source).err)


    def test_an_account_that_is_named_twice_is_one(self):
        self.assertEqual(len(self.translate("offlineimap", (
            OFFLINEIMAP % "none").replace("= Work, Gm", "= Gm, Gm"))), 1)
        self.assert_warns("accounts =", "twice")

    def test_what_expands_without_end_is_refused(self):
        text = (OFFLINEIMAP % "none").replace(
            "[Account Gm]", "[Account Gm]\nlong = %s\n%s" % (
                "x" * 9999, "".join("a%d = %%(long)s\n" % i
                                    for i in range(200))))
        self.write(text)
        self.assert_refused("offlineimap", text, self.line_of("a103 ="),
                            "longer than 1 MiB")


class Goimapnotify(Import):
    def test_accounts_with_all_that_they_have(self):
        first, second = self.translate("goimapnotify", GOIMAPNOTIFY)
        self.assertEqual(first, {
            "name": '"Example_COM"', "host": '"mail.example.com"',
            "port": "143", "tls": '"starttls"', "user": '"me@example.com"',
            "password_command": '"pass show \\"m\\\\n\\""',
            "maildir": '"~/Mail/Example_COM"',
            "folders": '[ "INBOX", "Entwürfe" ]',
            "on_change": '"case \\"$MAILMIRROR_FOLDER\\" in \'INBOX\') '
                         "notmuch new;; 'Entwürfe') it's;; esac\""})
        self.assertEqual(second["tls"], '"none"')
        self.assertEqual(second["auth"], '[ "xoauth2" ]')
        self.assertEqual(second["on_change"],
                         '"if [ \\"$MAILMIRROR_REMOVED\\" -gt 0 ]; then '
                         'gone; fi"')
        self.assert_warns("rejectUnauthorized", "always verified")
        self.assert_warns('"wait"', "wait")

    def test_the_old_form_and_a_list(self):
        old = ('{"host": "h", "port": 993, "tls": true, "username": "u",\n'
               ' "password": "hunter",\n "onNewMail": "mbsync a; b",\n'
               ' "onNewMailPost": "c", "boxes": ["INBOX", "L"]}')
        [account] = self.translate("goimapnotify", old)
        self.assertEqual(account["tls"], '"implicit"')
        self.assertEqual(account["on_change"], '"b && c"')
        self.assert_warns("hunter", "not copied")
        self.assertNotIn("hunter", self.text + self.warnings)
        both = self.translate("goimapnotify", "[%s,\n%s]" % (old, old))
        self.assertEqual([account["name"] for account in both],
                         ['"u"', '"u-2"'])

    def test_what_a_box_lacks_is_the_accounts(self):
        [account] = self.translate("goimapnotify", """{
  "host": "h", "tls": true, "username": "u", "passwordCmd": "p",
  "onNewMail": "mbsync -a; all", "onNewMailPost": "index",
  "boxes": [{"mailbox": "A"}, "B",
    {"mailbox": "C", "onNewMail": "mbsync c && c"},
    {"mailbox": "D", "onNewMail": "mbsync d", "onNewMailPost": "SKIP"},
    {"mailbox": "E", "onNewMailPost": "e %s",
     "onDeletedMail": "SKIP"}]}""")
        self.assertEqual(account["folders"], '[ "A", "B", "C", "D", "E" ]')
        self.assertEqual(
            account["on_change"], '"case \\"$MAILMIRROR_FOLDER\\" in '
            "'A') all && index;; 'B') all && index;; 'C') c && index;; "
            "'E') all && e %s;; esac\"")
        self.assert_warns('"E"', "$MAILMIRROR_FOLDER")
        self.assertEqual(self.text.count("mbsync -a"), 1)

    def test_what_its_page_has_and_we_have_not_is_named(self):
        [account] = self.translate("goimapnotify", """{"configurations": [{
  "hostCMD": "get-host",
  "port": 993, "tls": true,
  "tlsOptions": {"rejectUnauthorized": true,
    "minVersion": "1.3"},
  "username": "",
  "usernameCMD": "get-user",
  "password": "", "passwordCMD": "get-secret",
  "xoAuth2": false,
  "idleLogoutTimeout": 15,
  "enableIDCommand": true,
  "onNewMail": "", "onNewMailPost": "a",
  "onChangedMail": "mbsync x && b",
  "onChangedMailPost": "echo {{.Mailbox}}",
  "onDeletedMail": "c", "onDeletedMailPost": "SKIP", "boxes": []}]}""")
        self.assertEqual(account["host"], '"HOST.invalid"')
        self.assertEqual(account["folders"], '[ "*" ]')
        self.assertEqual(account["on_change"], '"' + "; ".join(
            'if [ \\"$MAILMIRROR_%s\\" -gt 0 ]; then %s; fi' % pair
            for pair in (("NEW", "a"), ("FLAGGED", "b && echo {{.Mailbox}}"),
                         ("REMOVED", "c"))) + '"')
        for text, word in (("hostCMD", "as host"), ("minVersion", "not known"),
                           ("usernameCMD", "as user"),
                           ("idleLogoutTimeout", "idle_refresh"),
                           ("enableIDCommand", "ID"),
                           ("{{.Mailbox}}", "$MAILMIRROR_FOLDER")):
            self.assert_warns(text, word)

    def test_what_is_refused(self):
        for text, line, word in (
                ("", 1, "JSON"), ("configurations:\n- host: h\n", 1, "yq"),
                ("---\n- host: h\n  boxes: [INBOX]\n", 1, "yq"),
                ("# YAML\nhost: h\nboxes:\n- INBOX\n", 1, "yq"),
                ('{"host": "h",\n"passwordCmd": ["a"]}', 2, "a string"),
                ('{"host": "h",\n"onChangedMail": ["a"]}', 2, "a string"),
                ('{"host": "h",\n "tls": true "x": 1}', 2, "JSON"),
                ("{}", 1, "host is missing"), ("[]", 1, "no account"),
                ('{"configurations": 5}', 1, "no account"),
                ('[\n5]', 2, "object"), ('{\n"host": 5}', 2, "a string"),
                ('{"host": "h",\n"port": "143"}', 2, "a number"),
                ('{"host": "h",\n"port": 143000}', 2, "143000"),
                ('{"host": "h",\n"tls": "yes"}', 2, "true or false"),
                ('{"host": "h",\n"tlsOptions": 1}', 2, "an object"),
                ('{"host": "h",\n"boxes": "INBOX"}', 2, "a list"),
                ('{"host": "h",\n"boxes": [1]}', 2, "name or an object"),
                ('{"host": "a b"}', 1, '"a b"')):
            with self.subTest(text=text):
                self.assert_refused("goimapnotify", text, line, word)


    def test_commands_stay_what_they_are(self):
        self.environment["PATH"] = self.path("bin") + ":/usr/bin:/bin"
        for new, post, removed, word in (
                ("mbsync -a >/dev/null 2>&1 && new", "post", "", "new post"),
                ("mbsync 'a;b' &>log; new", "post", "", "new post"),
                ("/usr/bin/mbsync\ta;new;", "post &", "", "new post"),
                ("new # mbsync", "post # x", "", "new post"),
                ("new;", "post;", "removed;", "new post"),
                ("false; new", "SKIP", "removed # x", "new"),
                ("false || new", "post", "removed", "new post")):
            with self.subTest(new=new, post=post):
                [account] = self.translate("goimapnotify", json.dumps({
                    "host": "h", "tls": True, "username": "u",
                    "passwordCmd": "p", "onDeletedMail": removed, "boxes": [
                        {"mailbox": "it's", "onNewMail": new,
                         "onNewMailPost": post}, "B"]}))
                command = json.loads(account["on_change"])
                result = mirror.execute(
                    ["/bin/sh", "-c", "for c in new post removed; do "
                     "eval \"$c() { said=\\\"\\$said $c\\\"; echo $c; }\"; "
                     "done; mbsync() { echo fetched; }; %s\nwait" % command],
                    300, {"MAILMIRROR_FOLDER": "it's", "MAILMIRROR_NEW": "1",
                          "MAILMIRROR_REMOVED": "0", "PATH": "/bin"})
                self.assert_code(result, 0)
                self.assertEqual(" ".join(result.out.split()), word)

    def test_what_needs_the_fetching_program_is_warned_of(self):
        [account] = self.translate("goimapnotify", """{"host": "h",
 "tls": true, "username": "u", "passwordCmd": "p", "boxes": ["INBOX"],
 "onNewMail": "mbsync a; mbsync b | logger"}""")
        self.assertEqual(account["on_change"], '"mbsync b | logger"')
        self.assert_warns('"onNewMail"', "take out")

    def test_what_is_no_json_is_not_shown(self):
        self.assert_refused("goimapnotify", '{"host": "h",\n"password": hunter'
                            '}', 2, "in column ")
        result = self.run_import("goimapnotify", self.source)
        self.assertNotIn("hunter", result.err)


class CommandLine(Import):
    def test_usage_is_64(self):
        for words in ((), ("mbsync",), ("mutt", "/dev/null"),
                      ("mbsync", "a", "b")):
            result = self.run_import(*words)
            self.assert_code(result, 64)
            self.assertEqual(result.out, "")

    def test_a_file_that_cannot_be_read_is_78(self):
        for path in (self.path("none"), self.top):
            result = self.run_import("mbsync", path)
            self.assert_code(result, 78)
            self.assertIn("%s:1: cannot be read" % path, result.err)

    def test_a_file_that_is_too_large_is_78(self):
        for tool in ("mbsync", "offlineimap", "goimapnotify"):
            self.assert_refused(tool, "# a comment\n" * 30000, 1,
                                "larger than 256 KiB")

    def test_a_file_that_is_cut_is_translated_or_refused(self):
        for tool, text in (("mbsync", MBSYNC), ("offlineimap", OFFLINEIMAP),
                           ("goimapnotify", GOIMAPNOTIFY)):
            for size in range(0, len(text), len(text) // 8):
                with self.subTest(tool=tool, size=size):
                    self.write(text[:size])
                    result = self.run_import(tool, self.source)
                    if result.code == 0:
                        self.check(result)
                    else:
                        self.assert_code(result, 78)
                        self.assertEqual(result.out, "")
                        self.assertNotEqual(result.err, "")


if __name__ == "__main__":
    case.main()
