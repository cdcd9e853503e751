"""Cases that fail today, and why: name to reason. To be empty."""

KNOWN_OPEN = {}
