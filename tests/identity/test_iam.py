"""A second OpenID provider (Canaille, as pytest-iam starts it): opaque tokens by its introspection endpoint."""

from harness.openid import Canaille
from identity.test_openid import OverProvider


class Iam(OverProvider):
    def setUp(self):
        super().setUp()
        self.server = Canaille()
        self.addCleanup(self.server.stop)

    def serve(self, **more):
        asked = {
            "url": self.server.issuer + "/oauth/introspect",
            "clientId": "gateway",
            "clientSecret": "secret",
            # Python on a busy machine.
            "timeout": "20s",
        }
        lookup = {"claim": "sub", "userStores": ["staff"]}
        entry = {"name": "corp", "issuer": self.server.issuer, "audience": ["gateway"], "lookup": lookup}
        self.start(dict(entry, introspection=dict(asked, **more)))

    def test_an_active_token_is_its_users_until_it_is_revoked(self):
        self.serve(ttl="1s")
        token = self.server.tokens["introspected"]
        for _ in range(2):
            claims = self.claims(token)
            self.assertEqual((claims["sub"], claims["email"]), ("alice", "alice@example.com"))
        self.server.revoke(token)
        self.gateway.wait_until(lambda: self.call(token).status == 401, "a revoked token goes on")

    def test_tokens_that_are_not_for_this_gateway_are_refused(self):
        self.serve()
        for token in (self.server.tokens["plain"], self.server.tokens["ended"], "never-heard-of"):
            for _ in range(2):
                response = self.call(token)
                self.assertEqual(response.status, 401, repr(response))
                self.assertIn('error="invalid_token"', response.value("www-authenticate"))
        self.assertEqual(self.backend.records, [])

    def test_a_wrong_secret_is_no_refusal_of_the_token(self):
        self.serve(clientSecret="guessed")
        self.assertEqual(self.call(self.server.tokens["introspected"]).status, 503)

    def test_a_provider_that_is_killed_is_left_alone_for_a_while(self):
        self.serve(breaker={"after": 3, "retry": "1h"})
        self.claims(self.server.tokens["introspected"])
        self.server.kill()
        answers = [self.call(f"unheard-of-{number}") for number in range(5)]
        self.assertEqual([answer.status for answer in answers], [503] * 5)
        waits = [int(answer.value("retry-after")) for answer in answers]
        self.assertEqual(waits[:2], [5, 5])
        self.assertTrue(all(3500 < wait <= 3600 for wait in waits[2:]), waits)
        self.assertEqual(self.gateway.metric("countersign_introspection_breaker_open", issuer="corp"), 1)
        asked = self.gateway.log_text().count("an opaque token could not be asked about")
        self.assertEqual(asked, 3)
        # Who is known goes on.
        self.claims(self.server.tokens["introspected"])
