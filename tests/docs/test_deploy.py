"""What docs/deploy.md says of service managers: its unit, its probes and its volumes, tried on a running gateway."""

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import unittest

import yaml

from docs.test_examples import ROOT, yaml_blocks
from harness import ports
from harness.gateway import Gateway, fetch, run

OPERATOR = {"apis": {"directory": "apis/"}, "keys": {"directory": "keys/"}, "issuers": []}


def api(target):
    """An open operation whose backend is not there: 502 says that it was found."""
    return {
        "name": "orders",
        "basePath": "/orders",
        "version": "1",
        "type": "REST",
        "endpointConfigurations": {"production": [{"endpoint": "http://127.0.0.1:9"}]},
        "operations": [{"target": target, "verb": "GET", "secured": False}],
    }


def service():
    """The `[Service]` part of the page's unit."""
    page = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read_string(re.search(r"^```ini\n(.*?)^```", page, re.DOTALL | re.MULTILINE).group(1))
    return unit["Service"]


def seconds(duration):
    return int(duration.removesuffix("s"))


def shutdown_grace():
    defaults = yaml.safe_load(run("config", "defaults").stdout)
    return seconds(defaults["gateway"]["shutdownGrace"])


class Mounted:
    """A folder as the kubelet fills it: files are links into `..data`, a link that is replaced when they change."""

    def __init__(self, folder):
        self.folder = folder
        self.versions = 0
        files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        for name in files:
            (folder / name).unlink()
            (folder / name).symlink_to(f"..data/{name}")
        self.replace(files)

    def replace(self, files):
        self.versions += 1
        version = self.folder / f"..version-{self.versions}"
        version.mkdir()
        for name, content in files.items():
            (version / name).write_bytes(content)
        link = self.folder / "..data_tmp"
        link.symlink_to(version.name)
        link.replace(self.folder / "..data")


class Systemd(unittest.TestCase):
    def test_the_unit_starts_reloads_and_stops_the_gateway(self):
        unit = service()
        program, *arguments = shlex.split(unit["ExecStart"])
        self.assertEqual(os.path.basename(program), "countersign")
        self.assertEqual(arguments[:-1], ["serve", "--config"], "as the gateway below is started")
        gateway = Gateway(OPERATOR, {"orders": api("/a")})
        self.addCleanup(gateway.stop)
        environment = os.environ | {"MAINPID": str(gateway.process.pid)}
        gateway.write_api("orders", api("/b"))
        subprocess.run(unit["ExecReload"], shell=True, check=True, env=environment)
        gateway.wait_until(lambda: fetch(gateway.plain, "/orders/1/b")[0] == 502, "not reloaded")
        gateway.process.terminate()
        self.assertEqual(gateway.process.wait(15), 0, gateway.log_text())

    def test_the_unit_waits_for_calls_under_way(self):
        self.assertGreater(int(service()["TimeoutStopSec"]), shutdown_grace())


class Kubernetes(unittest.TestCase):
    def setUp(self):
        (self.pod,) = yaml_blocks("docs/deploy.md")
        self.pod = yaml.safe_load(self.pod)
        (self.container,) = self.pod["containers"]

    def test_probes_are_answered_and_nothing_else_is(self):
        admin = ("127.0.0.1", ports.lease())
        operator = OPERATOR | {"admin": {"address": f"0.0.0.0:{admin[1]}"}}
        gateway = Gateway(operator, {"orders": api("/a")}, admin=admin)
        self.addCleanup(gateway.stop)
        for probe in ("livenessProbe", "readinessProbe"):
            path = self.container[probe]["httpGet"]["path"]
            self.assertEqual(gateway.admin_get(path)[0], 200, path)
        self.assertEqual(gateway.admin_get("/api/v1/apis")[0], 403)

    def test_the_pod_waits_for_calls_under_way(self):
        pause = self.container["lifecycle"]["preStop"]["sleep"]["seconds"]
        self.assertGreater(self.pod["terminationGracePeriodSeconds"], pause + shutdown_grace())

    def test_a_config_map_that_changes_is_taken_up_whole_or_not_at_all(self):
        mounted = {}

        def mount(gateway):
            mounted["operator"], mounted["apis"] = Mounted(gateway.path), Mounted(gateway.path / "apis")

        gateway = Gateway(OPERATOR, {"orders": api("/a")}, prepare=mount)
        self.addCleanup(gateway.stop)

        def answers(target):
            return fetch(gateway.plain, f"/orders/1{target}")[0] == 502

        def is_refused():
            return json.loads(gateway.admin_get("/readyz")[1])["refusedConfiguration"]["isPending"]

        self.assertTrue(answers("/a"))
        mounted["apis"].replace({"orders.yaml": yaml.safe_dump(api("/b")).encode()})
        gateway.wait_until(lambda: answers("/b"), "the new definitions do not run")
        self.assertFalse(answers("/a"))
        mounted["operator"].replace({"countersign.yaml": b"gateway: { isuer: https://gateway.test }"})
        gateway.wait_until(is_refused, "the broken file is not noticed")
        self.assertTrue(answers("/b"))

    def test_replicas_with_a_secret_of_one_gateways_keys_publish_the_same_jwks(self):
        first = Gateway(OPERATOR, {"orders": api("/a")})
        self.addCleanup(first.stop)

        def mount(gateway):
            shutil.copytree(first.path / "keys", gateway.path / "keys")
            Mounted(gateway.path / "keys")

        replica = Gateway(OPERATOR, {"orders": api("/a")}, prepare=mount)
        self.addCleanup(replica.stop)
        self.assertEqual(replica.jwks()["keys"], first.jwks()["keys"])
        self.assertTrue((replica.path / "keys" / "audit-users.key").is_symlink(), "no file of it was made anew")
        self.assertNotIn("user hashes", replica.log_text(), "they are the same on both")


if __name__ == "__main__":
    unittest.main()
