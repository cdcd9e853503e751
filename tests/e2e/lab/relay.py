"""A TCP relay in front of a server: it can go deaf, cut, and count bodies."""

import re
import socket
import threading

from lab import process


_BODY = re.compile(rb"\bBODY\[\](?:<\d+>)? (?:\{\d+\}\r\n|\"|NIL\b)")


class Relay:
    """Listens on .port and passes bytes to the server's port and back.

    records: keeps what the server said, for bodies(); of use without TLS.
    address: to listen at, if it matters.
    """

    def __init__(self, target, records=False, address=None):
        self.target = target
        self.records = records
        self.heard = []  # a bytearray a connection
        self.lock = threading.Condition()
        self.is_frozen = False
        self.is_down = False
        self.accepted = 0
        self.bytes_down = 0
        self.pairs = []
        self.forgotten = set()  # sockets whose bytes go nowhere
        self.listener = socket.create_server(
            address or ("127.0.0.1", process.free_port()))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                near.close()
                continue
            heard = bytearray()
            with self.lock:
                if self.is_down:
                    near.close()
                    far.close()
                    continue
                self.accepted += 1
                self.pairs.append((near, far))
                self.heard.append(heard)
                self.lock.notify_all()
            for source, sink in ((near, far), (far, near)):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pump, daemon=True,
                                 args=(source, sink, heard if sink is near
                                       else None)).start()

    def _pump(self, source, sink, heard):
        try:
            while True:
                data = source.recv(65536)
                with self.lock:
                    self.lock.wait_for(lambda: not self.is_frozen)
                    if heard is not None:
                        self.bytes_down += len(data)
                        if self.records:
                            heard += data
                if not data:
                    break
                if source not in self.forgotten:
                    sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def bodies(self, first=0):
        """How many messages the server has sent, from connection FIRST on."""
        with self.lock:
            return sum(len(_BODY.findall(heard))
                       for heard in self.heard[first:])

    def freeze(self):
        """From now on nothing passes, and nobody is told."""
        with self.lock:
            self.is_frozen = True

    def thaw(self):
        with self.lock:
            self.is_frozen = False
            self.lock.notify_all()

    def cut(self):
        """Ends every connection at once."""
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for near, far in pairs:
            for end in (near, far):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def forget(self):
        """The connections there are go deaf for ever; new ones are fine."""
        with self.lock:
            self.forgotten.update(
                end for pair in self.pairs for end in pair)

    def go_down(self):
        """Ends every connection, and every new one at once."""
        with self.lock:
            self.is_down = True
        self.cut()

    def come_up(self):
        self.is_down = False

    def close(self):
        # without it the thread's accept() would still take one
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thaw()
        self.cut()
