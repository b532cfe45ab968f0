"""An issuer's key server that misbehaves, at the start and later: what was good stays, nothing else is believed."""

import json
import unittest

from attacks.world import api, operation, policy
from harness import client, jws
from harness.backend import Backend
from harness.gateway import Gateway
from harness.openid import Answering

ISSUER = "https://idp.test"


def many(key, count):
    """A JWKS with that key among many."""
    others = [dict(key.public, kid=f"other-{number}", alg="ES256", use="sig") for number in range(count)]
    return {"keys": others + jws.jwks(key)["keys"]}


class KeyFaults(unittest.TestCase):
    def setUp(self):
        self.key, self.next = jws.Key("ES256", kid="one"), jws.Key("ES256", kid="two")
        self.elsewhere = Answering(body=jws.jwks(self.key, self.next))
        self.addCleanup(self.elsewhere.stop)
        self.server = Answering(body=jws.jwks(self.key))
        self.addCleanup(self.server.stop)
        self.backend = Backend()

    def faults(self):
        ours = json.dumps(jws.jwks(self.key, self.next)).encode()
        return {
            "html": (200, b"<html><body>" + ours + b"</body></html>", "text/html", ()),
            "10 000 keys": (200, many(self.next, 10_000), "application/json", ()),
            "101 keys": (200, many(self.next, 100), "application/json", ()),
            "300 KiB": (200, b" " * 300 * 1024 + ours, "application/json", ()),
            "a redirect to another host": (302, b"", "text/plain", [("Location", self.elsewhere.url + "/jwks")]),
            "a redirect to metadata": (307, b"", "text/plain", [("Location", "http://169.254.169.254/")]),
            "no keys": (200, {"keys": []}, "application/json", ()),
            "a list": (200, b"[]", "application/json", ()),
            "an error with keys": (500, ours, "application/json", ()),
        }

    def start(self):
        issuer = {"name": "corp", "issuer": ISSUER, "jwks": {"url": self.server.url + "/jwks"}, "audience": ["gateway"]}
        operator = {"apis": {"directory": "apis/"}, "keys": {"directory": "keys/"}, "issuers": [issuer]}
        orders = api("orders", "/orders", self.backend.url, [operation("GET", "/*")], apiPolicies=policy())
        self.gateway = Gateway(operator, {"orders": orders})
        self.addCleanup(self.gateway.stop)

    def call(self, key, **claims):
        token = key.token(jws.claims("alice", ISSUER, **claims))
        return client.request(self.gateway.plain, "GET", "/orders/1", [("Authorization", "Bearer " + token)])

    def test_what_was_good_stays(self):
        for name, fault in self.faults().items():
            with self.subTest(name):
                self.server.answer = (200, jws.jwks(self.key), "application/json", ())
                self.start()
                self.gateway.wait_until(lambda: self.call(self.key).status == 200, "the first keys did not come")
                self.server.answer = fault
                asked = len(self.server.asked)
                # An unknown `kid` has the keys fetched anew, once.
                self.assertEqual(self.call(self.next).status, 401)
                self.assertGreater(len(self.server.asked), asked)
                self.assertEqual(self.call(self.key, jti="fresh").status, 200)
                self.assertEqual(self.elsewhere.asked, [])
                self.gateway.stop()

    def test_a_flood_of_unknown_keys_asks_once(self):
        self.start()
        self.gateway.wait_until(lambda: self.call(self.key).status == 200, "the first keys did not come")
        asked = len(self.server.asked)
        for number in range(200):
            self.assertEqual(self.call(jws.Key("ES256", kid=f"unknown-{number}") if number < 5 else self.next, jti=str(number)).status, 401)
        self.assertLessEqual(len(self.server.asked), asked + 1)
        self.assertEqual(self.call(self.key, jti="fresh").status, 200)

    def test_bad_at_the_start_is_503_until_it_is_good(self):
        for name in ("html", "10 000 keys", "a redirect to another host"):
            with self.subTest(name):
                self.server.answer = self.faults()[name]
                self.start()
                response = self.call(self.key)
                self.assertEqual(response.status, 503, repr(response))
                self.assertIsNotNone(response.value("retry-after"))
                self.assertEqual(self.backend.records, [])
                self.server.answer = (200, jws.jwks(self.key), "application/json", ())
                self.gateway.wait_until(lambda: self.call(self.key).status == 200, "it did not recover")
                self.gateway.stop()
                self.backend.reset()
