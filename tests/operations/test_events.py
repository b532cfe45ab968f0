"""Webhooks and Shared Signals: a change that others tell is in the next Backend JWT, and a forged one does nothing."""

import base64
import concurrent.futures
import hashlib
import hmac
import json
import sqlite3
import threading
import time
import unittest

from harness import jws, ports
from harness.backend import Backend
from harness.gateway import Gateway, fetch, sqlite_store
from harness.openid import Answering
from operations.test_files import ISSUER, api, operator

SECRET = b"0123456789abcdef0123456789abcdef"
AUDIENCE = "https://gateway.test/events"
CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
EMAIL = "http://wso2.org/claims/emailaddress"


def people(path):
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE people (name TEXT, email TEXT)")
        database.execute("INSERT INTO people VALUES ('alice', '0@corp.test'), ('bob', '0@corp.test')")


class Events(unittest.TestCase):
    def setUp(self):
        self.backend = Backend()
        self.addCleanup(self.backend.close)
        self.key = jws.Key("ES256")
        self.events = ("127.0.0.1", ports.lease())
        self.addCleanup(ports.give_back, self.events[1])
        written = operator()
        written["issuers"][0]["lookup"]["userStores"] = ["staff"]
        self.issuer = Answering()
        self.addCleanup(self.issuer.stop)
        asked = {"url": self.issuer.url, "clientId": "gateway", "clientSecret": "x", "timeout": "60s"}
        written["issuers"][0]["introspection"] = asked
        query = "SELECT email FROM people WHERE name = :user"
        store = sqlite_store("staff", {"email": "email"}, "staff.db", query=query)
        written["userStores"] = [store | {"cache": {"ttl": "1h"}}]
        written["events"] = {
            "address": f"127.0.0.1:{self.events[1]}",
            "webhooks": [{"name": "hr", "secret": {"file": "hr.secret"}, "userStores": ["staff"]}],
            "sharedSignals": [{"name": "corp", "issuer": "corp", "audience": AUDIENCE}],
        }
        operations = [{"target": "/x", "verb": "GET", "secured": True, "scopes": []}]
        policies = {"request": [{"policyName": "BackendJwt"}]}
        orders = api("orders", self.backend.url, operations=operations, apiPolicies=policies)
        secret = "whsec_" + base64.b64encode(SECRET).decode()
        files = {"idp.json": jws.jwks(self.key), "staff.db": people, "hr.secret": secret}
        self.gateway = Gateway(written, {"orders": orders}, files)
        self.addCleanup(self.gateway.stop)
        self.changes = 0

    def token(self, user="alice", **more):
        return self.key.token(jws.claims(user, ISSUER, **more))

    def call(self, token):
        return fetch(self.gateway.plain, "/orders/1.0/x", headers={"authorization": f"Bearer {token}"})[0]

    def email(self, token):
        """The address in the Backend JWT of a call."""
        self.assertEqual(self.call(token), 200)
        return jws.decode(self.backend.last().value("x-jwt-assertion"))[1][EMAIL]

    def change(self):
        """Changes everybody's address in the store, and returns the new one."""
        self.changes += 1
        with sqlite3.connect(self.gateway.path / "staff.db") as database:
            database.execute("UPDATE people SET email = ?", [f"{self.changes}@corp.test"])
        return f"{self.changes}@corp.test"

    def webhook(self, message, name="hr", secret=SECRET, at=None):
        body, at = json.dumps(message), str(int(at or time.time()))
        tag = hmac.new(secret, f"msg_1.{at}.{body}".encode(), hashlib.sha256).digest()
        fields = {"webhook-id": "msg_1", "webhook-timestamp": at}
        fields["webhook-signature"] = "v1," + base64.b64encode(tag).decode()
        return fetch(self.events, f"/webhooks/{name}", "POST", body, fields)[0]

    def signal(self, event, subject, key=None, typ="secevent+jwt", kind="application/secevent+jwt", **more):
        claims = {"iss": ISSUER, "aud": AUDIENCE, "iat": int(time.time()), "jti": "set-1", "sub_id": subject}
        claims |= {"events": {event: {"event_timestamp": int(time.time())}}} | more
        token = (key or self.key).token(claims, typ=typ)
        status, body = fetch(self.events, "/shared-signals/corp", "POST", token, {"content-type": kind})
        return status, json.loads(body)["err"] if body else None

    def test_a_signed_webhook_makes_the_next_call_ask_the_store(self):
        alice, bob = self.token(), self.token("bob")
        before = (self.email(alice), self.email(bob))
        after = self.change()
        self.assertEqual((self.email(alice), self.email(bob)), before)
        self.assertEqual(self.webhook({"userStore": "staff", "user": "alice"}), 202)
        self.assertEqual((self.email(alice), self.email(bob)), (after, before[1]))
        last = self.change()
        self.assertEqual(self.webhook({}), 202)
        self.assertEqual((self.email(alice), self.email(bob)), (last, last))

    def test_a_forged_or_old_webhook_does_nothing(self):
        alice = self.token()
        before = self.email(alice)
        self.change()
        message = {"user": "alice"}
        self.assertEqual(self.webhook(message, secret=b"x" * 32), 401)
        self.assertEqual(self.webhook(message, at=time.time() - 600), 401)
        self.assertEqual(self.webhook(message, name="nobody"), 404)
        self.assertEqual(self.webhook({"userStore": "elsewhere"}), 403)
        self.assertEqual(self.webhook({"user": 7}), 400)
        self.assertEqual(fetch(self.events, "/webhooks/hr", "POST", json.dumps(message))[0], 401)
        self.assertEqual(fetch(self.events, "/webhooks/hr")[0], 405)
        self.assertEqual(fetch(self.gateway.plain, "/webhooks/hr", "POST", json.dumps(message))[0], 404)
        self.assertEqual(self.email(alice), before)

    def test_a_changed_user_is_asked_about_again(self):
        alice, bob = self.token(), self.token("bob")
        before = (self.email(alice), self.email(bob))
        for event in ["token-claims-change", "credential-change"]:
            after = self.change()
            subject = {"format": "iss_sub", "iss": ISSUER, "sub": "alice"}
            self.assertEqual(self.signal(CAEP + event, subject), (202, None))
            self.assertEqual((self.email(alice), self.email(bob)), (after, before[1]))
        complex_subject = {"format": "complex", "user": {"format": "iss_sub", "iss": ISSUER, "sub": "bob"}}
        self.assertEqual(self.signal(CAEP + "token-claims-change", complex_subject), (202, None))
        self.assertEqual(self.email(bob), f"{self.changes}@corp.test")

    def test_a_revoked_sessions_tokens_are_refused_and_later_ones_are_not(self):
        now = int(time.time())
        old, other_session = self.token(sid="s-1", iat=now - 60), self.token(sid="s-2", iat=now - 60)
        user = {"format": "iss_sub", "iss": ISSUER, "sub": "alice"}
        session = {"format": "opaque", "id": "s-1"}
        self.assertEqual((self.call(old), self.call(other_session)), (200, 200))
        subject = {"format": "complex", "user": user, "session": session}
        self.assertEqual(self.signal(CAEP + "session-revoked", subject), (202, None))
        self.assertEqual((self.call(old), self.call(other_session)), (401, 200))
        self.assertEqual(self.call(self.token(sid="s-1", iat=now - 30)), 401, "made before, not seen before")

        self.assertEqual(self.signal(CAEP + "session-revoked", user), (202, None))
        self.assertEqual((self.call(other_session), self.call(self.token("bob", iat=now - 60))), (401, 200))
        self.gateway.wait_until(lambda: self.call(self.token(iat=int(time.time()))) == 200, "no new session")

    def test_the_end_of_a_session_overtakes_an_answer_about_its_token(self):
        user = {"format": "iss_sub", "iss": ISSUER, "sub": "alice"}
        is_asked, may_answer = threading.Event(), threading.Event()

        def hold():
            is_asked.set()
            may_answer.wait(60)

        active = {"active": True, "sub": "alice", "client_id": "app"}
        for token, later, status in (("opaque-1", {"active": False}, 401), ("opaque-2", active, 200)):
            with self.subTest(later), concurrent.futures.ThreadPoolExecutor(1) as threads:
                self.issuer.asked.clear()
                is_asked.clear()
                may_answer.clear()
                self.issuer.answer, self.issuer.meanwhile = (200, active, "application/json", ()), hold
                called = threads.submit(self.call, token)
                self.assertTrue(is_asked.wait(60))
                self.assertEqual(self.signal(CAEP + "session-revoked", user), (202, None))
                self.issuer.answer = (200, later, "application/json", ())
                may_answer.set()
                self.assertEqual(called.result(), status)
                self.assertEqual((self.call(token), len(self.issuer.asked)), (status, 2))

    def test_a_forged_security_event_does_nothing(self):
        alice = self.token(iat=int(time.time()) - 60)
        before = self.email(alice)
        self.change()
        event, subject = CAEP + "session-revoked", {"format": "iss_sub", "iss": ISSUER, "sub": "alice"}
        for expected, more in [
            ("invalid_key", {"key": jws.Key("ES256")}),
            ("invalid_issuer", {"iss": "https://evil.test"}),
            ("invalid_audience", {"aud": "https://elsewhere.test"}),
            ("invalid_request", {"typ": "JWT"}),
            ("invalid_request", {"typ": "at+jwt"}),
            ("invalid_request", {"kind": "application/jwt"}),
            ("invalid_request", {"iat": int(time.time()) + 3600}),
            ("invalid_request", {"jti": None}),
            ("invalid_request", {"events": []}),
            ("invalid_request", {"sub_id": None}),
        ]:
            status, code = self.signal(event, subject, **more)
            self.assertEqual((status, code), (400, expected), more)
        self.assertEqual(self.email(alice), before)
        # A security event token is nobody's access token.
        claims = jws.claims("alice", ISSUER) | {"events": {event: {}}, "jti": "x"}
        self.assertEqual(self.call(self.key.token(claims, typ="secevent+jwt")), 401)


if __name__ == "__main__":
    unittest.main()
