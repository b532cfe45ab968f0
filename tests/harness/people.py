"""The service of tests/servers/people.py: people by name, in JSON."""

import json
import pathlib
import subprocess
import sys
import tempfile

SERVER = pathlib.Path(__file__).resolve().parents[1] / "servers/people.py"
KEY = "service-k3y"


class People:
    """A running service with these people: name -> what it says of them, their `name` included."""

    def __init__(self, people):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8")
        json.dump(people, self.file)
        self.file.flush()
        command = [sys.executable, str(SERVER), self.file.name, KEY]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def store(self, name, attributes, port=None, **fields):
        """A user store of the operator's file; its files are those of `files`."""
        http = {"url": f"http://127.0.0.1:{port or self.port}/people?name={{user}}", "entries": "/results", "user": "/name"}
        http["headers"] = {"X-Api-Key": {"file": "secrets/people"}}
        return {"name": name, "http": {**http, **fields}, "attributes": attributes}

    def files(self):
        return {"secrets/people": KEY}

    def stop(self):
        self.process.communicate()
        self.file.close()
