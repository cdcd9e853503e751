"""Cases that fail today, and why: name to reason. To be empty."""

KNOWN_OPEN = {
    "listing: a FETCH without UID in every listing":
        "each makes the folder list again, without an end: sync never ends",
    "name: a folder where INBOX's dovecot-keywords is":
        "it is not escaped as cur, new and tmp are: INBOX fails with 74",
    "300000 LIST lines":
        "a LIST of more names than are kept is cut in silence: exit 0, and "
        "INBOX, which came last, is not mirrored",
    "idle: VANISHED of everything":
        "believed without a question: files of messages that are still "
        "there are removed until the next listing",
}
