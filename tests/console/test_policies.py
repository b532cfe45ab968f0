"""A person attaches the Backend JWT in the console, and the backend gets it."""

import re
import unittest

from playwright.sync_api import expect

from console.board import HEADER, add, card, configure, lane, save
from console.world import NARROW, OPENAPI, Window, World, confirm, drag, touch_drag

class Policies(unittest.TestCase):
    """One gateway for each test: each writes its files."""

    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.close)
        self.window = Window(self.world)
        self.addCleanup(self.window.close)

    def tearDown(self):
        self.assertEqual(self.window.complaints, [])

    def test_from_an_openapi_file_to_a_verified_token(self):
        page = self.window.open("/apis")
        page.get_by_role("link", name="New API").click()
        document = {"name": "parcels.yaml", "mimeType": "application/yaml"}
        document["buffer"] = (OPENAPI % self.world.backend.url).encode()
        page.locator("input[type=file]").set_input_files(document)
        expect(page.get_by_role("region", name="The new file")).to_contain_text("/parcels/{id}")
        notes = page.locator("details").filter(has_text="not carried over as it is")
        expect(notes).to_contain_text("x-… not carried over")
        expect(notes).to_contain_text("(line 3)")
        page.get_by_label("Name", exact=True).fill("parcels")
        page.get_by_label("Base path").fill("/parcels")
        page.get_by_role("button", name="Create the API").click()

        expect(page.get_by_role("tab", name="Operation level")).to_have_attribute("aria-selected", "true")
        page.get_by_role("button", name="GET /parcels/{id}").click()
        panel = page.locator("[id^=operation-]").filter(has_text="Request flow").last
        drag(page, card(page, "Backend JWT"), panel.get_by_role("region", name="Request flow"))
        drawer = configure(page)
        for label, value in (("Encoding", "Base64url"), ("Header Name", HEADER), ("Signing Algorithm", "ES256")):
            expect(drawer.get_by_label(label).first).to_have_value(value)
        drawer.get_by_label("User", exact=True).fill("alice")
        expect(drawer.get_by_test_id("token")).to_contain_text("eyJ")
        expect(drawer.get_by_role("list").filter(has_text="emailaddress")).to_contain_text("alice@corp.test")
        diff = save(page)
        self.assertIn("policyName: BackendJwt", diff)

        claims = self.world.verified(self.world.call("/parcels/1.2/parcels/7"), "parcels")
        self.assertEqual(claims["http://wso2.org/claims/emailaddress"], "alice@corp.test")
        self.assertIsNone(self.world.call("/parcels/1.2/parcels").value(HEADER))

    def test_a_policy_moves_to_the_api_level(self):
        page = self.window.open("/apis/orders:1.0/policies?level=operation")
        drag(page, card(page, "Backend JWT"), lane(page))
        configure(page)
        save(page)
        self.assertIsNotNone(self.world.call("/orders/1.0/17").value(HEADER))
        self.assertIsNone(self.world.call("/orders/1.0/", "POST").value(HEADER))

        drag(page, page.get_by_role("button", name="Drag Backend JWT", exact=True), page.get_by_role("tab", name="API level"))
        confirm(page)
        expect(page.get_by_role("tab", name="API level")).to_have_attribute("aria-selected", "true")
        expect(lane(page)).to_contain_text("Backend JWT")
        self.world.verified(self.world.call("/orders/1.0/", "POST"), "orders")
        text = self.world.file("orders.yaml")
        self.assertIn("# Orders: this comment stays.", text)
        self.assertIn("# one order", text)
        self.assertEqual(text.count("BackendJwt"), 1, text)

    def test_apply_to_all_says_what_it_replaces(self):
        page = self.window.open("/apis/orders:1.0/policies?level=operation")
        page.get_by_role("button", name="Add Backend JWT").click()
        page.get_by_role("button", name="Configure Backend JWT").click()
        configure(page)
        save(page)

        page.get_by_role("button", name="POST /").click()
        page.get_by_role("button", name="Add Backend JWT").click()
        page.get_by_role("button", name="Configure Backend JWT").click()
        drawer = configure(page)
        drawer.get_by_label("Token TTL").fill("60")
        drawer.get_by_label("Apply to all resources").check()
        plan = drawer.get_by_role("status").filter(has_text="Replaces")
        expect(plan).to_contain_text("Replaces the Backend JWT of 1 operation: GET /{id}.")
        expect(plan).to_contain_text("Operations that are added later do not get it.")
        save(page)

        text = self.world.file("orders.yaml")
        self.assertEqual(text.count("tokenTTL: 60"), 3, text)
        claims = self.world.verified(self.world.call("/orders/1.0/17"), "orders")
        self.assertLessEqual(claims["exp"] - claims["iat"], 75)

    def test_a_mistake_is_shown_at_its_field_and_nothing_is_written(self):
        before = self.world.file("orders.yaml")
        self.window.expected = {422}
        page = self.window.open("/apis/orders:1.0/policies")
        page.get_by_role("button", name="Add Backend JWT").click()
        page.get_by_role("button", name="Configure Backend JWT").click()
        drawer = configure(page)
        ttl = drawer.get_by_label("Token TTL")
        ttl.fill("")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(ttl).to_have_attribute("aria-invalid", "true")
        expect(drawer).to_contain_text("Token TTL is required.")

        ttl.fill("99999")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(ttl).to_have_attribute("aria-invalid", "true")
        error = page.locator(f"[id='{ttl.get_attribute('aria-describedby').split()[0]}']")
        expect(error).to_contain_text("tokenTTL")
        expect(ttl).to_be_focused()
        self.assertEqual(self.world.file("orders.yaml"), before)

        ttl.fill("600")
        # Algorithms without a key here, Java's names and `none` are not offered.
        drawer.get_by_role("combobox", name="Signing Algorithm").click()
        expect(page.get_by_role("option")).to_have_text(["RS256", "ES256"])
        page.keyboard.press("Escape")
        header = drawer.get_by_label("Header Name")
        header.fill("X-Forwarded-For")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(header).to_have_attribute("aria-invalid", "true")
        drawer.get_by_role("button", name="Reset").click()
        expect(header).to_have_value(HEADER)
        save(page)
        self.world.verified(self.world.call("/orders/1.0/17"), "orders")

    def test_two_authors_lose_no_work(self):
        page = self.window.open("/apis/orders:1.0/policies")
        page.get_by_role("button", name="Add Backend JWT").click()
        page.get_by_role("button", name="Configure Backend JWT").click()
        configure(page)
        self.window.expected = {412}
        theirs = self.world.file("orders.yaml").replace("# one order", "# one order, says another author")
        self.world.gateway.write("apis/orders.yaml", theirs)
        self.world.gateway.reload()
        save(page)
        text = self.world.file("orders.yaml")
        self.assertIn("says another author", text)
        self.assertIn("BackendJwt", text)

    def test_what_an_author_saved_is_not_taken_for_somebody_elses_when_the_page_hears_of_it_before_its_answer(self):
        page = self.window.open("/apis/orders:1.0/policies")
        add(page).get_by_label("Header Name").fill("X-First")
        save(page)
        answers = []

        def keep(route):
            is_save = route.request.method == "PUT" and "dryRun" not in route.request.url
            return answers.append((route, route.fetch())) if is_save else route.fallback()

        def is_reading(response):
            return response.request.method == "GET" and response.url.endswith("/policies")

        page.route("**/api/v1/apis/*/policies*", keep)
        card_on_lane = lane(page).get_by_role("button", name="Backend JWT", exact=True)
        card_on_lane.click()
        configure(page).get_by_label("Header Name").fill("X-Second")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_role("region", name="Changes to the file")).to_contain_text("X-Second")
        with page.expect_response(is_reading):
            page.get_by_role("button", name="Save to file").click()
        self.assertTrue(any(answers or page.wait_for_timeout(20) for _ in range(500)))
        for wrong in ("Somebody else has", "What they changed"):
            expect(page.get_by_text(wrong)).to_have_count(0)
        route, response = answers.pop()
        route.fulfill(response=response)
        expect(page.get_by_role("dialog")).to_have_count(0)

        page.unroute("**/api/v1/apis/*/policies*")
        card_on_lane.click()
        expect(configure(page).get_by_label("Header Name")).to_have_value("X-Second")
        expect(page.get_by_text("Somebody else has")).to_have_count(0)

    def test_two_windows_edit_one_api_and_all_that_they_do_is_kept(self):
        # This one hears of no revision, like one whose connection is down.
        deaf = Window(self.world)
        self.addCleanup(deaf.close)
        deaf.context.route("**/api/v1/events", lambda route: route.abort())
        deaf.expected = {412}
        other = deaf.open("/apis/orders:1.0/policies?level=operation")
        other.get_by_role("button", name="Add Backend JWT").click()
        other.get_by_role("button", name="Configure Backend JWT").click()
        configure(other)

        page = self.window.open("/apis/orders:1.0/policies")
        page.get_by_role("button", name="Add Backend JWT").click()
        page.get_by_role("button", name="Configure Backend JWT").click()
        configure(page).get_by_label("Header Name").fill("X-Caller")
        save(page)
        page.get_by_role("tab", name="Definition").click()
        text = page.get_by_label("Definition of orders")
        text.fill(text.input_value().replace("this comment stays", "this comment was changed"))

        # The second to save is told what the first has done, and both are in the file.
        other.get_by_role("button", name="Save", exact=True).click()
        theirs = other.get_by_role("region", name="What they changed")
        expect(theirs).to_contain_text("header: X-Caller")
        confirm(other)
        self.assertEqual(deaf.complaints, [])

        # The first, who was typing meanwhile, has the second's lines in the text, and is told.
        expect(text).to_have_value(re.compile(HEADER))
        expect(page.get_by_role("status").filter(has_text="Somebody else has saved")).to_be_visible()
        page.get_by_role("button", name="Review and save").click()
        confirm(page)
        text = self.world.file("orders.yaml")
        for part in ("this comment was changed", "X-Caller", HEADER, "# one order"):
            self.assertIn(part, text)
        record = self.world.call("/orders/1.0/17")
        for header in (HEADER, "X-Caller"):
            self.world.verified(record, "orders", header)

    def test_on_a_phone(self):
        self.window.close()
        self.window = Window(self.world, viewport=NARROW, touch=True)
        page = self.window.open("/apis/orders:1.0/policies?level=operation")
        panel = page.locator("[id^=operation-]").last
        touch_drag(page, card(page, "Backend JWT"), panel.get_by_role("region", name="Request flow"))
        drawer = configure(page)
        drawer.get_by_label("Token TTL").fill("120")
        drawer.get_by_text("Preview", exact=True).tap()
        drawer.get_by_label("User", exact=True).fill("alice")
        expect(drawer.get_by_test_id("token")).to_contain_text("eyJ")
        self.assertEqual(page.evaluate("document.documentElement.scrollWidth"), NARROW["width"])
        page.get_by_role("button", name="Save", exact=True).tap()
        diff = page.get_by_role("region", name="Changes to the file")
        expect(diff).to_contain_text("tokenTTL: 120")
        self.assertLessEqual(diff.bounding_box()["width"], NARROW["width"])
        page.get_by_role("button", name="Save to file").tap()
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(panel).to_contain_text("Backend JWT")
        self.assertEqual(page.evaluate("document.documentElement.scrollWidth"), NARROW["width"])
        self.world.verified(self.world.call("/orders/1.0/17"), "orders")
