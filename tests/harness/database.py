"""PostgreSQL and MariaDB, each with a folder and a port of its own, over TLS with a certificate of a private CA."""

import getpass
import glob
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from harness import ports
from harness.certificate import Authority

PASSWORD = "p@ss/word"
DEADLINE = 60.0


class DatabaseServer:
    """A running server with a database `staff` and a role `gateway` that may do nothing yet.

    `days`: from when until when its certificate is good. What differs between products is in the two classes below.
    """

    scheme = ""

    def __init__(self, days=(-1, 2)):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="countersign-database-"))
        # The servers run as users of their own.
        self.folder.chmod(0o755)
        self.port = ports.lease()
        self.url = f"{self.scheme}://gateway@127.0.0.1:{self.port}/staff"
        self.authority = Authority("databases")
        self.authority.server(self.folder, days)
        self.prepare()
        self.start()

    def start(self):
        """Starts the server, where it was if it was killed."""
        deadline = time.monotonic() + DEADLINE
        self.process = None
        while self.client("SELECT 1", self.own).returncode:
            # It gives up at once while children of a killed one still hold its memory.
            if self.process is None or self.process.poll() is not None:
                with open(self.folder / "log", "ab") as log:
                    self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd=self.folder)
            assert time.monotonic() < deadline, f"the database does not start\n{self.log_text()[-2000:]}"
            time.sleep(0.05)

    def kill(self):
        """Ends the server at once."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.kill()
        ports.give_back(self.port)
        shutil.rmtree(self.folder, ignore_errors=True)

    def text(self, value):
        """An SQL expression for any text."""
        return self.from_bytes.format(value.encode().hex())

    def execute(self, sql, database="staff"):
        """Does something as the server's owner; returns what it printed, a line for each row."""
        done = self.client(sql, database)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def renew(self, days):
        """Gives the server another certificate of the same authority, and starts it again."""
        self.kill()
        self.authority.server(self.folder, days)
        self.own_files()
        self.start()

    def log_text(self):
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def store(self, name, attributes, **fields):
        """A user store of the operator's file; its files are those of `files`."""
        sql = {
            "url": self.url,
            "password": {"file": "secrets/database"},
            "ca": "tls/databases.pem",
            "timeout": "5s",
            "connectTimeout": "5s",
        }
        return {"name": name, "sql": dict(sql, **fields), "attributes": attributes}

    def files(self):
        return {"tls/databases.pem": self.authority.pem, "secrets/database": PASSWORD}

    def own_files(self):
        """Makes the folder's files those of the user that the server runs as."""
        os.chmod(self.folder / "key.pem", 0o600)
        if getpass.getuser() == "root":
            subprocess.run(["chown", "-R", self.runs_as, self.folder], check=True)


class PostgreSql(DatabaseServer):
    """PostgreSQL, with the counters of `pg_stat_statements`."""

    scheme = "postgres"
    runs_as = "postgres"
    # The database that is there before ours.
    own = "postgres"
    from_bytes = "convert_from('\\x{}', 'UTF8')"

    def prepare(self):
        self.programs = max(glob.glob("/usr/lib/postgresql/*/bin"), default=None)
        assert self.programs, "no PostgreSQL here: run tests/prepare servers"
        self.own_files()
        options = ["-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        options += ["--auth-local=trust", "--auth-host=scram-sha-256"]
        command = [*self.as_owner(), f"{self.programs}/initdb", "-D", self.folder / "data", *options]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder)

    def start(self):
        super().start()
        if not self.execute("SELECT 1 FROM pg_database WHERE datname = 'staff'", "postgres").strip():
            self.execute(f"CREATE ROLE gateway LOGIN PASSWORD '{PASSWORD}'", "postgres")
            self.execute("CREATE DATABASE staff", "postgres")

    def command(self):
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder,
            "fsync": "off",
            "shared_preload_libraries": "pg_stat_statements",
            "ssl": "on",
            "ssl_cert_file": self.folder / "cert.pem",
            "ssl_key_file": self.folder / "key.pem",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [f"{self.programs}/postgres", "-D", self.folder / "data", "-p", str(self.port), *options]
        return [*self.as_owner(), *command]

    def client(self, sql, database):
        """Runs SQL as the owner, over the local socket."""
        command = self.psql(database)
        return subprocess.run(command, input=sql, capture_output=True, text=True, timeout=DEADLINE, check=False)

    def hold(self, sql):
        """Does something in a transaction that stays open; returns a function that ends it."""
        session = subprocess.Popen(self.psql("staff"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        session.stdin.write(f"BEGIN; {sql}; SELECT 'held';\n")
        session.stdin.flush()
        assert session.stdout.readline() == "held\n", "the transaction failed"
        return lambda: session.communicate("COMMIT;\n", timeout=DEADLINE)

    def psql(self, database):
        at = ["-h", self.folder, "-p", str(self.port), "-U", "postgres", "-d", database]
        return [f"{self.programs}/psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *at]

    def grant(self, *tables):
        """Lets the gateway read tables."""
        self.execute(f"GRANT SELECT ON {', '.join(tables)} TO gateway")

    def change_password(self, password):
        """Gives the gateway's role another password, and ends its connections."""
        self.execute(f"ALTER ROLE gateway PASSWORD '{password}'")
        # Twice: a connection that is still being authenticated is nobody's yet. With a timeout it is waited for.
        for _ in range(2):
            self.execute("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = 'gateway'")

    def as_owner(self):
        if getpass.getuser() != "root":
            return []
        return ["setpriv", "--reuid", self.runs_as, "--regid", self.runs_as, "--clear-groups"]


class MariaDb(DatabaseServer):
    """MariaDB."""

    scheme = "mysql"
    runs_as = "mysql"
    own = "mysql"
    from_bytes = "CONVERT(X'{}' USING utf8mb4)"

    def prepare(self):
        assert shutil.which("mariadbd"), "no MariaDB here: run tests/prepare servers"
        self.own_files()
        self.data = [f"--user={self.user()}", f"--datadir={self.folder}/data"]
        options = ["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]
        command = ["mariadb-install-db", *options, *self.data, f"--tmpdir={self.folder}"]
        subprocess.run(command, check=True, capture_output=True)

    def start(self):
        super().start()
        create = "CREATE DATABASE IF NOT EXISTS staff CHARACTER SET utf8mb4"
        self.execute(f"{create}; CREATE USER IF NOT EXISTS gateway@'%' IDENTIFIED BY '{PASSWORD}'", self.own)

    def command(self):
        at = [f"--socket={self.folder}/socket", f"--pid-file={self.folder}/pid", f"--port={self.port}"]
        tls = [f"--ssl-cert={self.folder}/cert.pem", f"--ssl-key={self.folder}/key.pem"]
        return ["mariadbd", "--no-defaults", *self.data, *at, "--bind-address=127.0.0.1", *tls]

    def client(self, sql, database):
        """Runs SQL as the owner, over the local socket."""
        at = [f"--socket={self.folder}/socket", "--user=root", "--default-character-set=utf8mb4"]
        command = ["mariadb", "--no-defaults", *at, "--batch", "--skip-column-names", database]
        return subprocess.run(command, input=sql, capture_output=True, text=True, timeout=DEADLINE, check=False)

    def grant(self, *tables):
        """Lets the gateway read tables."""
        for table in tables:
            self.execute(f"GRANT SELECT ON staff.{table} TO gateway@'%'")

    def change_password(self, password):
        """Gives the gateway's user another password, and ends its connections."""
        self.execute(f"ALTER USER gateway@'%' IDENTIFIED BY '{password}'; KILL USER gateway")

    def user(self):
        return self.runs_as if getpass.getuser() == "root" else getpass.getuser()
