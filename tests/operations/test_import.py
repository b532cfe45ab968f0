"""What another product's files become serves calls: imported, checked, run."""

import json
import pathlib
import tempfile
import unittest

import yaml

from harness import client, jws
from harness.backend import Backend
from harness.gateway import Folder, Gateway, run

ISSUER = "https://idp.corp.test"


def document(server):
    """An OpenAPI document with an open, a scoped and a colliding operation."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Book Shop", "version": "2.1"},
        "servers": [{"url": server}],
        "security": [{"login": []}],
        "paths": {
            "/books": {"get": {"security": []}, "trace": {}},
            "/books/{isbn}": {"get": {"security": [{"login": ["books:read"]}]}},
            "/books/{id}": {"get": {"security": []}},
        },
        "components": {"securitySchemes": {"login": {"type": "http", "scheme": "bearer"}}},
    }


def operator():
    return {
        "gateway": {"issuer": "https://gateway.test"},
        "backendJwt": {"enabled": True},
        "issuers": [{"name": "corp", "issuer": ISSUER, "jwks": {"file": "idp.json"}}],
    }


class Import(unittest.TestCase):
    def setUp(self):
        self.key = jws.Key("ES256")
        self.backend = Backend()
        self.addCleanup(self.backend.close)

    def imported(self, name, content, *arguments):
        """Imports one file; returns the files that it became, by name, and the table."""
        with tempfile.TemporaryDirectory() as place:
            source = pathlib.Path(place) / name
            source.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
            done = run("import", source, "--output", place + "/out", "--format", "json", *arguments)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            written = [path for path in (pathlib.Path(place) / "out").rglob("*") if path.is_file()]
            return {path.name: path.read_text(encoding="utf-8") for path in written}, json.loads(done.stdout)

    def start(self, apis, written=None):
        files = {"idp.json": jws.jwks(self.key)}
        folder = Folder(written or operator(), apis, files)
        self.addCleanup(folder.remove)
        code, found = folder.check()
        self.assertEqual(code, 0, found)
        gateway = Gateway(written or operator(), apis, files)
        self.addCleanup(gateway.stop)
        return gateway

    def get(self, gateway, target, token=None):
        fields = [("Authorization", f"Bearer {token}")] if token else []
        return client.request(gateway.plain, "GET", target, fields).status

    def test_an_openapi_document_serves_calls_as_it_says(self):
        files, table = self.imported("books.json", document(self.backend.url + "/v1"), "--base-path", "/shop")
        (text,) = files.values()
        gateway = self.start({"books": text})
        reader = self.key.token(jws.claims(scope="books:read"))
        other = self.key.token(jws.claims(scope="books:write"))
        self.assertEqual(self.get(gateway, "/shop/2.1/books"), 200)
        self.assertEqual(self.backend.last().target, "/v1/books")
        self.assertEqual(self.get(gateway, "/shop/2.1/books/1"), 401)
        self.assertEqual(self.get(gateway, "/shop/2.1/books/1", other), 403)
        self.assertEqual(self.get(gateway, "/shop/2.1/books/1", reader), 200)
        self.assertEqual(self.backend.last().target, "/v1/books/1")
        self.assertEqual(jws.decode(self.backend.last().value("x-jwt-assertion"))[1]["sub"], "alice")
        left = {note["field"]: note for note in table["notes"] if note["outcome"] == "not carried over"}
        self.assertIn("paths./books.trace", left)
        self.assertIn("`GET /books/{isbn}` answers the same requests", left["paths./books/{id}.get"]["reason"])

    def test_a_backend_of_choreo_connect_still_gets_its_audiences(self):
        audiences = ["https://a.test", "https://b.test/x"]
        data = {
            "name": "Books",
            "context": "/books",
            "version": "1.0",
            "enableBackendJWT": True,
            "backendJWTConfiguration": {"audiences": audiences},
            "endpointConfig": {"production_endpoints": {"url": self.backend.url}},
        }
        files, _ = self.imported("api.yaml", yaml.safe_dump({"type": "api", "data": data}))
        (text,) = files.values()
        gateway = self.start({"books": text}, {key: value for key, value in operator().items() if key != "backendJwt"})
        self.assertEqual(self.get(gateway, "/books/1.0/any/path", self.key.token(jws.claims())), 200)
        header, payload = jws.decode(self.backend.last().value("x-jwt-assertion"))[:2]
        self.assertEqual((header["alg"], payload["aud"]), ("RS256", audiences))

    def test_a_custom_resource_gives_the_claims_that_it_names(self):
        resources = [
            {
                "apiVersion": "dp.wso2.com/v1alpha3",
                "kind": "API",
                "metadata": {"name": "books"},
                "spec": {
                    "apiName": "Books",
                    "apiVersion": "1.0",
                    "basePath": "/books/1.0",
                    "production": [{"routeRefs": ["route"]}],
                },
            },
            {
                "apiVersion": "gateway.networking.k8s.io/v1",
                "kind": "HTTPRoute",
                "metadata": {"name": "route"},
                "spec": {
                    "rules": [
                        {
                            "matches": [{"path": {"type": "PathPrefix", "value": "/list"}, "method": "GET"}],
                            "backendRefs": [{"kind": "Backend", "name": "backend"}],
                        }
                    ]
                },
            },
            {
                "apiVersion": "dp.wso2.com/v1alpha2",
                "kind": "Backend",
                "metadata": {"name": "backend"},
                "spec": {"services": [{"host": "127.0.0.1", "port": int(self.backend.url.rsplit(":", 1)[1])}]},
            },
            {
                "apiVersion": "dp.wso2.com/v1alpha4",
                "kind": "APIPolicy",
                "metadata": {"name": "policy"},
                "spec": {
                    "default": {"backendJwtPolicy": {"name": "jwt"}},
                    "targetRef": {"kind": "API", "name": "books"},
                },
            },
            {
                "apiVersion": "dp.wso2.com/v1alpha1",
                "kind": "BackendJWT",
                "metadata": {"name": "jwt"},
                "spec": {
                    "encoding": "base64",
                    "header": "X-Books",
                    "customClaims": [{"claim": "team", "value": "7", "type": "int"}],
                },
            },
        ]
        files, _ = self.imported("books.yaml", yaml.safe_dump_all(resources))
        (text,) = files.values()
        gateway = self.start({"books": text}, {key: value for key, value in operator().items() if key != "backendJwt"})
        self.assertEqual(self.get(gateway, "/books/1.0/list/all", self.key.token(jws.claims())), 200)
        payload = jws.decode(self.backend.last().value("x-books"))[1]
        self.assertEqual((payload["team"], payload["sub"]), (7, "alice"))


if __name__ == "__main__":
    unittest.main()
