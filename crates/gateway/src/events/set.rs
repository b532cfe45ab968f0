//! Security event tokens (RFC 8417) with the events of CAEP and RISC, about subjects as RFC 9493 names them.

use std::time::SystemTime;

use claims::{CompactJws, Json, Object, TokenError};

use super::{EventError, SecurityEvent, TellingIssuer};
use crate::{revocations::Revoked, time::seconds};

/// Seconds by which a token may seem to come from the future.
const AHEAD: u64 = 300;

/// One transmitter.
#[derive(Debug)]
pub(crate) struct Transmitter {
    pub(crate) name: Box<str>,
    /// Whose keys sign, and whose users are meant.
    pub(crate) issuer: TellingIssuer,
    /// What must be in `aud`.
    pub(crate) audience: Box<str>,
}

/// What is done about an event, by the end of its URI.
const SESSION_REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";
const STREAM_UPDATED: &str = "https://schemas.openid.net/secevent/ssf/event-type/stream-updated";

/// Events whose names the log knows; any other is a change too.
const CHANGES: [(&str, &str); 7] = [
    ("https://schemas.openid.net/secevent/caep/event-type/token-claims-change", "token-claims-change"),
    ("https://schemas.openid.net/secevent/caep/event-type/credential-change", "credential-change"),
    ("https://schemas.openid.net/secevent/caep/event-type/assurance-level-change", "assurance-level-change"),
    ("https://schemas.openid.net/secevent/risc/event-type/account-disabled", "account-disabled"),
    ("https://schemas.openid.net/secevent/risc/event-type/account-purged", "account-purged"),
    ("https://schemas.openid.net/secevent/risc/event-type/credential-compromise", "credential-compromise"),
    ("https://schemas.openid.net/secevent/risc/event-type/sessions-revoked", "sessions-revoked"),
];

/// Those after which no token from before is good any more.
const ENDING: [&str; 4] = ["account-disabled", "account-purged", "credential-compromise", "sessions-revoked"];

impl Transmitter {
    /// Verifies a token and returns its events.
    pub(super) async fn read(&self, text: &str, now: SystemTime) -> Result<Vec<SecurityEvent>, EventError> {
        let jws = CompactJws::parse(text)?;
        // Explicit typing (RFC 8417 §2.3): no other token passes for an event, and no event for a token.
        if !jws.typ().is_some_and(|typ| typ.eq_ignore_ascii_case("secevent+jwt")) {
            return Err(EventError::Token(TokenError::WrongType));
        }
        let payload = self.verify(&jws, now).await?;
        let payload = Json::parse(&payload).map_err(|_| TokenError::MalformedPayload)?;
        let token = payload.as_object().ok_or(TokenError::MalformedPayload)?;
        self.events(token, seconds(now))
    }

    async fn verify(&self, jws: &CompactJws<'_>, now: SystemTime) -> Result<Vec<u8>, EventError> {
        let keys = self.issuer.keys.as_ref().ok_or(EventError::NoKeys)?;
        let attempt = || {
            let current = keys.current();
            let known = current.keys.as_ref().ok_or(EventError::NoKeys)?;
            let verified = claims::verify(jws, known, &self.issuer.algorithms)?;
            Ok(verified.payload)
        };
        match attempt() {
            Err(EventError::NoKeys | EventError::Token(TokenError::UnknownKid)) => {
                keys.refresh_for_unknown_kid(now).await;
                attempt()
            }
            outcome => outcome,
        }
    }

    /// Returns the events of verified claims.
    fn events(&self, token: &Object, now: u64) -> Result<Vec<SecurityEvent>, EventError> {
        let text = |name: &str| token.get(name).and_then(Json::as_str);
        if text("iss") != Some(&*self.issuer.rules.issuer) {
            return Err(EventError::Token(TokenError::UntrustedIssuer));
        }
        let is_for_us = match token.get("aud") {
            Some(Json::String(audience)) => **audience == *self.audience,
            Some(Json::Array(all)) => all.iter().any(|audience| audience.as_str() == Some(&*self.audience)),
            _ => false,
        };
        if !is_for_us {
            return Err(EventError::Token(TokenError::WrongAudience));
        }
        let issued_at = token.get("iat").and_then(Json::as_u64).ok_or(EventError::Malformed("no `iat`"))?;
        if issued_at > now + AHEAD {
            return Err(EventError::Token(TokenError::IssuedInFuture));
        }
        if text("jti").is_none_or(str::is_empty) {
            return Err(EventError::Malformed("no `jti`"));
        }
        let events = token.get("events").and_then(Json::as_object).ok_or(EventError::Malformed("no `events`"))?;
        let subject = token.get("sub_id").and_then(Json::as_object);
        let told = events.iter().filter(|(uri, _)| *uri != VERIFICATION && *uri != STREAM_UPDATED);
        told.map(|(uri, event)| self.event(uri, event, (subject, issued_at, now))).collect()
    }

    fn event(
        &self,
        uri: &str,
        event: &Json,
        (subject, issued_at, now): (Option<&Object>, u64, u64),
    ) -> Result<SecurityEvent, EventError> {
        let event = event.as_object().ok_or(EventError::Malformed("an event that is no object"))?;
        let own = event.get("subject").and_then(Json::as_object);
        let subject = subject.or(own).ok_or(EventError::Malformed("no subject"))?;
        let happened = event.get("event_timestamp").and_then(Json::as_u64).unwrap_or(issued_at);
        // A time in milliseconds, as some send it, or ahead of ours must not refuse tokens for ever.
        let at = happened.min(now);
        let (user, session) = self.subject(subject);
        let iss = || Box::<str>::from(&*self.issuer.rules.issuer);
        let known = CHANGES.iter().find(|(known, _)| *known == uri).map(|(_, kind)| *kind);
        let is_ending = uri == SESSION_REVOKED || known.is_some_and(|kind| ENDING.contains(&kind));
        let mut ended = Vec::new();
        if is_ending {
            match (&session, &user.subject) {
                (Some(sid), _) if uri == SESSION_REVOKED => {
                    ended.push(Revoked::Session { iss: iss(), sid: sid.clone() });
                }
                (_, Some(sub)) => ended.push(Revoked::Subject { iss: iss(), sub: sub.clone() }),
                (_, None) => return Err(EventError::Malformed("a subject that is not known here")),
            }
        }
        let kind = if uri == SESSION_REVOKED { "session-revoked" } else { known.unwrap_or("another change") };
        Ok(SecurityEvent { kind, user: user.name, ended, at })
    }

    /// Returns who is meant, and which session (RFC 9493 §3, SSF 1.0 §5).
    fn subject(&self, subject: &Object) -> (Meant, Option<Box<str>>) {
        let member = |object: &Object, name: &str| object.get(name).and_then(Json::as_str).map(Box::<str>::from);
        if let Some(user) = subject.get("user").and_then(Json::as_object) {
            let session = subject.get("session").and_then(Json::as_object);
            let session = session.and_then(|session| member(session, "id").or_else(|| member(session, "sub")));
            return (self.subject(user).0, session);
        }
        let sub = match member(subject, "format").as_deref() {
            Some("iss_sub") if member(subject, "iss").as_deref() == Some(&*self.issuer.rules.issuer) => {
                member(subject, "sub")
            }
            Some("opaque") => member(subject, "id"),
            _ => None,
        };
        let lookup = &*self.issuer.lookup_claim;
        let name = match lookup {
            "sub" => sub.clone(),
            "email" => member(subject, "email"),
            "phone_number" => member(subject, "phone_number"),
            _ => None,
        };
        (Meant { name, subject: sub }, None)
    }
}

/// Who an event is about.
#[derive(Debug, Default)]
struct Meant {
    /// As the user stores know them; `None`: the event does not say.
    name: Option<Box<str>>,
    /// The `sub` of their tokens.
    subject: Option<Box<str>>,
}
