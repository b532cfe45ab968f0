"""DS: what costs the gateway more than its sender. DS-05 and DS-08 are run in `stores`."""

import base64
import json

from attacks.base import PROTOCOLS, Attack


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


class DenialOfService(Attack):
    def test_DS_01_a_token_of_dots_is_refused(self):
        for size in (100, 50_000, 1 << 20):
            # The test's own HTTP/2 client takes minutes to compress the largest.
            for protocol in PROTOCOLS if size <= 50_000 else ("h1", "h1-tls"):
                with self.attack(size=size, protocol=protocol):
                    bearer = ("Authorization", "Bearer " + "." * size)
                    self.assert_stopped(self.send(protocol, "GET", "/orders/1", [bearer]))
        self.assert_status(self.send("h1", "GET", "/orders/1", [self.bearer()]), 200)

    def test_DS_02_an_encrypted_token_is_not_opened(self):
        for head in (
            {"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2s": "c2FsdA", "p2c": 1_000_000_000},
            {"alg": "dir", "enc": "A128GCM", "zip": "DEF"},
        ):
            for protocol in PROTOCOLS:
                with self.attack(alg=head["alg"], protocol=protocol):
                    token = ".".join([part(head), "a2V5", "aXY", "Y2lwaGVydGV4dA", "dGFn"])
                    bearer = ("Authorization", "Bearer " + token)
                    self.assert_refused(self.send(protocol, "GET", "/orders/1", [bearer]), 401)

    def test_DS_03_fields_without_end_are_refused(self):
        large = [(f"X-Large-{number}", "x" * (16 << 10)) for number in range(16)]
        floods = {"large": large, "many": [(f"X-{number}", "x") for number in range(10_000)]}
        for name, fields in floods.items():
            for protocol in PROTOCOLS:
                with self.attack(flood=name, protocol=protocol):
                    self.assert_stopped(self.send(protocol, "GET", "/orders/1", [self.bearer(), *fields]))
        self.assert_status(self.send("h1", "GET", "/orders/1", [self.bearer()]), 200)
