"""scim2-server with users of its own, where it was if it was killed."""

import json
import pathlib
import subprocess
import sys
import tempfile

from harness import ports

TESTS = pathlib.Path(__file__).resolve().parents[1]
TOKEN = "scim-t0ken"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
# An extension of tests/servers/scim2.py, whose attribute `login` is compared exactly.
EXTENSION = "urn:countersign:test:2.0:User"


class Scim:
    """A running server with these users. `url` is its base address."""

    def __init__(self, users):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8")
        self.file.writelines(json.dumps(user) + "\n" for user in users)
        self.file.flush()
        self.port = ports.lease()
        self.start()
        self.url = f"http://127.0.0.1:{self.port}/v2"

    def start(self, token=TOKEN):
        command = [sys.executable, str(TESTS / "servers/scim2.py"), self.file.name, str(self.port), token]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert int(self.process.stdout.readline()) == self.port

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def stop(self):
        self.kill()
        ports.give_back(self.port)
        self.file.close()

    def store(self, name, attributes, **fields):
        """A user store of the operator's file; its secret is `secrets/scim`."""
        scim = {"url": self.url, "authorization": {"bearer": {"file": "secrets/scim"}}}
        scim |= {"timeout": "5s", "connectTimeout": "5s"}
        return {"name": name, "scim": dict(scim, **fields), "attributes": attributes}


def user(number, login, **members):
    """A user whose `login` is compared exactly, and whose `userName` is not."""
    return dict(
        {
            "schemas": [CORE, ENTERPRISE, EXTENSION],
            "id": f"id-{number}",
            "userName": f"person-{number}",
            "emails": [{"value": f"{number}@corp.test", "primary": True}],
            EXTENSION: {"login": login},
        },
        **members,
    )
