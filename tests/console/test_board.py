"""What a person does on the board besides attaching a policy: by keyboard, on the way back, undoing it."""

import re
import unittest

from playwright.sync_api import expect

from console.board import HEADER, add, card, configure, lane, save
from console.world import Window, World, confirm, drag, orders
from harness import client, jws

POLICIES = """apiPolicies:
  request:
    - policyName: BackendJwt
      parameters: { header: X-JWT-Assertion, tokenTTL: 300 }
"""


class Board(unittest.TestCase):
    """One gateway for each test: each writes its files."""

    def open(self, policies="", path="/apis/orders:1.0/policies"):
        self.world = World(apis=lambda to: {"orders": orders(to) + policies})
        self.addCleanup(self.world.close)
        self.window = Window(self.world)
        self.addCleanup(self.window.close)
        return self.window.open(path)

    def tearDown(self):
        self.assertEqual(self.window.complaints, [])

    def test_by_keyboard_alone_a_policy_is_attached_and_saved(self):
        page = self.open()
        card(page, "Backend JWT").focus()
        page.keyboard.press("Space")
        live = page.locator("[id^=DndLiveRegion]")
        expect(live).to_contain_text("Backend JWT is")
        for _ in range(6):
            if "request flow of the API" in live.inner_text():
                break
            before = live.inner_text()
            page.keyboard.press("ArrowDown")
            expect(live).not_to_have_text(before)
        expect(live).to_contain_text("over the request flow of the API")
        page.keyboard.press("Space")
        configure(page)
        ttl = page.get_by_label("Token TTL")
        ttl.focus()
        page.keyboard.press("Control+A")
        page.keyboard.type("90")
        page.keyboard.press("Enter")
        expect(page.get_by_role("region", name="Changes to the file")).to_contain_text("tokenTTL: 90")
        expect(page.get_by_role("button", name="Save to file")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_have_count(0)
        self.world.verified(self.world.call("/orders/1.0/17"), "orders")

    def test_cancel_writes_nothing(self):
        page = self.open()
        before = self.world.file("orders.yaml")
        drawer = add(page)
        drawer.get_by_label("Header Name").fill("X-Caller")
        drawer.get_by_role("button", name="Cancel").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(lane(page)).not_to_contain_text("Backend JWT")
        # Back from the diff the settings are still there, and escape leaves them.
        drawer = add(page)
        drawer.get_by_label("Header Name").fill("X-Caller")
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_role("button", name="Back", exact=True).click()
        expect(drawer.get_by_label("Header Name")).to_have_value("X-Caller")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        self.assertEqual(self.world.file("orders.yaml"), before)

    def test_a_policy_is_removed_and_the_backend_gets_no_token(self):
        page = self.open(POLICIES)
        self.world.verified(self.world.call("/orders/1.0/17"), "orders")
        lane(page).get_by_role("button", name="Actions for Backend JWT").click()
        page.get_by_role("menuitem", name="Remove").click()
        expect(page.get_by_role("dialog", name="Remove Backend JWT")).to_be_visible()
        self.assertIn("policyName: BackendJwt", confirm(page))
        expect(lane(page)).not_to_contain_text("Backend JWT")
        self.assertNotIn("BackendJwt", self.world.file("orders.yaml"))
        self.assertIsNone(self.world.call("/orders/1.0/17").value(HEADER))

    def test_a_header_is_set_on_the_way_back_and_the_backend_jwt_is_not_for_that_lane(self):
        page = self.open()
        back = lane(page, "Response flow")
        drag(page, card(page, "Backend JWT"), back)
        expect(page.get_by_text("Backend JWT belongs in the request flow.").first).to_be_visible()
        expect(page.get_by_role("dialog")).to_have_count(0)

        drag(page, card(page, "Add header"), back)
        drawer = page.get_by_role("dialog", name=re.compile("^Configure Add header"))
        expect(drawer).to_contain_text("Here: the whole API, response flow.")
        drawer.get_by_label("Header name", exact=False).first.fill("X-From")
        drawer.get_by_label("Header value", exact=False).first.fill("countersign")
        save(page)
        expect(back).to_contain_text("X-From: countersign")
        expect(lane(page)).not_to_contain_text("X-From")
        token = self.world.key.token(jws.claims("alice", "https://idp.corp.test", client_id="mobile-app"))
        answer = client.request(self.world.gateway.plain, "GET", "/orders/1.0/17", [("Authorization", f"Bearer {token}")])
        self.assertEqual(answer.value("X-From"), "countersign")

    def test_what_the_backend_receives_names_the_level_and_what_it_replaces(self):
        page = self.open(POLICIES, "/apis/orders:1.0/policies?level=operation")
        effective = page.get_by_role("region", name="Effective policies of GET /{id}")
        row = effective.get_by_role("row").nth(1)
        cells = row.get_by_role("cell")
        expect(cells).to_have_text(["Backend JWT", HEADER, "ES256", "5 min", re.compile(r"^API .*orders\.yaml:\d+")])
        drawer = add(page)
        drawer.get_by_label("Token TTL").fill("60")
        save(page)
        expect(cells.nth(3)).to_have_text("1 min")
        expect(cells.nth(4)).to_contain_text("This operation")
        expect(cells.nth(4)).to_contain_text("instead of")

    def test_two_policies_of_one_header_are_a_conflict_that_is_told(self):
        page = self.open(POLICIES)
        self.window.expected = {422}
        drawer = add(page)
        page.get_by_role("button", name="Save", exact=True).click()
        expect(drawer).to_contain_text(HEADER)
        expect(drawer.get_by_label("Header Name")).to_have_attribute("aria-invalid", "true")
        self.assertEqual(self.world.file("orders.yaml").count("BackendJwt"), 1)
