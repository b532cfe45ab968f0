"""CK-05: one caller, many policies. Each backend gets what its own policy says, new or from the cache."""

import re

import jwt

from attacks.base import ASSERTION, Attack
from attacks.test_ck import plain_dialect
from attacks.world import CORP, api, endpoint, operation, policy, verbs
from harness import jws

BASE = {"header": ASSERTION, "audience": "orders-svc", "tokenTTL": 60, "signingAlgorithm": "ES256", "encoding": "Base64url"}
# Each policy's parameters on top of BASE, and what they do to its claims: None leaves one out.
VARIANTS = [
    ({}, {}),
    ({"signingAlgorithm": "RS256"}, {}),
    ({"encoding": "Base64"}, {}),
    ({"header": "X-A"}, {}),
    ({"header": "X-B", "scheme": "JWT"}, {}),
    ({"header": "Authorization", "scheme": "Bearer"}, {}),
    ({"header": "X-A", "encoding": "Base64", "signingAlgorithm": "RS256"}, {}),
    ({"header": "X-B", "encoding": "Base64"}, {}),
    ({"header": "X-B", "signingAlgorithm": "RS256"}, {}),
    ({"audience": "other"}, {"aud": "other"}),
    ({"audience": []}, {"aud": None}),
    ({"dialect": "none"}, {"email": None, "department": None, "groups": None}),
    ({"tokenTTL": 61}, {}),
    ({"tokenTTL": 900}, {}),
    ({"tokenTTL": 900, "capToInboundToken": False}, {}),
    ({"claims": ["email"]}, {"department": None, "groups": None}),
    ({"tokenClaims": ["azp"]}, {"azp": "web", "scope": None}),
    ({"customClaims": [{"claim": "x", "value": "1"}]}, {"x": "1"}),
    ({"claimMappings": {"mail": "email"}}, {"mail": "alice@corp.test", "email": None}),
]
MINTED_HEADERS = (ASSERTION, "X-A", "X-B", "Authorization")
ALPHABETS = {"Base64url": r"[\w-]+", "Base64": r"[a-zA-Z0-9+/]+"}
RANDOM = ("iat", "nbf", "exp", "jti")


def every_policy(operator, apis, _files):
    """Gives each policy an API of its own (`v3`), and an API with it on its one operation (`w3`)."""
    plain_dialect(operator)
    for index, (variant, _) in enumerate(VARIANTS):
        given = policy(**dict(BASE, **variant))
        operations = {"v": verbs("GET"), "w": [operation("GET", "/*", operationPolicies=given)]}
        for letter, has in operations.items():
            name = f"{letter}{index}"
            levels = {"apiPolicies": given} if letter == "v" else {}
            apis[name] = api(name, f"/{name}", endpoint(apis, f"/{name}-svc"), has, **levels)


class PoliciesOfOneCaller(Attack):
    """Row CK-05."""

    def test_CK_05_apis_never_share_a_token(self):
        with self.inside(every_policy):
            inbound = self.world.token(life=500)
            found = {}
            for protocol in ("h1", "h2", "h1-tls", "h2-tls"):
                for letter in "vw":
                    for index in range(len(VARIANTS)):
                        name = f"{letter}{index}"
                        with self.subTest(api=name, protocol=protocol, policy=VARIANTS[index][0]):
                            minted = self.minted(protocol, name, inbound)
                            self.assert_own(minted, name, index, inbound)
                            self.assertEqual(found.setdefault(name, minted), minted, "not from the cache")
            self.assertEqual(len(set(found.values())), 2 * len(VARIANTS), "two APIs were given one token")
            # The oracle knows the fixture's own APIs alone.
            self.begin()

    def minted(self, protocol, name, inbound):
        """The one header that an API's backend got, as (header, value)."""
        self.begin()
        self.assert_status(self.send(protocol, "GET", f"/{name}/1", [("Authorization", "Bearer " + inbound)]), 200)
        record = self.backend.last()
        self.assertEqual(record.target, f"/{name}-svc/1")
        (found,) = [pair for header in MINTED_HEADERS for pair in record.aliases(header)]
        return found

    def assert_own(self, minted, name, index, inbound):
        """It is written, signed and filled as the API's own policy says."""
        variant, changes = VARIANTS[index]
        wanted = dict(BASE, **variant)
        header, value = minted
        self.assertEqual(header.lower(), wanted["header"].lower())
        token = value.removeprefix(wanted["scheme"] + " ") if "scheme" in wanted else value
        self.assertTrue(re.fullmatch(r"\.".join([ALPHABETS[wanted["encoding"]]] * 3), token), token)
        head, claims = jws.decode(token, "standard" if wanted["encoding"] == "Base64" else "url")
        self.assertEqual(head["alg"], wanted["signingAlgorithm"])
        self.assert_signed(token, head)
        life = claims["exp"] - (claims["iat"] + 10)
        if wanted.get("capToInboundToken", True) and wanted["tokenTTL"] > 500:
            self.assertEqual(claims["exp"], jws.decode(inbound)[1]["exp"])
        else:
            self.assertEqual(life, wanted["tokenTTL"])
        expected = dict(self.claims_of(name), **changes)
        self.assertEqual(
            {claim: value for claim, value in claims.items() if claim not in RANDOM},
            {claim: value for claim, value in expected.items() if value is not None},
        )

    def assert_signed(self, token, head):
        """The signature is of the bytes as received, by a published key for that algorithm."""
        key = next(key for key in self.world.keys.keys if key.key_id == head["kid"])
        self.assertEqual(key.algorithm_name, head["alg"])
        signed, _, signature = token.rpartition(".")
        raw = jws.unb64(signature.translate(str.maketrans("+/", "-_")))
        method = jwt.algorithms.get_default_algorithms()[head["alg"]]
        self.assertTrue(method.verify(signed.encode(), key.key, raw))

    def claims_of(self, name):
        """What BASE mints at an API, but for what differs each time."""
        return {
            "iss": self.gateway.issuer,
            "sub": "corp/alice",
            "aud": "orders-svc",
            "apiname": name,
            "apicontext": f"/{name}/1.0",
            "version": "1.0",
            "keytype": "PRODUCTION",
            "enduser": "alice",
            "usertype": "Application_User",
            "idp": CORP,
            "email": "alice@corp.test",
            "department": "sales",
            "groups": ["users"],
            "scope": "read",
        }
