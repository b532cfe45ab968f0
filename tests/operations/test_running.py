"""What a running gateway does by itself and says of itself: keys that take over, settings that wait, forwarded fields."""

import concurrent.futures
import datetime
import json
import pathlib
import re
import resource
import shutil
import tempfile
import threading
import unittest

import jwt

from harness import client, jws
from harness.backend import Backend
from harness.gateway import Gateway, run

ISSUER = "https://idp.corp.test"
ASSERTION = "X-JWT-Assertion"
# How key files write a time.
FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def operator(**gateway):
    return {
        "gateway": gateway,
        "apis": {"directory": "apis/"},
        "keys": {"directory": "keys/"},
        "issuers": [
            {"name": "corp", "issuer": ISSUER, "jwks": {"file": "idp.json"}, "lookup": {"claim": "sub", "userStores": []}}
        ],
    }


def orders(to):
    parameters = {"header": ASSERTION, "audience": "orders", "signingAlgorithm": "ES256"}
    return {
        "name": "orders",
        "basePath": "/orders",
        "version": "1",
        "type": "REST",
        "endpointConfigurations": {"production": [{"endpoint": to}]},
        "operations": [{"target": "/x", "verb": "GET", "secured": True}],
        "apiPolicies": {"request": [{"policyName": "BackendJwt", "parameters": parameters}]},
    }


class Running(unittest.TestCase):
    """One gateway for each test."""

    def start(self, written=None, **options):
        self.key = jws.Key("ES256")
        self.backend = Backend()
        self.addCleanup(self.backend.close)
        files = {"idp.json": jws.jwks(self.key)}
        self.gateway = Gateway(written or operator(), {"orders": orders(self.backend.url)}, files, **options)
        self.addCleanup(self.gateway.stop)

    def send(self, protocol="h1", fields=()):
        """Sends one request of a caller that is new each time; returns what reached the backend."""
        token = self.key.token(jws.claims("alice", ISSUER))
        function = client.request_h2 if protocol.startswith("h2") else client.request
        tls = protocol.endswith("-tls")
        address = self.gateway.secure if tls else self.gateway.plain
        fields = [("Authorization", "Bearer " + token), *fields]
        response = function(address, "GET", "/orders/1/x", fields, tls=tls)
        self.assertEqual(response.status, 200, response)
        return self.backend.last()

    def kids(self):
        return [key["kid"] for key in self.gateway.jwks()["keys"] if key["alg"] == "ES256"]

    def signed_by(self):
        """The key of a new Backend JWT, which whoever reads the JWKS now can verify."""
        token = self.send().value(ASSERTION)
        kid = jwt.get_unverified_header(token)["kid"]
        keys = jwt.PyJWKSet.from_dict(self.gateway.jwks())
        jwt.decode(token, keys[kid].key, algorithms=["ES256"], audience="orders")
        return kid

    def test_a_shells_limit_of_open_files_does_not_bound_connections(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        few = 256
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, hard))
        try:
            self.start()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for number in range(few + 20):
            connection = client.connect(self.gateway.plain)
            self.addCleanup(connection.close)
            connection.sendall(b"GET /.well-known/jwks.json HTTP/1.1\r\nHost: gateway\r\n\r\n")
            self.assertEqual(connection.recv(12), b"HTTP/1.1 200", f"connection {number}")

    def test_a_gateway_that_stops_is_not_ready_and_finishes_the_call_under_way(self):
        self.start()
        is_over = threading.Event()

        def late():
            is_over.wait(10)
            return b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate"

        self.backend.answer("/x", late)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            call = pool.submit(self.send)
            self.backend.wait_for(1)
            self.gateway.process.terminate()
            self.gateway.wait_until(lambda: self.gateway.admin_get("/readyz")[0] == 503, "still ready")
            self.assertFalse(json.loads(self.gateway.admin_get("/readyz")[1])["ready"])
            self.assertEqual(self.gateway.admin_get("/healthz")[0], 200)
            is_over.set()
            call.result()
        self.assertEqual(self.gateway.process.wait(15), 0)

    def test_an_announced_key_takes_over_when_its_time_has_come(self):
        found = {}
        self.start(prepare=lambda folder: found.update(announced(folder)))
        old, new = found["old"], found["new"]
        self.assertEqual(set(self.kids()), {old, new})
        seen = []

        def has_taken_over():
            seen.append(self.signed_by())
            return seen[-1] == new

        self.gateway.wait_until(has_taken_over, "the new key does not sign")
        self.assertEqual(seen, [old] * (len(seen) - 1) + [new])
        self.assertIn(old, self.kids(), "tokens of the old key are still about")

    def test_a_key_that_has_signed_for_long_enough_gets_a_successor(self):
        written = operator()
        written["keys"].update({"rotateEvery": "20m", "announceFor": "1s"})
        self.start(written, prepare=aged)
        self.gateway.wait_until(lambda: len(self.kids()) == 2, "no successor is announced")
        self.assertIn(self.signed_by(), self.kids())

    def test_gateways_that_start_together_on_an_empty_keys_directory_have_the_same_keys(self):
        shared = pathlib.Path(tempfile.mkdtemp(prefix="countersign-keys-"))
        self.addCleanup(shutil.rmtree, shared)
        written = operator(issuer="https://gateway.test")
        written["keys"]["directory"] = str(shared)
        barrier, key = threading.Barrier(4), jws.Key("ES256")

        def start(_):
            apis = {"orders": orders("http://127.0.0.1:1")}
            files = {"idp.json": jws.jwks(key)}
            gateway = Gateway(written, apis, files, prepare=lambda _: barrier.wait(20))
            self.addCleanup(gateway.stop)
            return gateway

        def user(gateway):
            """What the audit log calls alice."""
            fields = [("Authorization", "Bearer " + key.token(jws.claims("alice", ISSUER)))]
            client.request(gateway.plain, "GET", "/orders/1/x", fields)
            find = lambda: re.findall(r'"user":"(\w+)"', gateway.log_text())
            gateway.wait_until(find, "no audit record")
            return find()

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            gateways = list(pool.map(start, range(4)))
        keys = [gateway.jwks() for gateway in gateways]
        self.assertEqual(keys, keys[:1] * 4)
        self.assertEqual(sorted(key["alg"] for key in keys[0]["keys"]), ["ES256", "RS256"])
        users = [user(gateway) for gateway in gateways]
        self.assertEqual(users, users[:1] * 4)

    def test_readyz_names_the_settings_that_wait_for_a_restart(self):
        self.start()
        self.assertEqual(self.needs_restart(), [])
        text = self.gateway.operator_file.read_text(encoding="utf-8")
        edited = text.replace("gateway:\n", "gateway:\n  workers: 3\n  shutdownGrace: 7s\n", 1)
        self.gateway.write("countersign.yaml", edited)
        self.gateway.reload()
        self.assertEqual(self.needs_restart(), ["gateway.workers", "gateway.shutdownGrace"])
        self.gateway.write("countersign.yaml", text)
        self.gateway.reload()
        self.assertEqual(self.needs_restart(), [])

    def needs_restart(self):
        status, body = self.gateway.admin_get("/readyz")
        self.assertEqual(status, 200)
        return json.loads(body)["needsRestart"]

    def test_forwarded_is_rebuilt_for_strangers_and_extended_for_a_trusted_proxy(self):
        forged = [("Forwarded", 'for=6.6.6.6;host="evil.test";proto=https')]
        for networks, before in (([], ""), (["127.0.0.0/8"], forged[0][1] + ", ")):
            self.start(operator(trustedProxies=networks))
            for protocol, scheme in (("h1", "http"), ("h1-tls", "https"), ("h2", "http"), ("h2-tls", "https")):
                with self.subTest(protocol=protocol, networks=networks):
                    port = (self.gateway.secure if scheme == "https" else self.gateway.plain)[1]
                    own = f'for=127.0.0.1;proto={scheme};host="127.0.0.1:{port}"'
                    self.assertEqual(self.send(protocol, forged).value("forwarded"), before + own)
            self.assertIsNone(self.send().value("forwarded"), "nobody sent one")

    def test_the_host_that_http2_names_reaches_the_backend(self):
        self.start()
        for protocol in ("h1", "h2", "h1-tls", "h2-tls"):
            with self.subTest(protocol=protocol):
                port = (self.gateway.secure if protocol.endswith("-tls") else self.gateway.plain)[1]
                record = self.send(protocol, [("X-Forwarded-Host", "evil.test")])
                self.assertEqual(record.value("x-forwarded-host"), f"127.0.0.1:{port}")
                self.assertEqual(record.value("host"), f"127.0.0.1:{self.backend.port}")


def aged(folder):
    """Gives a folder an ES256 key that has signed for a quarter of an hour."""
    keys(folder, "generate")
    age(folder, datetime.timedelta(minutes=15))


def announced(folder):
    """Gives a folder an ES256 key and its successor, which was announced long ago and signs in some seconds."""
    keys(folder, "generate")
    age(folder, datetime.timedelta(hours=1))
    keys(folder, "rotate", "--announce-for", "20m")
    age(folder, datetime.timedelta(minutes=20) - datetime.timedelta(seconds=5))
    old, new = sorted(written_keys(folder), key=lambda key: key["activates_at"])
    return {"old": old["kid"], "new": new["kid"]}


def keys(folder, command, *arguments):
    done = run("keys", command, "--algorithm", "ES256", *arguments, "--directory", folder.path / "keys")
    assert done.returncode == 0, done.stderr


def written_keys(folder):
    return [json.loads(path.read_text(encoding="utf-8")) for path in (folder.path / "keys").glob("*.json")]


def age(folder, by):
    """Makes everything that is written in the key files so much older."""
    for path in (folder.path / "keys").glob("*.json"):
        key = json.loads(path.read_text(encoding="utf-8"))
        for name in key:
            if name.endswith("_at"):
                then = datetime.datetime.strptime(key[name], FORMAT) - by
                key[name] = then.strftime(FORMAT)
        path.write_text(json.dumps(key), encoding="utf-8")
