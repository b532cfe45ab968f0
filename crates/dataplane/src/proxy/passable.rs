//! What of a backend's answer may pass to the client: all but framing, hop-by-hop and reserved fields.
//!
//! RFC 9110 §7.6.1 and RFC 9112 §6.3 for the answer; which names are reserved is the snapshot's to say.

use std::sync::Arc;

use gateway::FieldRules;
use http::{
    HeaderMap, HeaderName, HeaderValue, Version,
    header::{CONNECTION, CONTENT_LENGTH, TRAILER, TRANSFER_ENCODING},
    response::Parts,
};

use crate::{exchange::Exchange, upstream::UpstreamError};

/// Takes from a backend's answer what ends here: framing, hop-by-hop and reserved fields.
///
/// # Errors
///
/// [`UpstreamError::BadAnswer`]: an upgrade that nobody asked for, or a transfer coding that we do not decode.
pub(super) fn keep_passable(
    answer: &mut Parts,
    fields: &Arc<FieldRules>,
    exchange: &Exchange,
) -> Result<(), UpstreamError> {
    if answer.status.is_informational() {
        return Err(UpstreamError::BadAnswer);
    }
    answer.version = Version::HTTP_11;
    keep_passable_fields(&mut answer.headers, fields, exchange)
}

/// Takes from a backend's answer the fields that end here.
///
/// # Errors
///
/// [`UpstreamError::BadAnswer`]: a transfer coding that we do not decode.
pub(super) fn keep_passable_fields(
    headers: &mut HeaderMap,
    fields: &Arc<FieldRules>,
    exchange: &Exchange,
) -> Result<(), UpstreamError> {
    // Framing and hop-by-hop fields are among those that are not admitted: mostly there is nothing to do.
    if !exchange.worker().admitted.borrow_mut().admit_all(headers, fields) {
        reduce(headers, fields, exchange.is_http2())?;
    }
    Ok(())
}

fn reduce(headers: &mut HeaderMap, fields: &FieldRules, is_http2: bool) -> Result<(), UpstreamError> {
    unframe(headers)?;
    let trailers: Vec<HeaderValue> = headers.get_all(TRAILER).iter().filter(|_| !is_http2).cloned().collect();
    remove_nominated(headers);
    let removed: Vec<HeaderName> = headers.keys().filter(|name| !fields.admits_response(name)).cloned().collect();
    for name in removed {
        headers.remove(name);
    }
    if let Some(names) = admitted_names(&trailers, |name| fields.admits_response(name)) {
        headers.insert(TRAILER, names);
    }
    Ok(())
}

/// Names of response fields that were found to be admitted. Answers resemble each other: each name is looked for first
/// behind the one that was found last.
#[derive(Debug, Default)]
pub(crate) struct AdmittedNames {
    fields: Option<Arc<FieldRules>>,
    names: Vec<HeaderName>,
}

/// Backends that send more different names than this get them checked each time.
const MOST_ADMITTED_NAMES: usize = 64;

impl AdmittedNames {
    /// True when every field of an answer may pass.
    fn admit_all(&mut self, headers: &HeaderMap, fields: &Arc<FieldRules>) -> bool {
        if !self.fields.as_ref().is_some_and(|known| Arc::ptr_eq(known, fields)) {
            self.fields = Some(Arc::clone(fields));
            self.names.clear();
        }
        let mut next = 0;
        headers.keys().all(|name| {
            if self.names.get(next) == Some(name) {
                next += 1;
                return true;
            }
            self.admit(name, fields).inspect(|found| next = found + 1).is_some()
        })
    }

    /// Returns the place of a name that may pass, past the end when it has none.
    fn admit(&mut self, name: &HeaderName, fields: &FieldRules) -> Option<usize> {
        if let Some(found) = self.names.iter().position(|known| known == name) {
            return Some(found);
        }
        if !fields.admits_response(name) {
            return None;
        }
        let place = self.names.len();
        if place < MOST_ADMITTED_NAMES {
            self.names.push(name.clone());
        }
        Some(place)
    }
}

/// With `Transfer-Encoding` the length is hyper's to find, and a `Content-Length` beside it would be believed by the
/// client (RFC 9112 §6.3).
fn unframe(headers: &mut HeaderMap) -> Result<(), UpstreamError> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else { return Ok(()) };
    if !coding.as_bytes().eq_ignore_ascii_case(b"chunked") || codings.next().is_some() {
        return Err(UpstreamError::BadAnswer);
    }
    headers.remove(TRANSFER_ENCODING);
    headers.remove(CONTENT_LENGTH);
    Ok(())
}

fn remove_nominated(headers: &mut HeaderMap) {
    let Some(nominations) = headers.remove(CONNECTION) else { return };
    for name in nominations.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
        if let Ok(name) = HeaderName::from_bytes(name)
            && name != CONTENT_LENGTH
        {
            headers.remove(name);
        }
    }
}

/// Returns the listed field names that are admitted, as one list.
pub(super) fn admitted_names(lists: &[HeaderValue], admits: impl Fn(&HeaderName) -> bool) -> Option<HeaderValue> {
    let mut admitted = Vec::new();
    for list in lists {
        for name in list.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if HeaderName::from_bytes(name).is_ok_and(|name| admits(&name)) {
                if !admitted.is_empty() {
                    admitted.extend_from_slice(b", ");
                }
                admitted.extend_from_slice(name);
            }
        }
    }
    if admitted.is_empty() { None } else { HeaderValue::from_bytes(&admitted).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(admitted: &mut AdmittedNames, rules: &Arc<FieldRules>, names: &[&'static str], expected: bool) {
        let headers = names.iter().map(|name| (HeaderName::from_static(name), HeaderValue::from_static("x"))).collect();
        assert_eq!(admitted.admit_all(&headers, rules), expected, "{names:?}");
    }

    #[test]
    fn what_was_admitted_once_says_nothing_of_other_names_and_rules() {
        let mut admitted = AdmittedNames::default();
        let rules = Arc::new(FieldRules::new([]));
        for _ in 0..2 {
            check(&mut admitted, &rules, &["date", "server", "x-secret"], true);
            check(&mut admitted, &rules, &["server", "date"], true);
            check(&mut admitted, &rules, &["date", "connection"], false);
            check(&mut admitted, &rules, &["x_jwt_assertion", "date"], false);
        }
        let rules = Arc::new(FieldRules::new(["X-Secret"]));
        check(&mut admitted, &rules, &["date", "server", "x-secret"], false);
    }

    #[test]
    fn more_names_than_are_remembered_are_still_checked() {
        let mut admitted = AdmittedNames::default();
        let rules = Arc::new(FieldRules::new([]));
        let names: Vec<HeaderName> = (0..200).map(|number| format!("x-{number}-y").parse().unwrap()).collect();
        let headers: HeaderMap = names.into_iter().map(|name| (name, HeaderValue::from_static("x"))).collect();
        for _ in 0..2 {
            assert!(admitted.admit_all(&headers, &rules));
        }
        assert_eq!(admitted.names.len(), MOST_ADMITTED_NAMES);
    }
}
