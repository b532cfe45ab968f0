"""Endpoints that fail: another is asked, a failing one is left alone, and none gets more than its circuit breaker allows."""

import threading

from harness.backend import Backend
from policies.base import PROTOCOLS, Policies

UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


def gone():
    """Instead of an answer: the connection ends."""
    raise EOFError


class Resilience(Policies):
    def single(self, resiliency, url=None):
        """One endpoint with this `resiliency`."""
        self.start(endpoints=lambda urls: [{"endpoint": url or urls[0], "resiliency": resiliency}])

    def nobody(self):
        return "http://127.0.0.1:%d" % self.nobodys_port()

    def retries(self, reason):
        return self.gateway.metric("countersign_upstream_retries_total", reason=reason)

    def attempts(self, count):
        """How often the first `count` calls were sent, as the audit log tells it: the fewest first."""
        self.outcomes(count)
        lines = [line for line in self.gateway.log_text().splitlines() if '"requestId"' in line]
        return sorted(int(line.partition('"attempts":')[2].partition(",")[0] or 1) for line in lines[:count])

    def test_a_dead_endpoint_is_left_alone_and_comes_back(self):
        dead = self.nobodys_port()
        self.start(endpoints=lambda urls: [{"endpoint": f"http://127.0.0.1:{dead}/v2"}, {"endpoint": urls[0] + "/v1"}])
        for protocol in PROTOCOLS * 10:
            self.assert_status(self.send(protocol, "GET", "/a?b=1"), 200)
        self.assertEqual({record.target for record in self.backend.records}, {"/v1/a?b=1"})
        self.assertEqual(len(self.backend.records), 40)
        rests = self.gateway.metric("countersign_endpoint_rests_total", endpoint=f"127.0.0.1:{dead}")
        # Before it is left alone there are three failures; after its rest one more may come.
        self.assertGreaterEqual(rests, 1)
        self.assertEqual(self.retries("connect"), 2 + rests)
        back = Backend(port=dead)
        self.addCleanup(back.close)

        def is_back():
            self.assert_status(self.send("h1", "GET", "/a?b=1"), 200)
            return back.records

        self.gateway.wait_until(is_back, "the endpoint gets no calls")
        self.assertEqual(back.records[0].target, "/v2/a?b=1")
        self.assertEqual(back.records[0].value("host"), f"127.0.0.1:{dead}")

    def test_a_body_goes_to_the_endpoint_that_is_there(self):
        self.start(endpoints=lambda urls: [{"endpoint": self.nobody()}, {"endpoint": urls[0]}])
        for number, protocol in enumerate(PROTOCOLS * 3):
            body = b"%d" % number * 5000
            self.assert_status(self.send(protocol, "PUT", "/a", body=body), 200)
            self.backend.wait_for(number + 1)
            self.assertEqual(self.backend.last().body, body)
        self.assertEqual(len(self.backend.records), 12)

    def test_a_call_that_is_not_idempotent_is_sent_once(self):
        self.single({"retryPolicy": {"count": 3, "baseIntervalMillis": 1}}, self.nobody())
        self.assert_status(self.send("h1", "POST", "/a", body=b"x"), 502)
        self.assert_status(self.send("h1", "POST", "/a"), 502)
        self.assertEqual(self.retries("connect"), 0)
        self.assert_status(self.send("h1", "GET", "/a"), 502)
        self.assert_status(self.send("h1", "PUT", "/a", body=b"x"), 502)
        self.assertEqual(self.retries("connect"), 6)
        self.assertEqual(self.attempts(4), [1, 1, 4, 4])

    def test_a_connection_that_ends_before_an_answer(self):
        self.single({"retryPolicy": {"count": 2, "baseIntervalMillis": 1}})
        self.backend.answer("/a", gone)
        self.assert_status(self.send("h1", "GET", "/a"), 502)
        self.assertEqual(len(self.backend.records), 3)
        self.backend.reset()
        for method, body in (("POST", b""), ("POST", b"x"), ("PUT", b"x")):
            self.assert_status(self.send("h1", method, "/a", body=body), 502)
        self.assertEqual([record.method for record in self.backend.records], ["POST", "POST", "PUT"])

    def test_nothing_is_sent_again_once_an_answer_has_begun(self):
        self.single({"retryPolicy": {"count": 3, "baseIntervalMillis": 1, "statusCodes": [500]}})
        half = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nno chunk\r\n"
        self.backend.answer("/a", half)
        self.backend.answer("/b", b"nonsense\r\n\r\n")
        self.assertEqual(self.send("h1", "GET", "/a", patience=5).status, 0)
        self.assert_status(self.send("h1", "GET", "/b"), 502)
        self.assertEqual([record.target for record in self.backend.records], ["/a", "/b"])

    def test_what_takes_too_long_is_not_asked_again(self):
        released = threading.Event()
        self.addCleanup(released.set)
        self.single({"retryPolicy": {"count": 3}, "timeout": {"upstreamResponseTimeout": 1}})
        self.backend.answer("/a", lambda: released.wait(30) and b"")
        self.assert_status(self.send("h1", "GET", "/a"), 504)
        self.assertEqual(len(self.backend.records), 1)

    def test_answers_after_which_a_call_is_sent_again(self):
        self.single({"retryPolicy": {"count": 2, "baseIntervalMillis": 1, "statusCodes": [503]}})
        answers = iter([UNAVAILABLE, UNAVAILABLE, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"])
        self.backend.answer("/a", lambda: next(answers))
        self.assertEqual(self.send("h2", "GET", "/a").body, b"ok")
        self.backend.answer("/b", UNAVAILABLE)
        self.assert_status(self.send("h1", "GET", "/b"), 503)
        self.assert_status(self.send("h1", "POST", "/b"), 503)
        self.assertEqual([record.target for record in self.backend.records], ["/a"] * 3 + ["/b"] * 4)
        self.assertEqual(self.retries("status"), 4)

    def held(self, resiliency):
        """A backend whose answers to `/held` wait; returns what lets them go."""
        released = threading.Event()
        self.addCleanup(released.set)
        self.single(resiliency)
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        self.backend.answer("/held", lambda: released.wait(30) and answer)
        return released

    def in_background(self, target):
        thread = threading.Thread(target=lambda: self.found.append(self.send("h1", "GET", target).status))
        thread.start()
        self.addCleanup(thread.join)
        return thread

    def test_more_calls_than_the_circuit_breaker_allows_are_refused(self):
        released = self.held({"circuitBreaker": {"maxRequests": 2}})
        self.found = []
        threads = [self.in_background("/held") for _ in range(2)]
        self.backend.wait_for(2)
        answer = self.send("h1", "GET", "/a")
        self.assert_status(answer, 503)
        self.assertEqual(answer.value("retry-after"), "1")
        self.assertIn(b"endpoint_busy", answer.body)
        self.assertEqual(len(self.backend.records), 2)
        released.set()
        for thread in threads:
            thread.join()
        self.assertEqual(self.found, [200, 200])
        self.gateway.wait_until(lambda: self.send("h1", "GET", "/a").status == 200, "it stays busy")
        self.assertGreaterEqual(self.gateway.metric("countersign_refusals_total", code="endpoint_busy"), 1)

    def test_a_call_waits_for_a_connection(self):
        released = self.held({"circuitBreaker": {"maxConnections": 1, "maxPendingRequests": 1}})
        self.found = []
        holding = self.in_background("/held")
        self.backend.wait_for(1)
        waiting = self.in_background("/a")
        self.gateway.wait_until(lambda: self.gateway.metric("countersign_open_requests") == 2, "nobody waits")
        released.set()
        for call in (holding, waiting):
            call.join()
        self.assertEqual(sorted(self.found), [200, 200])
        self.assertEqual([record.target for record in self.backend.records], ["/held", "/a"])
