"""Raw clients: bytes over HTTP/1.1, header lists over HTTP/2, with nothing checked or mended on the way."""

import re
import socket
import ssl
import time

import h2.config
import h2.connection
import h2.events
import h2.exceptions


class Response:
    """One final response."""

    def __init__(self, status, fields, body=b"", ended=""):
        self.status = status
        self.fields = fields
        self.body = body
        self.ended = ended

    def values(self, name):
        return [value for field, value in self.fields if field.lower() == name.lower()]

    def value(self, name):
        return next(iter(self.values(name)), None)

    @property
    def from_backend(self):
        """True when the backend itself answered."""
        return self.value("x-backend-serial") is not None

    def __repr__(self):
        return f"{self.status} {self.body[:200]!r} {self.ended}"


REFUSED = Response(0, [], ended="no answer")


def connect(address, tls=None, certificate=None):
    """Opens a connection; `tls` is an ALPN name, or None for cleartext; `certificate` a PEM file with a key too."""
    connection = socket.create_connection(address, timeout=5)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if tls is None:
        return connection
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols([tls])
    if certificate:
        context.load_cert_chain(certificate)
    return context.wrap_socket(connection, server_hostname="localhost")


def exchange(address, data, *, tls=False, certificate=None, wanted=1, patience=3.0):
    """Sends bytes over HTTP/1.1; returns (responses, closed): up to `wanted` final ones, and whether the peer closed."""
    connection = connect(address, "http/1.1" if tls else None, certificate)
    received, closed = b"", False
    try:
        connection.sendall(data)
    except OSError:
        pass
    head_only = data.startswith(b"HEAD ")
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        responses, _ = split(received, head_only)
        if len(responses) >= wanted:
            break
        connection.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            chunk = connection.recv(65536)
        except socket.timeout:
            break
        except OSError:
            closed = True
            break
        if not chunk:
            closed = True
            break
        received += chunk
    connection.close()
    return split(received, head_only, closed)[0], closed


def split(data, head_only=False, closed=False):
    """Splits a byte stream into final responses; returns them and the rest."""
    responses = []
    while True:
        match = re.match(rb"HTTP/1\.[01] (\d{3})[^\r\n]*\r\n", data)
        end = data.find(b"\r\n\r\n")
        if not match or end < 0:
            return responses, data
        fields = [tuple(part.strip() for part in line.split(":", 1)) for line in data[:end].decode("latin-1").split("\r\n")[1:]]
        response, rest = Response(int(match.group(1)), fields), data[end + 4 :]
        if response.status < 200 and response.status != 101:
            data = rest
            continue
        taken = body_length(response, rest, head_only, closed)
        if taken is None:
            return responses, data
        response.body, data = taken
        responses.append(response)


def body_length(response, rest, head_only, closed):
    """Returns (body, rest) when the body is whole, else None."""
    if head_only or response.status in (101, 204, 304):
        return b"", rest
    if (response.value("transfer-encoding") or "").lower() == "chunked":
        return unchunk(rest)
    length = response.value("content-length")
    if length is None:
        return (rest, b"") if closed else None
    size = int(length)
    return (rest[:size], rest[size:]) if len(rest) >= size else None


def unchunk(rest):
    """Reads a chunked body; returns (body, rest) or None."""
    body = b""
    while True:
        line, mark, tail = rest.partition(b"\r\n")
        if not mark:
            return None
        size = int(line.split(b";")[0], 16)
        if size == 0:
            end = tail.find(b"\r\n") if tail.startswith(b"\r\n") else tail.find(b"\r\n\r\n") + 2
            return (body, tail[end + 2 :]) if end >= 0 and tail[end : end + 2] == b"\r\n" else None
        if len(tail) < size + 2:
            return None
        body, rest = body + tail[:size], tail[size + 2 :]


def request(
    address, method, target, fields=(), body=b"", trailers=(),
    *, tls=False, certificate=None, host=None, chunked=False, patience=30.0,
):
    """Sends one ordinary HTTP/1.1 request and returns its response."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host or '%s:%d' % address}"]
    lines += [f"{name}: {value}" for name, value in fields]
    if trailers or chunked:
        lines.append("Transfer-Encoding: chunked")
    elif body:
        lines.append(f"Content-Length: {len(body)}")
    data = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    if trailers or chunked:
        ends = "".join(f"{name}: {value}\r\n" for name, value in trailers).encode("latin-1")
        data += (b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n" + ends + b"\r\n"
    else:
        data += body
    responses, _ = exchange(address, data, tls=tls, certificate=certificate, patience=patience)
    return responses[0] if responses else REFUSED


def request_h2(
    address, method, target, fields=(), body=b"", trailers=(), *, tls=False, certificate=None, host=None, pseudo=None
):
    """Sends one HTTP/2 request, unchecked, and returns its response.

    A reset or closed connection is a response with status 0. `pseudo` replaces the pseudo-header list.
    """
    authority = host or "%s:%d" % address
    head = pseudo or [
        (":method", method),
        (":scheme", "https" if tls else "http"),
        (":authority", authority),
        (":path", target),
    ]
    head = head + [(name.lower() if pseudo is None else name, value) for name, value in fields]
    config = h2.config.H2Configuration(
        client_side=True,
        header_encoding=None,
        validate_outbound_headers=False,
        normalize_outbound_headers=False,
        validate_inbound_headers=False,
    )
    protocol = h2.connection.H2Connection(config)
    connection = connect(address, "h2" if tls else None, certificate)
    try:
        protocol.initiate_connection()
        protocol.send_headers(1, encode(head), end_stream=not body and not trailers)
        if body:
            protocol.send_data(1, body, end_stream=not trailers)
        if trailers:
            protocol.send_headers(1, encode(trailers), end_stream=True)
        connection.sendall(protocol.data_to_send())
        return receive_h2(connection, protocol)
    except (OSError, h2.exceptions.H2Error) as error:
        return Response(0, [], ended=f"{type(error).__name__}: {error}")
    finally:
        connection.close()


def encode(fields):
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]


def receive_h2(connection, protocol, patience=5.0):
    """Reads until stream 1 ends, is reset, or the connection goes."""
    response = Response(0, [], ended="timeout")
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        data = connection.recv(65536)
        if not data:
            response.ended = "closed"
            return response
        for event in protocol.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers]
                response.status = int(dict(fields)[":status"])
                response.fields = fields
            elif isinstance(event, h2.events.TrailersReceived):
                response.fields = response.fields + [
                    (name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers
                ]
            elif isinstance(event, h2.events.DataReceived):
                response.body += event.data
                protocol.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)):
                response.ended = type(event).__name__
                if isinstance(event, h2.events.StreamReset) and response.status == 0:
                    return response
                return response
            elif isinstance(event, h2.events.StreamEnded):
                response.ended = "ended"
                return response
        pending = protocol.data_to_send()
        if pending:
            connection.sendall(pending)
    return response
