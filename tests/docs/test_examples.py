"""The configuration that the README and docs/configuration.md show is one that `countersign check` accepts."""

import os
import pathlib
import re
import tempfile
import unittest
import unittest.mock

from harness.certificate import Authority, make_certificate
from harness.gateway import Folder, run

ROOT = pathlib.Path(__file__).resolve().parents[2]


def yaml_blocks(page):
    return re.findall(r"^```yaml\n(.*?)^```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


class Examples(unittest.TestCase):
    """Each example in a folder with the files that it names."""

    def check(self, operator, apis):
        folder = Folder(operator, {})
        self.addCleanup(folder.remove)
        make_certificate(folder.path)
        staff = Authority("staff")
        named = {
            "secrets/legacy": "x" * 64,
            "secrets/ldap": "x",
            "secrets/database": "x",
            "secrets/hr-webhook": "x" * 32,
            "secrets/introspection": "x",
            "secrets/scim": "x",
            "secrets/people": "x",
            "secrets/badges": "x",
            "staff.db": "",
            "tls/staff-ca.pem": staff.pem,
            "tls/staff-ca.crl": staff.revocations([]),
            "tls/corp-ca.pem": Authority("corp").pem,
        }
        for name, text in dict(apis, **named).items():
            folder.write(name, text)
        code, found = folder.check()
        errors = [f"{item['line']}: {item['message']}" for item in found if item["severity"] == "error"]
        self.assertEqual((code, errors), (0, []))
        return folder

    def test_the_readme(self):
        operator, api = yaml_blocks("README.md")
        folder = self.check(operator, {"apis/orders.yaml": api})
        shown = run("disclosures", "--config", folder.operator_file, "--format", "csv")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertIn("department", shown.stdout)

    def test_the_imported_document(self):
        document, definition = yaml_blocks("docs/import.md")
        with tempfile.TemporaryDirectory() as place:
            source = pathlib.Path(place) / "books.yaml"
            source.write_text(document, encoding="utf-8")
            done = run("import", source, "--output", place)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            written = (pathlib.Path(place) / "apis/book-shop-2-1-0.yaml").read_text(encoding="utf-8")
        self.assertEqual(written, definition)

    def test_the_operators_file(self):
        operator, _ = yaml_blocks("docs/configuration.md")
        self.check(operator, {})

    def test_the_shared_state(self):
        """All that is wrong with the example is that its server does not exist."""
        operator, state = yaml_blocks("docs/configuration.md")
        operator = re.sub(r"^apis:.*\n", state, operator, flags=re.MULTILINE)
        folder = Folder(operator, {}, {"secrets/state": "x", "tls/corp-ca.pem": Authority("corp").pem})
        self.addCleanup(folder.remove)
        _, found = folder.check()
        (error,) = found
        self.assertEqual(error["code"], "unreadable-file", found)
        self.assertIn("in the database `db.example.com:5432/gateways`", error["message"])

    def test_the_user_stores_of_the_cookbook(self):
        for page in ("openldap", "active-directory", "scim", "userinfo", "http"):
            with self.subTest(page), unittest.mock.patch.dict(os.environ, {"AD_PASSWORD": "x", "BADGES_TOKEN": "x"}):
                (operator,) = yaml_blocks(f"docs/cookbook/{page}.md")
                self.check(operator, {})

    def test_the_identity_providers_of_the_cookbook(self):
        for page in ("keycloak", "okta", "entra", "auth0", "wso2-is"):
            with self.subTest(page):
                (operator,) = yaml_blocks(f"docs/cookbook/{page}.md")
                self.check(operator, {})

    def test_the_databases_of_the_cookbook(self):
        for page in ("postgresql", "mariadb", "sqlite"):
            with self.subTest(page):
                (operator,) = yaml_blocks(f"docs/cookbook/{page}.md")
                self.check(operator, {})

    def test_the_several_stores_of_the_cookbook(self):
        operator, api = yaml_blocks("docs/cookbook/several-stores.md")
        self.check(operator, {"apis/orders.yaml": api})

    def test_the_passwords_of_the_cookbook(self):
        operator, api = yaml_blocks("docs/cookbook/passwords.md")
        self.check(operator, {"apis/orders.yaml": api})

    def test_the_cookbook_names_all_its_pages(self):
        pages = {path.name for path in (ROOT / "docs/cookbook").glob("*.md")} - {"README.md"}
        index = (ROOT / "docs/cookbook/README.md").read_text(encoding="utf-8")
        self.assertEqual(set(re.findall(r"^\| \[([^\]]+)\]", index, re.MULTILINE)), pages)

    def test_the_policy_without_code(self):
        (policy,) = [block for block in yaml_blocks("docs/verify.md") if "policyName" in block]
        operator, api = yaml_blocks("README.md")
        self.check(operator, {"apis/orders.yaml": api[: api.index("apiPolicies:")] + policy})
