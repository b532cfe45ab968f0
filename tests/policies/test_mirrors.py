"""`RequestMirror`: copies of calls, which the client never notices, and which give nobody away."""

import threading

from harness.backend import Backend
from policies.base import PROTOCOLS, Policies, header, operation


class Mirrors(Policies):
    def mirrored(self, *urls, **api):
        self.mirror = Backend()
        self.addCleanup(self.mirror.close)
        mirror = {"policyName": "RequestMirror", "parameters": {"urls": list(urls) or [self.mirror.url + "/shadow"]}}
        request = [mirror, {"policyName": "BackendJwt", "parameters": {}}, header("SetHeader", "X-Stage", "live")]
        verbs = [operation(verb, "/*", secured=True) for verb in ("GET", "POST")]
        authentication = [{"authType": "OAuth2", "sendTokenToUpstream": True}]
        policies = {"request": request}
        self.start(operations=verbs, apiPolicies=policies, authentication=authentication, **api)

    def count(self, outcome):
        return self.gateway.metric("countersign_mirrored_requests_total", outcome=outcome)

    def test_a_copy_has_the_call_and_nothing_of_its_caller(self):
        self.mirrored()
        for number, protocol in enumerate(PROTOCOLS):
            for method, body in (("GET", b""), ("POST", b"some text " * 1000)):
                with self.subTest(protocol=protocol, method=method):
                    self.mirror.reset()
                    fields = [self.bearer(), ("Cookie", "session=1"), ("X-Free", "yes"), ("X-Stage", "client")]
                    answer = self.send(protocol, method, "/a/b?c=1", fields, body)
                    self.assert_status(answer, 200)
                    self.mirror.wait_for(1)
                    backend, mirror = self.backend.last(), self.mirror.last()
                    self.assertEqual(len(backend.aliases("X-JWT-Assertion")), 1)
                    self.assertEqual((mirror.method, mirror.target, mirror.body), (method, "/shadow/a/b?c=1", body))
                    self.assertEqual((mirror.value("x-free"), mirror.value("x-stage")), ("yes", "live"))
                    self.assertEqual(mirror.value("host"), self.mirror.url.removeprefix("http://"))
                    self.assertEqual(mirror.value("x-request-id"), backend.value("x-request-id"))
                    for name in ("X-JWT-Assertion", "Authorization", "Cookie"):
                        self.assertEqual(mirror.aliases(name), [], name)
                    self.assertEqual(mirror.anomalies, [])
        self.gateway.wait_until(lambda: self.count("answered") == 2 * len(PROTOCOLS), "not every copy was answered")

    def test_a_mirror_that_is_gone_is_nobodys_concern(self):
        self.mirrored("http://127.0.0.1:%d" % self.nobodys_port())
        for protocol in PROTOCOLS:
            self.assert_status(self.send(protocol, "POST", "/a", [self.bearer()], b"x"), 200)
        self.gateway.wait_until(lambda: self.count("failed") == len(PROTOCOLS), "no copy was given up")

    def test_a_mirror_that_never_answers_keeps_nobody_waiting(self):
        self.mirrored()
        released = threading.Event()
        self.addCleanup(released.set)
        self.mirror.answer("/", lambda: released.wait(60) and b"")
        for _ in range(70):
            self.assert_status(self.send("h1", "GET", "/a", [self.bearer()]), 200)
        self.assertEqual(len(self.backend.records), 70)
        # One worker has 64 of them under way, and there may be several workers.
        self.assertEqual(self.count("answered") + self.count("failed"), 0)

    def test_a_body_that_is_too_large_is_not_copied(self):
        self.mirrored()
        body = b"x" * (300 * 1024)
        self.assert_status(self.send("h1", "POST", "/a", [self.bearer()], body), 200)
        self.assertEqual(len(self.backend.last().body), len(body))
        self.assertEqual(self.count("too_large"), 1)
        self.assertEqual(self.mirror.records, [])

    def test_a_call_that_is_refused_has_no_copy(self):
        self.mirrored()
        self.assert_status(self.send("h1", "GET", "/a"), 401)
        self.assert_status(self.send("h1", "GET", "/b", [self.bearer()]), 200)
        self.mirror.wait_for(1)
        self.assertEqual([record.target for record in self.mirror.records], ["/shadow/b"])
