"""`countersign stores` and `check --probe`: a store looked at from here, and the stores of the running gateway."""

import json
import sqlite3
import unittest

import yaml

from harness import jws
from harness.backend import Backend
from harness.gateway import Folder, Gateway, fetch, run, sqlite_store
from operations.test_files import ISSUER, api, operator

QUERY = "SELECT email, phone FROM people WHERE name = :user"


def people(path):
    """A database with alice, who has no department."""
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE people (name TEXT, email TEXT, phone TEXT)")
        database.execute("INSERT INTO people VALUES ('alice', 'alice@corp.test', '7'), ('bob', 'b', ''), ('bob', 'c', '')")


def with_store(query=QUERY, **more):
    """The operator's file with that store, of a domain, and an issuer whose users are there."""
    written = operator()
    written["issuers"][0]["lookup"]["userStores"] = ["staff"]
    store = sqlite_store("staff", {"email": "email"}, "staff.db", query=query)
    store |= {"domain": "CORP", "breaker": {"after": 2, "retry": "60s"}}
    store["cache"] = {"ttl": "1s", "refreshAhead": "0s", "negativeTtl": "0s"}
    written["userStores"] = [store | more]
    return written


class Stores(unittest.TestCase):
    def setUp(self):
        self.backend = Backend()
        self.addCleanup(self.backend.close)
        self.key = jws.Key("ES256")
        operations = [{"target": "/x", "verb": "GET", "secured": True, "scopes": []}]
        policies = {"request": [{"policyName": "BackendJwt"}]}
        orders = api("orders", self.backend.url, operations=operations, apiPolicies=policies)
        files = {"idp.json": jws.jwks(self.key), "staff.db": people}
        self.gateway = Gateway(with_store(), {"orders": orders}, files)
        self.addCleanup(self.gateway.stop)

    def stores(self, *arguments):
        return run("stores", *arguments, "--config", self.gateway.operator_file)

    def call(self, user):
        """Calls as that user; returns the status and the refusal's code."""
        token = self.key.token(jws.claims(user, ISSUER))
        status, body = fetch(self.gateway.plain, "/orders/1.0/x", headers={"authorization": f"Bearer {token}"})
        return status, json.loads(body)["code"] if status != 200 else None

    def test_a_look_up_shows_what_was_asked_and_what_came_back(self):
        for user in ["alice", "corp/alice"]:
            done = self.stores("test", "staff", "--user", user)
            self.assertEqual(done.returncode, 0, done.stderr)
            for words in ["alice in staff: found", f"asked: {QUERY}", "matches: 1", '"alice@corp.test"', "phone"]:
                self.assertIn(words, done.stdout)
        asked = self.stores("test", "staff", "--user", "alice", "--format", "json")
        told = json.loads(asked.stdout)
        self.assertEqual((told["attributes"], told["notMapped"]), ({"email": ["alice@corp.test"]}, ["phone"]))

    def test_a_look_up_that_finds_nobody_says_why(self):
        done = self.stores("test", "staff", "--user", "carol")
        self.assertEqual((done.returncode, done.stdout.splitlines()[0]), (1, "carol in staff: no such user"))
        done = self.stores("test", "staff", "--user", "bob")
        self.assertEqual(done.returncode, 1)
        self.assertIn("more than one match", done.stdout)
        done = self.stores("test", "nowhere", "--user", "bob")
        self.assertEqual(done.returncode, 2)
        self.assertIn("there are: staff", done.stderr)

    def test_a_broken_store_is_left_alone_with_its_cause_told_and_a_hold_helps(self):
        self.assertEqual(self.call("alice"), (200, None))
        (self.gateway.path / "staff.db").rename(self.gateway.path / "gone.db")
        for user in ["one", "two", "three"]:
            self.assertEqual(self.call(user), (503, "user_store_unavailable"))
        self.assertEqual(self.gateway.admin_get("/readyz")[0], 200)
        status = self.stores("status")
        self.assertEqual(status.returncode, 1, status.stderr)
        for words in ["left alone", "last failure", "No such file"]:
            self.assertIn(words, status.stdout)

        self.gateway.wait_until(lambda: self.call("alice")[0] == 503, "the answer of 1 s ago still serves")
        held = self.stores("hold", "staff", "--stale", "4h")
        self.assertEqual(held.returncode, 0, held.stderr)
        self.assertEqual(self.call("alice"), (200, None))
        self.assertEqual(self.call("one"), (503, "user_store_unavailable"))
        self.assertIn("held: answers of up to 4h", self.stores("status").stdout)
        self.assertEqual(self.stores("hold", "staff", "--release").returncode, 0)
        self.gateway.wait_until(lambda: "user_store_released" in self.gateway.log_text(), "no audit of the release")
        acts = [line for line in self.gateway.log_text().splitlines() if line.startswith('{"at"')]
        self.assertEqual([json.loads(act)["event"] for act in acts], ["user_store_held", "user_store_released"])

    def test_a_changed_user_is_forgotten_on_request(self):
        def email():
            self.assertEqual(self.call("alice"), (200, None))
            token = self.backend.last().value("x-jwt-assertion")
            return jws.decode(token)[1]["http://wso2.org/claims/emailaddress"]

        written = with_store(cache={"ttl": "1h", "staleFor": "0s"})
        written["gateway"] = yaml.safe_load(self.gateway.operator_file.read_text())["gateway"]
        written["admin"] = yaml.safe_load(self.gateway.operator_file.read_text())["admin"]
        self.gateway.write("countersign.yaml", written)
        self.gateway.reload()
        self.assertEqual(email(), "alice@corp.test")
        with sqlite3.connect(self.gateway.path / "staff.db") as database:
            database.execute("UPDATE people SET email = 'new@corp.test' WHERE name = 'alice'")
        self.assertEqual(email(), "alice@corp.test")
        for arguments in [("staff", "--user", "corp/alice"), ("--user", "alice"), ("staff",), ("--all",)]:
            self.assertEqual(self.stores("invalidate", *arguments).returncode, 0, arguments)
            self.assertEqual(email(), "new@corp.test")
        self.assertEqual(self.stores("invalidate", "nowhere").returncode, 2)
        self.assertEqual(self.stores("invalidate").returncode, 2)

    def test_short_lived_attributes_are_asked_for_by_those_who_send_them(self):
        cache = {"ttl": "1h", "classes": [{"attributes": ["email"], "ttl": "1s"}]}
        written = with_store(cache=cache, attributes={"email": "email", "phone": "phone_number"})
        written["gateway"] = yaml.safe_load(self.gateway.operator_file.read_text())["gateway"]
        written["admin"] = yaml.safe_load(self.gateway.operator_file.read_text())["admin"]
        operations = [{"target": "/x", "verb": "GET", "secured": True, "scopes": []}]
        policies = {"request": [{"policyName": "BackendJwt", "parameters": {"claims": ["phone_number"]}}]}
        self.gateway.write("countersign.yaml", written)
        self.gateway.write_api("calls", api("calls", self.backend.url, operations=operations, apiPolicies=policies))
        self.gateway.reload()
        fields = {"authorization": "Bearer " + self.key.token(jws.claims("alice", ISSUER))}

        def told(name):
            self.assertEqual(fetch(self.gateway.plain, f"/{name}/1.0/x", headers=fields)[0], 200)
            token = jws.decode(self.backend.last().value("x-jwt-assertion"))[1]
            return token["jti"], token.get("http://wso2.org/claims/emailaddress")

        calls, (_, email) = told("calls"), told("orders")
        self.assertEqual((calls[1], email), (None, "alice@corp.test"))
        with sqlite3.connect(self.gateway.path / "staff.db") as database:
            database.execute("UPDATE people SET email = 'new@corp.test' WHERE name = 'alice'")
        self.gateway.wait_until(lambda: told("orders")[1] == "new@corp.test", "the old address goes on")
        self.assertEqual(told("calls"), calls)

    def test_a_hold_that_cannot_be_is_refused(self):
        for arguments in [("nowhere", "--stale", "4h"), ("staff", "--stale", "4"), ("staff", "--stale", "8d")]:
            self.assertEqual(self.stores("hold", *arguments).returncode, 2, arguments)
        self.assertEqual(self.stores("hold", "staff").returncode, 2)


class Probe(unittest.TestCase):
    def probe(self, written):
        folder = Folder(written, {}, {"idp.json": jws.jwks(jws.Key("ES256")), "staff.db": people})
        self.addCleanup(folder.remove)
        code, found = folder.check("--probe")
        return code, [(mistake["code"], mistake["message"]) for mistake in found if mistake["severity"] == "error"]

    def test_what_only_the_store_knows_is_found_in_its_own_words(self):
        self.assertEqual(self.probe(with_store()), (0, []))
        for query, attributes, words in [
            ("SELECT mail FROM people WHERE name = :user", {"mail": "email"}, "no such column: mail"),
            ("SELECT email FROM people WHERE name = :user", {"phone": "phone"}, "no query returns the column `phone`"),
            ("SELECT email FORM people WHERE name = :user", {"email": "email"}, "syntax error"),
            ("SELECT email FROM persons WHERE name = :user", {"email": "email"}, "no such table: persons"),
        ]:
            code, found = self.probe(with_store(query, attributes=attributes))
            self.assertEqual((code, [name for name, _ in found]), (1, ["probe-failed"]), query)
            self.assertIn(words, found[0][1])


if __name__ == "__main__":
    unittest.main()
