"""The audit log: what one record says and never says, and what becomes of calls when nobody takes the records."""

import concurrent.futures
import contextlib
import itertools
import json
import os
import time

from attacks.base import ASSERTION, Attack
from attacks.world import api, endpoint, operation, parameters
from harness import jws

# One record of an operation with this name fills a buffer of the log, of which so many wait at most.
LONG = "x" * 20_000
MOST_WAITING = 1024
CALLS = MOST_WAITING + 200
REGISTERED = ("iss", "sub", "aud", "exp", "iat", "nbf", "jti")
GATEWAY = ("apiname", "apicontext", "version", "keytype", "enduser", "usertype", "idp")
WSO2 = "http://wso2.org/claims/"


class AuditLog(Attack):
    """Records of a gateway of its own."""

    def record(self, request_id):
        """The record of one request, and its text."""
        mark = f'"requestId":"{request_id}"'
        find = lambda: [line for line in self.gateway.log_text().splitlines() if mark in line]
        self.gateway.wait_until(find, "no audit record")
        (line,) = find()
        return json.loads(line), line

    def test_a_record_tells_what_was_minted_and_no_value(self):
        def change(_operator, apis, _files):
            parameters(apis).update(customClaims=[{"claim": "x", "value": "a-custom-value"}])

        self.begun, self.users = int(time.time()), {}
        with self.inside(change):
            for protocol in ("h1", "h2"):
                token = self.world.token(jti=protocol)
                for is_new in (True, False):
                    with self.subTest(protocol=protocol, is_new=is_new):
                        self.check(protocol, token, is_new)

    def check(self, protocol, token, is_new):
        self.begin()
        fields = [("Authorization", "Bearer " + token)]
        answer = self.send(protocol, "POST", "/orders/a-path?a=query", fields, b"twelve bytes")
        self.assert_status(answer, 200)
        arrived = self.backend.last()
        minted = arrived.value(ASSERTION)
        header, claims = jws.decode(minted)
        found, line = self.record(arrived.value("x-request-id"))
        self.assertRegex(found.pop("time"), r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\Z")
        self.assertEqual(self.users.setdefault("alice", found["user"]), found["user"])
        self.assertRegex(found.pop("user"), r"\A[0-9a-f]{24}\Z")
        steps = found.pop("micros")
        self.assertEqual(set(steps), {"authenticate", "issue", "backend", "total"})
        self.assertEqual((steps["authenticate"] > 0, steps["issue"] > 0), (is_new, is_new))
        self.assertLessEqual(steps["authenticate"] + steps["issue"] + steps["backend"], steps["total"])
        (jwt,) = found.pop("jwts")
        self.assertRegex(jwt.pop("policy"), r"\A[0-9a-f]{16}\Z")
        as_of = jwt["claims"][WSO2 + "emailaddress"]["asOf"]
        # Backend JWTs are dated ten seconds back.
        self.assertTrue(self.begun <= as_of <= claims["iat"] + 10, as_of)
        sources = dict.fromkeys(REGISTERED, "registered")
        sources |= dict.fromkeys((WSO2 + name for name in GATEWAY), "gateway")
        stored = ("emailaddress", "department", "role")
        sources |= {WSO2 + name: {"source": "staff", "asOf": as_of} for name in stored} | {"scope": "token", "x": "custom"}
        self.assertEqual(set(sources), set(claims))
        expected = {"kid": header["kid"], "jti": claims["jti"], "jwtBytes": len(minted), "claims": sources}
        self.assertEqual(jwt, expected)
        expected = {"method": "POST", "api": "orders", "operation": "POST /*", "revision": 1, "status": 200}
        expected |= {"outcome": "answered", "requestBytes": 12, "responseBytes": 7}
        self.assertEqual(found, dict(expected, requestId=arrived.value("x-request-id")))
        secrets = [*token.split("."), *minted.split("."), "alice", "sales", "a-custom-value", "a-path", "query"]
        self.assertEqual([secret for secret in secrets if secret in line], [])

    @contextlib.contextmanager
    def unread_pipe(self, mode):
        """Inside, the log goes into a pipe that nobody reads yet. Gives the records of API calls as they are read."""
        pipe = []

        def make(path):
            os.mkfifo(path)
            pipe.append(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
            os.set_blocking(pipe[0], True)

        def change(operator, apis, files):
            operator["audit"] = {"mode": mode, "file": "audit.log"}
            files["audit.log"] = make
            long = [operation("GET", "/{%s}" % LONG, secured=False)]
            apis["long"] = api("long", "/long", endpoint(apis, "/open-svc"), long)

        try:
            with self.inside(change):
                with open(pipe[0], encoding="utf-8", closefd=False) as lines:
                    yield (record for record in map(json.loads, lines) if "api" in record)
                os.close(pipe.pop())
        finally:
            for left in pipe:
                os.close(left)

    def ask(self):
        """Makes more calls with long records than can wait; gives their statuses."""
        return {self.send("h1", "GET", "/long/1").status for _ in range(CALLS)}

    def ask_and_end(self):
        """The same, and a call of another operation at last."""
        found = self.ask()
        self.assert_status(self.send("h1", "GET", "/open/1"), 200)
        return found

    def dropped(self):
        return self.gateway.metric("countersign_audit_dropped_total")

    def is_still(self):
        """True when no call gets on while the admin listener answers."""
        before = len(self.backend.records)
        return all(self.gateway.admin_get("/healthz")[0] == 200 and len(self.backend.records) == before for _ in range(100))

    def test_with_drop_calls_go_on_and_the_records_that_are_lost_are_counted(self):
        with self.unread_pipe("drop") as records:
            self.assertEqual(self.ask(), {200})
            self.assertEqual({next(records)["api"] for _ in range(MOST_WAITING)}, {"long"})
            # There is room again: this one is not lost.
            self.assert_status(self.send("h1", "GET", "/open/1"), 200)
            later = len(list(itertools.takewhile(is_long, records)))
            self.assertEqual(MOST_WAITING + later + self.dropped(), CALLS)
            self.assertGreater(self.dropped(), 0)

    def test_a_log_that_nobody_reads_does_not_keep_the_process(self):
        with self.unread_pipe("drop"):
            self.assertEqual(self.ask(), {200})
            self.gateway.process.terminate()
            self.assertEqual(self.gateway.process.wait(60), 0)
            self.assertIn("the last ones are lost", self.gateway.log_text())

    def test_with_block_calls_wait_and_no_record_is_lost(self):
        with self.unread_pipe("block") as records, concurrent.futures.ThreadPoolExecutor(1) as pool:
            pending = pool.submit(self.ask_and_end)
            self.gateway.wait_until(lambda: len(self.backend.records) >= MOST_WAITING and self.is_still(), "no call waits")
            self.assertLess(len(self.backend.records), CALLS)
            self.assertEqual(len(list(itertools.takewhile(is_long, records))), CALLS)
            self.assertEqual((pending.result(), self.dropped()), ({200}, 0))


def is_long(record):
    return record["api"] == "long"
