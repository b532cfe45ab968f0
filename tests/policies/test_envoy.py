"""Behind Envoy: what Envoy is told beside the Backend JWT, who may ask, and what happens when nobody answers."""

import concurrent.futures
import json
import pathlib
import signal
import tempfile

from harness import client, jws, ports
from harness.certificate import Authority
from harness.envoy import TLS, Envoy, cluster, route
from harness.gateway import Folder, Gateway
from policies.base import ASSERTION, PROTOCOLS, Policies, header, operation

CHECK = "/envoy.service.auth.v3.Authorization/Check"
BACKEND_JWT = {"policyName": "BackendJwt", "parameters": {"header": ASSERTION, "audience": "shop"}}


class BehindEnvoy(Policies):
    """A gateway for each test, and an Envoy in front of it that sends everything to the first backend."""

    def start(
        self, *, host="127.0.0.1", envoy=None, asks=None, replicas=(), folder=None, reserved=(), operations=None, **api
    ):
        self.port = ports.lease()
        self.addCleanup(ports.give_back, self.port)
        operator = api.pop("operator", {}) | {"envoy": {"address": f"{host}:{self.port}", **(envoy or {})}}
        super().start(operator=operator, operations=operations or [operation("GET", "/*", secured=True)], **api)
        routes = [route({"prefix": "/"}, cluster="backend")]
        backends = [cluster("backend", self.backend.port)]
        tls = folder or self.gateway.path / "tls"
        self.envoy = Envoy([self.port, *replicas], routes, backends, tls, reserved=reserved, asks=asks)
        self.addCleanup(self.envoy.stop)

    def send(self, protocol, method, target, fields=(), body=b"", **options):
        tls = protocol.endswith("-tls")
        address = self.envoy.secure if tls else self.envoy.plain
        function = client.request_h2 if protocol.startswith("h2") else client.request
        return function(address, method, "/shop/1" + target, list(fields), body, tls=tls, **options)

    def check(self, message, path=CHECK, **options):
        """Asks the gateway as Envoy does, with these bytes for a message."""
        fields = [("content-type", "application/grpc"), ("te", "trailers")]
        body = b"\0" + len(message).to_bytes(4, "big") + message
        return client.request_h2(("127.0.0.1", self.port), "POST", path, fields, body, **options)

    def records(self, count):
        """The first so many of the gateway's records of calls."""

        def found():
            lines = [line for line in self.gateway.log_text().splitlines() if line.startswith('{"time"')]
            return [json.loads(line) for line in lines if '"requestId"' in line]

        self.gateway.wait_until(lambda: len(found()) >= count, "calls are not recorded")
        return found()[:count]

    def test_both_logs_know_a_call_by_one_id_and_one_hash(self):
        self.start(apiPolicies={"request": [BACKEND_JWT]})
        self.assert_status(self.send("h1", "GET", "/x", [self.bearer()]), 200)
        arrived = self.backend.last()
        self.assert_status(self.send("h1", "GET", "/x"), 401)
        allowed, refused = self.records(2)
        self.assertEqual((allowed["outcome"], allowed["status"], allowed["operation"]), ("allowed", 0, "GET /*"))
        self.assertEqual((refused["outcome"], refused["status"]), ("unauthorized", 401))
        self.assertEqual(allowed["requestId"], arrived.value("x-request-id"))
        self.assertEqual(len(allowed["jwts"]), 1)

        def told():
            return [json.loads(line) for line in self.envoy.log_text().splitlines() if line.startswith("{")]

        self.gateway.wait_until(lambda: len(told()) == 2, "Envoy has not written its log")
        for record, line in zip((allowed, refused), told()):
            for name in ("requestId", "api", "operation", "user"):
                self.assertEqual(line[name], record.get(name), name)
        self.assertEqual([(line["status"], line["code"]) for line in told()], [(200, None), (401, "unauthorized")])
        self.assertNotIn("alice", self.envoy.log_text())
        counted = [self.gateway.metric("countersign_requests_total", **{"class": name}) for name in ("allowed", "4xx")]
        self.assertEqual(counted, [1, 1])

    def test_an_id_that_is_not_envoys_is_not_taken(self):
        self.start()
        for given in ("x" * 65, "a b", '"}', ""):
            self.send("h1", "GET", "/x", [("X-Request-Id", given)])
        for record in self.records(4):
            self.assertRegex(record["requestId"], r"^[0-9a-f-]{32,36}$")

    def test_header_policies_in_both_directions(self):
        request = [
            header("AddHeader", "X-List", "2"),
            header("SetHeader", "X-Set", "ours"),
            header("RemoveHeader", "X-Gone"),
        ]
        response = [
            header("SetHeader", "X-Answer", "ours"),
            header("AddHeader", "X-More", "2"),
        ]
        self.start(apiPolicies={"request": request, "response": response})
        answer = b"HTTP/1.1 200 OK\r\nX-Answer: theirs\r\nX-More: 1\r\nContent-Length: 0\r\n\r\n"
        self.backend.answer("/shop/1/x", answer)
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol):
                fields = [self.bearer(), ("X-List", "1"), ("X-Set", "theirs"), ("X-Set", "too"), ("X-Gone", "1")]
                answered = self.send(protocol, "GET", "/x", fields)
                self.assert_status(answered, 200)
                arrived = self.backend.last()
                self.assertEqual(arrived.values("x-list"), ["1, 2"])
                self.assertEqual((arrived.values("x-set"), arrived.values("x-gone")), (["ours"], []))
                self.assertEqual(arrived.values("authorization"), [])
                self.assertEqual(answered.values("x-answer"), ["ours"])
                self.assertEqual(answered.values("x-more"), ["1", "2"])

    def test_cors(self):
        cors = {"corsConfigurationEnabled": True, "accessControlAllowOrigins": ["https://shop.test"]}
        self.start(corsConfiguration=cors)
        for origin, allowed in (("https://shop.test", ["https://shop.test"]), ("https://evil.test", [])):
            for fields, status in (([self.bearer()], 200), ([], 401)):
                with self.subTest(origin=origin, status=status):
                    answered = self.send("h2-tls", "GET", "/x", [*fields, ("Origin", origin)])
                    self.assert_status(answered, status)
                    self.assertEqual(answered.values("access-control-allow-origin"), allowed)
                    self.assertEqual(answered.value("vary"), "Origin")
        preflight = [("Origin", "https://shop.test"), ("Access-Control-Request-Method", "GET")]
        self.assert_status(self.send("h1", "OPTIONS", "/x", preflight), 204)

    def test_what_a_backend_says_of_cors_can_be_taken_out_before(self):
        cors = {"corsConfigurationEnabled": True, "accessControlAllowOrigins": ["https://shop.test"]}
        self.start(corsConfiguration=cors, reserved=["access-control-allow-origin"])
        answer = b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 0\r\n\r\n"
        self.backend.answer("/shop/1/x", answer)
        for origin, allowed in (("https://shop.test", ["https://shop.test"]), ("https://evil.test", [])):
            answered = self.send("h2-tls", "GET", "/x", [self.bearer(), ("Origin", origin)])
            self.assert_status(answered, 200)
            self.assertEqual(answered.values("access-control-allow-origin"), allowed)

    def test_limits_and_redirections_are_answered_by_envoy(self):
        limited = operation("GET", "/limited", secured=True, rateLimit={"requestsPerUnit": 1, "unit": "Day"})
        redirect = {"policyName": "RequestRedirect", "parameters": {"url": "https://new.test/x", "statusCode": 308}}
        moved = operation("GET", "/moved", secured=True, operationPolicies={"request": [redirect]})
        self.start(operations=[limited, moved])
        self.assert_status(self.send("h1", "GET", "/limited", [self.bearer()]), 200)
        answered = self.send("h1", "GET", "/limited", [self.bearer()])
        self.assert_status(answered, 429)
        self.assertGreater(int(answered.value("retry-after")), 0)
        self.assertEqual(json.loads(answered.body)["code"], "rate_limited")
        answered = self.send("h1", "GET", "/moved", [self.bearer()])
        self.assertEqual((answered.status, answered.value("location")), (308, "https://new.test/x"))
        self.assertEqual(len(self.backend.records), 1)

    def test_a_sandbox_call_does_not_reach_production(self):
        application = {"name": "app", "clientIds": ["app"], "sandboxClientIds": ["app-test"]}
        self.start(operator={"applications": [application]}, apiPolicies={"request": [BACKEND_JWT]})
        answered = {}
        for client_id in ("app", "app-test"):
            token = self.key.token(jws.claims("alice", "https://idp.corp.test", azp=client_id))
            answered[client_id] = self.send("h1", "GET", "/x", [("Authorization", "Bearer " + token)])
        self.assertEqual({name: answer.status for name, answer in answered.items()}, {"app": 200, "app-test": 404})
        self.assertEqual(len(self.backend.records), 1)

    def test_without_an_answer_nothing_is_forwarded(self):
        self.start(apiPolicies={"request": [BACKEND_JWT]})
        self.assert_status(self.send("h1", "GET", "/x", [self.bearer()]), 200)
        self.gateway.process.send_signal(signal.SIGKILL)
        self.gateway.process.wait()
        for protocol in PROTOCOLS:
            self.assertEqual(self.send(protocol, "GET", "/x", [self.bearer(), (ASSERTION, "FORGED")]).status, 503)
        self.assertEqual(len(self.backend.records), 1)

    def start_two(self):
        """Starts a gateway with another one beside it, which is returned."""
        other = ports.lease()
        self.addCleanup(ports.give_back, other)
        self.start(replicas=[other], apiPolicies={"request": [BACKEND_JWT]})
        written = self.settings | {"envoy": {"address": f"127.0.0.1:{other}"}}
        replica = Gateway(written, {"shop": self.api}, {"idp.json": jws.jwks(self.key)})
        self.addCleanup(replica.stop)
        return replica

    def call(self, times):
        """Calls so often, one call after the other: each arrives with a Backend JWT."""
        for number in range(times):
            self.assert_status(self.send("h1", "GET", f"/{number}", [self.bearer()]), 200)
            self.assertTrue(self.backend.last().value(ASSERTION))

    def test_another_replica_answers_when_one_is_gone(self):
        replica = self.start_two()
        self.call(20)
        for gateway in (self.gateway, replica):
            self.assertGreater(gateway.metric("countersign_requests_total", **{"class": "allowed"}), 0)
        self.gateway.process.send_signal(signal.SIGKILL)
        self.gateway.process.wait()
        self.call(20)

    def test_no_call_is_lost_while_a_replica_stops(self):
        self.start_two()
        self.call(10)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            stopping = pool.submit(self.gateway.process.wait, 20)
            self.gateway.process.terminate()
            while not stopping.done():
                self.call(1)
            self.assertEqual(stopping.result(), 0)
        self.call(10)

    def test_what_is_no_question_gets_no_decision(self):
        self.start()
        for message, path, status in (
            (b"", CHECK, "0"),
            (b"\xff\xff\xff", CHECK, "13"),
            (b"", "/envoy.service.auth.v3.Authorization/Other", "12"),
            (b"", "/shop/1/x", "12"),
        ):
            with self.subTest(message=message, path=path):
                answered = self.check(message, path)
                self.assertEqual((answered.status, answered.value("grpc-status")), (200, status))
        (record,) = self.records(1)
        self.assertEqual((record["outcome"], record["status"]), ("bad_request", 400))
        self.assert_status(self.send("h1", "GET", "/x", [self.bearer()]), 200)

    def test_health_is_told_as_grpc_tells_it(self):
        self.start()
        health = "/grpc.health.v1.Health/Check"
        service = b"envoy.service.auth.v3.Authorization"
        for asked in (b"", b"\x0a" + bytes([len(service)]) + service):
            answered = self.check(asked, health)
            self.assertEqual((answered.value("grpc-status"), answered.body), ("0", b"\0\0\0\0\x02\x08\x01"))
        self.assertEqual(self.check(b"\x0a\x05other", health).value("grpc-status"), "5")
        self.assertEqual(self.gateway.metric("countersign_requests_total"), 0)

    def test_only_an_envoy_with_a_certificate_is_answered(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name)
        servers, envoys, strangers = Authority("servers"), Authority("envoys"), Authority("envoys")
        servers.server(path)
        (path / "envoys.pem").write_text(envoys.pem, encoding="utf-8")
        known, _ = envoys.client(path / "known.pem", ["envoy"])
        stranger, _ = strangers.client(path / "stranger.pem", ["envoy"])
        files = {"certificate": path / "cert.pem", "privateKey": path / "key.pem", "clientCa": path / "envoys.pem"}
        self.start(
            envoy={"tls": {name: str(file) for name, file in files.items()}},
            asks={"transport_socket": asking_tls(path / "ca.pem", known)},
            folder=path,
            apiPolicies={"request": [BACKEND_JWT]},
        )
        self.assert_status(self.send("h1", "GET", "/x", [self.bearer()]), 200)
        self.assertTrue(self.backend.last().value(ASSERTION))
        for certificate in (None, stranger):
            with self.subTest(certificate=certificate):
                answered = self.check(b"", tls=True, certificate=certificate)
                self.assertEqual((answered.status, answered.fields), (0, []))
        self.assertEqual(self.check(b"", tls=True, certificate=known).status, 200)

    def test_an_envoy_that_could_be_anybody_is_not_believed_about_certificates(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        people = Authority("people")
        authority = pathlib.Path(folder.name) / "people.pem"
        authority.write_text(people.pem, encoding="utf-8")
        certificate, _ = people.client(pathlib.Path(folder.name) / "alice.pem", ["alice"])
        trusted = [{"name": "people", "ca": str(authority), "identity": "commonName", "issuer": "corp"}]
        authentication = [{"authType": "OAuth2", "enabled": False}, {"authType": "mTLS"}]
        for address, status in (("127.0.0.1", 200), ("0.0.0.0", 401)):
            with self.subTest(address=address):
                self.start(
                    host=address,
                    operator={"clientCertificates": trusted},
                    authentication=authentication,
                    keyManagers=[{"name": "corp"}],
                )
                self.assert_status(self.send("h1-tls", "GET", "/x", certificate=certificate), status)
                self.assertEqual(len(self.backend.records), int(status == 200))

    def test_what_check_says(self):
        """Of an address that anybody may ask, and of what Envoy does not do."""
        folder = Folder(
            {
                "gateway": {"issuer": "https://gateway.test", "listeners": []},
                "apis": {"directory": "apis/"},
                "keys": {"directory": "keys/"},
                "envoy": {"address": "0.0.0.0:9191"},
            },
            {
                "shop": {
                    "name": "shop",
                    "basePath": "/shop",
                    "version": "1",
                    "type": "REST",
                    "endpointConfigurations": {"production": [{"endpoint": "http://127.0.0.1:1"}]},
                    "operations": [operation("GET", "/x")],
                    "apiPolicies": {
                        "request": [{"policyName": "RequestMirror", "parameters": {"urls": ["http://127.0.0.1:2"]}}],
                        "response": [header("RemoveHeader", "Server")],
                    },
                }
            },
        )
        self.addCleanup(folder.remove)
        code, found = folder.check()
        self.assertEqual((code, [one for one in found if one["severity"] == "error"]), (0, []))
        messages = [(one["code"], one["message"]) for one in found]
        self.assertIn(("weak-setting", "whoever reaches this address is answered as if it were your Envoy"), messages)
        for what in ("no copies are sent", "the header is not removed from answers"):
            self.assertIn(("ignored-field", f"{what} for calls that Envoy forwards"), messages)


def asking_tls(authority, certificate):
    """How Envoy asks over TLS, with a certificate of its own."""
    files = {"certificate_chain": {"filename": str(certificate)}, "private_key": {"filename": str(certificate)}}
    context = {
        "@type": TLS + "UpstreamTlsContext",
        "common_tls_context": {
            "alpn_protocols": ["h2"],
            "tls_certificates": [files],
            "validation_context": {"trusted_ca": {"filename": str(authority)}},
        },
    }
    return {"name": "envoy.transport_sockets.tls", "typed_config": context}
