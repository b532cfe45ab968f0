"""Envoy in front of a gateway, with the configuration of docs/envoy.md.

Only addresses and routes are put in: what the page says is what runs.
"""

import http.client
import importlib.resources
import json
import pathlib
import re
import subprocess
import tempfile
import time

import yaml

from harness import ports

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/envoy.md"
BINARY = importlib.resources.files("envoy") / "_bin/envoy"
HTTP2 = {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
}
TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3."


def page():
    """The configuration on the page."""
    (block,) = re.findall(r"^```yaml\n(admin:\n.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return yaml.safe_load(block)


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def route(match, **action):
    """A route to a cluster."""
    return {"match": match, "route": action}


def cluster(name, *at, **more):
    """A cluster of servers on these ports."""
    endpoints = [{"endpoint": {"address": address(port)}} for port in at]
    assignment = {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]}
    return {"name": name, "type": "STRICT_DNS", "load_assignment": assignment, **more}


class Envoy:
    """A running Envoy. `plain` and `secure` are where clients call it.

    `authorization` are the ports where gateways are asked; `routes` are Envoy's; `backends` are clusters; `reserved` are headers that no backend may return. `tls` is a folder with
    cert.pem and key.pem; `asks` is what the cluster `countersign` is to have besides; `change(manager)` alters the
    connection manager.
    """

    def __init__(self, authorization, routes, backends, tls, reserved=(), asks=None, change=None):
        self.plain, self.secure = (("127.0.0.1", ports.lease()) for _ in range(2))
        self.admin = ("127.0.0.1", ports.lease())
        self.folder = tempfile.TemporaryDirectory(prefix="countersign-envoy-")
        written = page()
        written["admin"]["address"] = address(self.admin[1])
        written["static_resources"]["clusters"] = [
            cluster("countersign", *authorization, typed_extension_protocol_options=HTTP2, **(asks or {})),
            *backends,
        ]
        (listener,) = written["static_resources"]["listeners"]
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        mutations = manager["http_filters"][1]["typed_config"]["mutations"]
        for answer in ("response_mutations", "response_trailers_mutations"):
            mutations[answer] = mutations[answer] + [{"remove": name} for name in reserved]
        (host,) = manager["route_config"]["virtual_hosts"]
        host["routes"] = routes
        if change:
            change(manager)
        secure = json.loads(json.dumps(listener))
        listener["address"] = address(self.plain[1])
        secure |= {"name": "secure", "address": address(self.secure[1])}
        secure["filter_chains"][0]["transport_socket"] = server_tls(tls)
        written["static_resources"]["listeners"] = [listener, secure]
        self.file = pathlib.Path(self.folder.name) / "envoy.yaml"
        self.file.write_text(yaml.safe_dump(written), encoding="utf-8")
        self.log = open(self.file.with_name("log"), "wb")
        command = [BINARY, "-c", self.file, "--base-id", str(self.admin[1]), "--concurrency", "1", "-l", "warning"]
        self.process = subprocess.Popen(list(map(str, command)), stdout=self.log, stderr=subprocess.STDOUT)
        self.wait_ready()

    def wait_ready(self):
        deadline = time.monotonic() + 30
        while True:
            assert self.process.poll() is None, self.log_text()
            try:
                connection = http.client.HTTPConnection(*self.admin, timeout=5)
                connection.request("GET", "/ready")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
            finally:
                connection.close()
            assert time.monotonic() < deadline, f"Envoy is not ready\n{self.log_text()}"
            time.sleep(0.05)

    def log_text(self):
        self.log.flush()
        return self.file.with_name("log").read_text(encoding="utf-8", errors="replace")

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()
        self.folder.cleanup()
        ports.give_back(self.plain[1], self.secure[1], self.admin[1])


def server_tls(folder):
    """A listener's TLS that asks clients for a certificate, and leaves it to Countersign whom to trust."""
    files = {"certificate_chain": {"filename": f"{folder}/cert.pem"}, "private_key": {"filename": f"{folder}/key.pem"}}
    context = {
        "@type": TLS + "DownstreamTlsContext",
        "common_tls_context": {
            "alpn_protocols": ["h2", "http/1.1"],
            "tls_certificates": [files],
            "validation_context": {"trust_chain_verification": "ACCEPT_UNTRUSTED"},
        },
    }
    return {"name": "envoy.transport_sockets.tls", "typed_config": context}
