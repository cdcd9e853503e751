"""A private Dovecot 2.3 on loopback: nothing of it is outside one directory."""

import base64
import hashlib
import hmac
import json
import os
import signal
import subprocess
import time

from lab import certificates, process

USER = "mirror"
PASSWORD = "correct horse battery"
MECHANISMS = ("plain login cram-md5 scram-sha-1 scram-sha-256 xoauth2 "
              "oauthbearer external anonymous")
_TOKEN_KEY = b"a key that signs the access tokens of this test only"

_CONFIG = """\
base_dir = {top}/run
state_dir = {top}/state
log_path = {top}/dovecot.log
protocols = imap
listen = 127.0.0.1, ::1
ssl = yes
ssl_cert = <{top}/server.pem
ssl_key = <{top}/server.key
auth_mechanisms = {mechanisms}
auth_anonymous_username = {user}
auth_failure_delay = 0
disable_plaintext_auth = no
mail_max_userip_connections = 200
mail_location = {location}
mail_fsync = never
mail_log_prefix = "%s(%u)<%{{pid}}>: "
default_login_user = {login_user}
default_internal_user = {internal_user}
default_internal_group = {internal_group}
default_vsz_limit = 1G
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    special_use = \\Sent
  }}
  mailbox Trash {{
    special_use = \\Trash
  }}
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {top}/oauth2.conf
}}
passdb {{
  driver = static
  mechanisms = external anonymous
  args = nopassword=y
}}
passdb {{
  driver = passwd-file
  mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
  args = scheme=PLAIN username_format=%u {top}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={top}/mail/%u
}}
# Failed logins of a test must not slow down the next one.
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  {chroot}
  service_count = 0
  client_limit = 500
  process_min_avail = 1
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 500
}}
protocol imap {{
  rawlog_dir = {top}/rawlog
}}
{extra}
"""

# What it can do besides: give it as extra, or part of it.
PLUGINS = """\
mail_attribute_dict = file:%h/attributes
protocol imap {
  mail_plugins = acl imap_acl quota imap_quota zlib imap_zlib
  imap_metadata = yes
}
plugin {
  acl = vfile
  quota = count:ROOT
  quota_rule = *:storage=100M
  quota_vsizes = yes
}
"""

# Dovecot 2.3 then fails every TLS session that a client wants to resume.
_CLIENT_CERTIFICATES = """\
ssl_ca = <{top}/ca.pem
ssl_verify_client_cert = yes
ssl_require_crl = no
auth_ssl_username_from_cert = yes
"""


class Dovecot:
    """One server. Use as a context manager, or stop() it."""

    def __init__(self, directory, mechanisms=MECHANISMS, extra="",
                 location="sdbox:~/sdbox", client_certificates=False,
                 alt_names="DNS:localhost,IP:127.0.0.1,IP:::1"):
        self.top = directory
        self.child = None
        self.port = process.free_port()
        self.tls_port = process.free_port()
        self.uid, self.gid = ((65534, 65534) if os.getuid() == 0
                              else (os.getuid(), os.getgid()))
        for name, mode in (("", 0o755), ("run", 0o755), ("state", 0o755),
                           ("mail", 0o700)):
            path = os.path.join(directory, name)
            os.makedirs(path, exist_ok=True)
            os.chmod(path, mode)
        os.chown(self.path("mail"), self.uid, self.gid)
        self._make_certificates(alt_names)
        self._write_users()
        if client_certificates:
            extra += _CLIENT_CERTIFICATES.format(top=directory)
        self._write_config(mechanisms, extra, location)

    def path(self, *names):
        return os.path.join(self.top, *names)

    @property
    def authority(self):
        return self.path("ca.pem")

    def _make_certificates(self, alt_names):
        certificates.make_authority(self.top)
        certificates.make_certificate(self.top, "server", self.authority,
                                      alt_names)
        certificates.make_certificate(self.top, "client", self.authority, "",
                                      usage="clientAuth", subject=USER)

    def _write_users(self):
        self.set_password(PASSWORD)
        os.makedirs(self.path("keys", "default", "HS256"))
        with open(self.path("keys", "default", "HS256", "default"), "wb") as f:
            f.write(base64.b64encode(_TOKEN_KEY))
        with open(self.path("oauth2.conf"), "w", encoding="ascii") as f:
            f.write("introspection_mode = local\n"
                    "local_validation_key_dict = fs:posix:prefix=%s/\n"
                    "username_attribute = sub\n" % self.path("keys"))

    def set_password(self, password):
        with open(self.path("users"), "w", encoding="ascii") as f:
            f.write("%s:{PLAIN}%s\n" % (USER, password))
        os.chmod(self.path("users"), 0o644)

    def _write_config(self, mechanisms, extra, location):
        is_root = os.getuid() == 0
        me = str(os.environ.get("USER") or os.getuid())
        with open(self.path("dovecot.conf"), "w", encoding="ascii") as f:
            f.write(_CONFIG.format(
                top=self.top, mechanisms=mechanisms, location=location,
                user=USER, uid=self.uid, gid=self.gid, port=self.port,
                tls_port=self.tls_port, extra=extra,
                chroot="" if is_root else "chroot =",
                login_user="dovenull" if is_root else me,
                internal_user="dovecot" if is_root else me,
                internal_group="dovecot" if is_root else str(self.gid)))

    def start(self):
        """Starts and returns when both ports greet."""
        with open(self.path("dovecot.out"), "wb") as output:
            self.child = subprocess.Popen(
                ("/usr/sbin/dovecot", "-F", "-c", self.path("dovecot.conf")),
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True, preexec_fn=process.die_with_parent)
        process.wait_until(self._is_up, self._why)
        return self

    def _is_up(self):
        if self.child.poll() is not None:
            raise AssertionError(self._why())
        return process.accepts(self.port)

    def _why(self):
        said = ""
        for name in ("dovecot.out", "dovecot.log"):
            try:
                with open(self.path(name), encoding="utf-8",
                          errors="replace") as log:
                    said += log.read()[-2000:]
            except OSError:
                pass
        return "Dovecot: " + (said or "it said nothing")

    def stop(self, kill=False):
        """Ends it with all its sessions; kill: without a word to anybody."""
        if self.child is None:
            return
        group = self.child.pid
        if not kill:
            self.child.terminate()
            deadline = time.monotonic() + 5
            while self.child.poll() is None and time.monotonic() < deadline:
                time.sleep(0.005)
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait()
        self.child = None
        process.wait_until(lambda: not process.group_members(group),
                           "Dovecot's processes to end")

    def __enter__(self):
        return self if self.child else self.start()

    def __exit__(self, *_):
        self.stop()

    def sessions(self):
        """The process ids of the IMAP sessions."""
        return [pid for pid, name, _ in
                process.group_members(self.child.pid) if name == "imap"]

    def log(self):
        with open(self.path("dovecot.log"), encoding="utf-8",
                  errors="replace") as log:
            return log.read()

    # ---- what the clients said ----

    def begin_rawlog(self):
        """Sessions that log in from now on are recorded."""
        os.makedirs(self.path("rawlog"), exist_ok=True)
        os.chown(self.path("rawlog"), self.uid, self.gid)

    def rawlogs(self, suffix="in"):
        """All that each client sent ("in") or the server did ("out")."""
        texts = []
        for name in sorted(os.listdir(self.path("rawlog"))):
            if name.endswith("." + suffix):
                with open(self.path("rawlog", name), "rb") as log:
                    texts.append(log.read())
        return texts

    def rawlog(self, suffix="in"):
        return b"".join(self.rawlogs(suffix))

    # ---- other ways in ----

    def tunnel_command(self):
        """A shell command that is a session, logged in already (PREAUTH)."""
        drop = ("setpriv --reuid %d --regid %d --clear-groups " % (
            self.uid, self.gid)) if os.getuid() == 0 else ""
        return "exec env USER=%s HOME=%s %s/usr/lib/dovecot/imap -c %s" % (
            USER, self.path("mail", USER), drop, self.path("dovecot.conf"))

    def access_token(self, user=USER, lifetime=3600):
        """A signed JWT that XOAUTH2 and OAUTHBEARER take."""
        def encode(data):
            return base64.urlsafe_b64encode(data).rstrip(b"=")
        now = int(time.time())
        head = encode(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
        body = encode(json.dumps({
            "sub": user, "iat": now - 10, "nbf": now - 10,
            "exp": now + lifetime}).encode())
        signature = hmac.new(_TOKEN_KEY, head + b"." + body,
                             hashlib.sha256).digest()
        return (head + b"." + body + b"." + encode(signature)).decode("ascii")
