"""Starts one of the tests' servers as a user store with many people in it, for the benchmarks.

    servers.py KIND COUNT     prints, as one line of JSON, how a gateway is configured for it: `store` and `files`, and where its
                              users' tokens come from elsewhere, `issuer` and `tokens`; then does what each line of its input
                              says and answers `done`; ends with its input

KIND is sqlite, postgresql, mariadb, ldap, scim, userinfo or http. People are called `user-0`, `user-1` and so on.
The lines: `kill`, `start`, and of PostgreSQL `sql STATEMENT`.
"""

import contextlib
import json
import pathlib
import sqlite3
import subprocess
import sys
import tempfile

SERVERS = pathlib.Path(__file__).resolve().parents[1] / "tests"
sys.path.insert(0, str(SERVERS))

from harness import openid, scim  # noqa: E402
from harness.database import MariaDb, PostgreSql  # noqa: E402
from harness.directory import Slapd, entry  # noqa: E402

GROUPS = 20
GROUPS_OF_EACH = 3
QUERY = "SELECT username, email, given_name, family_name, department FROM people WHERE username = :user"
MULTI = "SELECT name FROM memberships WHERE username = :user ORDER BY name"
COLUMNS = ["email", "given_name", "family_name", "department", "groups"]
SUFFIX = "dc=corp,dc=test"


class Person:
    """What every store says of one user."""

    def __init__(self, number):
        self.name = f"user-{number}"
        self.email = f"user-{number}@corp.example.com"
        self.given_name = f"Given-{number}"
        self.family_name = f"Family-{number}"
        self.department = f"Department of {number % 100}"
        self.groups = [f"orders-group-{(number + step) % GROUPS}" for step in range(GROUPS_OF_EACH)]


def sql(people):
    """Statements that make the tables and fill them, and those that make them quick to search."""
    quoted = lambda *values: "(" + ", ".join(f"'{value}'" for value in values) + ")"
    columns = ", ".join(f"{name} VARCHAR(100)" for name in ("username", *COLUMNS[:4]))
    yield f"CREATE TABLE people ({columns})"
    yield "CREATE TABLE memberships (username VARCHAR(100), name VARCHAR(100))"
    for start in range(0, len(people), 500):
        some = people[start : start + 500]
        rows = [quoted(one.name, one.email, one.given_name, one.family_name, one.department) for one in some]
        yield f"INSERT INTO people VALUES {', '.join(rows)}"
        rows = [quoted(one.name, group) for one in some for group in one.groups]
        yield f"INSERT INTO memberships VALUES {', '.join(rows)}"
    yield "CREATE UNIQUE INDEX people_by_name ON people (username)"
    yield "CREATE INDEX memberships_by_name ON memberships (username)"


def as_they_are(names):
    return {name: name for name in names}


class Store:
    """A server of the tests and what a gateway needs to ask it. `server` has `kill` and `start`."""

    def __init__(self, server, store, files=None, **elsewhere):
        self.server = server
        self.told = {"store": store, "files": files or {}, "issuer": None, "tokens": None, **elsewhere}

    def do(self, line):
        act, _, rest = line.partition(" ")
        match act:
            case "kill":
                self.server.kill()
            case "start":
                self.server.start()
            case "sql":
                self.session.stdin.write(f"{rest}; SELECT 'done';\n")
                self.session.stdin.flush()
                assert self.session.stdout.readline() == "done\n", rest

    @property
    def session(self):
        """A connection to PostgreSQL as its owner, so that a statement takes no time to begin."""
        if not hasattr(self, "_session"):
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            self._session = subprocess.Popen(self.server.psql("staff"), text=True, **pipes)
        return self._session

    def stop(self):
        if hasattr(self, "_session"):
            self.session.communicate()
        if self.server:
            self.server.stop()


def sqlite(people, exits):
    folder = pathlib.Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="countersign-sqlite-")))
    with sqlite3.connect(folder / "staff.db") as database:
        for statement in sql(people):
            database.execute(statement)
    written = {"url": f"sqlite:{folder}/staff.db", "query": QUERY, "multi": {"groups": MULTI}}
    return Store(None, {"sql": written, "attributes": as_they_are(COLUMNS)})


def database(server, people, **fields):
    exactly = " COLLATE utf8mb4_nopad_bin" if isinstance(server, MariaDb) else ""
    for statement in sql(people):
        server.execute(statement + (exactly if statement.startswith("CREATE TABLE") else ""))
    server.grant("people", "memberships")
    server.execute("ANALYZE people" if isinstance(server, PostgreSql) else "ANALYZE TABLE people")
    fields = {"query": QUERY, "multi": {"groups": MULTI}, "userColumn": "username", **fields}
    return Store(server, server.store("people", as_they_are(COLUMNS), **fields), server.files())


def directory(people):
    server = Slapd(SUFFIX)
    base = f"ou=people,{SUFFIX}"
    dn = lambda one: f"uid={one.name},{base}"
    entries = [entry(base, objectClass="organizationalUnit")]
    for one in people:
        values = {"uid": one.name, "cn": one.name, "sn": one.family_name, "givenName": one.given_name}
        values |= {"mail": one.email, "departmentNumber": one.department}
        entries.append(entry(dn(one), objectClass="inetOrgPerson", **values))
    for number in range(GROUPS):
        name = f"orders-group-{number}"
        members = [dn(one) for one in people if name in one.groups]
        entries.append(entry(f"cn={name},{SUFFIX}", objectClass="groupOfNames", member=members))
    server.add("".join(entries))
    attributes = {"mail": "email", "givenName": "given_name", "sn": "family_name", "departmentNumber": "department"}
    attributes["memberOf"] = {"name": "groups", "value": "cn"}
    return Store(server, server.store("people", attributes), server.files())


def scim_service(people):
    def user(number, one):
        name = {"givenName": one.given_name, "familyName": one.family_name}
        emails = [{"value": one.email, "type": "work", "primary": True}]
        groups = [{"value": group, "display": group} for group in one.groups]
        person = {"userName": one.name, "name": name, "emails": emails, "groups": groups, "displayName": one.name}
        return scim.user(number, one.name, **person, **{scim.ENTERPRISE: {"department": one.department}})

    users = [user(number, one) for number, one in enumerate(people)]
    server = scim.Scim(users)
    attributes = {"emails[primary eq true].value": "email", "name.givenName": "given_name"}
    attributes |= {"name.familyName": "family_name", f"{scim.ENTERPRISE}:department": "department"}
    attributes["groups.display"] = "groups"
    written = {"url": server.url, "authorization": {"bearer": {"file": "secrets/scim"}}, "timeout": "10s"}
    # It closes every connection, and lets few wait for it.
    written["pool"] = 4
    return Store(server, {"scim": written, "attributes": attributes}, {"secrets/scim": scim.TOKEN})


def userinfo(people):
    provider = openid.Provider()
    asked = {"url": provider.issuer + "/token/introspection", "clientId": "gateway"}
    asked["clientSecret"] = {"file": "secrets/introspection"}
    issuer = {"issuer": provider.issuer, "discovery": True, "introspection": asked}
    tokens = [provider.token(one.name, scope="openid", audience=None, format="opaque") for one in people]
    store = {"userinfo": {"issuer": "corp", "timeout": "10s"}}
    store["attributes"] = as_they_are(["email", "given_name", "groups"])
    return Store(provider, store, {"secrets/introspection": openid.SECRET}, issuer=issuer, tokens=tokens)


class Service:
    """tests/servers/people.py."""

    KEY = "people-key"

    def __init__(self, people, exits):
        folder = pathlib.Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="countersign-people-")))
        (folder / "people.json").write_text(json.dumps(people), encoding="utf-8")
        command = [sys.executable, SERVERS / "servers/people.py", folder / "people.json", self.KEY]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"

    def stop(self):
        self.process.communicate()


def http(people, exits):
    server = Service({one.name: {"login": one.name, **vars(one)} for one in people}, exits)
    written = {"url": server.url + "/people/{user}", "user": "/login", "timeout": "10s"}
    written["headers"] = {"X-Api-Key": {"file": "secrets/people"}}
    attributes = {f"/{name}": name for name in COLUMNS}
    return Store(server, {"http": written, "attributes": attributes}, {"secrets/people": Service.KEY})


def make(kind, people, exits):
    match kind:
        case "sqlite":
            return sqlite(people, exits)
        case "postgresql":
            return database(PostgreSql(), people, listen="staff_changed")
        case "mariadb":
            return database(MariaDb(), people)
        case "ldap":
            return directory(people)
        case "scim":
            return scim_service(people)
        case "userinfo":
            return userinfo(people)
        case "http":
            return http(people, exits)
    raise SystemExit(f"no kind of store: {kind}")


def main():
    kind, count = sys.argv[1:]
    with contextlib.ExitStack() as exits:
        store = make(kind, [Person(number) for number in range(int(count))], exits)
        exits.callback(store.stop)
        print(json.dumps(store.told), flush=True)
        for line in sys.stdin:
            store.do(line.rstrip("\n"))
            print("done", flush=True)


main()
