"""Every row of docs/security.md is tested here, or stands in its list of what does not apply yet, with the reason."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GROUPS = ("HS", "HB", "SM", "PT", "TK", "CK", "MT", "ST", "IJ", "FC", "DS", "AD", "OB")


def rows_of_the_page():
    """(rows in the tables, rows listed as not applicable yet)."""
    text = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    tables, _, rest = text.partition("## Not applicable yet")
    pattern = re.compile(r"^\| ((?:%s)-\d\d) \|" % "|".join(GROUPS), re.MULTILINE)
    return set(pattern.findall(tables)), set(pattern.findall(rest))


def rows_of_the_tests():
    found = set()
    for path in (ROOT / "tests").glob("*/test_*.py"):
        for name in re.findall(r"def test_((?:[A-Z]{2}_\d\d_(?:and_)?)+)", path.read_text(encoding="utf-8")):
            found |= {row.replace("_", "-") for row in re.findall(r"[A-Z]{2}_\d\d", name)}
    return {row for row in found if row[:2] in GROUPS and not row.endswith("-00")}


class Rows(unittest.TestCase):
    """The page and the tests agree."""

    def test_every_row_is_tested_or_listed_with_its_reason(self):
        rows, later = rows_of_the_page()
        self.assertTrue(rows, "docs/security.md has no rows")
        self.assertEqual(rows - rows_of_the_tests() - later, set(), "rows without a test")
        self.assertEqual(rows_of_the_tests() - rows, set(), "tests of rows that the page does not have")
        self.assertEqual(later - rows, set(), "rows listed as later that the page does not have")
