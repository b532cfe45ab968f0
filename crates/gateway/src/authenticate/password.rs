//! From a user's name and password (RFC 7617) to the user, by the word of the issuer's user stores.

use std::{net::IpAddr, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use claims::Object;
use http::{HeaderValue, header::RETRY_AFTER};
use stores::Password;
use zeroize::Zeroizing;

use super::{Caller, Moment};
use crate::{
    access::Requirement,
    credential::Credential,
    decide::{Steps, timed},
    issuer::Issuer,
    known_caller::{CredentialKind, KnownCaller, Vouchers},
    passwords::{ClearText, Said, Try},
    rejection::{Code, Rejection},
    request::RequestHead,
};

/// The longest name with its password.
const LONGEST: usize = 4096;

impl Requirement {
    /// Authenticates and authorises who sends a name and a password.
    ///
    /// # Errors
    ///
    /// 400 where anybody could have read it, 401 for a wrong one, 403 without a needed scope, 429 after too many wrong
    /// ones, 500 and 503 as for a look-up of the user.
    pub(super) async fn password_holder(
        &self,
        credential: &Credential<'_>,
        head: &RequestHead,
        moment: Moment<'_>,
        steps: &mut Steps,
    ) -> Result<Caller, Rejection> {
        let trusted = self.issuers.iter().find_map(|issuer| Some((issuer, issuer.passwords.as_ref()?)));
        let (issuer, passwords) = trusted.ok_or_else(|| self.challenge.invalid_password())?;
        if passwords.clear_text == ClearText::Refuse && !is_protected(head, moment) {
            return Err(Rejection::new(Code::BadRequest, "a password is taken over TLS only"));
        }
        let (user, password) = read(&credential.bytes).ok_or_else(|| self.challenge.invalid_password())?;
        let address = client_address(head, moment);
        let tried = Try { issuer: issuer.fingerprint, user: &user, password: &password, address };
        let (tries, background) = (&moment.runtime.passwords, &moment.runtime.background);
        let checking = tries.check(passwords, tried, (background, moment.now));
        let said = Box::pin(timed(&mut steps.authenticate, checking)).await;
        self.admit(&said)?;
        let caller = holder(issuer, &user, moment).ok_or_else(|| self.challenge.invalid_password())?;
        self.scopes.check(&caller.principal, &self.challenge)?;
        Ok(Caller::Known(caller, Some(Arc::clone(issuer))))
    }

    fn admit(&self, said: &Said) -> Result<(), Rejection> {
        let later = |code, detail, seconds: u64| {
            Err(Rejection::new(code, detail).with(RETRY_AFTER, HeaderValue::from(seconds.max(1))))
        };
        match said {
            Said::Right => Ok(()),
            Said::Wrong => Err(self.challenge.invalid_password()),
            Said::Ambiguous => Err(Rejection::new(Code::AmbiguousUser, "more than one user matches")),
            Said::Locked { retry_after } => {
                later(Code::TooManyAttempts, "too many wrong passwords for this user", retry_after.as_secs())
            }
            Said::Unavailable { retry_after } => {
                later(Code::UserStoreUnavailable, "the user store cannot answer now", retry_after.as_secs())
            }
        }
    }
}

/// Reads `base64(user ":" password)` (RFC 7617 §2), in UTF-8 (§2.1). The first colon ends the name; nothing is trimmed,
/// and no other spelling is made of it.
fn read(credentials: &[u8]) -> Option<(Zeroizing<String>, Password)> {
    if credentials.len() > LONGEST * 4 / 3 + 4 {
        return None;
    }
    let bytes = Zeroizing::new(STANDARD.decode(credentials).ok()?);
    let text = std::str::from_utf8(&bytes).ok()?;
    let (user, password) = text.split_once(':')?;
    if user.is_empty() || text.chars().any(char::is_control) {
        return None;
    }
    Some((Zeroizing::new(user.to_owned()), Password::new(password)?))
}

/// Finds or makes the caller. What is known of a user is the same, whichever right password found it.
fn holder(issuer: &Issuer, user: &str, moment: Moment<'_>) -> Option<Arc<KnownCaller>> {
    let key = [issuer.fingerprint.as_bytes(), user.as_bytes()].concat();
    if let Some(known) = moment.runtime.callers.get(CredentialKind::Password, &key) {
        return Some(known);
    }
    let (principal, claims) = issuer.user(user, Object::default())?;
    let vouchers = Vouchers::of(CredentialKind::Password, issuer.fingerprint);
    Some(moment.runtime.remember(&key, (principal, &claims), vouchers))
}

/// True when nobody on the way could read the request, as far as can be known here: a trusted proxy knows better what its
/// client's connection was like, and otherwise it was TLS, or came from this machine.
fn is_protected(head: &RequestHead, moment: Moment<'_>) -> bool {
    let forwarded = head.parts.headers.get("x-forwarded-proto").filter(|_| moment.is_from_trusted_proxy(head));
    match forwarded {
        Some(scheme) => scheme.as_bytes().eq_ignore_ascii_case(b"https"),
        None => head.connection.is_secure || head.connection.peer.ip().to_canonical().is_loopback(),
    }
}

/// Returns the client's address: the last one on the way that is no trusted proxy's.
fn client_address(head: &RequestHead, moment: Moment<'_>) -> IpAddr {
    let peer = head.connection.peer.ip().to_canonical();
    if !moment.is_from_trusted_proxy(head) {
        return peer;
    }
    let fields = head.parts.headers.get_all("x-forwarded-for").iter().rev();
    let hops = fields.filter_map(|field| field.to_str().ok()).flat_map(|field| field.rsplit(','));
    let mut last = peer;
    for hop in hops {
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        last = address.to_canonical();
        if !moment.trusted_proxies.iter().any(|network| network.contains(&last)) {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &[u8], expected: Option<(&str, &str)>) {
        let found = read(STANDARD.encode(text).as_bytes());
        let found = found.as_ref().map(|(user, password)| (user.as_str(), password.expose()));
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn the_first_colon_ends_the_name() {
        check(b"alice:wonderland", Some(("alice", "wonderland")));
        check(b"alice:won:der:", Some(("alice", "won:der:")));
        check("José: geheim 🔒".as_bytes(), Some(("José", " geheim 🔒")));
        check(b" alice :\xc2\xa3", Some((" alice ", "£")));
    }

    #[test]
    fn what_is_not_a_name_and_a_password_is_nobodys() {
        for text in [&b""[..], b"alice", b":", b":wonderland", b"alice:", b"al\0ice:x", b"alice:x\n", b"alice:\xa3"] {
            check(text, None);
        }
        assert!(read(b"YWxpY2U6d29uZGVybGFuZA=").is_none(), "broken padding");
        assert!(read(b"YWxpY2U6d29uZGVybGFuZA== ").is_none());
        assert!(read(b"").is_none());
        assert!(read(STANDARD.encode(format!("alice:{}", "x".repeat(5000))).as_bytes()).is_none());
    }
}
