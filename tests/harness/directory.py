"""OpenLDAP's slapd with a directory of its own, over LDAPS with a certificate of a private CA."""

import base64
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

from harness import ports
from harness.certificate import Authority

PASSWORD = "p@ss word"
DEADLINE = 60.0


class Slapd:
    """A running server for `suffix`. `gateway` is who may read it; `schema` is further text of slapd.conf."""

    def __init__(self, suffix, schema="", group_class="groupOfNames"):
        self.suffix = suffix
        self.admin = f"cn=admin,{suffix}"
        self.gateway = f"cn=gateway,{suffix}"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="countersign-slapd-"))
        self.ports = ports.lease(), ports.lease()
        self.plain = f"ldap://127.0.0.1:{self.ports[0]}"
        self.port = self.ports[1]
        self.url = f"ldaps://127.0.0.1:{self.port}"
        self.authority = Authority("directory")
        self.authority.server(self.folder)
        (self.folder / "data").mkdir()
        (self.folder / "slapd.conf").write_text(self._configuration(schema, group_class), encoding="utf-8")
        self.start()
        self.add(
            entry(suffix, objectClass=["dcObject", "organization"], o="x")
            + entry(self.gateway, objectClass=["organizationalRole", "simpleSecurityObject"], userPassword=PASSWORD)
        )

    def start(self):
        """Starts the server, where it was if it was killed."""
        program = shutil.which("slapd", path="/usr/sbin:/usr/lib/openldap") or shutil.which("slapd")
        assert program, "no slapd here: run tests/prepare servers"
        command = [program, "-f", self.folder / "slapd.conf", "-h", f"{self.plain} ldaps://127.0.0.1:{self.port}", "-d", "none"]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                is_starting = self.process.poll() is None and time.monotonic() < deadline
                assert is_starting, "slapd does not start\n" + (self.folder / "log").read_text(errors="replace")[-2000:]
                time.sleep(0.02)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.kill()
        ports.give_back(*self.ports)
        shutil.rmtree(self.folder, ignore_errors=True)

    def renew(self, days):
        """Gives the server another certificate of the same authority, and starts it again."""
        self.kill()
        self.authority.server(self.folder, days)
        self.start()

    def change_password(self, password):
        """Gives the gateway another password, and ends its connections."""
        self.modify(f"dn: {self.gateway}\nchangetype: modify\nreplace: userPassword\nuserPassword: {password}\n")
        self.kill()
        self.start()

    def add(self, ldif):
        """Adds entries; LDIF text."""
        self._change("ldapadd", ldif)

    def modify(self, ldif):
        """Changes entries; LDIF text with `changetype`."""
        self._change("ldapmodify", ldif)

    def _change(self, tool, ldif):
        command = [tool, "-x", "-H", self.plain, "-D", self.admin, "-w", PASSWORD]
        done = subprocess.run(command, input=ldif, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr

    def store(self, name, attributes, **fields):
        """A user store of the operator's file; its files are those of `files`."""
        ldap = {
            "url": self.url,
            "ca": "tls/directory.pem",
            "bindDn": self.gateway,
            "bindPassword": {"file": "secrets/ldap"},
            "base": self.suffix,
            "filter": "(uid={user})",
            "timeout": "5s",
            "connectTimeout": "5s",
        }
        return {"name": name, "ldap": dict(ldap, **fields), "attributes": attributes}

    def files(self):
        return {"tls/directory.pem": self.authority.pem, "secrets/ldap": PASSWORD}

    def _configuration(self, schema, group_class):
        folder = self.folder
        schemas = "".join(f"include /etc/ldap/schema/{name}.schema\n" for name in ("core", "cosine", "inetorgperson"))
        return f"""{schemas}{schema}
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
pidfile {folder}/pid
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/cert.pem
TLSCertificateKeyFile {folder}/key.pem
database mdb
maxsize 67108864
dbnosync
suffix {self.suffix}
rootdn {self.admin}
rootpw "{PASSWORD}"
directory {folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact={self.gateway} read by anonymous auth by * none
index objectClass,uid eq
overlay memberof
memberof-group-oc {group_class}
memberof-dangling ignore
"""


def entry(dn, **attributes):
    """An entry in LDIF; every value in base64, as it may be anything."""

    def line(name, value):
        data = value if isinstance(value, bytes) else value.encode()
        return f"{name}:: {base64.b64encode(data).decode()}\n"

    lines = [line("dn", dn)]
    for name, values in attributes.items():
        lines += [line(name, value) for value in (values if isinstance(values, list) else [values])]
    return "".join(lines) + "\n"
