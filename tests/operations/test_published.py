"""What the gateway publishes for backends and clients: keys, discovery, and where clients learn how to get a token."""

import json
import unittest

from harness import client, jws, ports
from harness.backend import Backend
from harness.gateway import Gateway, run

ISSUER = "https://idp.corp.test"
KEYS = ("/.well-known/jwks.json", "/.wellknown/jwks", "/.well-known/jwks", "/jwks")
DISCOVERY = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")


def operator(**gateway):
    return {
        "gateway": gateway,
        "apis": {"directory": "apis/"},
        "keys": {"directory": "keys/"},
        "issuers": [
            {"name": "corp", "issuer": ISSUER, "jwks": {"file": "idp.json"}, "lookup": {"claim": "sub", "userStores": []}}
        ],
    }


def orders(to):
    return {
        "name": "orders",
        "basePath": "/orders",
        "version": "1",
        "type": "REST",
        "endpointConfigurations": {"production": [{"endpoint": to}]},
        "operations": [{"target": "/x", "verb": "GET", "secured": True}, {"target": "/open", "verb": "GET", "secured": False}],
    }


class Published(unittest.TestCase):
    """One gateway for each test."""

    def start(self, **gateway):
        self.backend = Backend()
        self.addCleanup(self.backend.close)
        files = {"idp.json": jws.jwks(jws.Key("ES256"))}
        self.gateway = Gateway(operator(**gateway), {"orders": orders(self.backend.url)}, files)
        self.addCleanup(self.gateway.stop)

    def get(self, path, fields=(), address=None):
        return client.request(address or self.gateway.plain, "GET", path, fields)

    def test_documents_say_what_they_are_and_how_long_they_hold(self):
        self.start()
        for path in KEYS + DISCOVERY:
            with self.subTest(path=path):
                answer = self.get(path)
                kind = "application/jwk-set+json" if path in KEYS else "application/json"
                self.assertEqual((answer.status, answer.value("content-type")), (200, kind))
                self.assertEqual(answer.value("cache-control"), "max-age=600")
                self.assertRegex(answer.value("etag"), r'\A"[^"]+"\Z')
                self.assertTrue(json.loads(answer.body))

    def test_who_has_a_document_is_not_sent_it_again(self):
        self.start()
        for path in KEYS + DISCOVERY:
            with self.subTest(path=path):
                tag = self.get(path).value("etag")
                for known in (tag, "W/" + tag, f'"old", {tag}', "*"):
                    answer = self.get(path, [("If-None-Match", known)])
                    self.assertEqual((answer.status, answer.body, answer.value("etag")), (304, b"", tag))
                    self.assertEqual(answer.value("cache-control"), "max-age=600")
                self.assertEqual(self.get(path, [("If-None-Match", '"old"')]).status, 200)

    def test_new_keys_have_a_new_tag(self):
        self.start()
        before = self.get(KEYS[0]).value("etag")
        done = run("keys", "rotate", "--algorithm", "ES256", "--directory", self.gateway.path / "keys")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.gateway.reload()
        answer = self.get(KEYS[0], [("If-None-Match", before)])
        self.assertEqual(answer.status, 200)
        self.assertNotEqual(answer.value("etag"), before)

    def test_an_address_of_its_own_serves_keys_and_discovery_alone(self):
        port = ports.lease()
        self.addCleanup(ports.give_back, port)
        inside = ("127.0.0.1", port)
        self.start(keysAddress="%s:%d" % inside)
        for path in KEYS + DISCOVERY:
            with self.subTest(path=path):
                own, public = self.get(path, address=inside), self.get(path)
                self.assertEqual((own.status, own.body), (200, public.body))
                self.assertEqual(own.value("etag"), public.value("etag"))
        self.assertEqual(self.get("/orders/1/open").status, 200)
        self.backend.reset()
        for path in ("/orders/1/open", "/orders/1/x", "/metrics", "/healthz", "/readyz", "/"):
            with self.subTest(path=path):
                self.assertEqual(self.get(path, address=inside).status, 404)
        self.assertEqual(self.backend.records, [])

    def test_discovery_names_another_address_of_the_keys(self):
        elsewhere = "https://keys.internal.test/jwks"
        self.start(jwksUrl=elsewhere)
        for path in DISCOVERY:
            with self.subTest(path=path):
                found = json.loads(self.get(path).body)
                self.assertEqual((found["issuer"], found["jwks_uri"]), (self.gateway.issuer, elsewhere))

    def test_a_401_names_the_metadata_that_the_operator_wrote(self):
        metadata = 'resource_metadata="https://meta.test/orders"'
        for gateway in ({}, {"publicUrl": "https://api.test"}):
            with self.subTest(gateway=gateway):
                self.start(resourceMetadata="https://meta.test/orders", **gateway)
                for fields in ([], [("Authorization", "Bearer wrong")]):
                    answer = self.get("/orders/1/x", fields)
                    self.assertEqual(answer.status, 401)
                    self.assertTrue(answer.values("www-authenticate"))
                    for challenge in answer.values("www-authenticate"):
                        self.assertIn(metadata, challenge)

    def test_a_401_names_no_metadata_where_there_is_none(self):
        self.start()
        challenges = self.get("/orders/1/x").values("www-authenticate")
        self.assertTrue(challenges)
        self.assertNotIn("resource_metadata", " ".join(challenges))
