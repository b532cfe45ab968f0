"""PT: path and route confusion. What is matched is what is forwarded."""

from attacks.base import PROTOCOLS, Attack


class PathConfusion(Attack):
    """Rows PT-01 to PT-09, without a token unless stated: `/open` is public, `/orders` is not."""

    # What becomes of a path that is not in normal form.
    abnormal = (400,)

    def refuse(self, targets, *statuses):
        for protocol in PROTOCOLS:
            for target in targets:
                with self.attack(protocol=protocol, target=target):
                    self.assert_refused(self.send(protocol, "GET", target), *statuses)

    def test_PT_01_dot_segments_in_every_spelling(self):
        spellings = ["..", "%2e%2e", "%2E.", ".%2e", "..;", "..;a=b", "%2e%2e;", ".", "%2e", ".;", ";/..", "./.."]
        targets = [f"/open/{spelling}/orders/1" for spelling in spellings]
        targets += ["/open/..", "/open/x/../../orders/1", "/../orders/1", "/open/1/..", "/open/1/.", "/./orders/1"]
        self.refuse(targets, *self.abnormal)

    def test_PT_02_separators_and_double_encoding(self):
        targets = [
            "//orders/1",
            "/open//orders/1",
            "/open/1//",
            "/orders%2f1",
            "/orders%2F1",
            "/open/..%2forders",
            "/orders%5c1",
            "/orders%5C1",
            "/orders/%00",
            "/open/%00",
            "/open/%252e%252e/orders",
            "/open/%25%32%65",
            "/open/%",
            "/open/%2",
            "/open/%zz",
            "/open/%u002e",
            "/open/%0a",
            "/open/%0d%0aX-JWT-Assertion:x",
            "/open/%7f",
        ]
        self.refuse(targets, 400)
        self.refuse(["/open/\\..\\orders"], *self.abnormal)
        for target in ("/open/\xe9", "/open/%c3%28"):
            for protocol in PROTOCOLS:
                with self.attack(protocol=protocol, target=target):
                    response = self.send(protocol, "GET", target)
                    self.assertTrue(response.status in (200, 400) or response.status == 0, repr(response))

    def test_PT_02_encoded_letters_are_matched_and_forwarded_decoded(self):
        self.refuse(["/%6frders/1", "/%6Frders/1", "/o%72%64ers/1"], 401)
        for protocol in PROTOCOLS:
            with self.attack(protocol=protocol):
                self.assert_status(self.send(protocol, "GET", "/%6frders/%41%2d%7e?q=%6f", [self.bearer()]), 200)
                self.assertEqual(self.backend.last().target, "/orders-svc/A-~?q=%6f")

    def test_PT_02_what_stays_encoded_is_forwarded_in_upper_case(self):
        with self.attack():
            self.assert_status(self.send("h1", "GET", "/open/a%3ab%20c"), 200)
            self.assertEqual(self.backend.last().target, "/open-svc/a%3Ab%20c")

    def test_PT_03_http2_paths_that_are_no_origin_form(self):
        for protocol in ("h2", "h2-tls"):
            for target in ("orders/1", "*", "http://x/orders", "//x/orders/1", "", "?x"):
                with self.attack(protocol=protocol, target=target):
                    self.assert_stopped(self.send(protocol, "GET", target))

    def test_PT_04_query_does_not_take_part_in_routing(self):
        self.refuse(["/orders/1?x=/open/", "/orders/1?/../../open/", "/orders?/open"], 401)

    def test_PT_05_fragments_are_refused(self):
        for protocol in ("h1", "h1-tls"):
            for target in ("/orders/1#/open", "/open/1#x", "/open#"):
                with self.attack(protocol=protocol, target=target):
                    self.assert_stopped(self.send(protocol, "GET", target))

    def test_PT_05_fragments_over_http2_take_no_part(self):
        """The HTTP/2 layer drops a fragment before we see it: what is left is matched and forwarded."""
        for protocol in ("h2", "h2-tls"):
            with self.attack(protocol=protocol, target="/orders/1#/open"):
                self.assert_refused(self.send(protocol, "GET", "/orders/1#/open/1"), 400, 401, 0)
            with self.attack(protocol=protocol, target="/open/1#/orders"):
                response = self.send(protocol, "GET", "/open/1#/orders")
                self.assert_status(response, 200, 400, 0)
                self.assertLessEqual({record.target for record in self.backend.records}, {"/open-svc/1"})

    def test_PT_06_rewrite_fields_are_ignored(self):
        names = ["X-Forwarded-Uri", "X-Original-URL", "X-Rewrite-Url", "X-Forwarded-Path", "X-Forwarded-Prefix"]
        for protocol in PROTOCOLS:
            for name in names:
                with self.attack(protocol=protocol, name=name):
                    self.assert_refused(self.send(protocol, "GET", "/orders/1", [(name, "/open/1")]), 401)
            for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
                with self.attack(protocol=protocol, name=name):
                    fields = [self.bearer(), (name, "GET")]
                    response = self.send(protocol, "POST", "/orders/scoped", fields)
                    self.assert_refused(response, 403)

    def test_PT_06_rewrite_fields_end_at_the_gateway(self):
        names = ["X-Forwarded-Uri", "X-Forwarded-Prefix", "X-Forwarded-Path", "X-Forwarded-Method", "X-Rewrite-Url"]
        names += ["X-Original-URL", "X-Original-URI", "X-Original-Method", "X-Original-Host", "X-Host", "Front-End-Https"]
        names += ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "x_original_url", "X.Rewrite.Url"]
        for protocol in PROTOCOLS:
            for method, target, fields in (("GET", "/open/1", []), ("POST", "/orders/1", [self.bearer()])):
                with self.attack(protocol=protocol, target=target):
                    sent = fields + [(name, "/orders/2") for name in names] + [("X-Kept", "/orders/2")]
                    self.assert_status(self.send(protocol, method, target, sent), 200)
                    record = self.backend.last()
                    self.assertEqual((record.method, record.target), (method, target.replace("/1", "-svc/1")))
                    self.assertEqual([pair for pair in record.fields if pair[1] == "/orders/2"], [("x-kept", "/orders/2")])

    def test_PT_07_no_user_agent_is_trusted(self):
        for protocol in PROTOCOLS:
            for agent in ("GoogleHC/1.0", "kube-probe/1.29", "ELB-HealthChecker/2.0"):
                with self.attack(protocol=protocol, agent=agent):
                    self.assert_refused(self.send(protocol, "GET", "/orders/1", [("User-Agent", agent)]), 401)

    def test_PT_08_host_spellings_match_the_same_api(self):
        hosts = ["API.Example.COM", "api.example.com.", "api.example.com:8443", "xn--bcher-kva.example", "localhost"]
        for protocol in PROTOCOLS:
            for host in hosts:
                with self.attack(protocol=protocol, host=host):
                    self.assert_refused(self.send(protocol, "GET", "/orders/1", host=host), 401)
                with self.attack(protocol=protocol, host=host, token=True):
                    self.assert_status(self.send(protocol, "GET", "/orders/1", [self.bearer()], host=host), 200)

    def test_PT_09_the_method_never_gets_a_richer_claim_set(self):
        for protocol in PROTOCOLS:
            with self.attack(protocol=protocol, method="GET"):
                self.assert_status(self.send(protocol, "GET", "/orders/records/1", [self.bearer()]), 200)
                self.assertNotIn("department", str(self.identity()))
            with self.attack(protocol=protocol, method="HEAD"):
                self.assert_status(self.send(protocol, "HEAD", "/orders/records/1", [self.bearer()]), 200)
                self.assertNotIn("department", str(self.identity()))
            with self.attack(protocol=protocol, method="POST"):
                self.assert_status(self.send(protocol, "POST", "/orders/records/1", [self.bearer()]), 200)
                self.assertIn("department", str(self.identity()))
            for method in ("get", "GeT", "FOO", "PATCH", "post"):
                with self.attack(protocol=protocol, method=method):
                    response = self.send(protocol, method, "/orders/records/1", [self.bearer()])
                    self.assert_refused(response, 405, 501, 400)
            for method in ("TRACE", "CONNECT"):
                with self.attack(protocol=protocol, method=method):
                    response = self.send(protocol, method, "/orders/records/1", [self.bearer()])
                    self.assertTrue(response.status in (400, 405, 501, 0), repr(response))
                    self.assert_untouched()
