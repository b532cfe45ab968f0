#!/usr/bin/env -S tests/.venv/bin/python
"""Measures the console with 1 000 APIs and 10 000 operations: milliseconds from the address to a page that answers.

    tests/.venv/bin/python bench/console.py BINARY [--rounds N] [--trace FOLDER]

BINARY must be of a release profile: `cargo build --profile quick`. Each round opens each page in a browser that has nothing
in its caches. *drawn* is when the page's content is on the screen, *answers* when it has reacted to a first key or click
at that moment: what is searched for is in the address, the second operation is open. *page* and *gateway* are the processor time that the page's main thread and the gateway took: on a machine that
is busy otherwise, they say more. Not a test: it decides nothing.
"""

import argparse
import json
import os
import pathlib
import statistics
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

APIS, OPERATIONS, OF_LARGE = 1000, 10_000, 1000
VERBS = ("GET", "POST", "PUT", "DELETE")

# When what is waited for is in the page, and has been painted. Then, at once, the first input: how long until the page has
# reacted to it is the page's part alone, without a browser driver's.
WATCH = """
(selector, act, reaction) => {
  const painted = (then) => requestAnimationFrame(() => requestAnimationFrame(() => then(performance.now())));
  const when = (condition, then) => (condition() ? painted(then) : requestAnimationFrame(() => when(condition, then)));
  const look = () => {
    if (window.begun || !document.querySelector(selector)) return;
    window.begun = true;
    painted((drawn) => {
      window.drawnAt = drawn;
      if (!act) { window.answeredAt = drawn; return; }
      act();
      when(reaction, (answered) => { window.answeredAt = answered; });
    });
  };
  new MutationObserver(look).observe(document, { childList: true, subtree: true });
}
"""
ANSWERS = """
() => performance.getEntriesByType('resource').filter(({ name }) => name.includes('/api/v1/') && !name.endsWith('/events'))
  .map(({ name, requestStart, responseEnd, decodedBodySize }) => [name.replace(/.*api.v1/, ''), responseEnd - requestStart, decodedBodySize])
"""


def api(number, operations, to):
    """An API definition with this many operations."""
    lines = [f"name: api-{number:04}", f"basePath: /api-{number:04}", 'version: "1.0"', "type: REST"]
    lines.append(f'endpointConfigurations: {{ production: [{{ endpoint: "{to}" }}] }}')
    if number % 2:
        lines.append("apiPolicies: { request: [{ policyName: BackendJwt, parameters: { tokenTTL: 300 } }] }")
    lines.append("operations:")
    for at in range(operations):
        lines.append(f"  - {{ target: /things/{at // len(VERBS)}, verb: {VERBS[at % len(VERBS)]}, secured: true }}")
    return "\n".join(lines) + "\n"


def site(to):
    """All definitions: the last one is the large API."""
    others = APIS - 1
    each, more = divmod(OPERATIONS - OF_LARGE, others)
    definitions = {f"api-{number:04}": api(number, each + (number < more), to) for number in range(others)}
    return {**definitions, "large": api(others, OF_LARGE, to).replace(f"api-{others:04}", "large")}


def until(page, condition):
    """Looks before each frame; `wait_for_function` would need a looser content security policy."""
    page.evaluate("() => new Promise((done) => { const look = () => ((%s) ? done() : requestAnimationFrame(look)); look(); })" % condition)


TYPE = """() => {
  const field = document.querySelector('input[aria-label="Search the APIs"]');
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, 'large');
  field.dispatchEvent(new Event('input', { bubbles: true }));
}"""
OPEN = "() => document.querySelector('button[aria-expanded=false]').click()"

PAGES = [
    ("list of APIs", "/apis", ["main li a", TYPE, "() => location.search.includes('large')"]),
    (
        "policies, operation level",
        "/apis/large:1.0/policies?level=operation",
        ["button[aria-expanded=true]", OPEN, "() => document.querySelectorAll('button[aria-expanded=true]').length > 1"],
    ),
    ("policies, API level", "/apis/large:1.0/policies", ["section[aria-label='Request flow']", "null", "null"]),
]


def processor_time(gateway):
    """Milliseconds that the gateway has computed so far."""
    fields = pathlib.Path(f"/proc/{gateway.process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def measure(browser, world, page_of, trace):
    """One visit: milliseconds by name, and the answers of the admin API."""
    _, path, (selector, act, reaction) = page_of
    context = browser.new_context(viewport={"width": 1280, "height": 860}, reduced_motion="reduce")
    page = context.new_page()
    # A browser that runs: its process for this site is there, its caches have nothing of the console.
    page.goto(world.url + "/api/v1/me")
    page.add_init_script(f"({WATCH})({json.dumps(selector)}, {act}, {reaction})")
    session = context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = processor_time(world.gateway)
    if trace:
        browser.start_tracing(page=page, path=trace)
    page.goto(world.url + path, wait_until="commit")
    until(page, "window.answeredAt")
    drawn, answers = page.evaluate("[window.drawnAt, window.answeredAt]")
    if trace:
        browser.stop_tracing()
    asked = page.evaluate(ANSWERS)
    metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    gateway = processor_time(world.gateway) - before
    context.close()
    return {"drawn": drawn, "answers": answers, "page": metrics["TaskDuration"] * 1000, "gateway": gateway}, asked


def main():
    parser = argparse.ArgumentParser(description="Measures the console.")
    parser.add_argument("binary")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--trace", type=pathlib.Path, help="a folder for one trace of each page, for Chromium's performance panel")
    arguments = parser.parse_args()
    os.environ["COUNTERSIGN_BIN"] = str(pathlib.Path(arguments.binary).resolve())
    from console.world import World, chromium  # noqa: PLC0415: reads COUNTERSIGN_BIN

    world = World(site)
    try:
        print(f"{'':28}{'drawn':>8}{'answers':>9}{'page':>8}{'gateway':>9}   (median of {arguments.rounds}, ms)")
        for page_of in PAGES:
            name = page_of[0]
            measure(chromium(), world, page_of, None)
            rounds = [measure(chromium(), world, page_of, None) for _ in range(arguments.rounds)]
            figures = {key: statistics.median(one[key] for one, _ in rounds) for key in rounds[0][0]}
            print(f"{name:28}" + "".join(f"{figures[key]:>{width}.0f}" for key, width in zip(figures, (8, 9, 8, 9))))
            for path, duration, size in rounds[-1][1]:
                print(f"    {path:44}{duration:>7.0f} ms {size / 1024:>8.0f} KiB")
            if arguments.trace:
                arguments.trace.mkdir(parents=True, exist_ok=True)
                measure(chromium(), world, page_of, str(arguments.trace / (name.replace(", ", "-").replace(" ", "-") + ".json")))
    finally:
        world.close()


if __name__ == "__main__":
    main()
