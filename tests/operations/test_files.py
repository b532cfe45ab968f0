"""Configuration files as an operator meets them: all mistakes at once, and failing closed."""

import concurrent.futures
import json
import threading
import unittest

import yaml

from harness import client, jws
from harness.backend import Backend
from harness.certificate import make_certificate
from harness.gateway import Folder, Gateway, run

ISSUER = "https://idp.corp.test"


def operator():
    return {
        "gateway": {"issuer": "https://gateway.test", "listeners": [{"address": "127.0.0.1:8080"}]},
        "apis": {"directory": "apis/"},
        "keys": {"directory": "keys/"},
        "issuers": [
            {
                "name": "corp",
                "issuer": ISSUER,
                "jwks": {"file": "idp.json"},
                "lookup": {"claim": "sub", "userStores": []},
            }
        ],
    }


def api(name, to, **more):
    definition = {
        "name": name,
        "basePath": f"/{name}",
        "version": "1.0",
        "type": "REST",
        "endpointConfigurations": {"production": [{"endpoint": to}]},
        "operations": [{"target": "/x", "verb": "GET", "secured": False}],
    }
    return dict(definition, **more)


TEN_MISTAKES = """\
name: orders
basePath: orders
version: 1.0
type: RST
defaultVersion: perhaps
endpointConfiguration: {}
endpointConfigurations: { production: [{ endpoint: "ftp://x" }] }
operations:
  - { target: "/{id", verb: GET, secured: false }
  - { target: /x, verb: GET, scopes: read }
apiPolicies:
  request:
    - policyName: BackendJwt
      parameters: { encoding: base32, signingAlgorithm: RS257, tokenTTL: -5, header: Content-Type, audiance: x }
"""


class Files(unittest.TestCase):
    """One folder, or one gateway, for each test."""

    def setUp(self):
        self.key = jws.Key("ES256")
        self.files = {"idp.json": jws.jwks(self.key)}

    def folder(self, written, apis, **files):
        folder = Folder(written, apis, dict(self.files, **files))
        self.addCleanup(folder.remove)
        return folder

    def start(self, apis, **options):
        self.backend = Backend()
        self.addCleanup(self.backend.close)
        gateway = Gateway(operator(), {name: api(name, self.backend.url) for name in apis}, self.files, **options)
        self.addCleanup(gateway.stop)
        return gateway

    def status(self, gateway, target):
        return client.request(gateway.plain, "GET", target).status

    def test_every_mistake_is_shown_at_once_with_its_place(self):
        folder = self.folder(operator(), {}, **{"apis/orders.yaml": TEN_MISTAKES})
        code, found = folder.check()
        errors = [item for item in found if item["severity"] == "error"]
        self.assertEqual(code, 1)
        self.assertGreaterEqual(len(errors), 10, json.dumps(errors, indent=1))
        for item in errors:
            self.assertTrue(item["file"].endswith("orders.yaml"))
            self.assertGreater(item["line"], 0)
            self.assertGreater(item["column"], 0)
            self.assertRegex(item["code"], r"^[a-z-]+$")
        hints = " ".join(str(item["hint"]) + item["message"] for item in errors)
        self.assertIn("audience", hints, "the nearest name of `audiance`")

    def test_text_names_file_line_and_column(self):
        folder = self.folder(operator(), {}, **{"apis/orders.yaml": TEN_MISTAKES})
        done = run("check", "--config", folder.operator_file)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout + done.stderr, r"orders\.yaml:4:7")

    def test_a_broken_operators_file_refuses_to_start(self):
        broken = operator()
        broken["issuers"][0]["jwk"] = broken["issuers"][0].pop("jwks")
        folder = self.folder(broken, {})
        done = run("serve", "--config", folder.operator_file, timeout=20)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("jwk", done.stderr + done.stdout)

    def test_FC_06_a_broken_api_at_start_answers_503_and_the_others_run(self):
        gateway = self.start(["good", "bad"], prepare=lambda folder: break_api(folder, "bad"))
        self.assertEqual(self.status(gateway, "/good/1.0/x"), 200)
        self.assertEqual(self.status(gateway, "/bad/1.0/x"), 503)
        status, body = gateway.admin_get("/readyz")
        self.assertEqual(status, 200)
        self.assertIn("bad", body)

    def test_strict_refuses_a_broken_api_at_start(self):
        folder = self.folder(operator(), {"good": api("good", "http://127.0.0.1:1")})
        folder.write_api("bad", "name: bad\nbasePath: 7 8\n")
        done = run("serve", "--strict", "--config", folder.operator_file, timeout=20)
        self.assertNotEqual(done.returncode, 0)

    def test_FC_06_a_broken_edit_leaves_the_old_configuration_serving_and_says_so(self):
        gateway = self.start(["good"])
        edits = {
            "apis/good.yaml": yaml.safe_dump(api("good", "http://127.0.0.1:1", operashuns=[])),
            "countersign.yaml": "gateway: [",
        }
        for name, text in edits.items():
            kept = (gateway.path / name).read_text(encoding="utf-8")
            self.assertEqual(gateway.metric("countersign_config_broken"), 0)
            logged = len(gateway.log_text())
            gateway.write(name, text)
            gateway.hang_up()
            gateway.wait_until(lambda: "error[" in gateway.log_text()[logged:], "the log says nothing")
            gateway.wait_until(lambda: name.split("/")[-1] in gateway.admin_get("/readyz")[1], "readyz says nothing")
            self.assertEqual(gateway.admin_get("/readyz")[0], 200)
            self.assertEqual(self.status(gateway, "/good/1.0/x"), 200)
            self.assertEqual(gateway.metric("countersign_config_broken"), 1)
            gateway.write(name, kept)
            gateway.reload()
            self.assertEqual(gateway.metric("countersign_config_broken"), 0)
            self.assertEqual(self.status(gateway, "/good/1.0/x"), 200)

    def test_FC_06_a_header_stays_reserved_when_its_policy_is_deleted(self):
        gateway = self.start(["good"])
        policies = {"request": [{"policyName": "BackendJwt", "parameters": {"header": "X-Once", "anonymous": "mint"}}]}
        for given in ({"apiPolicies": policies}, {}):
            gateway.write_api("good", api("good", self.backend.url, **given))
            gateway.reload()
            fields = [("X-Once", "FORGED"), ("x_once", "FORGED"), ("X-Twice", "kept")]
            self.assertEqual(client.request(gateway.plain, "GET", "/good/1.0/x", fields).status, 200)
            record = self.backend.last()
            self.assertNotIn("FORGED", [value for _, value in record.aliases("X-Once")])
            self.assertEqual(record.value("x-twice"), "kept")

    def test_sigterm_finishes_the_requests_in_flight(self):
        gateway = self.start(["good"])
        asked, released = threading.Event(), threading.Event()

        def late():
            asked.set()
            released.wait(10)
            return b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate"

        self.backend.answer("/x", late)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            pending = pool.submit(client.request, gateway.plain, "GET", "/good/1.0/x")
            self.assertTrue(asked.wait(10))
            gateway.process.terminate()
            gateway.wait_until(lambda: refuses(gateway.plain), "still accepting")
            released.set()
            self.assertEqual(pending.result(10).body, b"late")
        self.assertEqual(gateway.process.wait(15), 0)

    def test_unreadable_files_are_named(self):
        done = run("check", "--config", "/nonexistent/countersign.yaml")
        self.assertIn(done.returncode, (1, 2))
        self.assertIn("/nonexistent/countersign.yaml", done.stdout + done.stderr)

    def test_every_certificate_that_cannot_be_shown_is_found_before_the_start(self):
        own, other = {"certificate": "tls/cert.pem", "privateKey": "tls/key.pem"}, "other/tls/key.pem"
        gateway = {
            "issuer": "https://gateway.test",
            "listeners": [
                {"address": "127.0.0.1:8443", "tls": own},
                {"address": "127.0.0.1:8444", "tls": own | {"certificate": "tls/none.pem"}},
                {"address": "127.0.0.1:8445", "tls": own | {"privateKey": other}},
            ],
        }
        written = operator() | {
            "gateway": gateway,
            "envoy": {"address": "127.0.0.1:9191", "tls": own | {"clientCa": "tls/empty.pem"}},
            "events": {"address": "127.0.0.1:8082", "tls": own | {"privateKey": "tls/empty.pem"}},
        }
        files = {"idp.json": jws.jwks(jws.Key("ES256")), "tls/empty.pem": "", "other/x": ""}
        folder = Folder(written, {}, files)
        self.addCleanup(folder.remove)
        make_certificate(folder.path)
        make_certificate(folder.path / "other")
        code, found = folder.check()
        self.assertEqual(code, 1)
        told = [(one["code"], one["message"].split(" (os")[0]) for one in found if one["severity"] == "error"]
        self.assertEqual(len(told), 4, told)
        for code, message in (
            ("unreadable-file", "none.pem`: No such file or directory"),
            ("unusable-key", "other/tls/key.pem`: the private key cannot be used with the certificate"),
            ("unusable-key", "no certificate vouches for clients"),
            ("unusable-key", "empty.pem`: the certificate or private key is not readable PEM"),
        ):
            with self.subTest(message=message):
                self.assertTrue([one for one in told if one[0] == code and message in one[1]], told)
        done = run("serve", "--config", folder.operator_file)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("the configuration has 4 errors; nothing was started", done.stderr)


def refuses(address):
    """True when nobody listens any more."""
    try:
        client.connect(address).close()
    except ConnectionRefusedError:
        return True
    return False


def break_api(folder, name):
    """Makes one definition of a folder wrong."""
    path = folder.path / f"apis/{name}.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("verb: GET", "verb: GET\n  verbs: [GET]"), encoding="utf-8")
