"""TK-15: API keys. A wrong key is 401 however near it is; only hashes are compared, so a near miss is none."""

import hashlib

from attacks.base import PROTOCOLS, Attack

KEY = "csk_Kq0hVmv2fVQkZ8xgYw5mB1sUoR7cT3eJ9aD4nL6pXzI"


def with_keys(operator, apis, _files):
    entry = {"id": "one", "hash": "sha256:" + hashlib.sha256(KEY.encode()).hexdigest()}
    operator["applications"] = [{"name": "Robots", "clientIds": ["robots"], "apiKeys": [entry]}]
    apis["orders"]["authentication"] = [
        {"authType": "OAuth2"},
        {"authType": "APIKey", "queryParamEnable": True},
    ]


class ApiKeys(Attack):
    def test_TK_15_only_the_very_key_is_let_in(self):
        with self.inside(with_keys):
            for protocol in PROTOCOLS:
                with self.attack(protocol=protocol):
                    self.assert_status(self.send(protocol, "GET", "/orders/1", [("apikey", KEY)]), 200)
                    self.assertIsNone(self.backend.last().value("apikey"))
                    self.assertEqual(self.identity()["sub"], "robots")
            wrong = [KEY.upper(), KEY.lower(), KEY[:-1], KEY + "=", KEY + "%00", KEY[1:], "Bearer " + KEY, "csk_*", "csk_"]
            for key in wrong:
                with self.attack(key=key):
                    response = self.send("h1", "GET", "/orders/1", [("apikey", key)])
                    self.assert_refused(response, 401)
                    self.assertNotIn(key.encode(), response.body)
                    self.assertNotIn("csk_", self.gateway.log_text())

    def test_TK_15_two_places_are_refused(self):
        with self.inside(with_keys):
            key = ("apikey", KEY)
            for target, fields in (
                ("/orders/1", [key, key]),
                ("/orders/1", [key, self.bearer()]),
                ("/orders/1?apikey=" + KEY, [key]),
                (f"/orders/1?apikey={KEY}&apikey={KEY}", []),
            ):
                with self.attack(target=target[:20], fields=len(fields)):
                    self.assert_refused(self.send("h1", "GET", target, fields), 400)
