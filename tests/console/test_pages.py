"""Every page in both colour schemes: axe finds nothing, nothing is refused, nothing sticks out.

With `CONSOLE_SCREENSHOTS=1` the pictures of docs/console.md are made again.
"""

import math
import os
import unittest

from playwright.sync_api import expect

from console.world import NARROW, ROOT, WIDE, Window, World, orders
from harness import client

PICTURES = ROOT / "docs/screenshots"
POLICIES = """apiPolicies:
  request:
    - policyName: BackendJwt
      parameters: { header: X-JWT-Assertion, tokenTTL: 300 }
"""

# Name of the picture, path, and a text that is there once the page has its data.
PAGES = [
    ("apis", "/apis", "orders"),
    ("new-api", "/apis/new", "Drop a file here"),
    ("overview", "/apis/orders:1.0", "What the backend learns"),
    ("policies-api", "/apis/orders:1.0/policies", "Request flow"),
    ("policies-operation", "/apis/orders:1.0/policies?level=operation", "What the backend receives"),
    ("definition", "/apis/orders:1.0/definition", "an apk-conf file"),
    ("revisions", "/apis/orders:1.0/revisions", "evision"),
    ("users", "/users", "staff"),
    ("keys", "/keys", "ES256"),
    ("applications", "/applications", "Mobile"),
    ("traffic", "/traffic", "Requests"),
    ("requests", "/requests", "orders"),
    ("disclosures", "/disclosures", "email"),
    ("history", "/history", "istory"),
]


class Pages(unittest.TestCase):
    """One gateway with some traffic."""

    @classmethod
    def setUpClass(cls):
        cls.world = World(apis=lambda to: {"orders": orders(to) + POLICIES})
        cls.addClassCleanup(cls.world.close)
        for number in range(20):
            cls.world.call(f"/orders/1.0/{number}")

    def look(self, scheme, viewport):
        window = Window(self.world, scheme=scheme, viewport=viewport)
        self.addCleanup(window.close)
        for name, path, text in PAGES:
            with self.subTest(page=name, scheme=scheme, width=viewport["width"]):
                page = window.open(path)
                expect(page.locator("main")).to_contain_text(text)
                expect(page.get_by_role("status", name="Loading")).to_have_count(0)
                self.judge(window, name, scheme, viewport)
        with self.subTest(page="drawer", scheme=scheme, width=viewport["width"]):
            self.open_drawer(window, viewport)
            self.judge(window, "drawer", scheme, viewport)
        with self.subTest(page="review", scheme=scheme, width=viewport["width"]):
            window.page.get_by_label("Token TTL").fill("120")
            window.page.get_by_role("button", name="Save", exact=True).click()
            expect(window.page.get_by_role("region", name="Changes to the file")).to_be_visible()
            self.judge(window, "review", scheme, viewport)

    def open_drawer(self, window, viewport):
        page = window.open("/apis/orders:1.0/policies")
        page.get_by_role("button", name="Backend JWT", exact=True).click()
        expect(page.get_by_role("dialog", name="Configure Backend JWT: v1")).to_be_visible()
        if viewport is WIDE:
            page.get_by_role("dialog").get_by_label("User", exact=True).fill("alice")
            expect(page.get_by_test_id("token")).to_contain_text("eyJ")

    def judge(self, window, name, scheme, viewport):
        page = window.page
        self.assertEqual(window.violations(), [])
        self.assertEqual(window.complaints, [])
        self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), viewport["width"])
        if os.environ.get("CONSOLE_SCREENSHOTS") and viewport is WIDE:
            PICTURES.mkdir(exist_ok=True)
            if name == "traffic":
                self.fill_charts(page)
            page.screenshot(path=PICTURES / f"{name}-{scheme}.png")

    def fill_charts(self, page):
        """Calls until the charts are full; the page's clock runs faster meanwhile, so that it asks more often."""
        page.clock.install()
        page.reload()
        expect(page.get_by_role("region", name="Backends")).to_be_visible()
        for moment in range(150):
            for number in range(4 + round(3 * math.sin(moment / 12))):
                self.world.call(f"/orders/1.0/{number}", subject=("alice", "bob")[moment % 2])
            if moment % 5 == 0:
                client.request(self.world.gateway.plain, "GET", "/orders/1.0/17", [])
            with page.expect_response("**/api/v1/traffic"):
                page.clock.run_for(2000)

    def test_light(self):
        self.look("light", WIDE)

    def test_dark(self):
        self.look("dark", WIDE)

    def test_on_a_phone(self):
        self.look("light", NARROW)

    def test_on_a_dark_phone(self):
        self.look("dark", NARROW)

    def test_the_content_security_policy_allows_nothing_inline(self):
        window = Window(self.world)
        self.addCleanup(window.close)
        policy = window.page.goto(self.world.url + "/apis").headers["content-security-policy"]
        self.assertIn("default-src 'none'", policy)
        self.assertNotRegex(policy, "unsafe-(inline|eval)|https?:")
