"""A gateway whose users live behind HTTP: in a SCIM service, at their issuer's UserInfo, in a service of one's own."""

import collections
import concurrent.futures
import json
import threading
import unittest
import urllib.parse

import jwt

from attacks.world import api, policy, verbs
from harness import client, jws
from harness.backend import Backend
from harness.gateway import Gateway, run
from harness.openid import SECRET, Answering, Provider
from harness.scim import EXTENSION, TOKEN, Scim, user

ISSUER = "https://idp.corp.test"
HEADER = "X-JWT-Assertion"
BY_LOGIN = EXTENSION + ':login eq "{user}"'
EMAIL = {"emails[primary eq true].value": "email"}

NAMES = [
    "alice",
    "Alice",
    "alice ",
    'x" or userName sw "',
    '" or id pr or userName eq "',
    "a\\",
    'a\\"b',
    "a&filter=id pr",
    "a#b?c=d",
    "%22",
    "..",
    "../Users/id-0",
    "partner/alice",
    "o'brien",
    "José",
    "😀",
    "аlice",
    "attacker@evil.com@company.com",
    "long name " * 103,
]
STRANGERS = ["ALICE", " alice", "alice\0", "*", 'alice"', 'alice" or "a" eq "a', "x\\", "alice%00", "Jose"]


class HttpStores(unittest.TestCase):
    """One gateway. APIs differ in what they do when the store is away."""

    def setUp(self):
        self.backend = Backend()
        self.addCleanup(self.backend.close)
        self.key = jws.Key("ES256")

    def start(self, store, cache=None, issuer=None):
        store = dict(store, cache=cache or {"ttl": "60s"}, breaker={"after": 5, "retry": "1s"})
        lookup = {"claim": "sub", "userStores": [store["name"]]}
        corp = {"name": "corp", "issuer": ISSUER, "jwks": {"file": "corp.json"}, "lookup": lookup}
        claims = [{"attribute": name, "claim": name, "multi": name == "groups"} for name in ("email", "groups", "country")]
        given = [mapped if isinstance(mapped, str) else mapped["name"] for mapped in store["attributes"].values()]
        operator = {
            "apis": {"directory": "apis/"},
            "keys": {"directory": "keys/"},
            "issuers": [dict(corp, **issuer) if issuer else corp],
            "userStores": [store],
            "dialects": [
                {
                    "name": "plain",
                    "uri": "http://plain.test",
                    "prefix": "",
                    "claims": [claim for claim in claims if claim["attribute"] in given],
                }
            ],
        }
        operator["issuers"] = [{name: value for name, value in operator["issuers"][0].items() if value is not None}]
        apis = {
            name: api(
                name,
                f"/{name}",
                f"{self.backend.url}/{name}",
                verbs("GET"),
                apiPolicies=policy(header=HEADER, dialect="plain", onAttributeFailure=name),
            )
            for name in ("reject", "useStale", "omit")
        }
        files = {"corp.json": jws.jwks(self.key), "secrets/scim": TOKEN, "secrets/introspection": SECRET}
        self.gateway = Gateway(operator, apis, files)
        self.addCleanup(self.gateway.stop)
        self.published = jwt.PyJWKSet.from_dict(self.gateway.jwks())

    def send(self, token, name="reject"):
        """(answer, claims): what the caller gets, and what the backend learns of him, if anything."""
        self.backend.reset()
        fields = [("Authorization", "Bearer " + token)]
        response = client.request(self.gateway.plain, "GET", f"/{name}/1", fields)
        return response, self.claims(self.backend.records[-1]) if self.backend.records else None

    def call(self, user="alice", name="reject"):
        return self.send(self.key.token(jws.claims(user, ISSUER)), name)

    def claims(self, record):
        value = record.value(HEADER)
        key = self.published[jwt.get_unverified_header(value)["kid"]].key
        return jwt.decode(value, key, algorithms=["ES256"], options={"verify_aud": False})

    def assert_refused(self, answer, status, code=None):
        response, claims = answer
        self.assertEqual((response.status, claims), (status, None), response)
        if code:
            self.assertEqual(json.loads(response.body)["code"], code)

    def answering(self, *arguments, **options):
        server = Answering(*arguments, **options)
        self.addCleanup(server.stop)
        return server


class ScimStores(HttpStores):
    """scim2-server."""

    def setUp(self):
        super().setUp()
        self.scim = Scim(user(number, name) for number, name in enumerate(NAMES))
        self.addCleanup(self.scim.stop)

    def assert_own(self, name):
        response, claims = self.call(name)
        self.assertEqual(response.status, 200, (name, response))
        self.assertEqual((claims["sub"], claims["email"]), (name, f"{NAMES.index(name)}@corp.test"))

    def test_IJ_03_and_IJ_04_everybody_is_himself_or_nobody(self):
        self.start(self.scim.store("people", EMAIL, filter=BY_LOGIN))
        for _ in ("cold", "warm"):
            for name in NAMES:
                self.assert_own(name)
            for stranger in STRANGERS:
                self.assert_refused(self.call(stranger), 403, "unknown_user")

    def test_IJ_04_the_services_comparison_is_not_taken_for_the_name(self):
        self.start(self.scim.store("people", EMAIL))
        self.assertEqual(self.call("person-0")[1]["email"], "0@corp.test")
        self.assert_refused(self.call("PERSON-0"), 403, "unknown_user")

    def test_IJ_06_a_redirect_is_not_followed(self):
        other = self.answering(body={})
        redirecting = self.answering(307, b"", headers=[("Location", other.url + "/Users")])
        self.scim.url = redirecting.url
        self.start(self.scim.store("people", EMAIL))
        self.assert_refused(self.call(), 503, "user_store_unavailable")
        self.assertEqual((len(redirecting.asked), other.asked), (1, []))

    def test_FC_01_a_service_that_is_killed_and_comes_back(self):
        cache = {"ttl": "1s", "refreshAhead": "0s", "negativeTtl": "1s", "staleFor": "1h"}
        self.start(self.scim.store("people", EMAIL, filter=BY_LOGIN), cache)
        self.assert_own("alice")
        self.scim.kill()
        self.gateway.wait_until(lambda: self.call("alice")[0].status == 503, "the answer does not expire")
        for _ in range(8):
            response, _ = answer = self.call("Alice")
            self.assert_refused(answer, 503, "user_store_unavailable")
            self.assertGreaterEqual(int(response.value("retry-after")), 1)
        self.assertEqual(self.call("alice", "useStale")[1]["email"], "0@corp.test")
        self.assert_refused(self.call("José", "useStale"), 503)
        _, claims = self.call("José", "omit")
        self.assertEqual((claims["attributes_omitted"], "email" in claims), (True, False))
        self.assertEqual(self.gateway.admin_get("/readyz")[0], 200)
        self.scim.start()
        self.gateway.wait_until(lambda: self.call("alice")[0].status == 200, "no recovery")
        for name in NAMES:
            self.assert_own(name)
        self.assertNotIn(TOKEN, self.gateway.log_text())

    def test_FC_01_under_load_nobody_gets_another_users_attributes(self):
        cache = {"ttl": "0s", "refreshAhead": "0s", "negativeTtl": "0s"}
        self.start(self.scim.store("people", EMAIL, filter=BY_LOGIN), cache)
        is_over, seen = threading.Event(), collections.Counter()

        def hammer(name):
            bearer = "Bearer " + self.key.token(jws.claims(name, ISSUER))
            while not is_over.is_set():
                response = client.request(self.gateway.plain, "GET", "/reject/1", [("Authorization", bearer)])
                seen[response.status] += 1

        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            running = [threads.submit(hammer, name) for name in NAMES[:8]]
            for change, status in ((lambda: None, 200), (self.scim.kill, 503), (self.scim.start, 200)):
                change()
                enough = seen[status] + 50
                self.gateway.wait_until(lambda: seen[status] >= enough, f"not often enough {status}: {seen}")
            is_over.set()
            for thread in running:
                thread.result()
        self.assertEqual(set(seen), {200, 503})
        for record in self.backend.records:
            claims = self.claims(record)
            self.assertEqual(claims["email"], f"{NAMES.index(claims['sub'])}@corp.test")
        self.assertEqual(len(self.backend.records), seen[200])

    def test_a_new_token_is_taken_up_by_a_reload(self):
        self.start(self.scim.store("people", EMAIL, filter=BY_LOGIN), {"ttl": "0s", "refreshAhead": "0s"})
        self.assert_own("alice")
        self.scim.kill()
        self.scim.start("another-t0ken")
        self.gateway.wait_until(lambda: self.call("alice")[0].status == 503, "the old token is still good")
        self.gateway.write("secrets/scim", "another-t0ken")
        self.gateway.hang_up()
        self.gateway.wait_until(lambda: self.call("alice")[0].status == 200, "the new token is not used")

    def test_the_cause_is_found_by_one_command(self):
        self.start(self.scim.store("people", EMAIL, filter=BY_LOGIN))
        config = ("--config", self.gateway.operator_file)
        shown = run("stores", "test", "people", "--user", 'a\\"b', *config)
        self.assertEqual(shown.returncode, 0, shown)
        self.assertIn(urllib.parse.quote('login eq "a\\\\\\"b"', safe=""), shown.stdout)
        self.assertIn(f"{NAMES.index(NAMES[6])}@corp.test", shown.stdout)
        self.assertEqual(run("check", "--probe", *config).returncode, 0)
        self.gateway.write("secrets/scim", "wrong")
        shown = run("check", "--probe", *config)
        self.assertEqual(shown.returncode, 1, shown)
        self.assertRegex(shown.stdout + shown.stderr, r"countersign\.yaml:\d+:\d+: error\[probe-failed\].*401")


class CallOuts(HttpStores):
    """A service that answers the same to everybody, and keeps what it was asked."""

    def test_IJ_08_whatever_the_name_the_host_and_the_path_stay(self):
        service = self.answering(404, {"error": "nobody"})
        url = service.url + "/people/{user}/profile?v=1"
        self.start({"name": "people", "http": {"url": url}, "attributes": {"/mail": "email"}})
        hostile = ["../admin", "..", ".", "a@evil.test", "a#b", "a?b=c", "a%0d%0aX: y", "%2e%2e", "a\\..\\b", "//evil.test/", "a;b"]
        for name in hostile + NAMES:
            self.assert_refused(self.call(name), 403, "unknown_user")
        for path, _, _ in service.asked:
            self.assertRegex(path, r"^/people/[A-Za-z0-9._~%-]+/profile\?v=1$")
        sent = {urllib.parse.unquote(path.split("/")[2]) for path, _, _ in service.asked}
        never = {name for name in hostile + NAMES if "/" in name or "\\" in name or name in (".", "..")}
        self.assertEqual(sent, set(hostile + NAMES) - never)

    def test_IJ_08_in_a_body_the_name_stays_in_its_string(self):
        service = self.answering(200, {"found": []})
        body = '{"query": {"name": "{user}"}, "limit": 2}'
        store = {"url": service.url + "/search", "body": body, "entries": "/found"}
        self.start({"name": "people", "http": store, "attributes": {"/mail": "email"}})
        for name in NAMES:
            self.assert_refused(self.call(name), 403, "unknown_user")
        asked = [json.loads(body) for _, _, body in service.asked]
        self.assertEqual(asked, [{"query": {"name": name}, "limit": 2} for name in NAMES])

    def test_IJ_06_a_redirect_is_not_followed(self):
        other = self.answering(body={"mail": "stolen"})
        service = self.answering(302, b"", headers=[("Location", other.url)])
        self.start({"name": "people", "http": {"url": service.url + "/{user}"}, "attributes": {"/mail": "email"}})
        self.assert_refused(self.call(), 503, "user_store_unavailable")
        self.assertEqual(other.asked, [])


class UserInfo(HttpStores):
    """The certified oidc-provider with opaque tokens; endpoints that answer for somebody else."""

    PROFILE = {"email": "email", "groups": "groups", "/address/country": "country"}

    def store(self, **fields):
        return {"name": "profile", "userinfo": dict({"issuer": "corp"}, **fields), "attributes": self.PROFILE}

    def test_opaque_tokens_get_their_own_users_claims(self):
        provider = Provider()
        self.addCleanup(provider.stop)
        asked = {"url": provider.issuer + "/token/introspection", "clientId": "gateway", "clientSecret": {"file": "secrets/introspection"}}
        issuer = {"issuer": provider.issuer, "jwks": None, "discovery": True, "introspection": asked}
        self.start(self.store(timeout="5s"), issuer=issuer)
        for client_id in ("mobile", "signing"):
            for name in ("alice", "bob", "alice"):
                token = provider.token(name, client=client_id, scope="openid", audience=None, format="opaque")
                response, claims = self.send(token)
                self.assertEqual(response.status, 200, response)
                expected = (name, f"{name}@example.com", ["staff", name], "CH")
                self.assertEqual((claims["sub"], claims["email"], claims["groups"], claims["country"]), expected)

    def test_IJ_07_an_answer_about_somebody_else_is_refused(self):
        for answer in ({"sub": "bob", "email": "bob@corp.test"}, {"email": "x"}, {"sub": "Alice"}, {"sub": ["alice"]}):
            with self.subTest(answer):
                endpoint = self.answering(body=answer)
                self.start(self.store(url=endpoint.url + "/userinfo"))
                self.assert_refused(self.call("alice"), 503, "user_store_unavailable")
                self.assertTrue(endpoint.asked[0][1]["authorization"].startswith("Bearer ey"))

    def test_IJ_06_the_token_is_not_taken_along_by_a_redirect(self):
        other = self.answering(body={"sub": "alice", "email": "stolen"})
        endpoint = self.answering(302, b"", headers=[("Location", other.url)])
        self.start(self.store(url=endpoint.url + "/userinfo"))
        self.assert_refused(self.call("alice"), 503, "user_store_unavailable")
        self.assertEqual(other.asked, [])

    def test_a_token_that_the_issuer_refuses_is_401(self):
        endpoint = self.answering(401, {"error": "invalid_token"})
        self.start(self.store(url=endpoint.url + "/userinfo"))
        for name in ("reject", "useStale", "omit"):
            answer = self.call("alice", name)
            self.assert_refused(answer, 401, "unauthorized")
            self.assertIn("invalid_token", answer[0].value("www-authenticate"))


if __name__ == "__main__":
    unittest.main()
