"""What every attack test does: send over each protocol, then ask the universal oracle.

The oracle looks at the bytes that reached the backends. (i) At most one value of each reserved name after collapsing
aliases; (ii) that value verifies against the gateway's JWKS with the API's audience; (iii) no reserved name where the API
does not mint it; (iv) as many requests at the backend as answers that came from it.
"""

import contextlib
import unittest

import jwt

from attacks.world import ASSERTION, MINTS, PROTOCOLS, RESERVED, World, world
from harness import client
from harness.decoders import identities
from harness.gateway import Folder

# Operations of `orders` that must not get a Backend JWT although their API mints.
UNMINTED = ("/orders-svc/switched-off",)


class Attack(unittest.TestCase):
    """A group of rows of docs/security.md. A test's name starts with the row's id."""

    maxDiff = None
    # How long ago a Backend JWT may have expired when a test looks at it: for tests that wait for that.
    leeway = 0
    make_world = World
    the_world = staticmethod(world)

    def setUp(self):
        self.enter(self.the_world())

    def enter(self, place):
        self.world, self.gateway, self.backend = place, place.gateway, place.backend
        self.begin()

    @contextlib.contextmanager
    def inside(self, change):
        """Runs a block in a world of its own; `change(operator, apis, files)` says how it differs."""
        own = self.make_world(change)
        self.enter(own)
        try:
            yield
            self.oracle()
        finally:
            self.enter(self.the_world())
            own.stop()

    def check(self, change):
        """What `countersign check` says of a changed world, as (exit code, {code: [message]}) of its errors."""
        place = self.world
        operator, apis, files = place.operator(), place.apis(), place.files()
        operator["gateway"] = dict(operator["gateway"], issuer="https://gateway.test")
        operator["gateway"]["listeners"] = [{"address": "127.0.0.1:8080"}]
        change(operator, apis, files)
        folder = Folder(operator, apis, files)
        try:
            code, found = folder.check()
        finally:
            folder.remove()
        errors = {}
        for diagnostic in found:
            if diagnostic["severity"] == "error":
                errors.setdefault(diagnostic["code"], []).append(diagnostic["message"])
        return code, errors

    def assert_load_refused(self, change, *codes):
        """The changed world is refused, and by nothing but errors of these codes."""
        code, errors = self.check(change)
        self.assertEqual(code, 1, "it loads")
        self.assertLessEqual(set(errors), set(codes), errors)
        self.assertTrue(errors)

    def tearDown(self):
        self.oracle()

    def begin(self):
        """Forgets what arrived so far."""
        self.backend.reset()
        self.world.grpc_backend.reset()
        self.world.answered = 0

    @contextlib.contextmanager
    def attack(self, **labels):
        """One attack with the oracle after it; failures name the labels."""
        with self.subTest(**labels):
            self.begin()
            yield
            self.oracle()
            self.begin()

    def send(self, protocol, method, target, fields=(), body=b"", trailers=(), **options):
        """Sends one request over `h1`, `h2`, `h1-tls` or `h2-tls`."""
        tls = protocol.endswith("-tls")
        address = self.gateway.secure if tls else self.gateway.plain
        function = client.request_h2 if protocol.startswith("h2") else client.request
        return self.count(function(address, method, target, list(fields), body, trailers, tls=tls, **options))

    def raw(self, data, wanted=1, **options):
        """Sends raw HTTP/1.1 bytes; returns (responses, closed)."""
        if isinstance(data, str):
            data = data.encode("latin-1")
        data = data.replace(b"@HOST@", b"%s:%d" % (self.gateway.plain[0].encode(), self.gateway.plain[1]))
        responses, closed = client.exchange(self.gateway.plain, data, wanted=wanted, **options)
        for response in responses:
            self.count(response)
        return responses, closed

    def count(self, response):
        self.world.answered += response.from_backend
        return response

    def bearer(self, subject="alice", **claims):
        """An Authorization field with an honest token."""
        return ("Authorization", "Bearer " + self.world.token(subject, **claims))

    def assert_status(self, response, *expected):
        self.assertIn(response.status, expected, f"{response!r}\n{self.gateway.log_text()[-1500:]}")

    def assert_refused(self, response, *expected):
        """Refused with one of the statuses, as a problem with a code; nothing reached a backend."""
        self.assert_status(response, *expected)
        self.assert_untouched()

    def assert_untouched(self):
        self.assertEqual([record.line for record in self.backend.records], [], "reached the backend")
        self.assertEqual(self.world.grpc_backend.records, [], "reached the gRPC backend")

    def assert_stopped(self, response):
        """400 by an answer, or a refusal of the connection or stream: in any case nothing was forwarded."""
        self.assertTrue(400 <= response.status < 500 or response.status == 0, repr(response))
        self.assert_untouched()

    def identity(self, record=None, header=ASSERTION):
        """The verified claims of the Backend JWT that arrived, or None when there was none."""
        record = record or self.backend.last()
        found = record.aliases(header)
        return self.verified(found[0][1], expected_audience(record)[1]) if found else None

    def verified(self, token, audience):
        """Claims of a Backend JWT, verified as a careful backend does it."""
        header = jwt.get_unverified_header(token)
        key = next((key for key in self.world.keys.keys if key.key_id == header["kid"]), None)
        self.assertIsNotNone(key, f"kid {header['kid']} is not in the JWKS")
        return jwt.decode(
            token,
            key.key,
            algorithms=[key.algorithm_name],
            audience=audience,
            issuer=self.gateway.issuer,
            leeway=self.leeway,
            options={"require": ["exp", "iat", "aud"]},
        )

    def oracle(self):
        """The universal oracle."""
        self.backend.wait_for(self.world.answered - len(self.world.grpc_backend.records))
        for record in self.backend.records + self.world.grpc_backend.records:
            self.examine(record)
        arrived = len(self.backend.records) + len(self.world.grpc_backend.records)
        self.assertEqual(arrived, self.world.answered, "requests at the backend and answers from it differ")

    def examine(self, record):
        """Rules (i) to (iii) for one request at a backend."""
        self.assertEqual(getattr(record, "anomalies", []), [])
        minted, audience = expected_audience(record)
        for name in RESERVED:
            found = record.aliases(name)
            if name == minted:
                self.assertLessEqual(len(found), 1, f"{name} arrived as {found}")
                for _, value in found:
                    self.verified(value, audience)
                for value in identities(record.fields, name):
                    self.verified(value, audience)
            else:
                self.assertEqual(found, [], f"{name} arrived where nobody mints it: {record.target}")
        if minted and not record.target.startswith("/opt-svc"):
            self.assertEqual(len(record.aliases(minted)), 1, f"no {minted} at {record.target}")


def expected_audience(record):
    """(header, audience) that the API behind a recorded request mints; (None, None) when it mints none."""
    if not hasattr(record, "line"):
        return ASSERTION, "grpc-svc"
    if record.target.startswith(UNMINTED):
        return None, None
    for base, minted in MINTS.items():
        if record.target == base or record.target.startswith((base + "/", base + "?")):
            return minted
    return None, None


__all__ = ["ASSERTION", "Attack", "PROTOCOLS", "RESERVED"]
