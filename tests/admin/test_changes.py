"""APIs and policies changed through the admin REST API: in the files, at once, with nobody's work lost."""

import json
import subprocess
import threading
import time
import unittest

from admin.client import ORDERS, POLICY, World, quoted
from harness import client, jws
from harness.gateway import fetch

ORDERS_ID = "orders:1.0"
POLICIES = f"/apis/{quoted(ORDERS_ID)}/policies"

IMPORTED = """\
type: api
version: v4.1.0
data:
  name: Books
  context: /books/{{version}}
  version: 1.2.0
  enableBackendJWT: true
  securityScheme: [oauth2, api_key]
  corsConfiguration:
    corsConfigurationEnabled: true
    accessControlAllowOrigins: ["https://shop.test"]
  endpointConfig:
    production_endpoints: {{ url: "{backend}" }}
  operations:
    - {{ target: /list, verb: GET, authType: Any }}
"""

RESOURCE = """\
apiVersion: dp.wso2.com/v1alpha1
kind: BackendJWT
metadata: { name: lonely }
spec: { header: X-Lonely, tokenTTL: 60 }
"""


class Changes(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.stop)
        self.client = self.world.client

    def call(self, target="/orders/items"):
        """Calls through the gateway; the headers that the backend got."""
        token = self.world.key.token(jws.claims())
        response = client.request(self.world.gateway.plain, "GET", target, [("Authorization", f"Bearer {token}")])
        self.assertEqual(response.status, 200, response)
        return self.world.backend.last()

    def attach(self, policies, **query):
        """Puts policies, as last seen."""
        seen = self.client.get(POLICIES)
        path = POLICIES + ("?dryRun=true" if query.get("dry") else "")
        return self.client.change("PUT", path, policies, seen.etag)

    def test_a_policy_on_one_operation_is_live_at_once_and_a_small_difference_in_the_file(self):
        self.assertIsNone(self.call().value("X-JWT-Assertion"))
        before = self.world.file.read_text()
        started = time.monotonic()
        answer = self.attach({"operations": {"GET /items": {"request": [POLICY]}}})
        took = time.monotonic() - started
        self.assertEqual(answer.status, 200, answer.text)
        self.assertIsNotNone(self.call().value("X-JWT-Assertion"))
        self.assertIsNone(self.call("/orders/items/7").value("X-JWT-Assertion"))
        self.assertLess(took, 1.0 if "debug" in str(self.world.gateway.process.args[0]) else 0.2)
        after = self.world.file.read_text().splitlines()
        added = [line for line in after if line not in before.splitlines()]
        self.assertEqual([line for line in before.splitlines() if line not in after], [])
        self.assertEqual(len(added), 7, added)
        self.assertEqual(self.client.get(POLICIES).json["operations"]["GET /items"]["request"], [POLICY])

    def test_a_dry_run_says_what_would_happen_and_changes_nothing(self):
        before = self.world.file.read_text()
        answer = self.attach({"api": {"request": [POLICY]}}, dry=True)
        self.assertEqual(answer.status, 200, answer.text)
        self.assertIn("+apiPolicies:", answer.json["diff"])
        self.assertEqual(answer.json["affected"], ["orders:1.0 GET /items", "orders:1.0 GET /items/{id}"])
        self.assertEqual(self.world.file.read_text(), before)
        self.assertIsNone(self.call().value("X-JWT-Assertion"))

    def test_a_dry_run_names_the_operations_that_any_policy_changes(self):
        every = ["orders:1.0 GET /items", "orders:1.0 GET /items/{id}"]
        header = {"policyName": "SetHeader", "parameters": {"headerName": "X-Stage", "headerValue": "test"}}
        answer = self.attach({"operations": {"GET /items": {"request": [header]}}}, dry=True)
        self.assertEqual((answer.status, answer.json["affected"]), (200, every[:1]), answer.text)
        seen = self.client.get(f"/apis/{quoted(ORDERS_ID)}")
        cors = "corsConfiguration:\n  corsConfigurationEnabled: true\n  accessControlAllowOrigins: [\"https://a.test\"]\n"
        for more in (cors, "rateLimit:\n  requestsPerUnit: 7\n  unit: Minute\n"):
            document = {"document": seen.json["document"] + more}
            answer = self.client.change("PUT", f"/apis/{quoted(ORDERS_ID)}?dryRun=true", document, seen.etag)
            self.assertEqual((answer.status, answer.json.get("affected")), (200, every), answer.text)
        nothing = {"document": seen.json["document"] + "# more\n"}
        answer = self.client.change("PUT", f"/apis/{quoted(ORDERS_ID)}?dryRun=true", nothing, seen.etag)
        self.assertEqual(answer.json["affected"], [])

    def test_a_mistake_is_told_at_the_posted_field_as_check_tells_it(self):
        before = self.world.file.read_text()
        wrong = dict(POLICY, parameters={"tokenTTL": 0, "header": "Content-Type"})
        answer = self.attach({"operations": {"GET /items": {"request": [wrong]}}})
        self.assertEqual(answer.status, 422)
        self.assertEqual(answer.headers["content-type"], "application/problem+json")
        places = {found["pointer"]: found for found in answer.json["diagnostics"]}
        place = "/operations/GET ~1items/request/0/parameters/"
        self.assertEqual(set(places), {place + "tokenTTL", place + "header"})
        self.assertEqual(self.world.file.read_text(), before)
        # The same text, checked as a file.
        self.world.file.write_text(before.replace("    secured: true\n    scopes: []\n", f"""    secured: true
    scopes: []
    operationPolicies:
      request:
        - policyName: BackendJwt
          policyVersion: v1
          parameters:
            header: Content-Type
            tokenTTL: 0
""", 1))
        _, found = self.world.gateway.check()
        keys = ("severity", "code", "message", "line", "column")
        shown = sorted([each[key] for key in keys] for each in places.values())
        self.assertEqual(shown, sorted([each[key] for key in keys] for each in found if each["severity"] == "error"))

    def test_policies_that_are_not_named_stay(self):
        self.assertEqual(self.attach({"api": {"request": [POLICY]}}).status, 200)
        other = dict(POLICY, parameters={"header": "X-Other"})
        self.assertEqual(self.attach({"operations": {"GET /items": {"request": [other]}}}).status, 200)
        kept = self.client.get(POLICIES).json
        self.assertEqual((kept["api"]["request"], kept["operations"]["GET /items"]["request"]), ([POLICY], [other]))
        self.assertEqual(self.attach({"api": {}}).status, 200)
        self.assertEqual(self.client.get(POLICIES).json["api"], {"request": [], "response": []})

    def test_two_authors_edit_at_once_and_neither_loses_work(self):
        seen = self.client.get(POLICIES)
        first = self.client.change("PUT", POLICIES, {"operations": {"GET /items": {"request": [POLICY]}}}, seen.etag)
        self.assertEqual(first.status, 200, first.text)
        other = {"operations": {"GET /items/{id}": {"request": [POLICY]}}}
        second = self.client.change("PUT", POLICIES, other, seen.etag)
        self.assertEqual((second.status, second.json["code"]), (412, "changed_meanwhile"))
        self.assertEqual(second.etag, first.etag)
        self.assertEqual(self.client.change("PUT", POLICIES, other, second.etag).status, 200)
        now = self.client.get(POLICIES).json["operations"]
        self.assertEqual([len(now[name]["request"]) for name in ("GET /items", "GET /items/{id}")], [1, 1])
        self.assertEqual(self.client.ask("PUT", POLICIES, other).status, 428)

    def test_an_edit_by_hand_is_never_overwritten(self):
        seen = self.client.get(POLICIES)
        self.world.file.write_text(self.world.file.read_text() + "# by hand\n")
        answer = self.client.change("PUT", POLICIES, {"api": {"request": [POLICY]}}, seen.etag)
        self.assertEqual(answer.status, 412)
        self.assertEqual(self.attach({"api": {"request": [POLICY]}}).status, 200)
        text = self.world.file.read_text()
        self.assertIn("# by hand\n", text)
        self.assertIn("apiPolicies:\n  request:\n    - policyName: BackendJwt\n", text)

    def test_many_authors_at_once(self):
        names = [f"X-H-{number}" for number in range(8)]
        lost = []

        def author(header):
            while True:
                seen = self.client.get(POLICIES)
                listed = seen.json["api"]["request"]
                mine = dict(POLICY, parameters={"header": header})
                answer = self.client.change("PUT", POLICIES, {"api": {"request": [*listed, mine]}}, seen.etag)
                if answer.status == 200:
                    return
                if answer.status != 412:
                    lost.append(answer.text)
                    return

        threads = [threading.Thread(target=author, args=(name,)) for name in names]
        [thread.start() for thread in threads]
        [thread.join(60) for thread in threads]
        self.assertEqual(lost, [])
        headers = {policy["parameters"]["header"] for policy in self.client.get(POLICIES).json["api"]["request"]}
        self.assertEqual(headers, set(names))

    def test_a_change_fails_no_call_and_is_published_once(self):
        revision = json.loads(self.world.gateway.admin_get("/readyz")[1])["revision"]
        failures, stop = [], threading.Event()
        token = self.world.key.token(jws.claims())

        def load():
            while not stop.is_set():
                fields = [("Authorization", f"Bearer {token}")]
                response = client.request(self.world.gateway.plain, "GET", "/orders/items", fields)
                if response.status != 200:
                    failures.append(response)

        threads = [threading.Thread(target=load) for _ in range(3)]
        [thread.start() for thread in threads]
        for number in range(5):
            policy = dict(POLICY, parameters={"header": "X-JWT-Assertion", "tokenTTL": 100 + number})
            self.assertEqual(self.attach({"api": {"request": [policy]}}).status, 200)
        stop.set()
        [thread.join(20) for thread in threads]
        self.assertEqual(failures, [])
        # The watch has seen the file by the time that it tells of another one.
        self.world.gateway.write_api("later", ORDERS.format(backend=self.world.backend.url).replace("orders", "later"))
        ready = lambda: json.loads(self.world.gateway.admin_get("/readyz")[1])["revision"]
        self.world.gateway.wait_until(lambda: ready() > revision + 5, "the watch does not see a new file")
        self.assertEqual(ready(), revision + 6)

    def test_git_shows_a_small_readable_change(self):
        folder = self.world.gateway.path / "apis"
        git = lambda *words: subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True, text=True)
        git("init", "-q")
        git("add", ".")
        git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "before")
        self.attach({"operations": {"GET /items/{id}": {"request": [POLICY]}}})
        stat = git("diff", "--numstat").stdout.split()
        self.assertEqual(stat[:2], ["7", "0"])

    def test_files_of_other_products_are_imported_and_only_tried_unless_told_otherwise(self):
        api = IMPORTED.format(backend=self.world.backend.url)
        files = [{"name": "shop/api.yaml", "text": api}, {"name": "jwt.yaml", "text": RESOURCE}]
        folder = self.world.gateway.path / "apis"
        tried = self.client.ask("POST", "/import", {"files": files})
        self.assertEqual(tried.status, 200, tried.text)
        self.assertEqual([(each["from"], each["name"], each["written"]) for each in tried.json["files"]],
                         [("shop/api.yaml", "books-1-2-0.yaml", False), ("jwt.yaml", "lonely.yaml", False)])
        notes = {note["field"]: note for note in tried.json["notes"]}
        self.assertEqual(notes["data.securityScheme"]["outcome"], "not carried over")
        self.assertEqual((notes["data.securityScheme"]["file"], notes["data.securityScheme"]["line"]), ("shop/api.yaml", 8))
        summary = tried.json["summary"]
        self.assertEqual((summary["apis"], summary["refused"]), (2, 0))
        self.assertEqual(summary["notCarriedOver"], sum(it["times"] for it in notes.values() if it["outcome"] == "not carried over"))
        self.assertEqual([path.name for path in folder.iterdir()], ["orders.yaml"])
        made = self.client.ask("POST", "/import?dryRun=false", {"files": files[:1], "note": "moved"})
        self.assertEqual((made.status, made.json["files"][0]["written"]), (200, True), made.text)
        # It answers at once, with the CORS that it had.
        fields = [("Origin", "https://shop.test"), ("Access-Control-Request-Method", "GET")]
        preflight = client.request(self.world.gateway.plain, "OPTIONS", "/books/1.2.0/list", fields)
        self.assertEqual((preflight.status, preflight.value("Access-Control-Allow-Origin")), (204, "https://shop.test"))
        newest = self.client.get("/history").json["items"][0]
        self.assertEqual((newest["action"], newest["note"], newest["file"]), ("api created", "moved", "books-1-2-0.yaml"))
        # A second time it would stand in its own way, and nothing is made.
        again = self.client.ask("POST", "/import", {"files": files[:1]})
        self.assertEqual((again.status, again.json["check"][0]["severity"]), (200, "error"))
        self.assertEqual(self.client.ask("POST", "/import?dryRun=false", {"files": files[:1]}).status, 422)
        broken = self.client.ask("POST", "/import", {"files": [{"name": "x.yaml", "text": "a: ["}]})
        self.assertEqual((broken.status, broken.json["refused"][0]["file"]), (200, "x.yaml"))
        self.assertEqual(self.client.ask("POST", "/import", {"files": []}).status, 422)

    def test_every_policy_with_effect_says_on_which_line_it_stands(self):
        header = {"policyName": "SetHeader", "policyVersion": "v1", "parameters": {"headerName": "X-Stage", "headerValue": "test"}}
        seen = self.client.get(POLICIES)
        lists = {"api": {"request": [POLICY]}, "operations": {"GET /items": {"request": [header]}}}
        self.assertEqual(self.client.change("PUT", POLICIES, lists, seen.etag).status, 200)
        lines = self.world.file.read_text().splitlines()
        line = next(number for number, text in enumerate(lines, 1) if "policyName: SetHeader" in text)
        operations = self.client.get(f"/apis/{quoted(ORDERS_ID)}/operations").json["items"]
        [shown] = [each for each in operations if each["target"] == "/items"]
        places = {each["policyName"]: each["at"] for each in shown["effective"]}
        self.assertEqual(places["SetHeader"], f"orders.yaml:{line}")

    def test_an_api_is_made_of_an_openapi_document_replaced_restored_and_removed(self):
        document = {
            "openapi": "3.1.0",
            "info": {"title": "Bills", "version": "2.0"},
            "x-team": "billing",
            "servers": [{"url": self.world.backend.url}],
            "paths": {"/bills": {"get": {"responses": {"200": {"description": "ok"}}}}},
        }
        new = {"document": json.dumps(document), "basePath": "/bills", "kind": "auto"}
        tried = self.client.ask("POST", "/apis?dryRun=true", new)
        self.assertEqual(tried.status, 200, tried.text)
        told = {note["field"]: (note["outcome"], note["line"]) for note in tried.json["notes"]}
        self.assertEqual(told["info.title"], ("carried over", 1))
        self.assertEqual(told["x-…"], ("not carried over", 1))
        self.assertEqual(len(list((self.world.gateway.path / "apis").iterdir())), 1)
        made = self.client.ask("POST", "/apis", new)
        self.assertEqual(made.status, 201, made.text)
        place, api = made.headers["location"], made.json
        self.assertEqual((api["state"], api["operations"], api["version"]), ("live", 1, "2.0"))
        self.assertEqual(self.client.get(place).json["document"], api["document"])
        self.assertEqual(self.client.ask("POST", "/apis", new).status, 422)
        changed = api["document"].replace("/bills", "/invoices")
        answer = self.client.change("PUT", place, {"document": changed, "note": "renamed"}, made.etag)
        self.assertEqual(answer.status, 200, answer.text)
        self.assertEqual(answer.json["context"], "/invoices/2.0")
        revisions = self.client.get(place + "/revisions").json["items"]
        self.assertEqual([(each["action"], each["note"]) for each in revisions],
                         [("definition changed", "renamed"), ("api created", "")])
        first = f"{place}/revisions/{revisions[1]['n']}"
        self.assertEqual(self.client.get(first).json["document"], api["document"])
        back = self.client.change("POST", first + "/restore", None, answer.etag)
        self.assertEqual((back.status, back.json["context"]), (200, "/bills/2.0"))
        self.assertEqual(self.client.change("DELETE", place + "?note=gone", None, made.etag).status, 204)
        self.assertEqual(self.client.get(place).status, 404)
        self.assertEqual(self.client.get(place + "/revisions").json["items"][0]["note"], "gone")
        # A removed API is made again of any of its revisions.
        stale = self.client.change("POST", first + "/restore", None, made.etag)
        self.assertEqual((stale.status, self.client.get(place).status), (412, 404), stale.text)
        tried = self.client.ask("POST", first + "/restore?dryRun=true")
        self.assertEqual((tried.status, self.client.get(place).status), (200, 404), tried.text)
        back = self.client.ask("POST", first + "/restore?note=needed")
        self.assertEqual((back.status, back.json["context"], back.json["file"]), (200, "/bills/2.0", api["file"]), back.text)
        newest = self.client.get(place + "/revisions").json["items"][0]
        self.assertEqual((newest["action"], newest["note"]), ("api restored", f"revision {revisions[1]['n']}: needed"))

    def test_an_api_keeps_its_revisions_under_another_name(self):
        place = f"/apis/{quoted(ORDERS_ID)}"
        self.assertEqual(self.attach({"api": {"request": [POLICY]}}).status, 200)
        seen = self.client.get(place)
        renamed = self.client.change("PUT", place, {"document": "id: o-1\n" + seen.json["document"]}, seen.etag)
        self.assertEqual((renamed.status, renamed.json["id"], renamed.json["revisions"]), (200, "o-1", 3), renamed.text)
        actions = [each["action"] for each in self.client.get("/apis/o-1/revisions").json["items"]]
        self.assertEqual(actions, ["definition changed", "policies changed", "first seen"])
        first = self.client.get("/apis/o-1/revisions").json["items"][-1]["n"]
        back = self.client.change("POST", f"/apis/o-1/revisions/{first}/restore", None, renamed.etag)
        self.assertEqual((back.status, back.json["id"]), (200, ORDERS_ID), back.text)

    def test_an_api_that_never_was_has_no_revisions(self):
        for path in ("/apis/nothing/revisions", "/apis/nothing/revisions/1"):
            self.assertEqual(self.client.get(path).status, 404, path)
        self.assertEqual(self.client.ask("POST", "/apis/nothing/revisions/1/restore").status, 404)

    def test_a_document_of_four_megabytes_fits(self):
        document = "openapi: 3.0.0\ninfo: { title: Large }\npaths: {}\n" + '# "quoted"\n' * 390_000
        self.assertGreater(len(document), 4 << 20)
        answer = self.client.ask("POST", "/apis?dryRun=true", {"document": document})
        self.assertEqual(answer.status, 200, answer.text[:500])

    def test_what_is_wrong_beside_a_document_is_told_at_its_field(self):
        document = {"openapi": "3.0.0", "info": {"title": "Orders", "version": "1.0"},
                    "paths": {"/x": {"get": {"responses": {}}}}}
        right = {"document": json.dumps(document), "name": "bills", "basePath": "/bills", "endpoint": self.world.backend.url}
        self.assertEqual(self.client.ask("POST", "/apis?dryRun=true", right).status, 200)
        for field, wrong in (("basePath", "/a b"), ("basePath", "/orders"), ("version", "1/2"), ("name", " "),
                             ("endpoint", "nowhere"), ("endpoint", "ftp://a.test"), ("name", "orders")):
            answer = self.client.ask("POST", "/apis?dryRun=true", dict(right, **{field: wrong}))
            places = [each["pointer"] for each in answer.json.get("diagnostics", [])]
            self.assertEqual((answer.status, places), (422, [f"/{field}"]), (wrong, answer.text))

    def test_a_broken_document_is_refused_with_its_mistakes(self):
        answer = self.client.ask("POST", "/apis", {"document": "name: x\nbasePath: x\noperations: []\nvers: 1\n"})
        self.assertEqual(answer.status, 422, answer.text)
        codes = {found["code"] for found in answer.json["diagnostics"]}
        self.assertTrue(codes, answer.text)
        self.assertEqual(len(list((self.world.gateway.path / "apis").iterdir())), 1)


class Listener(unittest.TestCase):
    """The listener itself: whom it lets in, and how its answers are protected."""

    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.addClassCleanup(cls.world.stop)

    def test_pages_of_other_sites_and_other_names_are_refused(self):
        address = "%s:%d" % self.world.gateway.admin
        ask = self.world.client.get
        self.assertEqual(ask("/me", origin=f"http://{address}").status, 200)
        self.assertEqual(ask("/me", origin="http://evil.test").status, 403)
        self.assertEqual(ask("/me", origin="null").status, 403)
        self.assertEqual(ask("/me", host="evil.test").status, 403)
        self.assertEqual(ask("/me", host="127.0.0.1.evil.test").status, 403)

    def test_a_change_needs_the_header_that_no_form_can_send(self):
        answer = self.world.client.ask("POST", "/apis", {"document": ""}, x_countersign_csrf=None)
        self.assertEqual((answer.status, answer.json["code"]), (403, "forbidden"))

    def test_answers_are_hardened_and_not_kept(self):
        answer = self.world.client.get("/me")
        self.assertEqual(answer.headers["x-content-type-options"], "nosniff")
        self.assertEqual(answer.headers["x-frame-options"], "DENY")
        self.assertEqual(answer.headers["cache-control"], "no-store")

    def test_unknown_paths_and_methods_are_problems(self):
        answer = self.world.client.get("/nothing")
        self.assertEqual((answer.status, answer.headers["content-type"]), (404, "application/problem+json"))
        self.assertEqual(self.world.client.ask("PATCH", "/apis").status, 405)
        status, text = fetch(self.world.gateway.admin, "/nothing")
        self.assertEqual((status, json.loads(text)["code"]), (404, "not_found"))
        self.assertEqual(fetch(self.world.gateway.admin, "/invalidate")[0], 405)
        self.assertEqual(fetch(self.world.gateway.admin, "/invalidate", "POST", "")[0], 415)
        self.assertEqual(fetch(self.world.gateway.admin, "/stores/hold?stale=4h", "POST", "", {"content-type": "application/json"})[0], 400)
