"""The line between a gateway and a server: a test cuts it, dulls it, or puts noise on it, and mends it again."""

import os
import socket
import struct
import threading

from harness import ports

THROUGH, REFUSED, SILENT, LATE, NOISE = "through", "refused", "silent", "late", "noise"
FAULTS = (REFUSED, SILENT, LATE, NOISE)
RESET = struct.pack("ii", 1, 0)


class Line:
    """Passes connections to `port` of this machine on to `target`, as `state` says; connections that are open too.

    `refused`: connections are reset, and nobody listens, as when the server was killed. `silent`: everything is taken and
    lost, and nobody is told, as when the other machine has lost its power (half-open connections). `late`: what the server
    says is kept back, and comes when the line is mended, after all who asked have given up. `noise`: other bytes come back.
    """

    def __init__(self, target):
        self.target = ("127.0.0.1", target)
        self.port = ports.lease()
        self.state = THROUGH
        self._listener = self._listen()
        self._changed = threading.Condition()
        self._open = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def be(self, state):
        """Brings the line into a state."""
        with self._changed:
            was, self.state = self.state, state
            if state == REFUSED and was != REFUSED:
                self._listener.shutdown(socket.SHUT_RDWR)
                for connection in self._open:
                    reset(connection)
            self._changed.notify_all()
            self._changed.wait_for(lambda: (self._listener is None) == (state == REFUSED))

    def stop(self):
        self.be(REFUSED)
        ports.give_back(self.port)

    def _listen(self):
        return socket.create_server(("127.0.0.1", self.port), backlog=256)

    def _accept(self):
        """Takes connections. Only this thread closes the listener: see `backend.stop_listening`."""
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                with self._changed:
                    self._listener.close()
                    self._listener = None
                    self._changed.notify_all()
                    self._changed.wait_for(lambda: self.state != REFUSED)
                    self._listener = self._listen()
                    self._changed.notify_all()
                continue
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client):
        try:
            server = socket.create_connection(self.target)
        except OSError:
            reset(client)
            return client.close()
        for connection in (client, server):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._changed:
            self._open |= {client, server}
            if self.state == REFUSED:
                reset(client)
        answers = threading.Thread(target=self._pass, args=(server, client, True), daemon=True)
        answers.start()
        self._pass(client, server, False)
        answers.join()
        with self._changed:
            self._open -= {client, server}
        client.close()
        server.close()

    def _pass(self, source, sink, is_answer):
        try:
            while data := source.recv(65536):
                with self._changed:
                    if is_answer:
                        self._changed.wait_for(lambda: self.state != LATE)
                    state = self.state
                if state == SILENT:
                    continue
                if state == NOISE and is_answer:
                    data = os.urandom(len(data))
                sink.sendall(data)
            with self._changed:
                self._changed.wait_for(lambda: self.state not in (SILENT, LATE))
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            for connection in (source, sink):
                reset(connection)


def reset(connection):
    """Ends a connection at once, in both directions."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
