"""A gateway over one user store, and what every store owes its callers while its server is away."""

import collections
import concurrent.futures
import json
import threading
import unittest

import jwt

from attacks.world import api, policy, verbs
from harness import client, jws
from harness.backend import Backend
from harness.gateway import Gateway

ISSUER = "https://idp.corp.test"
HEADER = "X-JWT-Assertion"


class OverStore(unittest.TestCase):
    """One gateway. APIs differ in what they do when the store is away.

    The store gives the user `names[i]` the `email` `i@corp.test`.
    """

    names = ()

    def setUp(self):
        self.backend = Backend()
        self.addCleanup(self.backend.close)
        self.key = jws.Key("ES256")

    def serve(self, store, files, cache, change=lambda operator, apis: None):
        """Starts the gateway over this store of the operator's file; `change` says what else is different."""
        store = dict(store, cache=cache, breaker={"after": 5, "retry": "1s"})
        claims = [{"attribute": "email", "claim": "email"}, {"attribute": "groups", "claim": "groups", "multi": True}]
        lookup = {"claim": "sub", "userStores": [store["name"]]}
        operator = {
            "apis": {"directory": "apis/"},
            "keys": {"directory": "keys/"},
            "issuers": [{"name": "corp", "issuer": ISSUER, "jwks": {"file": "corp.json"}, "lookup": lookup}],
            "userStores": [store],
            "dialects": [{"name": "plain", "uri": "http://plain.test", "prefix": "", "claims": claims}],
        }
        apis = {
            name: api(
                name,
                f"/{name}",
                f"{self.backend.url}/{name}",
                verbs("GET"),
                apiPolicies=policy(header=HEADER, dialect="plain", onAttributeFailure=name),
            )
            for name in ("reject", "useStale", "omit")
        }
        apis["open"] = api("open", "/open", f"{self.backend.url}/open", verbs("GET", secured=False))
        change(operator, apis)
        self.gateway = Gateway(operator, apis, dict(files, **{"corp.json": jws.jwks(self.key)}))
        self.addCleanup(self.gateway.stop)
        self.published = jwt.PyJWKSet.from_dict(self.gateway.jwks())

    def bearer(self, user):
        return [("Authorization", "Bearer " + self.key.token(jws.claims(user, ISSUER)))]

    def call(self, user="alice", name="reject"):
        """(answer, claims): what the caller gets, and what the backend learns of him, if anything."""
        self.backend.reset()
        response = self.send([] if name == "open" else self.bearer(user), name)
        if not self.backend.records:
            return response, None
        return response, self.claims(self.backend.records[-1])

    def send(self, fields, name="reject"):
        """Sends a request, and waits for its answer for as long as a server that comes up may take."""
        return client.request(self.gateway.plain, "GET", f"/{name}/1", fields, patience=30)

    def claims(self, record):
        """The claims of the Backend JWT that reached the backend; None without one."""
        value = record.value(HEADER)
        if value is None:
            return None
        key = self.published[jwt.get_unverified_header(value)["kid"]].key
        return jwt.decode(value, key, algorithms=["ES256"], options={"verify_aud": False})

    def email(self, user):
        return f"{self.names.index(user)}@corp.test"

    def assert_own(self, user):
        response, claims = self.call(user)
        self.assertEqual(response.status, 200, (user, response))
        self.assertEqual((claims["sub"], claims["email"]), (user, self.email(user)), user)

    def assert_refused(self, answer, status, code):
        response, claims = answer
        self.assertEqual((response.status, claims, json.loads(response.body)["code"]), (status, None, code), response)

    def assert_unavailable(self, answer):
        self.assert_refused(answer, 503, "user_store_unavailable")
        self.assertGreaterEqual(int(answer[0].value("retry-after")), 1)

    def assert_omitted(self, answer):
        response, claims = answer
        self.assertEqual((response.status, claims and claims["attributes_omitted"]), (200, True), response)
        self.assertNotIn("email", claims)

    def assert_everybody_is_himself_or_nobody(self, strangers):
        for _ in ("cold", "warm"):
            for name in self.names:
                self.assert_own(name)
            for stranger in strangers:
                self.assert_refused(self.call(stranger), 403, "unknown_user")


class Outages:
    """Tests of a store whose server ends and comes back. `server` has `kill` and `start`; `start` serves over it.

    `secret` is the gateway's password there. Among `names` are `alice`, `Alice` and `José`.
    """

    def test_FC_01_a_server_that_is_killed_and_comes_back(self):
        self.start({"ttl": "1s", "refreshAhead": "0s", "negativeTtl": "1s", "staleFor": "1h"})
        self.assert_own("alice")
        self.assertEqual(self.call("alice", "useStale")[1]["email"], self.email("alice"))
        self.server.kill()
        self.gateway.wait_until(lambda: self.call("alice")[0].status == 503, "the answer does not expire")
        for _ in range(8):
            self.assert_unavailable(self.call("Alice"))
        response, claims = self.call("alice", "useStale")
        self.assertEqual((response.status, claims["email"]), (200, self.email("alice")))
        self.assert_unavailable(self.call("José", "useStale"))
        self.assert_omitted(self.call("José", "omit"))
        self.assertEqual(self.call(name="open")[0].status, 200)
        self.assertEqual(self.gateway.admin_get("/readyz")[0], 200)
        self.assertNotIn(self.secret, self.gateway.log_text())
        self.server.start()
        self.gateway.wait_until(lambda: self.call("alice")[0].status == 200, "no recovery")
        for name in self.names:
            self.assert_own(name)

    def test_FC_01_under_load_nobody_gets_another_users_attributes(self):
        self.start({"ttl": "0s", "refreshAhead": "0s", "negativeTtl": "0s"})
        is_over, seen = threading.Event(), collections.Counter()

        def hammer(name):
            bearer = self.bearer(name)
            while not is_over.is_set():
                seen[self.send(bearer).status] += 1
            return name

        with concurrent.futures.ThreadPoolExecutor(len(self.names)) as threads:
            running = [threads.submit(hammer, name) for name in self.names]
            try:
                kill, start = (self.server.kill, 503), (self.server.start, 200)
                for change, status in ((lambda: None, 200), kill, start, kill, start):
                    change()
                    enough = seen[status] + 50
                    self.gateway.wait_until(lambda: seen[status] >= enough, f"not often enough {status}: {seen}")
            finally:
                is_over.set()
            self.assertEqual(sorted(thread.result() for thread in running), sorted(self.names))
        self.assertEqual(set(seen), {200, 503})
        subjects = collections.Counter()
        for record in self.backend.records:
            claims = self.claims(record)
            subjects[claims["sub"]] += 1
            self.assertEqual(claims["email"], self.email(claims["sub"]))
        self.assertEqual((subjects.total(), set(subjects)), (seen[200], set(self.names)))
