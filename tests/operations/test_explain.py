"""`explain --live`, and the admin listener behind it: what the running gateway knows, told to this machine alone."""

import json
import sqlite3
import unittest

from harness import jws
from harness.gateway import Gateway, fetch, run
from operations.test_files import api, operator
from operations.test_stores import people, with_store

QUESTION = {"api": "orders", "operation": "GET /x", "user": "alice"}
JSON = {"content-type": "application/json"}


def with_people(email):
    """The operator's file with one user, and an API that sends her attributes."""
    written = operator()
    written["issuers"][0]["lookup"]["userStores"] = ["staff"]
    people = [{"user": "alice", "attributes": {"email": email}}]
    written["userStores"] = [{"name": "staff", "inline": {"users": people}}]
    operations = [{"target": "/x", "verb": "GET", "secured": True, "scopes": []}]
    policies = {"request": [{"policyName": "BackendJwt"}]}
    return written, api("orders", "http://127.0.0.1:1", operations=operations, apiPolicies=policies)


class Explain(unittest.TestCase):
    def setUp(self):
        written, orders = with_people("alice@corp.test")
        files = {"idp.json": jws.jwks(jws.Key("ES256"))}
        self.gateway = Gateway(written, {"orders": orders}, files)
        self.addCleanup(self.gateway.stop)

    def asked(self, *more):
        command = ["explain", "--config", self.gateway.operator_file, "--api", "orders", "--operation", "GET /x"]
        return run(*command, "--user", "alice", "--format", "json", *more)

    def test_live_tells_the_same_as_a_look_from_here_and_needs_the_gateway(self):
        def claims(done):
            self.assertEqual(done.returncode, 0, done.stderr)
            explained = json.loads(done.stdout)["jwts"][0]["claims"]
            told = [claim for claim in explained if claim["rule"] != "registered"]
            return {claim["name"]: (claim["value"], claim["source"]) for claim in told}

        live = claims(self.asked("--live"))
        self.assertEqual(live["http://wso2.org/claims/emailaddress"], ("alice@corp.test", "user store staff"))
        self.assertEqual(live, claims(self.asked()))
        self.gateway.process.terminate()
        self.gateway.process.wait(15)
        self.assertNotEqual(self.asked("--live").returncode, 0)
        self.assertEqual(claims(self.asked()), live)

    def test_other_policies_are_told_in_the_order_in_which_they_act(self):
        header = {"policyName": "SetHeader", "parameters": {"headerName": "X-Stage", "headerValue": "hunter2"}}
        gone = {"policyName": "RemoveHeader", "parameters": {"headerName": "Server"}}
        mirror = {"policyName": "RequestMirror", "parameters": {"urls": ["http://127.0.0.1:1/copies"]}}
        operation = {"target": "/x", "verb": "GET", "secured": True, "scopes": [], "rateLimit": {"requestsPerUnit": 9, "unit": "Hour", "per": "caller"}}
        operation["operationPolicies"] = {"request": [header, mirror], "response": [gone]}
        elsewhere = {"policyName": "RequestRedirect", "parameters": {"url": "https://elsewhere.test/y", "statusCode": 308}}
        away = {"target": "/y", "verb": "GET", "secured": True, "scopes": [], "operationPolicies": {"request": [elsewhere]}}
        cors = {"corsConfigurationEnabled": True, "accessControlAllowOrigins": ["https://shop.test"]}
        self.gateway.write_api("orders", api("orders", "http://127.0.0.1:1", operations=[operation, away], corsConfiguration=cors))
        self.gateway.reload()
        told = json.loads(self.asked("--live").stdout)["policies"]
        self.assertEqual(told, json.loads(self.asked().stdout)["policies"])
        expected = ["corsConfiguration", "rateLimit", "SetHeader", "RequestMirror", "RemoveHeader"]
        self.assertEqual([each["policy"] for each in told], expected)
        effects = {each["policy"]: each["effect"] for each in told}
        self.assertIn("https://shop.test", effects["corsConfiguration"])
        self.assertEqual(effects["rateLimit"], "9 calls in 3600 s, each caller, of the operation; more are 429")
        self.assertEqual(effects["SetHeader"], "`x-stage` to the backend")
        self.assertEqual(effects["RequestMirror"], "a copy goes to http://127.0.0.1:1/copies")
        here = ["--config", self.gateway.operator_file, "--api", "orders", "--user", "alice"]
        text = run("explain", *here, "--operation", "GET /y").stdout
        self.assertRegex(text, r"OTHER POLICIES, IN ORDER +EFFECT\n(.*\n)*RequestRedirect +308 to https://elsewhere\.test/y: the backend is not called")
        self.assertNotIn("hunter2", run("explain", *here, "--operation", "GET /x").stdout)

    def test_the_admin_listener_answers_programs_on_this_machine_only(self):
        question = json.dumps(QUESTION)
        self.assertEqual(fetch(self.gateway.admin, "/explain", "POST", question, JSON)[0], 200)
        self.assertEqual(fetch(self.gateway.admin, "/explain", "POST", question, {})[0], 415)
        browser = dict(JSON, origin="https://evil.test")
        self.assertEqual(fetch(self.gateway.admin, "/explain", "POST", question, browser)[0], 403)
        self.assertEqual(fetch(self.gateway.admin, "/explain")[0], 405)
        for wrong in ["{", "{}", json.dumps(dict(QUESTION, api="nobody")), json.dumps(dict(QUESTION, more=1))]:
            status, body = fetch(self.gateway.admin, "/explain", "POST", wrong, JSON)
            self.assertEqual(status, 422, body)
            self.assertNotIn("corp.test", body)


class Stale(unittest.TestCase):
    def test_an_answer_that_is_too_old_is_told_apart_from_none(self):
        written = with_store(cache={"ttl": "1s", "refreshAhead": "0s", "staleFor": "1s"})
        policy = {"policyName": "BackendJwt", "parameters": {"onAttributeFailure": "useStale"}}
        operations = [{"target": "/x", "verb": "GET", "secured": True, "scopes": []}]
        orders = api("orders", "http://127.0.0.1:1", operations=operations, apiPolicies={"request": [policy]})
        gateway = Gateway(written, {"orders": orders}, {"idp.json": jws.jwks(jws.Key("ES256")), "staff.db": people})
        self.addCleanup(gateway.stop)

        def reason(user):
            here = ["--config", gateway.operator_file, "--api", "orders", "--operation", "GET /x", "--live"]
            done = run("explain", *here, "--user", user, "--format", "json")
            omitted = json.loads(done.stdout)["jwts"][0]["notInToken"]
            return next((one["reason"] for one in omitted if one["name"] == "email"), None)

        self.assertIsNone(reason("alice"))
        with sqlite3.connect(gateway.path / "staff.db") as database:
            database.execute("DROP TABLE people")
        gateway.wait_until(lambda: reason("alice") == "stale_refused", "the answer does not grow old")
        self.assertEqual(reason("carol"), "not_readable")


if __name__ == "__main__":
    unittest.main()
