"""The servers that the mirror is held against, by name."""

import collections

import operations
from lab import client as imap
from lab import courier, cyrus, dovecot

Variant = collections.namedtuple("Variant", "make dialect")

NAMES = ("Box", "Lists", "Entwürfe", "A & B", "日本語", "cur", "v1.2", "Old")
LEFT_OUT = ("QRESYNC", "CONDSTORE", "NOTIFY", "IDLE", "UIDPLUS", "ESEARCH",
            "LIST-STATUS")
# What cannot be without the other.
_NEEDED_BY = {"CONDSTORE": ("QRESYNC",)}
_ABSENT = {
    "all": (),
    **{"no_" + name.lower().replace("-", "_"): (name,) for name in LEFT_OUT},
    "none": LEFT_OUT,
}
_capabilities = []


def _capability(directory, absent):
    """The setting for all that this Dovecot can do but what is ABSENT."""
    if not absent:
        return ""
    if not _capabilities:
        with dovecot.Dovecot(directory) as server, \
                imap.Bare(server.port) as bare:
            line = bare.login().command(b"CAPABILITY")[0].decode()
        _capabilities.extend(line.split()[2:])
    without = set(absent)
    for name in absent:
        without.update(_NEEDED_BY.get(name, ()))
    return "imap_capability = %s\n" % " ".join(
        name for name in _capabilities if name not in without)


def _dovecot(absent, extra=""):
    def make(directory):
        return dovecot.Dovecot(
            directory,
            extra=_capability(directory + "-plain", absent) + extra,
            location="sdbox:~/sdbox")
    return Variant(make, operations.Dialect(
        renames_to_used=False, names=NAMES + ("50%", ".hidden")))


def _cyrus(directory):
    # Else a name that is deleted twice within a second is refused.
    return cyrus.Cyrus(directory, extra="delete_mode: immediate")


VARIANTS = {"dovecot_" + name: _dovecot(absent)
            for name, absent in _ABSENT.items()}
# What it can do with its plugins too: COMPRESS, METADATA, ACL, QUOTA.
VARIANTS["dovecot_plugins"] = _dovecot((), dovecot.PLUGINS)
VARIANTS["cyrus"] = Variant(_cyrus, operations.Dialect(
    names=NAMES, deletes_parents=False, known_by="MAILBOXID"))
VARIANTS["courier"] = Variant(courier.Courier, operations.Dialect(
    delimiter=".", prefix="INBOX.", literal_plus=False, has_move=False,
    reuses_names=False, counts_late=True, known_by=None,
    # It takes two seconds to rename or delete one.
    weights={"create": 2, "rename": 0.4, "delete": 0.4},
    names=tuple(name for name in NAMES if "." not in name)))
