//! What an operation's policies do with a call and its answer, beside authentication and Backend JWTs.
//!
//! Most operations have none of this, and then nothing here is run: an operation holds one pointer. What a policy may do
//! at all was checked when it was compiled.

mod cors;
mod headers;
mod rate_limit;
mod redirect;

use std::{borrow::Cow, sync::Arc};

use http::{HeaderMap, HeaderValue, Method, header::VARY};

pub use cors::{Cors, CorsMethods, Credentials, Origins};
pub use headers::{HeaderChange, HeaderChanges};
pub use rate_limit::{CountedBy, Quota, RateLimit};
pub use redirect::{Redirect, RedirectStatus};

use crate::{
    known_caller::KnownCaller,
    path::NormalPath,
    rejection::Rejection,
    request::{Endpoint, RequestHead},
    snapshot::Snapshot,
};

/// The policies of one operation, those of its API included.
#[derive(Debug, Default)]
pub struct Treatment {
    /// Which pages of other origins may call.
    pub cors: Option<Arc<Cors>>,
    /// How many calls are answered; each limit counts for itself.
    pub limits: Box<[Arc<RateLimit>]>,
    /// Where the caller is sent, instead of a backend's answer.
    pub redirect: Option<Redirect>,
    /// Where copies of a call go.
    pub mirrors: Box<[Arc<Endpoint>]>,
    /// What happens to the fields of a call.
    pub request_headers: HeaderChanges,
    /// What happens to the fields of a backend's answer.
    pub response_headers: HeaderChanges,
}

/// One call under treatment: what its answer gets.
#[derive(Debug)]
pub struct Treated {
    treatment: Arc<Treatment>,
    /// The origin that is allowed to read the answer, as `Access-Control-Allow-Origin` names it.
    origin: Option<HeaderValue>,
}

/// Who made an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnsweredBy {
    /// The backend.
    Backend,
    /// The gateway: a refusal, above all.
    Gateway,
}

impl Treatment {
    /// True when there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { cors, limits, redirect, mirrors, request_headers, response_headers } = self;
        cors.is_none()
            && limits.is_empty()
            && redirect.is_none()
            && mirrors.is_empty()
            && request_headers.0.is_empty()
            && response_headers.0.is_empty()
    }

    /// Admits an authorised call to the backend; `query` is what of its query would be forwarded.
    ///
    /// # Errors
    ///
    /// 429 over a limit; the redirection, where calls are redirected.
    pub(crate) fn admit<'q>(
        &self,
        caller: Option<&KnownCaller>,
        head: &RequestHead,
        query: impl FnOnce() -> Option<Cow<'q, str>>,
    ) -> Result<(), Rejection> {
        self.limits.iter().try_for_each(|limit| limit.count(caller, &head.connection))?;
        match &self.redirect {
            Some(redirect) => Err(redirect.answer(query().as_deref())),
            None => Ok(()),
        }
    }
}

impl Treated {
    /// Gives an answer the fields that it gets.
    pub fn complete(&self, headers: &mut HeaderMap, answered_by: AnsweredBy) {
        match answered_by {
            AnsweredBy::Backend => self.treatment.response_headers.apply(headers),
            AnsweredBy::Gateway => {}
        }
        if let Some(cors) = &self.treatment.cors {
            cors.complete(headers, self.origin.as_ref());
        }
    }

    /// Returns what [`Self::complete`] does to a backend's answer, for who has no answer yet.
    pub(crate) fn answer_changes(&self) -> Vec<HeaderChange> {
        let mut changes = self.treatment.response_headers.0.to_vec();
        if let Some(cors) = &self.treatment.cors {
            cors.describe(self.origin.as_ref(), |name, value| {
                changes.push(if name == VARY {
                    HeaderChange::Add(name, value)
                } else {
                    HeaderChange::Set(name, value)
                });
            });
        }
        changes
    }

    /// Gives a refusal the fields that it gets.
    pub(crate) fn complete_refusal(&self, rejection: &mut Rejection) {
        if let Some(cors) = &self.treatment.cors {
            cors.describe(self.origin.as_ref(), |name, value| rejection.headers.push((name, value)));
        }
    }
}

impl Snapshot {
    /// Begins the treatment of a call.
    ///
    /// # Errors
    ///
    /// The answer to a preflight, which goes no further.
    pub(crate) fn treat(
        &self,
        treatment: &Arc<Treatment>,
        head: &RequestHead,
        path: &NormalPath<'_>,
    ) -> Result<Box<Treated>, Rejection> {
        let origin = match &treatment.cors {
            Some(_) if head.parts.method == Method::OPTIONS => {
                if let Some(answer) = self.preflight(head, path) {
                    return Err(answer);
                }
                None
            }
            Some(cors) => cors.allowed_origin(&head.parts.headers),
            None => None,
        };
        Ok(Box::new(Treated { treatment: Arc::clone(treatment), origin }))
    }
}
