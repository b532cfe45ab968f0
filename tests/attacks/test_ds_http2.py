"""Floods of HTTP/2 frames: what one connection may cost is bounded, and nobody else notices."""

import contextlib
import socket
import struct
import unittest

import hpack

from attacks.world import api, operation, policy
from harness import client, jws
from harness.backend import Backend
from harness.gateway import Gateway

ISSUER = "https://idp.corp.test"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 8, 9
END_STREAM, END_HEADERS = 1, 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
CANCEL = struct.pack(">I", 8)
FRAMES = 20_000
# What the process may grow by while somebody attacks it.
ROOM = 48 << 20


def frame(kind, flags, stream, payload=b""):
    """One frame (RFC 9113 §4.1)."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


class Floods(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.key, cls.backend = jws.Key("ES256"), Backend()
        cls.addClassCleanup(cls.backend.close)
        operator = {
            "apis": {"directory": "apis/"},
            "keys": {"directory": "keys/"},
            "issuers": [{"name": "corp", "issuer": ISSUER, "jwks": {"file": "corp.json"}, "audience": ["gateway"]}],
        }
        orders = api("orders", "/orders", cls.backend.url, [operation("GET", "/*"), operation("POST", "/*")], apiPolicies=policy())
        cls.gateway = Gateway(operator, {"orders": orders}, {"corp.json": jws.jwks(cls.key)})
        cls.addClassCleanup(cls.gateway.stop)
        cls.bearer = "Bearer " + cls.key.token(jws.claims("alice", ISSUER))

    def setUp(self):
        self.assert_others_are_served()
        self.before = self.gateway.resident_bytes()

    def head(self, method="GET"):
        """The header block of a good request. It uses no table, so that it may be sent again."""
        fields = [(":method", method), (":scheme", "http"), (":authority", "x"), (":path", "/orders/1")]
        return hpack.Encoder().encode([*fields, ("authorization", self.bearer)], huffman=False)

    def assert_others_are_served(self):
        response = client.request(self.gateway.plain, "GET", "/orders/1", [("Authorization", self.bearer)])
        self.assertEqual(response.status, 200, response)

    def flood(self, frames):
        """Sends frames for as long as they are taken; returns what came back, and whether the connection was closed."""
        with contextlib.closing(socket.create_connection(self.gateway.plain)) as connection:
            connection.settimeout(3)
            received, closed = b"", False
            try:
                connection.sendall(PREFACE + frame(SETTINGS, 0, 0))
                for some in frames:
                    connection.sendall(some)
                while data := connection.recv(1 << 20):
                    received += data
                closed = True
            except TimeoutError:
                pass
            except OSError:
                closed = True
            self.assert_others_are_served()
            self.assertLess(self.gateway.resident_bytes() - self.before, ROOM)
        nothing = lambda: self.gateway.metric("countersign_open_requests") == 0
        self.gateway.wait_until(nothing, "requests go on whose connection is gone")
        return received, closed

    def some(self, make):
        """Odd stream numbers with their frames, a hundred at a time."""
        for first in range(1, 2 * FRAMES, 200):
            yield b"".join(make(stream) for stream in range(first, first + 200, 2))

    def test_DS_06_rapid_reset(self):
        head = self.head()
        reset = lambda stream: frame(HEADERS, END_STREAM | END_HEADERS, stream, head) + frame(RST_STREAM, 0, stream, CANCEL)
        _, closed = self.flood(self.some(reset))
        self.assertTrue(closed, "it may go on for ever")

    def test_DS_06_streams_that_the_server_is_made_to_reset(self):
        head = self.head("POST")
        # An increment of 0 is an error of the stream (RFC 9113 §6.9): the server resets it (CVE-2025-8671).
        provoke = lambda stream: frame(HEADERS, END_HEADERS, stream, head) + frame(WINDOW_UPDATE, 0, stream, bytes(4))
        _, closed = self.flood(self.some(provoke))
        self.assertTrue(closed, "it may go on for ever")

    def test_DS_06_a_head_without_end(self):
        field = hpack.Encoder().encode([("x-padding", "x" * 4000)], huffman=False)
        begin = frame(HEADERS, END_STREAM, 1, self.head())
        _, closed = self.flood([begin, *(frame(CONTINUATION, 0, 1, field) for _ in range(FRAMES // 4))])
        self.assertTrue(closed, "it may go on for ever")

    def test_DS_06_a_head_of_empty_pieces(self):
        begin = frame(HEADERS, END_STREAM, 1, self.head())
        _, closed = self.flood([begin, *(frame(CONTINUATION, 0, 1) * 100 for _ in range(FRAMES // 100))])
        self.assertTrue(closed, "it may go on for ever")

    def test_DS_06_settings_and_pings_without_end(self):
        for piece in (frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65_535)), frame(PING, 0, 0, b"8 bytes.")):
            with self.subTest(piece):
                # Nobody reads the answers: they are written no faster than they are read.
                self.flood(piece * 1000 for _ in range(FRAMES // 100))


if __name__ == "__main__":
    unittest.main()
