"""Runs every folder of scenarios/ through the proxy: the requests, and what must come of them (scenarios/README.md)."""

import atexit
import functools
import json
import pathlib
import shutil
import tempfile
import time
import unittest

import jwt
import yaml

from harness import client, jws
from harness.backend import Backend
from harness.gateway import Gateway

SCENARIOS = pathlib.Path(__file__).resolve().parents[2] / "scenarios"
ISSUERS = {"corp": "https://idp.corp.test", "partner": "https://idp.partner.test"}
PLACEHOLDER = "http://backend.test"


def folders():
    return sorted(path.parent for path in SCENARIOS.glob("*/scenario.yaml"))


@functools.cache
def keys():
    """The scenarios' issuers, and somebody whom nobody trusts; and a folder for the gateway's own keys."""
    return {name: jws.Key("ES256") for name in ("corp", "partner", "stranger")}


class Run:
    """One scenario's gateway."""

    made_keys = None

    def __init__(self, folder, backend):
        own = folder / "countersign.yaml"
        operator = yaml.safe_load((own if own.exists() else SCENARIOS / "base/countersign.yaml").read_text("utf-8"))
        files = {f"{name}.json": jws.jwks(keys()[name]) for name in ISSUERS}
        for path in (folder / "apis").glob("*.yaml"):
            files[f"apis/{path.name}"] = path.read_text("utf-8").replace(PLACEHOLDER, backend.url)
        self.gateway = Gateway(operator, {}, files, prepare=self.bring_keys)
        self.keep_keys()
        self.backend = backend

    def bring_keys(self, folder):
        """Uses the first gateway's signing keys again: making RSA keys takes time."""
        if Run.made_keys:
            shutil.copytree(Run.made_keys, folder.path / "keys")

    def keep_keys(self):
        if not Run.made_keys:
            kept = pathlib.Path(tempfile.mkdtemp(prefix="countersign-keys-"))
            atexit.register(shutil.rmtree, kept, ignore_errors=True)
            Run.made_keys = shutil.copytree(self.gateway.path / "keys", kept / "keys")

    def send(self, request):
        """Sends one step's request; returns the response and what reached the backend, or None."""
        fields = [tuple(pair) for pair in request.get("headers", [])]
        token = request.get("token")
        if token is not None:
            fields.insert(0, (token.get("in", "Authorization"), credential(token)))
        self.backend.reset()
        method, target = request.get("method", "GET"), request["target"]
        response = client.request(self.gateway.plain, method, target, fields, host=request.get("host"))
        return response, self.backend.records[-1] if self.backend.records else None


def credential(token):
    """The value of the credential field."""
    if "raw" in token:
        return token["raw"]
    signer = token.get("signer", "corp")
    now = int(time.time())
    claims = {
        "iss": ISSUERS.get(signer, ISSUERS["corp"]),
        "sub": "alice",
        "aud": "gateway",
        "azp": "web",
        "scope": "read",
        "iat": now,
        "exp": now + token.get("expiresIn", 600),
    }
    claims.update(token.get("claims", {}))
    key = keys()[signer]
    header = {"kid": keys()["corp"].kid} if signer == "stranger" else {}
    return "Bearer " + key.token({name: value for name, value in claims.items() if value is not None}, **header)


class Scenarios(unittest.TestCase):
    """One test for all folders; each is a subtest with its own gateway."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.backend = Backend()
        cls.addClassCleanup(cls.backend.close)

    def test_every_scenario_through_the_proxy(self):
        self.assertGreater(len(folders()), 25)
        for folder in folders():
            scenario = yaml.safe_load((folder / "scenario.yaml").read_text("utf-8"))
            with self.subTest(scenario=folder.name, about=scenario["about"]):
                run = Run(folder, self.backend)
                try:
                    for number, step in enumerate(scenario["steps"], 1):
                        with self.subTest(scenario=folder.name, step=number):
                            self.check(run, step["request"], step["expect"])
                finally:
                    run.gateway.stop()

    def check(self, run, request, expected):
        response, record = run.send(request)
        context = f"{request}\n{response!r}\n{run.gateway.log_text()[-1000:]}"
        self.assertEqual(response.status, expected["status"], context)
        for name, part in expected.get("responseHeaders", {}).items():
            self.assertIn(part, response.value(name) or "", name)
        if expected["status"] != 200:
            self.assertIsNone(record, "a refused request reached the backend")
            if expected["status"] >= 400:
                self.check_problem(response, expected, request)
            else:
                self.assertEqual((response.value("content-type"), response.body), (None, b""))
            return
        self.assertIsNotNone(record, "nothing reached the backend")
        self.assertEqual(record.target, expected.get("target", record.target))
        for name in expected.get("absent", []):
            self.assertEqual(record.aliases(name), [])
        for name, value in expected.get("present", {}).items():
            self.assertEqual(record.value(name), value)
        for name, minted in expected.get("jwt", {}).items():
            self.check_token(run, record.value(name), minted)

    def check_problem(self, response, expected, request):
        """RFC 9457: the body names the code."""
        if request.get("method") == "HEAD":
            return
        self.assertEqual(response.value("content-type"), "application/problem+json")
        body = json.loads(response.body)
        self.assertEqual((body["status"], body["code"]), (expected["status"], expected["code"]))

    def check_token(self, run, value, expected):
        self.assertIsNotNone(value, "no Backend JWT")
        scheme, _, token = value.rpartition(" ")
        self.assertEqual(scheme, expected.get("scheme", ""))
        header, claims = jws.decode(token)
        verify(run.gateway.jwks(), token, header)
        self.assertEqual(header, header | expected.get("header", {}))
        subset = {name: claims.get(name) for name in expected.get("claims", {})}
        self.assertEqual(subset, expected.get("claims", {}))
        for name in expected.get("without", []):
            self.assertNotIn(name, claims)
        if "lifetime" in expected:
            # The inbound token was made a moment earlier.
            self.assertIn(claims["exp"] - claims["iat"], (expected["lifetime"], expected["lifetime"] - 1))


def verify(jwks, token, header):
    """Fails unless the gateway's JWKS verifies the token."""
    key = next(key for key in jwt.PyJWKSet.from_dict(jwks).keys if key.key_id == header["kid"])
    jwt.decode(token, key.key, algorithms=[header["alg"]], options={"verify_aud": False})
