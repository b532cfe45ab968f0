"""Keys and compact JWS, made by hand where a library would refuse: the tests need tokens that no library makes.

Signing itself is left to `cryptography`. RFC 7515, RFC 7517, RFC 7518, RFC 8037.
"""

import base64
import hashlib
import hmac
import json
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

CURVES = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}
CURVE_NAMES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
COORDINATE = {"ES256": 32, "ES384": 48, "ES512": 66}


def b64(data):
    """Unpadded base64url of bytes."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    """Bytes of unpadded base64url."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(value, size=None):
    """An unsigned big-endian integer, base64url (RFC 7518 §2)."""
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def digest(algorithm):
    """The hash of a JWS algorithm's name."""
    return {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}[algorithm[-3:]]


class Key:
    """A private key for one algorithm, with its public JWK."""

    def __init__(self, algorithm, kid=None, rsa_bits=2048):
        self.algorithm = algorithm
        if algorithm[:2] in ("RS", "PS"):
            self.private = rsa.generate_private_key(65537, rsa_bits)
            numbers = self.private.public_key().public_numbers()
            self.public = {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
        elif algorithm[:2] == "ES":
            self.private = ec.generate_private_key(CURVES[algorithm]())
            numbers = self.private.public_key().public_numbers()
            size = COORDINATE[algorithm]
            self.public = {
                "kty": "EC",
                "crv": CURVE_NAMES[algorithm],
                "x": number(numbers.x, size),
                "y": number(numbers.y, size),
            }
        else:
            self.private = ed25519.Ed25519PrivateKey.generate()
            self.public = {"kty": "OKP", "crv": "Ed25519", "x": b64(self.private.public_key().public_bytes_raw())}
        self.kid = kid or thumbprint(self.public)

    def jwk(self):
        """The public JWK, with `kid`, `alg` and `use`."""
        return dict(self.public, kid=self.kid, alg=self.algorithm, use="sig")

    def signature(self, message):
        """The JWS signature bytes over `message`."""
        if self.algorithm[:2] == "RS":
            return self.private.sign(message, padding.PKCS1v15(), digest(self.algorithm))
        if self.algorithm[:2] == "PS":
            hashed = digest(self.algorithm)
            return self.private.sign(message, padding.PSS(padding.MGF1(hashed), hashed.digest_size), hashed)
        if self.algorithm[:2] == "ES":
            size = COORDINATE[self.algorithm]
            r, s = utils.decode_dss_signature(self.signature_der(message))
            return r.to_bytes(size, "big") + s.to_bytes(size, "big")
        return self.private.sign(message)

    def signature_der(self, message):
        """An ECDSA signature in DER: right mathematics, wrong form for JOSE."""
        return self.private.sign(message, ec.ECDSA(digest(self.algorithm)))

    def token(self, claims, **header):
        """A token with honest signature. Header members given as None are left out."""
        head = {"alg": self.algorithm, "kid": self.kid, "typ": "JWT"}
        head.update(header)
        return compact({k: v for k, v in head.items() if v is not None}, claims, self.signature)


def thumbprint(public):
    """The RFC 7638 SHA-256 thumbprint of a public JWK."""
    needed = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}[public["kty"]]
    text = json.dumps({name: public[name] for name in needed}, separators=(",", ":"), sort_keys=True)
    return b64(hashlib.sha256(text.encode()).digest())


def compact(header, payload, sign):
    """A compact JWS. `header` and `payload` may be bytes, taken as they are; `sign` maps the input to bytes."""
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    text = f"{b64(head)}.{b64(body)}"
    return f"{text}.{b64(sign(text.encode()))}"


def hmac_signer(secret, algorithm="sha256"):
    """A signing function for HS256 and its like, with any bytes as secret."""
    return lambda message: hmac.new(secret, message, algorithm).digest()


def claims(subject="alice", issuer="https://idp.corp.test", life=600, **more):
    """The claims of an ordinary access token. Members given as None are left out."""
    now = int(time.time())
    base = {
        "iss": issuer,
        "sub": subject,
        "aud": "gateway",
        "client_id": "web",
        "azp": "web",
        "scope": "read",
        "iat": now,
        "exp": now + life,
    }
    base.update(more)
    return {name: value for name, value in base.items() if value is not None}


def jwks(*keys):
    """A JWK set of keys (or of ready JWK members)."""
    return {"keys": [key if isinstance(key, dict) else key.jwk() for key in keys]}


def decode(token, alphabet="url"):
    """Header and payload of a compact JWS, unverified. `alphabet` `standard` reads the Base64 encoding."""
    text = token.translate(str.maketrans("+/", "-_")) if alphabet == "standard" else token
    head, body, _ = text.split(".")
    return json.loads(unb64(head)), json.loads(unb64(body))
