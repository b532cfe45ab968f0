"""Peers that are too slow: clients that do not finish their header, and backends that do not answer."""

import json
import socket
import threading

from harness import client
from policies.base import PROTOCOLS, Policies

# Beyond any patience of a test: what ends earlier was ended by the one limit that is short.
LONG = "10m"
HEAD = b"GET /shop/1/a HTTP/1.1\r\nHost: x\r\n"


class Timeouts(Policies):
    def start(self, *, limits=None, upstream=None, **options):
        limits = {"headerTimeout": LONG, "idleTimeout": LONG, **(limits or {})}
        upstream = {"connectTimeout": LONG, "responseTimeout": LONG, **(upstream or {})}
        super().start(operator={"gateway": {"limits": limits, "upstream": upstream}}, **options)

    def test_a_header_that_does_not_end_in_time_ends_the_connection(self):
        self.start(limits={"headerTimeout": "300ms"})
        for tls, address in ((False, self.gateway.plain), (True, self.gateway.secure)):
            for begun in (b"G", HEAD, HEAD + b"X-Slow: 1"):
                with self.subTest(begun=begun, tls=tls):
                    responses, closed = client.exchange(address, begun, tls=tls, patience=20)
                    self.assertTrue(closed, "still open")
                    self.assertLessEqual({response.status for response in responses}, {408})
            for protocol in PROTOCOLS:
                self.assert_status(self.send(protocol, "GET", "/a"), 200)
        self.assertEqual({record.target for record in self.backend.records}, {"/a"})

    def test_a_connection_that_does_not_begin_its_next_call_in_time_is_ended(self):
        self.start(limits={"idleTimeout": "300ms"})
        responses, closed = client.exchange(self.gateway.plain, HEAD + b"\r\n", wanted=2, patience=20)
        self.assertEqual(([response.status for response in responses], closed), ([200], True))

    def test_a_backend_that_does_not_finish_its_handshake_is_504(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        endpoint = "https://127.0.0.1:%d" % listener.getsockname()[1]
        self.start(upstream={"connectTimeout": "300ms"}, endpoints=lambda _: [{"endpoint": endpoint}])
        self.check_504("connect_timeout")

    def test_a_backend_that_does_not_answer_is_504(self):
        self.start(upstream={"responseTimeout": "300ms"})
        released = threading.Event()
        self.addCleanup(released.set)
        self.backend.answer("/late", lambda: released.wait(60) and b"")
        self.check_504("response_timeout")

    def check_504(self, reason):
        """A call that is not sent again is answered 504, and the metric has the reason."""
        for count, protocol in enumerate(PROTOCOLS, 1):
            with self.subTest(protocol=protocol):
                answer = self.send(protocol, "POST", "/late")
                self.assert_status(answer, 504)
                self.assertEqual(json.loads(answer.body)["code"], "gateway_timeout")
                self.assertEqual(self.gateway.metric("countersign_upstream_errors_total", reason=reason), count)
