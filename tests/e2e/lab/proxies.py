"""Proxies on loopback: Debian's microsocks and tinyproxy, and one that does as
it is told. (Root, for names of their own.)
"""

import os
import socket
import subprocess
import threading

from lab import process

_WITH_HOSTS = 'mount --bind "$0" /etc/hosts && exec "$@"'


def _listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        return True
    except OSError:
        return False


class Program:
    """A proxy with a directory and names that nobody else knows:
    {name: address}."""

    def __init__(self, directory, names):
        self.top = directory
        self.child = None
        self.port = process.free_port()
        os.makedirs(directory, exist_ok=True)
        self.write("hosts", "127.0.0.1 localhost\n" + "".join(
            "%s %s\n" % (address, name) for name, address in names.items()))

    def path(self, name):
        return os.path.join(self.top, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="ascii") as f:
            f.write(text)
        return self.path(name)

    def start(self):
        with open(self.path("out"), "wb") as output:
            self.child = subprocess.Popen(
                ("unshare", "--mount", "sh", "-c", _WITH_HOSTS,
                 self.path("hosts"), *self.command()),
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                preexec_fn=process.die_with_parent)
        process.wait_until(lambda: _listens(self.port), self._why)
        return self

    def _why(self):
        with open(self.path("out"), encoding="utf-8",
                  errors="replace") as output:
            return "%s: %s" % (self.command()[0], output.read()[-2000:])

    def stop(self):
        """Ends it with all that it carries."""
        if self.child is not None:
            self.child.kill()
            self.child.wait()
            self.child = None


class Microsocks(Program):
    """SOCKS 5, with a login if there is a password."""

    def __init__(self, directory, names, user=None, password=None):
        super().__init__(directory, names)
        self.login = ("-u", user, "-P", password) if password else ()

    def command(self):
        return ("microsocks", "-i", "127.0.0.1", "-p", str(self.port),
                *self.login)

    @property
    def url(self):
        return "socks5h://localhost:%d" % self.port


class Tinyproxy(Program):
    """CONNECT to every port, or to one."""

    def __init__(self, directory, names, only_port=None):
        super().__init__(directory, names)
        self.write("conf", "Port %d\nListen 127.0.0.1\nAllow 127.0.0.1\n"
                   "Timeout 600\nMaxClients 100\nLogLevel Warning\n%s" % (
                       self.port, "ConnectPort %d\n" % only_port
                       if only_port else ""))

    def command(self):
        return ("tinyproxy", "-d", "-c", self.path("conf"))

    @property
    def url(self):
        return "http://localhost:%d" % self.port


class Scripted:
    """Each connection is carried by act(connection, number), in a thread."""

    def __init__(self, act):
        self.act = act
        self.listener = socket.create_server(
            ("127.0.0.1", process.free_port()))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        number = 0
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._run, daemon=True,
                             args=(connection, number)).start()
            number += 1

    def _run(self, connection, number):
        with connection:
            try:
                self.act(connection, number)
            except OSError:
                pass

    def close(self):
        self.listener.close()


def saying(*answers, stays=False):
    """For Scripted: hears something before it says each of them."""
    def act(connection, _):
        for answer in answers:
            connection.recv(4096)
            connection.sendall(answer)
        while stays and connection.recv(4096):
            continue
    return act


def carry(near, far):
    """Passes bytes both ways until one of them ends."""
    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
    other = threading.Thread(target=pump, args=(far, near), daemon=True)
    other.start()
    pump(near, far)
    other.join()
