"""Who may use the admin API: logins at a real OpenID provider, access tokens, roles, and whose data is shown to whom.

The rows AD and OB of docs/security.md.
"""

import http.client
import json
import os
import pathlib
import re
import tempfile
import unittest
import urllib.parse

import yaml

from admin.client import POLICY, Client, World, check_described, quoted
from harness import client, jws, ports
from harness.gateway import fetch, run
from harness.openid import Provider

ORDERS_ID = "orders:1.0"
POLICIES = f"/apis/{quoted(ORDERS_ID)}/policies"
AUDIENCE = "urn:countersign-admin"
ROLES = {"viewer": ["vera"], "author": ["anna", "bert"], "operator": ["olga"], "support": ["sue"]}


class Browser:
    """What a person's browser does: it follows redirects and keeps cookies."""

    def __init__(self, address):
        self.address = address
        self.jar = {}
        self.set_cookies = []

    def get(self, url, **fields):
        parts = urllib.parse.urlsplit(url)
        address = (parts.hostname, parts.port) if parts.netloc else self.address
        connection = http.client.HTTPConnection(*address, timeout=20)
        cookies = self.jar.setdefault(address, {})
        if cookies:
            fields["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        connection.request("GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), headers=fields)
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                self.set_cookies.append(value)
                key, _, rest = value.partition("=")
                cookies[key] = rest.split(";")[0]
                if "max-age=0" in value.lower() or not cookies[key]:
                    cookies.pop(key, None)
        location = answer.getheader("location")
        connection.close()
        return answer.status, location and urllib.parse.urljoin(url if parts.netloc else f"http://{address[0]}:{address[1]}{url}", location), text

    def log_in(self, user, start="/api/v1/login?returnTo=/apis", stop=None):
        """Follows a login to its end; returns the last answer's (status, location, text)."""
        status, location, text = self.get(start)
        while location and status in (302, 303) and not (stop and stop in location):
            if "/_interaction/" in location:
                location += f"?user={user}"
            elif location.endswith("/apis"):
                return status, location, text
            status, location, text = self.get(location)
        return status, location, text


class Login(unittest.TestCase):
    """One gateway and one provider."""

    @classmethod
    def setUpClass(cls):
        cls.provider = Provider()
        cls.addClassCleanup(cls.provider.stop)
        login = {
            "oidc": {
                "issuer": cls.provider.issuer,
                "clientId": "console",
                "clientSecret": {"file": "console.secret"},
                "rolesClaim": "groups",
            },
            "bearer": {"audience": AUDIENCE},
            "roles": ROLES,
        }
        admin = {"login": login, "testUsers": ["alice"], "owners": [{"api": "orders", "authors": ["anna"]}]}
        cls.world = World(admin=admin, files={"console.secret": "console:secret/with+signs\n"},
                          environment={"RUST_LOG": "trace"})
        cls.addClassCleanup(cls.world.stop)
        host, port = cls.world.gateway.admin
        cls.provider.do("client", id="console", redirect=f"http://{host}:{port}/api/v1/login/callback")

    def bearer(self, user, **more):
        token = self.provider.token(user, audience=AUDIENCE, extra={"groups": [user]}, **more)
        return Client(self.world.gateway.admin, authorization=f"Bearer {token}", x_countersign_csrf=None)

    def session(self, user):
        browser = Browser(self.world.gateway.admin)
        status, location, text = browser.log_in(user)
        self.assertEqual((status, (location or "").endswith("/apis")), (303, True), text)
        cookie = browser.jar[self.world.gateway.admin]["countersign"]
        asked = Client(self.world.gateway.admin, cookie=f"countersign={cookie}", x_countersign_csrf=None)
        asked.fields["x-countersign-csrf"] = asked.get("/me").json["csrfToken"]
        return asked, browser

    def test_a_person_logs_in_at_the_provider_and_out_again(self):
        self.assertEqual(Client(self.world.gateway.admin).get("/me").status, 401)
        asked, browser = self.session("olga")
        me = asked.get("/me").json
        self.assertEqual((me["name"], me["roles"], me["login"]), ("olga", ["operator"], "oidc"))
        [cookie] = [each for each in browser.set_cookies if each.startswith("countersign=")]
        self.assertIn("; HttpOnly; SameSite=Strict", cookie)
        self.assertEqual(asked.ask("POST", "/logout").status, 204)
        self.assertEqual(asked.get("/me").status, 401)

    def test_commands_about_stores_and_explain_ask_with_a_token(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "token"
            token = lambda user: self.provider.token(user, audience=AUDIENCE, extra={"groups": [user]})
            file.write_text(token("olga") + "\n")
            here = ["--config", self.world.gateway.operator_file]
            address = ["--admin", "http://%s:%d" % self.world.gateway.admin]
            nobody = run("stores", "status", *here)
            self.assertEqual((nobody.returncode, "COUNTERSIGN_ADMIN_TOKEN" in nobody.stderr), (2, True), nobody.stderr)
            # An operator runs them; the token stands in a file, or in the environment.
            for command in (
                ["stores", "status", *here],
                ["stores", "invalidate", "staff", "--user", "alice", *address],
                ["stores", "hold", "staff", "--stale", "1h", *address],
                ["stores", "hold", "staff", "--release", *here],
            ):
                done = run(*command, "--token-file", file)
                self.assertEqual(done.returncode, 0, done.stderr)
            environment = dict(os.environ, COUNTERSIGN_ADMIN_TOKEN=token("olga"))
            tried = run("stores", "test", "staff", "--user", "alice", "--live", *address, env=environment)
            self.assertEqual((tried.returncode, tried.stderr), (0, ""))
            self.assertRegex(tried.stdout, r'alice in staff: found\n(.*\n)*email +email +"alice@corp\.test"')
            masked = run("stores", "test", "staff", "--user", "bob", "--live", *address, env=environment)
            self.assertNotIn("bob@corp.test", masked.stdout)
            # What needs another role is refused with the reason.
            explain = ["explain", "--api", "orders", "--operation", "GET /items", "--user", "alice", "--live", *here]
            refused = run(*explain, "--token-file", file)
            self.assertEqual((refused.returncode, "support" in refused.stderr), (2, True), refused.stderr)
            file.write_text(token("sue"))
            explained = run(*explain, "--token-file", file)
            self.assertEqual(explained.returncode, 0, explained.stderr)
            alone = run(*[word for word in explain if word != "--live"], "--token-file", file)
            self.assertEqual((alone.returncode, "--live" in alone.stderr), (2, True))

    def test_whoever_has_no_role_is_refused(self):
        status, _, text = Browser(self.world.gateway.admin).log_in("nobody")
        self.assertEqual((status, json.loads(text)["code"]), (403, "forbidden"))
        self.assertEqual(self.bearer("nobody").get("/me").status, 403)

    def test_a_login_that_somebody_else_began_is_refused(self):
        first = Browser(self.world.gateway.admin)
        _, callback, _ = first.log_in("olga", stop="/login/callback")
        self.assertIn("code=", callback)
        self.assertEqual(Browser(self.world.gateway.admin).get(callback)[0], 400)
        # Each state is good once, even for whoever began.
        self.assertEqual(first.get(callback)[0], 400)
        self.assertEqual(first.get("/api/v1/login/callback?code=x&state=guess")[0], 400)

    def test_a_login_leads_to_paths_of_ours_alone(self):
        host, port = self.world.gateway.admin
        for elsewhere in ("//evil.test/", "https://evil.test/", "/\\evil.test"):
            browser = Browser(self.world.gateway.admin)
            start = "/api/v1/login?returnTo=" + urllib.parse.quote(elsewhere, safe="")
            _, callback, _ = browser.log_in("olga", start=start, stop="/login/callback")
            status, location, text = browser.get(callback)
            self.assertEqual((status, location), (303, f"http://{host}:{port}/"), text)

    def test_AD_01_backend_jwts_and_end_users_tokens_are_refused(self):
        asked, _ = self.session("olga")
        seen = asked.get(POLICIES)
        lists = {"api": {"request": [POLICY]}}
        self.assertEqual(asked.change("PUT", POLICIES, lists, seen.etag).status, 200)
        end_user = self.world.key.token(jws.claims())
        client.request(self.world.gateway.plain, "GET", "/orders/items", [("Authorization", f"Bearer {end_user}")])
        backend_jwt = self.world.backend.last().value("X-JWT-Assertion")
        others = {
            "an end user's token": end_user,
            "a backend JWT": backend_jwt,
            "the provider's token for an API": self.provider.token("olga", audience="urn:orders", extra={"groups": ["olga"]}),
            "an opaque token": self.provider.token("olga", audience="urn:orders#opaque"),
            "a bound token": self.provider.token("olga", audience=AUDIENCE, extra={"groups": ["olga"]}, jkt="x" * 43),
            "no token": "x",
        }
        for what, token in others.items():
            for path in ("/api/v1/me", "/api/v1/apis", "/stores", "/explain", "/invalidate", "/reload"):
                method = "GET" if path.startswith("/api/") or path == "/stores" else "POST"
                fields = {"authorization": f"Bearer {token}", "content-type": "application/json"}
                status, text = fetch(self.world.gateway.admin, path, method, "{}" if method == "POST" else None, fields)
                self.assertEqual(status, 401, f"{what} at {path}: {text}")
                self.assertNotIn(token, text)
        for path in ("/stores", "/explain", "/invalidate", "/reload", "/stores/hold?store=staff"):
            method = "GET" if path == "/stores" else "POST"
            self.assertEqual(fetch(self.world.gateway.admin, path, method, None, {"content-type": "application/json"})[0], 401)
        self.assertEqual(fetch(self.world.gateway.admin, "/healthz")[0], 200)

    def test_AD_02_the_listener_is_not_on_the_data_port_and_knows_forged_requests(self):
        for path in ("/api/v1/me", "/", "/readyz", "/metrics"):
            self.assertEqual(fetch(self.world.gateway.plain, path)[0], 404, path)
        asked, _ = self.session("olga")
        new = {"document": "name: x\nbasePath: /x\noperations: []\n"}
        for sent in (None, "wrong", ""):
            self.assertEqual(asked.ask("POST", "/apis", new, x_countersign_csrf=sent).status, 403, sent)
        self.assertEqual(asked.ask("POST", "/apis", new, origin="https://evil.test").status, 403)
        form = asked.ask("POST", "/apis", "document=x", content_type="application/x-www-form-urlencoded")
        self.assertEqual(form.status, 415)
        for name in ("../evil.yaml", "/etc/evil.yaml", "a/b.yaml", "..", ".hidden.yaml", "x.json"):
            answer = asked.ask("POST", "/apis", dict(new, fileName=name))
            self.assertEqual(answer.status, 422, name)
        self.assertEqual(sorted(path.name for path in (self.world.gateway.path / "apis").iterdir()), ["orders.yaml"])
        # A look-up asks a store of the operator's file by its name, and no address.
        self.assertEqual(asked.ask("POST", f"/stores/{quoted('http://127.0.0.1:1/')}/lookup", {"user": "alice"}).status, 404)

    def logged(self, *events):
        """The log's lines about these events; a last line that is still being written is none yet."""
        whole = self.world.gateway.log_text().rpartition("\n")[0].splitlines()
        lines = [json.loads(line) for line in whole if line.startswith('{"')]
        return [line for line in lines if line.get("event") in events]

    def test_AD_03_peoples_values_are_shown_to_whom_they_concern(self):
        question = {"api": ORDERS_ID, "operation": "GET /items", "policies": {"api": {"request": [POLICY]}}}
        anna, sue = self.bearer("anna"), self.bearer("sue")
        self.assertEqual(self.bearer("vera").ask("POST", "/preview", dict(question, user="alice")).status, 403)
        shown = anna.ask("POST", "/preview", dict(question, user="alice"))
        self.assertIn("alice@corp.test", shown.text)
        masked = anna.ask("POST", "/preview", dict(question, user="bob"))
        self.assertEqual(masked.status, 200, masked.text)
        check_described("Explanation", masked.json)
        self.assertNotIn("bob@corp.test", masked.text)
        [jwt] = masked.json["jwts"]
        claims = {claim["name"]: claim["value"] for claim in jwt["claims"]}
        self.assertEqual(claims["http://wso2.org/claims/emailaddress"], {"masked": True, "type": "string", "length": 13})
        self.assertTrue(jwt["value"]["masked"])
        himself = self.provider.token("bob", audience=AUDIENCE, extra={"groups": ["anna"]})
        own = Client(self.world.gateway.admin, authorization=f"Bearer {himself}").ask("POST", "/preview", dict(question, user="bob"))
        self.assertIn("bob@corp.test", own.text)
        looked = anna.ask("POST", "/stores/staff/lookup", {"user": "bob"})
        self.assertEqual(looked.json["attributes"]["email"], {"masked": True, "type": "list", "count": 1})
        self.assertEqual(sue.ask("POST", "/preview", dict(question, user="bob")).status, 403, "support is no author")
        # Each look is in the audit log: who, and a hash of whom.
        logged = lambda: self.logged("user_previewed", "user_looked_up")
        self.world.gateway.wait_until(lambda: len(logged()) >= 4, "the looks are not in the log")
        looks = logged()
        self.assertEqual([(look["by"], look["values"]) for look in looks],
                         [("anna", "shown"), ("anna", "masked"), ("bob", "shown"), ("anna", "masked")])
        self.assertNotIn("bob", json.dumps([dict(look, by=None) for look in looks]))
        # So is what support is explained, at both its addresses.
        asked = {"api": ORDERS_ID, "operation": "GET /items", "user": "bob"}
        self.assertEqual([sue.ask("POST", "/explain", asked).status, anna.ask("POST", "/explain", asked).status], [200, 403])
        fields = dict(sue.fields, **{"content-type": "application/json"})
        fields.pop("x-countersign-csrf")
        self.assertEqual(fetch(self.world.gateway.admin, "/explain", "POST", json.dumps(asked), fields)[0], 200)
        mine = lambda: [look for look in logged() if look["by"] == "sue"]
        self.world.gateway.wait_until(lambda: len(mine()) == 2, "what was explained is not in the log")
        self.assertEqual({(look["user"], look["values"]) for look in mine()}, {(looks[1]["user"], "shown")})

    def test_AD_04_authors_change_their_own_apis_within_the_operators_bounds(self):
        anna, bert, vera = self.bearer("anna"), self.bearer("bert"), self.bearer("vera")
        seen = anna.get(POLICIES)
        lists = lambda **parameters: {"api": {"request": [dict(POLICY, parameters=parameters)]}}
        self.assertEqual(vera.change("PUT", POLICIES, lists(), seen.etag).status, 403)
        self.assertEqual(bert.change("PUT", POLICIES, lists(), seen.etag).status, 403)
        forbidden = anna.change("PUT", POLICIES, lists(claimMappings={"x": "userPassword"}), seen.etag)
        self.assertEqual(forbidden.status, 422, forbidden.text)
        self.assertEqual(anna.change("PUT", POLICIES, lists(tokenTTL=61), seen.etag).status, 200)
        for method, path, body in [
            ("POST", "/keys", {"algorithm": "ES256"}),
            ("POST", "/invalidate", {}),
            ("POST", "/applications", {"name": "x"}),
            ("POST", "/api-keys", {"application": "x"}),
            ("POST", "/stores/staff/hold", {"stale": "4h"}),
        ]:
            self.assertEqual(anna.ask(method, path, body).status, 403, path)
        # What an author makes is theirs.
        text = self.world.file.read_text().replace("name: orders ", "name: bills ").replace("/orders", "/bills")
        made = bert.ask("POST", "/apis", {"document": text})
        self.assertEqual(made.status, 201, made.text)
        place = made.headers["location"]
        self.assertEqual(anna.change("DELETE", place, None, made.etag).status, 403)
        # Nobody calls theirs by the name of another one, nor makes anything theirs by that.
        taken = bert.ask("POST", "/apis", {"document": "id: orders:1.0\n" + text.replace("bills", "notes")})
        self.assertEqual((taken.status, "id `orders:1.0`" in taken.text), (422, True), taken.text)
        renamed = bert.change("PUT", place, {"document": "id: orders:1.0\n" + text}, made.etag)
        self.assertEqual((renamed.status, "id `orders:1.0`" in renamed.text), (422, True), renamed.text)
        # It stays theirs under another name, and when it is removed and had back.
        renamed = bert.change("PUT", place, {"document": "id: b-1\n" + text}, made.etag)
        self.assertEqual((renamed.status, renamed.json.get("owners")), (200, ["bert"]), renamed.text)
        self.assertEqual(bert.change("DELETE", "/apis/b-1", None, renamed.etag).status, 204)
        last = bert.get("/apis/b-1/revisions").json["items"][1]["n"]
        self.assertEqual(anna.ask("POST", f"/apis/b-1/revisions/{last}/restore").status, 403)
        back = bert.ask("POST", f"/apis/b-1/revisions/{last}/restore")
        self.assertEqual((back.status, back.json.get("owners")), (200, ["bert"]), back.text)
        self.assertEqual(bert.change("DELETE", "/apis/b-1", None, back.etag).status, 204)
        self.assertEqual(bert.change("PUT", POLICIES, lists(), anna.get(POLICIES).etag).status, 403)
        # What was removed and is made again is its new maker's.
        again = anna.ask("POST", "/apis", {"document": text})
        self.assertEqual((again.status, again.json["owners"]), (201, ["anna"]), again.text)
        self.assertEqual(bert.change("DELETE", place, None, again.etag).status, 403)
        self.assertEqual(anna.change("DELETE", place, None, again.etag).status, 204)

    def test_AD_05_every_change_is_audited_with_its_difference(self):
        olga = self.bearer("olga")
        seen = olga.get(POLICIES)
        lists = {"api": {"request": [dict(POLICY, parameters={"tokenTTL": 77})]}, "note": "shorter"}
        self.assertEqual(olga.change("PUT", POLICIES, lists, seen.etag).status, 200)
        mine = lambda: [line for line in self.logged("configuration_changed") if "tokenTTL: 77" in line["diff"]]
        self.world.gateway.wait_until(mine, "the change is not in the log")
        change = mine()[-1]
        self.assertEqual((change["by"], change["target"], change["file"]), ("olga", "api orders:1.0", "orders.yaml"))
        newest = olga.get("/history?limit=1").json["items"][0]
        self.assertEqual((newest["author"], newest["note"], newest["diff"]), ("olga", "shorter", change["diff"]))

    def test_OB_01_no_token_secret_or_value_is_in_log_metrics_or_history(self):
        asked, browser = self.session("olga")
        token = self.provider.token("anna", audience=AUDIENCE, extra={"groups": ["anna"]})
        Client(self.world.gateway.admin, authorization=f"Bearer {token}").get("/me")
        asked.ask("POST", "/stores/staff/lookup", {"user": "alice"})
        asked.ask("POST", "/preview", {"api": ORDERS_ID, "operation": "GET /items", "user": "alice"})
        end_user = self.world.key.token(jws.claims())
        client.request(self.world.gateway.plain, "GET", "/orders/items?secret=q-value", [("Authorization", f"Bearer {end_user}")])
        told = [self.world.gateway.log_text(), self.world.gateway.admin_get("/metrics")[1]]
        told += [asked.get(path).text for path in ("/history", "/requests", "/traffic", "/stores")]
        told.append((self.world.gateway.path / ".countersign" / "history.jsonl").read_text()
                    if (self.world.gateway.path / ".countersign" / "history.jsonl").exists() else "")
        cookie = browser.jar[self.world.gateway.admin]["countersign"]
        for secret in (token, end_user, cookie, "secret/with+signs", "alice@corp.test", "q-value"):
            for text in told:
                self.assertNotIn(secret, text)

    def test_OB_02_control_characters_are_escaped(self):
        olga = self.bearer("olga")
        evil = "x\r\n{\"event\":\"forged\"}\x1b[31m"
        olga.ask("POST", "/stores/staff/lookup", {"user": evil})
        seen = olga.get(POLICIES)
        olga.change("PUT", POLICIES, {"api": {"request": [dict(POLICY, parameters={"tokenTTL": 78})]}, "note": evil}, seen.etag)
        answer = olga.get(f"/apis/{quoted(evil)}")
        self.assertEqual(answer.status, 404)
        token = self.world.key.token(jws.claims(subject=evil))
        fields = [("Authorization", f"Bearer {token}"), ("User-Agent", "x\x1b[31m{\"event\":\"forged\"}")]
        client.request(self.world.gateway.plain, "GET", "/orders/items/%0D%0A%7B%22event%22:%22forged%22%1B[31m", fields)
        log = self.world.gateway.log_text()
        self.assertNotIn("\x1b", log)
        self.assertEqual([line for line in log.splitlines() if line.startswith('{"event":"forged"')], [])
        history = (self.world.gateway.path / ".countersign" / "history.jsonl").read_text()
        self.assertNotIn("\x1b", history)
        self.assertTrue(all(json.loads(line) for line in history.splitlines()))

    def test_OB_03_labels_come_from_the_configuration(self):
        before = len(re.findall(r"^\w", self.world.gateway.admin_get("/metrics")[1], re.MULTILINE))
        for number in range(50):
            client.request(self.world.gateway.plain, "GET", f"/nowhere/{number}", [])
            fetch(self.world.gateway.admin, f"/api/v1/apis/{number}")
        after = len(re.findall(r"^\w", self.world.gateway.admin_get("/metrics")[1], re.MULTILINE))
        self.assertLess(after - before, 30)


class OnTheNetwork(unittest.TestCase):
    """A listener that others reach, without a login."""

    def test_AD_06_without_a_login_the_network_is_told_how_the_gateway_is_and_nothing_else(self):
        port = ports.lease()
        world = World(admin={"address": f"0.0.0.0:{port}"}, address=("127.0.0.2", port))
        self.addCleanup(world.stop)
        json_fields = {"content-type": "application/json"}
        for path in ("/healthz", "/readyz", "/metrics"):
            self.assertEqual(fetch(world.gateway.admin, path)[0], 200, path)
        for path in ("/", "/stores", "/api/v1/me", "/api/v1/openapi.json", "/api/v1/apis"):
            self.assertEqual(fetch(world.gateway.admin, path)[0], 403, path)
        for path in ("/stores/hold?store=staff&stale=7d", "/invalidate", "/reload", "/explain"):
            self.assertEqual(fetch(world.gateway.admin, path, "POST", "{}", json_fields)[0], 403, path)


class Configuration(unittest.TestCase):
    """What is wrong with `admin.login` is told by `check`, with its place."""

    def test_mistakes_in_the_login_are_found(self):
        login = {
            "oidc": {"issuer": "https://gateway.test", "clientId": "c", "clientSecret": {"file": "none"}, "scopes": ["x"]},
            "bearer": {"audience": "orders"},
            "roles": {},
        }
        world = World()
        self.addCleanup(world.stop)
        written = world.gateway.operator_file.read_text()
        operator = yaml.safe_load(written)
        operator["issuers"][0]["audience"] = ["orders"]
        operator["admin"] = {"address": "0.0.0.0:9090", "login": login}
        world.gateway.write("countersign.yaml", operator)
        code, found = world.gateway.check()
        self.assertEqual(code, 1)
        messages = "\n".join(each["message"] for each in found if each["severity"] == "error")
        for expected in ("gateway's own issuer", "`openid`", "`admin.publicUrl` is missing", "give nobody anything", "has this audience", "cannot read"):
            self.assertIn(expected, messages)
        self.assertTrue(all(each["line"] > 0 and each["file"].endswith("countersign.yaml") for each in found))
