"""TK-17: tokens that are bound to a DPoP key (RFC 9449), or to a client certificate (RFC 8705)."""

import pathlib
import tempfile

from attacks.base import PROTOCOLS, Attack
from harness import dpop, jws
from harness.certificate import Authority


AUTHORITY = Authority("clients")


def with_nonces(life):
    """A change: DPoP proofs need a nonce."""

    def change(operator, _apis, _files):
        operator["gateway"]["dpop"] = {"nonce": "required", "nonceLife": life}

    return change


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

    def test_TK_17_a_proof_needs_the_nonce_of_the_moment(self):
        with self.inside(with_nonces("1h")):
            token = self.world.token(cnf={"jkt": self.client.thumbprint})

            def get(protocol="h1", **more):
                proof = self.client.proof("GET", self.url(protocol), token, **more)
                return self.get(protocol, [proof], token)

            for protocol in PROTOCOLS:
                with self.attack(protocol=protocol):
                    given = None
                    for more in ({}, {"nonce": ""}, {"nonce": "guessed"}, {"nonce": "A" * 24}):
                        refused = get(protocol, **more)
                        self.assert_refused(refused, 401)
                        challenge = [text for text in refused.values("www-authenticate") if text.startswith("DPoP ")]
                        self.assertIn('error="use_dpop_nonce"', challenge[0])
                        given = refused.value("dpop-nonce")
                    self.assert_refused(get(protocol, nonce=7), 401)
                    accepted = get(protocol, nonce=given)
                    self.assert_status(accepted, 200)
                    self.assertEqual(self.identity()["sub"], "corp/alice")
                    # The answer holds the next one, and only one.
                    (following,) = accepted.values("dpop-nonce")
                    self.assert_status(get(protocol, nonce=following), 200)
            with self.attack(nonce="does not make a replay good"):
                given = get().value("dpop-nonce")
                proof = self.client.proof("GET", self.url("h1"), token, nonce=given)
                self.assert_status(self.get("h1", [proof], token), 200)
                self.backend.reset()
                self.world.answered = 0
                self.assert_refused(self.get("h1", [proof], token), 401)
            with self.attack(nonce="not of a bearer token"):
                response = self.send("h1", "GET", "/orders/1", [self.bearer("alice")])
                self.assert_status(response, 200)
                self.assertIsNone(response.value("dpop-nonce"))

    def test_TK_17_a_nonce_has_its_time(self):
        with self.inside(with_nonces("1s")):
            token = self.world.token(cnf={"jkt": self.client.thumbprint})

            def get(**more):
                return self.get("h1", [self.client.proof("GET", self.url("h1"), token, **more)], token)

            given = get().value("dpop-nonce")

            def is_over():
                self.begin()
                return get(nonce=given).status == 401

            self.gateway.wait_until(is_over, "a nonce without end")

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
