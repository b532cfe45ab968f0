"""FC-02: what cannot be read is refused, never guessed. FC-01 is run in `stores`, FC-06 in `operations`."""

from attacks.base import PROTOCOLS, Attack


class FailingClosed(Attack):
    def test_FC_02_malformed_escapes_are_refused(self):
        for target in ("/orders/%", "/orders/%4", "/orders/%zz", "/orders/%u0041", "/orders/%c3%28", "/orders/1%00", "/orders/%ff"):
            for protocol in PROTOCOLS:
                with self.attack(target=target, protocol=protocol):
                    self.assert_refused(self.send(protocol, "GET", target, [self.bearer()]), 400, 404)

    def test_FC_02_a_malformed_cookie_names_nobody(self):
        for cookie in ("=", "session=%zz; =;;", "\x80\xff=a", "a" * 10_000, 'user="alice', "user=alice, user=bob"):
            for protocol in PROTOCOLS:
                with self.attack(cookie=cookie[:20], protocol=protocol):
                    self.assert_refused(self.send(protocol, "GET", "/orders/1", [("Cookie", cookie)]), 400, 401)
