"""The policies page by hand: its cards, lanes, drawer and Save."""

import re

from playwright.sync_api import expect

from console.world import confirm

HEADER = "X-JWT-Assertion"


def card(page, title):
    """The policy's card in the list at the side, by its handle."""
    return page.get_by_label("Policies to attach").get_by_role("button", name=re.compile(f"^Drag {title}"))


def lane(page, flow="Request flow"):
    return page.get_by_role("region", name=flow).first


def add(page):
    """Adds a Backend JWT to the level that is shown; returns the drawer that opens for it."""
    page.get_by_role("button", name="Add Backend JWT").click()
    page.get_by_role("button", name="Configure Backend JWT").click()
    return configure(page)


def configure(page):
    """The drawer, open."""
    drawer = page.get_by_role("dialog", name="Configure Backend JWT: v1")
    expect(drawer).to_be_visible()
    return drawer


def save(page):
    """Presses Save, looks at the diff, saves; returns the diff's text."""
    page.get_by_role("button", name="Save", exact=True).click()
    return confirm(page)
