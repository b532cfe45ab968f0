#!/usr/bin/env -S tests/.venv/bin/python
"""Measures what it costs that Envoy asks: processor time of a call, of Envoy and of the gateway, in rounds that take turns.

    tests/.venv/bin/python bench/ext_authz.py BINARY [--rounds N] [--seconds N]

BINARY must be of a release profile. *alone* is an Envoy that answers by itself, *asking* the Envoy of docs/envoy.md with the
same answer: a known token, a cached Backend JWT. The access log is off in both. *proxy* is the gateway's own listener before
a backend that is the Envoy *alone*. Times are user and system time of all threads, from /proc; the least of the rounds is
the one to compare. Needs wrk. Not a test: it decides nothing.
"""

import argparse
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

ISSUER = "https://idp.corp.test"
BODY = "x" * 256
CONNECTIONS = 8
TICK = os.sysconf("SC_CLK_TCK")


def files(port, backend):
    """The operator's file and the API definition."""
    operator = {
        "gateway": {"workers": 1},
        "apis": {"directory": "apis/"},
        "keys": {"directory": "keys/"},
        "issuers": [{"name": "corp", "issuer": ISSUER, "jwks": {"file": "idp.json"}}],
        "envoy": {"address": f"127.0.0.1:{port}"},
    }
    orders = {
        "name": "orders",
        "basePath": "/orders",
        "version": "1.0",
        "type": "REST",
        "endpointConfigurations": {"production": [{"endpoint": "http://127.0.0.1:%d" % backend}]},
        "operations": [{"target": "/items/{id}", "verb": "GET", "secured": True}],
        "apiPolicies": {"request": [{"policyName": "BackendJwt", "parameters": {"audience": "orders"}}]},
    }
    return operator, {"orders": orders}


def without(name):
    """Takes a filter and the access log from Envoy's configuration."""

    def change(manager):
        manager.pop("access_log")
        manager["http_filters"] = [one for one in manager["http_filters"] if one["name"] != name]

    return change


def processor_time(process):
    """Seconds of user and system time of all threads."""
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def calls(address, token, seconds):
    """Calls for so long, one under way on each connection; returns how many were answered with 200."""
    url = "http://%s:%d/orders/1.0/items/42?expand=lines" % address
    fields = [f"Authorization: Bearer {token}", "Accept: application/json", "Accept-Encoding: gzip, br", "Accept-Language: en"]
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", *(part for field in fields for part in ("-H", field)), url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in said and "Socket errors" not in said, said
    return int(re.search(r"(\d+) requests in", said).group(1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=4, help="of each measurement")
    asked = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("missing: wrk. Install it, for example: sudo apt-get install --no-install-recommends wrk")
    os.environ["COUNTERSIGN_BIN"] = str(asked.binary.resolve())

    from harness import jws, ports
    from harness.certificate import make_certificate
    from harness.envoy import Envoy
    from harness.gateway import Gateway

    answer = [{"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": BODY}}}]
    folder = tempfile.TemporaryDirectory()
    make_certificate(pathlib.Path(folder.name))
    tls = pathlib.Path(folder.name) / "tls"
    port, key = ports.lease(), jws.Key("ES256")
    alone = Envoy([port], answer, [], tls, change=without("envoy.filters.http.ext_authz"))
    gateway = Gateway(*files(port, alone.plain[1]), {"idp.json": jws.jwks(key)})
    asking = Envoy([port], answer, [], tls, change=without(None))
    token = key.token(jws.claims("alice", ISSUER, life=86_400))
    ways = {
        "alone": (alone.plain, {"Envoy": alone.process}),
        "asking": (asking.plain, {"Envoy": asking.process, "countersign": gateway.process}),
        "proxy": (gateway.plain, {"countersign": gateway.process}),
    }
    spent = {(way, name): [] for way, (_, processes) in ways.items() for name in processes}
    try:
        for address, _ in ways.values():
            calls(address, token, 1)
        for number in range(asked.rounds):
            print(f"round {number + 1} of {asked.rounds}", file=sys.stderr)
            for way, (address, processes) in ways.items():
                before = {name: processor_time(process) for name, process in processes.items()}
                answered = calls(address, token, asked.seconds)
                for name, process in processes.items():
                    spent[way, name].append((processor_time(process) - before[name]) / answered * 1e6)
    finally:
        for running in (asking, gateway, alone):
            running.stop()
    print("µs of processor time for a call: least, median")
    for (way, name), times in spent.items():
        print(f"{way:8} {name:12} {min(times):7.1f} {statistics.median(times):7.1f}")


if __name__ == "__main__":
    main()
