"""Runs every test file, each in a process of its own, three at a time: they mostly wait for servers.

What a file prints is shown when it is done; at the end, which files failed and how long the slowest took.
"""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
WORKERS = (os.cpu_count() or 1) + 1
# The files that take longest begin first, so that none of them is alone at the end.
LONG = [
    "console.test_pages", "stores.test_sql", "stores.test_faults", "attacks.test_ck", "console.test_policies",
    "console.test_states", "stores.test_ldap", "console.test_apis", "admin.test_contract", "console.test_people",
]


def names():
    """The test files as modules, the long ones first."""
    found = [path.relative_to(HERE).with_suffix("") for path in HERE.glob("[a-z]*/test_*.py")]
    modules = sorted(".".join(path.parts) for path in found)
    return sorted(modules, key=lambda name: LONG.index(name) if name in LONG else len(LONG))


def run(name, arguments):
    """Runs one file; gives its name, whether it passed, how many tests it ran, its output and its seconds."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "unittest", "-v", *arguments, name]
    done = subprocess.run(command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    counted = re.search(r"^Ran (\d+) tests?", done.stdout, re.MULTILINE)
    count = int(counted.group(1)) if counted else 0
    # A filter may leave nothing to run in a file, which newer Pythons say by 5; without one, that is a mistake.
    is_passed = done.returncode == 0 and count > 0 or count == 0 and bool(arguments) and done.returncode in (0, 5)
    return name, is_passed, count, done.stdout, time.monotonic() - begun


def main(arguments):
    """Runs all; ends with 1 when one fails or none ran."""
    results = []
    modules = names()
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as workers:
        for future in concurrent.futures.as_completed([workers.submit(run, name, arguments) for name in modules]):
            name, is_passed, count, output, seconds = future.result()
            results.append((seconds, name, is_passed, count))
            if not is_passed or count > 0:
                print(output, end="")
                verdict = "ok" if is_passed else "FAILED"
                print(f"[{len(results)}/{len(modules)}] {name}: {count} tests, {seconds:.0f} s, {verdict}\n", flush=True)
    total = sum(count for *_, count in results)
    failed = sorted(name for _, name, is_passed, _ in results if not is_passed)
    slowest = ", ".join(f"{name} {seconds:.0f} s" for seconds, name, *_ in sorted(results, reverse=True)[:8])
    print(f"{total} tests in {len(results)} files. Slowest: {slowest}.")
    for name in failed:
        print(f"FAILED: {name}")
    return 1 if failed or total == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
