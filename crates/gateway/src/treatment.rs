//! What an operation's policies do with a call and its answer, beside authentication and Backend JWTs.
//!
//! Most operations have none of this, and then nothing here is run: an operation holds one pointer. What a policy may do
//! at all was checked when it was compiled.

mod headers;

use std::sync::Arc;

use http::HeaderMap;

pub use headers::{HeaderChange, HeaderChanges};

/// The policies of one operation, those of its API included.
#[derive(Debug, Default, PartialEq)]
pub struct Treatment {
    /// What happens to the fields of a call.
    pub request_headers: HeaderChanges,
    /// What happens to the fields of a backend's answer.
    pub response_headers: HeaderChanges,
}

/// One call under treatment: what its answer gets.
#[derive(Debug)]
pub struct Treated {
    treatment: Arc<Treatment>,
}

/// Who made an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnsweredBy {
    /// The backend.
    Backend,
    /// The gateway: a refusal, above all.
    Gateway,
}

impl Treated {
    /// Begins with a call.
    pub(crate) fn begin(treatment: &Arc<Treatment>) -> Box<Self> {
        Box::new(Self { treatment: Arc::clone(treatment) })
    }

    /// Gives an answer the fields that it gets.
    pub fn complete(&self, headers: &mut HeaderMap, answered_by: AnsweredBy) {
        match answered_by {
            AnsweredBy::Backend => self.treatment.response_headers.apply(headers),
            AnsweredBy::Gateway => {}
        }
    }
}
