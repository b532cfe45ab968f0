"""An HTTP/2 client with many streams on one connection: opens them, keeps what comes, and says how each ended."""

import time

import h2.config
import h2.connection
import h2.events
import h2.settings

from harness.client import connect, encode


class Stream:
    """One stream. `ended` is None while it is open, then `ended`, `reset` or `closed` (with the connection)."""

    def __init__(self, number):
        self.number = number
        self.status = None
        self.fields = []
        self.trailers = {}
        self.data = b""
        self.ended = None


class Connection:
    """One connection."""

    def __init__(self, address, tls=False):
        self.address, self.tls = address, tls
        self.socket = connect(address, "h2" if tls else None)
        config = h2.config.H2Configuration(
            client_side=True, header_encoding="latin-1", validate_outbound_headers=False, normalize_outbound_headers=False
        )
        self.protocol = h2.connection.H2Connection(config)
        self.streams = {}
        self.closed = False
        self.protocol.initiate_connection()
        self.flush()

    def open(self, method, target, fields=(), body=None, protocol=None):
        """Opens a stream; `body` None leaves it open for the client, `protocol` makes it an extended CONNECT."""
        number = self.protocol.get_next_available_stream_id()
        scheme = "https" if self.tls else "http"
        head = [(":method", method), (":scheme", scheme), (":authority", "%s:%d" % self.address), (":path", target)]
        if protocol:
            head.append((":protocol", protocol))
        self.streams[number] = Stream(number)
        self.protocol.send_headers(number, encode(head + [(name.lower(), value) for name, value in fields]))
        if body is not None:
            self.protocol.send_data(number, body, end_stream=True)
        self.flush()
        return self.streams[number]

    def send(self, stream, data, end=False):
        self.protocol.send_data(stream.number, data, end_stream=end)
        self.flush()

    def wait(self, condition, timeout=20):
        """Receives until the condition holds; fails when it does not in time."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline and not self.closed, f"not in time: {vars(self)['streams']}"
            self.receive(deadline)

    def receive(self, deadline):
        self.socket.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            return
        except OSError:
            data = b""
        if not data:
            self.closed = True
            for stream in self.streams.values():
                stream.ended = stream.ended or "closed"
            return
        for event in self.protocol.receive_data(data):
            self.handle(event)
        self.flush()

    def handle(self, event):
        stream = self.streams.get(getattr(event, "stream_id", None))
        if stream is None:
            return
        if isinstance(event, h2.events.ResponseReceived):
            stream.fields = list(event.headers)
            stream.status = int(dict(stream.fields)[":status"])
        elif isinstance(event, h2.events.TrailersReceived):
            stream.trailers = dict(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            stream.data += event.data
            self.protocol.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            stream.ended = "ended"
        elif isinstance(event, h2.events.StreamReset):
            stream.ended = stream.ended or "reset"

    def takes_extended_connect(self):
        """True once the server has said that it knows RFC 8441."""
        return self.protocol.remote_settings.get(h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL) == 1

    def flush(self):
        data = self.protocol.data_to_send()
        if data:
            self.socket.sendall(data)

    def close(self):
        self.socket.close()
