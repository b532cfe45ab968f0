"""The form of a Backend JWT and what it shows beside it: claims, a real caller's token, recent users."""

import json
import unittest

from playwright.sync_api import expect

from console.board import HEADER, add, configure, lane, save
from console.world import ISSUER, STAFF, Window, World, orders
from harness import jws
from harness.gateway import make_database
from harness.openid import Answering

CLAIM = "http://wso2.org/claims/"
POLICIES = """apiPolicies:
  request:
    - policyName: BackendJwt
      parameters: { header: X-JWT-Assertion, tokenTTL: 300 }
"""
OPAQUE = "opaque-7f3c"


def many_operations(to):
    """An API with 31 operations, the last of which has a policy of its own."""
    text = orders(to) + "".join(f"  - {{ target: /more/{n}, verb: GET, secured: true }}\n" for n in range(27))
    own = "{ request: [ { policyName: BackendJwt, parameters: { header: X-JWT-Assertion, tokenTTL: 300 } } ] }"
    return text + f"  - {{ target: /last, verb: GET, secured: true, operationPolicies: {own} }}\n"


class Drawer(unittest.TestCase):
    """One gateway for each test: each writes its files."""

    def open(self, path="/apis/orders:1.0/policies", definition=lambda to: orders(to) + POLICIES, operator=None):
        groups = [("alice", "staff"), ("alice", "orders-readers"), ("bob", "orders-writers")]
        files = {"staff.db": lambda to: make_database(to, STAFF, groups), "client.secret": "s3cr3t"}
        self.world = World(lambda to: {"orders": definition(to)}, operator, files)
        self.addCleanup(self.world.close)
        self.window = Window(self.world)
        self.addCleanup(self.window.close)
        return self.window.open(path)

    def tearDown(self):
        self.assertEqual(self.window.complaints, [])

    def open_policy(self, page):
        lane(page).get_by_role("button", name="Backend JWT", exact=True).click()
        return configure(page)

    def token(self, subject, **more):
        return self.world.key.token(jws.claims(subject, ISSUER, client_id="mobile-app", **more))

    def test_the_attributes_and_claims_that_were_chosen_reach_the_backend_and_no_others(self):
        page = self.open()
        drawer = self.open_policy(page)
        drawer.get_by_text("Claims", exact=True).first.click()
        picker = drawer.get_by_role("group", name="Attributes to send")
        drawer.get_by_text("Only these").click()
        expect(picker.get_by_role("checkbox", name="email as")).to_be_checked()
        for name in ("department", "given_name"):
            picker.get_by_role("checkbox", name=f"{name} as {CLAIM}").uncheck()
        expect(picker.get_by_role("checkbox", name=f"groups as {CLAIM}role")).to_be_checked()
        kept = picker.get_by_role("combobox", name="Values of groups to keep")
        kept.fill("orders-*")
        kept.press("Enter")
        drawer.get_by_role("button", name="Add a claim").click()
        drawer.get_by_label("Custom claim 1: name").fill("unit")
        drawer.get_by_label("Custom claim 1: value").fill("${user.department} of ${api.version}")
        drawer.get_by_role("button", name="Add a claim").click()
        drawer.get_by_label("Custom claim 2: name").fill("level")
        drawer.get_by_label("Custom claim 2: value").fill("7")
        drawer.get_by_role("combobox", name="Custom claim 2: type").click()
        page.get_by_role("option", name="int", exact=True).click()
        drawer.get_by_text("Audience and form").click()
        audience = drawer.get_by_role("combobox", name="Audience")
        audience.fill("billing")
        audience.press("Enter")
        diff = save(page)
        for text in ("customClaims", "orders-*", "audience: billing"):
            self.assertIn(text, diff)

        claims = self.world.verified(self.world.call("/orders/1.0/17"), "billing")
        self.assertEqual(claims[f"{CLAIM}role"], ["orders-readers"])
        self.assertEqual((claims["unit"], claims["level"]), ("sales of 1.0", 7))
        self.assertEqual(claims[f"{CLAIM}emailaddress"], "alice@corp.test")
        self.assertFalse({f"{CLAIM}department", f"{CLAIM}givenname"} & claims.keys())

    def test_the_operators_default_dialect_names_the_claims(self):
        page = self.open(operator={"backendJwt": {"defaults": {"dialect": "oidc"}}})
        drawer = self.open_policy(page)
        drawer.get_by_text("Claims", exact=True).first.click()
        drawer.get_by_text("Only these").click()
        expect(drawer.get_by_role("checkbox", name="email as email")).to_be_checked()

    def test_an_unknown_user_is_refused_or_not_as_the_form_says(self):
        page = self.open()
        drawer = self.open_policy(page)
        drawer.get_by_label("User", exact=True).fill("nobody")
        expect(drawer.get_by_role("status").filter(has_text="This call would be refused: 403")).to_be_visible()
        drawer.get_by_text("When something fails").click()
        drawer.get_by_role("combobox", name="If the store has no such user").click()
        page.get_by_role("option", name="omit", exact=True).click()
        expect(drawer.get_by_test_id("token")).to_contain_text("eyJ")
        save(page)
        claims = self.world.verified(self.world.call("/orders/1.0/17", subject="nobody"), "orders")
        self.assertNotIn(f"{CLAIM}emailaddress", claims)

    def test_a_pasted_token_shows_its_jwt_its_size_and_what_is_not_sent(self):
        page = self.open()
        drawer = self.open_policy(page)
        preview = drawer.get_by_role("complementary", name="Preview")
        preview.get_by_text("For a token").click()
        preview.get_by_label("Access token").fill(self.token("bob", secret_number="42"))
        shown = preview.get_by_test_id("token")
        expect(shown).to_contain_text("eyJ")
        email = preview.get_by_role("listitem").filter(has_text="emailaddress")
        expect(email).to_contain_text("bob@corp.test")
        expect(email).to_contain_text("just read")
        sent = f"{HEADER}: {shown.inner_text()}"
        size = preview.get_by_text("bytes for the whole header line").inner_text()
        self.assertIn(f"{len(sent)} of 4 096 bytes".replace(" ", ""), size.replace(" ", ""))
        preview.get_by_role("tab", name="Not sent").click()
        left = preview.get_by_role("listitem").filter(has_text="secret_number")
        expect(left).to_contain_text("secret_number of the token: not among the token’s claims that are passed on")

        preview.get_by_label("Access token").fill(self.token("bob", aud="elsewhere"))
        expect(preview.get_by_role("status").filter(has_text="This call would be refused: 401")).to_be_visible()

    def test_an_opaque_token_is_previewed_as_its_issuer_knows_it(self):
        known = {"active": True, "iss": ISSUER, "sub": "bob", "client_id": "mobile-app", "aud": "gateway", "exp": 4102444800}
        issuer = Answering(body=json.dumps(known).encode())
        self.addCleanup(issuer.stop)
        opaque = {"name": "corp", "issuer": ISSUER, "audience": ["gateway"], "consumerKeyClaim": "client_id"}
        opaque["lookup"] = {"claim": "sub", "userStores": ["staff"]}
        asked = {"url": issuer.url, "clientId": "gateway", "clientSecret": {"file": "client.secret"}}
        opaque["introspection"] = asked
        page = self.open(operator={"issuers": [opaque]})
        drawer = self.open_policy(page)
        drawer.get_by_text("For a token").click()
        drawer.get_by_label("Access token").fill(OPAQUE)
        expect(drawer.get_by_role("listitem").filter(has_text="emailaddress")).to_contain_text("bob@corp.test")

    def test_recent_users_are_compared_on_the_operation_that_changes_also_beyond_the_twentieth(self):
        page = self.open("/apis/orders:1.0/policies?level=operation", many_operations)
        self.world.call("/orders/1.0/last")
        self.world.call("/orders/1.0/last", subject="bob")
        page.get_by_label("Find an operation").fill("/last")
        page.get_by_role("button", name="GET /last").click()
        page.get_by_role("button", name="Backend JWT", exact=True).click()
        drawer = configure(page)
        drawer.get_by_text("Claims", exact=True).first.click()
        drawer.get_by_text("Only these").click()
        drawer.get_by_role("checkbox", name="email as").uncheck()
        drawer.get_by_role("button", name="Compare").click()
        told = drawer.get_by_role("status").filter(has_text="Looked at")
        expect(told).to_contain_text("Looked at 1 operation for 2 users: 0 would see no change.")
        expect(told.get_by_role("listitem")).to_contain_text("GET /last, 2 users:")
        expect(told).to_contain_text(f"− {CLAIM}emailaddress")

    def test_a_draft_for_all_operations_says_how_many_were_looked_at(self):
        page = self.open("/apis/orders:1.0/policies?level=operation", many_operations)
        self.world.call("/orders/1.0/last")
        drawer = add(page)
        drawer.get_by_label("Apply to all resources").check()
        drawer.get_by_role("button", name="Compare").click()
        expect(drawer.get_by_role("status").filter(has_text="Looked at")).to_contain_text("Looked at 20 of 31 operations for 1 user")
