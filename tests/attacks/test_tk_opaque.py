"""TK-11, TK-12 and CK-02: tokens that only their issuer can read, and issuers that answer nonsense."""

import time
import urllib.parse

from attacks.base import PROTOCOLS, Attack
from attacks.world import CORP, PARTNER
from harness import jws
from harness.openid import Answering

SECRET = "s%cret:+&=/ü"
GOOD = {"active": True, "sub": "alice", "aud": "gateway", "client_id": "app"}


class OpaqueTokens(Attack):
    def setUp(self):
        super().setUp()
        self.server = Answering(body=GOOD)
        self.addCleanup(self.server.stop)

    def asking(self, **more):
        """A change: corp is asked about opaque tokens."""
        entry = {"url": self.server.url + "/introspect", "clientId": "gate way", "clientSecret": SECRET, "timeout": "5s"}

        def change(operator, _apis, _files):
            operator["issuers"][0]["introspection"] = dict(entry, **more)

        return change

    def get(self, token, protocol="h1", target="/orders/1"):
        return self.send(protocol, "GET", target, [("Authorization", "Bearer " + token)])

    def test_TK_11_the_question_is_encoded(self):
        with self.inside(self.asking()):
            token = "abc-._~+/123=="
            with self.attack(token=token):
                self.assert_status(self.get(token), 200)
                self.assertEqual(self.identity()["sub"], "corp/alice")
            ((path, headers, body),) = self.server.asked
            self.assertEqual(path, "/introspect")
            form = urllib.parse.parse_qs(body.decode("ascii"), strict_parsing=True)
            self.assertEqual(form, {"token": [token], "token_type_hint": ["access_token"]})
            user, _, password = jws.unb64(headers["authorization"].removeprefix("Basic ").rstrip("=")).decode().partition(":")
            self.assertEqual([urllib.parse.unquote_plus(part) for part in (user, password)], ["gate way", SECRET])

    def test_TK_11_what_is_no_token_is_not_asked_about(self):
        values = ["a|b", "a%0d%0ab", "%00", "a b", "\xe9", "x" * 5000, "=", "a&active=true", "a=b", "{}", "<a>", "a,b"]
        with self.inside(self.asking()):
            for value in values:
                for protocol in ("h1", "h2"):
                    with self.attack(value=value[:20], protocol=protocol):
                        self.assert_refused(self.get(value, protocol), 401)
            self.assertEqual(self.server.asked, [])

    def test_TK_12_answers_that_cannot_be_relied_on(self):
        answers = {
            "not active": (200, {"active": False}),
            "a text": (200, dict(GOOD, active="true")),
            "a number": (200, dict(GOOD, active=1)),
            "null": (200, dict(GOOD, active=None)),
            "no word": (200, {"sub": "alice", "aud": "gateway"}),
            "twice": (200, b'{"active":false,"active":true,"sub":"alice","aud":"gateway"}'),
            "empty": (200, b""),
            "a list": (200, b"[true]"),
            "html": (200, b"<html>active: true</html>", "text/html"),
            "json as html": (200, GOOD, "text/html"),
            "another audience": (200, dict(GOOD, aud="other")),
            "no audience": (200, {"active": True, "sub": "alice"}),
            "another issuer": (200, dict(GOOD, iss=PARTNER)),
            "expired": (200, dict(GOOD, exp=int(time.time()) - 1)),
            "not yet": (200, dict(GOOD, nbf=int(time.time()) + 600)),
            "a refresh token": (200, dict(GOOD, token_type="refresh_token")),
            "no user": (200, dict(GOOD, sub="")),
            "a number for a user": (200, dict(GOOD, sub=7)),
            "signed": (200, jws.Key("ES256").token(GOOD).encode(), "application/token-introspection+jwt"),
        }
        with self.inside(self.asking()):
            for name, answer in answers.items():
                status, body, content_type = (*answer, "application/json")[:3]
                self.server.answer = (status, body, content_type, ())
                for protocol in PROTOCOLS:
                    with self.attack(answer=name, protocol=protocol):
                        self.assert_refused(self.get("opaque-" + name.replace(" ", "-"), protocol), 401)

    def test_TK_12_silence_is_503(self):
        answers = {
            "our secret is wrong": (401, {"error": "invalid_client"}, "application/json", ()),
            "broken": (500, b"", "text/plain", ()),
            "unavailable": (503, GOOD, "application/json", ()),
            "elsewhere": (302, b"", "text/plain", [("Location", "http://169.254.169.254/")]),
            "endless": (200, b'{"active":true,"sub":"alice","aud":"gateway","x":"' + b"x" * 400000 + b'"}', "application/json", ()),
        }
        with self.inside(self.asking(breaker={"after": 5, "retry": "1s"})):
            for name, answer in answers.items():
                self.server.answer = answer
                with self.attack(answer=name):
                    response = self.get("opaque-" + name.replace(" ", "-"))
                    self.assert_refused(response, 503)
                    self.assertIsNotNone(response.value("retry-after"))
            self.server.answer = (200, GOOD, "application/json", ())
            with self.attack(answer="back"):
                self.gateway.wait_until(lambda: self.get("opaque-broken").status == 200, "no recovery")

    def test_TK_12_signed_answers_are_for_us_and_fresh(self):
        kind = "token-introspection+jwt"
        now = int(time.time())
        stranger = jws.Key("ES256", kid="corp-ec")

        def answer(signer, typ=kind, **claims):
            payload = {"iss": CORP, "aud": "gate way", "iat": now, "token_introspection": GOOD, **claims}
            payload = {name: value for name, value in payload.items() if value is not None}
            return signer.token(payload, typ=typ).encode()

        with self.inside(self.asking(signedAnswers="required")):
            key = self.world.corp_ec
            refused = {
                "by a stranger": answer(stranger),
                "for another": answer(key, aud="other"),
                "for nobody": answer(key, aud=None),
                "of another issuer": answer(key, iss=PARTNER),
                "old": answer(key, iat=now - 3600),
                "of no time": answer(key, iat=None),
                "of another kind": answer(key, typ="JWT"),
                "an access token": key.token(dict(jws.claims("alice", CORP), active=True)).encode(),
                "without an answer": answer(key, token_introspection=None),
                "not active": answer(key, token_introspection={"active": False}),
            }
            for name, body in refused.items():
                self.server.answer = (200, body, f"application/{kind}", ())
                with self.attack(answer=name):
                    self.assert_refused(self.get("signed-" + name.replace(" ", "-")), 401)
            self.server.answer = (200, GOOD, "application/json", ())
            with self.attack(answer="plain"):
                self.assert_refused(self.get("plain"), 401)
            self.server.answer = (200, answer(key), f"application/{kind}", ())
            with self.attack(answer="good"):
                self.assert_status(self.get("good"), 200)
                self.assertEqual(self.identity()["sub"], "corp/alice")

    def test_CK_02_an_answer_is_its_issuers_alone(self):
        elsewhere = Answering(body={"active": False})
        self.addCleanup(elsewhere.stop)

        def change(operator, apis, files):
            self.asking()(operator, apis, files)
            other = dict(operator["issuers"][0]["introspection"], url=elsewhere.url + "/introspect")
            operator["issuers"][1]["introspection"] = other
            for name in ("orders", "opt", "a", "b", "grpc"):
                apis[name]["keyManagers"] = [{"name": "corp"}]

        with self.inside(change):
            for again in (False, True):
                with self.attack(at="corp", again=again):
                    self.assert_status(self.get("shared"), 200)
                with self.attack(at="partner", again=again):
                    self.assert_refused(self.get("shared", target="/narrow/1"), 401)
            self.assertEqual((len(self.server.asked), len(elsewhere.asked)), (1, 1))

    def two(self, corp, partner):
        """A change: both issuers are asked about opaque tokens, each with further fields; their servers."""
        servers = self.server, Answering(body=dict(GOOD, sub="carol"))
        self.addCleanup(servers[1].stop)

        def change(operator, _apis, _files):
            for issuer, server, more in zip(operator["issuers"], servers, (corp, partner)):
                entry = {"url": server.url + "/introspect", "clientId": "gate way", "clientSecret": SECRET}
                issuer["introspection"] = dict(entry, breaker={"after": 100, "retry": "1s"}, **more)

        return change, servers[1]

    def test_CK_02_a_prefix_says_whose_a_token_is(self):
        change, elsewhere = self.two({}, {"tokenPrefix": "prt_"})
        with self.inside(change):
            for token, sub, mine, others in (("any", "corp/alice", 1, 0), ("prt_1", "partner/carol", 0, 1), ("prt", "corp/alice", 1, 0)):
                self.server.asked.clear()
                elsewhere.asked.clear()
                for again in (False, True):
                    with self.attack(token=token, again=again):
                        self.assert_status(self.get(token), 200)
                        self.assertEqual(self.identity()["sub"], sub)
                self.assertEqual((len(self.server.asked), len(elsewhere.asked)), (mine, others), token)
            # Refused by its own: nobody else sees it.
            elsewhere.answer = (200, {"active": False}, "application/json", ())
            self.server.asked.clear()
            with self.attack(token="refused"):
                self.assert_refused(self.get("prt_2"), 401)
            self.assertEqual(self.server.asked, [])

    def test_CK_02_in_turn_where_both_may_see_the_tokens(self):
        change, elsewhere = self.two({"inTurn": True}, {"inTurn": True})
        inactive, broken = (200, {"active": False}, "application/json", ()), (500, b"", "text/plain", ())
        with self.inside(change):
            with self.attack(token="the first one's"):
                self.assert_status(self.get("first"), 200)
                self.assertEqual(self.identity()["sub"], "corp/alice")
            self.assertEqual(elsewhere.asked, [])
            self.server.answer = inactive
            for again in (False, True):
                with self.attack(token="the second one's", again=again):
                    self.assert_status(self.get("second"), 200)
                    self.assertEqual(self.identity()["sub"], "partner/carol")
            self.assertEqual((len(self.server.asked), len(elsewhere.asked)), (2, 1))
            elsewhere.answer = inactive
            with self.attack(token="nobody's"):
                self.assert_refused(self.get("third"), 401)
            self.server.answer = broken
            with self.attack(token="perhaps the first one's"):
                self.assert_refused(self.get("fourth"), 503)
            elsewhere.answer = (200, dict(GOOD, sub="carol"), "application/json", ())
            with self.attack(token="the second one's, whatever the first says"):
                self.assert_status(self.get("fifth"), 200)

    def test_TK_00_it_is_clear_who_is_asked(self):
        for corp, partner in (
            ({}, {}),
            ({"inTurn": True}, {}),
            ({"tokenPrefix": "a"}, {"tokenPrefix": "ab"}),
            ({"tokenPrefix": "a"}, {"tokenPrefix": "a", "inTurn": True}),
        ):
            with self.subTest(corp=corp, partner=partner):
                self.assert_load_refused(self.two(corp, partner)[0], "conflicting-fields")
        with self.subTest("an empty prefix"):
            self.assert_load_refused(self.asking(tokenPrefix=""), "invalid-value")
