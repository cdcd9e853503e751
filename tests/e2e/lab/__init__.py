"""What the end-to-end tests stand on: servers, clients, and a comparer.

Nothing here shares code with mailmirror. Python's standard library only.
"""
