"""`countersign demo`: every line that it prints works when pasted, and gives what stands below it."""

import os
import pathlib
import re
import subprocess
import tempfile
import threading
import unittest

from harness import jws, ports
from harness.gateway import BINARY

LAST_LINE = "audit.jsonl"


class Demo(unittest.TestCase):
    """The demo on free ports, in a folder of its own."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="countersign-demo-test-")
        cls.addClassCleanup(cls.folder.cleanup)
        options = ["--port", "--echo-port", "--issuer-port", "--admin-port"]
        command = [BINARY, "demo", "--dir", pathlib.Path(cls.folder.name) / "demo"]
        for option in options:
            command += [option, str(ports.lease())]
        cls.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        cls.addClassCleanup(cls.stop)
        watchdog = threading.Timer(60, cls.process.kill)
        watchdog.start()
        cls.lines = []
        for line in cls.process.stdout:
            cls.lines.append(line.rstrip())
            if LAST_LINE in line:
                break
        watchdog.cancel()

    @classmethod
    def stop(cls):
        cls.process.terminate()
        cls.process.wait(15)
        cls.process.stdout.close()

    def commands(self):
        """(command, expectation or None) of each line that is meant to be pasted."""
        for line, following in zip(self.lines, self.lines[1:] + [""]):
            if line.startswith("   ") and not line.strip().startswith("->"):
                is_promised = following.strip().startswith("->")
                yield line.strip(), following.strip()[2:].strip() if is_promised else None

    def paste(self, command):
        environment = dict(os.environ, PATH=f"{pathlib.Path(BINARY).parent}:{os.environ['PATH']}")
        return subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30, env=environment)

    def test_the_first_line_leads_to_the_console(self):
        address = re.match(r"Console: (http://127\.0\.0\.1:\d+/) ", self.lines[0]).group(1)
        page = self.paste(f"curl -s -i -H 'Accept: text/html' {address}").stdout
        self.assertRegex(page, r"(?s)\AHTTP/1.1 200 .*<div id=\"root\">")

    def test_every_line_works_when_pasted(self):
        commands = list(self.commands())
        self.assertGreater(len(commands), 10, self.lines)
        for command, promise in commands:
            with self.subTest(command=command):
                done = self.paste(command)
                self.assertEqual(done.returncode, 0, done.stderr)
                if promise:
                    status = re.match(r"\d{3}", promise).group()
                    self.assertRegex(done.stdout, rf"\AHTTP/1.1 {status} ", promise)

    def test_the_backend_receives_the_users_attributes(self):
        command = next(command for command, promise in self.commands() if promise and "ES256" in promise)
        received = self.paste(command).stdout
        token = re.search(r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+", received).group()
        header, claims = jws.decode(token)
        self.assertEqual((header["alg"], claims["sub"]), ("ES256", "alice"))
        self.assertIsInstance(claims["http://wso2.org/claims/role"], list)
        self.assertIn("@", claims["http://wso2.org/claims/emailaddress"])
