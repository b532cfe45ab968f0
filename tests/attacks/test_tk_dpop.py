"""TK-17: tokens that are bound to a DPoP key (RFC 9449), or to a client certificate (RFC 8705)."""

import pathlib
import tempfile

from attacks.base import PROTOCOLS, Attack
from harness import dpop, jws
from harness.certificate import Authority


AUTHORITY = Authority("clients")


class BoundTokens(Attack):
    def setUp(self):
        super().setUp()
        self.client = dpop.Client()
        self.token = self.world.token(cnf={"jkt": self.client.thumbprint})

    def url(self, protocol, path="/orders/1"):
        secure = protocol.endswith("-tls")
        host, port = self.gateway.secure if secure else self.gateway.plain
        return f"{'https' if secure else 'http'}://{host}:{port}{path}"

    def get(self, protocol, proofs, token=None, scheme="DPoP", method="GET", target="/orders/1"):
        fields = [("Authorization", f"{scheme} {token or self.token}")]
        return self.send(protocol, method, target, fields + [("DPoP", proof) for proof in proofs])

    def test_TK_17_a_fresh_proof_lets_in_and_a_replayed_one_does_not(self):
        for protocol in PROTOCOLS:
            for again in range(3):
                proof = self.client.proof("GET", self.url(protocol), self.token)
                with self.attack(protocol=protocol, again=again):
                    self.assert_status(self.get(protocol, [proof], target="/orders/1?x=1"), 200)
                    self.assertEqual(self.identity()["sub"], "corp/alice")
                    self.assertEqual(self.backend.last().aliases("DPoP"), [])
                for other in PROTOCOLS:
                    with self.attack(protocol=protocol, replayed=other):
                        self.assert_refused(self.get(other, [proof]), 401)

    def test_TK_17_no_or_another_proof(self):
        url, other = self.url("h1"), dpop.Client()
        another = self.world.token(cnf={"jkt": self.client.thumbprint}, jti="another")
        proofs = {
            "none": [],
            "two": [self.client.proof("GET", url, self.token) for _ in range(2)],
            "joined": [", ".join(self.client.proof("GET", url, self.token) for _ in range(2))],
            "another's key": [other.proof("GET", url, self.token)],
            "another method": [self.client.proof("POST", url, self.token)],
            "another path": [self.client.proof("GET", self.url("h1", "/orders/2"), self.token)],
            "another host": [self.client.proof("GET", "http://evil.test/orders/1", self.token)],
            "another scheme": [self.client.proof("GET", self.url("h1-tls"), self.token)],
            "another token": [self.client.proof("GET", url, another)],
            "no token": [self.client.proof("GET", url, None)],
            "old": [self.client.proof("GET", url, self.token, iat=-120)],
            "early": [self.client.proof("GET", url, self.token, iat=120)],
            "an access token": [self.token],
            "unsigned": [self.client.proof("GET", url, self.token).rsplit(".", 1)[0] + "."],
            "odd": ["x"],
        }
        for name, sent in proofs.items():
            for protocol in ("h1", "h2"):
                with self.attack(proof=name, protocol=protocol):
                    response = self.get(protocol, sent)
                    self.assert_refused(response, 401)
                    challenge = next(value for value in response.values("www-authenticate") if value.startswith("DPoP"))
                    self.assertIn("error=", challenge)
                    self.assertIn("algs=", challenge)

    def test_TK_17_a_bound_token_is_no_bearer_token(self):
        with self.attack(step="bearer"):
            self.assert_refused(self.get("h1", [], scheme="Bearer"), 401)
        with self.attack(step="bearer with a proof"):
            proof = self.client.proof("GET", self.url("h1"), self.token)
            self.assert_refused(self.get("h1", [proof], scheme="Bearer"), 401)
        with self.attack(step="a bearer token with a proof"):
            plain = self.world.token()
            proof = self.client.proof("GET", self.url("h1"), plain)
            self.assert_refused(self.get("h1", [proof], token=plain), 401)

    def test_TK_17_a_certificate_bound_token_is_its_holders(self):
        def change(operator, _apis, files):
            files["clients.pem"] = AUTHORITY.pem
            operator["clientCertificates"] = [{"name": "clients", "ca": "clients.pem"}]

        with tempfile.TemporaryDirectory() as folder, self.inside(change):
            own, thumbprint = AUTHORITY.client(pathlib.Path(folder) / "own.pem", ["app"])
            other, _ = AUTHORITY.client(pathlib.Path(folder) / "other.pem", ["app"])
            token = self.world.token(cnf={"x5t#S256": jws.b64(thumbprint)})
            fields = [("Authorization", "Bearer " + token)]
            for protocol in ("h1-tls", "h2-tls"):
                for again in (False, True):
                    with self.attack(protocol=protocol, again=again):
                        response = self.send(protocol, "GET", "/orders/1", fields, certificate=own)
                        self.assert_status(response, 200)
                    for certificate in (None, other):
                        with self.attack(protocol=protocol, again=again, certificate=certificate):
                            response = self.send(protocol, "GET", "/orders/1", fields, certificate=certificate)
                            self.assert_refused(response, 401)
