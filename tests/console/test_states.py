"""What stands where nothing is, where something failed, and in dialogs: said in words, and readable for everybody."""

import unittest

from playwright.sync_api import expect

from console.board import add
from console.world import NARROW, WIDE, Window, World, orders

NOTHING = {"issuers": [], "userStores": [], "applications": []}
POLICIES = """apiPolicies:
  request:
    - policyName: BackendJwt
      parameters: { header: X-JWT-Assertion, tokenTTL: 300 }
"""
EMPTY = [
    ("/apis", "No APIs yet", "Drop an OpenAPI document to get one"),
    ("/users", "No user stores", "Without one, Backend JWTs hold only what the caller’s token says"),
    ("/applications", "No applications", "An application has the client ids that its tokens carry"),
    ("/requests", "No calls yet", "Call an API through the gateway"),
    ("/disclosures", "Nothing leaves", "No policy sends an attribute of a user to a backend"),
    ("/history", "No changes yet", "Changes made here"),
    ("/apis/nowhere:1", "There is no such API", "It may have been deleted or renamed"),
]
# Page, what opens the dialog, its name.
DIALOGS = [
    ("/keys", "Rotate", "Rotate the ES256 key?"),
    ("/keys", "Retire", "Retire: ES256"),
    ("/keys", "Revoke", "Revoke: ES256"),
    ("/applications", "New application", "New application"),
    ("/applications", "Edit", "Edit Mobile"),
    ("/applications", "New API key", "New API key for Mobile"),
    ("/applications", "Remove", "Remove Mobile?"),
    ("/apis/orders:1.0", "Delete this API", "Delete orders 1.0?"),
]
BUSY = {"code": "unavailable", "title": "Unavailable", "detail": "the gateway is busy"}


class States(unittest.TestCase):
    """A gateway for what a class of states needs."""

    def world(self, apis, operator=None):
        world = World(apis, operator)
        self.addCleanup(world.close)
        return world

    def windows(self, world):
        """One window for each scheme, the dark one of a phone's width."""
        for scheme, viewport in (("light", WIDE), ("dark", NARROW)):
            window = Window(world, scheme=scheme, viewport=viewport)
            self.addCleanup(window.close)
            yield window, viewport["width"]

    def judge(self, window, width):
        self.assertEqual(window.violations(), [])
        self.assertLessEqual(window.page.evaluate("document.documentElement.scrollWidth"), width)
        self.assertEqual(window.complaints, [])

    def test_empty_pages_say_what_would_be_there_and_how_it_comes_about(self):
        world = self.world(lambda to: {}, NOTHING)
        for window, width in self.windows(world):
            window.expected = {404}
            for path, title, text in EMPTY:
                with self.subTest(path=path, width=width):
                    page = window.page
                    page.goto(world.url + path)
                    expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
                    expect(page.get_by_role("main")).to_contain_text(text)
                    self.judge(window, width)

    def test_dialogs(self):
        world = self.world(lambda to: {"orders": orders(to)})
        for window, width in self.windows(world):
            for path, button, name in DIALOGS:
                with self.subTest(dialog=name, width=width):
                    page = window.open(path)
                    main = page.get_by_role("main")
                    holder = main.locator("section").filter(has_text="ES256") if path == "/keys" else main
                    holder.get_by_role("button", name=button, exact=True).first.click()
                    dialog = page.get_by_role("dialog", name=name)
                    expect(dialog).to_be_visible()
                    self.judge(window, width)
                    dialog.get_by_role("button", name="Back" if button == "Remove" else "Cancel", exact=True).click()
                    expect(dialog).to_have_count(0)
        self.assertIn("name: Mobile", world.gateway.operator_file.read_text(encoding="utf-8"))

    def test_retiring_a_key_says_that_another_takes_over_and_one_does(self):
        world = self.world(lambda to: {"orders": orders(to) + POLICIES})
        window = Window(world)
        self.addCleanup(window.close)
        page = window.open("/keys")
        card = page.locator("section").filter(has=page.get_by_role("heading", name="ES256")).first
        card.get_by_role("button", name="Retire", exact=True).click()
        dialog = page.get_by_role("dialog", name="Retire: ES256")
        expect(dialog).to_contain_text("or a new one")
        dialog.get_by_role("button", name="Retire", exact=True).click()
        expect(card.get_by_text("Active", exact=True).first).to_be_visible()
        expect(card.get_by_text("Retired", exact=True).first).to_be_visible()
        world.verified(world.call("/orders/1.0/17"), "orders")

    def test_an_algorithm_is_offered_as_soon_as_it_has_a_key(self):
        world = self.world(lambda to: {"orders": orders(to)})
        window = Window(world)
        self.addCleanup(window.close)
        page = window.open("/apis/orders:1.0/policies")
        expect(page.get_by_role("region", name="Request flow")).to_be_visible()
        page.get_by_role("link", name="Keys").click()
        page.get_by_role("combobox", name="Algorithm").click()
        page.get_by_role("option", name="EdDSA").click()
        page.get_by_role("button", name="Make a key").click()
        expect(page.get_by_role("heading", name="EdDSA")).to_be_visible()
        page.get_by_role("link", name="APIs").click()
        page.get_by_role("link", name="orders").click()
        page.get_by_role("tab", name="Policies").click()
        drawer = add(page)
        drawer.get_by_role("combobox", name="Signing Algorithm").click()
        expect(page.get_by_role("option", name="EdDSA")).to_be_visible()
        self.assertEqual(window.complaints, [])

    def test_a_gateway_that_does_not_answer_is_told_and_asked_again(self):
        world = self.world(lambda to: {"orders": orders(to)})
        for window, width in self.windows(world):
            window.expected = {503}
            page = window.page
            page.route("**/api/v1/stores*", lambda route: route.fulfill(status=503, json=BUSY))
            page.goto(world.url + "/users")
            expect(page.get_by_role("alert")).to_contain_text("the gateway is busy")
            self.judge(window, width)
            page.unroute("**/api/v1/stores*")
            page.get_by_role("button", name="Try again").click()
            expect(page.get_by_role("region", name="staff")).to_be_visible()
