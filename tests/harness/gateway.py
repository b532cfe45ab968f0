"""The real binary, started with a temporary configuration, and stopped again.

COUNTERSIGN_BIN names the binary. Readiness is asked of the admin listener, never waited for by the clock.
"""

import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
import urllib.parse

import yaml

from harness import ports
from harness.certificate import make_certificate

BINARY = os.environ.get("COUNTERSIGN_BIN", "target/debug/countersign")
DEADLINE = 20.0


def run(*arguments, timeout=60, **options):
    """Runs the binary once; returns the finished process with text output."""
    command = [BINARY, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, **options)


class Folder:
    """A configuration folder: countersign.yaml, apis/, and whatever files the test adds."""

    def __init__(self, operator, apis, files=None):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="countersign-test-"))
        (self.path / "apis").mkdir()
        self.operator_file = self.path / "countersign.yaml"
        for name, content in (files or {}).items():
            self.write(name, content)
        self.write("countersign.yaml", operator)
        for name, api in apis.items():
            self.write_api(name, api)

    def write(self, name, content):
        """Writes a file: text as it is, a function's work, anything else as YAML (JSON by the name's ending)."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if callable(content):
            content(path)
            return path
        if isinstance(content, bytes):
            path.write_bytes(content)
            return path
        if not isinstance(content, str):
            is_json = name.endswith(".json")
            content = json.dumps(content) if is_json else yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        # Replaced as a whole, as an editor or a configuration agent does it.
        temporary = path.with_name(path.name + ".new")
        temporary.write_text(content, encoding="utf-8")
        temporary.replace(path)
        return path

    def write_api(self, name, api):
        return self.write(f"apis/{name}.yaml", api)

    def check(self, *arguments):
        """`countersign check` on this folder, as (exit code, diagnostics)."""
        done = run("check", "--config", self.operator_file, "--format", "json", *arguments)
        assert done.returncode in (0, 1), f"check: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.returncode, diagnostics(done.stdout)

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


def diagnostics(text):
    """The list of diagnostics that `check --format json` wrote."""
    found = json.loads(text)
    return found if isinstance(found, list) else found["diagnostics"]


class Gateway(Folder):
    """A running gateway. `plain` and `secure` are its data addresses, `admin` its admin address.

    `prepare(folder)` runs before the start, with the files in place; `environment` is added to its own; `admin` is where
    an `admin.address` of the operator's file is reached.
    """

    def __init__(self, operator, apis, files=None, extra=(), prepare=None, environment=None, admin=None):
        self.plain, self.secure = (("127.0.0.1", ports.lease()) for _ in range(2))
        self.admin = admin or ("127.0.0.1", ports.lease())
        operator = with_addresses(operator, self)
        super().__init__(operator, apis, files)
        self.issuer = operator["gateway"]["issuer"]
        make_certificate(self.path)
        if prepare:
            prepare(self)
        self.log = open(self.path / "gateway.log", "wb")
        command = [BINARY, "serve", "--config", str(self.operator_file), *extra]
        environment = os.environ | (environment or {})
        self.process = subprocess.Popen(
            command, stdout=self.log, stderr=subprocess.STDOUT, cwd=self.path, env=environment
        )
        self.wait_ready()

    def wait_ready(self):
        """Waits until /readyz says 200."""
        self.wait_until(lambda: self.admin_get("/readyz")[0] == 200, "the gateway is not ready")

    def wait_until(self, condition, otherwise):
        """Polls a condition until it holds; fails with the gateway's log."""
        deadline = time.monotonic() + DEADLINE
        while True:
            assert self.process.poll() is None, f"the gateway ended\n{self.log_text()}"
            try:
                if condition():
                    return
            except OSError:
                pass
            assert time.monotonic() < deadline, f"{otherwise}\n{self.log_text()[-4000:]}"
            time.sleep(0.01)

    def log_text(self):
        self.log.flush()
        return (self.path / "gateway.log").read_text(encoding="utf-8", errors="replace")

    def admin_get(self, path, method="GET", body=None):
        """(status, text) of the admin listener's answer."""
        return fetch(self.admin, path, method, body)

    def metric(self, name, **labels):
        """The sum of a metric's samples that carry these labels; 0 when there are none."""
        total = 0.0
        for line in self.admin_get("/metrics")[1].splitlines():
            match = re.match(r"(\w+)(?:\{(.*)\})? (\S+)$", line)
            if match and match.group(1) == name:
                found = dict(re.findall(r'(\w+)="([^"]*)"', match.group(2) or ""))
                if all(found.get(key) == value for key, value in labels.items()):
                    total += float(match.group(3))
        return total

    def jwks(self):
        return json.loads(fetch(self.plain, "/.well-known/jwks.json")[1])

    def hang_up(self):
        """Asks the gateway by SIGHUP to read its files again; answers nothing."""
        self.process.send_signal(signal.SIGHUP)

    def act(self, path):
        """A change through the admin listener, done when this returns."""
        status, text = fetch(self.admin, path, "POST", "{}", {"content-type": "application/json"})
        assert status == 200, f"{path}: {status} {text}\n{self.log_text()[-2000:]}"
        return json.loads(text)

    def reload(self):
        """Makes the gateway read its files again, and waits until requests see them."""
        return self.act("/reload")

    def invalidate(self, store, user=None):
        """Tells the gateway that a user, or a whole store, has changed."""
        query = {"store": store} if user is None else {"store": store, "user": user}
        return self.act("/invalidate?" + urllib.parse.urlencode(query))

    def resident_bytes(self):
        """Resident memory of the process."""
        pages = int((pathlib.Path("/proc") / str(self.process.pid) / "statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def stop(self):
        """Ends the gateway in order; fails when it does not drain."""
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the gateway did not stop\n{self.log_text()[-2000:]}") from None
        finally:
            self.log.close()
            self.remove()
            ports.give_back(self.plain[1], self.secure[1], self.admin[1])


def with_addresses(operator, gateway):
    """The operator's file with this gateway's listeners filled in."""
    operator = json.loads(json.dumps(operator))
    block = operator.setdefault("gateway", {})
    block.setdefault("issuer", f"http://127.0.0.1:{gateway.plain[1]}")
    asks = "request" if operator.get("clientCertificates") else "none"
    tls = {"certificate": "tls/cert.pem", "privateKey": "tls/key.pem", "clientCertificates": asks}
    block["listeners"] = [{"address": "%s:%d" % gateway.plain}, {"address": "%s:%d" % gateway.secure, "tls": tls}]
    operator.setdefault("admin", {}).setdefault("address", "%s:%d" % gateway.admin)
    return operator


def fetch(address, path, method="GET", body=None, headers=None):
    """(status, text) of one ordinary HTTP request."""
    connection = http.client.HTTPConnection(*address, timeout=10)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.read().decode("utf-8", "replace")
    finally:
        connection.close()


def sqlite_store(name, attributes, file, **fields):
    """A user store of the operator's file, with time enough on a machine that does something else just then."""
    sql = {"url": f"sqlite:{file}", "timeout": "5s", "connectTimeout": "5s"}
    return {"name": name, "sql": dict(sql, **fields), "attributes": attributes}


def make_database(path, people, memberships=()):
    """An SQLite user store: `people` are dicts with a `username`; their other members become columns."""
    columns = sorted({name for person in people for name in person if name != "username"})
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("CREATE TABLE people (username TEXT PRIMARY KEY%s)" % "".join(f', "{c}"' for c in columns))
        connection.execute("CREATE TABLE memberships (username TEXT, name TEXT)")
        for person in people:
            add_person(connection, person)
        connection.executemany("INSERT INTO memberships VALUES (?, ?)", memberships)
    connection.close()


def add_person(connection, person):
    names = ", ".join(f'"{name}"' for name in person)
    marks = ", ".join("?" for _ in person)
    connection.execute(f"INSERT INTO people ({names}) VALUES ({marks})", list(person.values()))
