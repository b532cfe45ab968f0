"""A raw HTTP/1.1 backend that keeps every byte that reached it, and decides nothing.

It reads what a strict server would read, notes what a strict server would refuse, and answers 200. Each answer carries a
serial number, so that a test can count the answers that came from here.
"""

import re
import socket
import threading

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class Record:
    """One request as it arrived."""

    def __init__(self, head):
        self.head = head
        lines = head.split(b"\r\n")
        self.line = lines[0].decode("latin-1")
        self.fields = [self._field(line) for line in lines[1:] if line]
        self.body = b""
        self.trailers = []
        self.complete = False
        self.anomalies = []
        if re.search(rb"(?<!\r)\n|\r(?!\n)|\0", head):
            self.anomalies.append("bare CR, bare LF or NUL in the head")
        if len(self.line.split(" ")) != 3:
            self.anomalies.append(f"request line {self.line!r}")

    def _field(self, line):
        name, _, value = line.partition(b":")
        return name.decode("latin-1"), value.strip(b" \t").decode("latin-1")

    @property
    def method(self):
        return self.line.split(" ")[0]

    @property
    def target(self):
        return self.line.split(" ")[1]

    def values(self, name):
        """The values of the field `name`, compared without case."""
        return [value for field, value in self.fields if field.lower() == name.lower()]

    def value(self, name):
        """The one value of a field, or None; an assertion when there are several."""
        found = self.values(name)
        assert len(found) <= 1, f"{name} arrived {len(found)} times"
        return found[0] if found else None

    def aliases(self, name):
        """All (name, value) pairs, trailers included, whose name collapses to that of `name`."""
        wanted = collapse(name)
        return [pair for pair in self.fields + self.trailers if collapse(pair[0]) == wanted]


def collapse(name):
    """A field name without case and non-alphanumeric characters: what careless servers compare."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


class Backend:
    """The server, on a port of its own choice or on `port`. `records` holds what arrived since the last `reset`."""

    def __init__(self, port=0):
        self.listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.records = []
        self.answers = {}
        self._changed = threading.Condition()
        self._serial = 0
        self._open = set()
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def answer(self, path_part, raw):
        """Sends `raw` bytes, or what the function `raw` returns, to targets that contain `path_part`."""
        self.answers[path_part] = raw

    def reset(self):
        with self._changed:
            self.records = []

    def last(self):
        """The last request, which must be complete."""
        assert self.records, "nothing reached the backend"
        return self.records[-1]

    def wait_for(self, count, timeout=5):
        """Waits until `count` requests have arrived whole."""
        with self._changed:
            self._changed.wait_for(lambda: sum(r.complete for r in self.records) >= count, timeout)

    def settle(self, timeout=10):
        """Waits until everything that was sent here has been read, when whoever sent it is gone."""
        with socket.create_connection(("127.0.0.1", self.port)) as last:
            only = {last.getsockname()[1]}
            with self._changed:
                assert self._changed.wait_for(lambda: self._open == only, timeout), "somebody is still connected"

    def close(self):
        stop_listening(self.listener, self._accepting)

    def _accept(self):
        while True:
            try:
                connection, peer = self.listener.accept()
            except OSError:
                return
            with self._changed:
                self._open.add(peer[1])
            threading.Thread(target=self._serve, args=(connection, peer[1]), daemon=True).start()

    def _serve(self, connection, port):
        connection.settimeout(60)
        reader = Reader(connection)
        try:
            while True:
                record = Record(reader.until(b"\r\n\r\n", 1 << 22))
                with self._changed:
                    self.records.append(record)
                    self._changed.notify_all()
                if record.value("expect") == "100-continue":
                    connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                read_body(record, reader)
                with self._changed:
                    record.complete = True
                    self._changed.notify_all()
                connection.sendall(self._response(record))
        except (EOFError, OSError, ValueError, AssertionError):
            pass
        finally:
            connection.close()
            with self._changed:
                self._open.discard(port)
                self._changed.notify_all()

    def _response(self, record):
        for part, raw in self.answers.items():
            if part in record.target:
                return raw() if callable(raw) else raw
        with self._changed:
            self._serial += 1
            serial = self._serial
        body = b"" if record.method == "HEAD" else b"backend"
        return b"HTTP/1.1 200 OK\r\nX-Backend-Serial: %d\r\nContent-Type: text/plain\r\nContent-Length: 7\r\n\r\n%s" % (
            serial,
            body,
        )


def stop_listening(listener, accepting):
    """Closes a listener when its thread has left `accept`.

    A thread that is in there when a signal comes goes back to the descriptor's number, whoever has it by then: it would
    take connections of the next listener.
    """
    try:
        listener.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    accepting.join()
    listener.close()


class Reader:
    """Buffered reading from a socket."""

    def __init__(self, connection):
        self.connection = connection
        self.buffer = b""

    def _more(self):
        data = self.connection.recv(65536)
        if not data:
            raise EOFError
        self.buffer += data

    def until(self, mark, most=1 << 20):
        while mark not in self.buffer:
            if len(self.buffer) > most:
                raise ValueError("too long")
            self._more()
        head, _, self.buffer = self.buffer.partition(mark)
        return head

    def exactly(self, size):
        while len(self.buffer) < size:
            self._more()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data


def read_body(record, reader):
    """Reads the body by its framing, and notes framing that a strict server would refuse."""
    lengths, codings = record.values("content-length"), record.values("transfer-encoding")
    if lengths and codings:
        record.anomalies.append("Content-Length and Transfer-Encoding")
    if len(lengths) > 1 or (lengths and not lengths[0].isdigit()):
        record.anomalies.append(f"Content-Length {lengths}")
    if codings and [coding.lower() for coding in codings] != ["chunked"]:
        record.anomalies.append(f"Transfer-Encoding {codings}")
    if codings:
        read_chunks(record, reader)
    elif lengths:
        record.body = reader.exactly(int(lengths[0]))


def read_chunks(record, reader):
    """Reads a chunked body and its trailers."""
    while True:
        size = int(reader.until(b"\r\n").split(b";")[0], 16)
        if size == 0:
            break
        record.body += reader.exactly(size)
        if reader.exactly(2) != b"\r\n":
            record.anomalies.append("chunk without CRLF")
            raise ValueError("chunk")
    while True:
        line = reader.until(b"\r\n")
        if not line:
            return
        record.trailers.append(record._field(line))
