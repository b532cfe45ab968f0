"""A gateway whose users live in an LDAP directory: who gets which attributes, and what happens without the directory."""

import collections
import concurrent.futures
import json
import socket
import threading
import unittest

import jwt

from attacks.world import api, policy, verbs
from harness import client, jws
from harness.backend import Backend
from harness.directory import PASSWORD, Slapd, entry
from harness.gateway import Gateway, run

ISSUER = "https://idp.corp.test"
HEADER = "X-JWT-Assertion"
PEOPLE = "ou=people,dc=corp,dc=test"

# Somebody's names: as the directory compares them, some are the same.
NAMES = [
    "alice",
    "Alice",
    "alice ",
    "a*b",
    "*)(uid=*))(|(uid=*",
    "\\00",
    "CN=alice,OU=x",
    "cn=alice+uid=7",
    "o'brien",
    "José",
    "Jose\u0301",
    "😀",
    "аlice",
    "attacker@evil.com@company.com",
    "long name " * 103,
]
# Nobody's: what an attacker might hope to be taken for somebody.
STRANGERS = ["ALICE", " alice", "alice\0", "*", "a*", "alice)(uid=*", "jose", "Jose", "alice\\00", "x)(objectClass=*"]


class Ldap(unittest.TestCase):
    """One directory and one gateway. APIs differ in what they do when the directory is away."""

    def setUp(self):
        self.slapd = Slapd("dc=corp,dc=test")
        self.addCleanup(self.slapd.stop)
        people = entry(PEOPLE, objectClass="organizationalUnit")
        for number, name in enumerate(NAMES):
            mail = f"{number}@corp.test"
            people += entry(f"cn={number},{PEOPLE}", objectClass="inetOrgPerson", sn="x", uid=name, mail=mail)
        for number, member in enumerate(("0", "1", "0")):
            dn = f"cn=group-{number},dc=corp,dc=test"
            people += entry(dn, objectClass="groupOfNames", member=f"cn={member},{PEOPLE}")
        self.slapd.add(people)
        self.backend = Backend()
        self.addCleanup(self.backend.close)
        self.key = jws.Key("ES256")

    def start(self, cache, **fields):
        attributes = {"mail": "email", "memberOf": {"name": "groups", "value": "cn"}}
        store = dict(self.slapd.store("directory", attributes, **fields), cache=cache, breaker={"after": 5, "retry": "1s"})
        claims = [{"attribute": "email", "claim": "email"}, {"attribute": "groups", "claim": "groups", "multi": True}]
        operator = {
            "apis": {"directory": "apis/"},
            "keys": {"directory": "keys/"},
            "issuers": [
                {
                    "name": "corp",
                    "issuer": ISSUER,
                    "jwks": {"file": "corp.json"},
                    "lookup": {"claim": "sub", "userStores": ["directory"]},
                }
            ],
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
        files = dict(self.slapd.files(), **{"corp.json": jws.jwks(self.key)})
        self.gateway = Gateway(operator, apis, files)
        self.addCleanup(self.gateway.stop)
        self.published = jwt.PyJWKSet.from_dict(self.gateway.jwks())

    def call(self, user="alice", name="reject"):
        """(answer, claims): what the caller gets, and what the backend learns of him, if anything."""
        self.backend.reset()
        token = self.key.token(jws.claims(user, ISSUER))
        fields = [] if name == "open" else [("Authorization", "Bearer " + token)]
        response = client.request(self.gateway.plain, "GET", f"/{name}/1", fields)
        if not self.backend.records:
            return response, None
        return response, self.claims(self.backend.records[-1])

    def claims(self, record):
        """The claims of the Backend JWT that reached the backend; None without one."""
        value = record.value(HEADER)
        if value is None:
            return None
        key = self.published[jwt.get_unverified_header(value)["kid"]].key
        return jwt.decode(value, key, algorithms=["ES256"], options={"verify_aud": False})

    def assert_own(self, user):
        response, claims = self.call(user)
        self.assertEqual(response.status, 200, (user, response))
        self.assertEqual(claims["email"], f"{NAMES.index(user)}@corp.test", user)

    def test_IJ_01_and_IJ_04_everybody_is_himself_or_nobody(self):
        self.start({"ttl": "60s"})
        for _ in ("cold", "warm"):
            for name in NAMES:
                self.assert_own(name)
            for stranger in STRANGERS:
                response, claims = self.call(stranger)
                self.assertEqual((response.status, claims), (403, None), stranger)
        self.assertEqual(self.call("alice")[1]["groups"], ["group-0", "group-2"])

    def test_IJ_04_with_the_servers_comparison_namesakes_are_refused(self):
        self.start({"ttl": "60s"}, userMatch="store")
        response, _ = self.call("alice")
        self.assertEqual((response.status, json.loads(response.body)["code"]), (500, "ambiguous_user"))
        response, claims = self.call("O'BRIEN")
        self.assertEqual((response.status, claims["email"]), (200, "8@corp.test"))

    def test_IJ_06_a_referral_is_not_followed(self):
        attacker = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(attacker.close)
        attacker.setblocking(False)
        classes = ["referral", "extensibleObject"]
        address = f"ldap://127.0.0.1:{attacker.getsockname()[1]}/{PEOPLE}"
        self.slapd.add(entry(f"cn=elsewhere,{PEOPLE}", objectClass=classes, cn="elsewhere", ref=address))
        self.start({"ttl": "60s"})
        self.assert_own("alice")
        response, _ = self.call("nobody")
        self.assertEqual((response.status, self.backend.records), (403, []))
        with self.assertRaises(BlockingIOError, msg="the gateway called the attacker"):
            attacker.accept()

    def test_FC_01_a_directory_that_is_killed_and_comes_back(self):
        self.start({"ttl": "1s", "refreshAhead": "0s", "negativeTtl": "1s", "staleFor": "1h"})
        self.assert_own("alice")
        self.assertEqual(self.call("alice", "useStale")[1]["email"], "0@corp.test")
        self.slapd.kill()
        self.gateway.wait_until(lambda: self.call("alice")[0].status == 503, "the answer does not expire")
        for _ in range(8):
            response, claims = self.call("Alice")
            self.assertEqual((response.status, claims), (503, None))
            self.assertEqual(json.loads(response.body)["code"], "user_store_unavailable")
            self.assertGreaterEqual(int(response.value("retry-after")), 1)
        response, claims = self.call("alice", "useStale")
        self.assertEqual((response.status, claims["email"]), (200, "0@corp.test"))
        response, claims = self.call("José", "useStale")
        self.assertEqual((response.status, claims), (503, None))
        response, claims = self.call("José", "omit")
        self.assertEqual((response.status, claims["attributes_omitted"], "email" in claims), (200, True, False))
        self.assertEqual(self.call(name="open")[0].status, 200)
        self.assertEqual(self.gateway.admin_get("/readyz")[0], 200)
        self.assertNotIn(PASSWORD, self.gateway.log_text())
        self.slapd.start()
        self.gateway.wait_until(lambda: self.call("alice")[0].status == 200, "no recovery")
        for name in NAMES:
            self.assert_own(name)

    def test_FC_01_under_load_nobody_gets_another_users_attributes(self):
        self.start({"ttl": "0s", "refreshAhead": "0s", "negativeTtl": "0s"})
        is_over, seen = threading.Event(), collections.Counter()

        def hammer(name):
            bearer = "Bearer " + self.key.token(jws.claims(name, ISSUER))
            while not is_over.is_set():
                response = client.request(self.gateway.plain, "GET", "/reject/1", [("Authorization", bearer)])
                seen[response.status] += 1
            return name

        with concurrent.futures.ThreadPoolExecutor(len(NAMES)) as threads:
            running = [threads.submit(hammer, name) for name in NAMES]
            kill, start = (self.slapd.kill, 503), (self.slapd.start, 200)
            for change, status in ((lambda: None, 200), kill, start, kill, start):
                change()
                enough = seen[status] + 50
                self.gateway.wait_until(lambda: seen[status] >= enough, f"not often enough {status}: {seen}")
            is_over.set()
            self.assertEqual(sorted(thread.result() for thread in running), sorted(NAMES))
        self.assertEqual(set(seen), {200, 503})
        subjects = collections.Counter()
        for record in self.backend.records:
            claims = self.claims(record)
            subjects[claims["sub"]] += 1
            self.assertEqual(claims["email"], f"{NAMES.index(claims['sub'])}@corp.test")
        self.assertEqual((subjects.total(), set(subjects)), (seen[200], set(NAMES)))

    def test_the_cause_is_found_by_one_command(self):
        self.start({"ttl": "60s"})
        config = ("--config", self.gateway.operator_file)
        shown = run("stores", "test", "directory", "--user", "a*b", *config)
        self.assertEqual(shown.returncode, 0, shown)
        self.assertIn("dc=corp,dc=test: (uid=a\\2ab)", shown.stdout)
        self.assertIn(f"{NAMES.index('a*b')}@corp.test", shown.stdout)
        shown = run("stores", "test", "directory", "--user", "ALICE", *config)
        self.assertEqual(shown.returncode, 1, shown)
        self.assertIn("userMatch: exact", shown.stdout)
        self.assertEqual(run("check", "--probe", *config).returncode, 0)
        self.gateway.write("secrets/ldap", "wrong")
        shown = run("check", "--probe", *config)
        self.assertEqual(shown.returncode, 1, shown)
        self.assertRegex(shown.stdout + shown.stderr, r"countersign\.yaml:\d+:\d+: error\[probe-failed\].*invalidCredentials")
        self.gateway.write("secrets/ldap", PASSWORD)
        self.slapd.kill()
        shown = run("stores", "test", "directory", "--user", "alice", *config)
        self.assertEqual(shown.returncode, 1, shown)
        self.assertIn("Connection refused", shown.stdout + shown.stderr)

    def test_a_new_password_is_taken_up_by_a_reload(self):
        self.start({"ttl": "1s", "refreshAhead": "0s"})
        self.assert_own("alice")
        change = f"dn: {self.slapd.gateway}\nchangetype: modify\nreplace: userPassword\nuserPassword: another\n"
        self.slapd.modify(change)
        self.slapd.kill()
        self.slapd.start()
        self.gateway.wait_until(lambda: self.call("Alice")[0].status == 503, "the old password still serves")
        self.gateway.write("secrets/ldap", "another\n")
        self.gateway.reload()
        self.assert_own("alice")
        self.assertNotIn("another", self.gateway.log_text())
