"""TK: inbound tokens. Each is answered 401 with an RFC 6750 error, and the backend is not touched."""

import json
import socket
import threading
import time

from cryptography.hazmat.primitives import serialization

from attacks.base import ASSERTION, PROTOCOLS, Attack
from attacks.world import CORP, PARTNER
from harness import jws
from harness.backend import stop_listening


class InboundTokens(Attack):
    """Rows TK-01 to TK-14 on `GET /orders/1`. Other credentials have files of their own."""

    # What is answered to two fields that may hold a credential.
    ambiguous = (400,)

    def refuse(self, token, name):
        """The token is refused twice over each protocol: cold, and when it is remembered as refused."""
        for protocol in ("h1", "h2"):
            for again in (False, True):
                with self.attack(token=name, protocol=protocol, again=again):
                    response = self.send(protocol, "GET", "/orders/1", [("Authorization", "Bearer " + token)])
                    self.assert_refused(response, 401)
                    self.assertIn("error=", response.value("www-authenticate"))
                    self.assertEqual(response.value("content-type"), "application/problem+json")
                    self.assertNotIn(token[:40].encode(), response.body)

    def accept(self, token, name):
        """The token is accepted; returns the Backend JWT's claims."""
        with self.attack(token=name):
            self.assert_status(self.send("h1", "GET", "/orders/1", [("Authorization", "Bearer " + token)]), 200)
            return self.identity()

    def claims(self, **more):
        return jws.claims("alice", CORP, **more)

    def header(self, alg, **more):
        return dict({"alg": alg, "kid": "corp-1", "typ": "JWT"}, **more)

    def test_TK_00_honest_tokens_are_accepted(self):
        for key in (self.world.corp, self.world.corp_ec, self.world.corp_ed):
            self.assertEqual(self.accept(key.token(self.claims()), key.algorithm)["sub"], "corp/alice")
        self.accept(self.world.corp.token(self.claims(exp=time.time() + 600.5)), "fractional exp")
        self.accept(self.world.corp.token(self.claims(aud=["x", "gateway"])), "aud array")

    def test_TK_00_no_token_gets_no_error_code(self):
        for protocol in PROTOCOLS:
            with self.attack(protocol=protocol):
                response = self.send(protocol, "GET", "/orders/1")
                self.assert_refused(response, 401)
                self.assertTrue(response.value("www-authenticate").startswith("Bearer"))
                self.assertNotIn("error=", response.value("www-authenticate"))

    def test_TK_01_unsigned(self):
        for alg in ("none", "None", "NONE", "nOnE"):
            unsigned = jws.compact(self.header(alg), self.claims(), lambda _: b"")
            self.refuse(unsigned, alg)
            self.refuse(unsigned[:-1], alg + " without the last dot")
            self.refuse(jws.compact(self.header(alg), self.claims(), self.world.corp.signature), alg + " signed")
        self.refuse(jws.compact(self.header("RS256"), self.claims(), lambda _: b""), "empty signature")
        self.refuse(jws.compact(self.header("RS256"), self.claims(), lambda _: b"\0" * 256), "zero signature")

    def test_TK_02_honest_token_inside_an_unsigned_one(self):
        inner = self.world.token()
        for name in ("token", "access_token", "jwt"):
            self.refuse(jws.compact(self.header("none"), self.claims(**{name: inner}), lambda _: b""), name)
        self.refuse(jws.compact(self.header("none", cty="JWT"), inner.encode(), lambda _: b""), "nested")

    def test_TK_03_public_key_as_hmac_secret(self):
        encodings = [serialization.Encoding.PEM, serialization.Encoding.DER]
        formats = [serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.PKCS1]
        for key in (self.world.corp, self.world.corp_ec):
            public = key.private.public_key()
            usable = formats if key.algorithm == "RS256" else formats[:1]
            secrets = [public.public_bytes(encoding, form) for encoding in encodings for form in usable]
            secrets += [secrets[0].strip(), json.dumps(key.jwk()).encode(), json.dumps(key.public).encode()]
            secrets += [key.kid.encode(), b"", b"\0"]
            for secret in secrets:
                header = self.header("HS256", kid=key.kid)
                token = jws.compact(header, self.claims(), jws.hmac_signer(secret))
                self.refuse(token, f"{key.algorithm} {secret[:16]}")

    def test_TK_04_keys_that_the_token_brings_are_not_used_nor_fetched(self):
        with socket.create_server(("127.0.0.1", 0)) as rogue:
            visits = []

            def accept():
                try:
                    while True:
                        connection, _ = rogue.accept()
                        visits.append(time.time())
                        connection.close()
                except OSError:
                    pass

            accepting = threading.Thread(target=accept, daemon=True)
            accepting.start()
            url = "http://127.0.0.1:%d/jwks.json" % rogue.getsockname()[1]
            attacker = self.world.attacker
            brought = [
                {"jwk": attacker.jwk()},
                {"jwk": attacker.jwk(), "kid": None},
                {"jku": url},
                {"jku": url, "kid": "unknown"},
                {"x5u": url, "kid": "unknown"},
                {"jku": "http://169.254.169.254/latest/meta-data"},
                {"jku": "file:///etc/passwd"},
                {"x5c": ["MIIB"]},
                {"kid": url},
                {"kid": "../../../../dev/null"},
                {"kid": "x' UNION SELECT 'k'--"},
                {"kid": 1},
                {"kid": None},
            ]
            for header in brought:
                self.refuse(attacker.token(self.claims(), **header), str(header)[:60])
            stop_listening(rogue, accepting)
            self.assertEqual(visits, [], "the gateway visited the attacker's address")

    def test_TK_05_signatures_of_a_wrong_form(self):
        ec = self.world.corp_ec
        order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
        n = order.to_bytes(32, "big")
        signatures = {
            "r=s=0": lambda _: b"\0" * 64,
            "r=n": lambda _: n + n,
            "r=n s=1": lambda _: n + (1).to_bytes(32, "big"),
            "DER": ec.signature_der,
            "short": lambda message: ec.signature(message)[:63],
            "long": lambda message: ec.signature(message) + b"\0",
            "P-384 length": lambda message: ec.signature(message) + b"\0" * 32,
        }
        for name, sign in signatures.items():
            self.refuse(jws.compact(self.header("ES256", kid="corp-ec"), self.claims(), sign), name)
        ed = self.world.corp_ed
        for name, sign in {"zero": lambda _: b"\0" * 64, "short": lambda m: ed.signature(m)[:63]}.items():
            self.refuse(jws.compact(self.header("EdDSA", kid="corp-ed"), self.claims(), sign), "Ed25519 " + name)
        wrong = jws.compact(self.header("RS256", kid="corp-ec"), self.claims(), self.world.corp.signature)
        self.refuse(wrong, "kid names an EC key")
        self.refuse(jws.compact(self.header("PS256"), self.claims(), self.world.corp.signature), "alg differs from the key's")

    def test_TK_06_times(self):
        raw = '{"iss":"%s","sub":"alice","aud":"gateway","iat":%d,"exp":%s}'
        for value in ("1e400", "-1", "0", '"never"', "null", "true", "[9999999999]", "NaN", "Infinity", "-Infinity"):
            payload = (raw % (CORP, time.time(), value)).encode()
            token = jws.compact(self.header("RS256"), payload, self.world.corp.signature)
            self.refuse(token, "exp " + value)
        self.refuse(self.world.corp.token(self.claims(exp=None)), "no exp")
        self.refuse(self.world.corp.token(self.claims(exp=int(time.time()) - 1)), "expired a second ago")
        for claim in ("nbf", "iat"):
            for value in ("9999999999", {}, [1], True, 9999999999):
                self.refuse(self.world.corp.token(self.claims(**{claim: value})), f"{claim} {value!r}")

    def test_TK_07_payloads_that_two_parsers_could_read_differently(self):
        sign = self.world.corp.signature
        base = json.dumps(self.claims())[1:-1]
        payloads = {
            "sub twice": "{%s,\"sub\":\"bob\"}" % base,
            "exp twice": "{\"exp\":1,%s}" % base,
            "iss twice": "{\"iss\":\"https://evil.test\",%s}" % base,
            "nested twice": "{%s,\"x\":{\"a\":1,\"a\":2}}" % base,
            "escaped twice": "{%s,\"\\u0073ub\":\"bob\"}" % base,
            "deep": "{%s,\"x\":%s%s}" % (base, "[" * 10000, "]" * 10000),
            "surrogate": "{%s,\"x\":\"\\ud800\"}" % base,
            "trailing": "{%s}{}" % base,
            "comment": "{/**/%s}" % base,
            "byte order mark": "\ufeff{%s}" % base,
            "array": "[{%s}]" % base,
            "empty": "",
        }
        for name, payload in payloads.items():
            self.refuse(jws.compact(self.header("RS256"), payload.encode(), sign), name)
        self.refuse(jws.compact(self.header("RS256"), ("{%s}" % base).encode("utf-16"), sign), "UTF-16")
        self.refuse(jws.compact(self.header("RS256"), ("{%s,\"x\":\"" % base).encode() + b"\xff\"}", sign), "bad UTF-8")
        for subject in (1, ["alice"], None, "", {"a": 1}, True):
            token = jws.compact(self.header("RS256"), dict(self.claims(), sub=subject), sign)
            self.refuse(token, f"sub {subject!r}")
        for header in (b'{"alg":"none","kid":"corp-1","alg":"RS256"}', b'["RS256"]', b"1", b'{"alg":"RS256","kid":"corp-1"}x'):
            self.refuse(jws.compact(header, self.claims(), sign), f"header {header}")

    def test_TK_08_critical_header_members(self):
        for header in ({"crit": ["x"]}, {"crit": []}, {"crit": ["exp"], "exp": 1}, {"b64": False, "crit": ["b64"]}, {"b64": False}, {"crit": "x"}, {"zip": "DEF"}):
            self.refuse(self.world.corp.token(self.claims(), **header), str(header))

    def test_TK_09_keys_belong_to_one_issuer(self):
        for claims in (self.claims(), jws.claims("alice", PARTNER)):
            for key in (self.world.corp_twin, self.world.partner_twin):
                own = (claims["iss"] == CORP) == (key is self.world.corp_twin)
                token = key.token(claims)
                if own:
                    expected = "corp/alice" if claims["iss"] == CORP else "partner/alice"
                    self.assertEqual(self.accept(token, f"own twin of {claims['iss']}")["sub"], expected)
                else:
                    self.refuse(token, f"other twin for {claims['iss']}")
        for issuer in (CORP + "/", CORP.upper(), CORP + ".evil.test", [CORP], None, "https://evil.test"):
            token = self.world.corp.token(dict(self.claims(), iss=issuer))
            self.refuse(token, f"iss {issuer!r}")

    def test_TK_10_tokens_for_others(self):
        corp = self.world.corp
        for audience in ("other", "", [], ["x"], {"gateway": 1}, None, "gateway ", "GATEWAY", "x,gateway", [1]):
            self.refuse(corp.token(dict(self.claims(), aud=audience)), f"aud {audience!r}")
        self.refuse(corp.token(self.claims(aud=None)), "no aud")
        self.refuse(corp.token(self.claims(at_hash="x")), "ID token")
        self.refuse(corp.token(self.claims(c_hash="x")), "ID token with a code hash")
        for kind in ("txntoken+jwt", "dpop+jwt", "logout+jwt", "secevent+jwt"):
            self.refuse(corp.token(self.claims(), typ=kind), f"typ {kind}")

    def test_TK_10_backend_jwt_replayed_as_access_token(self):
        with self.attack(step="fetch"):
            self.assert_status(self.send("h1", "GET", "/orders/1", [self.bearer()]), 200)
            minted = self.backend.last().value(ASSERTION)
        self.refuse(minted, "the gateway's own")
        posing = self.world.corp.token(dict(self.claims(), iss=self.gateway.issuer))
        self.refuse(posing, "an issuer's token that says it is ours")

    def test_TK_13_two_credentials(self):
        good, bad = self.bearer(), ("Authorization", "Bearer bad")
        pairs = [[good, good], [good, bad], [bad, good], [("Authorization", "Basic dTpw"), good]]
        for protocol in PROTOCOLS:
            for fields in pairs:
                with self.attack(protocol=protocol, fields=[value[:12] for _, value in fields]):
                    self.assert_refused(self.send(protocol, "GET", "/orders/1", fields), *self.ambiguous)
        for value in (good[1] + ", " + good[1], good[1] + " x", 'Bearer "%s"' % good[1][7:], "Bearer", "Bearer ", good[1].replace(" ", "\t"), good[1].replace(" ", "")):
            with self.attack(value=value[:10] + value[-10:]):
                self.assert_refused(self.send("h1", "GET", "/orders/1", [("Authorization", value)]), 400, 401)

    def test_TK_13_other_places_are_not_looked_at(self):
        token = self.world.token()
        for protocol in ("h1", "h2"):
            for target, fields in (
                ("/orders/1?access_token=" + token, []),
                ("/orders/1", [("Cookie", "access_token=" + token)]),
                ("/orders/1", [("X-Authorization", "Bearer " + token)]),
                ("/orders/1", [("Proxy-Authorization", "Bearer " + token)]),
            ):
                with self.attack(protocol=protocol, target=target[:20], fields=[name for name, _ in fields]):
                    self.assert_refused(self.send(protocol, "GET", target, fields), 401)

    def test_TK_13_the_scheme_is_read_in_any_case(self):
        for scheme in ("bearer", "BEARER", "BeArEr"):
            with self.attack(scheme=scheme):
                fields = [("authorization", f"{scheme} {self.world.token()}")]
                self.assert_status(self.send("h1", "GET", "/orders/1", fields), 200)

    def test_TK_14_a_key_signs_for_its_own_issuer_alone(self):
        for tenant in ({}, {"tid": "partner"}, {"tenant": "partner"}):
            self.refuse(self.world.corp.token(jws.claims("alice", PARTNER, **tenant)), f"corp key, partner iss {tenant}")
            self.refuse(self.world.partner.token(jws.claims("alice", CORP, **tenant)), f"partner key, corp iss {tenant}")

    def test_TK_00_choices_that_the_page_names(self):
        corp = self.world.corp
        self.refuse(corp.token(self.claims(), kid=None), "no kid among several keys")
        self.refuse(corp.token(self.claims(cnf={"jkt": "x"})), "bound to a DPoP key")
        self.refuse(corp.token(self.claims(cnf={"x5t#S256": "x"})), "bound to a certificate")
        for value, status in ((f"Bearer  {self.world.token()}", 200), (f"DPoP {self.world.token()}", 401)):
            with self.attack(value=value[:8]):
                self.assert_status(self.send("h1", "GET", "/orders/1", [("Authorization", value)]), status)
        for subject in ("bob\r\nX-Admin: 1", "bob\0admin", "*)(uid=*", "' OR '1'='1", "x\u001b[31m"):
            with self.attack(subject=subject):
                response = self.send("h1", "GET", "/orders/1", [self.bearer(subject)])
                self.assert_refused(response, 403)
                self.assertNotIn(subject, self.gateway.log_text())

    def test_TK_11_odd_bytes_in_place_of_a_token(self):
        values = ["a|b", "a%0d%0ab", "%00", "a b", "\xe9", "x" * 60000, "." * 10000, "..", "a.b.c.d", "=", "eyJ"]
        for value in values:
            with self.attack(value=value[:20]):
                response = self.send("h1", "GET", "/orders/1", [("Authorization", "Bearer " + value)])
                self.assert_refused(response, 400, 401, 431)
        with self.attack(value="1 MB"):
            response = self.send("h1", "GET", "/orders/1", [("Authorization", "Bearer " + "x" * (1 << 20))])
            self.assertTrue(response.status in (0, 400, 401, 431), repr(response))
            self.assert_untouched()


    def test_TK_05_small_order_key(self):
        small = {"kty": "OKP", "crv": "Ed25519", "x": jws.b64(b"\x01" + b"\0" * 31), "kid": "small", "alg": "EdDSA"}

        def change(_operator, _apis, files):
            files["corp.json"]["keys"].append(small)

        with self.inside(change):
            for signature in (b"\x01" + b"\0" * 63, b"\0" * 64):
                header = {"alg": "EdDSA", "kid": "small"}
                self.refuse(jws.compact(header, self.claims(), lambda _: signature), "small order")

    def test_TK_10_access_token_type(self):
        def change(operator, _apis, _files):
            operator["issuers"][0]["tokenType"] = "at+jwt"

        with self.inside(change):
            for kind in ("at+jwt", "application/at+jwt"):
                self.accept(self.world.corp.token(self.claims(jti="1"), typ=kind), kind)
            for kind in ("JWT", None, "at+jwt2"):
                self.refuse(self.world.corp.token(self.claims(jti="1"), typ=kind), f"typ {kind}")
