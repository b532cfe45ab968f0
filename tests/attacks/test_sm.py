"""SM: smuggling and framing, with raw sockets."""

import socket
import struct

from attacks.base import Attack
from attacks.world import ASSERTION, HANDSHAKE, PROTOCOLS, SWITCHED
from harness import client
from harness.h2_streams import Connection

SMUGGLED = b"GET /orders/admin HTTP/1.1\r\nHost: localhost\r\nX-Smuggled: 1\r\n\r\n"


class Smuggling(Attack):
    """Rows SM-01 to SM-08."""

    def oracle(self):
        super().oracle()
        for record in self.backend.records:
            self.assertEqual(record.values("x-smuggled"), [], "a smuggled request arrived")
            self.assertNotIn("/orders-svc/admin", record.target, "a smuggled request arrived")

    def post(self, fields, body, target=b"/orders/1"):
        """The bytes of a POST with an honest token."""
        token = b"Authorization: " + self.bearer()[1].encode()
        head = [b"POST " + target + b" HTTP/1.1", b"Host: @HOST@", token, *fields]
        return b"\r\n".join(head) + b"\r\n\r\n" + body

    def assert_400(self, data):
        """400 or a closed connection; nothing forwarded."""
        responses, closed = self.raw(data, wanted=2, patience=1.5)
        self.assertLessEqual({response.status for response in responses}, {400, 431, 501}, f"{responses}")
        self.assertTrue(responses or closed, "neither an answer nor a closed connection")
        # A head whose body broke may still arrive from the attack before this one; a whole request is this one's.
        self.assertEqual([record.line for record in self.backend.records if record.complete], [], "reached the backend")

    def test_SM_01_content_length_and_transfer_encoding(self):
        chunked = b"0\r\n\r\n" + SMUGGLED
        cases = [
            ([b"Content-Length: %d" % len(chunked), b"Transfer-Encoding: chunked"], chunked),
            ([b"Transfer-Encoding: chunked", b"Content-Length: 4"], b"%x\r\n%s\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)),
            ([b"Content-Length: 13", b"Transfer-Encoding: chunked"], b"0\r\n\r\nSMUGGLED"),
        ]
        for fields, body in cases:
            for target in (b"/orders/1", b"/open/1"):
                with self.attack(fields=fields, target=target):
                    responses, closed = self.raw(self.post(fields, body, target), wanted=2, patience=1.5)
                    self.assertIn([response.status for response in responses], ([400], [200]), responses)
                    self.assertTrue(closed, "the connection must be closed after the answer")
                    self.assertLessEqual(len(self.backend.records), 1)
                    for record in self.backend.records:
                        self.assertEqual(record.values("content-length"), [])

    def test_SM_02_transfer_encoding_other_than_chunked(self):
        body = b"5\r\nhello\r\n0\r\n\r\n"
        codings = [
            b"chunked, identity",
            b"identity, chunked",
            b"identity",
            b"gzip, chunked",
            b"gzip",
            b"xchunked",
            b"chunked, chunked",
            b"chunked\x0b",
            b"\x0bchunked",
            b"chunked;q=1",
            b'"chunked"',
            b"chunked\0",
            b"",
        ]
        for coding in codings:
            with self.attack(coding=coding):
                self.assert_400(self.post([b"Transfer-Encoding: " + coding], body))
        for lines in ([b"Transfer-Encoding: chunked"] * 2, [b"Transfer-Encoding: chunked", b"Transfer-Encoding: x"]):
            with self.attack(lines=lines):
                self.assert_400(self.post(lines, body))
        for line in (b"Transfer-Encoding : chunked", b" Transfer-Encoding: chunked", b"X: y\r\n Transfer-Encoding: chunked"):
            with self.attack(line=line):
                self.assert_400(self.post([line], body))

    def test_SM_02_broken_chunks_never_end_a_request_at_the_backend(self):
        bodies = [
            b"5\nhello\r\n0\r\n\r\n",
            b"-5\r\nhello\r\n0\r\n\r\n",
            b"0x5\r\nhello\r\n0\r\n\r\n",
            b"5\r\nhelloXX0\r\n\r\n",
            b"5;a\nb\r\nhello\r\n0\r\n\r\n",
            b"FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
            b"5\r\nhello\r\n0\r\nX y\r\n\r\n",
        ]
        with self.inside(lambda *_: None):
            for body in bodies:
                with self.subTest(body=body):
                    responses, _ = self.raw(self.post([b"Transfer-Encoding: chunked"], body), patience=1.5)
                    self.assertEqual([r for r in responses if r.status < 400], [])
            # A head may reach the backend a moment after its client was answered: with the gateway gone none is under way.
            self.gateway.stop()
            self.backend.settle()
            self.assertEqual([record for record in self.backend.records if record.complete], [])
            self.backend.reset()

    def test_SM_03_pipelined_request_behind_an_upgrade(self):
        upgrade = b"GET /open/1 HTTP/1.1\r\nHost: @HOST@\r\nConnection: Upgrade\r\nUpgrade: %s\r\n"
        websocket = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        for kind, rest in ((b"websocket", websocket), (b"h2c", b"\r\n"), (b"websocket, h2c", b"\r\n")):
            with self.attack(kind=kind):
                responses, _ = self.raw(upgrade % kind + rest + SMUGGLED, wanted=2, patience=1.5)
                self.assertNotIn(101, [response.status for response in responses])
                self.assertLessEqual([response.status for response in responses][1:], [401])
                self.assertIsNone(self.backend.last().value("upgrade"))

    def upgrade(self, target="/live/1", extra=()):
        """The bytes of a handshake with alice's token."""
        lines = ["GET %s HTTP/1.1" % target, "Host: @HOST@"]
        lines += ["%s: %s" % field for field in [self.bearer(), *HANDSHAKE, *extra]]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def test_SM_03_nothing_but_frames_follows_a_websockets_handshake(self):
        self.backend.answer("/live-svc/", SWITCHED)
        for early, late in ((SMUGGLED, b""), (b"", SMUGGLED), (b"G", SMUGGLED[1:])):
            with self.attack(early=early, late=late):
                connection = client.connect(self.gateway.plain)
                self.addCleanup(connection.close)
                host = b"%s:%d" % (self.gateway.plain[0].encode(), self.gateway.plain[1])
                connection.sendall(self.upgrade().replace(b"@HOST@", host) + early.replace(b"@HOST@", host))
                received = b""
                while b"\r\n\r\n" not in received:
                    received += connection.recv(65536)
                connection.sendall(late.replace(b"@HOST@", host))
                while data := connection.recv(65536):
                    received += data
                head, _, rest = received.partition(b"\r\n\r\n")
                self.assertTrue(head.startswith(b"HTTP/1.1 101 "), head)
                # A close frame with 1002.
                self.assertEqual((rest[:1], rest[2:4]), (b"\x88", b"\x03\xea"))
                self.world.answered += 1
                self.assertEqual(len(self.backend.records), 1)

    def test_SM_03_a_switch_that_is_none_switches_nothing(self):
        answers = [
            SWITCHED.replace(b"s3pP", b"s3pQ"),
            SWITCHED.replace(b"Upgrade: websocket", b"Upgrade: h2c"),
            SWITCHED.replace(b"Connection: Upgrade\r\n", b""),
            b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        ]
        following = b"GET /live/2 HTTP/1.1\r\nHost: @HOST@\r\n\r\n"
        for answer in answers:
            with self.attack(answer=answer):
                self.backend.answer("/live-svc/", answer)
                responses, _ = self.raw(self.upgrade() + following, wanted=2)
                self.assertEqual([response.status for response in responses], [502, 401])
                self.assertEqual(len(self.backend.records), 1)
                self.backend.reset()

    def test_SM_03_a_switch_that_nobody_asked_for_is_no_answer(self):
        self.backend.answer("/switch", SWITCHED)
        for protocol in PROTOCOLS:
            with self.attack(protocol=protocol):
                response = self.send(protocol, "GET", "/open/switch", HANDSHAKE if protocol.startswith("h1") else [])
                self.assert_status(response, 502)
                self.assertIsNone(self.backend.last().value("upgrade"))
                self.backend.reset()

    def test_SM_03_a_handshake_with_a_body_is_refused(self):
        bodies = [
            ([("Content-Length", "5")], b"hello"),
            ([("Transfer-Encoding", "chunked")], b"5\r\nhello\r\n0\r\n\r\n"),
            ([("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")], b""),
            ([("Sec-WebSocket-Version", "8")], b""),
        ]
        for extra, body in bodies:
            with self.attack(extra=extra):
                responses, _ = self.raw(self.upgrade(extra=extra) + body)
                self.assertEqual([response.status for response in responses], [400])
                self.assert_untouched()

    def test_SM_03_an_extended_connect_is_a_websocket_or_nothing(self):
        cases = [
            ("/orders/1", "websocket", 501),
            ("/live/1", "h2c", 501),
            ("/live/1", "connect-udp", 501),
            ("/nosuch/1", "websocket", 404),
            ("/live/../orders/1", "websocket", 400),
        ]
        for target, protocol, status in cases:
            for tls in (False, True):
                with self.attack(target=target, protocol=protocol, tls=tls):
                    connection = Connection(self.gateway.secure if tls else self.gateway.plain, tls)
                    connection.wait(connection.takes_extended_connect)
                    fields = [self.bearer(), ("Sec-WebSocket-Version", "13")]
                    stream = connection.open("CONNECT", target, fields, protocol=protocol)
                    connection.send(stream, SMUGGLED)
                    connection.wait(lambda: stream.ended)
                    connection.close()
                    self.assertEqual(stream.status, status)
                    self.assert_untouched()

    def test_SM_03_no_authentication_is_carried_to_the_next_request(self):
        first = b"GET /orders/1 HTTP/1.1\r\nHost: @HOST@\r\nAuthorization: " + self.bearer()[1].encode() + b"\r\n\r\n"
        second = b"GET /orders/2 HTTP/1.1\r\nHost: @HOST@\r\n\r\n"
        with self.attack():
            responses, _ = self.raw(first + second, wanted=2)
            self.assertEqual([response.status for response in responses], [200, 401])

    def test_SM_04_http2_messages_that_http1_could_misread(self):
        extra = [
            ("transfer-encoding", "chunked"),
            ("connection", "x-jwt-assertion"),
            ("connection", "close"),
            ("keep-alive", "1"),
            ("proxy-connection", "keep-alive"),
            ("upgrade", "h2c"),
            ("te", "gzip"),
            ("x-a1", "a\r\nX-JWT-Assertion: FORGED"),
            ("x-a1", "a\nb"),
            ("x-a1", "a\0b"),
            ("x a", "b"),
            ("", "b"),
            (":foo", "bar"),
            ("content-length", "50"),
            ("content-length", "+5"),
        ]
        for name, value in extra:
            for protocol in ("h2", "h2-tls"):
                with self.attack(protocol=protocol, name=name, value=value):
                    fields = [self.bearer(), (name, value)]
                    body = b"hello" if name == "content-length" else b""
                    response = self.send(protocol, "POST", "/orders/1", fields, body)
                    self.assertTrue(response.status == 0 or 400 <= response.status < 500, repr(response))
                    self.assertEqual([record for record in self.backend.records if record.complete], [])
                    self.backend.reset()

    def test_SM_04_http2_pseudo_headers(self):
        authority = "127.0.0.1:%d" % self.gateway.plain[1]
        good = [(":method", "GET"), (":scheme", "http"), (":authority", authority), (":path", "/orders/1")]
        replaced = [
            (":path", "/orders/1 HTTP/1.1\r\nX-JWT-Assertion: FORGED\r\nX: "),
            (":path", "/orders/ 1"),
            (":path", ""),
            (":method", "GET /orders/1 HTTP/1.1\r\nHost: x\r\n\r\nGET"),
            (":method", "G ET"),
            (":authority", authority + "\r\nX-JWT-Assertion: FORGED"),
            (":authority", "evil@" + authority),
            (":scheme", "http://127.0.0.1/orders?"),
        ]
        for name, value in replaced:
            with self.attack(name=name, value=value):
                pseudo = [(known, value if known == name else old) for known, old in good]
                response = self.send("h2", "GET", "", [("authorization", self.bearer()[1])], pseudo=pseudo)
                self.assert_stopped(response)
        for extra in (good + [(":path", "/orders/admin")], good[:3], good[1:]):
            with self.attack(pseudo=extra):
                response = self.send("h2", "GET", "", [("authorization", self.bearer()[1])], pseudo=extra)
                self.assert_stopped(response)
        with self.attack(host="two authorities"):
            fields = [("authorization", self.bearer()[1]), ("host", "evil.test")]
            self.assert_stopped(self.send("h2", "GET", "", fields, pseudo=good))

    def test_SM_05_client_that_aborts_leaves_no_trace_on_the_pool(self):
        for _ in range(20):
            connection = client.connect(self.gateway.plain)
            data = self.post([b"Content-Length: 1000000"], b"x" * 5000)
            connection.sendall(data.replace(b"@HOST@", b"127.0.0.1:%d" % self.gateway.plain[1]))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
            response = self.send("h1", "POST", "/orders/after", [self.bearer()], b"whole")
            self.assert_status(response, 200)
        after = [record for record in self.backend.records if record.target.endswith("/after")]
        self.assertEqual([record.body for record in after], [b"whole"] * 20)
        aborted = [record for record in self.backend.records if record not in after]
        self.assertEqual([record for record in aborted if record.complete], [])
        self.backend.reset()
        self.world.answered = 0

    def test_SM_05_backend_that_breaks_off_leaves_no_trace_on_the_pool(self):
        self.backend.answer("/broken", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
        self.backend.answer("/twice", b"HTTP/1.1 200 OK\r\nX-Backend-Serial: 1\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nBRIBED")
        for target in ("/open/twice", "/open/1", "/orders/1", "/open/twice", "/orders/1"):
            with self.attack(target=target):
                response = self.send("h1", "GET", target, [self.bearer()])
                self.assert_status(response, 200)
                self.assertIn(response.body, (b"ok", b"backend"))

    def test_SM_06_content_length(self):
        lengths = [
            [b"Content-Length: 5", b"Content-Length: 6"],
            [b"Content-Length: 5, 6"],
            [b"Content-Length: +5"],
            [b"Content-Length: -5"],
            [b"Content-Length: 0x5"],
            [b"Content-Length: 5.0"],
            [b"Content-Length: 5 5"],
            [b"Content-Length: "],
            [b"Content-Length: 99999999999999999999"],
            [b"Content-Length: 18446744073709551621"],
            [b"Content-Length : 5"],
            [b"Content-Length:\x0b5"],
        ]
        for fields in lengths:
            with self.attack(fields=fields):
                self.assert_400(self.post(fields, b"hello"))
        for fields in ([b"Content-Length: 5", b"Content-Length: 5"], [b"Content-Length: 5, 5"], [b"Content-Length: 5 "]):
            with self.attack(fields=fields):
                responses, _ = self.raw(self.post(fields, b"hello"), patience=1.5)
                self.assertIn([response.status for response in responses], ([400], [200]))
                for record in self.backend.records:
                    self.assertEqual(record.body, b"hello")

    def test_SM_07_request_line_and_line_ends(self):
        host = b"\r\nHost: @HOST@\r\n\r\n"
        refused = [
            b"GET  /open/1 HTTP/1.1" + host,
            b"GET /open/1  HTTP/1.1" + host,
            b"GET /open/1 HTTP/1.1 " + host,
            b" GET /open/1 HTTP/1.1" + host,
            b"GET\t/open/1 HTTP/1.1" + host,
            b"GET /open/1 HTTP/1.2" + host,
            b"GET /open/1 http/1.1" + host,
            b"GET /open/1\rX HTTP/1.1" + host,
            b"GET /open/1 HTTP/1.1\rX-A: b" + host,
            b"GET /open/1 HTTP/1.1\r\nHost: @HOST@\r\nX-A: b\rX-JWT-Assertion: FORGED\r\n\r\n",
            b"GET /open/1 HTTP/1.1\r\n\r\n",
            b"GET /open/1 HTTP/1.1\r\nHost: @HOST@\r\nHost: @HOST@\r\n\r\n",
            b"GET /open/1 HTTP/1.1\r\nHost: @HOST@, evil.test\r\n\r\n",
            b"GET http://evil.test/open/1 HTTP/1.1" + host,
            b"GET http://evil.test@HOST@/open/1 HTTP/1.1" + host,
            b"GET ftp://@HOST@/open/1 HTTP/1.1" + host,
            b"GET http://user@@HOST@/open/1 HTTP/1.1" + host,
            b"GET /open/1\r\n",
        ]
        for data in refused:
            with self.attack(data=data[:60]):
                responses, closed = self.raw(data, patience=1.5)
                self.assertLessEqual({response.status for response in responses}, {400, 505}, responses)
                self.assertTrue(responses or closed)
                self.assert_untouched()

    def test_SM_07_absolute_form_of_the_same_host_is_served(self):
        with self.attack():
            responses, _ = self.raw(b"GET http://@HOST@/open/1?a=b HTTP/1.1\r\nHost: @HOST@\r\n\r\n")
            self.assertEqual([response.status for response in responses], [200])
            self.assertEqual(self.backend.last().target, "/open-svc/1?a=b")

    def test_SM_07_bare_line_feeds_are_refused_or_mended(self):
        for data in (
            b"GET /open/1 HTTP/1.1\nHost: @HOST@\n\n",
            b"GET /open/1 HTTP/1.1\r\nHost: @HOST@\nX-A: b\r\n\r\n",
            b"GET /open/1 HTTP/1.1\r\nHost: @HOST@\r\nX-A: a\nX-JWT-Assertion: FORGED\r\n\r\n",
        ):
            with self.attack(data=data):
                responses, closed = self.raw(data, patience=1.5)
                self.assertLessEqual({response.status for response in responses}, {400, 200})
                self.assertTrue(responses or closed)
                for record in self.backend.records:
                    self.assertNotIn(b"\n", record.head.replace(b"\r\n", b""))

    def test_SM_08_denied_request_with_expectation_is_answered_at_once(self):
        data = b"POST /orders/1 HTTP/1.1\r\nHost: @HOST@\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n"
        with self.attack():
            responses, _ = self.raw(data)
            self.assertEqual([response.status for response in responses], [401])
            self.assert_untouched()

    def test_SM_08_honest_expectation_is_served(self):
        for protocol in ("h1", "h1-tls"):
            with self.attack(protocol=protocol):
                fields = [self.bearer(), ("Expect", "100-continue"), (ASSERTION, "FORGED")]
                self.assert_status(self.send(protocol, "POST", "/orders/1", fields, b"hello"), 200)
                self.assertEqual(self.backend.last().body, b"hello")
