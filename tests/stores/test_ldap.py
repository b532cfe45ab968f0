"""A gateway whose users live in an LDAP directory: who gets which attributes, and what happens without the directory."""

import socket

import yaml

from harness import ports
from harness.certificate import Authority
from harness.directory import PASSWORD, Slapd, entry
from harness.gateway import run
from stores.world import Outages, OverStore

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


class Ldap(Outages, OverStore):
    """One directory."""

    names, secret = NAMES, PASSWORD

    def setUp(self):
        super().setUp()
        self.server = Slapd("dc=corp,dc=test")
        self.addCleanup(self.server.stop)
        people = entry(PEOPLE, objectClass="organizationalUnit")
        for number, name in enumerate(NAMES):
            mail = f"{number}@corp.test"
            people += entry(f"cn={number},{PEOPLE}", objectClass="inetOrgPerson", sn="x", uid=name, mail=mail)
        for number, member in enumerate(("0", "1", "0")):
            dn = f"cn=group-{number},dc=corp,dc=test"
            people += entry(dn, objectClass="groupOfNames", member=f"cn={member},{PEOPLE}")
        self.server.add(people)

    def start(self, cache, **fields):
        attributes = {"mail": "email", "memberOf": {"name": "groups", "value": "cn"}}
        self.serve(self.server.store("directory", attributes, **fields), self.server.files(), cache)

    def test_IJ_01_and_IJ_04_everybody_is_himself_or_nobody(self):
        self.start({"ttl": "60s"})
        self.assert_everybody_is_himself_or_nobody(STRANGERS)
        self.assertEqual(self.call("alice")[1]["groups"], ["group-0", "group-2"])

    def test_IJ_04_with_the_servers_comparison_namesakes_are_refused(self):
        self.start({"ttl": "60s"}, userMatch="store")
        self.assert_refused(self.call("alice"), 500, "ambiguous_user")
        response, claims = self.call("O'BRIEN")
        self.assertEqual((response.status, claims["email"]), (200, "8@corp.test"))

    def test_IJ_06_a_referral_is_not_followed(self):
        attacker = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(attacker.close)
        attacker.setblocking(False)
        classes = ["referral", "extensibleObject"]
        address = f"ldap://127.0.0.1:{attacker.getsockname()[1]}/{PEOPLE}"
        self.server.add(entry(f"cn=elsewhere,{PEOPLE}", objectClass=classes, cn="elsewhere", ref=address))
        self.start({"ttl": "60s"})
        self.assert_own("alice")
        response, _ = self.call("nobody")
        self.assertEqual((response.status, self.backend.records), (403, []))
        with self.assertRaises(BlockingIOError, msg="the gateway called the attacker"):
            attacker.accept()

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
        self.server.kill()
        shown = run("stores", "test", "directory", "--user", "alice", *config)
        self.assertEqual(shown.returncode, 1, shown)
        self.assertIn("Connection refused", shown.stdout + shown.stderr)

    def test_bad_configuration_is_found_with_its_place_and_the_servers_own_words(self):
        self.start({"ttl": "60s"})
        written = yaml.safe_load(self.gateway.operator_file.read_text())
        self.gateway.write("tls/other.pem", Authority("others").pem)
        nobody = ports.lease()
        self.addCleanup(ports.give_back, nobody)
        for fields, attributes, words in [
            ({}, {"mial": "email"}, r"error\[probe-failed\].*mial"),
            ({"url": f"ldaps://127.0.0.1:{nobody}"}, {}, r"error\[probe-failed\].*Connection refused"),
            ({"url": "ldaps://nowhere.invalid"}, {}, r"error\[probe-failed\].*nowhere\.invalid"),
            ({"ca": "tls/other.pem"}, {}, r"error\[probe-failed\].*UnknownIssuer"),
            ({"base": "dc=nowhere"}, {}, r"error\[probe-failed\].*noSuchObject"),
            ({"filter": "(uid=alice)"}, {}, r"error\[.*the filter does not use `\{user\}`"),
            ({"filter": "(uid={user}"}, {}, r"error\[.*`\)` is expected here"),
        ]:
            with self.subTest(fields or attributes):
                (store,) = written["userStores"]
                changed = dict(store, ldap=store["ldap"] | fields, attributes=attributes or store["attributes"])
                operator = self.gateway.write("bad.yaml", written | {"userStores": [changed]})
                shown = run("check", "--probe", "--config", operator)
                self.assertEqual(shown.returncode, 1, shown)
                self.assertRegex(shown.stdout + shown.stderr, r"bad\.yaml:\d+:\d+: " + words)

    def test_a_new_password_is_taken_up_by_a_reload(self):
        self.start({"ttl": "1s", "refreshAhead": "0s"})
        self.assert_own("alice")
        self.server.change_password("another")
        self.gateway.wait_until(lambda: self.call("Alice")[0].status == 503, "the old password still serves")
        self.gateway.write("secrets/ldap", "another\n")
        self.gateway.reload()
        self.assert_own("alice")
        self.assertNotIn("another", self.gateway.log_text())
