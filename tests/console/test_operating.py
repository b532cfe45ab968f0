"""What an operator does in the console while calls run: keys are rotated, applications and API keys made and taken back."""

import re
import threading
import unittest

import jwt as pyjwt
import yaml
from playwright.sync_api import expect

from console.world import Window, World, confirm, orders
from harness import client

# Each call has a token of its own, signed when it is made.
POLICIES = """apiPolicies:
  request:
    - policyName: BackendJwt
      parameters: { tokenId: unique, tokenTTL: 300 }
"""
API_KEY = """authentication:
  - { authType: OAuth2, required: optional }
  - { authType: APIKey, required: optional, headerName: apikey }
"""


class Calls:
    """Calls through the gateway, one after the other, from a thread: each must bring a token that verifies at once."""

    def __init__(self, world):
        self.world = world
        self.kids = []
        self.failures = []
        self._changed = threading.Condition()
        self._is_over = False
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_over = True
        self._thread.join()

    def _run(self):
        while not self._is_over:
            try:
                record = self.world.call("/orders/1.0/17")
                self.world.verified(record, "orders")
                kid = pyjwt.get_unverified_header(record.value("X-JWT-Assertion"))["kid"]
            except Exception as failure:  # whatever it is, the test tells it
                self.failures.append(repr(failure))
                self._is_over = True
                kid = None
            with self._changed:
                self.kids.append(kid)
                self._changed.notify_all()

    def wait_for_more(self, count=3, timeout=60):
        """Waits until this many more calls are done."""
        with self._changed:
            wanted = len(self.kids) + count
            is_done = self._changed.wait_for(lambda: len(self.kids) >= wanted or self.failures, timeout)
        assert is_done and not self.failures, self.failures or "the calls do not go on"


class Operating(unittest.TestCase):
    """One gateway."""

    @classmethod
    def setUpClass(cls):
        cls.world = World(apis=lambda to: {"orders": orders(to) + POLICIES + API_KEY})
        cls.addClassCleanup(cls.world.close)

    def setUp(self):
        self.window = Window(self.world)
        self.addCleanup(self.window.close)

    def test_a_key_is_rotated_while_calls_run(self):
        page = self.window.open("/keys")
        card = page.locator("section").filter(has=page.get_by_role("heading", name="ES256")).first
        served = page.get_by_role("region", name="key set")
        with Calls(self.world) as calls:
            calls.wait_for_more()
            old = calls.kids[-1]
            expect(served).to_contain_text(old)
            card.get_by_role("button", name="Rotate").click()
            page.get_by_role("button", name="Announce a new key").click()
            expect(card.get_by_role("button", name="Activate now")).to_be_visible()
            [new] = {key["kid"] for key in self.world.gateway.jwks()["keys"] if key["alg"] == "ES256"} - {old}
            expect(served).to_contain_text(new)
            calls.wait_for_more()
            self.assertEqual(set(calls.kids), {old})

            card.get_by_role("button", name="Activate now").click()
            page.get_by_role("dialog").get_by_role("button", name="Activate now").click()
            expect(card.get_by_text("Retired", exact=True).first).to_be_visible()
            expect(page.get_by_role("dialog")).to_have_count(0)
            calls.wait_for_more(5)
        self.assertEqual(calls.failures, [])
        self.assertEqual(calls.kids[-1], new)
        self.assertEqual(set(calls.kids), {old, new})
        # The old key stays published for the tokens that it has signed.
        for kid in (old, new):
            expect(served).to_contain_text(kid)
        self.assertEqual(self.window.complaints, [])

    def test_an_application_is_made_changed_and_removed_and_its_api_key_made_and_revoked(self):
        self.window.expected = {409, 412, 422}
        page = self.window.open("/applications")
        page.get_by_role("button", name="New application").click()
        form = page.get_by_role("dialog", name="New application")
        form.get_by_label("Name", exact=False).first.fill("Mobile")
        form.get_by_role("button", name="Review and save").click()
        name = form.get_by_role("textbox", name="Name")
        expect(name).to_have_attribute("aria-invalid", "true")
        expect(form).to_contain_text("there is an application Mobile already")

        name.fill("Shop")
        form.get_by_label("Owner").fill("olga")
        clients = form.get_by_role("combobox", name="Client ids", exact=True)
        clients.fill("mobile-app")
        clients.press("Enter")
        form.get_by_role("button", name="Review and save").click()
        # Another application has this client id: the gateway says so, and it is shown where it was typed.
        expect(clients).to_have_attribute("aria-invalid", "true")
        expect(form).to_contain_text("client id mobile-app is defined twice")
        clients.press("Backspace")
        clients.fill("shop-1")
        clients.press("Enter")
        form.get_by_role("button", name="Add an attribute").click()
        form.get_by_label("Attribute 1: name").fill("team")
        form.get_by_label("Attribute 1: value").fill("web")
        form.get_by_role("button", name="Add a subscription").click()
        form.get_by_label("Subscription 1: API").fill("orders")
        form.get_by_label("Subscription 1: tier").fill("Silver")
        form.get_by_role("button", name="Review and save").click()
        self.assertIn("name: Shop", confirm(page))
        expected = {"name": "Shop", "owner": "olga", "clientIds": ["shop-1"], "attributes": {"team": "web"}}
        expected["subscriptions"] = [{"api": "orders", "tier": "Silver"}]
        self.assertEqual(self.written("Shop"), expected)

        card = page.get_by_role("region", name="Shop")
        card.get_by_role("button", name="New API key").click()
        page.get_by_label("Name", exact=False).fill("nightly")
        page.get_by_role("button", name="Make the key").click()
        key = page.get_by_role("region", name="API key").inner_text().strip()
        page.get_by_role("button", name="I have copied it").click()
        self.assertEqual(self.with_key(key), 200)
        claims = self.world.verified(self.world.backend.last(), "orders")
        self.assertEqual(claims["http://wso2.org/claims/applicationname"], "Shop")
        expect(page.get_by_role("main")).not_to_contain_text(key)

        card.get_by_role("button", name="Edit").click()
        form = page.get_by_role("dialog", name="Edit Shop")
        form.get_by_label("Tier", exact=True).fill("Gold")
        # Somebody else edits the file by hand meanwhile: theirs stays.
        by_hand = self.world.gateway.operator_file.read_text(encoding="utf-8").replace("owner: olga", "owner: bert")
        self.world.gateway.write("countersign.yaml", by_hand)
        self.world.gateway.reload()
        form.get_by_role("button", name="Review and save").click()
        diff = confirm(page)
        self.assertIn("tier: Gold", diff)
        shop = self.written("Shop")
        self.assertEqual((shop["tier"], shop["owner"], shop["apiKeys"][0]["id"]), ("Gold", "bert", "nightly"))
        expect(card).to_contain_text("Gold")

        card.get_by_role("button", name="Revoke the key nightly").click()
        page.get_by_role("button", name="Revoke", exact=True).click()
        expect(card.get_by_role("list", name="API keys of Shop")).to_have_count(0)
        self.assertEqual(self.with_key(key), 401)

        card.get_by_role("button", name="Remove", exact=True).click()
        confirm(page)
        expect(card).to_have_count(0)
        self.assertIsNone(self.written("Shop"))
        self.assertEqual(self.window.violations(), [])
        self.assertEqual(self.window.complaints, [])

    def test_a_value_that_is_not_shown_stays_until_another_one_is_typed(self):
        text = self.world.gateway.operator_file.read_text(encoding="utf-8")
        operator = yaml.safe_load(text)
        operator["applications"].append({"name": "Secretive", "clientIds": ["s-1"], "attributes": {"token": "s3cr3t-1", "team": "web"}})
        self.world.gateway.write("countersign.yaml", yaml.safe_dump(operator))
        self.world.gateway.reload()
        self.addCleanup(lambda: (self.world.gateway.write("countersign.yaml", text), self.world.gateway.reload()))
        page = self.window.open("/applications")
        card = page.get_by_role("region", name="Secretive")
        expect(card).to_contain_text("token: (not shown)")
        for typed, expected in ((None, "s3cr3t-1"), ("s3cr3t-2", "s3cr3t-2")):
            card.get_by_role("button", name="Edit").click()
            form = page.get_by_role("dialog", name="Edit Secretive")
            value = form.get_by_label("Attribute 2: value")
            expect(value).to_have_value("")
            expect(value).to_have_attribute("placeholder", "Not shown; stays as it is")
            form.get_by_label("Owner").fill(f"owner {expected[-1]}")
            if typed:
                value.fill(typed)
            form.get_by_role("button", name="Review and save").click()
            self.assertNotIn("s3cr3t", confirm(page))
            self.assertEqual(self.written("Secretive")["attributes"], {"token": expected, "team": "web"})
        self.assertEqual(self.window.complaints, [])

    def written(self, name):
        """The application in the operator's file."""
        operator = yaml.safe_load(self.world.gateway.operator_file.read_text(encoding="utf-8"))
        return next((one for one in operator.get("applications", []) if one["name"] == name), None)

    def with_key(self, key):
        """The status of a call with an API key."""
        return client.request(self.world.gateway.plain, "GET", "/orders/1.0/17", [("apikey", key)]).status
