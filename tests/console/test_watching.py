"""What people read of a gateway that works: calls, user stores, disclosures, history; each cell as the gateway has it."""

import csv
import io
import re
import sqlite3
import unittest

from playwright.sync_api import expect

from console.world import Window, World, orders
from harness import client

CLAIM = "http://wso2.org/claims/"
POLICIES = """apiPolicies:
  request:
    - policyName: BackendJwt
      parameters: { header: X-JWT-Assertion, tokenTTL: 300, claims: [email, groups] }
"""
TIME = re.compile(r"^\d+(\.\d+)? (µs|ms|s)$")


class Watching(unittest.TestCase):
    """One gateway for each test."""

    def open(self, path, before=lambda world: None):
        self.world = World(apis=lambda to: {"orders": orders(to) + POLICIES})
        self.addCleanup(self.world.close)
        before(self.world)
        self.window = Window(self.world)
        self.addCleanup(self.window.close)
        return self.window.open(path)

    def tearDown(self):
        self.assertEqual(self.window.complaints, [])

    def cells(self, table, row):
        """The cells of a row by their columns' titles."""
        titles = table.get_by_role("columnheader").all_inner_texts()
        return dict(zip(titles, row.get_by_role("cell").all(), strict=True))

    def call_and_be_refused(self, world):
        world.call("/orders/1.0/17")
        client.request(world.gateway.plain, "GET", "/orders/1.0/17", [])

    def test_requests_show_who_called_what_and_how_it_ended(self):
        page = self.open("/requests", self.call_and_be_refused)
        table = page.get_by_role("table", name="Requests")
        # The audit log is written a little after the answer; the page asks every five seconds.
        refused = table.get_by_role("row").filter(has_text="401")
        answered = table.get_by_role("row").filter(has_text="200 answered")
        expect(refused).to_have_count(1)
        expect(answered).to_have_count(1)
        cells = self.cells(table, answered)
        expected = {"API": "orders", "Outcome": "200 answered", "Took": TIME}
        expected |= {"Application": "Mobile", "When": re.compile(r"\d{4}, \d\d:\d\d")}
        expected |= {"Operation": re.compile(r"^GET \S*/\{id\}$"), "User": re.compile(r"^\w{8,}$")}
        for title, text in expected.items():
            expect(cells[title]).to_have_text(text)
        cells = self.cells(table, refused)
        for title, text in {"User": "–", "Outcome": re.compile("^401 [a-z_]+$")}.items():
            expect(cells[title]).to_have_text(text)

        page.get_by_role("combobox", name="Outcome").click()
        page.get_by_role("option", name="Refused or failed").click()
        expect(answered).to_have_count(0)
        expect(refused).to_have_count(1)
        page.get_by_label("Find").fill("nothing of the kind")
        expect(refused).to_have_count(0)

    def test_a_user_store_shows_how_fast_it_answers_and_what_it_gives(self):
        def call_twice(world):
            world.call("/orders/1.0/17")
            world.call("/orders/1.0/", "POST")

        page = self.open("/users", call_twice)
        store = page.get_by_role("region", name="staff")
        expect(store).to_contain_text("Up")
        expect(store).to_contain_text("sql staff.db")
        figures = store.locator("dl").first
        expected = {"Typical": TIME, "Slowest 1 %": TIME, "Failures": "0", "Users kept": "1"}
        expected |= {"From the cache": re.compile("%$"), "Memory": re.compile(" B$")}
        for title, text in expected.items():
            figure = figures.locator("div").filter(has=page.get_by_text(title, exact=True))
            expect(figure.locator("dd")).to_have_text(text)
        expect(store).to_contain_text("department")

    def test_a_look_up_says_what_the_store_said(self):
        page = self.open("/users")
        store = page.get_by_role("region", name="staff")
        user = store.get_by_label("Test look-up")
        look = store.get_by_role("button", name="Look up")
        user.fill("alice")
        look.click()
        expect(store.get_by_role("status")).to_contain_text("alice@corp.test")
        expect(store.get_by_role("status")).to_contain_text("orders-readers, staff")
        user.fill("nobody")
        look.click()
        expect(store.get_by_role("status")).to_have_text("The store has no user nobody.")

        with sqlite3.connect(self.world.gateway.path / "staff.db") as database:
            database.execute("ALTER TABLE people RENAME TO persons")
        user.fill("alice")
        look.click()
        expect(store.get_by_role("alert")).to_contain_text("no such table: people")
        expect(store).not_to_contain_text("has no user")

    def test_what_is_cached_is_forgotten_and_the_next_call_asks_the_store(self):
        page = self.open("/users", lambda world: world.call("/orders/1.0/17"))
        with sqlite3.connect(self.world.gateway.path / "staff.db") as database:
            database.execute("UPDATE people SET email = 'new@corp.test' WHERE username = 'alice'")
        store = page.get_by_role("region", name="staff")
        for user, email in (("bob", "alice@corp.test"), ("alice", "new@corp.test")):
            store.get_by_label("Test look-up").fill(user)
            store.get_by_role("button", name="Forget what is cached").click()
            page.get_by_role("menuitem", name=f"Forget {user}").click()
            expect(page.get_by_text(f"staff has forgotten {user}")).to_be_visible()
            claims = self.world.verified(self.world.call("/orders/1.0/17"), "orders")
            self.assertEqual(claims[f"{CLAIM}emailaddress"], email)

    def test_disclosures_name_each_attribute_its_way_and_its_reason(self):
        page = self.open("/disclosures")
        table = page.get_by_role("table", name="Disclosures")
        row = table.get_by_role("row").filter(has_text="emailaddress").filter(has_text="GET /{id}")
        cells = self.cells(table, row)
        backend = self.world.backend.url.removeprefix("http://")
        expected = {"Attribute": "email", "As claim": f"{CLAIM}emailaddress", "API": "orders 1.0"}
        expected |= {"Operation": "GET /{id}", "To": backend}
        expected |= {"In header": "X-JWT-Assertion", "Valid for": "5 min"}
        expected |= {"Because of": re.compile(r"apis/orders\.yaml:\d+ \(api level\)$")}
        for title, text in expected.items():
            expect(cells[title]).to_have_text(text)
        page.get_by_role("combobox", name="Attribute").click()
        page.get_by_role("option", name="groups").click()
        expect(row).to_have_count(0)
        expect(table.get_by_role("row").filter(has_text=f"{CLAIM}role")).not_to_have_count(0)

    def test_disclosures_are_written_as_csv(self):
        page = self.open("/disclosures")
        with page.expect_download() as download:
            page.get_by_role("link", name="Download as CSV").click()
        self.assertEqual(download.value.suggested_filename, "disclosures.csv")
        with open(download.value.path(), encoding="utf-8") as file:
            rows = list(csv.DictReader(io.StringIO(file.read())))
        expect(page.get_by_role("status").filter(has_text="disclosure")).to_have_text(f"{len(rows)} disclosures")
        [email] = [row for row in rows if row["attribute"] == "email" and row["operation"] == "GET /{id}"]
        expected = (f"{CLAIM}emailaddress", "orders", "X-JWT-Assertion")
        self.assertEqual((email["claim"], email["api"], email["header"]), expected)

    def test_history_goes_on_beyond_its_first_page(self):
        page = self.open("/history")
        same = {"author": "anna", "action": "api changed", "file": "apis/orders.yaml", "note": "", "diff": ""}
        many = [{"n": n, "at": 1_700_000_000 + n, "target": f"api {n}", **same} for n in range(250, 0, -1)]

        def answer(route):
            offset = int(re.search(r"offset=(\d+)", route.request.url)[1])
            route.fulfill(json={"items": many[offset : offset + 200], "total": 250})

        page.route("**/api/v1/history*", answer)
        page.reload()
        changes = page.get_by_role("main").get_by_role("listitem")
        expect(changes).to_have_count(200)
        expect(page.get_by_role("status")).to_have_text("200 of 250 changes")
        page.get_by_role("button", name="Show older changes").click()
        expect(changes).to_have_count(250)
        expect(changes.last).to_contain_text("api changed api 1")
        expect(page.get_by_role("button", name="Show older changes")).to_have_count(0)
