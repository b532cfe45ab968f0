"""WebSockets as other people's libraries speak them, in front of the gateway and behind it (PyPI `websockets`)."""

import collections
import json
import threading
import time
import unittest

import jwt
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader
from websockets.sync.client import connect
from websockets.sync.server import serve

from harness import jws, tls_line
from harness.gateway import Gateway
from harness.h2_streams import Connection

ISSUER = "https://idp.corp.test"
HEADER = "X-JWT-Assertion"


class Echo:
    """A backend that says everything once more. `requests` are the handshakes, `closed` the close codes that it got."""

    def __init__(self):
        self.requests, self.closed = [], collections.deque()
        self.server = serve(self.handle, "127.0.0.1", 0, select_subprotocol=choose, max_size=None)
        self.port = self.server.socket.getsockname()[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def handle(self, connection):
        self.requests.append(connection.request)
        try:
            while True:
                message = connection.recv()
                if message == "leave":
                    connection.close(4001, "as you wish")
                    return
                connection.send(message)
        except ConnectionClosed as closed:
            self.closed.append((closed.rcvd and closed.rcvd.code, closed.rcvd and closed.rcvd.reason))

    def close(self):
        self.server.shutdown()


def choose(_connection, offered):
    return "chat.v1" if "chat.v1" in offered else None


def operator(**streams):
    return {
        "gateway": {"streams": streams, "shutdownGrace": "1s"},
        "apis": {"directory": "apis/"},
        "keys": {"directory": "keys/"},
        "issuers": [
            {
                "name": "corp",
                "issuer": ISSUER,
                "jwks": {"file": "idp.json"},
                "lookup": {"claim": "sub", "userStores": ["staff"]},
            }
        ],
        "userStores": [
            {
                "name": "staff",
                "inline": {
                    "users": [
                        {"user": "alice", "attributes": {"email": "alice@corp.test"}},
                        {"user": "bob", "attributes": {"email": "bob@corp.test"}},
                    ]
                },
            }
        ],
    }


def live(to):
    policy = {"policyName": "BackendJwt", "parameters": {"header": HEADER, "audience": "live"}}
    return {
        "name": "live",
        "basePath": "/live",
        "version": "1",
        "type": "REST",
        "endpointConfigurations": {"production": [{"endpoint": to}]},
        "operations": [{"target": "/{room}", "verb": "GET", "secured": True, "upgrade": "websocket"}],
        "apiPolicies": {"request": [policy]},
    }


class WebSockets(unittest.TestCase):
    """One gateway and one backend for each test."""

    def start(self, **streams):
        self.key = jws.Key("ES256")
        self.echo = Echo()
        self.addCleanup(self.echo.close)
        to = f"http://127.0.0.1:{self.echo.port}"
        self.gateway = Gateway(operator(**streams), {"live": live(to)}, {"idp.json": jws.jwks(self.key)})
        self.addCleanup(self.gateway.stop)

    def token(self, subject="alice", **claims):
        return "Bearer " + self.key.token(jws.claims(subject, ISSUER, **claims))

    def brief(self):
        return self.token(exp=int(time.time()) + 3)

    def connect(self, authorization=None, tls=False, **options):
        if tls:
            options["sock"] = tls_line.connect(self.gateway.secure)
        fields = {"Authorization": authorization or self.token()}
        url = "ws://%s:%d/live/1/room" % self.gateway.plain
        connection = connect(url, additional_headers=fields, max_size=None, proxy=None, open_timeout=30, **options)
        self.addCleanup(connection.close)
        return connection

    def end_of(self, connection):
        """The close code and reason that come."""
        with self.assertRaises(ConnectionClosed) as raised:
            while True:
                connection.recv(timeout=20)
        return raised.exception.rcvd.code, raised.exception.rcvd.reason

    def backends_end(self):
        self.gateway.wait_until(lambda: self.echo.closed, "the backend's connection goes on")
        return self.echo.closed[-1]

    def ended(self, by):
        return self.gateway.metric("countersign_streams_ended_total", kind="websocket", by=by)

    def test_messages_of_all_sizes_come_back_with_and_without_compression(self):
        self.start()
        for tls in (False, True):
            for compression in ("deflate", None):
                connection = self.connect(tls=tls, compression=compression)
                for message in ("", "hello", "ü" * 70000, b"\0" * 200, b"x" * 3_000_000, ["frag", "ment", "s"]):
                    connection.send(message)
                    expected = "".join(message) if isinstance(message, list) else message
                    self.assertEqual(connection.recv(timeout=20), expected)
                self.assertTrue(connection.ping().wait(20))
                connection.close(1000, "done")
                self.assertEqual(self.backends_end(), (1000, "done"))
                self.echo.closed.clear()
        self.gateway.wait_until(lambda: self.ended("client") == 4, "not counted")
        self.assertEqual(self.gateway.metric("countersign_open_streams"), 0)

    def test_the_backend_gets_the_jwt_with_the_handshake_and_chooses_the_subprotocol(self):
        self.start()
        connection = self.connect(subprotocols=["chat.v1"], origin="https://page.test")
        self.assertEqual(connection.subprotocol, "chat.v1")
        # Its own thread tells of it, after the handshake.
        self.gateway.wait_until(lambda: self.echo.requests, "the backend has no request")
        request = self.echo.requests[-1]
        self.assertEqual((request.path, request.headers["Origin"]), ("/room", "https://page.test"))
        self.assertNotIn("Authorization", request.headers)
        claims = jwt.decode(request.headers[HEADER], options={"verify_signature": False})
        self.assertEqual((claims["sub"], claims["aud"]), ("alice", "live"))

    def test_the_backend_leaves_with_its_own_code(self):
        self.start()
        connection = self.connect()
        connection.send("leave")
        self.assertEqual(self.end_of(connection), (4001, "as you wish"))
        self.gateway.wait_until(lambda: self.ended("backend") == 1, "not counted")

    def test_both_sides_are_told_when_the_token_has_expired(self):
        self.start(grace="1s")
        for tls in (False, True):
            connection = self.connect(self.brief(), tls=tls)
            connection.send("hello")
            self.assertEqual(self.end_of(connection), (1008, "the access token has expired"))
            self.assertEqual(self.backends_end(), (1008, "the access token has expired"))
            self.echo.closed.clear()
        self.gateway.wait_until(lambda: self.gateway.log_text().count('"ended":"expired"') == 2, "no audit record")

    def test_a_busy_websocket_ends_between_two_messages(self):
        self.start(grace="1s")
        connection = self.connect(self.brief())
        message = "x" * 100_000
        with self.assertRaises(ConnectionClosed) as raised:
            while True:
                connection.send(message)
                self.assertEqual(connection.recv(timeout=20), message)
        self.assertEqual(raised.exception.rcvd.code, 1008)

    def test_an_invalidated_user_is_ended_and_nobody_else(self):
        self.start()
        alices = [self.connect(self.token("alice")) for _ in range(10)]
        bob = self.connect(self.token("bob"))
        self.gateway.invalidate("staff", "alice")
        for connection in alices:
            self.assertEqual(self.end_of(connection), (1008, "the session has ended"))
        bob.send("still here")
        self.assertEqual(bob.recv(timeout=20), "still here")
        self.assertEqual(self.ended("revoked"), 10)

    def test_there_are_as_many_as_there_may_be(self):
        self.start(maxOpen=2)
        first, second = self.connect(), self.connect(tls=True)
        with self.assertRaises(InvalidStatus) as raised:
            self.connect()
        refused = raised.exception.response
        self.assertEqual((refused.status_code, json.loads(refused.body)["code"]), (503, "overloaded"))
        self.gateway.wait_until(lambda: len(self.echo.requests) >= 2, "the backend has not both requests")
        self.assertEqual((refused.headers["Retry-After"], len(self.echo.requests)), ("5", 2))
        first.close()
        self.gateway.wait_until(lambda: self.ended("client") == 1, "the first one goes on")
        for connection in (second, self.connect()):
            connection.send("there is room")
            self.assertEqual(connection.recv(timeout=20), "there is room")

    def test_silence_ends_it(self):
        self.start(idleTimeout="1s")
        connection = self.connect(ping_interval=None)
        self.assertEqual(self.end_of(connection), (1001, "nothing has passed for too long"))

    def test_stopping_sends_clients_elsewhere(self):
        self.start()
        connection = self.connect()
        connection.send("hello")
        self.assertEqual(connection.recv(timeout=20), "hello")
        self.gateway.process.terminate()
        self.assertEqual(self.end_of(connection), (1001, "the gateway is stopping"))
        self.gateway.process.wait(20)

    def test_over_http2(self):
        self.start(grace="1s")
        for tls in (False, True):
            connection = Connection(self.gateway.secure if tls else self.gateway.plain, tls)
            connection.wait(connection.takes_extended_connect)
            fields = [("Authorization", self.brief()), ("Sec-WebSocket-Version", "13")]
            stream = connection.open("CONNECT", "/live/1/room", fields, protocol="websocket")
            connection.wait(lambda: stream.status)
            self.assertEqual(stream.status, 200)
            connection.send(stream, Frame(Opcode.TEXT, b"hello").serialize(mask=True))
            connection.wait(lambda: stream.ended)
            self.assertEqual(stream.ended, "ended")
            frames = list(parsed(stream.data))
            self.assertEqual(frames[0], (Opcode.TEXT, b"hello"))
            self.assertEqual(frames[-1], (Opcode.CLOSE, b"\x03\xf0the access token has expired"))
            connection.close()


def parsed(data):
    """The frames of a server, as (opcode, payload)."""
    reader = StreamReader()
    reader.feed_data(data)
    while reader.buffer:
        parsing = Frame.parse(reader.read_exact, mask=False)
        try:
            next(parsing)
        except StopIteration as done:
            yield done.value.opcode, done.value.data
        else:
            raise AssertionError("a frame is not whole")
