"""Cases that fail today, and why: {name: reason}. To be empty."""

KNOWN_OPEN = {}
