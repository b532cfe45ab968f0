"""The fixture of docs/security.md: one gateway, raw backends, two issuers, and the oracle that follows every test.

APIs: `orders` is secured and mints; `open` has no authentication; `opt` allows anonymous callers; `apia` and `apib` mint
under headers of their own; `narrow` trusts the partner alone; `grpc` is a gRPC service that mints; `live` is a WebSocket
that mints.
"""

import atexit
import functools

import jwt

from harness import jws
from harness.backend import Backend
from harness.gateway import Gateway, make_database, sqlite_store
from harness.grpc_backend import GrpcBackend

CORP = "https://idp.corp.test"
PARTNER = "https://idp.partner.test"
ASSERTION = "X-JWT-Assertion"
RESERVED = [ASSERTION, "X-A", "X-B", "X-Unique", "X-Pay", "Txn-Token", "X-Internal-User"]

# Which header and audience each API mints, by the base path that its endpoint carries at the backend.
MINTS = {
    "/orders-svc": (ASSERTION, "orders-svc"),
    "/opt-svc": (ASSERTION, "opt-svc"),
    "/a-svc": ("X-A", "a-svc"),
    "/b-svc": ("X-B", "b-svc"),
    "/narrow-svc": (ASSERTION, "narrow-svc"),
    "/grpc.shop": (ASSERTION, "grpc-svc"),
    "/live-svc": (ASSERTION, "live-svc"),
}
STAFF = [
    {"username": "alice", "email": "alice@corp.test", "department": "sales"},
    {"username": "bob", "email": "bob@corp.test", "department": "board"},
]
PARTNERS = [
    {"username": "alice", "email": "alice@partner.test", "department": "partner sales"},
    {"username": "carol", "email": "carol@partner.test", "department": "partner"},
]
PROTOCOLS = ("h1", "h2", "h1-tls", "h2-tls")

# A WebSocket's handshake, and the backend's word that grants it (RFC 6455 §1.3).
HANDSHAKE = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
]
SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nX-Backend-Serial: 1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


def policy(**parameters):
    """A `request` policy list with one BackendJwt."""
    return {"request": [{"policyName": "BackendJwt", "parameters": parameters}]}


def operation(verb, target, **more):
    return dict({"target": target, "verb": verb, "secured": True, "scopes": []}, **more)


def api(name, base, endpoint, operations, **more):
    """An API definition that answers with and without its version."""
    definition = {
        "name": name,
        "basePath": base,
        "version": "1.0",
        "type": "REST",
        "defaultVersion": True,
        "endpointConfigurations": {"production": [{"endpoint": endpoint}]},
        "operations": operations,
    }
    definition.update(more)
    return definition


def verbs(*names, target="/*", **more):
    return [operation(name, target, **more) for name in names]


def parameters(apis, name="orders"):
    """The BackendJwt parameters of an API definition, to be changed."""
    return apis[name]["apiPolicies"]["request"][0]["parameters"]


def endpoint(apis, path):
    """An endpoint of the world's own backend, for an API that a change adds."""
    known = apis["orders"]["endpointConfigurations"]["production"][0]["endpoint"]
    return known.removesuffix("/orders-svc") + path


def custom_claim(claim, value, **more):
    """A change that gives `orders` one custom claim."""

    def change(_operator, apis, _files):
        parameters(apis)["customClaims"] = [dict({"claim": claim, "value": value}, **more)]

    return change


class World:
    """Everything that runs. `change(operator, apis, files)` alters the configuration before the start."""

    def __init__(self, change=None):
        self.backend = Backend()
        self.grpc_backend = GrpcBackend()
        self.corp = jws.Key("RS256", kid="corp-1")
        self.corp_ec = jws.Key("ES256", kid="corp-ec")
        self.corp_ed = jws.Key("EdDSA", kid="corp-ed")
        self.partner = jws.Key("RS256", kid="partner-1")
        # The same kid in both issuers, with different keys.
        self.corp_twin = jws.Key("RS256", kid="twin")
        self.partner_twin = jws.Key("RS256", kid="twin")
        self.attacker = jws.Key("RS256", kid="corp-1")
        operator, apis, files = self.operator(), self.apis(), self.files()
        if change:
            change(operator, apis, files)
        self.gateway = Gateway(operator, apis, files)
        self.keys = jwt.PyJWKSet.from_dict(self.gateway.jwks())
        self.answered = 0

    def stop(self):
        self.gateway.stop()

    def operator(self):
        return {
            "gateway": {"reservedHeaders": ["X-Internal-User"]},
            "apis": {"directory": "apis/"},
            "keys": {"directory": "keys/"},
            "issuers": [
                self.issuer("corp", CORP, "staff"),
                self.issuer("partner", PARTNER, "partners"),
            ],
            "userStores": [self.store("staff"), self.store("partners")],
        }

    def issuer(self, name, issuer, store):
        return {
            "name": name,
            "issuer": issuer,
            "jwks": {"file": f"{name}.json"},
            "audience": ["gateway"],
            "subject": name + "/${token.sub}",
            "lookup": {"claim": "sub", "userStores": [store]},
        }

    def store(self, name):
        queries = {
            "query": "SELECT email, department FROM people WHERE username = :user",
            "multi": {"groups": "SELECT name FROM memberships WHERE username = :user ORDER BY name"},
        }
        attributes = {"email": "email", "department": "department", "groups": "groups"}
        store = sqlite_store(name, attributes, f"{name}.db", **queries)
        return store | {"cache": {"ttl": "60s", "negativeTtl": "1s"}}

    def apis(self):
        to = self.backend.url
        minimal = policy(header=ASSERTION, audience="orders-svc", tokenTTL=60, claims=["email"])
        orders = verbs("GET", "POST", "PUT", "DELETE")
        orders += [operation("GET", "/switched-off", operationPolicies=policy(header=ASSERTION, enabled=False))]
        orders += [operation("GET", "/records/{id}", operationPolicies=minimal), operation("POST", "/records/{id}")]
        orders += [operation("GET", "/scoped", scopes=["read"]), operation("POST", "/scoped", scopes=["write"])]
        mints = policy(header=ASSERTION, signingAlgorithm="ES256", audience="orders-svc", tokenTTL=60)
        optional = [{"authType": "OAuth2", "enabled": True, "required": "optional"}]
        grpc_operations = [operation("List", "shop.Orders"), operation("Watch", "shop.Orders")]
        return {
            "orders": api("orders", "/orders", f"{to}/orders-svc", orders, apiPolicies=mints),
            "open": api("open", "/open", f"{to}/open-svc", verbs("GET", "POST", secured=False)),
            "opt": api(
                "opt",
                "/opt",
                f"{to}/opt-svc",
                verbs("GET", "POST"),
                authentication=optional,
                apiPolicies=policy(header=ASSERTION, audience="opt-svc"),
            ),
            "a": api("apia", "/apia", f"{to}/a-svc", verbs("GET"), apiPolicies=policy(header="X-A", audience="a-svc")),
            "b": api("apib", "/apib", f"{to}/b-svc", verbs("GET"), apiPolicies=policy(header="X-B", audience="b-svc")),
            "narrow": api(
                "narrow",
                "/narrow",
                f"{to}/narrow-svc",
                verbs("GET"),
                keyManagers=[{"name": "partner"}],
                apiPolicies=policy(header=ASSERTION, audience="narrow-svc"),
            ),
            "live": api(
                "live",
                "/live",
                f"{to}/live-svc",
                verbs("GET", upgrade="websocket"),
                apiPolicies=policy(header=ASSERTION, audience="live-svc"),
            ),
            "grpc": {
                "name": "grpc",
                "basePath": "/grpc",
                "version": "shop",
                "type": "GRPC",
                "endpointConfigurations": {"production": [{"endpoint": self.grpc_backend.url}]},
                "operations": grpc_operations,
                "apiPolicies": policy(header=ASSERTION, audience="grpc-svc"),
            },
        }

    def files(self):
        return {
            "corp.json": jws.jwks(self.corp, self.corp_ec, self.corp_ed, self.corp_twin),
            "partner.json": jws.jwks(self.partner, self.partner_twin),
            "staff.db": lambda path: make_database(path, STAFF, [("alice", "users"), ("bob", "admins")]),
            "partners.db": lambda path: make_database(path, PARTNERS),
        }

    def token(self, subject="alice", **claims):
        """An honest token of the corp issuer."""
        return self.corp.token(jws.claims(subject, CORP, **claims))

    def forged(self):
        """A Backend JWT that an attacker signed: bob, with the audience of the API."""
        key = jws.Key("ES256")
        return key.token(jws.claims("corp/bob", self.gateway.issuer, aud="orders-svc"))


@functools.cache
def world():
    """The one world, started when the first test needs it and stopped with the process."""
    made = World()
    atexit.register(made.stop)
    return made
