"""A client of the admin REST API, and the fixture that its tests share."""

import http.client
import json
import pathlib
import urllib.parse

import jsonschema_rs

from harness import jws
from harness.backend import Backend
from harness.gateway import Gateway
from operations.test_files import operator

ORDERS = """\
# Orders. Owned by the shop team, see ADR 7.
name: orders            # the claim `apiname`
version: "1.0"
basePath: /orders
type: REST
defaultVersion: true
endpointConfigurations:
  production:
    - endpoint: "{backend}"

operations:
  # Everybody may look.
  - target: /items
    verb: GET
    secured: true
    scopes: []
  - target: /items/{{id}}
    verb: GET
    secured: true
    scopes: []     # none yet

# The end.
"""

POLICY = {"policyName": "BackendJwt", "policyVersion": "v1", "parameters": {"header": "X-JWT-Assertion", "tokenTTL": 900}}


DESCRIPTION = pathlib.Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


def check_described(name, value):
    """Raises where a value is not what the API's description says under that name."""
    components = json.loads(DESCRIPTION.read_text(encoding="utf-8"))["components"]
    jsonschema_rs.validate({"$ref": f"#/components/schemas/{name}", "components": components}, value)


class Answer:
    """An answer: status, headers (lower case), text."""

    def __init__(self, status, headers, text):
        self.status, self.headers, self.text = status, headers, text

    @property
    def json(self):
        return json.loads(self.text)

    @property
    def etag(self):
        return self.headers["etag"]


class Client:
    """Asks the admin listener at an address, with these header fields on every request."""

    def __init__(self, address, **fields):
        self.address = address
        self.fields = {name.replace("_", "-"): value for name, value in fields.items()}

    def ask(self, method, path, body=None, **fields):
        connection = http.client.HTTPConnection(*self.address, timeout=20)
        headers = {"x-countersign-csrf": "1", **self.fields}
        headers.update({name.replace("_", "-"): value for name, value in fields.items()})
        headers = {name: value for name, value in headers.items() if value is not None}
        if body is not None:
            headers.setdefault("content-type", "application/json")
            body = body if isinstance(body, (str, bytes)) else json.dumps(body)
        connection.request(method, path if path.startswith("/api/") else "/api/v1" + path, body, headers)
        response = connection.getresponse()
        text = response.read().decode("utf-8", "replace")
        connection.close()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, text)

    def get(self, path, **fields):
        return self.ask("GET", path, **fields)

    def change(self, method, path, body, etag, **fields):
        return self.ask(method, path, body, if_match=etag, **fields)


def quoted(name):
    return urllib.parse.quote(name, safe="")


class World:
    """A gateway with one API, `orders:1.0`, one user store and one issuer."""

    def __init__(self, admin=None, files=None, address=None, environment=None, **more):
        self.backend = Backend()
        self.key = jws.Key("ES256", "idp-1")
        written = operator()
        written["issuers"][0]["lookup"]["userStores"] = ["staff"]
        people = [
            {"user": "alice", "attributes": {"email": "alice@corp.test", "department": "sales"}},
            {"user": "bob", "attributes": {"email": "bob@corp.test", "department": "board"}},
        ]
        written["userStores"] = [{"name": "staff", "inline": {"users": people}}]
        written["admin"] = admin or {}
        written.update(more)
        files = {"idp.json": jws.jwks(self.key), **(files or {})}
        apis = {"orders": ORDERS.format(backend=self.backend.url)}
        self.gateway = Gateway(written, apis, files, environment=environment, admin=address)
        self.client = Client(self.gateway.admin)

    @property
    def file(self):
        return pathlib.Path(self.gateway.path) / "apis" / "orders.yaml"

    def stop(self):
        self.gateway.stop()
        self.backend.close()
