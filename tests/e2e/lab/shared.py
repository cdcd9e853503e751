"""A server that all tests of a class share: for those that leave it alone."""

import os
import shutil
import tempfile


def begin(cls, make):
    """For setUpClass: make(directory), started, until the class is done."""
    top = tempfile.mkdtemp(prefix="mm-")
    cls.addClassCleanup(shutil.rmtree, top, ignore_errors=True)
    os.chmod(top, 0o755)
    server = make(os.path.join(top, "server"))
    cls.addClassCleanup(server.stop)
    return server.start() or server
