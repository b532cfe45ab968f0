"""The harness itself: a client and a backend that see every byte, so that the other tests can be believed."""

import socket
import unittest

import jwt

from attacks.base import Attack
from harness import client, jws, ports
from harness.backend import Backend
from harness.decoders import identities
from harness.grpc_backend import GrpcBackend


class HarnessSeesEverything(unittest.TestCase):
    """Client straight to backend, with no gateway between."""

    def setUp(self):
        self.backend = Backend()
        self.addCleanup(self.backend.close)
        self.address = ("127.0.0.1", self.backend.port)

    def test_every_field_arrives_in_its_spelling_and_order(self):
        fields = [("X_JWT.Assertion", "a"), ("x-jwt-assertion", "b"), ("X-A", "")]
        response = client.request(self.address, "POST", "/x?y", fields, b"hello", [("X-Trailer", "t")])
        self.assertTrue(response.from_backend)
        record = self.backend.last()
        self.assertEqual((record.line, record.body), ("POST /x?y HTTP/1.1", b"hello"))
        self.assertEqual([pair for pair in record.fields if pair in fields], fields)
        self.assertEqual(record.aliases("X-JWT-Assertion"), fields[:2])
        self.assertEqual(record.trailers, [("X-Trailer", "t")])
        self.assertEqual(identities(record.fields, "X-JWT-Assertion"), ["b", "b", "b"])

    def test_framing_that_a_strict_server_refuses_is_noted(self):
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
        client.exchange(self.address, head + b"0\r\n\r\n")
        client.exchange(self.address, b"GET / HTTP/1.1\r\nHost: x\r\nX-A: a\nX-B: b\r\n\r\n")
        self.assertEqual([len(record.anomalies) for record in self.backend.records], [1, 1])

    def test_pipelined_answers_are_split(self):
        request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        responses, closed = client.exchange(self.address, request * 3, wanted=3)
        self.assertEqual(([response.status for response in responses], closed), ([200, 200, 200], False))

    def test_chunked_answers_with_trailers_are_read(self):
        self.backend.answer("/c", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n")
        self.assertEqual(client.request(self.address, "GET", "/c").body, b"ok")

    def test_http2_fields_arrive_unchecked(self):
        backend = GrpcBackend()
        self.addCleanup(backend.close)
        fields = [("x_jwt_assertion", "a"), ("x-jwt-assertion", "b")]
        response = client.request_h2(("127.0.0.1", backend.port), "POST", "/s/m", fields, b"body", [("x-t", "t")])
        self.assertEqual((response.status, response.value("grpc-status")), (200, "0"))
        call = backend.records[0]
        self.assertEqual((call.target, call.body, call.trailers), ("/s/m", b"body", [("x-t", "t")]))
        self.assertEqual(call.aliases("X-JWT-Assertion"), fields)

    def test_a_closed_backend_takes_no_connection_of_another(self):
        closed = Backend()
        closed.close()
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", closed.port))

    def test_a_leased_port_is_nobody_elses(self):
        leased = {ports.lease() for _ in range(500)}
        self.addCleanup(ports.give_back, *leased)
        others = [socket.create_server(("127.0.0.1", 0)) for _ in range(500)]
        taken = {other.getsockname()[1] for other in others}
        for other in others:
            other.close()
        self.assertEqual((len(leased), leased & taken), (500, set()))
        with socket.create_server(("127.0.0.1", min(leased))):
            with self.assertRaises(OSError):
                socket.create_server(("127.0.0.1", min(leased)))

    def test_tokens_made_by_hand_are_what_a_library_makes(self):
        for algorithm in ("RS256", "PS384", "ES512", "EdDSA"):
            key = jws.Key(algorithm)
            public = jwt.PyJWK(key.jwk())
            claims = jwt.decode(key.token(jws.claims()), public.key, algorithms=[algorithm], audience="gateway")
            self.assertEqual(claims["sub"], "alice")


class OracleFails(Attack):
    """The oracle, given backends that saw what they must not see."""

    def setUp(self):
        """No gateway: the oracle is asked about records made here."""

    def tearDown(self):
        """Nothing ran."""

    def test_a_forged_value_fails_the_oracle(self):
        backend = Backend()
        self.addCleanup(backend.close)
        address = ("127.0.0.1", backend.port)
        for name in ("X-JWT-Assertion", "x_jwt_assertion", "X-A", "Txn-Token"):
            client.request(address, "GET", "/open-svc/1", [(name, "FORGED")])
            with self.assertRaises(AssertionError):
                self.examine(backend.last())
        client.request(address, "GET", "/orders-svc/1")
        with self.assertRaises(AssertionError):
            self.examine(backend.last())
        client.request(address, "GET", "/open-svc/1", [("X-Fine", "1")])
        self.examine(backend.last())


del Attack
