#!/usr/bin/python3
"""The end of the connection at every byte of a session."""

from sweep import Sweep
from table import main

PARTS = 3

if __name__ == "__main__":
    main([Sweep(part, PARTS) for part in range(PARTS)], workers=PARTS)
