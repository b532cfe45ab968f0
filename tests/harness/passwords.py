"""Password hashes as databases keep them, and `Authorization: Basic`."""

import base64
import hashlib
import os


def _text(data):
    return base64.b64encode(data).decode("ascii").rstrip("=")


def scrypt(password):
    """The hash of a password in the PHC string format; cheap, for tests."""
    salt = os.urandom(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=2**4, r=8, p=1, dklen=32)
    return f"$scrypt$ln=4,r=8,p=1${_text(salt)}${_text(digest)}"


def pbkdf2(password):
    """The same by another function."""
    salt = os.urandom(16)
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 1000, 32)
    return f"$pbkdf2-sha256$i=1000,l=32${_text(salt)}${_text(digest)}"


def basic(user, password, scheme="Basic", header="Authorization"):
    """A header field (RFC 7617 §2); texts go as UTF-8."""
    both = b":".join(part if isinstance(part, bytes) else part.encode() for part in (user, password))
    return (header, f"{scheme} {base64.b64encode(both).decode('ascii')}")
