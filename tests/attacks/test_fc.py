"""FC-02: what cannot be read is refused, never guessed. FC-05: a clock that is wrong. FC-01 is run in `stores`, FC-06 in
`operations`."""

import pathlib
import tempfile
import time
import unittest

import jwt

from attacks.base import PROTOCOLS, Attack
from attacks.world import ASSERTION, CORP, api, policy, verbs
from harness import client, jws
from harness.backend import Backend
from harness.gateway import Gateway


class FailingClosed(Attack):
    def test_FC_02_malformed_escapes_are_refused(self):
        for target in ("/orders/%", "/orders/%4", "/orders/%zz", "/orders/%u0041", "/orders/%c3%28", "/orders/1%00", "/orders/%ff"):
            for protocol in PROTOCOLS:
                with self.attack(target=target, protocol=protocol):
                    self.assert_refused(self.send(protocol, "GET", target, [self.bearer()]), 400, 404)

    def test_FC_02_a_malformed_cookie_names_nobody(self):
        for cookie in ("=", "session=%zz; =;;", "\x80\xff=a", "a" * 10_000, 'user="alice', "user=alice, user=bob"):
            for protocol in PROTOCOLS:
                with self.attack(cookie=cookie[:20], protocol=protocol):
                    self.assert_refused(self.send(protocol, "GET", "/orders/1", [("Cookie", cookie)]), 400, 401)


class Clock(unittest.TestCase):
    """A gateway whose system clock the test sets."""

    def setUp(self):
        self.backend, self.key = Backend(), jws.Key("ES256")
        self.addCleanup(self.backend.close)
        library = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = pathlib.Path(folder.name, "clock")
        # An hour ahead of the world.
        self.set("+3600")
        operator = {
            "apis": {"directory": "apis/"},
            "keys": {"directory": "keys/"},
            "issuers": [{"name": "corp", "issuer": CORP, "jwks": {"file": "corp.json"}}],
        }
        orders = api("orders", "/orders", self.backend.url, verbs("GET"), apiPolicies=policy(tokenTTL=600))
        environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "TZ": "UTC",
        }
        files = {"corp.json": jws.jwks(self.key)}
        self.gateway = Gateway(operator, {"orders": orders}, files, environment=environment)
        self.addCleanup(self.gateway.stop)
        self.token = self.key.token(jws.claims("alice", CORP, exp=int(time.time()) + 4 * 3600))

    def set(self, clock):
        # In place: the library looks at the file again and again.
        self.file.write_text(clock + "\n", encoding="utf-8")

    def steps(self, at_least):
        reached = lambda: self.gateway.metric("countersign_clock_steps_total") >= at_least
        self.gateway.wait_until(reached, "the clock's step is not noticed")

    def assert_made_now(self, ahead):
        """The next JWT is of the time that the gateway's clock shows, and no older or newer one is used."""
        self.backend.reset()
        answer = client.request(self.gateway.plain, "GET", "/orders/1", [("Authorization", f"Bearer {self.token}")])
        self.assertEqual(answer.status, 200, self.gateway.log_text())
        claims = jwt.decode(self.backend.last().value(ASSERTION), options={"verify_signature": False})
        for claim, life in (("iat", 0), ("nbf", 0), ("exp", 600)):
            self.assertAlmostEqual(claims[claim], time.time() + ahead + life, delta=60, msg=claim)
        return claims["jti"]

    def test_FC_05_a_clock_that_is_set_leaves_no_token_of_another_time(self):
        first = self.assert_made_now(3600)
        self.assertEqual(self.assert_made_now(3600), first)
        self.assertEqual(self.gateway.metric("countersign_clock_steps_total"), 0)
        self.set("+0")
        self.steps(1)
        self.assert_made_now(0)
        self.set("+3600")
        self.steps(2)
        self.assert_made_now(3600)
        said = self.gateway.log_text()
        for direction in ("back", "forward"):
            self.assertRegex(said, f'the system.s clock was set.*direction="{direction}" seconds=(3599|3600)')

    def test_FC_05_a_clock_that_stands_still_is_told_again_and_again(self):
        self.set(time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 3600)))
        self.steps(2)
        self.assert_made_now(3600)
