"""A backend that speaks cleartext HTTP/2, as a gRPC server does, and keeps what reached it.

It answers every call with one empty message and trailers; the trailers carry a reserved field, which must not pass.
Calls of a method named `Watch` get the message and no end; of those the backend notes when the client ends them.
"""

import socket
import threading

import h2.config
import h2.connection
import h2.events

from harness.backend import collapse, stop_listening


class Call:
    """One request: header and trailer lists in order, and the body."""

    def __init__(self, fields):
        self.fields = fields
        self.trailers = []
        self.body = b""
        self.cancelled = False

    @property
    def target(self):
        return dict(self.fields)[":path"]

    def aliases(self, name):
        return [pair for pair in self.fields + self.trailers if collapse(pair[0]) == collapse(name)]

    def value(self, name):
        return next((value for field, value in self.fields if field == name), None)


class GrpcBackend:
    """The server. `records` holds the calls since the last `reset`."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.records = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def reset(self):
        self.records = []

    def close(self):
        stop_listening(self.listener, self._accepting)

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        protocol = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="latin-1", validate_inbound_headers=False)
        )
        protocol.initiate_connection()
        calls = {}
        try:
            connection.sendall(protocol.data_to_send())
            while data := connection.recv(65536):
                for event in protocol.receive_data(data):
                    self._handle(protocol, calls, event)
                connection.sendall(protocol.data_to_send())
        except OSError:
            pass
        finally:
            connection.close()

    def _handle(self, protocol, calls, event):
        if isinstance(event, h2.events.RequestReceived):
            calls[event.stream_id] = Call(list(event.headers))
            self.records.append(calls[event.stream_id])
        elif isinstance(event, h2.events.TrailersReceived):
            calls[event.stream_id].trailers = list(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            calls[event.stream_id].body += event.data
            protocol.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            calls[event.stream_id].cancelled = True
        elif isinstance(event, h2.events.StreamEnded):
            answer(protocol, event.stream_id, calls[event.stream_id].target.endswith("/Watch"))


def answer(protocol, stream_id, goes_on):
    """One empty gRPC message, then trailers, unless the call goes on."""
    head = [(":status", "200"), ("content-type", "application/grpc"), ("x-backend-serial", "1")]
    protocol.send_headers(stream_id, head)
    protocol.send_data(stream_id, b"\0\0\0\0\0")
    if goes_on:
        return
    protocol.send_headers(stream_id, [("grpc-status", "0"), ("x-jwt-assertion", "LEAK")], end_stream=True)
