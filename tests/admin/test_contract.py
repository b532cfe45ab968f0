"""The admin REST API against its own description: no 5xx, and nothing that the description does not say."""

import json
import os
import pathlib
import subprocess
import sys
import unittest

from admin.client import World

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Contract(unittest.TestCase):
    def test_the_api_keeps_to_its_description_whatever_it_is_sent(self):
        world = World()
        self.addCleanup(world.stop)
        address = "http://%s:%d" % world.gateway.admin
        schemathesis = pathlib.Path(sys.executable).parent / "schemathesis"
        command = [
            str(schemathesis), "run", f"{address}/api/v1/openapi.json", "--url", f"{address}/api/v1",
            "--header", "X-Countersign-Csrf: 1",
            "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
            # Endless by nature; and what answers 5xx when a provider is down.
            "--exclude-operation-id", "events", "--exclude-operation-id", "login",
            "--max-examples", "15", "--seed", "1", "--phases", "examples,coverage,fuzzing", "--suppress-health-check", "all",
            "--request-timeout", "20",
        ]
        environment = dict(os.environ, NO_COLOR="1")
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, env=environment, cwd=world.gateway.path)
        self.assertEqual(done.returncode, 0, done.stdout[-6000:] + done.stderr[-2000:])
        self.assertEqual(world.gateway.process.poll(), None)

    def test_the_description_is_sound_by_the_rules_of_a_public_linter(self):
        redocly = ROOT / "tests" / "interop" / "node_modules" / ".bin" / "redocly"
        config = pathlib.Path(__file__).with_name("redocly.yaml")
        command = [str(redocly), "lint", "docs/openapi.json", "--config", str(config), "--format", "json"]
        environment = dict(os.environ, REDOCLY_TELEMETRY="off", REDOCLY_SUPPRESS_UPDATE_NOTICE="true", NO_COLOR="1")
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment, cwd=ROOT)
        found = json.loads(done.stdout[done.stdout.index("{"):])
        self.assertEqual((done.returncode, found["problems"]), (0, []), done.stderr)

    def test_the_served_description_is_the_documented_one(self):
        world = World()
        self.addCleanup(world.stop)
        documented = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
        self.assertEqual(world.client.get("/openapi.json").json, documented)
        self.assertTrue(documented["openapi"].startswith("3.1"))
