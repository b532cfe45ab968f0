"""TK-16: client certificates. Trust is the API's, not the handshake's; a header says nothing about a certificate."""

import pathlib
import tempfile

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from attacks.base import Attack
from harness.certificate import Authority

AUTHORITY, STRANGER = Authority("corp clients"), Authority("corp clients")
OVER_TLS = ("h1-tls", "h2-tls")


def with_certificates(identity="commonName"):
    def change(operator, apis, files):
        files["clients.pem"] = AUTHORITY.pem
        operator["clientCertificates"] = [
            {"name": "clients", "ca": "clients.pem", "identity": identity, "issuer": "corp"}
        ]
        apis["orders"]["authentication"] = [{"authType": "OAuth2", "enabled": False}, {"authType": "mTLS"}]
        apis["orders"]["keyManagers"] = [{"name": "corp"}]

    return change


class Certificates(Attack):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)

    def client(self, *names, authority=AUTHORITY, **more):
        name = f"{len(list(self.folder.iterdir()))}.pem"
        return authority.client(self.folder / name, names, **more)[0]

    def test_TK_16_the_holder_is_the_user(self):
        with self.inside(with_certificates()):
            certificate = self.client("alice")
            for protocol in OVER_TLS:
                with self.attack(protocol=protocol):
                    response = self.send(protocol, "GET", "/orders/1", certificate=certificate)
                    self.assert_status(response, 200)
                    claims = self.identity()
                    self.assertEqual(claims["sub"], "corp/alice")
                    self.assertEqual(claims["http://wso2.org/claims/emailaddress"], "alice@corp.test")

    def test_TK_16_untrusted_certificates(self):
        with self.inside(with_certificates()):
            refused = {
                "nobody's": self.client("alice", authority=STRANGER),
                "expired": self.client("alice", days=(-2, -1)),
                "not yet": self.client("alice", days=(1, 2)),
                "a server's": self.client("alice", usage=ExtendedKeyUsageOID.SERVER_AUTH),
                "two names": self.client("alice", "bob"),
                "no name": self.client(),
                "control": self.client("alice\nbob"),
            }
            for name, certificate in refused.items():
                for protocol in OVER_TLS:
                    for again in (False, True):
                        with self.attack(certificate=name, protocol=protocol, again=again):
                            response = self.send(protocol, "GET", "/orders/1", certificate=certificate)
                            self.assert_refused(response, 401)
            with self.attack(certificate="no separator in a name"):
                response = self.send("h1-tls", "GET", "/orders/1", certificate=self.client("alice,ou=x"))
                self.assert_refused(response, 403)
            with self.attack(certificate="an open operation asks nobody"):
                response = self.send("h1-tls", "GET", "/open/1", certificate=refused["nobody's"])
                self.assert_status(response, 200)
                self.assertIsNone(self.identity())

    def test_TK_16_a_header_is_no_certificate(self):
        pem = self.client("alice").read_text().replace("\n", "%0A")
        headers = [
            ("X-Client-Cert", pem),
            ("X-Forwarded-Client-Cert", "Subject=\"CN=alice\";Cert=\"" + pem + '"'),
            ("X_Forwarded_Client_Cert", "Subject=\"CN=alice\""),
            ("X-WSO2-CLIENT-CERTIFICATE", pem),
            ("Client-Cert", ":AAAA:"),
            ("X-SSL-Client-Verify", "SUCCESS"),
        ]
        with self.inside(with_certificates()):
            for protocol in ("h1", "h2", *OVER_TLS):
                for field in headers:
                    with self.attack(protocol=protocol, field=field[0]):
                        self.assert_refused(self.send(protocol, "GET", "/orders/1", [field]), 401)
            with self.attack(step="beside a certificate"):
                certificate = self.client("bob")
                self.assert_status(self.send("h1-tls", "GET", "/orders/1", headers[:5], certificate=certificate), 200)
                self.assertEqual(self.identity()["sub"], "corp/bob")
                for name in ("X-Client-Cert", "X-Forwarded-Client-Cert", "X-WSO2-Client-Certificate", "Client-Cert"):
                    self.assertEqual(self.backend.last().aliases(name), [])

    def test_TK_16_a_token_or_a_certificate_but_one_of_them(self):
        def either(operator, apis, files):
            with_certificates()(operator, apis, files)
            apis["orders"]["authentication"] = [{"authType": "OAuth2"}, {"authType": "mTLS", "required": "alternative"}]

        with self.inside(either):
            certificate, strangers = self.client("bob"), self.client("bob", authority=STRANGER)
            for protocol in OVER_TLS:
                for shown, fields, expected in (
                    (certificate, [], "corp/bob"),
                    (certificate, [self.bearer("alice")], "corp/alice"),
                    (None, [self.bearer("alice")], "corp/alice"),
                    (strangers, [self.bearer("alice")], "corp/alice"),
                ):
                    with self.attack(protocol=protocol, certificate=shown, fields=len(fields)):
                        self.assert_status(self.send(protocol, "GET", "/orders/1", fields, certificate=shown), 200)
                        self.assertEqual(self.identity()["sub"], expected)
                for shown, fields in (
                    (None, []),
                    (strangers, []),
                    (certificate, [("Authorization", "Bearer x")]),
                ):
                    with self.attack(protocol=protocol, certificate=shown, fields=len(fields)):
                        self.assert_refused(self.send(protocol, "GET", "/orders/1", fields, certificate=shown), 401)

    def test_TK_16_revoked_certificates(self):
        alice, bob = self.client("alice"), self.client("bob")

        def with_list(operator, apis, files):
            with_certificates()(operator, apis, files)
            operator["clientCertificates"][0]["crl"] = "lists/clients.crl"
            files["lists/clients.crl"] = AUTHORITY.revocations([alice])

        def status(certificate):
            self.begin()
            return self.send("h1-tls", "GET", "/orders/1", certificate=certificate).status

        with self.inside(with_list):
            for protocol in OVER_TLS:
                for again in (False, True):
                    with self.attack(protocol=protocol, again=again):
                        self.assert_refused(self.send(protocol, "GET", "/orders/1", certificate=alice), 401)
                    with self.attack(protocol=protocol, again=again, good=True):
                        self.assert_status(self.send(protocol, "GET", "/orders/1", certificate=bob), 200)
            # Replaced while it runs: nobody is told but by the file.
            for revoked, good, days in (([alice, bob], [], (-1, 2)), ([bob], [alice], (-1, 2)), ([alice, bob], [], (-3, -1))):
                self.gateway.write("lists/clients.crl", AUTHORITY.revocations([] if days[1] < 0 else revoked, days))
                for certificate, expected in [(one, 401) for one in revoked] + [(one, 200) for one in good]:
                    self.gateway.wait_until(lambda: status(certificate) == expected, f"not {expected}")
            # A broken one changes nothing.
            self.gateway.write("lists/clients.crl", AUTHORITY.revocations([]))
            self.gateway.wait_until(lambda: status(alice) == 200, "no recovery")
            self.gateway.write("lists/clients.crl", "broken")
            self.gateway.wait_until(lambda: self.gateway.metric("countersign_config_broken") == 1, "not refused")
            self.assertEqual(status(alice), 200)
            self.begin()

    def test_TK_16_alternative_names(self):
        several = [x509.RFC822Name("alice@corp.test"), x509.RFC822Name("bob@corp.test")]
        with self.inside(with_certificates("email")):
            with self.attack(names="two"):
                response = self.send("h1-tls", "GET", "/orders/1", certificate=self.client("a", alternatives=several))
                self.assert_refused(response, 401)
            for name in ("alice@corp.test,bob@corp.test", "alice@corp.test bob"):
                with self.attack(name=name):
                    one = self.client("a", alternatives=[x509.RFC822Name(name)])
                    response = self.send("h1-tls", "GET", "/orders/1", certificate=one)
                    self.assert_refused(response, 401, 403)
