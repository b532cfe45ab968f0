"""One gateway in front of raw backends, with an API that has the policies of the test."""

import collections
import json
import unittest

from harness import client, jws, ports
from harness.backend import Backend
from harness.gateway import Gateway

ISSUER = "https://idp.corp.test"
ASSERTION = "X-JWT-Assertion"
PROTOCOLS = ("h1", "h2", "h1-tls", "h2-tls")


class Policies(unittest.TestCase):
    """A gateway for each test; `self.backend` is the first of its backends."""

    maxDiff = None

    def start(self, *, backends=1, operations=None, operator=None, endpoints=None, **api):
        """Starts it; `endpoints(urls)` makes the endpoints, by default one of each backend with nothing more to say."""
        self.backends = [Backend() for _ in range(backends)]
        self.backend = self.backends[0]
        for backend in self.backends:
            self.addCleanup(backend.close)
        urls = [backend.url for backend in self.backends]
        production = endpoints(urls) if endpoints else [{"endpoint": url} for url in urls]
        self.key = jws.Key("ES256")
        self.api = {
            "name": "shop",
            "basePath": "/shop",
            "version": "1",
            "type": "REST",
            "endpointConfigurations": {"production": production},
            "operations": operations or [operation("GET", "/*"), operation("POST", "/*"), operation("PUT", "/*")],
            **api,
        }
        self.settings = {
            "apis": {"directory": "apis/"},
            "keys": {"directory": "keys/"},
            "issuers": [
                {
                    "name": "corp",
                    "issuer": ISSUER,
                    "jwks": {"file": "idp.json"},
                    "lookup": {"claim": "sub", "userStores": []},
                }
            ],
            **(operator or {}),
        }
        self.gateway = Gateway(self.settings, {"shop": self.api}, {"idp.json": jws.jwks(self.key)})
        self.addCleanup(self.gateway.stop)

    def nobodys_port(self):
        """A port where nobody listens, and nobody else will."""
        port = ports.lease()
        self.addCleanup(ports.give_back, port)
        return port

    def bearer(self, subject="alice"):
        return ("Authorization", "Bearer " + self.key.token(jws.claims(subject, ISSUER)))

    def send(self, protocol, method, target, fields=(), body=b"", **options):
        """Sends one request over `h1`, `h2`, `h1-tls` or `h2-tls`."""
        tls = protocol.endswith("-tls")
        address = self.gateway.secure if tls else self.gateway.plain
        function = client.request_h2 if protocol.startswith("h2") else client.request
        return function(address, method, "/shop/1" + target, list(fields), body, tls=tls, **options)

    def assert_status(self, response, expected):
        self.assertEqual(response.status, expected, f"{response!r}\n{self.gateway.log_text()[-1500:]}")

    def outcomes(self, count):
        """How often each outcome came among the first `count` requests, as the audit log tells them."""

        def records():
            lines = [line for line in self.gateway.log_text().splitlines() if line.startswith('{"time"')]
            return [json.loads(line)["outcome"] for line in lines if '"requestId"' in line]

        self.gateway.wait_until(lambda: len(records()) >= count, "no audit record")
        return collections.Counter(records()[:count])


def operation(verb, target, **more):
    return {"target": target, "verb": verb, "secured": False, "scopes": [], **more}


def header(policy, name, value=None):
    """One of the three header policies."""
    parameters = {"headerName": name} if value is None else {"headerName": name, "headerValue": value}
    return {"policyName": policy, "parameters": parameters}
