//! What may become of a header field: which names are reserved, which end at the gateway, which are rebuilt.
//!
//! Names are compared after collapsing case and every non-alphanumeric character, because WSGI, CGI and PHP backends do:
//! `x_jwt.assertion` is `X-JWT-Assertion`. Knows names only; `forward.rs` applies the rules.

use std::collections::{BTreeSet, HashMap};

use http::HeaderName;

/// What happens to a client's field of a name that the gateway knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldClass {
    /// Only the gateway may say this: minted headers, `Txn-Token`, the operator's `reservedHeaders`.
    Reserved,
    /// Identity or routing headers that backends of other products trust; never a client's to set.
    Distrusted,
    /// `Via`, `X-Forwarded-*`, `Forwarded`: rebuilt, or believed from a trusted proxy.
    Forwarding,
    /// Ends at this hop, in both directions (RFC 9110 §7.6.1).
    HopByHop,
    /// Request framing and routing, which the enforcement point writes itself.
    Framing,
}

const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "keepalive",
    "proxyconnection",
    "te",
    "trailer",
    "transferencoding",
    "upgrade",
    "http2settings",
    "proxyauthorization",
    "proxyauthenticate",
];
const FRAMING: [&str; 3] = ["contentlength", "host", "expect"];
const FORWARDING: [&str; 8] = [
    "via",
    "forwarded",
    "xforwardedfor",
    "xforwardedproto",
    "xforwardedhost",
    "xforwardedport",
    "xrealip",
    "xrequestid",
];
/// Names with which clients have redirected or impersonated behind other gateways.
const DISTRUSTED: [&str; 28] = [
    "xforwardeduri",
    "xforwardedprefix",
    "xforwardedpath",
    "xforwardedmethod",
    "xforwardedserver",
    "xforwardedscheme",
    "xforwardedssl",
    "xoriginalurl",
    "xoriginaluri",
    "xoriginalmethod",
    "xoriginalhost",
    "xhost",
    "frontendhttps",
    "xrewriteurl",
    "xhttpmethodoverride",
    "xhttpmethod",
    "xmethodoverride",
    "xforwardeduser",
    "xforwardedemail",
    "xforwardedgroups",
    "xforwardedpreferredusername",
    "xforwardedaccesstoken",
    "xclientcert",
    "xforwardedclientcert",
    // RFC 9440, which a backend may take for the word of its proxy.
    "clientcert",
    "clientcertchain",
    "xwso2clientcertificate",
    // RFC 9449: a proof for this gateway is nobody else's business.
    "dpop",
];
const DISTRUSTED_PREFIXES: [&str; 8] = [
    "xenvoy",
    "xgoogauthenticated",
    "xamznoidc",
    "cfaccess",
    "xmsclientprincipal",
    "xpomerium",
    "remoteuser",
    "xauthentik",
];
/// Reserved whatever the configuration says.
const ALWAYS_RESERVED: [&str; 2] = ["x-jwt-assertion", "txn-token"];

/// Names that many requests and answers have: what becomes of them is found without a look at each byte.
const COMMON: [&str; 45] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "access-control-allow-origin",
    "age",
    "apikey",
    "authorization",
    "baggage",
    "cache-control",
    "connection",
    "content-encoding",
    "content-language",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "dnt",
    "etag",
    "expect",
    "expires",
    "forwarded",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "idempotency-key",
    "last-modified",
    "location",
    "origin",
    "pragma",
    "priority",
    "range",
    "referer",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "server",
    "set-cookie",
    "te",
    "traceparent",
    "tracestate",
    "user-agent",
    "vary",
    "via",
    "x-request-id",
];
/// Places for them; two that want the same one cost the second a look at each byte.
const COMMON_PLACES: usize = 256;

/// True for a field by which requests are framed, routed or passed on: the gateway writes it, and no policy.
pub(crate) fn is_gateways_own(name: &str) -> bool {
    let name = collapse(name);
    [HOP_BY_HOP.as_slice(), &FRAMING, &FORWARDING].into_iter().flatten().any(|own| **own == *name)
}

/// A common name and what happens to a field of that name.
type CommonName = (HeaderName, Option<FieldClass>);

/// The rules of one snapshot, by collapsed name.
#[derive(Clone, Debug)]
pub struct FieldRules {
    common: Box<[Option<CommonName>]>,
    rules: HashMap<u64, Vec<(Box<str>, FieldClass)>, Unhashed>,
    /// As they are written.
    reserved: Box<[HeaderName]>,
    pub(crate) credentials: BTreeSet<Box<str>>,
}

impl FieldRules {
    /// Makes the rules; `reserved` are header names in any spelling.
    pub fn new<'a>(reserved: impl IntoIterator<Item = &'a str>) -> Self {
        let lower = |name: &str| name.to_ascii_lowercase();
        let reserved: BTreeSet<String> = reserved.into_iter().chain(ALWAYS_RESERVED).map(lower).collect();
        let mut rules = Self {
            common: vec![None; COMMON_PLACES].into(),
            rules: HashMap::default(),
            reserved: reserved.iter().filter_map(|name| name.parse().ok()).collect(),
            credentials: BTreeSet::new(),
        };
        for name in &reserved {
            rules.add(&collapse(name), FieldClass::Reserved);
        }
        for (names, class) in [
            (HOP_BY_HOP.as_slice(), FieldClass::HopByHop),
            (FRAMING.as_slice(), FieldClass::Framing),
            (FORWARDING.as_slice(), FieldClass::Forwarding),
            (DISTRUSTED.as_slice(), FieldClass::Distrusted),
        ] {
            for name in names {
                rules.add(name, class);
            }
        }
        for name in COMMON {
            let class = rules.spelled_out(name.as_bytes());
            if let Some(place) = rules.common.get_mut(common_place(name)) {
                place.get_or_insert((HeaderName::from_static(name), class));
            }
        }
        rules
    }

    /// Adds the collapsed names of fields in which some API reads a credential.
    #[must_use]
    pub(crate) fn with_credentials(self, credentials: BTreeSet<Box<str>>) -> Self {
        Self { credentials, ..self }
    }

    /// Returns the reserved names, which are the next snapshot's too: they only grow within a process.
    pub fn reserved(&self) -> &[HeaderName] {
        &self.reserved
    }

    /// Returns what is known of a field name; `None`: an ordinary field.
    pub fn class(&self, name: &HeaderName) -> Option<FieldClass> {
        match self.common.get(common_place(name.as_str())) {
            Some(Some((common, class))) if common == name => *class,
            Some(_) | None => self.spelled_out(name.as_str().as_bytes()),
        }
    }

    fn spelled_out(&self, name: &[u8]) -> Option<FieldClass> {
        let found = self.rules.get(&hash(name)).and_then(|candidates| {
            candidates.iter().find(|(known, _)| collapses_to(name, known.as_bytes())).map(|(_, class)| *class)
        });
        found.or_else(|| is_distrusted_prefix(name).then_some(FieldClass::Distrusted))
    }

    /// True when a trailer of this name may be passed to the backend.
    pub fn admits_trailer(&self, name: &HeaderName) -> bool {
        self.class(name).is_none()
            && !matches!(name.as_str(), "authorization" | "cookie" | "content-type" | "range")
            && !self.credentials.contains(&*collapse(name.as_str()))
    }

    /// True when a response field or trailer of this name may be passed to the client.
    pub fn admits_response(&self, name: &HeaderName) -> bool {
        !matches!(self.class(name), Some(FieldClass::Reserved | FieldClass::HopByHop))
    }

    fn add(&mut self, collapsed: &str, class: FieldClass) {
        let candidates = self.rules.entry(hash(collapsed.as_bytes())).or_default();
        if !candidates.iter().any(|(known, _)| **known == *collapsed) {
            candidates.push((collapsed.into(), class));
        }
    }
}

/// Returns the only place where a common name can be: its length and three of its bytes, weighted so that no two of
/// [`COMMON`] share one.
fn common_place(name: &str) -> usize {
    let [.., second_last, last] = name.as_bytes() else { return 0 };
    let first = name.as_bytes().first().map_or(0, |byte| usize::from(*byte));
    (name.len() + first * 10 + usize::from(*second_last) * 2 + usize::from(*last)) % COMMON_PLACES
}

/// Collapses case and every non-alphanumeric character.
pub(crate) fn collapse(name: &str) -> Box<str> {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect::<String>()
        .into()
}

/// What each byte of a name collapses to; 0: nothing.
#[expect(clippy::indexing_slicing, reason = "computed by the compiler, which would refuse an index out of bounds")]
const COLLAPSED: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        if byte.is_ascii_alphanumeric() {
            table[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    table
};

fn collapsed(name: &[u8]) -> impl Iterator<Item = u8> + '_ {
    name.iter().filter_map(|byte| COLLAPSED.get(usize::from(*byte)).copied()).filter(|byte| *byte != 0)
}

fn collapses_to(name: &[u8], expected: &[u8]) -> bool {
    collapsed(name).eq(expected.iter().copied())
}

fn is_distrusted_prefix(name: &[u8]) -> bool {
    matches!(name.first(), Some(b'x' | b'c' | b'r'))
        && DISTRUSTED_PREFIXES
            .iter()
            .any(|prefix| prefix.as_bytes().iter().copied().eq(collapsed(name).take(prefix.len())))
}

/// FNV-1a over the collapsed name: names are the operator's, so no attacker chooses what collides.
fn hash(name: &[u8]) -> u64 {
    collapsed(name).fold(0xcbf2_9ce4_8422_2325, |state, byte| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

type Unhashed = std::hash::BuildHasherDefault<Identity>;

/// Passes a hash through.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Identity(u64);

impl std::hash::Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |state, byte| state.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: Option<FieldClass>) {
        let rules = FieldRules::new(["X-Internal-User"]);
        assert_eq!(rules.class(&HeaderName::from_bytes(name.as_bytes()).unwrap()), expected, "{name}");
    }

    #[test]
    fn aliases_of_reserved_names_are_reserved() {
        for separator in "!#$%&'*+-.^_`|~".chars() {
            check(&format!("X{separator}JWT{separator}Assertion"), Some(FieldClass::Reserved));
        }
        check("xinternaluser", Some(FieldClass::Reserved));
        check("txn_token", Some(FieldClass::Reserved));
    }

    #[test]
    fn forwarding_and_hop_by_hop_names_are_known_in_every_spelling() {
        check("x_forwarded_for", Some(FieldClass::Forwarding));
        check("transfer_encoding", Some(FieldClass::HopByHop));
        check("x-envoy-original-path", Some(FieldClass::Distrusted));
        check("x-original-url", Some(FieldClass::Distrusted));
    }

    #[test]
    fn common_names_are_classed_as_if_they_were_spelled_out() {
        let rules = FieldRules::new(["Accept", "ETag"]);
        for name in COMMON {
            assert_eq!(rules.class(&HeaderName::from_static(name)), rules.spelled_out(name.as_bytes()), "{name}");
        }
        assert_eq!(rules.class(&http::header::ACCEPT), Some(FieldClass::Reserved));
        assert_eq!(rules.class(&http::header::CONNECTION), Some(FieldClass::HopByHop));
        assert_eq!(rules.common.iter().flatten().count(), COMMON.len(), "two common names want one place");
    }

    #[test]
    fn ordinary_fields_pass() {
        for name in ["accept", "content-type", "x-custom", "remote-control", "traceparent", "x-jwt-assertions"] {
            check(name, None);
        }
    }

    #[test]
    fn no_trailer_carries_a_credential() {
        let rules = FieldRules::new([]).with_credentials(["xticket".into()].into());
        let admits = |name| rules.admits_trailer(&HeaderName::from_static(name));
        assert_eq!(
            [admits("x-ticket"), admits("x_ticket"), admits("authorization"), admits("x-checksum")],
            [false, false, false, true]
        );
    }
}
