"""CORS over each protocol: preflights end at the gateway, answers say who may read them."""

from policies.base import PROTOCOLS, Policies, operation

SHOP = "https://shop.test"
BACKENDS_OWN = b"".join(
    b"%s: %s\r\n" % pair
    for pair in (
        (b"Access-Control-Allow-Origin", b"*"),
        (b"Access-Control-Allow-Credentials", b"true"),
        (b"Access-Control-Expose-Headers", b"X-Secret"),
        (b"Vary", b"Accept"),
    )
)
ANSWER = b"HTTP/1.1 200 OK\r\nX-Backend-Serial: 1\r\n" + BACKENDS_OWN + b"Content-Length: 2\r\n\r\nok"


def cors(**more):
    return {"corsConfigurationEnabled": True, "accessControlAllowOrigins": [SHOP], **more}


class Cors(Policies):
    def preflight(self, protocol, origin=SHOP, method="PUT"):
        fields = [("Origin", origin), ("Access-Control-Request-Method", method)]
        return self.send(protocol, "OPTIONS", "/a", fields + [("Access-Control-Request-Headers", "authorization")])

    def test_a_preflight_ends_at_the_gateway(self):
        verbs = [operation(verb, "/a", secured=True) for verb in ("GET", "PUT", "OPTIONS")]
        self.start(operations=verbs, corsConfiguration=cors(accessControlAllowHeaders=["Authorization"]))
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol):
                answer = self.preflight(protocol)
                self.assert_status(answer, 204)
                self.assertEqual(answer.value("access-control-allow-origin"), SHOP)
                self.assertEqual(answer.value("access-control-allow-headers"), "Authorization")
                self.assertEqual(answer.value("access-control-allow-credentials"), None)
                self.assertIn("PUT", answer.value("access-control-allow-methods").split(", "))
                self.assertEqual(answer.body, b"")
                for refused in (self.preflight(protocol, "https://shop.test.evil.test"), self.preflight(protocol, "null")):
                    self.assert_status(refused, 403)
                    self.assertEqual(refused.value("access-control-allow-origin"), None)
                self.assert_status(self.preflight(protocol, method="DELETE"), 403)
        self.assertEqual(self.backend.records, [])
        self.assertEqual(self.gateway.metric("countersign_refusals_total", code="preflight"), len(PROTOCOLS))
        self.assertEqual(self.gateway.metric("countersign_refusals_total", code="cors_refused"), 3 * len(PROTOCOLS))
        self.assertEqual(self.outcomes(16), {"preflight": 4, "cors_refused": 12})

    def test_an_options_call_that_is_no_preflight_is_an_ordinary_one(self):
        self.start(operations=[operation("OPTIONS", "/a")], corsConfiguration=cors())
        self.assert_status(self.send("h1", "OPTIONS", "/a", [("Origin", SHOP)]), 200)
        self.assertEqual(len(self.backend.records), 1)

    def test_answers_say_who_may_read_them_and_backends_do_not(self):
        self.start(
            operations=[operation("GET", "/a"), operation("GET", "/secured", secured=True)],
            corsConfiguration=cors(accessControlAllowCredentials=True, accessControlExposeHeaders=["X-Total"]),
        )
        self.backend.answer("/a", ANSWER)
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol):
                answer = self.send(protocol, "GET", "/a", [("Origin", SHOP)])
                self.assert_status(answer, 200)
                self.assertEqual(answer.values("access-control-allow-origin"), [SHOP])
                self.assertEqual(answer.values("access-control-allow-credentials"), ["true"])
                self.assertEqual(answer.values("access-control-expose-headers"), ["X-Total"])
                self.assertEqual(answer.values("vary"), ["Accept", "Origin"])
                for fields in ([("Origin", "https://evil.test")], [], [("Origin", SHOP), ("Origin", SHOP)]):
                    other = self.send(protocol, "GET", "/a", fields)
                    self.assert_status(other, 200)
                    named = [name for name, _ in other.fields if name.lower().startswith("access-control-")]
                    self.assertEqual((named, other.values("vary")), ([], ["Accept", "Origin"]))
                refused = self.send(protocol, "GET", "/secured", [("Origin", SHOP)])
                self.assert_status(refused, 401)
                self.assertEqual(refused.value("access-control-allow-origin"), SHOP)

    def test_a_backend_that_is_gone_is_told_to_the_page_too(self):
        nobody = [{"endpoint": "http://127.0.0.1:%d" % self.nobodys_port()}]
        self.start(endpoints=lambda _: nobody, corsConfiguration=cors())
        answer = self.send("h1", "GET", "/a", [("Origin", SHOP)])
        self.assert_status(answer, 502)
        self.assertEqual(answer.value("access-control-allow-origin"), SHOP)

    def test_any_origin(self):
        self.start(corsConfiguration=cors(accessControlAllowOrigins=["*"]))
        answer = self.send("h1", "GET", "/a", [("Origin", "https://anybody.test")])
        self.assertEqual((answer.values("access-control-allow-origin"), answer.values("vary")), (["*"], []))

    def test_without_cors_the_backend_speaks_for_itself(self):
        self.start()
        self.backend.answer("/a", ANSWER)
        answer = self.send("h1", "GET", "/a", [("Origin", "https://evil.test")])
        self.assertEqual(answer.value("access-control-expose-headers"), "X-Secret")
