"""The cookbook's pages on databases: what they show is what a real server, a gateway and its commands do."""

import json
import re
import sqlite3
import tempfile
import unittest

import yaml

from docs.test_examples import ROOT
from harness import jws
from harness.database import MariaDb, PostgreSql
from harness.gateway import Folder, run, sqlite_store


class SqliteFile:
    """An SQLite file, in the manner of a server."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="countersign-sqlite-")
        self.file = f"{self.folder.name}/staff.db"
        self.url = f"sqlite:{self.file}"

    def execute(self, sql):
        with sqlite3.connect(self.file) as database:
            database.executescript(sql)

    def store(self, name, attributes, **fields):
        return sqlite_store(name, attributes, self.file, **fields)

    def files(self):
        return {}

    def stop(self):
        self.folder.cleanup()


class Pages:
    """What is true of each page. `page` names it, `server` makes a fresh server with nothing in it."""

    maxDiff = None
    # What the kind of database requires of every store.
    exact = {}

    @classmethod
    def setUpClass(cls):
        cls.text = (ROOT / f"docs/cookbook/{cls.page}.md").read_text(encoding="utf-8")
        cls.running = cls.server()
        cls.addClassCleanup(cls.running.stop)
        # The page makes the role itself, with a password of its own.
        cls.forget_role()
        for sql in cls.blocks("sql"):
            cls.running.execute(sql)
        password = re.search(r"(?:PASSWORD|IDENTIFIED BY) '([^']*)'", cls.text)
        cls.secrets = {"secrets/database": password.group(1)} if password else {}

    @classmethod
    def blocks(cls, language):
        return re.findall(rf"^```{language}\n(.*?)^```", cls.text, re.DOTALL | re.MULTILINE)

    def folder(self, stores):
        (operator,) = map(yaml.safe_load, self.blocks("yaml"))
        operator["userStores"] = stores
        operator["issuers"][0]["jwks"] = {"file": "idp.json"}
        operator["issuers"][0]["lookup"]["userStores"] = [store["name"] for store in stores]
        folder = Folder(operator, {}, {"idp.json": jws.jwks(jws.Key("ES256")), **self.running.files(), **self.secrets})
        self.addCleanup(folder.remove)
        return folder

    def test_the_example_answers_as_shown(self):
        (operator,) = map(yaml.safe_load, self.blocks("yaml"))
        (store,) = operator["userStores"]
        for name in self.running.files():
            if name.startswith("tls/"):
                store["sql"]["ca"] = name
        store["sql"].update(url=self.running.url, timeout="5s", connectTimeout="5s")
        folder = self.folder([store])
        self.assertEqual(folder.check("--probe"), (0, []))
        for shown in self.blocks("console"):
            command, _, expected = shown.partition("\n")
            words = command.removeprefix("$ countersign ").split()
            done = run(*words, "--config", folder.operator_file)
            self.assertEqual(done.stderr, "")
            self.assertEqual(without_times(done.stdout), without_times(expected))

    def test_types_become_what_the_table_says(self):
        section = self.text.partition("## Types\n")[2].partition("\n## ")[0]
        rows = re.findall(r"^\| `([^`]+)`[^|]* \| `([^`]+)` \| (.*) \|$", section, re.MULTILINE)
        self.assertGreater(len(rows), 5)
        columns = [f"c{number}" for number in range(len(rows))]
        types = ", ".join(f"{name} {row[0]}" for name, row in zip(columns, rows))
        values = ", ".join(row[1] for row in rows)
        self.running.execute(f"CREATE TABLE types (u VARCHAR(20), {types})")
        self.running.execute(f"INSERT INTO types VALUES ('alice', {values})")
        self.allow("types")
        query = "SELECT * FROM types WHERE u = :user"
        store = self.running.store("types", dict(zip(columns, columns)), query=query, **self.exact)
        asked = ("stores", "test", "types", "--user", "alice", "--format", "json")
        done = run(*asked, "--config", self.folder([store]).operator_file)
        found = json.loads(done.stdout, parse_float=str, parse_int=str).get("attributes")
        self.assertIsNotNone(found, done.stdout)
        for name, (declared, value, becomes) in zip(columns, rows):
            expected = f"[{', '.join(re.findall(r'`([^`]+)`', becomes))}]"
            self.assertEqual(found.get(name), json.loads(expected, parse_float=str, parse_int=str), (declared, value))

    @classmethod
    def forget_role(cls):
        """Takes the harness's own role away."""

    def allow(self, table):
        """Lets the gateway read a table."""


def without_times(text):
    return [re.sub(r"[0-9.]+ ms$", "T ms", line.rstrip()) for line in text.strip().splitlines()]


class PostgreSqlPage(Pages, unittest.TestCase):
    page, server = "postgresql", PostgreSql

    @classmethod
    def forget_role(cls):
        cls.running.execute("DROP OWNED BY gateway; DROP ROLE gateway")

    def allow(self, table):
        self.running.execute(f"GRANT SELECT ON {table} TO gateway")


class MariaDbPage(Pages, unittest.TestCase):
    page, server = "mariadb", MariaDb
    exact = {"userColumn": "u"}

    @classmethod
    def forget_role(cls):
        cls.running.execute("DROP USER gateway@'%'")

    def allow(self, table):
        self.running.execute(f"GRANT SELECT ON staff.{table} TO gateway@'%'")


class SqlitePage(Pages, unittest.TestCase):
    page, server = "sqlite", SqliteFile
