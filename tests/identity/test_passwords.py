"""Names and passwords, checked by real directories and databases: which are right, and what happens without the store."""

import json
import sqlite3
import time

from harness import client
from harness.directory import Slapd, entry
from harness.gateway import sqlite_store
from harness.passwords import basic, scrypt
from stores.world import HEADER, OverStore

PEOPLE = "ou=people,dc=corp,dc=test"
ALICE, JOSE = ("alice", "wonder:land"), ("José", "contraseña 🔒")


class Passwords(OverStore):
    names = (ALICE[0], JOSE[0])

    def serve_passwords(self, store, files):
        """Starts the gateway: corp has no keys at all, only these people."""

        def change(operator, apis):
            issuer = operator["issuers"][0]
            del issuer["jwks"]
            issuer["passwords"] = {"ttl": "1s"}
            for definition in apis.values():
                definition["authentication"] = [{"authType": "OAuth2", "enabled": False}, {"authType": "Basic"}]

        self.serve(store, files, {"ttl": "60s"}, change)

    def get(self, user, password, name="reject"):
        """(answer, claims)."""
        self.backend.reset()
        response = client.request(self.gateway.plain, "GET", f"/{name}/1", [basic(user, password)], patience=30)
        return response, self.claims(self.backend.records[-1]) if self.backend.records else None

    def assert_his(self, user, password):
        response, claims = self.get(user, password)
        self.assertEqual(response.status, 200, response)
        self.assertEqual((claims["sub"], claims["email"]), (user, self.email(user)))
        self.assertEqual(len(self.backend.records[-1].values(HEADER)), 1)

    def assert_people(self):
        for user, password in (ALICE, JOSE):
            self.assert_his(user, password)
        for user, password in ((ALICE[0], JOSE[1]), ("ALICE", ALICE[1]), ("alice ", ALICE[1]), ("*", ALICE[1]), ("nobody", "x")):
            response, claims = self.get(user, password)
            self.assertEqual((response.status, claims), (401, None), (user, response))
            self.assertEqual(response.values("www-authenticate"), ['Basic realm="API", charset="UTF-8"'])

    def test_a_directory(self):
        slapd = Slapd("dc=corp,dc=test")
        self.addCleanup(slapd.stop)
        people = entry(PEOPLE, objectClass="organizationalUnit")
        for number, (user, password) in enumerate((ALICE, JOSE)):
            mail = f"{number}@corp.test"
            dn = f"cn={number},{PEOPLE}"
            people += entry(dn, objectClass="inetOrgPerson", sn="x", uid=user, mail=mail, userPassword=password)
        slapd.add(people)
        self.serve_passwords(slapd.store("directory", {"mail": "email"}), slapd.files())
        self.assert_people()
        # A new password counts when the old one's time is over, without a word from anybody.
        slapd.modify(
            f"dn: cn=0,{PEOPLE}\nchangetype: modify\nreplace: userPassword\nuserPassword: looking-glass\n"
        )
        self.gateway.wait_until(lambda: self.get(*ALICE)[0].status == 401, "the old password goes on")
        self.assert_his("alice", "looking-glass")
        slapd.kill()
        self.gateway.wait_until(lambda: self.get(*JOSE)[0].status == 503, "a verdict without end")
        for password in (JOSE[1], "wrong"):
            for name in ("reject", "useStale", "omit"):
                response, claims = self.get("José", password, name)
                self.assertEqual((response.status, claims), (503, None))
                self.assertEqual(json.loads(response.body)["code"], "user_store_unavailable")
                self.assertGreaterEqual(int(response.value("retry-after")), 1)
        slapd.start()
        self.gateway.wait_until(lambda: self.get(*JOSE)[0].status == 200, "no recovery")
        self.assert_his(*JOSE)
        for secret in (ALICE[1], JOSE[1], "looking-glass"):
            self.assertNotIn(secret, self.gateway.log_text())

    def test_a_database(self):
        def make(path):
            with sqlite3.connect(path) as database:
                database.execute("CREATE TABLE people (name TEXT, mail TEXT, secret TEXT)")
                rows = [(user, f"{number}@corp.test", scrypt(password)) for number, (user, password) in enumerate((ALICE, JOSE))]
                database.executemany("INSERT INTO people VALUES (?, ?, ?)", rows)

        query = "SELECT name, mail, secret FROM people WHERE name = :user"
        columns = {"userColumn": "name", "passwordColumn": "secret"}
        store = sqlite_store("staff", {"mail": "email"}, "people.db", query=query, **columns)
        self.serve_passwords(store, {"people.db": make})
        self.assert_people()
        with sqlite3.connect(self.gateway.path / "people.db") as database:
            database.execute("UPDATE people SET secret = ? WHERE name = 'alice'", (scrypt("looking-glass"),))
        self.gateway.invalidate("staff", "alice")
        started = time.monotonic()
        response, _ = self.get(*ALICE)
        # Within the verdict's second: the invalidation ended it.
        self.assertTrue(response.status == 401, (response, time.monotonic() - started))
        self.assert_his("alice", "looking-glass")
