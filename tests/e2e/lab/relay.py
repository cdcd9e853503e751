"""A TCP relay in front of a server: it can go deaf, and it can cut."""

import socket
import threading

from lab import process


class Relay:
    """Listens on .port and passes bytes to the server's port and back."""

    def __init__(self, target):
        self.target = target
        self.lock = threading.Condition()
        self.is_frozen = False
        self.accepted = 0
        self.bytes_down = 0
        self.pairs = []
        self.listener = socket.create_server(
            ("127.0.0.1", process.free_port()))
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
            with self.lock:
                self.accepted += 1
                self.pairs.append((near, far))
                self.lock.notify_all()
            for source, sink in ((near, far), (far, near)):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._pump, daemon=True,
                                 args=(source, sink, sink is near)).start()

    def _pump(self, source, sink, is_down):
        try:
            while True:
                data = source.recv(65536)
                with self.lock:
                    self.lock.wait_for(lambda: not self.is_frozen)
                    if is_down:
                        self.bytes_down += len(data)
                if not data:
                    break
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

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

    def close(self):
        self.listener.close()
        self.thaw()
        self.cut()
