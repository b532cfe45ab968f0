"""A gateway whose users live in a database server: who gets which attributes, and what happens when it misbehaves."""

import collections
import concurrent.futures
import threading
import time

from harness.database import PASSWORD, MariaDb, PostgreSql
from harness.gateway import run
from harness.h2_streams import Connection
from stores.world import Outages, OverStore

# Somebody's names: as some collations compare them, some are the same.
NAMES = [
    "alice",
    "Alice",
    "alice ",
    " alice",
    "x' OR '1'='1",
    "'; DROP TABLE people; --",
    "alice' --",
    "a%",
    "alice/*",
    '"alice"',
    "\\'",
    "$$",
    ":user",
    "?",
    "O\u2019Brien",
    "José",
    "Jose\u0301",
    "😀",
    "аlice",
    "long name " * 103,
]
# Nobody's: what an attacker might hope to be taken for somebody.
STRANGERS = ["ALICE", "alice\0", "\0", "%", "a_ice", "alic\\e", "alice'", "x' OR 'a'='a", "Jose", "jose\u0301", "1"]
UNCACHED = {"ttl": "0s", "refreshAhead": "0s", "negativeTtl": "0s"}
COLUMNS = "id INT PRIMARY KEY, username VARCHAR(2000), email VARCHAR(100)"


class InDatabase(OverStore):
    """One server, with a table of people in which names are compared character by character."""

    names, secret = NAMES, PASSWORD
    query = "SELECT username, email FROM people WHERE username = :user"
    multi = "SELECT m.name FROM memberships m JOIN people p ON p.id = m.person WHERE p.username = :user ORDER BY m.name"

    def setUp(self):
        super().setUp()
        self.server = self.make()
        self.addCleanup(self.server.stop)
        people = ", ".join(f"({i}, {self.server.text(name)}, '{i}@corp.test')" for i, name in enumerate(NAMES))
        self.server.execute(f"CREATE TABLE people ({COLUMNS}){self.exactly}; INSERT INTO people VALUES {people}")
        self.server.execute("CREATE TABLE memberships (person INT, name VARCHAR(100))")
        self.server.execute("INSERT INTO memberships VALUES (0, 'readers'), (1, 'board'), (0, 'sales')")
        self.server.grant("people", "memberships")

    def start(self, cache, **fields):
        fields = {"query": self.query, "multi": {"groups": self.multi}, "userColumn": "username", **fields}
        attributes = {"email": "email", "groups": "groups"}
        self.serve(self.server.store("staff", attributes, **fields), self.server.files(), cache)

    def status(self):
        return run("stores", "status", "--config", self.gateway.operator_file).stdout

    def assert_cause(self, words):
        """Every policy keeps its promise, and `stores status` says why."""
        for _ in range(2):
            self.assert_unavailable(self.call("alice"))
            self.assert_unavailable(self.call("alice", "useStale"))
            self.assert_omitted(self.call("alice", "omit"))
        self.assertIn(words, self.status())
        self.assertEqual(self.gateway.admin_get("/readyz")[0], 200)

    def test_IJ_02_and_IJ_04_everybody_is_himself_or_nobody(self):
        self.start({"ttl": "60s"})
        self.assert_everybody_is_himself_or_nobody(STRANGERS)
        self.assertEqual(self.call("alice")[1]["groups"], ["readers", "sales"])
        self.assertEqual(self.call("Alice")[1]["groups"], ["board"])

    def test_IJ_04_two_matches_are_nobody_whatever_the_policy_says(self):
        self.server.execute("INSERT INTO people VALUES (99, 'alice', 'other@corp.test')")
        self.start({"ttl": "60s", "staleFor": "1h"})
        for name in ("reject", "useStale", "omit"):
            self.assert_refused(self.call("alice", name), 500, "ambiguous_user")
        self.assert_own("Alice")

    def test_FC_01_the_cause_of_an_outage_is_found_by_one_command(self):
        self.start(UNCACHED)
        self.assert_own("alice")
        self.assertEqual(run("check", "--probe", "--config", self.gateway.operator_file).returncode, 0)
        self.server.kill()
        self.assert_cause("Connection refused")
        self.assertIn("left alone", self.status())
        self.server.start()
        self.gateway.wait_until(lambda: self.call("alice")[0].status == 200, "no recovery")

    def test_FC_01_an_expired_certificate_is_refused(self):
        self.start(UNCACHED)
        self.assert_own("alice")
        self.server.renew(days=(-3, -1))
        self.assert_cause("certificate expired")
        self.server.renew(days=(-1, 2))
        self.gateway.wait_until(lambda: self.call("alice")[0].status == 200, "no recovery")

    def test_a_new_password_is_taken_up_by_a_reload(self):
        self.start(UNCACHED)
        self.assert_own("alice")
        self.server.change_password("another")
        self.assert_cause(self.denied)
        self.gateway.write("secrets/database", "another\n")
        self.gateway.reload()
        self.assert_own("alice")
        log = self.gateway.log_text()
        self.assertEqual(("another" in log, PASSWORD in log), (False, False))

    def test_DS_05_slow_queries_take_the_pool_under_load_and_give_it_back(self):
        slow = f"{self.query} AND (username NOT LIKE 'slow%' OR {self.pause} IS NOT NULL)"
        for number in range(100, 104):
            self.server.execute(f"INSERT INTO people VALUES ({number}, 'slow {number}', 'slow@corp.test')")
        self.start(UNCACHED | {"staleFor": "1h"}, query=slow, pool=2, timeout="8s", connectTimeout="2s")
        self.assert_own("alice")
        with concurrent.futures.ThreadPoolExecutor(14) as threads:
            waiting = [threads.submit(self.send, self.bearer(f"slow {number}")) for number in (100, 101)]
            busy = lambda: int(self.server.execute(self.busy)) >= 2
            self.gateway.wait_until(busy, "the slow queries do not begin")
            self.assert_unavailable(self.call("alice"))
            self.assertIn("every connection is in use", self.status())
            self.backend.reset()
            send = lambda name: self.send(self.bearer("alice"), name).status
            self.assertEqual(list(threads.map(send, ["reject", "useStale", "omit"] * 4)), [503, 200, 200] * 4)
            told = collections.Counter(str(self.claims(record).get("email")) for record in self.backend.records)
            self.assertEqual(told, {self.email("alice"): 4, "None": 4})
            self.assertEqual(self.call(name="open")[0].status, 200)
            self.assertEqual([thread.result().status for thread in waiting], [503, 503])
        self.gateway.wait_until(lambda: self.call("alice")[0].status == 200, "no recovery")
        self.gateway.wait_until(lambda: int(self.server.execute(self.busy)) == 0, "the server goes on with the queries")


class InPostgreSql(Outages, InDatabase):
    """PostgreSQL, which counts the queries."""

    make, exactly, denied = PostgreSql, "", "password authentication failed"
    pause = "pg_sleep(60)::text"
    busy = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'gateway' AND wait_event = 'PgSleep'"

    def count_from_now(self):
        self.server.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements; SELECT pg_stat_statements_reset()")

    def counted(self):
        """How often the main query was asked."""
        calls = "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query LIKE 'SELECT username, email%'"
        return int(self.server.execute(calls))

    def test_DS_08_ten_thousand_misses_for_one_user_are_one_query(self):
        self.start({"ttl": "60s"}, timeout="60s")
        self.count_from_now()
        let_go = self.server.hold("LOCK TABLE people IN ACCESS EXCLUSIVE MODE")
        connections = [Connection(self.gateway.plain) for _ in range(100)]
        try:
            streams = []
            for connection in connections:
                fields = self.bearer("nobody")
                streams += [connection.open("GET", "/reject/1", fields, b"") for _ in range(100)]
            count = lambda: self.gateway.metric("countersign_open_requests") >= len(streams)
            self.gateway.wait_until(count, "the calls do not arrive")
            self.assertEqual([stream.status for stream in streams if stream.status], [])
        finally:
            let_go()
        for connection in connections:
            connection.wait(lambda: all(stream.ended for stream in connection.streams.values()), 60)
            connection.close()
        self.assertEqual(collections.Counter(stream.status for stream in streams), {403: 10_000})
        self.assertEqual((self.counted(), self.backend.records), (1, []))

    def test_FC_01_a_server_that_does_not_answer(self):
        self.start(UNCACHED, timeout="300ms")
        self.gateway.wait_until(lambda: self.call("alice")[0].status == 200, "it is never answered in time")
        let_go = self.server.hold("LOCK TABLE people IN ACCESS EXCLUSIVE MODE")
        try:
            self.assert_unavailable(self.call("alice"))
            self.assertRegex(self.status(), "no answer in time|statement timeout")
            self.assert_omitted(self.call("alice", "omit"))
            self.assertEqual(self.call(name="open")[0].status, 200)
        finally:
            let_go()
        self.gateway.wait_until(lambda: self.call("alice")[0].status == 200, "no recovery")

    def test_expiry_under_load_asks_once_for_each_user(self):
        self.start({"ttl": "1s", "refreshAhead": "0s"})
        for name in NAMES:
            self.assert_own(name)
        self.count_from_now()
        begun, is_over = time.monotonic(), threading.Event()

        def hammer(names):
            bearers = [self.bearer(name) for name in names]
            while not is_over.is_set():
                for bearer in bearers:
                    self.send(bearer)

        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            running = [threads.submit(hammer, NAMES) for _ in range(8)]
            try:
                self.gateway.wait_until(lambda: self.counted() >= 3 * len(NAMES), "the answers do not expire")
            finally:
                is_over.set()
            for thread in running:
                thread.result()
        # An answer serves for a second, so that nobody is asked about more often than once in that time.
        lives = 1 + int(time.monotonic() - begun)
        self.assertLessEqual(self.counted(), 1.1 * len(NAMES) * lives)

    def test_a_change_that_the_database_announces_is_seen_at_once(self):
        self.start({"ttl": "1h", "refreshAhead": "0s"}, listen="staff_changed")
        self.gateway.wait_until(lambda: "listening for changes" in self.gateway.log_text(), "it does not listen")
        self.assert_own("alice")
        self.server.execute("UPDATE people SET email = 'new@corp.test' WHERE id = 0; NOTIFY staff_changed, 'alice'")
        seen = lambda: self.call("alice")[1]["email"] == "new@corp.test"
        self.gateway.wait_until(seen, "the change is not seen")

    def test_a_role_that_is_taken_away_is_gone_within_a_second_of_the_event(self):
        self.start({"ttl": "1h", "refreshAhead": "0s"}, listen="staff_changed")
        self.gateway.wait_until(lambda: "listening for changes" in self.gateway.log_text(), "it does not listen")
        self.assertEqual(self.call("alice")[1]["groups"], ["readers", "sales"])
        self.server.execute("DELETE FROM memberships WHERE name = 'sales'; NOTIFY staff_changed, 'alice'")
        told = time.monotonic()
        self.gateway.wait_until(lambda: self.call("alice")[1]["groups"] == ["readers"], "the role is still there")
        self.assertLess(time.monotonic() - told, 1.0)


class InMariaDb(Outages, InDatabase):
    """MariaDB."""

    make, exactly, denied = MariaDb, " COLLATE utf8mb4_nopad_bin", "Access denied"
    pause = "SLEEP(60)"
    busy = "SELECT count(*) FROM information_schema.processlist WHERE user = 'gateway' AND state = 'User sleep'"

    def test_IJ_04_a_collation_does_not_make_one_person_of_two(self):
        columns = "username VARCHAR(100) UNIQUE, email VARCHAR(100)"
        self.server.execute(f"CREATE TABLE loose ({columns}) COLLATE utf8mb4_general_ci")
        self.server.execute("INSERT INTO loose VALUES ('alice', '0@corp.test')")
        self.server.grant("loose")
        self.start({"ttl": "60s"}, query="SELECT username, email FROM loose WHERE username = :user")
        for _ in ("cold", "warm"):
            self.assert_own("alice")
            for stranger in ("ALICE", "alice ", "alicé", "Alice", "àlice"):
                self.assert_refused(self.call(stranger), 403, "unknown_user")


del InDatabase
