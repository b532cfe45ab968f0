"""APIs come from dropped and pasted files, change, go back to what they were, and go."""

import json
import re
import unittest

import yaml
from playwright.sync_api import expect

from console.board import add, configure, save
from console.world import OPENAPI, Window, World, orders
from harness import client, jws

DROP = """([name, type, text]) => {
    const given = new DataTransfer();
    given.items.add(new File([text], name, { type }));
    const zone = [...document.querySelectorAll('strong')].find((one) => one.textContent === 'Drop a file here').parentElement;
    for (const kind of ['dragenter', 'dragover', 'drop']) {
        zone.dispatchEvent(new DragEvent(kind, { dataTransfer: given, bubbles: true, cancelable: true }));
    }
}"""
EITHER = """authentication:
  - { authType: OAuth2, required: optional }
  - { authType: APIKey, required: optional, headerName: apikey }
"""


class Apis(unittest.TestCase):
    """One gateway for each test: each writes its files."""

    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.close)
        self.window = Window(self.world)
        self.addCleanup(self.window.close)
        self.openapi = OPENAPI % self.world.backend.url

    def tearDown(self):
        self.assertEqual(self.window.complaints, [])

    def drop(self, name, text, kind="application/json"):
        """The page for a new API, with a file dropped on it."""
        page = self.window.open("/apis/new")
        page.evaluate(DROP, [name, kind, text])
        expect(page.get_by_role("heading", name=name)).to_be_visible()
        return page

    def create(self, page):
        page.get_by_role("button", name="Create the API").click()
        expect(page.get_by_role("tab", name="Operation level")).to_have_attribute("aria-selected", "true")

    def status(self, path):
        token = self.world.key.token(jws.claims("alice", "https://idp.corp.test", aud="gateway", client_id="mobile-app"))
        return client.request(self.world.gateway.plain, "GET", path, [("Authorization", f"Bearer {token}")]).status

    def test_a_json_file_is_dropped_and_answers(self):
        page = self.drop("openapi.json", json.dumps(yaml.safe_load(self.openapi)))
        expect(page.get_by_role("region", name="The new file")).to_contain_text("/parcels/{id}")
        page.get_by_label("Base path").fill("/parcels")
        self.create(page)
        [written] = {path.name for path in (self.world.gateway.path / "apis").iterdir()} - {"orders.yaml"}
        self.assertTrue(written.endswith(".yaml"), written)
        self.world.call("/parcels/1.2/parcels/7")

    def test_files_of_any_name_become_apis_and_two_pasted_ones_too(self):
        for at, name in enumerate(("my api.yaml", "openapi (1).yaml", "swagger.YAML")):
            page = self.drop(name, self.openapi, "")
            page.get_by_label("Name", exact=True).fill(f"dropped-{at}")
            page.get_by_label("Base path").fill(f"/dropped-{at}")
            self.create(page)
        for at in range(2):
            page = self.window.open("/apis/new")
            page.get_by_label("API definition as text").fill(self.openapi)
            page.get_by_role("button", name="Continue").click()
            page.get_by_label("Name", exact=True).fill(f"pasted-{at}")
            page.get_by_label("Base path").fill(f"/pasted-{at}")
            self.create(page)
        for path in ("dropped-0", "dropped-1", "dropped-2", "pasted-0", "pasted-1"):
            self.assertEqual(self.status(f"/{path}/1.2/parcels"), 200, path)

    def test_a_file_of_three_megabytes_is_taken_and_one_of_five_is_not(self):
        document = yaml.safe_load(self.openapi)
        page = self.window.open("/apis/new")
        document["x-filler"] = "z" * (5 << 20)
        page.evaluate(DROP, ["large.json", "application/json", json.dumps(document)])
        expect(page.get_by_role("alert")).to_contain_text("large.json is larger than 4 MB")
        document["x-filler"] = "z" * (3 << 20)
        page = self.drop("large.json", json.dumps(document))
        page.get_by_label("Base path").fill("/parcels")
        self.create(page)

    def test_what_is_wrong_is_told_at_the_field(self):
        self.window.expected = {422}
        page = self.drop("parcels.yaml", self.openapi, "")
        create = page.get_by_role("button", name="Create the API")
        wrong = [("Base path", "no slash, and {braces}", "is no base path"), ("Version", "1/2", "cannot be part of a path")]
        for label, value, reason in [*wrong, ("Backend", "ftp://nowhere", "is no address of a backend")]:
            field = page.get_by_label(label, exact=True)
            field.fill(value)
            expect(field).to_have_attribute("aria-invalid", "true")
            said = page.locator(f"[id='{field.get_attribute('aria-describedby').split()[0]}']")
            expect(said).to_contain_text(reason)
            expect(create).to_be_disabled()
            field.fill("")
            expect(field).not_to_have_attribute("aria-invalid", "true")
        self.assertEqual([path.name for path in (self.world.gateway.path / "apis").iterdir()], ["orders.yaml"])
        page.get_by_role("button", name="Another file").click()
        expect(page.get_by_text("Drop a file here")).to_be_visible()

    def test_an_earlier_revision_comes_back_and_is_live(self):
        page = self.window.open("/apis/orders:1.0/policies")
        add(page).get_by_label("Header Name").fill("X-First")
        save(page)
        page.get_by_role("button", name="Backend JWT", exact=True).click()
        configure(page).get_by_label("Header Name").fill("X-Second")
        save(page)
        self.assertIsNone(self.world.call("/orders/1.0/17").value("X-First"))

        page.get_by_role("tab", name="Revisions").click()
        revisions = page.get_by_role("main").get_by_role("listitem")
        newest = revisions.first
        expect(newest).to_contain_text("local operator")
        expect(newest.get_by_role("button", name="Go back to this")).to_have_count(0)
        newest.locator("summary").click()
        expect(newest.get_by_role("region", name=re.compile("^Changes of"))).to_contain_text("X-Second")
        before = revisions.count()
        revisions.nth(1).get_by_role("button", name="Go back to this").click()
        page.get_by_role("button", name="Restore").click()
        expect(revisions).to_have_count(before + 1)
        self.assertIn("X-First", self.world.file("orders.yaml"))
        self.assertIn("# Orders: this comment stays.", self.world.file("orders.yaml"))
        record = self.world.call("/orders/1.0/17")
        self.world.verified(record, "orders", "X-First")
        self.assertIsNone(record.value("X-Second"))

    def test_an_api_is_deleted_and_answers_404(self):
        # The page hears of the change, and asks for what it showed until then.
        self.window.expected = {404}
        page = self.window.open("/apis/orders:1.0")
        self.assertEqual(self.status("/orders/1.0/17"), 200)
        page.get_by_role("button", name="Delete this API").click()
        dialog = page.get_by_role("dialog", name="Delete orders 1.0?")
        expect(dialog).to_contain_text("orders.yaml")
        dialog.get_by_role("button", name="Cancel").click()
        self.assertEqual(self.status("/orders/1.0/17"), 200)
        page.get_by_role("button", name="Delete this API").click()
        dialog.get_by_role("button", name="Delete", exact=True).click()
        expect(page.get_by_role("heading", name="No APIs yet")).to_be_visible()
        self.assertEqual(self.status("/orders/1.0/17"), 404)
        self.assertFalse((self.world.gateway.path / "apis/orders.yaml").exists())
        page.goto(self.world.url + "/history")
        expect(page.get_by_role("main")).to_contain_text("orders:1.0")

    def test_a_cancelled_definition_and_a_refused_one_leave_the_file(self):
        self.window.expected = {422}
        before = self.world.file("orders.yaml")
        page = self.window.open("/apis/orders:1.0/definition")
        text = page.get_by_label("Definition of orders")
        text.fill(before.replace("basePath: /orders", "basePath: /others"))
        page.get_by_role("button", name="Review and save").click()
        page.get_by_role("button", name="Back", exact=True).click()
        page.get_by_role("button", name="Reset").click()
        expect(text).to_have_value(before)
        text.fill(before.replace("verb: GET", "verb: FETCH"))
        page.get_by_role("button", name="Review and save").click()
        expect(text).to_have_attribute("aria-invalid", "true")
        self.assertEqual(self.world.file("orders.yaml"), before)

    def test_the_overview_says_what_callers_bring_and_how_calls_are_shared(self):
        to = self.world.backend.url
        text = orders(to).replace("name: orders", "name: shared").replace("/orders", "/shared")
        both = f'[{{ endpoint: "{to}", weight: 3 }}, {{ endpoint: "{to}/b", weight: 1 }}]'
        text = text.replace(f'[{{ endpoint: "{to}" }}]', both)
        self.world.gateway.write_api("shared", text + EITHER)
        self.world.gateway.reload()
        page = self.window.open("/apis/shared:1.0")
        endpoints = page.locator("section").filter(has=page.get_by_role("heading", name="Endpoints"))
        expect(endpoints).to_contain_text("weight 3")
        expect(endpoints).to_contain_text("weight 1")
        expect(page.get_by_role("main")).to_contain_text("access token, or API key")
        page.goto(self.world.url + "/apis/orders:1.0")
        expect(endpoints).to_contain_text(to)
        expect(endpoints).not_to_contain_text("weight")
