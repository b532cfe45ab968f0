"""CK: cache keys. Nothing is served to a caller, an operation or a time that it was not made for."""

import concurrent.futures
import json
import sqlite3
import threading
import time

from attacks.base import ASSERTION, Attack
from attacks.world import CORP, PARTNER, api, custom_claim, endpoint, parameters, policy, verbs
from harness import jws
from harness.gateway import add_person


def plain_dialect(operator):
    """Adds a dialect with short names, so that claims read as attributes."""
    claims = [{"attribute": name, "claim": name} for name in ("email", "department")]
    claims.append({"attribute": "groups", "claim": "groups", "multi": True})
    operator["dialects"] = [{"name": "plain", "uri": "http://plain.test/claims", "prefix": "", "claims": claims}]
    operator.setdefault("backendJwt", {})["defaults"] = {"dialect": "plain"}


class CacheKeys(Attack):
    """Rows CK-01 to CK-15 over HTTP/1.1; CK-05 has a file of its own, and the shared tier (CK-12) is not built yet."""

    protocol = "h1"

    def call(self, token, target="/orders/1", method="GET"):
        return self.send(self.protocol, method, target, [("Authorization", "Bearer " + token)])

    def minted(self, token, target="/orders/1"):
        """The Backend JWT's claims for a call that must succeed."""
        self.assert_status(self.call(token, target), 200)
        return self.identity()

    def database(self, statement, *values, name="staff.db"):
        """Changes a user store behind the gateway's back."""
        connection = sqlite3.connect(self.gateway.path / name, timeout=10)
        with connection:
            connection.execute(statement, values)
        connection.close()

    def test_CK_01_same_signature_with_another_payload(self):
        token = self.world.token()
        for _ in range(2):
            self.assertEqual(self.minted(token)["sub"], "corp/alice")
            head, body, signature = token.split(".")
            claims = json.loads(jws.unb64(body))
            forged = jws.b64(json.dumps(dict(claims, sub="bob")).encode())
            end = "AA" if signature[-2] != "A" else "QQ"
            for changed in (f"{head}.{forged}.{signature}", f"{head}.{body}.{signature[:-2]}{end}", token + "A", token[:-1]):
                with self.attack(changed=changed[-8:]):
                    self.assert_refused(self.call(changed), 401)

    def test_CK_02_warm_token_of_one_issuer_on_an_api_that_trusts_another(self):
        corp = self.world.token()
        partner = self.world.partner.token(jws.claims("alice", PARTNER))
        for _ in range(2):
            self.assertEqual(self.minted(corp)["sub"], "corp/alice")
            self.assertEqual(self.minted(partner)["sub"], "partner/alice")
            self.assertEqual(self.minted(partner, "/narrow/1")["sub"], "partner/alice")
            with self.attack():
                self.assert_refused(self.call(corp, "/narrow/1"), 401)

    def test_CK_03_scopes_are_checked_for_each_operation(self):
        token = self.world.token(scope="read")
        for _ in range(2):
            self.minted(token, "/orders/scoped")
            with self.attack():
                response = self.call(token, "/orders/scoped", "POST")
                self.assert_refused(response, 403)
                self.assertIn("insufficient_scope", response.value("www-authenticate"))

    def test_CK_04_users_with_delimiters_in_their_names(self):
        names = ["a|b", "a", "b|c", "a:b", "a/b", "a\nb", "a b", "a\tb", "a;b", "a,b", 'a"b', "a\\b", "A", "\u00e1", "a\u0301"]

        def change(operator, apis, _files):
            plain_dialect(operator)

        with self.inside(change):
            connection = sqlite3.connect(self.gateway.path / "staff.db")
            with connection:
                for name in names:
                    add_person(connection, {"username": name, "email": json.dumps(name)})
            connection.close()
            for _ in range(2):
                for name in names:
                    with self.attack(name=name):
                        claims = self.minted(self.world.token(name))
                        self.assertEqual((claims["sub"], claims["email"]), ("corp/" + name, json.dumps(name)))
                # A NUL ends a text for some databases: such a name is asked of nobody.
                with self.attack(name="NUL"):
                    self.assert_refused(self.call(self.world.token("a\0b")), 403)
            for key, issuer, email in (
                (self.world.corp, CORP, "alice@corp.test"),
                (self.world.partner, PARTNER, "alice@partner.test"),
            ):
                self.assertEqual(self.minted(key.token(jws.claims("alice", issuer)))["email"], email)

    def test_CK_06_reload_under_load(self):
        def version(number, to):
            mints = policy(header=ASSERTION, audience="orders-svc", customClaims=[{"claim": "v", "value": str(number)}])
            return api("orders", "/orders", to, verbs("GET"), apiPolicies=mints)

        def change(_operator, apis, _files):
            apis["orders"] = version(0, endpoint(apis, "/orders-svc"))

        with self.inside(change):
            to = f"{self.backend.url}/orders-svc"
            token = self.world.token()
            stop = threading.Event()
            seen = [0]

            def hammer():
                """Calls, each with the version in its path that had been served before it began."""
                while not stop.is_set():
                    response = self.call(token, f"/orders/{seen[0]}")
                    assert response.status == 200, repr(response)

            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                work = [pool.submit(hammer) for _ in range(4)]
                try:
                    for number in range(1, 7):
                        self.gateway.write_api("orders", version(number, to))
                        # By the admin listener, by SIGHUP, and by nothing but the file itself.
                        [self.gateway.reload, self.gateway.hang_up, lambda: None][number % 3]()
                        self.gateway.wait_until(lambda: self.latest_version() == str(number), f"version {number} never served")
                        seen[0] = number
                        end = f"/{number}"
                        begun = lambda: [record for record in list(self.backend.records) if record.target.endswith(end)]
                        self.gateway.wait_until(lambda: len(begun()) > 50, "no traffic")
                        later = {self.version_of(record) for record in begun()}
                        self.assertEqual(later, {str(number)}, "an old token after the new one was served")
                finally:
                    stop.set()
                for done in work:
                    done.result()
            self.world.answered = len(self.backend.records)

    def version_of(self, record):
        return jws.decode(record.value(ASSERTION))[1]["v"]

    def latest_version(self):
        return self.version_of(self.backend.records[-1]) if self.backend.records else None

    def test_CK_07_nothing_of_the_request_may_shape_a_claim(self):
        for value in ("${request.header.x}", "${request.query.x}", "${request.path}", "${request.method}"):
            with self.subTest(value=value):
                self.assert_load_refused(custom_claim("x", value), "invalid-value")

    def test_CK_08_removed_role_is_gone_within_the_ttl(self):
        def change(operator, apis, _files):
            plain_dialect(operator)
            operator["userStores"][0]["cache"] = {"ttl": "1s", "refreshAhead": "0s", "negativeTtl": "1s"}

        with self.inside(change):
            token = self.world.token("bob")
            self.assertEqual(self.minted(token)["groups"], ["admins"])
            self.database("DELETE FROM memberships WHERE username = 'bob'")
            begun = time.monotonic()
            self.gateway.wait_until(lambda: self.minted(token)["groups"] == [], "the role is still there")
            self.assertLess(time.monotonic() - begun, 2.5)
            self.database("DELETE FROM people WHERE username = 'bob'")
            self.gateway.wait_until(lambda: self.call(token).status == 403, "the user is still there")
            self.begin()

    def test_CK_08_invalidation_takes_effect_at_once(self):
        with self.inside(lambda operator, _apis, _files: plain_dialect(operator)):
            token = self.world.token("bob")
            self.assertEqual(self.minted(token)["groups"], ["admins"])
            self.database("UPDATE memberships SET name = 'readers' WHERE username = 'bob'")
            self.assertEqual(self.minted(token)["groups"], ["admins"], "the cache should still hold")
            self.gateway.invalidate("staff", "bob")
            self.assertEqual(self.minted(token)["groups"], ["readers"])
            self.database("UPDATE memberships SET name = 'nobody' WHERE username = 'bob'")
            self.gateway.invalidate("staff")
            self.assertEqual(self.minted(token)["groups"], ["nobody"])

    def test_CK_09_age_of_served_tokens(self):
        life = 5

        def change(operator, apis, _files):
            operator["gateway"]["clockSkew"] = "0s"
            parameters(apis)["tokenTTL"] = life

        with self.inside(change):
            long, end = self.world.token(life=600), time.time() + 8
            short = self.world.token(life=7)
            inbound_end = jws.decode(short)[1]["exp"]
            identifiers = set()
            while time.time() < end:
                claims = self.minted(long)
                identifiers.add(claims["jti"])
                # One second for the clock's whole seconds and the request's own time.
                self.assertGreaterEqual(claims["exp"] - time.time(), life / 5 - 1)
                self.assertLessEqual(claims["exp"] - claims["iat"], life)
                response = self.call(short)
                if response.status == 200:
                    # Decoded, not verified: it may expire between its arrival and this line.
                    self.assertLessEqual(jws.decode(self.backend.last().value(ASSERTION))[1]["exp"], inbound_end)
                else:
                    self.assert_status(response, 401)
                    self.assertGreaterEqual(time.time(), inbound_end - 1)
                self.begin()
            self.assertGreater(len(identifiers), 1, "never renewed")
            self.assertLess(len(identifiers), 6, "not cached")
            self.assert_status(self.call(short), 401)

    def test_CK_10_unique_token_id_is_never_cached(self):
        with self.inside(lambda _operator, apis, _files: parameters(apis).update(tokenId="unique")):
            token = self.world.token()
            identifiers = {self.minted(token)["jti"] for _ in range(20)}
            self.assertEqual(len(identifiers), 20)
        token = self.world.token()
        self.assertEqual(len({self.minted(token)["jti"] for _ in range(20)}), 1)

    def test_CK_11_flood_of_subjects_and_paths_is_bounded(self):
        def change(operator, apis, _files):
            operator["cache"] = {"maxBytes": "1MiB"}
            for parameter in ("orders",):
                parameters(apis, parameter)["onUnknownUser"] = "omit"

        with self.inside(change):
            loved = [self.world.token("alice", jti=str(number)) for number in range(20)]
            first = {token: self.minted(token)["jti"] for token in loved}
            before = self.gateway.resident_bytes()
            for number in range(2000):
                stranger = self.world.corp_ed.token(jws.claims(f"stranger-{number}", CORP))
                self.assert_status(self.call(stranger, f"/orders/{number}"), 200)
                if number % 10 == 0:
                    self.call(loved[number // 10 % 20])
                self.begin()
            grown = self.gateway.resident_bytes() - before
            self.assertLess(grown, 64 << 20, f"grew by {grown >> 20} MiB")
            kept = sum(self.minted(token)["jti"] == first[token] for token in loved)
            self.assertGreaterEqual(kept, 18, "known callers were evicted by strangers")

    def test_CK_13_unknown_user_who_is_created_is_seen_within_the_negative_ttl(self):
        with self.inside(lambda operator, _apis, _files: plain_dialect(operator)):
            token = self.world.token("newcomer")
            self.assertEqual(json.loads(self.call(token).body)["code"], "unknown_user")
            self.database("INSERT INTO people (username, email) VALUES ('newcomer', 'n@corp.test')")
            begun = time.monotonic()
            self.gateway.wait_until(lambda: self.call(token).status == 200, "never seen")
            self.assertLess(time.monotonic() - begun, 2.5)
            self.begin()

    def test_CK_14_tokens_made_while_the_store_was_down_do_not_outlive_it(self):
        def change(operator, apis, _files):
            plain_dialect(operator)
            operator["userStores"][0]["breaker"] = {"after": 1000, "retry": "1s"}
            parameters(apis)["onAttributeFailure"] = "omit"

        with self.inside(change):
            self.database("ALTER TABLE people RENAME TO gone")
            token = self.world.token()
            claims = self.minted(token)
            self.assertIs(claims["attributes_omitted"], True)
            self.assertNotIn("email", claims)
            self.database("ALTER TABLE gone RENAME TO people")
            begun = time.monotonic()
            self.gateway.wait_until(lambda: "attributes_omitted" not in self.minted(token), "still omitted")
            self.assertLess(time.monotonic() - begun, 6.5)
            self.assertEqual(self.minted(token)["email"], "alice@corp.test")

    def test_CK_14_a_store_that_is_down_rejects_by_default(self):
        with self.inside(lambda _operator, _apis, _files: None):
            self.database("ALTER TABLE people RENAME TO gone")
            response = self.call(self.world.token())
            self.assert_refused(response, 503)
            self.assertEqual(json.loads(response.body)["code"], "user_store_unavailable")
            self.assertIsNotNone(response.value("retry-after"))

    def test_CK_15_reload_that_changes_nothing_keeps_cached_tokens(self):
        with self.inside(lambda _operator, _apis, _files: None):
            token = self.world.token()
            identifier = self.minted(token)["jti"]
            for number in range(3):
                to = f"{self.backend.url}/open-svc"
                self.gateway.write_api("new", api(f"new{number}", f"/new{number}", to, verbs("GET", secured=False)))
                self.gateway.reload()
                self.gateway.wait_until(lambda: self.send(self.protocol, "GET", f"/new{number}/1").status == 200, "not loaded")
                self.assertEqual(self.minted(token)["jti"], identifier)


class CacheKeysOverHttp2(CacheKeys):
    """The same rows over HTTP/2, in a world whose caches are cold."""

    protocol = "h2"
