"""Every kind of store behind a line that breaks in every way, under load: what the policies promise, and nothing else.

The load goes on from the beginning to the end of a test, over all faults. Nothing is fresh in the store's cache, so that
every call leads to the store.
"""

import collections
import functools
import itertools
import json
import threading
import time

from harness import client, database, directory, jws
from harness.database import MariaDb, PostgreSql
from harness.directory import Slapd, entry
from harness.line import FAULTS, REFUSED, THROUGH, Line
from harness.openid import SECRET, Provider
from harness.people import People
from harness.scim import EXTENSION, TOKEN, Scim, user
from stores.world import HEADER, ISSUER, OverStore

UNCACHED = {"ttl": "0s", "refreshAhead": "0s", "negativeTtl": "0s", "staleFor": "1h"}
BRIEF = {"timeout": "400ms", "connectTimeout": "400ms"}
POLICIES = ("reject", "useStale", "omit")
ENOUGH = 20
COLUMNS = "id INT PRIMARY KEY, username VARCHAR(100), email VARCHAR(100)"

NAMESAKES = "namesakes"

# What a policy makes of a store that answers, and of one that does not.
PROMISED = {"reject": ("own", "503"), "useStale": ("own", "stale"), "omit": ("own", "omitted")}

Call = collections.namedtuple("Call", "number policy name begun ended response")


class Faults:
    """`make` starts a server with the people of `names`, and returns the store that is reached over `self.line`."""

    names = ["alice", "Alice", "José"]

    def test_FC_01_under_load_every_fault_has_the_outcome_that_the_policy_promises(self):
        store, files = self.make()
        self.serve(store, files, UNCACHED, self.change)
        for name, policy in itertools.product(self.names, POLICIES):
            served = lambda: self.send(self.fields(name, policy), policy).status == 200
            self.gateway.wait_until(served, f"nothing about {name}")
        self.backend.reset()
        load, broken = Load(self), []
        try:
            for fault, (break_, mend) in self.faults().items():
                load.wait_until_it_works()
                break_()
                begun = load.wait_until_it_fails(500 if fault == NAMESAKES else 503)
                self.assertEqual(self.gateway.admin_get("/readyz")[0], 200, fault)
                broken.append((fault, begun, time.monotonic()))
                mend()
            load.wait_until_it_works()
        finally:
            calls = load.end()
        self.judge(calls, broken)

    def judge(self, calls, broken):
        told = {record.target: self.claims(record) for record in self.backend.records}
        lost = [call for call in calls if call.response.status == 200 and f"/{call.policy}/{call.number}" not in told]
        self.assertEqual(lost, [], "answers from nowhere")
        counts = collections.Counter()
        for call in calls:
            outcome = self.outcome(call, told.get(f"/{call.policy}/{call.number}"))
            self.assertIn(outcome, self.possible(call.policy), call)
            for fault, begun, ended in broken:
                if begun < call.begun and call.ended < ended:
                    self.assertIn(outcome, self.promised(fault, call.policy), (fault, call))
                    counts[fault, call.policy] += outcome == self.promised(fault, call.policy)[0]
        seen = {key for key, count in counts.items() if count >= ENOUGH}
        self.assertEqual(seen, set(itertools.product(self.faults(), POLICIES)))

    def promised(self, fault, policy):
        """What a policy makes of a fault. Of two people of one name nobody is the caller, whatever it says; an answer that
        is late is no answer, and then there is no last one to be used."""
        if fault != NAMESAKES:
            return PROMISED[policy][1:]
        return "ambiguous", "omitted" if policy == "omit" else "503"

    def possible(self, policy):
        """What may come of a call at any time."""
        return set(PROMISED[policy]).union(*(self.promised(fault, policy) for fault in self.faults()))

    def outcome(self, call, claims):
        if claims is None:
            problem = json.loads(call.response.body)
            if problem["status"] == 500:
                self.assertEqual(problem["code"], "ambiguous_user", call)
                return "ambiguous"
            self.assertEqual((problem["status"], problem["code"]), (503, "user_store_unavailable"), call)
            self.assertGreaterEqual(int(call.response.value("retry-after")), 1)
            return "503"
        self.assertEqual(claims["sub"], call.name, call)
        if "attributes_omitted" in claims:
            self.assertNotIn("email", claims, call)
            return "omitted"
        self.assertEqual(claims["email"], self.email(call.name), call)
        return "stale" if "attributes_as_of" in claims else "own"

    def faults(self):
        """By name, what to do to have each fault, and to mend it."""
        through = functools.partial(self.line.be, THROUGH)
        return {fault: (functools.partial(self.line.be, fault), through) for fault in FAULTS}

    def change(self, operator, apis):
        """Nothing else is different."""

    def fields(self, name, policy):
        """The fields of a call: a token of its own."""
        return self.bearer(name)

    def over_line(self, port):
        """Puts a line before a server's port; returns the line's."""
        self.line = Line(port)
        self.addCleanup(self.line.stop)
        return self.line.port


class Load:
    """Calls without pause, by one thread for each user and policy."""

    def __init__(self, test):
        self.test, self.is_over, self.calls = test, False, []
        numbers = itertools.count(1)

        def hammer(name, policy):
            while not self.is_over:
                number, begun = next(numbers), time.monotonic()
                fields = test.fields(name, policy)
                response = client.request(test.gateway.plain, "GET", f"/{policy}/{number}", fields)
                self.calls.append(Call(number, policy, name, begun, time.monotonic(), response))

        pairs = itertools.product(test.names, POLICIES)
        self.threads = [threading.Thread(target=hammer, args=pair, daemon=True) for pair in pairs]
        for thread in self.threads:
            thread.start()

    def since(self, begun, policy, *statuses):
        """The names of the calls that began after that, one for each."""
        # The newest come last.
        calls = itertools.takewhile(lambda call: call.ended > begun, reversed(self.calls[:]))
        is_meant = lambda call: call.begun > begun and call.policy == policy and call.response.status in statuses
        return [call.name for call in calls if is_meant(call)]

    def count(self, since, policy, *statuses):
        return len(self.since(since, policy, *statuses))

    def wait_until_it_works(self):
        now = time.monotonic()
        self.test.gateway.wait_until(lambda: self.count(now, "reject", 200) >= ENOUGH, "no recovery")

    def wait_until_it_fails(self, status):
        """Waits for enough calls that began after the fault was seen for everybody; returns when that was."""
        now = time.monotonic()
        is_seen = lambda: set(self.since(now, "reject", status)) == set(self.test.names)
        self.test.gateway.wait_until(is_seen, "the fault is not seen")
        now = time.monotonic()
        outcomes = (status,) if status == 500 else (200, status)
        enough = lambda: all(self.count(now, policy, *outcomes) >= ENOUGH for policy in POLICIES)
        self.test.gateway.wait_until(enough, "not enough calls")
        return now

    def end(self):
        self.is_over = True
        for thread in self.threads:
            thread.join()
        return self.calls


class Tls(Faults):
    """`server` has a certificate, and a password for the gateway: `password`."""

    def faults(self):
        return super().faults() | {
            "expired": (lambda: self.server.renew((-3, -1)), lambda: self.server.renew((-1, 2))),
            "password": (self.change_password, lambda: self.server.change_password(self.password)),
        }

    def change_password(self):
        """No connection outlives the old password, not even one that is still being authenticated."""
        self.line.be(REFUSED)
        self.server.change_password("another")
        self.line.be(THROUGH)


class LdapFaults(Tls, OverStore):
    password = directory.PASSWORD

    def make(self):
        self.server = server = Slapd("dc=corp,dc=test")
        self.addCleanup(server.stop)
        server.add(
            "".join(
                entry(f"cn={number},{server.suffix}", objectClass="inetOrgPerson", sn="x", uid=name, mail=self.email(name))
                for number, name in enumerate(self.names)
            )
        )
        server.url = f"ldaps://127.0.0.1:{self.over_line(server.port)}"
        return server.store("directory", {"mail": "email"}, **BRIEF), server.files()

    def faults(self):
        return super().faults() | {NAMESAKES: (self.double, self.single)}

    def double(self):
        self.server.add(
            "".join(
                entry(f"cn=other {number},{self.server.suffix}", objectClass="inetOrgPerson", sn="x", uid=name)
                for number, name in enumerate(self.names)
            )
        )

    def single(self):
        gone = (entry(f"cn=other {number},{self.server.suffix}", changetype="delete") for number in range(len(self.names)))
        self.server.modify("".join(gone))


class DatabaseFaults(Tls, OverStore):
    password = database.PASSWORD

    def make(self):
        self.server = server = self.kind()
        self.addCleanup(server.stop)
        people = ", ".join(f"({i}, {server.text(name)}, '{self.email(name)}')" for i, name in enumerate(self.names))
        server.execute(f"CREATE TABLE people ({COLUMNS}){self.exactly}; INSERT INTO people VALUES {people}")
        server.grant("people")
        server.url = server.url.replace(f":{server.port}/", f":{self.over_line(server.port)}/")
        query = {"query": "SELECT username, email FROM people WHERE username = :user", "userColumn": "username"}
        return server.store("staff", {"email": "email"}, **query, **BRIEF), server.files()

    def faults(self):
        double = "INSERT INTO people SELECT id + 1000, username, 'other@corp.test' FROM people"
        single = "DELETE FROM people WHERE id >= 1000"
        ask = self.server.execute
        return super().faults() | {NAMESAKES: (functools.partial(ask, double), functools.partial(ask, single))}


class PostgreSqlFaults(DatabaseFaults):
    kind, exactly = PostgreSql, ""


class MariaDbFaults(DatabaseFaults):
    kind, exactly = MariaDb, " COLLATE utf8mb4_nopad_bin"


class ScimFaults(Faults, OverStore):
    def make(self):
        server = Scim(user(number, name) for number, name in enumerate(self.names))
        self.addCleanup(server.stop)
        server.url = f"http://127.0.0.1:{self.over_line(server.port)}/v2"
        attributes = {"emails[primary eq true].value": "email"}
        store = server.store("people", attributes, filter=EXTENSION + ':login eq "{user}"', **BRIEF)
        return store, {"secrets/scim": TOKEN}


class CallOutFaults(Faults, OverStore):
    def make(self):
        server = People({name: {"name": name, "mail": self.email(name)} for name in self.names})
        self.addCleanup(server.stop)
        return server.store("people", {"/mail": "email"}, self.over_line(server.port), **BRIEF), server.files()


class UserInfoFaults(Faults, OverStore):
    """oidc-provider, which tells about each user by their own token."""

    names = ["alice", "bob", "carol"]

    def make(self):
        self.provider = Provider()
        self.addCleanup(self.provider.stop)
        token = lambda name: self.provider.token(name, scope="openid", audience=None, format="opaque")
        # The last answer stands in for the same token alone.
        self.tokens = {pair: token(pair[0]) for pair in itertools.product(self.names, POLICIES)}
        url = f"http://127.0.0.1:{self.over_line(self.provider.port)}/me"
        store = {"name": "profile", "userinfo": {"issuer": "corp", "url": url, **BRIEF}, "attributes": {"email": "email"}}
        return store, {"secrets/introspection": SECRET}

    def change(self, operator, _apis):
        asked = {"url": self.provider.issuer + "/token/introspection", "clientId": "gateway", "ttl": "1h"}
        asked["clientSecret"] = {"file": "secrets/introspection"}
        operator["issuers"][0].update(issuer=self.provider.issuer, introspection=asked, discovery=True)
        del operator["issuers"][0]["jwks"]

    def fields(self, name, policy):
        return [("Authorization", "Bearer " + self.tokens[name, policy])]

    def email(self, name):
        return f"{name}@example.com"


del DatabaseFaults
