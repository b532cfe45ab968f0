"""IJ: injection into user stores and headers. Whatever a token calls its user, he gets his own attributes or none.

The stores are real where a real one exists (SQLite, slapd, scim2-server; the databases with a server of their own are in
`crates/stores/tests`); they are raw bytes where a store misbehaves.
"""

import json
import pathlib
import socket
import subprocess
import sys
import urllib.parse
import uuid

from attacks.base import PROTOCOLS, Attack
from attacks.test_ck import plain_dialect
from attacks.world import STAFF
from harness.backend import Backend
from harness.directory import Slapd, entry
from harness.gateway import make_database

SERVERS = pathlib.Path(__file__).resolve().parents[1] / "servers"
SUFFIX = "dc=corp,dc=test"
ATTRIBUTES = {"email": "email", "department": "department", "groups": "groups"}


def in_json(value):
    """A service's answer, as bytes."""
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Injection(Attack):
    """Rows IJ-01 to IJ-08. `alice` and `bob` are in every store."""

    def call(self, subject, protocol="h1"):
        # A token of its own for each call: what was learnt with another one says nothing of it.
        return self.send(protocol, "GET", "/orders/1", [self.bearer(subject, jti=str(uuid.uuid4()))])

    def assert_email(self, subject, email, protocol="h1"):
        self.assert_status(self.call(subject, protocol), 200)
        self.assertEqual(self.identity()["email"], email, subject)

    def assert_unknown(self, subject, protocol="h1"):
        response = self.call(subject, protocol)
        self.assert_refused(response, 403)
        self.assertEqual(json.loads(response.body)["code"], "unknown_user", subject)

    def assert_code(self, subject, status, code):
        response = self.call(subject)
        self.assert_refused(response, status)
        self.assertEqual(json.loads(response.body)["code"], code, subject)

    def store(self, kind, fields, attributes=None, more=None):
        """A change: the staff store is of this kind. `more(operator, files)` changes further things."""

        def change(operator, _apis, files):
            plain_dialect(operator)
            store = {"name": "staff", kind: fields, "attributes": attributes or ATTRIBUTES}
            operator["userStores"][0] = dict(store, breaker={"after": 1000, "retry": "1s"})
            if more:
                more(operator, files)

        return change

    def directory(self, people, **fields):
        """(slapd, change): a directory with these people, name -> mail."""
        slapd = Slapd(SUFFIX)
        self.addCleanup(slapd.stop)
        for number, (name, mail) in enumerate(people.items()):
            slapd.add(entry(f"cn={number},{SUFFIX}", objectClass="inetOrgPerson", sn="x", uid=name, mail=mail))
        store = slapd.store("staff", {}, **fields)["ldap"]
        attributes = {"mail": "email", "departmentNumber": "department", "memberOf": "groups"}
        return slapd, self.store("ldap", store, attributes, lambda _operator, files: files.update(slapd.files()))

    def misbehaving(self):
        """A raw server, and a socket on which nobody must call."""
        server, attacker = Backend(), socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)
        self.addCleanup(attacker.close)
        attacker.setblocking(False)
        return server, attacker

    def assert_nobody_called(self, attacker):
        with self.assertRaises(BlockingIOError, msg="the gateway called the attacker"):
            attacker.accept()

    def test_IJ_01_filters_and_distinguished_names(self):
        odd = {"a*b": "1", "*)(uid=*))(|(uid=*": "2", "\\00": "3", "CN=alice,OU=x": "4", "(": "5", "\\2a": "6", "😀": "7"}
        _, change = self.directory(dict(odd, alice="a", bob="b"))
        with self.inside(change):
            for protocol in PROTOCOLS:
                for name, mail in odd.items():
                    self.assert_email(name, mail, protocol)
            for stranger in ("*", "a*", "alice)(uid=*", "*)(|(uid=bob", "alice\0", "\0", "\\61lice", "cn=alice", ")", "uid=*"):
                with self.attack(stranger=stranger):
                    self.assert_unknown(stranger)

    def test_IJ_02_sql(self):
        quoted = {"username": "x' OR '1'='1", "email": "quoted@corp.test"}

        def change(operator, _apis, files):
            plain_dialect(operator)
            files["staff.db"] = lambda path: make_database(path, [*STAFF, quoted], [("alice", "users")])

        with self.inside(change):
            for protocol in PROTOCOLS:
                self.assert_email(quoted["username"], "quoted@corp.test", protocol)
            for stranger in (
                "' OR '1'='1",
                "alice' --",
                "alice'; DROP TABLE people; --",
                "alice’ OR ’1’=’1",
                "alice\0",
                "alice\0' OR 1=1 --",
                ":user",
                "?1",
                "%",
                "_lice",
                'alice" OR ""="',
            ):
                with self.attack(stranger=stranger):
                    self.assert_unknown(stranger)
            self.assert_email("alice", "alice@corp.test")

    def test_IJ_03_scim_filters(self):
        names = ["alice", "bob", 'x" or userName sw "', "a\\", "a\\\" or 1"]
        users = self.gateway.write(
            "users.jsonl",
            "".join(
                json.dumps(
                    {
                        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                        "id": str(number),
                        "userName": name,
                        "emails": [{"value": f"{number}@corp.test", "primary": True}],
                    }
                )
                + "\n"
                for number, name in enumerate(names)
            ),
        )
        command = [sys.executable, SERVERS / "scim2.py", users, "0", "t0ken"]
        service = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(service.wait)
        self.addCleanup(service.stdout.close)
        self.addCleanup(service.stdin.close)
        url = f"http://127.0.0.1:{int(service.stdout.readline())}/v2"
        fields = {"url": url, "filter": 'userName eq "{user}"', "authorization": {"bearer": {"file": "secrets/scim"}}}
        attributes = {"emails[primary eq true].value": "email", "title": "department", "nickName": "groups"}
        change = self.store("scim", fields, attributes, lambda _operator, files: files.update({"secrets/scim": "t0ken"}))
        with self.inside(change):
            for number, name in enumerate(names):
                self.assert_email(name, f"{number}@corp.test")
            for stranger in ('" or userName sw "', 'alice" or "1" eq "1', 'x" or userName pr or "', "ALICE", "alice\\", '"'):
                with self.attack(stranger=stranger):
                    self.assert_unknown(stranger)

    def test_IJ_04_only_the_same_name_is_the_same_user(self):
        names = ["Bob", "José", "attacker@evil.com@company.com", "alice"]
        strangers = ["bob", "BOB", "Bob ", " Bob", "Jose\u0301", "Jose", "JOSÉ", "аlice", "evil.com@company.com", "Alice"]
        _, directory = self.directory({name: f"{number}@corp.test" for number, name in enumerate(names)})

        def database(operator, _apis, files):
            plain_dialect(operator)
            people = [{"username": name, "email": f"{number}@corp.test"} for number, name in enumerate(names)]
            people[0]["department"] = "x"
            files["staff.db"] = lambda path: make_database(path, people)

        for change in (directory, database):
            with self.inside(change):
                for number, name in enumerate(names):
                    self.assert_email(name, f"{number}@corp.test")
                for stranger in strangers:
                    with self.attack(stranger=stranger):
                        self.assert_unknown(stranger)

    def test_IJ_04_two_matches_are_nobody(self):
        slapd, change = self.directory({"alice": "a", "ALICE": "b"}, userMatch="store")
        slapd.add(entry(f"cn=again,{SUFFIX}", objectClass="inetOrgPerson", sn="x", uid="twice", mail="c"))
        slapd.add(entry(f"cn=once more,{SUFFIX}", objectClass="inetOrgPerson", sn="x", uid="twice", mail="d"))
        with self.inside(change):
            for name in ("alice", "Alice", "twice"):
                self.assert_code(name, 500, "ambiguous_user")

    def test_IJ_05_line_ends_in_values(self):
        value = "x\r\nX-JWT-Assertion: forged\r\nX-Internal-User: root\n\n"

        def change(operator, _apis, files):
            plain_dialect(operator)
            files["staff.db"] = lambda path: make_database(path, [{"username": "alice", "email": value, "department": value}])

        with self.inside(change):
            for protocol in PROTOCOLS:
                self.assert_email("alice", value, protocol)
                self.oracle()
                self.begin()

    def test_IJ_06_referrals_and_redirects_are_not_followed(self):
        server, attacker = self.misbehaving()
        elsewhere = "//127.0.0.1:%d/" % attacker.getsockname()[1]
        slapd, change = self.directory({"alice": "a"})
        classes = ["referral", "extensibleObject"]
        slapd.add(entry(f"cn=out,{SUFFIX}", objectClass=classes, cn="out", ref="ldap:" + elsewhere + SUFFIX))
        with self.inside(change):
            self.assert_email("alice", "a")
            with self.attack():
                self.assert_unknown("carol")
        for status in (302, 307):
            away = f"HTTP/1.1 {status} Away\r\nLocation: http:{elsewhere}\r\nContent-Length: 0\r\n\r\n"
            server.answer("/", away.encode())
            for kind, fields, email in (
                ("scim", {"url": server.url, "filter": 'userName eq "{user}"'}, "nickName"),
                ("http", {"url": server.url + "/{user}"}, "/email"),
                ("userinfo", {"issuer": "corp", "url": server.url}, "email"),
            ):
                change = self.store(kind, fields, {email: "email"})
                with self.subTest(kind=kind, status=status), self.inside(change):
                    self.assert_code("alice", 503, "user_store_unavailable")
        self.assert_nobody_called(attacker)

    def test_IJ_07_userinfo_of_another_subject(self):
        server, _ = self.misbehaving()

        def change(operator, apis, files):
            self.store("userinfo", {"issuer": "corp", "url": server.url}, {"email": "email"})(operator, apis, files)

        with self.inside(change):
            for answer in ({"sub": subject} for subject in ("bob", "ALICE", "alice ", "", None, ["alice"])):
                server.answer("/", in_json(dict(answer, email="bob@corp.test")))
                with self.attack(answer=answer):
                    self.assert_code("alice", 503, "user_store_unavailable")
            server.answer("/", in_json({"email": "bob@corp.test"}))
            with self.attack():
                self.assert_code("alice", 503, "user_store_unavailable")
            server.answer("/", in_json({"sub": "alice", "email": "alice@corp.test"}))
            self.assert_email("alice", "alice@corp.test")

    def test_IJ_08_names_in_addresses(self):
        server, attacker = self.misbehaving()
        server.answer("/people/", b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        host = server.url.removeprefix("http://")
        with self.inside(self.store("http", {"url": server.url + "/people/{user}"}, {"/email": "email"})):
            for name in (
                "../admin",
                "a/../../admin",
                "x@127.0.0.1:%d" % attacker.getsockname()[1],
                "//evil.test/",
                "a#b",
                "a?x=y&z",
                "%0d%0aHost: evil",
                "a\r\nHost: evil",
                "a%2fb",
                "a;b",
                "é ü",
                "..",
                ".",
            ):
                with self.attack(name=name):
                    server.reset()
                    self.assert_unknown(name)
                    for record in server.records:
                        self.assertTrue(record.target.startswith("/people/"), record.target)
                        last = record.target.removeprefix("/people/")
                        self.assertEqual((urllib.parse.unquote(last), record.values("host")), (name, [host]))
                        self.assertNotRegex(last, r"[/?#@:;&\s]|^\.\.?$")
        self.assert_nobody_called(attacker)
