"""One user by JWT, opaque token, API key, client certificate and password: the same `sub`, `enduser` and attributes, whatever the name."""

import hashlib
import pathlib
import random
import tempfile
import unittest

import jwt

from attacks.world import api, operation, policy
from harness import client
from harness.backend import Backend
from harness.certificate import Authority
from harness.gateway import Gateway
from harness.openid import SECRET, Provider
from harness.passwords import basic, scrypt

ASSERTION = "X-JWT-Assertion"
ALPHABET = "abcXYZ019 .,;:!?'\"\\/|*()[]{}<>=+-_@#$%&^~`éßñøŁ漢字кириллица🙂عربى\u0301"
ODD = ["*)(uid=*", "a,ou=x", "x' OR '1'='1", "O\\\\Brien", "Bob", "bob", " lead", "trail ", "CORP.test/é", "x" * 1000, "null", "${token.sub}"]
CLAIMS = ["sub", "http://wso2.org/claims/enduser", "http://wso2.org/claims/emailaddress", "http://wso2.org/claims/role"]


def names():
    """The odd ones, and random ones; the seed is fixed, so that a failure comes again."""
    chance = random.Random(9068)
    made = {"".join(chance.choices(ALPHABET, k=chance.randint(1, 12))) for _ in range(30)}
    return ODD + sorted(name for name in made if name not in ODD and "/" not in name)


def key(name):
    return "csk_" + hashlib.sha256(name.encode()).hexdigest()


class SameUser(unittest.TestCase):
    def test_every_credential_of_a_user_gives_the_same(self):
        users, authority, backend, provider = names(), Authority("staff"), Backend(), Provider()
        self.addCleanup(provider.stop)
        people = [
            {
                "user": name,
                "attributes": {"email": f"{number}@example.com", "roles": [f"role-{number}", "all"]},
                "passwordHash": scrypt(key(name)),
            }
            for number, name in enumerate(users)
        ]
        keys = [
            {
                "id": str(number),
                "hash": "sha256:" + hashlib.sha256(key(name).encode()).hexdigest(),
                "user": {"issuer": "corp", "name": name},
            }
            for number, name in enumerate(users)
        ]
        operator = {
            "apis": {"directory": "apis/"},
            "keys": {"directory": "keys/"},
            "issuers": [
                {
                    "name": "corp",
                    "issuer": provider.issuer,
                    "discovery": True,
                    "audience": ["urn:orders"],
                    "subject": "corp:${token.sub}",
                    "lookup": {"claim": "sub", "userStores": ["staff"]},
                    "passwords": {},
                    "introspection": {
                        "url": provider.issuer + "/token/introspection",
                        "clientId": "gateway",
                        "clientSecret": SECRET,
                    },
                }
            ],
            "clientCertificates": [{"name": "staff", "ca": "staff.pem", "issuer": "corp"}],
            "userStores": [{"name": "staff", "inline": {"users": people}}],
            "applications": [{"name": "Keys", "apiKeys": keys}],
        }
        authentication = [
            {"authType": "OAuth2", "required": "optional"},
            {"authType": "APIKey", "required": "optional"},
            {"authType": "Basic", "required": "optional"},
            {"authType": "mTLS", "required": "optional"},
        ]
        mints = policy(header=ASSERTION, claims="all")
        definition = api(
            "orders", "/orders", backend.url, [operation("GET", "/*")], authentication=authentication, apiPolicies=mints
        )
        gateway = Gateway(operator, {"orders": definition}, {"staff.pem": authority.pem})
        self.addCleanup(gateway.stop)

        def claims(fields=(), certificate=None):
            address = gateway.secure if certificate else gateway.plain
            response = client.request(
                address, "GET", "/orders/1", list(fields), tls=bool(certificate), certificate=certificate
            )
            self.assertEqual(response.status, 200, f"{response!r}\n{gateway.log_text()[-1500:]}")
            payload = jwt.decode(backend.last().value(ASSERTION), options={"verify_signature": False})
            return {name: payload.get(name) for name in CLAIMS}

        with tempfile.TemporaryDirectory() as folder:
            for number, name in enumerate(users):
                with self.subTest(name[:40]):
                    tokens = [provider.token(user=name, format=form) for form in ("jwt", "opaque")]
                    found = [claims([("Authorization", "Bearer " + token)]) for token in tokens]
                    found.append(claims([("apikey", key(name))]))
                    # A colon would end the name (RFC 7617 §2).
                    if ":" not in name:
                        found.append(claims([basic(name, key(name))]))
                    # X.520 bounds a common name to 64 characters.
                    if len(name) <= 64:
                        path, _ = authority.client(pathlib.Path(folder) / f"{number}.pem", [name])
                        found.append(claims(certificate=path))
                    self.assertEqual(found[0]["sub"], "corp:" + name)
                    self.assertEqual(found[0]["http://wso2.org/claims/emailaddress"], f"{number}@example.com")
                    for other in found[1:]:
                        self.assertEqual(other, found[0])
