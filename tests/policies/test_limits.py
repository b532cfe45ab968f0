"""Rate limits and redirections over each protocol."""

from policies.base import PROTOCOLS, Policies, operation


class Limits(Policies):
    def test_calls_over_the_limit_are_refused_and_never_forwarded(self):
        limits = {"rateLimit": {"requestsPerUnit": 3, "unit": "Hour"}}
        self.start(operations=[operation("GET", "/a", **limits), operation("GET", "/b")])
        found = [self.send(protocol, "GET", "/a") for protocol in PROTOCOLS]
        self.assertEqual([answer.status for answer in found], [200, 200, 200, 429])
        answer = found[-1]
        self.assertTrue(1190 <= int(answer.value("retry-after")) <= 1200, answer.value("retry-after"))
        self.assertEqual(answer.value("ratelimit-policy"), '"operation";q=3;w=3600')
        self.assertTrue(answer.value("ratelimit").startswith('"operation";r=0;t='))
        self.assertEqual(answer.value("content-type"), "application/problem+json")
        self.assert_status(self.send("h1", "GET", "/b"), 200)
        self.assertEqual(len(self.backend.records), 4)
        self.assertEqual(self.gateway.metric("countersign_refusals_total", code="rate_limited"), 1)
        self.assertEqual(self.outcomes(5), {"answered": 4, "rate_limited": 1})

    def test_no_field_of_a_client_makes_it_somebody_else(self):
        limit = {"requestsPerUnit": 1, "unit": "Day", "per": "caller"}
        self.start(operations=[operation("GET", "/a")], rateLimit=limit)
        self.assert_status(self.send("h1", "GET", "/a"), 200)
        for number, name in enumerate(("X-Forwarded-For", "X-Real-IP", "Forwarded", "Authorization", "User-Agent", "Cookie")):
            self.assert_status(self.send("h1", "GET", "/a", [(name, f"192.0.2.{number}")]), 429)

    def test_who_is_not_let_in_does_not_count(self):
        self.start(operations=[operation("GET", "/a", secured=True)], rateLimit={"requestsPerUnit": 1, "unit": "Day"})
        for _ in range(3):
            self.assert_status(self.send("h1", "GET", "/a"), 401)
        self.assert_status(self.send("h1", "GET", "/a", [self.bearer()]), 200)
        self.assert_status(self.send("h1", "GET", "/a", [self.bearer("bob")]), 429)

    def test_redirections(self):
        policy = {"policyName": "RequestRedirect", "parameters": {"url": "http://old.test:80/new", "statusCode": 301}}
        self.start(operations=[operation("GET", "/a", operationPolicies={"request": [policy]})])
        for protocol in PROTOCOLS:
            for target, expected in (("/a", ""), ("/a?id=1", "?id=1"), ("/a?@evil.test", "?@evil.test")):
                with self.subTest(protocol=protocol, target=target):
                    answer = self.send(protocol, "GET", target, host="evil.test")
                    self.assert_status(answer, 301)
                    self.assertEqual(answer.value("location"), "http://old.test/new" + expected)
                    self.assertEqual((answer.body, answer.value("content-type")), (b"", None))
        self.assertEqual(self.backend.records, [])
        self.assertEqual(self.outcomes(12), {"redirected": 12})
