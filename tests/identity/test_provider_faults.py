"""An OpenID provider behind a line that breaks in every way, under load and at the start."""

import collections
import itertools
import json
import threading
import time
import unittest

import jwt

from harness.line import FAULTS, THROUGH, Line
from harness.openid import Provider
from identity.test_openid import ASSERTION, OverProvider, introspection, issuer

ENOUGH = 25


class ProviderFaults(OverProvider):
    """Keys and introspection are reached over the line; opaque tokens are asked about at each call."""

    def setUp(self):
        super().setUp()
        self.addCleanup(self.backend.close)
        self.provider = Provider()
        self.addCleanup(self.provider.stop)
        self.line = Line(self.provider.port)
        self.addCleanup(self.line.stop)
        self.tokens = {form: [self.provider.token(format=form) for _ in range(20)] for form in ("jwt", "opaque")}

    def start(self):
        address = f"http://127.0.0.1:{self.line.port}"
        asked = introspection(address, ttl="0s", timeout="400ms", breaker={"after": 5, "retry": "1s"})
        entry = issuer(self.provider, introspection=asked, jwks={"url": address + "/jwks"})
        del entry["discovery"]
        super().start(entry)

    def test_under_load_who_can_be_told_gets_in_and_nobody_else_is_let_through(self):
        self.start()
        for form in self.tokens:
            self.gateway.wait_until(lambda: self.call(self.tokens[form][0]).status == 200, f"no {form} gets in")
        self.backend.reset()
        seen, is_over = [], threading.Event()

        def hammer(form):
            for token in itertools.cycle(self.tokens[form]):
                if is_over.is_set():
                    return
                begun = time.monotonic()
                response = self.call(token)
                seen.append((form, begun, time.monotonic(), response))

        threads = [threading.Thread(target=hammer, args=[form]) for form in ("jwt", "jwt", "opaque", "opaque", "opaque")]
        for thread in threads:
            thread.start()
        broken = []
        try:
            for fault in FAULTS:
                self.wait_for(seen, "opaque", 200)
                self.line.be(fault)
                self.wait_for(seen, "opaque", 503, 1)
                begun = time.monotonic()
                self.wait_for(seen, "opaque", 503)
                self.wait_for(seen, "jwt", 200)
                broken.append((begun, time.monotonic()))
                self.line.be(THROUGH)
            self.wait_for(seen, "opaque", 200)
        finally:
            is_over.set()
            for thread in threads:
                thread.join()
        self.judge(seen, broken)

    def wait_for(self, seen, form, status, enough=ENOUGH):
        since = time.monotonic()
        count = lambda: sum(call[0] == form and call[1] > since and call[3].status == status for call in seen[-3000:])
        self.gateway.wait_until(lambda: count() >= enough, f"too few of {status} for {form}")

    def judge(self, seen, broken):
        statuses = collections.Counter((form, response.status) for form, _, _, response in seen)
        self.assertEqual(set(statuses), {("jwt", 200), ("opaque", 200), ("opaque", 503)})
        for form, begun, ended, response in seen:
            if response.status == 503:
                self.assertEqual(json.loads(response.body)["code"], "issuer_unavailable")
                self.assertGreaterEqual(int(response.value("retry-after")), 1)
            elif form == "opaque":
                self.assertFalse(any(begin < begun and ended < end for begin, end in broken), "nobody could be asked")
        subjects = collections.Counter(
            jwt.decode(record.value(ASSERTION), options={"verify_signature": False})["sub"] for record in self.backend.records
        )
        self.assertEqual(subjects, {"alice": statuses["jwt", 200] + statuses["opaque", 200]})

    def test_at_the_start_it_is_503_until_the_line_is_mended(self):
        for fault in FAULTS:
            with self.subTest(fault):
                self.line.be(fault)
                self.start()
                for form in self.tokens:
                    response = self.call(self.tokens[form][0])
                    self.assertEqual((response.status, json.loads(response.body)["code"]), (503, "issuer_unavailable"), form)
                self.assertEqual((self.backend.records, self.gateway.admin_get("/readyz")[0]), ([], 200))
                self.line.be(THROUGH)
                for form in self.tokens:
                    self.gateway.wait_until(lambda: self.call(self.tokens[form][0]).status == 200, f"no {form} gets in")
                self.gateway.stop()
                self.backend.reset()


if __name__ == "__main__":
    unittest.main()
