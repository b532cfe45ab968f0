"""A client that holds a key and proves it (RFC 9449)."""

import hashlib
import json
import time
import uuid

from harness import jws


class Client:
    def __init__(self):
        self.key = jws.Key("ES256")
        self.jwk = {name: self.key.public[name] for name in ("crv", "kty", "x", "y")}
        canonical = json.dumps(self.jwk, sort_keys=True, separators=(",", ":"))
        self.thumbprint = jws.b64(hashlib.sha256(canonical.encode()).digest())

    def proof(self, method, url, token, iat=0, **more):
        """A fresh proof; `token` None leaves `ath` out, `iat` is seconds from now, `more` are further claims."""
        claims = {"jti": str(uuid.uuid4()), "htm": method, "htu": url, "iat": int(time.time()) + iat}
        if token:
            claims["ath"] = jws.b64(hashlib.sha256(token.encode()).digest())
        claims.update(more)
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk}
        return jws.compact(header, claims, self.key.signature)
