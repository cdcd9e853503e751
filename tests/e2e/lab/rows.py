"""Messages as the state database has them: chunks, as state_chunk.c says."""

import struct

LENGTHS = (0, 1, 2, 3, 4, 5, 6, 8)
SHIFTS = (2, 5, 8, 11)  # flags, size, date, MODSEQ


def messages(number, data):
    """(UID, keywords or None) of each message of one chunk."""
    place, at, end = 0, 12, len(data) - 8
    while at < end:
        head, = struct.unpack_from("<H", data, at)
        at += 2
        if head & 2:
            place += data[at]
            at += 1
        at += sum(LENGTHS[head >> shift & 7] for shift in SHIFTS)
        keywords = None
        if head & 1:
            size, = struct.unpack_from("<I", data, at)
            keywords = data[at + 4:at + 4 + size].decode()
            at += 4 + size
        yield number * 256 + place, keywords
        place += 1


def keywords(db):
    """{UID: keywords or None} of the one mailbox that there is."""
    return {uid: words
            for row, data in db.execute("SELECT id, data FROM chunk")
            for uid, words in messages(row % (1 << 24), data)}
