"""How many event streams may be open at a time."""

import contextlib
import json
import unittest

from attacks.world import api, operation, policy
from harness import client, jws
from harness.backend import Backend
from harness.gateway import Gateway

ISSUER = "https://idp.corp.test"
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n"


class EventStreams(unittest.TestCase):
    def test_there_are_as_many_as_there_may_be(self):
        key, backend = jws.Key("ES256"), Backend()
        self.addCleanup(backend.close)
        backend.answer("/events", EVENTS)
        operator = {
            "gateway": {"streams": {"maxOpen": 1}},
            "apis": {"directory": "apis/"},
            "keys": {"directory": "keys/"},
            "issuers": [{"name": "corp", "issuer": ISSUER, "jwks": {"file": "corp.json"}, "audience": ["gateway"]}],
        }
        orders = api("orders", "/orders", backend.url, [operation("GET", "/*")], apiPolicies=policy())
        gateway = Gateway(operator, {"orders": orders}, {"corp.json": jws.jwks(key)})
        self.addCleanup(gateway.stop)
        fields = [("Authorization", "Bearer " + key.token(jws.claims("alice", ISSUER)))]

        def opened():
            """A connection on which events have begun to come; None when they are refused."""
            connection = client.connect(gateway.plain)
            head = ["GET /orders/events HTTP/1.1", "Host: x", "Authorization: " + fields[0][1]]
            connection.sendall(("\r\n".join(head) + "\r\n\r\n").encode())
            received = b""
            while b"data: 1\n\n" not in received and b"overloaded" not in received:
                received += connection.recv(65536)
            if received.startswith(b"HTTP/1.1 200 "):
                return connection
            connection.close()
            return None

        with contextlib.closing(opened()):
            refused = client.request(gateway.plain, "GET", "/orders/events", fields)
            self.assertEqual((refused.status, json.loads(refused.body)["code"]), (503, "overloaded"))
            self.assertEqual((refused.value("retry-after"), refused.value("content-type")), ("5", "application/problem+json"))
            self.assertEqual(client.request(gateway.plain, "GET", "/orders/1", fields).status, 200)
        found = []
        gateway.wait_until(lambda: found.append(opened()) or found[-1], "the place is not given back")
        found[-1].close()


if __name__ == "__main__":
    unittest.main()
