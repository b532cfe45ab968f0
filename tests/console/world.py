"""A gateway with its console, an issuer, a user store, a backend; and one Chromium for all tests.

Everything that the page reports as wrong fails the test that caused it: script errors, refusals of the content security
policy, answers of the server that nobody expected.
"""

import atexit
import functools
import pathlib
import re

import jwt as pyjwt
from playwright.sync_api import expect, sync_playwright

from harness import client, jws
from harness.backend import Backend
from harness.gateway import Gateway, make_database, sqlite_store

expect.set_options(timeout=20_000)

ROOT = pathlib.Path(__file__).resolve().parents[2]
AXE = (ROOT / "console/node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
ISSUER = "https://idp.corp.test"
STAFF = [
    {"username": "alice", "email": "alice@corp.test", "given_name": "Alice", "department": "sales"},
    {"username": "bob", "email": "bob@corp.test", "given_name": "Bob", "department": "board"},
]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE = {"width": 1280, "height": 860}
NARROW = {"width": 390, "height": 844}

OPENAPI = """openapi: 3.0.3
info: { title: Parcels, version: "1.2" }
x-owner: the parcels team
servers: [{ url: "%s" }]
paths:
  /parcels:
    get: { summary: All parcels, responses: { "200": { description: OK } } }
    post: { summary: A new one, responses: { "201": { description: Created } } }
  /parcels/{id}:
    parameters: [{ name: id, in: path, required: true, schema: { type: string } }]
    get: { summary: One parcel, responses: { "200": { description: OK } } }
"""


def orders(to):
    """An API that says nothing about Backend JWTs."""
    return f"""# Orders: this comment stays.
name: orders
basePath: /orders
version: "1.0"
type: REST
endpointConfigurations: {{ production: [{{ endpoint: "{to}" }}] }}
operations:
  - {{ target: "/{{id}}", verb: GET, secured: true }}      # one order
  - {{ target: /, verb: POST, secured: true }}
  - {{ target: /status, verb: GET, secured: false }}
"""


class World:
    """Everything that runs. `apis` makes the definitions of the backend's address; without it there is `orders`."""

    def __init__(self, apis=None, operator=None, files=None):
        self.backend = Backend()
        self.key = jws.Key("ES256", kid="idp")
        files = {
            "idp.json": jws.jwks(self.key),
            "staff.db": lambda path: make_database(path, STAFF, [("alice", "staff"), ("alice", "orders-readers")]),
            **(files or {}),
        }
        written = apis(self.backend.url) if apis else {"orders": orders(self.backend.url)}
        self.gateway = Gateway(self.operator(operator or {}), written, files)
        self.url = "http://%s:%d" % self.gateway.admin

    def operator(self, more):
        attributes = {name: name for name in ("email", "given_name", "department", "groups")}
        queries = {
            "query": "SELECT email, given_name, department FROM people WHERE username = :user",
            "multi": {"groups": "SELECT name FROM memberships WHERE username = :user ORDER BY name"},
        }
        issuer = {"name": "corp", "issuer": ISSUER, "jwks": {"file": "idp.json"}, "audience": ["gateway"]}
        issuer["lookup"] = {"claim": "sub", "userStores": ["staff"]}
        issuer["consumerKeyClaim"] = "client_id"
        return {
            "apis": {"directory": "apis/"},
            "keys": {"directory": "keys/"},
            "backendJwt": {"limits": {"tokenTTL": "1h"}},
            "issuers": [issuer],
            "userStores": [sqlite_store("staff", attributes, "staff.db", **queries)],
            "applications": [{"name": "Mobile", "clientIds": ["mobile-app"], "tier": "Gold", "owner": "alice"}],
            **more,
        }

    def call(self, path, method="GET", subject="alice"):
        """Calls through the gateway as a user; returns the backend's record of the request."""
        token = self.key.token(jws.claims(subject, ISSUER, client_id="mobile-app", aud="gateway"))
        self.backend.reset()
        answer = client.request(self.gateway.plain, method, path, [("Authorization", f"Bearer {token}")])
        assert answer.status == 200, f"{path}: {answer!r}\n{self.gateway.log_text()[-2000:]}"
        return self.backend.last()

    def verified(self, record, audience, header="X-JWT-Assertion"):
        """The claims of the token that reached the backend, verified by PyJWT against the keys that are served now."""
        token = record.value(header)
        assert token is not None, record.fields
        keys = pyjwt.PyJWKSet.from_dict(self.gateway.jwks())
        key = keys[pyjwt.get_unverified_header(token)["kid"]]
        return pyjwt.decode(token, key.key, algorithms=["ES256", "RS256"], issuer=self.gateway.issuer, audience=audience)

    def file(self, name):
        """The text of an API's file."""
        return (self.gateway.path / "apis" / name).read_text(encoding="utf-8")

    def close(self):
        self.gateway.stop()
        self.backend.close()


@functools.cache
def chromium():
    """The browser, started once."""
    playwright = sync_playwright().start()
    atexit.register(playwright.stop)
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
    atexit.register(browser.close)
    return browser


class Window:
    """One page of the console, with everything that it complained of."""

    def __init__(self, world, scheme="light", viewport=None, touch=False):
        self.url = world.url
        self.context = chromium().new_context(
            viewport=viewport or WIDE, color_scheme=scheme, has_touch=touch, reduced_motion="reduce", locale="en-GB"
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(15_000)
        self.complaints = []
        self.expected = set()
        self.page.on("pageerror", lambda error: self.complaints.append(f"script error: {error}"))
        self.page.on("console", self._heard)
        self.page.on("response", self._answered)

    def _heard(self, message):
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.complaints.append(f"{message.type}: {message.text}")

    def _answered(self, response):
        if response.url.startswith(self.url) and response.status >= 400 and response.status not in self.expected:
            self.complaints.append(f"{response.status}: {response.request.method} {response.url}")

    def open(self, path):
        """Opens a page and waits for its heading."""
        self.page.goto(self.url + path)
        expect(self.page.locator("h1").first).to_be_visible()
        return self.page

    def violations(self):
        """What axe says about the page, once nothing is under way that would change it meanwhile."""
        under_way = self.page.get_by_role("status").filter(has_text=re.compile(r" …$"))
        under_way = under_way.or_(self.page.get_by_role("status", name=re.compile("^(Loading|Working out the change)$")))
        expect(under_way).to_have_count(0)
        self.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        self.page.evaluate(AXE)
        found = self.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
        return [f"{one['id']}: {one['help']}: {[node['html'][:160] for node in one['nodes'][:3]]}" for one in found]

    def close(self):
        self.context.close()


def confirm(page):
    """Looks at the diff that is shown and saves; returns its text."""
    diff = page.get_by_role("region", name="Changes to the file")
    expect(diff).to_be_visible()
    text = diff.inner_text()
    page.get_by_role("button", name="Save to file").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    return text


def middle(locator):
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page, source, target):
    """Drags by mouse, in the small steps that a hand makes, to where the target stands by then.

    The target is brought to the middle of the window first: near its edges the page would scroll under the hand.
    """
    target.evaluate("target => target.scrollIntoView({ block: 'center' })")
    target.hover(trial=True)
    source.hover(trial=True)
    start, to = middle(source), None
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] - 10, start[1] + 10, steps=3)
    # Picking it up may have moved the target, and moving there what stands around it.
    while to != middle(target):
        to = middle(target)
        page.mouse.move(*to, steps=12)
    page.mouse.up()


def touch_drag(page, source, target):
    """Drags by finger: holds until it is picked up, goes to where the target stands, and lets go."""
    session = page.context.new_cdp_session(page)

    def touch(kind, *point):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [dict(zip("xy", point))] if point else []})

    source.scroll_into_view_if_needed()
    at = middle(source)
    touch("touchStart", *at)
    expect(page.locator("[id^=DndLiveRegion]")).to_contain_text("is picked up")
    lowest = page.viewport_size["height"] - 30
    for _ in range(500):
        # Where the target is beyond the edge, the page scrolls towards it for a finger that stays there.
        there = middle(target)
        goal = there[0], min(max(there[1], 30), lowest)
        for step in range(1, 6):
            touch("touchMove", *(old + (new - old) * step / 5 for old, new in zip(at, goal)))
        at = goal
        if goal == there and middle(target) == there:
            return touch("touchEnd")
    raise AssertionError("the target does not come into view")
