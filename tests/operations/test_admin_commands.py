"""The admin API from a shell: each command against a running gateway, as files and the API itself show it afterwards."""

import json
import pathlib
import unittest

from harness import client, jws
from harness.backend import Backend
from harness.gateway import Gateway, run

ISSUER = "https://idp.corp.test"
OPERATOR = {
    "gateway": {"issuer": "https://gateway.test"},
    "issuers": [{"name": "corp", "issuer": ISSUER, "jwks": {"file": "idp.json"}, "lookup": {"userStores": ["staff"]}}],
    "userStores": [
        {"name": "staff", "inline": {"users": [{"user": "alice", "attributes": {"email": "alice@corp.test"}}]}}
    ],
}


class AdminCommands(unittest.TestCase):
    """One gateway for each test."""

    def setUp(self):
        self.key = jws.Key("ES256")
        self.backend = Backend()
        self.addCleanup(self.backend.close)
        self.orders = (
            "name: orders   # ours\nbasePath: /orders\nversion: '1.0'\ntype: REST\n"
            f"endpointConfigurations: {{ production: [{{ endpoint: '{self.backend.url}' }}] }}\n"
            "operations:\n  - { target: '/{id}', verb: GET }\n  - { target: /open, verb: GET, secured: false }\n"
        )
        self.gateway = Gateway(OPERATOR, {"orders": self.orders}, {"idp.json": jws.jwks(self.key)})
        self.addCleanup(self.gateway.stop)

    def command(self, *arguments, code=0):
        done = run(*arguments, "--admin", "http://%s:%d" % self.gateway.admin)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def listed(self, *arguments):
        return json.loads(self.command(*arguments, "--output", "json").stdout)["items"]

    def file(self, name="orders"):
        return (self.gateway.path / f"apis/{name}.yaml").read_text(encoding="utf-8")

    def jwt(self, header="x-jwt-assertion"):
        """The payload that the backend gets for alice; None without one."""
        token = self.key.token(jws.claims())
        answer = client.request(self.gateway.plain, "GET", "/orders/1.0/7", [("Authorization", f"Bearer {token}")])
        self.assertEqual(answer.status, 200)
        value = self.backend.last().value(header)
        return value and jws.decode(value)[1]

    def test_a_policy_is_attached_and_detached_as_the_difference_shows(self):
        self.assertIsNone(self.jwt())
        attach = ("policies", "attach", "orders:1.0", "BackendJwt", "--set", "tokenTTL=300", "--set", "audience=shop")
        tried = self.command(*attach, "--dry-run")
        self.assertIn("+", tried.stderr)
        self.assertEqual(self.file(), self.orders)
        # Nobody can be asked here, so nothing changes.
        self.assertIn("say --yes", self.command(*attach, code=1).stderr)
        self.assertEqual(self.file(), self.orders)
        self.command(*attach, "--yes")
        payload = self.jwt()
        self.assertEqual((payload["aud"], payload["http://wso2.org/claims/emailaddress"]), ("shop", "alice@corp.test"))
        self.assertIn("# ours", self.file())
        self.assertIn("BackendJwt", self.command("policies", "list", "orders:1.0").stdout)
        operations = {operation["key"]: operation for operation in self.listed("policies", "effective", "orders:1.0")}
        self.assertEqual(operations["GET /{id}"]["effective"][0]["from"], "api")
        self.command("policies", "detach", "orders:1.0", "BackendJwt", "--yes")
        self.assertIsNone(self.jwt())

    def test_an_operations_policy_leaves_the_others_alone(self):
        self.command("policies", "attach", "orders:1.0", "BackendJwt", "--operation", "GET /{id}", "--set", "header=X-User", "--yes")
        self.assertEqual(self.jwt("x-user")["sub"], "alice")
        operations = {operation["key"]: operation for operation in self.listed("policies", "effective", "orders:1.0")}
        self.assertEqual(operations["GET /open"]["effective"], [])

    def test_apis_are_made_of_documents_changed_restored_and_removed(self):
        document = {
            "openapi": "3.1.0",
            "info": {"title": "books", "version": "1"},
            "servers": [{"url": self.backend.url}],
            "paths": {"/list": {"get": {"security": []}}},
        }
        source = pathlib.Path(self.gateway.path) / "books.json"
        source.write_text(json.dumps(document), encoding="utf-8")
        self.command("apis", "create", source, "--base-path", "/books", "--yes")
        self.assertIn("books:1", {api["id"] for api in self.listed("apis", "list")})
        self.assertEqual(client.request(self.gateway.plain, "GET", "/books/1/list").status, 200)
        shown = self.command("apis", "show", "books:1").stdout
        source.write_text(shown.replace("/list", "/all"), encoding="utf-8")
        self.command("apis", "update", "books:1", source, "--yes", "--note", "renamed")
        self.assertEqual(client.request(self.gateway.plain, "GET", "/books/1/list").status, 404)
        revisions = self.listed("apis", "revisions", "books:1")
        self.assertEqual([revision["note"] for revision in revisions][0], "renamed")
        # What was shown is not what is there any more.
        again = self.command("apis", "update", "books:1", source, "--yes", code=1).stderr
        self.assertIn("changed", again)
        self.command("apis", "restore", "books:1", revisions[-1]["n"], "--yes", "--note", "as it was")
        self.assertEqual(client.request(self.gateway.plain, "GET", "/books/1/list").status, 200)
        self.command("apis", "delete", "books:1", "--yes", "--note", "not read")
        self.assertNotIn("books:1", {api["id"] for api in self.listed("apis", "list")})
        revisions = self.listed("apis", "revisions", "books:1")
        self.assertEqual([revision["note"] for revision in revisions][:2], ["not read", f"revision {revisions[-1]['n']}: as it was"])
        self.command("apis", "restore", "books:1", revisions[-1]["n"], "--yes")
        self.assertEqual(client.request(self.gateway.plain, "GET", "/books/1/list").status, 200)

    def test_a_change_without_a_look_needs_to_know_what_it_is_made_on(self):
        source = pathlib.Path(self.gateway.path) / "own.yaml"
        source.write_text(self.orders + "# mine\n", encoding="utf-8")
        self.assertIn("--if-match", self.command("apis", "update", "orders:1.0", source, "--yes", code=1).stderr)
        self.assertEqual(self.file(), self.orders)
        self.command("apis", "update", "orders:1.0", source, "--if-match", "0123456789abcdef", "--yes", code=1)
        self.command("apis", "update", "orders:1.0", source, "--if-match", "*", "--yes")
        self.assertEqual(self.file(), self.orders + "# mine\n")
        source.write_text(json.dumps({"name": "Mobile", "clientIds": ["web"]}), encoding="utf-8")
        self.command("apps", "create", source, "--yes")
        self.assertIn("--if-match", self.command("apps", "create", source, "--yes", code=1).stderr)
        source.write_text(self.command("apps", "show", "Mobile").stdout, encoding="utf-8")
        self.command("apps", "create", source, "--yes")

    def test_a_mistake_is_refused_with_its_line_and_nothing_changes(self):
        source = pathlib.Path(self.gateway.path) / "broken.yaml"
        source.write_text(self.orders.replace("verb: GET }", "verb: FETCH }"), encoding="utf-8")
        refusal = self.command("apis", "update", "orders:1.0", source, "--if-match", "*", "--yes", code=1).stderr
        self.assertIn("error[invalid-value]: `FETCH` is not a verb", refusal)
        self.assertEqual(self.file(), self.orders)

    def test_applications_are_made_and_removed(self):
        source = pathlib.Path(self.gateway.path) / "mobile.json"
        source.write_text(json.dumps({"name": "Mobile", "clientIds": ["web"], "owner": "bob"}), encoding="utf-8")
        self.command("apps", "create", source, "--yes")
        self.assertEqual([app["name"] for app in self.listed("apps", "list")], ["Mobile"])
        self.assertEqual(json.loads(self.command("apps", "show", "Mobile").stdout)["owner"], "bob")
        self.command("apps", "delete", "Mobile", "--yes")
        self.assertEqual(self.listed("apps", "list"), [])

    def test_keys_are_announced_and_activated(self):
        before = {key["kid"] for key in self.listed("keys", "live", "list")}
        after = self.listed("keys", "live", "announce", "ES256")
        (new,) = [key for key in after if key["kid"] not in before]
        self.assertEqual(new["state"], "announced")
        active = self.listed("keys", "live", "activate", new["kid"], "--yes")
        self.assertEqual({key["kid"]: key["state"] for key in active}[new["kid"]], "active")
        # Nobody can be asked here.
        self.assertIn("say --yes", self.command("keys", "live", "retire", new["kid"], code=1).stderr)
        retired = self.listed("keys", "live", "retire", new["kid"], "--yes")
        self.assertEqual({key["kid"]: key["state"] for key in retired}[new["kid"]], "retired")
        revoked = self.listed("keys", "live", "revoke", new["kid"], "--yes")
        self.assertEqual({key["kid"]: key["state"] for key in revoked}[new["kid"]], "revoked")

    def test_a_draft_is_previewed_before_it_is_saved(self):
        draft = pathlib.Path(self.gateway.path) / "draft.yaml"
        draft.write_text(self.orders + "apiPolicies: { request: [{ policyName: BackendJwt }] }\n", encoding="utf-8")
        shown = self.command("preview", "--api", "orders:1.0", "--operation", "GET /{id}", "--user", "alice", "--draft", draft)
        self.assertIn("http://wso2.org/claims/emailaddress", shown.stdout)
        self.assertEqual(self.file(), self.orders)


if __name__ == "__main__":
    unittest.main()
