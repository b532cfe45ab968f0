"""Other people's JWT libraries verify our tokens: every algorithm, both encodings, keys from our JWKS and discovery."""

import hashlib
import hmac
import json
import time
import unittest
import urllib.request

import jwt
from jwt.algorithms import get_default_algorithms

from harness import client, jws
from harness.gateway import fetch, run
from interop.gateway_world import ENCODINGS, HEADER, JAVA_NAMES, PUBLISHED, SECRET, SHARED, InteropWorld
from interop.snippets import NodeBackend, python_snippet

HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
# jsonwebtoken, below express-jwt, has no EdDSA.
EXPRESS = [algorithm for algorithm in PUBLISHED if algorithm != "EdDSA"]


class Interop(unittest.TestCase):
    """One gateway for all of them."""

    @classmethod
    def setUpClass(cls):
        cls.world = InteropWorld()
        cls.addClassCleanup(cls.world.stop)
        cls.issuer = cls.world.gateway.issuer
        cls.keys = jwt.PyJWKSet.from_dict(cls.world.gateway.jwks())

    def assert_alice(self, claims, audience="interop"):
        self.assertEqual(claims["sub"], "alice")
        self.assertEqual(claims["iss"], self.issuer)
        self.assertEqual(claims["aud"], audience)
        self.assertEqual(claims["http://wso2.org/claims/enduser"], "alice")
        self.assertEqual(claims["http://wso2.org/claims/emailaddress"], "a@x.test")
        self.assertEqual(claims["http://wso2.org/claims/role"], ["one"])
        self.assertLess(claims["iat"], claims["exp"])

    def node(self, audience="interop", algorithms=tuple(PUBLISHED)):
        backend = NodeBackend(self.issuer, audience, algorithms)
        self.addCleanup(backend.close)
        return backend

    def test_pyjwt_verifies_every_published_algorithm(self):
        example = python_snippet(self.issuer, "interop", PUBLISHED)
        for algorithm in PUBLISHED:
            with self.subTest(algorithm=algorithm):
                token = self.world.minted(f"/interop/1.0/{algorithm}/Base64url")
                self.assertEqual(jwt.get_unverified_header(token)["alg"], algorithm)
                claims = example.user_of({HEADER: token})
                self.assert_alice(claims)
                self.assertEqual(example.principal(claims), ("alice", ["one"]))

    def test_pyjwt_verifies_the_bytes_of_the_base64_encoding(self):
        for algorithm in PUBLISHED:
            with self.subTest(algorithm=algorithm):
                token = self.token_with_marks(algorithm)
                signed, _, signature = token.rpartition(".")
                header, claims = jws.decode(token, "standard")
                key = next(key for key in self.keys.keys if key.key_id == header["kid"])
                raw = jws.unb64(signature.translate(str.maketrans("+/", "-_")))
                method = get_default_algorithms()[algorithm]
                self.assertTrue(method.verify(signed.encode(), key.key, raw))
                self.assertEqual(header["alg"], algorithm)
                self.assert_alice(claims)
                self.assertNotIn("=", token)

    def token_with_marks(self, algorithm):
        """A Base64 token that has + or / in it (nearly every signature has), so that the alphabets differ."""
        token = self.world.minted(f"/interop/1.0/{algorithm}/Base64")
        self.assertNotRegex(token, "[-_]")
        return token

    def test_shared_secrets_sign_in_both_encodings(self):
        for algorithm in SHARED:
            for encoding in ENCODINGS:
                with self.subTest(algorithm=algorithm, encoding=encoding):
                    api = algorithm.lower()
                    token = self.world.minted(f"/{api}/1.0/{encoding}")
                    header, claims = jws.decode(token, "standard" if encoding == "Base64" else "url")
                    self.assertEqual((header["alg"], header["kid"]), (algorithm, f"shared-{api}"))
                    signed, _, signature = token.rpartition(".")
                    expected = hmac.digest(SECRET.encode(), signed.encode(), HASHES[algorithm])
                    self.assertEqual(jws.unb64(signature.translate(str.maketrans("+/", "-_"))), expected)
                    self.assert_alice(claims, api)
                    if encoding == "Base64url":
                        jwt.decode(token, SECRET, algorithms=[algorithm], audience=api, issuer=self.issuer)

    def test_unsigned_tokens_have_an_empty_signature_and_no_kid(self):
        for encoding in ENCODINGS:
            with self.subTest(encoding=encoding):
                token = self.world.minted(f"/interop/1.0/none/{encoding}")
                header, claims = jws.decode(token, "standard" if encoding == "Base64" else "url")
                self.assertTrue(token.endswith("."))
                self.assertEqual(header["alg"], "none")
                self.assertNotIn("kid", header)
                self.assert_alice(claims)

    def test_java_names_mean_their_jose_algorithm(self):
        for name, algorithm in JAVA_NAMES.items():
            with self.subTest(name=name):
                target = f"/{algorithm.lower()}/1.0/java" if "HMAC" in name else f"/interop/1.0/java/{name}"
                header, _ = jws.decode(self.world.minted(target))
                self.assertEqual(header["alg"], algorithm)

    def test_jose_verifies_every_published_algorithm(self):
        node = self.node()
        for algorithm in PUBLISHED:
            with self.subTest(algorithm=algorithm):
                answer = node.ask("jose", self.world.minted(f"/interop/1.0/{algorithm}/Base64url"))
                self.assertNotIn("error", answer)
                self.assert_alice(answer["claims"])

    def test_express_jwt_verifies_every_algorithm_that_it_knows(self):
        node = self.node(algorithms=EXPRESS)
        for algorithm in EXPRESS:
            with self.subTest(algorithm=algorithm):
                answer = node.ask("express-jwt", self.world.minted(f"/interop/1.0/{algorithm}/Base64url"))
                self.assertNotIn("error", answer)
                self.assert_alice(answer["claims"])

    def test_node_verifies_the_bytes_of_both_encodings(self):
        node = self.node()
        for algorithm in PUBLISHED:
            for encoding in ENCODINGS:
                with self.subTest(algorithm=algorithm, encoding=encoding):
                    answer = node.ask("raw", self.world.minted(f"/interop/1.0/{algorithm}/{encoding}"))
                    self.assertNotIn("error", answer)
                    self.assert_alice(answer["claims"])

    def test_a_token_for_another_api_is_refused_by_every_example(self):
        for api, other in (("orders", "billing"), ("billing", "orders")):
            token = self.world.minted(f"/{api}/1.0/x")
            node = self.node(other, ["ES256"])
            example = python_snippet(self.issuer, other, ["ES256"])
            with self.assertRaises(jwt.InvalidAudienceError):
                example.user_of({HEADER: token})
            for library in ("jose", "express-jwt"):
                with self.subTest(library=library, api=api):
                    self.assertRegex(node.ask(library, token)["error"], "aud")
            own = self.node(api, ["ES256"])
            for library in ("jose", "express-jwt"):
                self.assert_alice(own.ask(library, token)["claims"], api)

    def test_a_changed_token_is_refused_by_every_example(self):
        token = self.world.minted("/orders/1.0/x")
        head, body, signature = token.split(".")
        forged = jws.b64(json.dumps(dict(jws.decode(token)[1], sub="bob")).encode())
        node = self.node("orders", ["ES256"])
        example = python_snippet(self.issuer, "orders", ["ES256"])
        for changed in (f"{head}.{forged}.{signature}", f"{head}.{body}.", ""):
            with self.assertRaises(jwt.InvalidTokenError):
                example.user_of({HEADER: changed})
            for library in ("jose", "express-jwt"):
                with self.subTest(library=library):
                    self.assertIn("error", node.ask(library, changed))

    def test_the_no_code_way_writes_what_libraries_expect(self):
        value = self.world.minted("/nocode/1.0/x", "authorization")
        scheme, token = value.split(" ")
        self.assertEqual(scheme, "Bearer")
        key = next(key for key in self.keys.keys if key.key_id == jwt.get_unverified_header(token)["kid"])
        self.assert_alice(
            jwt.decode(token, key.key, algorithms=["ES256"], audience="nocode", issuer=self.issuer), "nocode"
        )

    def test_express_jwt_reads_the_no_code_way_untouched(self):
        node = self.node("nocode", ["ES256"])
        value = self.world.minted("/nocode/1.0/x", "authorization")
        self.assert_alice(node.ask("express-jwt-nocode", value)["claims"], "nocode")
        for wrong in (value.removeprefix("Bearer "), value[:-2], "Bearer " + self.world.minted("/orders/1.0/x")):
            with self.subTest(field=wrong[:20]):
                self.assertIn("error", node.ask("express-jwt-nocode", wrong))

    def test_the_issuers_address_alone_is_enough(self):
        node = self.node()
        for algorithm in PUBLISHED:
            with self.subTest(algorithm=algorithm):
                token = self.world.minted(f"/interop/1.0/{algorithm}/Base64url")
                self.assert_alice(self.discovered(token))
                answer = node.ask("discovery", token)
                self.assertNotIn("error", answer)
                self.assert_alice(answer["claims"])
        other = self.world.minted("/orders/1.0/x")
        self.assertRegex(node.ask("discovery", other)["error"], "aud")
        with self.assertRaises(jwt.InvalidAudienceError):
            self.discovered(other)

    def discovered(self, token):
        """The claims of a token, verified by PyJWT with what discovery says."""
        with urllib.request.urlopen(self.issuer + "/.well-known/openid-configuration", timeout=10) as response:
            found = json.load(response)
        self.assertEqual(found["issuer"], self.issuer)
        key = jwt.PyJWKClient(found["jwks_uri"]).get_signing_key_from_jwt(token)
        algorithms = found["id_token_signing_alg_values_supported"]
        return jwt.decode(token, key.key, algorithms=algorithms, issuer=found["issuer"], audience="interop")

    def test_the_command_line_verifies_both_encodings(self):
        jwks = self.issuer + "/.well-known/jwks.json"

        def verify(token, *encoding, audience="interop"):
            checks = ("--issuer", self.issuer, "--audience", audience)
            return run("token", "verify", "--jwks", jwks, *checks, *encoding, token)

        for algorithm in PUBLISHED:
            for encoding in ENCODINGS:
                with self.subTest(algorithm=algorithm, encoding=encoding):
                    token = self.world.minted(f"/interop/1.0/{algorithm}/{encoding}")
                    done = verify(token, "--encoding", encoding)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assert_alice(json.loads(done.stdout))
                    signed, _, signature = token.rpartition(".")
                    changed = ("B" if signature.startswith("A") else "A") + signature[1:]
                    self.assertEqual(verify(f"{signed}.{changed}", "--encoding", encoding).returncode, 1)
                    self.assertEqual(verify(token, "--encoding", encoding, audience="other").returncode, 1)

    def test_the_command_line_takes_base64_for_base64url_only_when_told(self):
        token = self.world.minted("/interop/1.0/RS512/Base64")
        done = run("token", "verify", "--jwks", self.issuer + "/.well-known/jwks.json", token)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertTrue(done.stderr)

    def test_an_audience_list_keeps_its_order(self):
        _, claims = jws.decode(self.world.minted("/listed/1.0/x"))
        self.assertEqual(claims["aud"], ["https://a.test", "https://b.test"])

    def test_discovery_has_what_openid_requires(self):
        for path in ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"):
            status, text = fetch(self.world.gateway.plain, path)
            self.assertEqual(status, 200, path)
            found = json.loads(text)
            self.assertEqual(found["issuer"], self.issuer)
            required = "authorization_endpoint jwks_uri response_types_supported subject_types_supported"
            if path.endswith("openid-configuration"):
                required += " id_token_signing_alg_values_supported"
                self.assertGreaterEqual(set(found["id_token_signing_alg_values_supported"]), {"ES256", "RS256"})
            for member in required.split():
                self.assertIn(member, found, path)
            jwks_path = found["jwks_uri"].removeprefix(self.issuer)
            self.assertEqual(json.loads(fetch(self.world.gateway.plain, jwks_path)[1]), self.world.gateway.jwks())

    def test_jwks_holds_public_members_only_under_every_known_path(self):
        allowed = {"kty", "use", "alg", "kid", "n", "e", "crv", "x", "y", "x5c", "x5t#S256"}
        for path in ("/.well-known/jwks.json", "/.wellknown/jwks", "/.well-known/jwks", "/jwks"):
            keys = json.loads(fetch(self.world.gateway.plain, path)[1])["keys"]
            self.assertEqual({key["alg"] for key in keys}, set(PUBLISHED), path)
            for key in keys:
                self.assertLessEqual(set(key), allowed)
                self.assertEqual(key["kid"], jws.thumbprint(key))
                self.assertEqual(key["use"], "sig")

    def test_expiry_is_capped_to_the_inbound_token(self):
        token = self.world.key.token(jws.claims("alice", "https://idp.corp.test", life=100))
        client.request(self.world.gateway.plain, "GET", "/orders/1.0/x", [("Authorization", "Bearer " + token)])
        _, claims = jws.decode(self.world.backend.last().value(HEADER))
        self.assertLessEqual(claims["exp"], time.time() + 100)


if __name__ == "__main__":
    unittest.main()
