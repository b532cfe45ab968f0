"""People log in at a real OpenID provider, see what their role lets them do, and are told why they may not do the rest."""

import re
import unittest

from playwright.sync_api import expect

from console.board import configure
from console.world import NARROW, Window, World, confirm, orders
from harness.openid import Provider

ROLES = {"viewer": ["vera"], "author": ["anna"], "operator": ["olga"]}

LOGIN_PAGES = [
    ("/apis", "Log in to Countersign"),
    ("/?refused=forbidden", "You have no role here"),
    ("/?refused=failed", "You are not logged in"),
]


def two_apis(to):
    return {"orders": orders(to), "bills": orders(to).replace("name: orders", "name: bills").replace("/orders", "/bills")}


class People(unittest.TestCase):
    """One gateway with two APIs, one of them anna's, and one provider."""

    @classmethod
    def setUpClass(cls):
        cls.provider = Provider()
        cls.addClassCleanup(cls.provider.stop)
        oidc = {"issuer": cls.provider.issuer, "clientId": "console", "clientSecret": {"file": "console.secret"}}
        login = {"oidc": {**oidc, "rolesClaim": "groups"}, "roles": ROLES}
        admin = {"login": login, "owners": [{"api": "orders", "authors": ["anna"]}], "testUsers": ["alice"]}
        cls.world = World(two_apis, {"admin": admin}, {"console.secret": "console:secret/with+signs\n"})
        cls.addClassCleanup(cls.world.close)
        cls.provider.do("client", id="console", redirect=f"{cls.world.url}/api/v1/login/callback")

    def log_in(self, user, path="/apis"):
        """A window in which somebody has logged in, on the page that they wanted."""
        window = Window(self.world)
        self.addCleanup(window.close)
        window.expected = {401}
        page = window.page
        page.goto(self.world.url + path)
        page.get_by_role("link", name="Log in").click()
        page.wait_for_url("**/_interaction/*")
        page.goto(f"{page.url}?user={user}")
        return window

    def test_somebody_logs_in_sees_their_name_and_logs_out(self):
        window = self.log_in("olga", "/keys")
        page = window.page
        expect(page.get_by_role("heading", name="Keys", exact=True)).to_be_visible()
        page.get_by_role("button", name="olga", exact=True).click()
        expect(page.get_by_role("menu")).to_contain_text("operator")
        page.get_by_role("menuitem", name="Log out").click()
        expect(page.get_by_role("link", name="Log in")).to_be_visible()
        page.goto(self.world.url + "/apis")
        expect(page.get_by_role("link", name="Log in")).to_be_visible()
        self.assertEqual(window.complaints, [])

    def test_a_session_that_ends_takes_no_work_with_it(self):
        window = self.log_in("anna", "/apis/orders:1.0/definition")
        text = window.page.get_by_label("Definition of orders")
        text.fill(text.input_value() + "# Begun before the session ended.\n")
        cookies = window.context.cookies()
        window.context.clear_cookies()
        window.page.get_by_role("button", name="Review and save").click()
        over = window.page.get_by_role("dialog", name="Your session has ended")
        expect(over.get_by_role("link", name="Log in")).to_have_attribute("target", "_blank")
        self.assertEqual(window.violations(), [])
        # As a login in another window would.
        window.context.add_cookies(cookies)
        over.get_by_role("button", name="I have logged in").click()
        expect(over).to_have_count(0)
        expect(text).to_have_value(re.compile("Begun before the session ended"))

    def test_an_author_changes_their_own_apis_and_no_others(self):
        window = self.log_in("anna")
        page = window.page
        rows = page.get_by_role("main").get_by_role("listitem")
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text("orders")
        page.get_by_text("All", exact=True).click()
        expect(rows).to_have_count(2)

        rows.filter(has_text="bills").get_by_role("link").click()
        expect(page.get_by_role("status").filter(has_text="not yours to change")).to_contain_text("Operators can")
        expect(page.get_by_role("button", name="Delete this API")).to_have_count(0)
        page.get_by_role("tab", name="Policies").click()
        expect(page.get_by_role("region", name="Request flow")).to_contain_text("No policy here.")
        expect(page.get_by_role("button", name=re.compile("^(Add|Drag) "))).to_have_count(0)
        page.get_by_role("tab", name="Definition").click()
        expect(page.get_by_label("Definition of bills")).not_to_be_editable()
        for path, heading in (("/keys", "Keys"), ("/applications", "Applications")):
            page.goto(self.world.url + path)
            expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
            expect(page.get_by_role("main")).to_contain_text("ES256" if path == "/keys" else "Mobile")
            expect(page.get_by_role("button", name=re.compile("Rotate|Revoke|New|Edit|Remove"))).to_have_count(0)

        page.goto(self.world.url + "/apis/orders:1.0/policies")
        page.get_by_role("button", name="Add Backend JWT").click()
        page.get_by_role("button", name="Configure Backend JWT").click()
        page.get_by_role("button", name="Save", exact=True).click()
        self.assertIn("BackendJwt", confirm(page))
        page.get_by_role("tab", name="Revisions").click()
        expect(page.get_by_role("main")).to_contain_text("anna")
        self.assertEqual(window.complaints, [])

    def test_an_author_sees_the_values_of_test_users_and_the_masks_of_others(self):
        window = self.log_in("anna", "/apis/orders:1.0/policies?level=operation")
        page = window.page
        page.get_by_role("button", name="Add Backend JWT").click()
        page.get_by_role("button", name="Configure Backend JWT").click()
        drawer = configure(page)
        for user, shown, hidden in (("alice", "alice@corp.test", "masked"), ("bob", "masked: string, 13 characters", "bob@corp")):
            with self.subTest(user=user):
                drawer.get_by_label("User", exact=True).fill(user)
                mail = drawer.get_by_role("listitem").filter(has_text="emailaddress")
                expect(mail).to_contain_text(shown)
                expect(drawer.get_by_role("complementary", name="Preview")).not_to_contain_text(hidden)
        # What a token would say is not there to be copied either.
        expect(drawer.get_by_test_id("token")).to_have_count(0)
        page.goto(self.world.url + "/users")
        store = page.get_by_role("region", name="staff")
        for user, shown, hidden in (("alice", "alice@corp.test", "masked"), ("bob", "masked: list, 1 value", "bob@corp")):
            with self.subTest(looked_up=user):
                store.get_by_label("Test look-up").fill(user)
                store.get_by_role("button", name="Look up").click()
                expect(store).to_contain_text(shown)
                expect(store).not_to_contain_text(hidden)
        self.assertEqual(window.complaints, [])

    def test_a_viewer_sees_everything_and_no_way_to_change_it(self):
        window = self.log_in("vera")
        page = window.page
        pages = [("/apis", "bills"), ("/apis/orders:1.0", "Endpoints"), ("/apis/orders:1.0/policies", "Request flow")]
        pages += [("/apis/orders:1.0/policies?level=operation", "Request flow"), ("/apis/orders:1.0/definition", "apk-conf")]
        pages += [("/apis/new", "Authors make APIs"), ("/keys", "ES256"), ("/applications", "Mobile"), ("/users", "staff")]
        changing = re.compile("^(Add|Drag|New|Save|Review|Reset|Delete|Edit|Remove|Revoke|Rotate|Retire|Make|Look up|Forget)")
        for path, text in pages:
            with self.subTest(path=path):
                page.goto(self.world.url + path)
                expect(page.get_by_role("main")).to_contain_text(text)
                for role in ("button", "link"):
                    expect(page.get_by_role("main").get_by_role(role, name=changing)).to_have_count(0)
        self.assertEqual(window.complaints, [])

    def test_whoever_has_no_role_is_told_so(self):
        window = self.log_in("nobody")
        window.expected |= {403}
        expect(window.page.get_by_role("heading", name="You have no role here")).to_be_visible()
        expect(window.page.get_by_role("main")).to_contain_text("Ask the operator")
        self.assertEqual(window.violations(), [])

    def test_the_login_page_is_for_everybody(self):
        for scheme in ("light", "dark"):
            for path, heading in LOGIN_PAGES:
                with self.subTest(scheme=scheme, path=path):
                    window = Window(self.world, scheme=scheme, viewport=NARROW)
                    self.addCleanup(window.close)
                    window.expected = {401}
                    page = window.open(path)
                    expect(page.get_by_role("heading", name=heading)).to_be_visible()
                    self.assertEqual(window.violations(), [])
                    self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), NARROW["width"])
                    self.assertEqual(window.complaints, [])
