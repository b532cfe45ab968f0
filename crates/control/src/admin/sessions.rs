//! Who is logged in: in this process alone, so that a restart logs everybody out.
//!
//! A session's id is 256 random bits in a cookie that no script can read; here only its hash is kept. What a login needs to
//! remember between its two requests is kept here too, for ten minutes.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::fill,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use gateway::Fingerprint;
use http::{HeaderMap, HeaderValue, header::COOKIE};
use url::Url;

use super::{person::Person, problem::Problem};

/// Seconds for which a session lasts.
pub(super) const SESSION_LIFE: u64 = 8 * 3600;
/// Seconds for which a login may take.
pub(super) const LOGIN_LIFE: u64 = 600;
/// Of more at a time the oldest end: whoever begins logins costs memory before they have proved anything.
const MOST_LOGINS: usize = 1_000;
const MOST_SESSIONS: usize = 10_000;

/// A login that has begun.
#[derive(Clone, Debug)]
pub(super) struct BegunLogin {
    /// What the ID token must say.
    pub(super) nonce: String,
    /// What the challenge was made of (RFC 7636).
    pub(super) verifier: String,
    /// Where to go then: a path here.
    pub(super) return_to: String,
    until: u64,
}

#[derive(Clone, Debug)]
struct Session {
    person: Person,
    /// The configuration that let them in.
    login: Fingerprint,
    until: u64,
}

type Key = [u8; 32];

/// All sessions, and the logins that have begun.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    sessions: Mutex<HashMap<Key, Session>>,
    logins: Mutex<HashMap<Key, BegunLogin>>,
}

impl Sessions {
    /// Remembers a login that begins; returns its `state`.
    ///
    /// # Errors
    ///
    /// 500 without random bytes.
    pub(super) fn begin(
        &self,
        (nonce, verifier, return_to): (String, String, String),
        now: u64,
    ) -> Result<String, Problem> {
        let state = random()?;
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        logins.retain(|_, begun| now < begun.until);
        let oldest = logins.iter().min_by_key(|(_, begun)| begun.until).map(|(key, _)| *key);
        if let Some(oldest) = oldest.filter(|_| logins.len() >= MOST_LOGINS) {
            logins.remove(&oldest);
        }
        logins.insert(key(&state), BegunLogin { nonce, verifier, return_to, until: now + LOGIN_LIFE });
        Ok(state)
    }

    /// Takes a begun login: each state is good for one answer.
    pub(super) fn take(&self, state: &str, now: u64) -> Option<BegunLogin> {
        let begun = self.logins.lock().unwrap_or_else(PoisonError::into_inner).remove(&key(state));
        begun.filter(|begun| now < begun.until)
    }

    /// Opens a session; returns its id.
    ///
    /// # Errors
    ///
    /// 500 without random bytes.
    pub(super) fn open(&self, person: Person, login: Fingerprint, now: u64) -> Result<String, Problem> {
        let id = random()?;
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, session| now < session.until);
        if sessions.len() >= MOST_SESSIONS {
            sessions.clear();
        }
        sessions.insert(key(&id), Session { person, login, until: now + SESSION_LIFE });
        Ok(id)
    }

    /// Returns whose session this is, if the login is still configured as it was then.
    pub(super) fn find(&self, id: &str, login: Fingerprint, now: u64) -> Option<Person> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let session = sessions.get(&key(id)).filter(|session| now < session.until && session.login == login)?;
        Some(session.person.clone())
    }

    /// Ends a session.
    pub(super) fn close(&self, id: &str) {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).remove(&key(id));
    }
}

/// Makes 256 random bits, as text.
///
/// # Errors
///
/// 500 without them.
pub(super) fn random() -> Result<String, Problem> {
    let mut bytes = [0; 32];
    fill(&mut bytes).map_err(|_| Problem::failed("no random bytes"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Returns the S256 challenge of a verifier (RFC 7636 §4.2).
pub(super) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

fn key(id: &str) -> Key {
    let mut key = [0; 32];
    key.copy_from_slice(digest(&SHA256, id.as_bytes()).as_ref());
    key
}

/// What a cookie is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CookieFor {
    /// A session.
    Session,
    /// A login that has begun: it comes back from the provider's site.
    Login,
}

/// Returns a cookie's name: where people come by `https`, one that no other host and no other path can set.
pub(super) fn cookie_name(purpose: CookieFor, public_url: Option<&Url>) -> &'static str {
    match (purpose, is_secure(public_url)) {
        (CookieFor::Session, true) => "__Host-countersign",
        (CookieFor::Session, false) => "countersign",
        (CookieFor::Login, true) => "__Host-countersign-login",
        (CookieFor::Login, false) => "countersign-login",
    }
}

/// Writes a cookie; without a value it goes.
pub(super) fn set_cookie(purpose: CookieFor, value: Option<&str>, public_url: Option<&Url>) -> HeaderValue {
    let name = cookie_name(purpose, public_url);
    let secure = if is_secure(public_url) { "; Secure" } else { "" };
    let (same_site, life) = match purpose {
        CookieFor::Session => ("Strict", SESSION_LIFE),
        CookieFor::Login => ("Lax", LOGIN_LIFE),
    };
    let life = if value.is_some() { life } else { 0 };
    let value = value.unwrap_or_default();
    let text = format!("{name}={value}; Path=/; Max-Age={life}; HttpOnly; SameSite={same_site}{secure}");
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

/// Returns the value of a cookie, if it was sent once.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let fields = headers.get_all(COOKIE).iter().filter_map(|field| field.to_str().ok());
    let pairs = fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(found, _)| *found == name).map(|(_, value)| value);
    values.next().filter(|_| values.next().is_none())
}

fn is_secure(public_url: Option<&Url>) -> bool {
    public_url.is_some_and(|url| url.scheme() == "https")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // RFC 7636, appendix B.
        assert_eq!(
            challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn a_session_ends_with_its_time_its_login_and_its_logout() {
        let (sessions, login) = (Sessions::default(), Fingerprint::of([b"one".as_slice()]));
        let person = Person::on_this_machine();
        let id = sessions.open(person.clone(), login, 100).unwrap();
        assert_eq!(sessions.find(&id, login, 100), Some(person));
        assert_eq!(sessions.find(&id, Fingerprint::of([b"two".as_slice()]), 100), None);
        assert_eq!(sessions.find(&id, login, 100 + SESSION_LIFE), None);
        assert_eq!(sessions.find("guess", login, 100), None);
        sessions.close(&id);
        assert_eq!(sessions.find(&id, login, 100), None);
    }

    #[test]
    fn a_login_is_answered_once_and_in_time() {
        let sessions = Sessions::default();
        let begin = |now| sessions.begin(("n".into(), "v".into(), "/".into()), now).unwrap();
        let (first, second) = (begin(100), begin(100));
        assert!(sessions.take(&first, 101).is_some());
        assert!(sessions.take(&first, 101).is_none());
        assert!(sessions.take(&second, 100 + LOGIN_LIFE).is_none());
    }

    #[test]
    fn many_unfinished_logins_end_the_oldest_and_keep_nobody_out() {
        let sessions = Sessions::default();
        let begin = |now| sessions.begin(("n".into(), "v".into(), "/".into()), now).unwrap();
        let states: Vec<String> = (0..=MOST_LOGINS as u64).map(|number| begin(number / 10)).collect();
        assert!(sessions.logins.lock().unwrap().len() == MOST_LOGINS);
        assert!(sessions.take(states.last().unwrap(), 100).is_some());
    }

    #[test]
    fn cookies_are_strict_and_secure_where_people_come_by_https() {
        let public = Url::parse("https://admin.example.com").unwrap();
        let secure = set_cookie(CookieFor::Session, Some("x"), Some(&public));
        assert_eq!(secure, "__Host-countersign=x; Path=/; Max-Age=28800; HttpOnly; SameSite=Strict; Secure");
        let local = set_cookie(CookieFor::Login, None, None);
        assert_eq!(local, "countersign-login=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_static("a=b; countersign=x"));
        assert_eq!(cookie(&headers, "countersign"), Some("x"));
        headers.append(COOKIE, HeaderValue::from_static("countersign=y"));
        assert_eq!(cookie(&headers, "countersign"), None);
    }
}
