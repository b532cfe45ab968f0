//! Who is calling: the verified end user or client application behind a request.
//!
//! Made once per credential, after verification. RFC 7519, RFC 9068 §2.2.

use std::sync::Arc;

use crate::{
    json::Object,
    memory::{allocated, texts_weight},
};

/// What a principal is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalKind {
    /// An end user; `lookup` is the value by which user stores know them, and the `enduser` claim.
    EndUser {
        /// The value of the issuer's `lookup` claim.
        lookup: Box<str>,
    },
    /// A client application on its own behalf (client credentials): no user is looked up.
    Application,
}

/// The authenticated end user and the client application, from one verified credential.
///
/// Principals are kept in great number: what they have in common is kept once for all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Principal {
    /// Whose word it is, and what was granted to whom.
    pub grant: Arc<Grant>,
    /// The Backend JWT's `sub`: the issuer's `subject` template applied. Never empty.
    pub subject: Box<str>,
    /// User or application.
    pub kind: PrincipalKind,
    /// When the credential expires, in seconds since the epoch.
    pub expires_at: Option<u64>,
}

/// What an issuer granted to a client, whoever the end user is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The operator's name of the inbound issuer.
    pub issuer: Arc<str>,
    /// The `iss` of the inbound token.
    pub iss: Arc<str>,
    /// The OAuth 2.0 client, when the token names one.
    pub client_id: Option<Box<str>>,
    /// The token's scopes.
    pub scopes: Box<[Box<str>]>,
    /// `organizations`, when the token has some.
    pub organizations: Box<[Box<str>]>,
}

impl Grant {
    /// Estimates the bytes held.
    pub fn weight(&self) -> usize {
        let client = self.client_id.as_ref().map_or(0, |client| allocated(client.len()));
        allocated(size_of::<Self>()) + client + texts_weight(&self.scopes) + texts_weight(&self.organizations)
    }
}

/// Who calls an operation: somebody known, or nobody where that is allowed.
#[derive(Clone, Copy, Debug)]
pub enum Caller<'a> {
    /// A verified principal, and the claims of its token, after the issuer's `claimMappings`.
    Known(&'a Principal, &'a Object),
    /// No credential, on an open or optional operation.
    Anonymous,
}
