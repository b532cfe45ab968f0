"""A self-signed certificate for localhost, and an authority that signs certificates of servers and clients."""

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def make_certificate(folder):
    """Writes tls/cert.pem and tls/key.pem for localhost and 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "tls").mkdir(exist_ok=True)
    (folder / "tls/cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "tls/key.pem").write_bytes(private)


class Authority:
    """Signs certificates of servers and clients. `pem` is what a gateway trusts."""

    def __init__(self, name):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        constraints = (x509.BasicConstraints(ca=True, path_length=None), True)
        certificate = self.certificate(self.name, self.key.public_key(), [constraints])
        self.pem = certificate.public_bytes(serialization.Encoding.PEM).decode()

    def certificate(self, subject, public_key, extensions, days=(-1, 2)):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=days[0]))
            .not_valid_after(now + datetime.timedelta(days=days[1]))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256())

    def revocations(self, certificates, days=(-1, 2)):
        """The list of revoked certificates, of which these are the files; PEM."""
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.name)
            .last_update(now + datetime.timedelta(days=days[0]))
            .next_update(now + datetime.timedelta(days=days[1]))
            # RFC 5280 §5.2.3: every list has one.
            .add_extension(x509.CRLNumber(1), critical=False)
        )
        for path in certificates:
            number = x509.load_pem_x509_certificate(path.read_bytes()).serial_number
            revoked = x509.RevokedCertificateBuilder().serial_number(number).revocation_date(now)
            builder = builder.add_revoked_certificate(revoked.build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()

    def server(self, folder, days=(-1, 2)):
        """Writes cert.pem and key.pem of a server at 127.0.0.1, and ca.pem."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        alternatives = (x509.SubjectAlternativeName([address]), False)
        certificate = self.certificate(subject, key.public_key(), [alternatives], days)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / "ca.pem").write_text(self.pem, encoding="utf-8")
        (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (folder / "key.pem").write_bytes(private)

    def client(self, path, names, alternatives=(), usage=ExtendedKeyUsageOID.CLIENT_AUTH, days=(-1, 2)):
        """Writes a client's certificate and key into one file; returns (path, SHA-256 of the certificate)."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names])
        extensions = [(x509.ExtendedKeyUsage([usage]), False)]
        if alternatives:
            extensions.append((x509.SubjectAlternativeName(list(alternatives)), False))
        certificate = self.certificate(subject, key.public_key(), extensions, days)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
        return path, certificate.fingerprint(hashes.SHA256())
