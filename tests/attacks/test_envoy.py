"""The attacks on a gateway behind Envoy: what Envoy forwards is what was decided, and nothing that a client forged.

Left out are rows about what Envoy does by itself: framing (SM), its own hop (most of HB), and how long an answer may
last (ST), which docs/envoy.md says how to bound.
"""

from attacks import test_hb, test_hs, test_pt, test_tk, test_tk_certificates, test_tk_dpop, test_tk_keys
from attacks.envoy_world import ThroughEnvoy


class HeaderSpoofing(ThroughEnvoy, test_hs.HeaderSpoofing):
    """Rows HS-01 to HS-16."""

    unwanted_upgrade = 400
    # Envoy joins a folded line with the one before it, and takes a bare CR for white space.
    malformed = (400, 401, 200)


class HopByHop(ThroughEnvoy, test_hb.HopByHop):
    """Rows HB-01 and HB-02, as far as they are about what the gateway says."""

    # Envoy refuses what is nominated here, takes the credential away, or has fields of its own at this hop.
    test_HB_02_nominated_authorization_and_forwarded_for = None
    test_HB_03_more_nominations_than_anybody_needs = None
    test_HB_04_hop_by_hop_fields_end_here = None
    test_HB_04_hop_by_hop_fields_of_the_response = None


class PathConfusion(ThroughEnvoy, test_pt.PathConfusion):
    """Rows PT-01 to PT-09. Envoy writes most paths in normal form before it asks: the oracle looks at what arrives."""

    abnormal = (200, 400, 401, 404)

    def assert_refused(self, response, *expected):
        if response.status == 200 and 200 in expected:
            return
        super().assert_refused(response, *expected)


class InboundTokens(ThroughEnvoy, test_tk.InboundTokens):
    """Rows TK-01 to TK-14."""

    # Envoy makes one field of two.
    ambiguous = (400, 401)


class ApiKeys(ThroughEnvoy, test_tk_keys.ApiKeys):
    """Rows of TK-15 about keys: in a query, too, they go no further than Envoy."""


class BoundTokens(ThroughEnvoy, test_tk_dpop.BoundTokens):
    """Rows about DPoP."""


class Certificates(ThroughEnvoy, test_tk_certificates.Certificates):
    """Rows about client certificates, of which Envoy tells."""
