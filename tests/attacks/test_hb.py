"""HB: hop-by-hop fields. A client may drop its own fields by `Connection`, never the gateway's."""

from attacks.base import ASSERTION, Attack

TOKEN_SPELLINGS = [ASSERTION, ASSERTION.lower(), ASSERTION.upper(), "x_jwt_assertion"]


class HopByHop(Attack):
    """Rows HB-01 to HB-04. HTTP/2 forbids these fields: there the stream must fail (SM-04)."""

    def minted(self, fields, *statuses):
        """Sends fields with a good token; the gateway's own JWT arrives all the same."""
        for protocol in ("h1", "h1-tls"):
            with self.attack(protocol=protocol, fields=str(fields)[:80]):
                response = self.send(protocol, "GET", "/orders/1", [self.bearer()] + fields)
                self.assert_status(response, *(statuses or (200,)))
                if response.status == 200:
                    self.assertTrue(self.identity()["sub"].endswith("alice"))
                    self.assertEqual(self.backend.last().values("connection"), [])

    def test_HB_01_nominated_assertion_still_arrives(self):
        self.minted([("Connection", "close, " + ASSERTION)])
        self.minted([("Connection", "keep-alive, " + ASSERTION), (ASSERTION, "FORGED")])

    def test_HB_02_nominated_authorization_and_forwarded_for(self):
        self.minted([("Connection", "Authorization")])
        self.minted([("Connection", "X-Forwarded-For, Forwarded, Via"), ("X-Forwarded-For", "6.6.6.6")])
        with self.attack(field="X-Forwarded-For"):
            self.send("h1", "GET", "/orders/1", [self.bearer(), ("Connection", "X-Forwarded-For")])
            self.assertEqual(self.backend.last().value("x-forwarded-for"), "127.0.0.1")

    def test_HB_02_nominated_host_and_framing(self):
        for name in ("Host", "Content-Length", "Content-Type"):
            with self.attack(name=name):
                fields = [self.bearer(), ("Connection", name), ("Content-Type", "text/plain")]
                response = self.send("h1", "POST", "/orders/1", fields, b"hello")
                self.assert_status(response, 200, 400)
                if response.status == 200:
                    self.assertEqual(self.backend.last().body, b"hello")
                    self.assertEqual(len(self.backend.last().values("host")), 1)

    def test_HB_03_many_nominations(self):
        self.minted([("Connection", name) for name in TOKEN_SPELLINGS])
        self.minted([("Connection", ",".join(TOKEN_SPELLINGS) + ", ,,close")])

    def test_HB_03_more_nominations_than_anybody_needs(self):
        """Up to 32 names are taken, on one line or on several."""
        names = [f"X-N{index}" for index in range(5000)]
        for count, statuses in ((32, [200]), (33, [400]), (100, [400]), (5000, [400])):
            for lines in (1, 2):
                nominated = [ASSERTION, *names[: count - 1]]
                self.minted([("Connection", ", ".join(nominated[line::lines])) for line in range(lines)], *statuses)

    def test_HB_04_hop_by_hop_fields_end_here(self):
        fields = [
            ("Connection", "X-Mine"),
            ("X-Mine", "1"),
            ("Keep-Alive", "timeout=5"),
            ("Proxy-Connection", "keep-alive"),
            ("Proxy-Authorization", "Basic dTpw"),
            ("TE", "trailers, gzip"),
            ("Upgrade", "h2c"),
            ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
        ]
        for protocol in ("h1", "h1-tls"):
            with self.attack(protocol=protocol):
                self.assert_status(self.send(protocol, "GET", "/open/1", fields), 200)
                record = self.backend.last()
                for name, _ in fields:
                    # `TE: trailers` of the gateway's own is its hop's business; the client's is not passed on.
                    allowed = [["trailers"], []] if name == "TE" else [[]]
                    self.assertIn(record.values(name), allowed, name)

    def test_HB_04_hop_by_hop_fields_of_the_response(self):
        answer = (
            b"HTTP/1.1 200 OK\r\nX-Backend-Serial: 1\r\nConnection: keep-alive, X-Theirs\r\nX-Theirs: 1\r\n"
            b"Keep-Alive: timeout=9\r\nProxy-Connection: keep-alive\r\nContent-Length: 2\r\n\r\nok"
        )
        self.backend.answer("/hop", answer)
        for protocol in ("h1", "h2"):
            with self.attack(protocol=protocol):
                response = self.send(protocol, "GET", "/open/hop")
                self.assert_status(response, 200)
                for name in ("x-theirs", "keep-alive", "proxy-connection"):
                    self.assertEqual(response.values(name), [], name)
