"""A certified OpenID provider: JWTs by discovery, opaque tokens by introspection, rotation, and the provider being away."""

import concurrent.futures
import unittest

import jwt

from attacks.world import api, operation, policy
from harness import client, dpop, ports
from harness.backend import Backend
from harness.gateway import Gateway
from harness.openid import SECRET, Provider

ASSERTION = "X-JWT-Assertion"


def issuer(provider, **more):
    return dict(
        {
            "name": "corp",
            "issuer": provider if isinstance(provider, str) else provider.issuer,
            "discovery": True,
            "audience": ["urn:orders"],
            "lookup": {"claim": "sub", "userStores": ["staff"]},
        },
        **more,
    )


def introspection(address, **more):
    return dict({"url": address + "/token/introspection", "clientId": "gateway", "clientSecret": SECRET}, **more)


class OverProvider(unittest.TestCase):
    """A gateway that trusts one issuer, with one user."""

    def setUp(self):
        self.backend = Backend()

    def start(self, entry, **authentication):
        users = [{"user": "alice", "attributes": {"email": "alice@example.com"}}]
        operator = {
            "apis": {"directory": "apis/"},
            "keys": {"directory": "keys/"},
            "issuers": [entry],
            "userStores": [{"name": "staff", "inline": {"users": users}}],
        }
        operations = [operation("GET", "/*"), operation("GET", "/read", scopes=["orders:read"])]
        operations.append(operation("GET", "/write", scopes=["orders:write"]))
        apis = {
            "orders": api(
                "orders",
                "/orders",
                self.backend.url,
                operations,
                apiPolicies=policy(claims=["email"], dialect="oidc"),
                **authentication,
            )
        }
        self.gateway = Gateway(operator, apis)
        self.addCleanup(self.gateway.stop)
        return self.gateway

    def call(self, token, target="/orders/1", scheme="Bearer", more=()):
        fields = [("Authorization", f"{scheme} {token}"), *more]
        return client.request(self.gateway.plain, "GET", target, fields)

    def claims(self, token):
        response = self.call(token)
        self.assertEqual(response.status, 200, f"{response!r}\n{self.gateway.log_text()[-2000:]}")
        return jwt.decode(self.backend.last().value(ASSERTION), options={"verify_signature": False})


class OpenId(OverProvider):
    def provider(self):
        provider = Provider()
        self.addCleanup(provider.stop)
        return provider

    def test_jwt_and_opaque_tokens_of_one_user_give_the_same(self):
        provider = self.provider()
        self.start(issuer(provider, introspection=introspection(provider.issuer)))
        by_jwt, by_opaque = (self.claims(provider.token(format=form)) for form in ("jwt", "opaque"))
        for claims in (by_jwt, by_opaque):
            self.assertEqual(claims["sub"], "alice")
            self.assertEqual(claims["email"], "alice@example.com")
            self.assertEqual(claims["scope"], "orders:read")
        self.assertEqual(provider.introspections(), 1)

    def test_scopes_of_opaque_tokens_are_checked_for_each_operation(self):
        provider = self.provider()
        self.start(issuer(provider, introspection=introspection(provider.issuer)))
        token = provider.token(format="opaque")
        self.assertEqual(self.call(token, "/orders/read").status, 200)
        self.assertEqual(self.call(token, "/orders/write").status, 403)
        other = provider.token(format="opaque", audience="urn:billing")
        self.assertEqual(self.call(other).status, 401)

    def test_answers_can_be_signed(self):
        provider = self.provider()
        self.start(issuer(provider, introspection=introspection(provider.issuer, signedAnswers="required")))
        self.assertEqual(self.claims(provider.token(format="opaque"))["sub"], "alice")

    def test_the_secret_can_go_into_the_form(self):
        provider = self.provider()
        how = {"clientId": "poster", "clientSecret": "poster:secret/with+signs", "clientAuthentication": "post"}
        self.start(issuer(provider, introspection=introspection(provider.issuer, **how)))
        self.assertEqual(self.claims(provider.token(format="opaque"))["sub"], "alice")

    def test_clients_call_for_themselves(self):
        provider = self.provider()
        self.start(issuer(provider, introspection=introspection(provider.issuer)))
        for form in ("jwt", "opaque"):
            claims = self.claims(provider.token(user=None, format=form))
            self.assertEqual(claims["sub"], "mobile", form)
            self.assertNotIn("email", claims)

    def test_one_question_for_many_callers_and_none_while_the_answer_is_fresh(self):
        provider = self.provider()
        self.start(issuer(provider, introspection=introspection(provider.issuer)))
        token = provider.token(format="opaque")
        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            answers = list(pool.map(lambda _: self.call(token).status, range(200)))
        self.assertEqual(set(answers), {200})
        self.assertEqual(provider.introspections(), 1)

    def test_a_revoked_token_lives_no_longer_than_the_answer(self):
        provider = self.provider()
        self.start(issuer(provider, introspection=introspection(provider.issuer, ttl="1s")))
        token = provider.token(format="opaque")
        self.claims(token)
        provider.do("revoke", token=token)
        self.gateway.wait_until(lambda: self.call(token).status == 401, "the revoked token is still good")
        asked = provider.introspections()
        for _ in range(20):
            refused = self.call(token)
            self.assertEqual(refused.status, 401)
            self.assertIn('error="invalid_token"', refused.value("www-authenticate"))
        self.assertLessEqual(provider.introspections(), asked + 1)

    def test_tokens_that_are_bound_to_a_key_need_a_proof(self):
        provider, holder = self.provider(), dpop.Client()
        self.start(issuer(provider, introspection=introspection(provider.issuer)))
        address = "http://%s:%d/orders/1" % self.gateway.plain
        for form in ("jwt", "opaque"):
            token = provider.token(format=form, jkt=holder.thumbprint)
            for _ in range(2):
                proof = ("DPoP", holder.proof("GET", address, token))
                self.assertEqual(self.call(token, scheme="DPoP", more=[proof]).status, 200, form)
                self.assertEqual(self.call(token, scheme="DPoP", more=[proof]).status, 401, form)
                self.assertEqual(self.call(token).status, 401, form)

    def test_keys_rotate(self):
        provider = self.provider()
        self.start(issuer(provider))
        before = provider.token()
        self.claims(before)
        provider.do("rotate")
        self.assertEqual(self.claims(provider.token())["sub"], "alice")
        self.assertEqual(self.call(before).status, 401)

    def test_a_provider_that_is_away_at_the_start_is_503_until_it_is_there(self):
        port = ports.lease()
        away = f"http://127.0.0.1:{port}"
        self.start(issuer(away, introspection=introspection(away)))
        provider = self.provider()
        opaque, signed = provider.token(format="opaque"), provider.token()
        response = self.call(opaque)
        self.assertEqual(response.status, 503, repr(response))
        self.assertIsNotNone(response.value("retry-after"))
        self.assertEqual(self.call(signed).status, 401, "a token of an issuer that nobody trusts")
        self.assertEqual(self.backend.records, [])

    def test_a_provider_that_goes_away_leaves_known_callers_alone(self):
        provider = self.provider()
        self.start(issuer(provider, introspection=introspection(provider.issuer, ttl="2s")))
        known, unknown, signed = (provider.token(format=form) for form in ("opaque", "opaque", "jwt"))
        self.claims(known)
        self.claims(signed)
        provider.process.kill()
        self.assertEqual(self.call(unknown).status, 503)
        self.assertEqual(self.call(signed).status, 200)
        self.gateway.wait_until(lambda: self.call(known).status == 503, "an old answer is relied on for too long")
        self.assertEqual(self.call(signed).status, 200)


if __name__ == "__main__":
    unittest.main()
