//! Webhooks as Standard Webhooks 1.0 has them: HMAC-SHA256 over id, time and body.

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use claims::Json;

use super::EventError;
use crate::issuer::UserStoreHandle;

/// Seconds by which a message may be old, or ahead.
const TOLERANCE: u64 = 300;

/// What a Base64 secret begins with.
const SECRET_PREFIX: &str = "whsec_";

/// A secret has at least so many bytes.
const SHORTEST_SECRET: usize = 24;

/// One sender.
#[derive(Debug)]
pub(crate) struct Webhook {
    pub(crate) name: Box<str>,
    key: hmac::Key,
    /// Whose users it may speak about.
    stores: Box<[Arc<UserStoreHandle>]>,
}

/// A message's header fields.
#[derive(Clone, Copy, Debug)]
pub struct WebhookFields<'a> {
    /// `webhook-id`
    pub id: &'a str,
    /// `webhook-timestamp`: seconds since the epoch.
    pub timestamp: &'a str,
    /// `webhook-signature`: `v1,` and Base64; several with spaces between them, while a secret is rotated.
    pub signature: &'a str,
}

/// Why a secret cannot be used: the operator must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SecretError {
    /// What follows `whsec_` is not Base64.
    #[error("what follows `whsec_` is not Base64")]
    NotBase64,
    /// Too short to resist guessing.
    #[error("the secret has less than 24 bytes")]
    TooShort,
}

impl Webhook {
    pub(crate) fn new(name: &str, secret: &[u8], stores: Box<[Arc<UserStoreHandle>]>) -> Result<Self, SecretError> {
        let decoded = match secret.strip_prefix(SECRET_PREFIX.as_bytes()) {
            Some(text) => STANDARD.decode(text).map_err(|_| SecretError::NotBase64)?,
            None => secret.to_vec(),
        };
        if decoded.len() < SHORTEST_SECRET {
            return Err(SecretError::TooShort);
        }
        Ok(Self { name: name.into(), key: hmac::Key::new(hmac::HMAC_SHA256, &decoded), stores })
    }

    /// Checks a message, and returns the stores that it is about, and the user; no user: everybody there.
    pub(super) fn read(
        &self,
        fields: WebhookFields<'_>,
        body: &[u8],
        now: u64,
    ) -> Result<(Vec<&UserStoreHandle>, Option<String>), EventError> {
        self.check(fields, body, now)?;
        let json = Json::parse(body).map_err(|_| EventError::Malformed("no JSON"))?;
        let message = json.as_object().ok_or(EventError::Malformed("no JSON object"))?;
        let text = |name: &'static str| match message.get(name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(text)) if !text.is_empty() => Ok(Some(text.to_string())),
            Some(_) => Err(EventError::Malformed("`user` and `userStore` are texts")),
        };
        let (user, wanted) = (text("user")?, text("userStore")?);
        let is_meant = |store: &&Arc<UserStoreHandle>| wanted.as_ref().is_none_or(|wanted| *wanted == *store.name);
        let stores: Vec<&UserStoreHandle> = self.stores.iter().filter(is_meant).map(|store| &**store).collect();
        if stores.is_empty() { Err(EventError::ForeignStore) } else { Ok((stores, user)) }
    }

    fn check(&self, fields: WebhookFields<'_>, body: &[u8], now: u64) -> Result<(), EventError> {
        let WebhookFields { id, timestamp, signature } = fields;
        let sent_at: u64 = timestamp.parse().map_err(|_| EventError::Unsigned)?;
        if sent_at.abs_diff(now) > TOLERANCE || id.is_empty() {
            return Err(EventError::Unsigned);
        }
        let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
        let is_ours = |signature: &str| {
            let tag = signature.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok());
            tag.is_some_and(|tag| hmac::verify(&self.key, &signed, &tag).is_ok())
        };
        if signature.split(' ').any(is_ours) { Ok(()) } else { Err(EventError::Unsigned) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference implementations.
    const SECRET: &[u8] = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const FIELDS: WebhookFields<'_> = WebhookFields {
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp: "1614265330",
        signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    };
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SENT_AT: u64 = 1_614_265_330;

    fn check(fields: WebhookFields<'_>, body: &[u8], now: u64, expected: bool) {
        let webhook = Webhook::new("hr", SECRET, Box::default()).unwrap();
        let expected = if expected { Ok(()) } else { Err(EventError::Unsigned) };
        assert_eq!(webhook.check(fields, body, now), expected, "{fields:?} at {now}");
    }

    #[test]
    fn a_message_signed_by_others_code_is_accepted() {
        check(FIELDS, BODY, SENT_AT, true);
        check(FIELDS, BODY, SENT_AT + TOLERANCE, true);
        let two = format!("v1,AAAA {} v2,x", FIELDS.signature);
        check(WebhookFields { signature: &two, ..FIELDS }, BODY, SENT_AT, true);
    }

    #[test]
    fn any_other_message_is_refused() {
        check(FIELDS, b"{}", SENT_AT, false);
        check(FIELDS, BODY, SENT_AT + TOLERANCE + 1, false);
        check(FIELDS, BODY, SENT_AT - TOLERANCE - 1, false);
        check(WebhookFields { id: "msg_2", ..FIELDS }, BODY, SENT_AT, false);
        check(WebhookFields { timestamp: "1614265331", ..FIELDS }, BODY, SENT_AT, false);
        check(WebhookFields { signature: "", ..FIELDS }, BODY, SENT_AT, false);
        let without_version = FIELDS.signature.strip_prefix("v1,").unwrap();
        check(WebhookFields { signature: without_version, ..FIELDS }, BODY, SENT_AT, false);
    }

    #[test]
    fn a_weak_secret_is_refused() {
        assert_eq!(Webhook::new("hr", b"hunter2", Box::default()).err(), Some(SecretError::TooShort));
        assert_eq!(Webhook::new("hr", b"whsec_!", Box::default()).err(), Some(SecretError::NotBase64));
    }
}
