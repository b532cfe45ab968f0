"""ST: streams end with what they stand on, and no connection carries one caller's identity to another."""

import re
import subprocess
import threading
import time

from attacks.base import Attack
from attacks.world import ASSERTION, PROTOCOLS
from harness import client
from harness.h2_streams import Connection

EVENTS = b"HTTP/1.1 200 OK\r\nX-Backend-Serial: 1\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
LINES = EVENTS.replace(b"text/event-stream", b"application/x-ndjson")
EVENT = b"9\r\ndata: 1\n\n\r\n"
GRPC = [("content-type", "application/grpc"), ("te", "trailers")]


def short_grace(operator, _apis, _files):
    operator["gateway"]["streams"] = {"grace": "1s"}


class Streams(Attack):
    """Answers that go on. Tokens live for some seconds; what a test waits for is the end, however late it comes."""

    leeway = 60

    def brief(self, subject="alice"):
        """A token that is about to expire."""
        return self.bearer(subject, exp=int(time.time()) + 3)

    def until_the_end(self, protocol, target, fields):
        """Opens a stream and reads it to its end: (status, body, whether it ended in order)."""
        tls = protocol.endswith("-tls")
        address = self.gateway.secure if tls else self.gateway.plain
        if protocol.startswith("h2"):
            connection = Connection(address, tls)
            stream = connection.open("GET", target, fields, b"")
            connection.wait(lambda: stream.ended)
            connection.close()
            return stream.status, stream.data, stream.ended == "ended"
        lines = [f"GET {target} HTTP/1.1", "Host: %s:%d" % address] + [f"{name}: {value}" for name, value in fields]
        connection = client.connect(address, "http/1.1" if tls else None)
        connection.settimeout(30)
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        received = b""
        while not received.endswith(b"\r\n0\r\n\r\n"):
            data = connection.recv(65536)
            if not data:
                break
            received += data
        connection.close()
        head, _, body = received.partition(b"\r\n\r\n")
        body = b"".join(re.findall(rb"[0-9a-f]+\r\n(data: 1\n\n)\r\n", body))
        return int(head.split()[1]), body, received.endswith(b"\r\n0\r\n\r\n")

    def ended(self, kind, by):
        return self.gateway.metric("countersign_streams_ended_total", kind=kind, by=by)

    def test_ST_01_event_streams_end_in_order(self):
        with self.inside(short_grace):
            self.backend.answer("/events", EVENTS + EVENT)
            for protocol in PROTOCOLS:
                with self.attack(protocol=protocol):
                    found = self.until_the_end(protocol, "/orders/events", [self.brief()])
                    self.assertEqual(found, (200, b"data: 1\n\n", True))
                    self.world.answered += 1
                    self.assertIsNotNone(self.identity())
            self.assertEqual(self.ended("event_stream", "expired"), len(PROTOCOLS))
            self.assertEqual(self.gateway.metric("countersign_open_streams"), 0)
            self.gateway.wait_until(lambda: self.gateway.log_text().count('"ended":"expired"') == 4, "no audit record")

    def test_ST_01_what_is_no_stream_of_messages_is_broken_off(self):
        with self.inside(short_grace):
            self.backend.answer("/lines", lambda: LINES + EVENT)
            for protocol in ("h1", "h2"):
                with self.attack(protocol=protocol):
                    # Noticed with the next bytes: the backend's silence is what its own timeout is for.
                    self.gateway.write_api("orders", self.impatient())
                    self.gateway.reload()
                    status, body, in_order = self.until_the_end(protocol, "/orders/lines", [self.brief()])
                    self.assertEqual((status, body, in_order), (200, b"data: 1\n\n", False))
                    self.world.answered += 1

    def impatient(self):
        """`orders` with a backend that may be silent for two seconds."""
        orders = self.world.apis()["orders"]
        endpoint = self.world.backend.url + "/orders-svc"
        resiliency = {"timeout": {"upstreamResponseTimeout": 2}}
        orders["endpointConfigurations"] = {"production": [{"endpoint": endpoint, "resiliency": resiliency}]}
        return orders

    def test_ST_01_grpc_ends_with_unauthenticated(self):
        with self.inside(short_grace):
            for tls in (False, True):
                with self.attack(tls=tls):
                    connection = Connection(self.gateway.secure if tls else self.gateway.plain, tls)
                    stream = connection.open("POST", "/grpc.shop.shop.Orders/Watch", [self.brief(), *GRPC], b"\0\0\0\0\0")
                    connection.wait(lambda: stream.ended)
                    self.assertEqual((stream.status, stream.ended), (200, "ended"))
                    self.assertEqual(stream.trailers["grpc-status"], "16")
                    self.world.answered += 1
                    backend = self.world.grpc_backend
                    self.gateway.wait_until(lambda: backend.records[-1].cancelled, "the backend's call goes on")
                    connection.close()
            self.assertEqual(self.ended("grpc", "expired"), 2)

    def test_ST_01_a_call_that_sends_on_and_on_is_refused(self):
        with self.inside(short_grace), self.attack():
            connection = Connection(self.gateway.plain)
            stream = connection.open("POST", "/grpc.shop.shop.Orders/List", [self.brief(), *GRPC])
            connection.send(stream, b"\0\0\0\0\0")
            connection.wait(lambda: stream.ended)
            self.assertEqual(stream.status, 401)
            backend = self.world.grpc_backend
            self.gateway.wait_until(lambda: backend.records[-1].cancelled, "the backend's call goes on")
            connection.close()
            backend.reset()

    def test_ST_02_a_thousand_streams_of_a_user_end_at_once(self):
        self.backend.answer("/events", EVENTS + EVENT)
        revoked, others = [], []
        with self.attack():
            for number in range(10):
                connection = Connection(self.gateway.plain)
                self.addCleanup(connection.close)
                streams = [connection.open("GET", "/orders/events", [self.bearer("alice")], b"") for _ in range(100)]
                other = connection.open("GET", "/orders/events", [self.bearer("bob")], b"")
                connection.wait(lambda: all(stream.data for stream in [*streams, other]))
                revoked.append((connection, streams))
                others.append((connection, other))
            self.world.answered = 1010
            before = self.ended("event_stream", "revoked")
            self.gateway.invalidate("staff", "alice")
            for connection, streams in revoked:
                connection.wait(lambda: all(stream.ended for stream in streams))
                self.assertEqual({stream.ended for stream in streams}, {"ended"})
            self.assertEqual(self.ended("event_stream", "revoked") - before, 1000)
            for connection, other in others:
                stream = connection.open("GET", "/orders/1", [self.bearer("bob")], b"")
                connection.wait(lambda: stream.ended)
                self.assertIsNone(other.ended, "another user's stream was ended")
                connection.close()
            self.world.answered = 1020
            self.gateway.wait_until(lambda: self.gateway.metric("countersign_open_streams") == 0, "streams are left")

    def test_ST_02_a_user_of_another_issuer_is_not_meant(self):
        self.backend.answer("/events", EVENTS + EVENT)
        with self.attack():
            connection = Connection(self.gateway.plain)
            self.addCleanup(connection.close)
            partner = self.world.partner.token(self.partner_claims())
            stream = connection.open("GET", "/orders/events", [("Authorization", "Bearer " + partner)], b"")
            connection.wait(lambda: stream.data)
            self.gateway.invalidate("staff", "alice")
            after = connection.open("GET", "/orders/1", [self.bearer("alice")], b"")
            connection.wait(lambda: after.ended)
            self.assertIsNone(stream.ended)
            self.gateway.invalidate("partners", "alice")
            connection.wait(lambda: stream.ended)
            self.world.answered = 2

    def test_ST_02_a_stream_that_begins_after_the_revocation_ends_too(self):
        released = threading.Event()

        def late():
            released.wait(20)
            return EVENTS + EVENT

        self.backend.answer("/late", late)
        with self.attack():
            connection = Connection(self.gateway.plain)
            self.addCleanup(connection.close)
            stream = connection.open("GET", "/orders/late", [self.bearer("alice")], b"")
            self.backend.wait_for(1)
            self.gateway.invalidate("staff", "alice")
            self.assertIsNone(stream.status)
            released.set()
            connection.wait(lambda: stream.ended)
            self.assertEqual((stream.status, stream.ended), (200, "ended"))
            self.world.answered = 1

    def partner_claims(self):
        from attacks.world import PARTNER
        from harness import jws

        return jws.claims("alice", PARTNER)

    def test_ST_03_users_on_one_connection_keep_their_identities(self):
        with self.attack():
            connection = Connection(self.gateway.secure, tls=True)
            self.addCleanup(connection.close)
            users = ["alice", "bob"] * 20
            streams = [
                connection.open("GET", f"/orders/{user}", [self.bearer(user)], b"") for user in users
            ]
            connection.wait(lambda: all(stream.ended for stream in streams))
            self.assertEqual({stream.status for stream in streams}, {200})
            self.world.answered = len(users)
            self.backend.wait_for(len(users))
            for record in self.backend.records:
                self.assertEqual(self.identity(record)["sub"], "corp/" + record.target.rsplit("/", 1)[1])

    def test_ST_04_connections_to_the_backend_carry_no_identity_over(self):
        with self.attack():
            for user in ["alice", "bob", "alice", None, "bob", None]:
                fields = [self.bearer(user)] if user else []
                self.assert_status(self.send("h1", "GET", "/opt/1", fields), 200)
                claims = self.identity()
                self.assertEqual(claims and claims["sub"], user and "corp/" + user)
                self.assert_status(self.send("h1", "GET", "/open/1", fields), 200)
                self.assertEqual(self.backend.last().aliases(ASSERTION), [])

    def test_ST_05_no_early_data_is_offered(self):
        address = "%s:%d" % self.gateway.secure
        command = ["openssl", "s_client", "-connect", address, "-tls1_3", "-alpn", "h2"]
        done = subprocess.run(command, input=b"", capture_output=True, timeout=30, check=False)
        offered = re.findall(rb"Max Early Data: (\d+)", done.stdout)
        self.assertIn(b"TLSv1.3", done.stdout)
        self.assertLessEqual(set(offered), {b"0"}, done.stdout)
