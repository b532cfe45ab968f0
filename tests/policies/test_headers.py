"""`AddHeader`, `SetHeader`, `RemoveHeader`: what reaches the backend and the client, over each protocol."""

from policies.base import ASSERTION, PROTOCOLS, Policies, header, operation


class Headers(Policies):
    def test_fields_of_the_call_and_its_answer(self):
        own = {"request": [header("SetHeader", "X-Stage", "own")], "response": [header("AddHeader", "X-Seen", "2")]}
        request = [header("SetHeader", "X-Stage", "api"), header("AddHeader", "X-Team", "shop")]
        request += [header("RemoveHeader", "Authorization"), {"policyName": "BackendJwt", "parameters": {}}]
        response = [header("RemoveHeader", "Content-Type"), header("AddHeader", "X-Seen", "1")]
        response += [header("SetHeader", "X-Backend-Serial", "hidden")]
        self.start(
            operations=[operation("GET", "/a", secured=True, operationPolicies=own)],
            authentication=[{"authType": "OAuth2", "sendTokenToUpstream": True}],
            apiPolicies={"request": request, "response": response},
        )
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol):
                self.backend.reset()
                sent = [self.bearer(), ("X-Stage", "client"), ("X-Team", "client"), ("X_Jwt_Assertion", "FORGED")]
                answer = self.send(protocol, "GET", "/a", sent)
                self.assert_status(answer, 200)
                record = self.backend.last()
                self.assertEqual(record.values("x-stage"), ["own"])
                self.assertEqual(record.values("x-team"), ["client", "shop"])
                self.assertEqual(record.aliases("Authorization"), [])
                self.assertEqual(len(record.aliases(ASSERTION)), 1)
                self.assertEqual(answer.values("content-type"), [])
                self.assertEqual(answer.values("x-seen"), ["1", "2"])
                self.assertEqual(answer.values("x-backend-serial"), ["hidden"])

    def test_refusals_of_the_gateway_are_its_own(self):
        self.start(
            operations=[operation("GET", "/a", secured=True)],
            apiPolicies={"response": [header("RemoveHeader", "Content-Type"), header("AddHeader", "X-Seen", "1")]},
        )
        answer = self.send("h1", "GET", "/a")
        self.assert_status(answer, 401)
        self.assertEqual((answer.value("content-type"), answer.value("x-seen")), ("application/problem+json", None))
