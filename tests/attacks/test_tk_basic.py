"""TK-15: names and passwords. Nobody gets in by a name that is spelt otherwise, by guessing, or where others can listen."""

import base64
import json

from attacks.base import PROTOCOLS, Attack
from harness.passwords import basic, pbkdf2, scrypt

ALICE, JOSE = ("alice", "wonder:land"), ("José", "contraseña 🔒")


def with_passwords(**more):
    """A change: corp's users may call with name and password at `orders` and `opt`."""

    def change(operator, apis, _files):
        people = [
            {"user": ALICE[0], "attributes": {"email": "alice@corp.test"}, "passwordHash": scrypt(ALICE[1])},
            {"user": JOSE[0], "attributes": {"email": "jose@corp.test"}, "passwordHash": pbkdf2(JOSE[1])},
            {"user": "bare", "attributes": {"email": "bare@corp.test"}},
        ]
        operator["userStores"].append({"name": "keyed", "inline": {"users": people}})
        operator["issuers"][0]["lookup"]["userStores"] = ["keyed"]
        operator["issuers"][0]["passwords"] = dict({"realm": "Orders", "attempts": 3}, **more)
        operator["gateway"]["trustedProxies"] = ["127.0.0.0/8"]
        apis["orders"]["authentication"] = [{"authType": "OAuth2"}, {"authType": "Basic"}]
        apis["opt"]["authentication"] = [
            {"authType": "OAuth2", "enabled": False},
            {"authType": "Basic", "required": "optional"},
        ]

    return change


class Passwords(Attack):
    def get(self, *fields, protocol="h1", target="/orders/1"):
        return self.send(protocol, "GET", target, fields)

    def by(self, address, *fields, proto="https", protocol="h1"):
        """A request that came through the trusted proxy, from this address."""
        return self.get(*fields, ("X-Forwarded-For", address), ("X-Forwarded-Proto", proto), protocol=protocol)

    def test_TK_15_the_right_password_is_the_user(self):
        with self.inside(with_passwords()):
            for protocol in PROTOCOLS:
                for user, password in (ALICE, JOSE):
                    for scheme in ("Basic", "basic", "BASIC"):
                        for again in (False, True):
                            with self.attack(protocol=protocol, user=user, scheme=scheme, again=again):
                                self.assert_status(self.get(basic(user, password, scheme), protocol=protocol), 200)
                                claims = self.identity()
                                self.assertEqual(claims["sub"], "corp/" + user)
                                self.assertEqual(claims["http://wso2.org/claims/usertype"], "Application_User")
                                self.assertIsNone(self.backend.last().value("Authorization"))
            with self.attack(token="as before"):
                self.assert_status(self.get(self.bearer("alice")), 200)
                self.assertEqual(self.identity()["sub"], "corp/alice")
            with self.attack(scope="none comes with a password"):
                self.assert_refused(self.get(basic(*ALICE), target="/orders/scoped"), 403)
            with self.attack(anonymous="without one"):
                self.assert_status(self.get(target="/opt/1"), 200)
            with self.attack(anonymous="not with a wrong one"):
                self.assert_refused(self.get(basic("alice", "x"), target="/opt/1"), 401)

    def test_TK_15_what_is_not_quite_right_is_wrong(self):
        user, password = ALICE
        wrong = {
            "no password": basic(user, ""),
            "no name": basic("", password),
            "nobody": basic("", ""),
            "another's": basic(user, JOSE[1]),
            "half": basic(user, password.split(":")[0]),
            "a prefix": basic(user, password[:-1]),
            "longer": basic(user, password + "x"),
            "NUL": basic(user, password + "\0"),
            "NUL in the name": basic(user + "\0", password),
            "a space": basic(user, password + " "),
            "a space after the name": basic(user + " ", password),
            "another case": basic(user, password.upper()),
            "another name's case": basic(user.upper(), password),
            "decomposed": basic("Jose\u0301", JOSE[1]),
            "latin-1": basic("José".encode("latin-1"), "contraseña".encode("latin-1")),
            "no hash": basic("bare", "bare"),
            "the hash": basic("bare", ""),
            "a line break": basic(user, password + "\n"),
            "no colon": ("Authorization", "Basic " + base64.b64encode(b"alice").decode()),
            "no base64": ("Authorization", "Basic alice:wonder:land"),
            "url-safe": ("Authorization", "Basic " + base64.urlsafe_b64encode("a:ÿÿÿ>>>".encode()).decode()),
            "no padding": ("Authorization", basic(user, password + "x")[1].rstrip("=") + "="),
            "twice": ("Authorization", basic(user, password)[1] + ", " + basic(user, password)[1]),
            "the scheme alone": ("Authorization", "Basic"),
            "a tab": ("Authorization", basic(user, password)[1].replace(" ", "\t")),
            "as a token": ("Authorization", basic(user, password)[1].replace("Basic", "Bearer")),
            "another scheme": ("Authorization", basic(user, password)[1].replace("Basic", "Digest")),
            "long": basic(user, "x" * 6000),
        }
        with self.inside(with_passwords(attempts=1000)):
            for protocol in ("h1", "h2-tls"):
                for name, field in wrong.items():
                    for again in (False, True):
                        with self.attack(wrong=name, protocol=protocol, again=again):
                            response = self.get(field, protocol=protocol)
                            self.assert_refused(response, 401)
                            self.assertIn('Basic realm="Orders", charset="UTF-8"', response.values("www-authenticate"))
            with self.attack(two="fields"):
                self.assert_refused(self.get(basic(*ALICE), basic(*ALICE)), 400)
            with self.attack(two="kinds"):
                self.assert_refused(self.get(basic(*ALICE), self.bearer("alice")), 400)

    def test_TK_15_elsewhere_a_password_is_nothing(self):
        for target in ("/narrow/1", "/apia/1"):
            with self.attack(target=target):
                self.assert_refused(self.get(basic(*ALICE), target=target), 401)

    def test_TK_15_who_guesses_waits_and_nobody_else(self):
        with self.inside(with_passwords(lockFor="1h", ttl="1s")):
            with self.attack(user="alice"):
                for number in range(3):
                    self.assert_refused(self.by("192.0.2.1", basic("alice", f"guess-{number}")), 401)
                for guess in ("guess-9", ALICE[1]):
                    response = self.by("192.0.2.1", basic("alice", guess))
                    self.assert_refused(response, 429)
                    self.assertEqual(json.loads(response.body)["code"], "too_many_attempts")
                    self.assertTrue(1 <= int(response.value("retry-after")) <= 3600, response)
            for name, response in {
                "from elsewhere": lambda: self.by("192.0.2.2", basic(*ALICE)),
                "somebody else": lambda: self.by("192.0.2.1", basic(*JOSE)),
                "another network": lambda: self.by("2001:db8:0:2::1", basic(*ALICE)),
                "by token": lambda: self.by("192.0.2.1", self.bearer("alice")),
            }.items():
                with self.attack(not_locked=name):
                    self.assert_status(response(), 200)
            with self.attack(user="nobody"):
                for number in range(3):
                    self.assert_refused(self.by("192.0.2.1", basic("nobody", f"guess-{number}")), 401)
                self.assert_refused(self.by("192.0.2.1", basic("nobody", "guess-9")), 429)
            with self.attack(network="one client has many addresses in it"):
                for number in range(3):
                    self.assert_refused(self.by(f"2001:db8:0:1::{number}", basic("alice", f"try-{number}")), 401)
                self.assert_refused(self.by("2001:db8:0:1::ffff", basic("alice", "guess-9")), 429)

    def test_TK_15_one_wrong_password_many_times_is_one_guess(self):
        with self.inside(with_passwords(lockFor="1h")):
            with self.attack():
                for _ in range(20):
                    self.assert_refused(self.by("192.0.2.1", basic("alice", "old password")), 401)
            with self.attack():
                self.assert_status(self.by("192.0.2.1", basic(*ALICE)), 200)

    def test_TK_15_a_made_up_address_does_not_help(self):
        with self.inside(with_passwords(lockFor="1h")):
            with self.attack():
                for number in range(3):
                    fields = [basic("alice", f"guess-{number}"), ("X-Forwarded-For", f"198.51.100.{number}, 192.0.2.1")]
                    self.assert_refused(self.get(*fields), 401)
                self.assert_refused(self.by("192.0.2.1", basic("alice", "guess-9")), 429)

    def test_TK_15_a_password_that_others_could_read_is_refused(self):
        with self.inside(with_passwords()):
            for protocol in ("h1", "h2"):
                with self.attack(protocol=protocol):
                    response = self.by("192.0.2.1", basic(*ALICE), proto="http", protocol=protocol)
                    self.assert_refused(response, 400)
                    self.assertIn("TLS", json.loads(response.body)["detail"])
            with self.attack(token="goes on"):
                self.assert_status(self.by("192.0.2.1", self.bearer("alice"), proto="http"), 200)
        with self.inside(with_passwords(clearText="allow")):
            with self.attack():
                self.assert_status(self.by("192.0.2.1", basic(*ALICE), proto="http"), 200)

    def test_OB_01_nothing_of_a_password_is_written(self):
        with self.inside(with_passwords()):
            with self.attack():
                for user, password in (ALICE, JOSE, ("alice", "gue55ed")):
                    self.get(basic(user, password))
                self.gateway.wait_until(lambda: self.gateway.log_text().count('"requestId"') >= 3, "no records")
                text = self.gateway.log_text()
                for secret in ("wonder", "contrase", "gue55ed", *(basic(*who)[1][6:] for who in (ALICE, JOSE))):
                    self.assertNotIn(secret, text)

    def test_a_file_that_asks_the_wrong_one_is_refused(self):
        def unable(operator, apis, files):
            with_passwords()(operator, apis, files)
            operator["userStores"][-1]["inline"]["users"] = [{"user": "alice"}]

        def a_database(operator, apis, files):
            with_passwords()(operator, apis, files)
            operator["issuers"][0]["lookup"]["userStores"] = ["staff"]

        def others(operator, apis, files):
            with_passwords(userStores=["partners"])(operator, apis, files)

        def nobody(operator, apis, files):
            with_passwords()(operator, apis, files)
            del operator["issuers"][0]["passwords"]

        def two(operator, apis, files):
            with_passwords()(operator, apis, files)
            operator["issuers"][1]["lookup"]["userStores"] = ["keyed"]
            operator["issuers"][1]["passwords"] = {}

        def a_subject_of_more(operator, apis, files):
            with_passwords()(operator, apis, files)
            operator["issuers"][0]["subject"] = "corp/${token.oid}"

        def no_hash(operator, apis, files):
            with_passwords()(operator, apis, files)
            operator["userStores"][-1]["inline"]["users"][0]["passwordHash"] = "wonderland"

        def leaks(operator, apis, files):
            with_passwords()(operator, apis, files)
            operator["userStores"][0]["sql"]["passwordColumn"] = "department"

        def no_attempts(operator, apis, files):
            with_passwords(attempts=0)(operator, apis, files)

        for change, code in {
            unable: "conflicting-fields",
            a_database: "conflicting-fields",
            others: "unknown-name",
            nobody: "missing-field",
            two: "conflicting-fields",
            a_subject_of_more: "conflicting-fields",
            no_hash: "invalid-value unknown-name",
            leaks: "conflicting-fields",
            no_attempts: "invalid-value",
        }.items():
            with self.subTest(change.__name__):
                self.assert_load_refused(change, *code.split())
