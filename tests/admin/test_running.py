"""What the admin REST API tells of the running gateway, and does to it: preview, stores, keys, applications, traffic."""

import base64
import http.client
import json
import threading
import time
import unittest

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from admin.client import POLICY, World, check_described, quoted
from harness import client, jws
from harness.gateway import run

ORDERS_ID = "orders:1.0"
POLICIES = f"/apis/{quoted(ORDERS_ID)}/policies"


class Running(unittest.TestCase):
    def setUp(self):
        self.world = World(admin={"testUsers": ["alice"]})
        self.addCleanup(self.world.stop)
        self.client = self.world.client

    def attach(self, **parameters):
        seen = self.client.get(POLICIES)
        policy = dict(POLICY, parameters=parameters)
        answer = self.client.change("PUT", POLICIES, {"api": {"request": [policy]}}, seen.etag)
        self.assertEqual(answer.status, 200, answer.text)

    def call(self, *more, status=200):
        fields = [("Authorization", f"Bearer {self.world.key.token(jws.claims())}"), *more]
        response = client.request(self.world.gateway.plain, "GET", "/orders/items", fields)
        self.assertEqual(response.status, status, response)
        return self.world.backend.last() if status == 200 else None

    def test_a_draft_is_previewed_as_it_would_be_and_nothing_is_kept(self):
        policies = {"operations": {"GET /items": {"request": [dict(POLICY, parameters={"tokenTTL": 60})]}}}
        question = {"api": ORDERS_ID, "operation": "GET /items", "user": "alice"}
        self.assertEqual(self.client.ask("POST", "/preview", question).json["jwts"], [])
        drafted = self.client.ask("POST", "/preview", dict(question, policies=policies))
        self.assertEqual(drafted.status, 200, drafted.text)
        check_described("Explanation", drafted.json)
        [jwt] = drafted.json["jwts"]
        claims = {claim["name"]: claim for claim in jwt["claims"]}
        self.assertEqual(claims["http://wso2.org/claims/emailaddress"]["value"], "alice@corp.test")
        self.assertEqual(jwt["limitBytes"], 4096)
        # `iat` lies back by the clock skew.
        self.assertEqual(claims["exp"]["value"] - claims["iat"]["value"], 60 + 10)
        self.assertIsNone(self.call().value("X-JWT-Assertion"))
        # What is saved is what was seen.
        seen = self.client.get(POLICIES)
        self.assertEqual(self.client.change("PUT", POLICIES, policies, seen.etag).status, 200)
        sent = jws.decode(self.call().value("X-JWT-Assertion"))[1]
        shown = {name: claim["value"] for name, claim in claims.items() if name not in ("iat", "exp", "nbf", "jti")}
        kept = {name: value for name, value in sent.items() if name not in ("iat", "exp", "nbf", "jti", "scope")}
        self.assertEqual({name: shown.get(name) for name in kept}, kept)

    def test_a_broken_draft_points_at_the_field(self):
        policies = {"api": {"request": [dict(POLICY, parameters={"signingAlgorithm": "RS257"})]}}
        question = {"api": ORDERS_ID, "operation": "GET /items", "user": "alice", "policies": policies}
        answer = self.client.ask("POST", "/preview", question)
        self.assertEqual(answer.status, 422)
        [found] = answer.json["diagnostics"]
        self.assertEqual(found["pointer"], "/policies/api/request/0/parameters/signingAlgorithm")
        unknown = self.client.ask("POST", "/preview", dict(question, policies=None, user="nobody"))
        self.assertEqual(unknown.status, 200, unknown.text)
        check_described("Explanation", unknown.json)
        self.assertEqual(unknown.json["jwts"], [])
        refused = self.client.ask("POST", "/preview", dict(question, policies={"api": {"request": [POLICY]}}, user="nobody"))
        check_described("Explanation", refused.json)
        self.assertEqual(refused.json["jwts"][0]["refused"]["code"], "unknown_user")

    def test_shadow_counts_what_would_change_for_users_that_have_called(self):
        self.attach(tokenTTL=60)
        self.call()
        without_mail = {"api": {"request": [dict(POLICY, parameters={"tokenTTL": 60, "claims": ["department"]})]}}
        answer = self.client.ask("POST", "/shadow", {"api": ORDERS_ID, "policies": without_mail})
        self.assertEqual(answer.status, 200, answer.text)
        self.assertEqual((answer.json["users"], answer.json["unchanged"]), (1, 0))
        removed = {name for each in answer.json["changed"] for name in each["removed"]}
        self.assertEqual(removed, {"http://wso2.org/claims/emailaddress"})
        self.assertNotIn("alice@corp.test", answer.text)
        same = self.client.ask("POST", "/shadow", {"api": ORDERS_ID, "policies": self.lists()})
        self.assertEqual((same.json["unchanged"], same.json["changed"]), (1, []))

    def test_shadow_looks_at_the_operations_that_would_answer_otherwise(self):
        self.attach(tokenTTL=60)
        self.call()
        operations = "".join(f"  - target: /n{number:02}\n    verb: GET\n" for number in range(25))
        endpoint = f"endpointConfigurations:\n  production:\n    - endpoint: {self.world.backend.url}\n      weight: 3\n"
        text = f"name: many\nbasePath: /many\n{endpoint}operations:\n{operations}"
        made = self.client.ask("POST", "/apis", {"document": text})
        self.assertEqual(made.status, 201, made.text)
        self.assertEqual(made.json["endpoints"], [{"type": "production", "url": self.world.backend.url + "", "weight": 3}])
        policy = {"request": [dict(POLICY, parameters={"header": "X-New"})]}
        ask = lambda policies: self.client.ask("POST", "/shadow", {"api": "many", "policies": policies}).json
        last = ask({"operations": {"GET /n24": policy}})
        self.assertEqual([(each["operation"], each["header"]) for each in last["changed"]], [("GET /n24", "X-New")])
        self.assertEqual((last["operations"], last["operationsSeen"]), (1, 1))
        every = ask({"api": policy})
        self.assertEqual((every["operations"], every["operationsSeen"], len(every["changed"])), (25, 20, 20))

    def test_shadow_tells_what_cannot_be_told(self):
        self.attach(tokenTTL=60)
        self.call()
        question = {"api": ORDERS_ID, "policies": {"api": {}}, "operation": "GET /nothing"}
        told = self.client.ask("POST", "/shadow", question).json
        self.assertEqual((told["users"], told["unknown"], told["unchanged"], told["changed"]), (1, 1, 0, []))

    def test_dialects_are_told_with_their_lists_and_the_default(self):
        dialects = {each["name"]: each for each in self.client.get("/dialects").json["items"]}
        self.assertEqual([name for name, each in dialects.items() if each["isDefault"]], ["wso2"])
        self.assertEqual(dialects["wso2"]["prefix"], "http://wso2.org/claims/")
        multi = {each["attribute"]: each["multi"] for each in dialects["oidc"]["claims"]}
        self.assertEqual((multi["groups"], multi["email"]), (True, False))
        written = yaml.safe_load(self.world.gateway.operator_file.read_text())
        written["backendJwt"] = {"defaults": {"dialect": "oidc"}}
        self.world.gateway.write("countersign.yaml", written)
        self.world.gateway.reload()
        default = [each["name"] for each in self.client.get("/dialects").json["items"] if each["isDefault"]]
        self.assertEqual(default, ["oidc"])

    def lists(self):
        shown = self.client.get(POLICIES).json
        return {"api": shown["api"], "operations": shown["operations"]}

    def test_stores_are_shown_looked_up_held_and_forgotten(self):
        self.attach(tokenTTL=60)
        self.call()
        [store] = self.client.get("/stores").json["items"]
        self.assertEqual((store["name"], store["kind"], store["state"], store["entries"]), ("staff", "inline", "up", 1))
        self.assertEqual(set(store["latency"]), {"p50Microseconds", "p99Microseconds"})
        told = json.loads(self.world.gateway.admin_get("/stores")[1])["stores"][0]["latency"]
        self.assertEqual(told, store["latency"])
        shown = run("stores", "status", "--config", self.world.gateway.operator_file).stdout
        self.assertRegex(shown, r"P50 +P99\n(.*\n)*staff .*\d ms +\d+\.\d ms")
        found = self.client.ask("POST", "/stores/staff/lookup", {"user": "alice"})
        self.assertEqual(found.json["attributes"]["email"], ["alice@corp.test"], found.text)
        self.assertEqual(self.client.ask("POST", "/stores/nobody/lookup", {"user": "alice"}).status, 404)
        self.assertEqual(self.client.ask("POST", "/stores/staff/invalidate", {"user": "alice"}).status, 204)
        misses = self.client.get("/stores").json["items"][0]["misses"]
        self.call()
        self.assertEqual(self.client.get("/stores").json["items"][0]["misses"], misses + 1)
        self.assertEqual(self.client.ask("POST", "/stores/staff/hold", {"stale": "4h"}).json["staleFor"], 4 * 3600)
        self.assertEqual(self.client.ask("POST", "/stores/staff/hold", {}).status, 200)
        self.assertNotIn("hold", self.client.get("/stores").json["items"][0])
        self.assertEqual(self.client.ask("POST", "/stores/staff/hold", {"stale": "soon"}).status, 422)
        self.assertEqual(self.client.ask("POST", "/stores/staff/invalidate", {"store": "other"}).status, 422)

    def test_keys_are_announced_activated_and_revoked_while_calls_run(self):
        self.attach(signingAlgorithm="ES256", tokenTTL=600)
        kid = lambda: jws.decode(self.call().value("X-JWT-Assertion"))[0]["kid"]
        states = lambda: {key["kid"]: key["state"] for key in self.client.get("/keys").json["items"] if key["algorithm"] == "ES256"}
        first = kid()
        announced = self.client.ask("POST", "/keys", {"algorithm": "ES256"})
        self.assertEqual(announced.status, 200, announced.text)
        [new] = [name for name, state in states().items() if state == "announced"]
        self.assertIn(new, {key["kid"] for key in self.world.gateway.jwks()["keys"]})
        self.assertEqual(kid(), first)
        self.assertEqual(self.client.ask("POST", "/keys", {"algorithm": "ES256"}).status, 409)
        self.assertEqual(self.client.ask("POST", f"/keys/{new}/activate").status, 200)
        self.assertEqual(states()[first], "retired")
        self.assertEqual(self.client.ask("POST", f"/keys/{first}/activate").status, 409)
        # A revoked key's cached tokens are gone at once.
        self.assertEqual(self.client.ask("POST", f"/keys/{first}/revoke").status, 200)
        self.assertEqual(kid(), new)
        self.assertNotIn(first, {key["kid"] for key in self.world.gateway.jwks()["keys"]})
        self.assertEqual(self.client.ask("POST", "/keys/nobody/revoke").status, 404)
        self.assertEqual(self.client.ask("POST", "/keys", {"algorithm": "HS256"}).status, 409)
        self.assertEqual(self.client.ask("POST", "/keys", {"algorithm": "RS257"}).status, 422)

    def test_a_retired_key_has_a_successor_and_stays_published(self):
        self.attach(signingAlgorithm="RS256", tokenTTL=600)
        kid = lambda: jws.decode(self.call().value("X-JWT-Assertion"))[0]["kid"]
        first = kid()
        answer = self.client.ask("POST", f"/keys/{first}/retire")
        self.assertEqual(answer.status, 200, answer.text)
        keys = {key["kid"]: key for key in answer.json["items"] if key["algorithm"] == "RS256"}
        self.assertEqual(keys[first]["state"], "retired")
        self.assertGreater(keys[first]["goneAt"], keys[first]["retiredAt"])
        [second] = [name for name, key in keys.items() if key["state"] == "active"]
        self.assertEqual(kid(), second)
        self.assertLessEqual({first, second}, {key["kid"] for key in self.world.gateway.jwks()["keys"]})
        self.assertNotIn("certificate", keys[second])
        self.assertEqual(self.client.ask("POST", f"/keys/{first}/retire").status, 409)
        self.assertEqual(self.client.get("/history").json["items"][0]["action"], f"key {first} retired")

    def test_keys_that_change_while_the_files_do_not_compile_are_noted_all_the_same(self):
        written = self.world.gateway.operator_file.read_text()
        self.world.gateway.operator_file.write_text(written + "nothing: of ours\n")
        refused = self.client.ask("POST", "/keys", {"algorithm": "ES256"})
        self.assertEqual(refused.status, 409, refused.text)
        self.assertEqual(self.client.get("/history").json["items"][0]["action"], "ES256 key announced")
        self.acts("keys_changed", lambda act: (act["by"], act["action"]) == ("local operator", "ES256 key announced"))

    def test_acts_are_in_the_audit_log_with_who_did_them(self):
        self.world.gateway.reload()
        self.client.ask("POST", "/stores/staff/invalidate", {"user": "alice"})
        self.client.ask("POST", "/stores/staff/hold", {"stale": "4h"})
        self.client.ask("POST", "/applications", {"name": "shop"})
        self.client.ask("POST", "/api-keys", {"application": "shop"})
        self.acts("configuration_changed", lambda act: act["action"] == "api key created" and "csk_" not in act["diff"])
        self.acts("configuration_reloaded", lambda act: act["applied"] and act["by"] == "local operator")
        self.acts("attributes_invalidated", lambda act: act["store"] == "staff" and act["user"] != "alice")
        self.acts("user_store_held", lambda act: act["staleFor"] == 4 * 3600)

    def acts(self, event, is_wanted):
        """Waits until the audit log has such an act."""
        def found():
            whole = self.world.gateway.log_text().rpartition("\n")[0].splitlines()
            lines = [json.loads(line) for line in whole if line.startswith('{"')]
            return any(line.get("event") == event and is_wanted(line) for line in lines)
        self.world.gateway.wait_until(found, f"no such `{event}` in the audit log")

    def test_a_key_with_a_certificate_shows_it(self):
        path = self.world.gateway.path / "tls" / "cert.pem"
        written = yaml.safe_load(self.world.gateway.operator_file.read_text())
        written["keys"]["files"] = [{"file": "tls/key.pem", "certificate": "tls/cert.pem"}]
        self.world.gateway.write("countersign.yaml", written)
        self.world.gateway.reload()
        [shown] = [key["certificate"] for key in self.client.get("/keys").json["items"] if key["origin"] == "keys.files"]
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        thumbprint = base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())).decode().rstrip("=")
        expected = {"subject": "CN=localhost", "notAfter": int(certificate.not_valid_after_utc.timestamp()), "x5t#S256": thumbprint}
        self.assertEqual(shown, expected)

    def test_applications_and_api_keys_live_in_the_operators_file(self):
        new = {"name": "shop", "clientIds": ["shop-1"], "subscriptions": [{"api": "orders"}]}
        made = self.client.ask("POST", "/applications", new)
        self.assertEqual((made.status, made.json), (201, new), made.text)
        self.assertEqual(self.client.ask("POST", "/applications", new).status, 409)
        key = self.client.ask("POST", "/api-keys", {"application": "shop"})
        self.assertEqual(key.status, 201, key.text)
        self.assertTrue(key.json["key"].startswith("csk_"))
        text = self.world.gateway.operator_file.read_text()
        self.assertNotIn(key.json["key"], text)
        shown = self.client.get("/applications/shop")
        self.assertEqual(shown.json["apiKeys"], [{"id": key.json["id"]}])
        changed = self.client.change("PUT", "/applications/shop", dict(new, tier="Gold"), shown.etag)
        self.assertEqual((changed.status, changed.json["tier"], len(changed.json["apiKeys"])), (200, "Gold", 1))
        self.assertEqual(self.client.change("PUT", "/applications/shop", new, shown.etag).status, 412)
        wrong = self.client.change("PUT", "/applications/shop", dict(new, tear="Gold"), changed.etag)
        self.assertEqual((wrong.status, wrong.json["diagnostics"][0]["pointer"]), (422, "/tear"))
        self.assertEqual(self.client.ask("DELETE", f"/api-keys/shop/{key.json['id']}").status, 204)
        etag = self.client.get("/applications").etag
        self.assertEqual(self.client.change("DELETE", "/applications/shop", None, etag).status, 204)
        self.assertEqual(self.client.get("/applications").json["items"], [])
        self.assertEqual([change["action"] for change in self.client.get("/history").json["items"]][:3],
                         ["application removed", "api key removed", "application changed"])

    def test_api_keys_that_are_over_are_not_made_and_many_are_made_at_once(self):
        self.assertEqual(self.client.ask("POST", "/applications?note=new", {"name": "shop"}).status, 201)
        self.assertEqual(self.client.get("/history").json["items"][0]["note"], "new")
        for ended in ("2020-01-01", "2020-01-01T00:00:00Z"):
            refused = self.client.ask("POST", "/api-keys", {"application": "shop", "expires": ended})
            self.assertEqual((refused.status, "over already" in refused.text), (422, True), refused.text)
        self.assertEqual(self.client.ask("POST", "/api-keys", {"application": "shop", "expires": "soon"}).status, 422)
        made = []
        add = lambda: made.append(self.client.ask("POST", "/api-keys", {"application": "shop", "expires": "2999-01-01"}))
        threads = [threading.Thread(target=add) for _ in range(8)]
        [thread.start() for thread in threads]
        [thread.join(60) for thread in threads]
        self.assertEqual([answer.status for answer in made], [201] * 8, [answer.text for answer in made])
        ids = {key["id"] for key in self.client.get("/applications/shop").json["apiKeys"]}
        self.assertEqual(ids, {answer.json["id"] for answer in made})
        self.assertEqual(len(ids), 8)

    def test_a_secret_attribute_is_not_shown_and_stays_until_it_is_replaced(self):
        written = {"name": "shop", "clientIds": ["shop-1"], "attributes": {"token": "s3cr3t-1", "hash": "s3cr3t-2", "team": "web"}}
        self.assertEqual(self.client.ask("POST", "/applications", written).status, 201)
        shown = self.client.get("/applications/shop")
        marked = {"token": "(not shown)", "hash": "(not shown)", "team": "web"}
        self.assertEqual(shown.json, dict(written, attributes=marked))
        edited = dict(shown.json, tier="Gold", attributes=dict(marked, team="shop"))
        tried = self.client.change("PUT", "/applications/shop?dryRun=true", edited, shown.etag)
        self.assertIn("token: (not shown)", tried.json["diff"])
        changed = self.client.change("PUT", "/applications/shop", edited, shown.etag)
        self.assertEqual((changed.status, changed.json), (200, edited), changed.text)
        self.assertEqual(self.written("shop")["attributes"], dict(written["attributes"], team="shop"))

        replaced = dict(edited, attributes=dict(marked, token="s3cr3t-3"))
        tried = self.client.change("PUT", "/applications/shop?dryRun=true", replaced, changed.etag)
        self.assertRegex(tried.json["diff"], r"(?m)^\+ +token: \(not shown: new\)$")
        changed = self.client.change("PUT", "/applications/shop", replaced, changed.etag)
        self.assertEqual((changed.status, self.written("shop")["attributes"]["token"]), (200, "s3cr3t-3"))

        # The mark stands for what is there, and for nothing else.
        for attributes in ({"other": "(not shown)"}, {"team": "(not shown)"}):
            refused = self.client.change("PUT", "/applications/shop", dict(edited, attributes=attributes), changed.etag)
            self.assertEqual(refused.status, 422, refused.text)
            self.assertIn(f"/attributes/{next(iter(attributes))}", refused.json["detail"])
        refused = self.client.ask("POST", "/applications", {"name": "copy", "attributes": {"token": "(not shown)"}})
        self.assertEqual(refused.status, 422, refused.text)
        self.assertNotIn("(not shown", self.world.gateway.operator_file.read_text())
        self.assertEqual(self.client.change("DELETE", "/applications/shop", None, changed.etag).status, 204)
        for told in (self.client.get("/history").text, self.client.get("/requests").text, self.world.gateway.log_text()):
            self.assertNotIn("s3cr3t", told)

    def written(self, name):
        """The application in the operator's file."""
        operator = yaml.safe_load(self.world.gateway.operator_file.read_text())
        return next(one for one in operator["applications"] if one["name"] == name)

    def test_traffic_requests_and_history_are_told_without_values(self):
        self.attach(tokenTTL=60)
        self.call()
        client.request(self.world.gateway.plain, "GET", "/orders/items", [])
        wait = self.world.gateway.wait_until
        wait(lambda: self.client.get("/requests").json["total"] == 2, "requests are not told")
        requests = self.client.get("/requests?outcome=answered").json["items"]
        self.assertEqual([(each["api"], each["operation"], each["status"]) for each in requests],
                         [("orders", "GET /items", 200)])
        self.assertGreater(requests[0]["micros"]["total"], 0)
        first = self.client.get("/requests?limit=1").json
        self.assertEqual((len(first["items"]), first["total"]), (1, 2))
        traffic = self.client.get("/traffic").json
        self.assertEqual((traffic["requests"], traffic["refusals"]), (2, {"unauthorized": 1}))
        self.assertEqual((traffic["withJwt"], traffic["minted"], traffic["mintLatency"]["count"]), (1, 1, 1))
        [disclosure] = [each for each in self.client.get("/disclosures").json["items"]
                        if each["attribute"] == "email" and each["operation"] == "GET /items"]
        self.assertEqual(disclosure["backends"], [f"127.0.0.1:{self.world.backend.port}"])
        self.assertEqual(disclosure["ttl"], 60)
        csv = self.client.get("/disclosures?format=csv")
        self.assertEqual(csv.headers["content-type"], "text/csv; charset=utf-8")
        self.assertTrue(csv.text.startswith("attribute,claim,"))
        self.assertEqual(self.client.get("/diagnostics").json["items"], [])
        for path in ("/requests", "/traffic", "/history", "/disclosures", "/stores", "/issuers", "/dialects", "/environments"):
            answer = self.client.get(path)
            self.assertEqual(answer.status, 200, path)
            self.assertNotIn("alice@corp.test", answer.text, path)

    def test_events_tell_of_a_publication_and_of_a_refusal(self):
        connection = http.client.HTTPConnection(*self.world.gateway.admin, timeout=20)
        connection.request("GET", "/api/v1/events")
        stream = connection.getresponse()
        self.assertTrue(stream.getheader("content-type").startswith("text/event-stream"))

        def event():
            while True:
                line = stream.readline().decode()
                if line.startswith("data: "):
                    return json.loads(line[6:])

        first = event()
        self.attach(tokenTTL=60)
        self.assertEqual(event()["revision"], first["revision"] + 1)
        self.world.gateway.write("apis/orders.yaml", "name: [\n")
        self.assertTrue(event()["refused"])
        connection.close()
        self.assertTrue(self.client.get("/me").json["gateway"]["refused"])

    def test_an_unrelated_broken_file_is_shown_and_told(self):
        self.world.gateway.write("apis/orders.yaml", self.world.file.read_text() + "nonsense: 1\n")
        self.world.gateway.wait_until(lambda: self.client.get("/me").json["gateway"]["refused"], "no refusal")
        [found] = self.client.get("/diagnostics").json["items"]
        self.assertEqual((found["severity"], found["code"]), ("error", "unknown-field"))


class Many(unittest.TestCase):
    """A thousand APIs."""

    def test_a_thousand_apis_are_listed_and_one_is_changed_in_reasonable_time(self):
        world = World()
        self.addCleanup(world.stop)
        text = world.file.read_text()
        for number in range(999):
            named = text.replace("name: orders ", f"name: api{number} ").replace("/orders", f"/api{number}")
            (world.gateway.path / "apis" / f"api{number}.yaml").write_text(named)
        world.gateway.reload()
        world.client.get("/apis?limit=1")
        started = time.monotonic()
        page = world.client.get("/apis?limit=1000").json
        listed = time.monotonic() - started
        self.assertEqual((page["total"], len(page["items"])), (1000, 1000))
        self.assertEqual(world.client.get("/apis?q=api77&limit=3").json["total"], 11)
        seen = world.client.get(POLICIES)
        started = time.monotonic()
        answer = world.client.change("PUT", POLICIES, {"api": {"request": [POLICY]}}, seen.etag)
        self.assertEqual(answer.status, 200, answer.text)
        changed = time.monotonic() - started
        # A debug build on a busy machine; a release build takes about a tenth of it.
        self.assertLess(max(listed, changed), 20)
