"""`sendTokenToUpstream`: the caller's credential ends here, unless the API says that the backend gets it too."""

import hashlib

from harness import jws
from policies.base import ASSERTION, ISSUER, PROTOCOLS, Policies, operation

API_KEY = "csk_a-key-of-the-shop"
# An entry of `authentication`, and where its credential stands: a field with what comes before the token, or a parameter.
PLACES = [
    ({"authType": "OAuth2"}, ("Authorization", "Bearer ")),
    ({"authType": "OAuth2", "headerName": "testAuth"}, ("testAuth", "Bearer ")),
    ({"authType": "JWT", "headerName": "X-Caller"}, ("X-Caller", "")),
    ({"authType": "APIKey", "headerName": "X-Key"}, ("X-Key", None)),
    ({"authType": "APIKey", "headerEnable": False, "queryParamEnable": True, "queryParamName": "key"}, None),
]


class Credentials(Policies):
    def start_with(self, entry, sends):
        key = {"id": "only", "hash": "sha256:" + hashlib.sha256(API_KEY.encode()).hexdigest()}
        off = [] if entry["authType"] == "OAuth2" else [{"authType": "OAuth2", "enabled": False}]
        self.start(
            operations=[operation("GET", "/*", secured=True)],
            operator={"applications": [{"name": "Shop", "clientIds": ["shop"], "apiKeys": [key]}]},
            authentication=[*off, dict(entry, **sends)],
            apiPolicies={"request": [{"policyName": "BackendJwt", "parameters": {"audience": "shop"}}]},
        )

    def arrived(self, protocol, place):
        """Sends the credential at its place; gives it and what reached the backend with a Backend JWT."""
        name, word = place or (None, None)
        credential = API_KEY if word is None else word + self.key.token(jws.claims("alice", ISSUER))
        target = "/a?x=1" if place else f"/a?key={credential}&x=1"
        self.backend.reset()
        self.assert_status(self.send(protocol, "GET", target, [(name, credential)] if place else []), 200)
        record = self.backend.last()
        subject = jws.decode(record.value(ASSERTION))[1]["sub"]
        self.assertEqual(subject, "shop" if word is None else "alice")
        return credential, record

    def check(self, sends, is_sent):
        for entry, place in PLACES:
            self.start_with(entry, sends)
            for protocol in PROTOCOLS:
                with self.subTest(entry=entry, protocol=protocol):
                    credential, record = self.arrived(protocol, place)
                    secret = credential.split(" ")[-1]
                    self.assertEqual(secret in record.head.decode("latin-1"), is_sent)
                    if place:
                        self.assertEqual(record.values(place[0]), [credential] if is_sent else [])
                    expected = f"?key={credential}&x=1" if is_sent and not place else "?x=1"
                    self.assertEqual(record.target, "/a" + expected)

    def test_the_backend_gets_no_credential_by_default(self):
        self.check({}, False)

    def test_the_backend_gets_the_credential_where_the_api_says_so(self):
        self.check({"sendTokenToUpstream": True}, True)

    def test_another_credential_than_the_one_that_is_sent_ends_here(self):
        self.start_with(PLACES[1][0], {"sendTokenToUpstream": True})
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol):
                self.backend.reset()
                _, value = self.bearer()
                self.assert_status(self.send(protocol, "GET", "/a", [("testAuth", value), ("Authorization", value)]), 200)
                self.assertEqual(self.backend.last().values("testAuth"), [value])
                self.assertEqual(self.backend.last().values("Authorization"), [])
