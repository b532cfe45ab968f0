"""A gateway with one operation for each algorithm and encoding, and two APIs with their own audience."""

import itertools

from harness import client, jws
from harness.backend import Backend
from harness.gateway import Gateway, run

ISSUER = "https://idp.corp.test"
PUBLISHED = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
SHARED = ["HS256", "HS384", "HS512"]
ENCODINGS = ["Base64url", "Base64"]
JAVA_NAMES = {
    "SHA256withRSA": "RS256",
    "SHA384withRSA": "RS384",
    "SHA512withRSA": "RS512",
    "SHA256withECDSA": "ES256",
    "SHA384withECDSA": "ES384",
    "SHA512withECDSA": "ES512",
    "SHA256withHMAC": "HS256",
    "SHA384withHMAC": "HS384",
    "SHA512withHMAC": "HS512",
    "NONE": "none",
}
SECRET = "an operator's secret of sixty-four bytes or more, for HS512 too: 0123456789"
HEADER = "X-JWT-Assertion"


def operation(target, **parameters):
    """A secured GET with one policy of its own."""
    policy = {"policyName": "BackendJwt", "parameters": dict({"header": HEADER}, **parameters)}
    return {"target": target, "verb": "GET", "secured": True, "operationPolicies": {"request": [policy]}}


def interop_api(to):
    operations = [
        operation(f"/{algorithm}/{encoding}", signingAlgorithm=algorithm, encoding=encoding)
        for algorithm, encoding in itertools.product(PUBLISHED + ["none"], ENCODINGS)
    ]
    operations += [operation(f"/java/{name}", signingAlgorithm=name) for name in JAVA_NAMES if "HMAC" not in name]
    return definition("interop", to, operations)


def hmac_api(algorithm, to):
    """An API with a secret of its own: a secret is for one algorithm."""
    java = next(name for name, jose in JAVA_NAMES.items() if jose == algorithm)
    operations = [operation(f"/{encoding}", signingAlgorithm=algorithm, encoding=encoding) for encoding in ENCODINGS]
    operations.append(operation("/java", signingAlgorithm=java))
    return definition(algorithm.lower(), to, operations)


def definition(name, to, operations, **more):
    base = {"name": name, "basePath": f"/{name}", "version": "1.0", "type": "REST"}
    base["endpointConfigurations"] = {"production": [{"endpoint": to}]}
    return dict(base, operations=operations, **more)


class InteropWorld:
    """Everything that runs."""

    def __init__(self):
        self.backend = Backend()
        self.key = jws.Key("ES256", kid="idp")
        to = self.backend.url
        header = {"header": "Authorization", "scheme": "Bearer"}
        apis = {
            "interop": interop_api(to),
            **{algorithm.lower(): hmac_api(algorithm, to) for algorithm in SHARED},
            "orders": definition("orders", to, [operation("/x")]),
            "billing": definition("billing", to, [operation("/x")]),
            "nocode": definition("nocode", to, [operation("/x", **header)]),
            "listed": definition("listed", to, [operation("/x", audience=["https://a.test", "https://b.test"])]),
        }
        files = {"idp.json": jws.jwks(self.key), "secret": SECRET}
        self.gateway = Gateway(self.operator(), apis, files, prepare=generate_keys)

    def operator(self):
        return {
            "backendJwt": {"allowUnsigned": True},
            "apis": {"directory": "apis/"},
            "keys": {
                "directory": "keys/",
                "hmac": [
                    {"name": f"shared-{api}", "secret": {"file": "secret"}, "apis": [api]}
                    for api in map(str.lower, SHARED)
                ],
            },
            "issuers": [
                {
                    "name": "corp",
                    "issuer": ISSUER,
                    "jwks": {"file": "idp.json"},
                    "audience": ["gateway"],
                    "lookup": {"claim": "sub", "userStores": ["staff"]},
                }
            ],
            "userStores": [
                {
                    "name": "staff",
                    "inline": {"users": [{"user": "alice", "attributes": {"email": "a@x.test", "groups": ["one"]}}]},
                }
            ],
        }

    def minted(self, target, header=HEADER):
        """The header value that the backend receives for alice's call."""
        token = self.key.token(jws.claims("alice", ISSUER))
        response = client.request(self.gateway.plain, "GET", target, [("Authorization", "Bearer " + token)])
        assert response.status == 200, f"{target}: {response!r}\n{self.gateway.log_text()[-2000:]}"
        return self.backend.last().value(header)

    def stop(self):
        self.gateway.stop()
        self.backend.close()


def generate_keys(folder):
    """Makes a key for each algorithm; the first start alone would make ES256 and RS256."""
    for algorithm in PUBLISHED:
        done = run("keys", "generate", "--config", folder.operator_file, "--algorithm", algorithm)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"
