"""HS: header spoofing. The client sends what only the gateway may send."""

from attacks.base import ASSERTION, PROTOCOLS, Attack
from attacks.world import HANDSHAKE, SWITCHED, custom_claim

# target, needs a token, status when all is well
ROUTES = [
    ("/orders/1", True, 200),
    ("/open/1", False, 200),
    ("/opt/1", False, 200),
    ("/opt/1", True, 200),
    ("/nosuch/1", False, 404),
    ("/healthz", False, 404),
]
FIELD_CHARACTERS = "!#$%&'*+^_`|~."


class HeaderSpoofing(Attack):
    """Rows HS-01 to HS-16."""

    # What is answered to a WebSocket's handshake where there is none, and to lines that are no fields.
    unwanted_upgrade = 200
    malformed = (400,)

    def spoof(self, fields, protocols=PROTOCOLS, routes=ROUTES, **options):
        """Sends `fields` on every route and protocol; each is answered as if they had not been sent."""
        for protocol in protocols:
            for target, with_token, status in routes:
                with self.attack(protocol=protocol, target=target, fields=[name for name, _ in fields]):
                    sent = ([self.bearer()] if with_token else []) + fields
                    self.assert_status(self.send(protocol, "GET", target, sent, **options), status)
                    if status != 200:
                        self.assert_untouched()
                    elif with_token:
                        self.assertTrue(self.identity()["sub"].endswith("alice"))

    def test_HS_01_forged_assertion_is_replaced_or_removed(self):
        self.spoof([(ASSERTION, self.world.forged())])

    def test_HS_01_on_an_upgrade_and_on_grpc(self):
        forged = (ASSERTION, self.world.forged())
        with self.attack(kind="upgrade"):
            upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
            response = self.send("h1", "GET", "/orders/1", [self.bearer(), forged] + upgrade)
            self.assert_status(response, self.unwanted_upgrade)
            self.assertFalse([record for record in self.backend.records if record.value("upgrade")])
        self.backend.answer("/live-svc/", SWITCHED)
        nominated = ("Connection", "Sec-WebSocket-Key, Upgrade, X-JWT-Assertion")
        for fields in ([forged], [("X_JWT_Assertion", forged[1]), nominated]):
            for protocol in ("h1", "h1-tls"):
                with self.attack(kind="WebSocket", protocol=protocol, fields=fields):
                    response = self.send(protocol, "GET", "/live/1", [self.bearer(), *HANDSHAKE, *fields])
                    self.assert_status(response, 101)
                    self.assertEqual(self.backend.last().value("upgrade"), "websocket")
                    self.assertTrue(self.identity()["sub"].endswith("alice"))
        for protocol in ("h2", "h2-tls"):
            with self.attack(kind="grpc", protocol=protocol):
                response = self.grpc(protocol, [self.bearer(), forged])
                self.assert_status(response, 200)
                self.assertTrue(self.identity(self.world.grpc_backend.records[-1])["sub"].endswith("alice"))

    def grpc(self, protocol, fields, trailers=()):
        """One gRPC call of an empty message."""
        call = [("content-type", "application/grpc"), ("te", "trailers")]
        return self.send(protocol, "POST", "/grpc.shop.shop.Orders/List", call + fields, b"\0\0\0\0\0", trailers)

    def test_HS_02_underscore_aliases_are_removed(self):
        for name in ("X_JWT_Assertion", "x-jwt_assertion", "X_JWT-ASSERTION", "XJWTASSERTION"):
            self.spoof([(name, self.world.forged())], protocols=("h1", "h2"))

    def test_HS_03_dot_aliases_are_removed(self):
        for name in ("X.JWT.Assertion", "X-JWT.Assertion"):
            self.spoof([(name, self.world.forged())], protocols=("h1", "h2"))

    def test_HS_04_every_token_character_in_place_of_the_hyphen(self):
        for character in FIELD_CHARACTERS:
            name = ASSERTION.replace("-", character)
            for protocol in ("h1", "h2"):
                for target, token in (("/orders/1", True), ("/open/1", False)):
                    with self.attack(protocol=protocol, name=name, target=target):
                        fields = [(name, self.world.forged())] + ([self.bearer()] if token else [])
                        response = self.send(protocol, "GET", target, fields)
                        self.assert_status(response, 200, 400, 0)

    def trailer_attack(self, names):
        for protocol in PROTOCOLS:
            for target, token in (("/orders/1", True), ("/open/1", False)):
                for name in names:
                    with self.attack(protocol=protocol, target=target, trailer=name):
                        fields = [("Trailer", name)] + ([self.bearer()] if token else [])
                        trailers = [(name.lower(), self.world.forged()), ("x-checksum", "1")]
                        response = self.send(protocol, "POST", target, fields, b"hello", trailers)
                        self.assert_status(response, 200, 400)
                        if response.status == 200:
                            self.assertEqual(self.backend.last().body, b"hello")

    def test_HS_05_trailers_are_stripped(self):
        self.trailer_attack([ASSERTION])
        for protocol in ("h2", "h2-tls"):
            with self.attack(kind="grpc", protocol=protocol):
                self.assert_status(self.grpc(protocol, [self.bearer()], [("x-jwt-assertion", self.world.forged())]), 200)

    def test_HS_06_trailer_aliases_are_stripped(self):
        self.trailer_attack(["X_JWT_Assertion", "X.JWT.Assertion", "Txn-Token", "X-Internal-User", "Authorization"])

    def test_HS_07_operators_reserved_header_never_comes_from_the_client(self):
        self.spoof([("X-Internal-User", "bob@corp"), ("X_Internal_User", "bob@corp")])

    def test_HS_08_preflight_is_not_forwarded(self):
        for protocol in PROTOCOLS:
            for target in ("/orders/1", "/open/1", "/opt/1"):
                with self.attack(protocol=protocol, target=target):
                    fields = [("Origin", "https://evil.test"), ("Access-Control-Request-Method", "GET")]
                    fields.append((ASSERTION, self.world.forged()))
                    self.assert_refused(self.send(protocol, "OPTIONS", target, fields), 405)

    def test_HS_08_preflight_is_answered_by_the_gateway(self):
        """Where CORS is on it is granted or refused, and in neither case forwarded."""

        def change(_operator, apis, _files):
            for name in ("orders", "open", "opt"):
                origins = ["https://shop.test"]
                apis[name]["corsConfiguration"] = {"corsConfigurationEnabled": True, "accessControlAllowOrigins": origins}
            apis["open"]["operations"].append({"target": "/*", "verb": "OPTIONS", "secured": False})

        with self.inside(change):
            for protocol in PROTOCOLS:
                for target in ("/orders/1", "/open/1", "/opt/1"):
                    for origin, status in (("https://shop.test", 204), ("https://evil.test", 403)):
                        with self.attack(protocol=protocol, target=target, origin=origin):
                            fields = [("Origin", origin), ("Access-Control-Request-Method", "GET")]
                            fields.append((ASSERTION, self.world.forged()))
                            answer = self.send(protocol, "OPTIONS", target, fields)
                            self.assert_refused(answer, status)
                            expected = origin if status == 204 else None
                            self.assertEqual(answer.value("access-control-allow-origin"), expected)

    def test_HS_09_operation_with_minting_switched_off(self):
        self.spoof([(ASSERTION, self.world.forged())], routes=[("/orders/switched-off", False, 401)])
        for protocol in PROTOCOLS:
            with self.attack(protocol=protocol):
                fields = [self.bearer(), (ASSERTION, self.world.forged())]
                self.assert_status(self.send(protocol, "GET", "/orders/switched-off", fields), 200)
                self.assertEqual(self.backend.last().aliases(ASSERTION), [])

    def test_HS_10_header_of_another_api_is_removed_too(self):
        fields = [("X-A", self.world.forged()), ("X-B", self.world.forged()), ("x_a", "1"), ("X.B", "1")]
        for protocol in PROTOCOLS:
            for target, header in (("/apia/1", "X-A"), ("/apib/1", "X-B")):
                with self.attack(protocol=protocol, target=target):
                    self.assert_status(self.send(protocol, "GET", target, [self.bearer()] + fields), 200)
                    self.assertTrue(self.identity(header=header)["sub"].endswith("alice"))
        self.spoof(fields)

    def test_HS_11_optional_operation(self):
        for protocol in PROTOCOLS:
            with self.attack(protocol=protocol, credential="invalid"):
                fields = [("Authorization", "Bearer " + self.world.forged()), (ASSERTION, self.world.forged())]
                self.assert_refused(self.send(protocol, "GET", "/opt/1", fields), 401)
            with self.attack(protocol=protocol, credential="none"):
                self.assert_status(self.send(protocol, "GET", "/opt/1", [(ASSERTION, self.world.forged())]), 200)
                self.assertEqual(self.backend.last().aliases(ASSERTION), [])

    def test_HS_12_two_lines_become_one(self):
        for protocol in PROTOCOLS:
            with self.attack(protocol=protocol):
                fields = [(ASSERTION, self.world.forged()), self.bearer(), ("Accept", "*/*")]
                fields += [(f"X-{i}", "y") for i in range(40)] + [(ASSERTION, self.world.forged())]
                self.assert_status(self.send(protocol, "GET", "/orders/1", fields), 200)
                self.assertEqual(len(self.backend.last().aliases(ASSERTION)), 1)

    def test_HS_13_claims_from_request_headers_are_refused_at_load(self):
        for value in ("${request.headers.x-role}", "${header.x-role}", "${request.path}", "${query.x}"):
            with self.subTest(value=value):
                self.assert_load_refused(custom_claim("role", value), "invalid-value")

    def test_HS_14_malformed_names_are_refused(self):
        lines = [
            b"X-JWT-Assertion : v",
            b" X-JWT-Assertion: v",
            b"X-A: b\r\n X-JWT-Assertion: v",
            b"X-JWT-Assertion\0: v",
            b"X-JWT-Asser\0tion: v",
            b"X-JWT-Assertion\x80: v",
            b"X-JWT-A\xc5\xbfsertion: v",
            b"X-JWT-Assertion: v\0w",
            b"X-JWT-Assertion: v\rw",
            b"X JWT Assertion: v",
            b"X-JWT-Assertion",
            b": v",
        ]
        for line in lines:
            for target in (b"/orders/1", b"/open/1"):
                with self.attack(line=line, target=target):
                    token = b"Authorization: " + self.bearer()[1].encode() + b"\r\n"
                    responses, closed = self.raw(
                        b"GET " + target + b" HTTP/1.1\r\nHost: @HOST@\r\n" + token + line + b"\r\n\r\n"
                    )
                    self.assertTrue(closed or responses, "no answer")
                    self.assertIn([response.status for response in responses], [[status] for status in self.malformed])
                    if responses[0].status == 400:
                        self.assert_untouched()

    def test_HS_14_malformed_names_over_http2(self):
        for name in ("x-jwt-assertion ", " x-jwt-assertion", "X-Jwt-Assertion", "x-jwt-assertion\0", "x-a: b\r\nx-jwt-assertion"):
            for target in ("/orders/1", "/open/1"):
                with self.attack(name=name, target=target):
                    pseudo = [(":method", "GET"), (":scheme", "http"), (":authority", "127.0.0.1:%d" % self.gateway.plain[1])]
                    fields = [("authorization", self.bearer()[1]), (name, "v")]
                    self.assert_stopped(self.send("h2", "GET", target, fields, pseudo=pseudo + [(":path", target)]))

    def test_HS_15_txn_token_is_removed_everywhere(self):
        self.spoof([("Txn-Token", self.world.forged()), ("Txn_Token", self.world.forged())])

    def test_HS_16_backend_cannot_return_reserved_headers(self):
        leak = (
            b"HTTP/1.1 200 OK\r\nX-Backend-Serial: 1\r\nX-JWT-Assertion: LEAK\r\nX_JWT_Assertion: LEAK\r\nX-A: LEAK\r\n"
            b"Transfer-Encoding: chunked\r\nTrailer: X-JWT-Assertion\r\n\r\n4\r\nleak\r\n0\r\nX-JWT-Assertion: LEAK\r\n\r\n"
        )
        self.backend.answer("/leak", leak)
        for protocol in PROTOCOLS:
            for target in ("/orders/leak", "/open/leak", "/opt/leak"):
                with self.attack(protocol=protocol, target=target):
                    fields = [self.bearer(), ("TE", "trailers")]
                    response = self.send(protocol, "GET", target, fields)
                    self.assert_status(response, 200)
                    self.assertEqual(response.body, b"leak")
                    self.assertEqual([pair for pair in response.fields if "LEAK" in pair[1]], [])
        with self.attack(kind="grpc"):
            response = self.grpc("h2", [self.bearer()])
            self.assertEqual(response.value("grpc-status"), "0")
            self.assertEqual([pair for pair in response.fields if "LEAK" in pair[1]], [])

    def test_HS_01_reject_mode_answers_400(self):
        def change(operator, _apis, _files):
            operator["gateway"]["reservedHeaderMode"] = "reject"

        with self.inside(change):
            for protocol in PROTOCOLS:
                for target in ("/orders/1", "/open/1"):
                    for name in (ASSERTION, "x_jwt_assertion", "x.jwt.assertion", "X-A", "Txn-Token"):
                        with self.attack(protocol=protocol, target=target, name=name):
                            fields = [self.bearer(), (name, "FORGED")]
                            self.assert_refused(self.send(protocol, "GET", target, fields), 400)
