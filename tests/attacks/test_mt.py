"""MT: the minted token. What a backend may believe, and what is never in it."""

import json

import jwt

from attacks.base import ASSERTION, Attack
from attacks.test_ck import plain_dialect
from attacks.world import api, custom_claim, endpoint, operation, parameters, policy, verbs
from harness import jws
from harness.gateway import Gateway, make_database

ODD_VALUES = {
    "quote": 'a"b\\c/d',
    "lines": "a\r\nX-JWT-Assertion: x\tb",
    "control": "a\u0001\u001f\u007fb",
    "emoji": "😀 Žofie 李",
    "right-to-left": "\u202eabc\u2066",
    "separators": "\u2028\u2029",
    "number": 9007199254740993,
    "negative": -9223372036854775808,
    "fraction": 0.1,
    "json": '{"a":1}',
    "empty": "",
    "null": None,
}


class MintedToken(Attack):
    """Rows MT-01 to MT-16 over HTTP/1.1. MT-12 needs request binding and MT-13 Txn-Tokens: not built yet."""

    protocol = "h1"

    def get(self, target, *fields):
        return self.send(self.protocol, "GET", target, fields)

    def mint(self, subject="alice", target="/orders/1", **claims):
        """The claims that arrived for a call that must succeed."""
        self.assert_status(self.get(target, self.bearer(subject, **claims)), 200)
        return self.identity()

    def test_MT_01_audience_keeps_apis_apart(self):
        self.mint()
        token = self.backend.last().value(ASSERTION)
        self.verified(token, "orders-svc")
        for other in ("a-svc", "opt-svc", "orders", "gateway"):
            with self.assertRaises(jwt.InvalidAudienceError):
                self.verified(token, other)

    def test_MT_02_gateways_differ_in_their_issuer(self):
        self.mint()
        token = self.backend.last().value(ASSERTION)
        other = Gateway(self.world.operator(), self.world.apis(), self.world.files())
        try:
            self.assertNotEqual(other.issuer, self.gateway.issuer)
            kids = {key["kid"] for key in other.jwks()["keys"]}
            self.assertNotIn(jwt.get_unverified_header(token)["kid"], kids)
            key = next(key for key in self.world.keys.keys if key.key_id == jwt.get_unverified_header(token)["kid"])
            with self.assertRaises(jwt.InvalidIssuerError):
                jwt.decode(token, key.key, algorithms=["ES256"], audience="orders-svc", issuer=other.issuer)
        finally:
            other.stop()

    def odd_world(self, operator, apis, files):
        """People whose e-mail address is any value at all."""
        plain_dialect(operator)
        people = [{"username": name, "email": value} for name, value in ODD_VALUES.items()]
        people.append({"username": "large", "email": "x" * 900_000})
        people.append({"username": "huge", "email": "x" * (2 << 20)})
        many = [("crowd", f"group-{number:04}") for number in range(3000)] + [("one", "only")]
        people += [{"username": "crowd"}, {"username": "one"}, {"username": "none"}]
        files["staff.db"] = lambda path: make_database(path, people + [{"username": "alice", "department": "x"}], many)
        drop = policy(header=ASSERTION, audience="orders-svc", onOversize="drop", dropOrder=["groups"])
        apis["drop"] = api("drop", "/drop", endpoint(apis, "/orders-svc"), verbs("GET"), apiPolicies=drop)

    def test_MT_03_odd_values_arrive_as_they_are(self):
        with self.inside(self.odd_world):
            for name, value in ODD_VALUES.items():
                with self.attack(value=name):
                    claims = self.mint(name)
                    if value is None:
                        self.assertNotIn("email", claims)
                    else:
                        self.assertEqual(claims["email"], value)
                        self.assertIs(type(claims["email"]), type(value))
                    self.assertTrue(self.backend.last().value(ASSERTION).isascii())
            # Over a mebibyte the store's answer itself is refused.
            for name, status, code in (("large", 500, "backend_jwt_too_large"), ("huge", 503, "user_store_unavailable")):
                with self.attack(value=name):
                    response = self.get("/orders/1", self.bearer(name))
                    self.assert_refused(response, status)
                    self.assertEqual(json.loads(response.body)["code"], code)

    def test_MT_03_odd_token_claims_keep_their_types(self):
        values = {"n": 9007199254740993, "f": 1.5, "t": True, "list": ["a", 1, None], "map": {"é": "\n"}, "z": None}
        with self.inside(lambda _operator, apis, _files: parameters(apis).update(tokenClaims="all", dialect="none")):
            claims = self.mint(**values)
            for name, value in values.items():
                self.assertEqual(claims.get(name), value)
            self.assertNotIn("z", claims)

    def test_MT_04_nothing_overrides_registered_and_gateway_claims(self):
        hostile = {"sub": "admin", "exp": 1, "aud": "x", "iss": "x", "nbf": 1, "iat": 1, "jti": "x"}

        def refused(mapping):
            return lambda _operator, apis, _files: parameters(apis).update(claimMappings=mapping)

        def dialect(claim):
            def change(operator, apis, _files):
                plain_dialect(operator)
                operator["dialects"][0]["claims"][0]["claim"] = claim

            return change

        for name in hostile:
            with self.subTest(claim=name):
                self.assert_load_refused(refused({name: "email"}), "claim-conflict")
                self.assert_load_refused(dialect(name), "claim-conflict")
                self.assert_load_refused(custom_claim(name, "x"), "claim-conflict")
        self.assert_load_refused(dialect("enduser"), "claim-conflict")

        def pass_all(operator, apis, _files):
            plain_dialect(operator)
            parameters(apis).update(tokenClaims="all", dialect="plain")

        with self.inside(pass_all):
            claims = self.mint(enduser="bob", usertype="ADMIN", email="bob@corp.test", apiname="x", jti="inbound")
            self.assertEqual((claims["sub"], claims["enduser"]), ("corp/alice", "alice"))
            self.assertEqual((claims["email"], claims["usertype"]), ("alice@corp.test", "Application_User"))
            self.assertEqual((claims["apiname"], claims["aud"]), ("orders", "orders-svc"))
            self.assertNotEqual(claims["jti"], "inbound")

    def test_MT_04_what_the_store_does_not_give_is_not_filled_from_the_token(self):
        def change(operator, apis, files):
            plain_dialect(operator)
            people = [{"username": "alice", "department": "sales", "email": None}]
            files["staff.db"] = lambda path: make_database(path, people)
            parameters(apis).update(tokenClaims="all", dialect="plain")

        with self.inside(change):
            claims = self.mint(email="forged@evil.test", groups=["admins"])
            self.assertNotIn("email", claims)
            self.assertEqual(claims["groups"], [])

    def test_MT_05_claims_from_the_request_are_refused_at_load(self):
        for value in ("${request.header.x}", "${request.path}", "${request.query.q}", "${env.PATH}", "${user}", "${"):
            with self.subTest(value=value):
                self.assert_load_refused(custom_claim("x", value), "invalid-value")

    def test_MT_06_types_do_not_depend_on_the_number_of_values(self):
        with self.inside(self.odd_world):
            self.assertEqual(self.mint("one")["groups"], ["only"])
            claims = self.mint("none")
            self.assertEqual(claims["groups"], [])
            self.assertNotIn("email", claims)

    def test_MT_06_custom_claims_have_their_declared_types(self):
        declared = [
            ("s", "1", "string", "1"),
            ("i", "2147483647", "int", 2147483647),
            ("l", "9223372036854775807", "long", 9223372036854775807),
            ("f", "1.5", "float", 1.5),
            ("b", "true", "bool", True),
            ("d", "2024-01-31", "date", "2024-01-31"),
            ("j", '{"a":[1,null]}', "json", {"a": [1, None]}),
        ]

        def change(_operator, apis, _files):
            parameters(apis)["customClaims"] = [{"claim": c, "value": v, "type": t} for c, v, t, _ in declared]

        with self.inside(change):
            claims = self.mint()
            for claim, _, _, expected in declared:
                self.assertEqual(claims[claim], expected)
        for value, kind in (("x", "int"), ("2147483648", "int"), ("yes", "bool"), ("31.1.2024", "date"), ("{", "json"), ("NaN", "float")):
            with self.subTest(value=value, type=kind):
                self.assert_load_refused(custom_claim("x", value, type=kind), "invalid-value")

    def test_MT_07_three_thousand_groups(self):
        with self.inside(self.odd_world):
            response = self.get("/orders/1", self.bearer("crowd"))
            self.assert_refused(response, 500)
            self.assertEqual(json.loads(response.body)["code"], "backend_jwt_too_large")
            self.assertEqual(self.gateway.metric("countersign_backend_jwts_too_large_total"), 1)
            claims = self.mint("crowd", "/drop/1")
            self.assertEqual(claims["claims_dropped"], ["groups"])
            self.assertNotIn("groups", claims)
            line = f"{ASSERTION}: {self.backend.last().value(ASSERTION)}"
            self.assertLessEqual(len(line), 4096)
            self.assertEqual(self.gateway.metric("countersign_backend_jwts_too_large_total"), 1)

    def test_MT_08_strict_encoding_unless_asked_for(self):
        self.mint()
        self.assertRegex(self.backend.last().value(ASSERTION), r"\A[\w-]+\.[\w-]+\.[\w-]+\Z")
        code, errors = self.check(lambda _operator, apis, _files: parameters(apis).update(encoding="Base64Padded"))
        self.assertEqual((code, list(errors)), (1, ["invalid-value"]))

    def test_MT_09_anonymous_callers(self):
        with self.attack(anonymous="omit"):
            self.assert_status(self.get("/opt/1"), 200)
            self.assertEqual(self.backend.last().aliases(ASSERTION), [])
        with self.inside(lambda _operator, apis, _files: parameters(apis, "opt").update(anonymous="mint")):
            self.assert_status(self.get("/opt/1"), 200)
            claims = self.identity()
            self.assertNotIn("sub", claims)
            self.assertEqual(claims["http://wso2.org/claims/usertype"], "ANONYMOUS")
            self.assertEqual(claims["http://wso2.org/claims/apiname"], "opt")

    def test_MT_10_unsigned_tokens_need_the_operators_word(self):
        def unsigned(_operator, apis, _files):
            parameters(apis)["signingAlgorithm"] = "none"

        def author_allows(operator, apis, files):
            unsigned(operator, apis, files)
            parameters(apis)["allowUnsigned"] = True

        def author_allows_above(operator, apis, files):
            unsigned(operator, apis, files)
            apis["orders"]["allowUnsigned"] = True

        def operator_allows(operator, apis, files):
            unsigned(operator, apis, files)
            operator["backendJwt"] = {"allowUnsigned": True}

        for name in ("none", "NONE"):
            self.assert_load_refused(lambda o, a, f, n=name: parameters(a).update(signingAlgorithm=n), "unsigned-token")
        self.assert_load_refused(author_allows, "unsigned-token", "unknown-field")
        self.assert_load_refused(author_allows_above, "unsigned-token", "unknown-field")
        self.assertEqual(self.check(operator_allows), (0, {}))

    def test_MT_11_the_inbound_token_is_never_inside(self):
        for value in ("${token}", "${credential.raw}", "${request.authorization}"):
            with self.subTest(value=value):
                self.assert_load_refused(custom_claim("x", value), "invalid-value")
        with self.inside(lambda _operator, apis, _files: parameters(apis).update(tokenClaims="all")):
            token = self.world.token()
            response = self.get("/orders/1", ("Authorization", "Bearer " + token))
            self.assert_status(response, 200)
            record = self.backend.last()
            head, claims = jws.decode(record.value(ASSERTION))
            self.assertNotIn(token.split(".")[1], json.dumps([head, claims]))
            self.assertEqual(record.values("authorization"), [])

    def sensitive_world(self, allow=()):
        names = ["userPassword", "totp_secret", "accountLocked", "failedLoginAttempts", "national_id", "email"]

        def change(operator, apis, files):
            plain_dialect(operator)
            operator["dialects"][0]["claims"] = [{"attribute": name, "claim": "c-" + name} for name in names]
            operator["backendJwt"]["sensitive"] = {"attributes": ["national_id"], "allow": list(allow)}
            person = dict({name: "SECRET" for name in names}, username="alice", email="alice@corp.test")
            files["staff.db"] = lambda path: make_database(path, [person])
            store = operator["userStores"][0]
            store["sql"] = dict(store["sql"], query="SELECT * FROM people WHERE username = :user")
            store["sql"].pop("multi")
            store["attributes"] = {name: name for name in names}

        return change

    def test_MT_14_sensitive_attributes_need_the_operators_leave(self):
        with self.inside(self.sensitive_world()):
            claims = self.mint()
            self.assertEqual(claims["c-email"], "alice@corp.test")
            self.assertNotIn("SECRET", json.dumps(claims))
        allowance = {"attribute": "national_id", "api": "orders", "reason": "KYC law"}
        with self.inside(self.sensitive_world([allowance])):
            claims = self.mint()
            self.assertEqual(claims["c-national_id"], "SECRET")
            self.assertEqual(json.dumps(claims).count("SECRET"), 1)

    def test_MT_14_asking_for_a_sensitive_attribute_by_name_is_refused(self):
        def change(operator, apis, files):
            self.sensitive_world()(operator, apis, files)
            parameters(apis)["claims"] = ["userPassword"]

        self.assert_load_refused(change, "sensitive-attribute")

    def test_MT_15_two_issuers_with_one_subject(self):
        def same_subjects(operator, _apis, _files):
            for issuer in operator["issuers"]:
                issuer.pop("subject")

        def shared(operator, apis, files):
            same_subjects(operator, apis, files)
            operator["sharedSubjects"] = True

        self.assert_load_refused(same_subjects, "subject-collision")
        self.assertEqual(self.check(shared), (0, {}))
        subjects = {self.mint()["sub"]}
        partner = self.world.partner.token(jws.claims("alice", "https://idp.partner.test"))
        self.assert_status(self.get("/orders/1", ("Authorization", "Bearer " + partner)), 200)
        subjects.add(self.identity()["sub"])
        self.assertEqual(subjects, {"corp/alice", "partner/alice"})

    def test_MT_16_a_partners_policy_cannot_name_the_employees_store(self):
        def change(_operator, apis, _files):
            parameters(apis, "narrow")["userStore"] = "staff"

        code, errors = self.check(change)
        self.assertEqual(code, 1, "it loads")
        self.assertEqual(len(errors), 1, errors)

    def test_MT_16_operations_follow_the_same_rule(self):
        def change(_operator, apis, _files):
            given = policy(header=ASSERTION, audience="narrow-svc", userStore=["staff"])
            apis["narrow"]["operations"].append(operation("GET", "/x", operationPolicies=given))

        self.assertEqual(self.check(change)[0], 1, "it loads")


class MintedTokenOverHttp2(MintedToken):
    """The same rows over HTTP/2."""

    protocol = "h2"
