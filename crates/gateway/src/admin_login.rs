//! How operators prove who they are, ready to be used: the provider's keys, the client, and what values of a claim mean.
//!
//! The login itself is `control`'s. Keys are kept fresh like those of issuers, and carried over while nothing changes.

use std::sync::Arc;

use claims::Algorithm;
use stores::HttpClient;
use url::Url;
use zeroize::Zeroizing;

use crate::{fingerprint::Fingerprint, issuer_keys::IssuerKeys};

/// A configured login.
pub struct AdminLogin {
    /// Of everything here.
    pub fingerprint: Fingerprint,
    /// The provider's `iss`.
    pub issuer: Arc<str>,
    /// Where its discovery document is.
    pub discovery: Url,
    /// The admin listener's client id.
    pub client_id: Box<str>,
    /// The scopes that are asked for, with spaces between.
    pub scopes: Box<str>,
    /// Where people find the admin listener; `None`: at its loopback address.
    pub public_url: Option<Url>,
    /// The claim whose values say who may do what.
    pub roles_claim: Box<str>,
    /// The claim that names people.
    pub name_claim: Box<str>,
    /// The `aud` of access tokens; `None`: none is accepted.
    pub bearer_audience: Option<Box<str>>,
    /// Which values give the roles viewer, author, operator and support.
    pub roles: [Box<[Box<str>]>; 4],
    /// The provider's keys.
    pub keys: Arc<IssuerKeys>,
    /// For the provider's endpoints.
    pub client: HttpClient,
    pub(crate) client_secret: Zeroizing<String>,
}

impl AdminLogin {
    /// What tokens may be signed with: nothing that shares a secret.
    pub const ALGORITHMS: [Algorithm; 10] = [
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::Es512,
        Algorithm::EdDsa,
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
    ];

    /// Returns the client's secret, for the token endpoint alone.
    pub fn client_secret(&self) -> &str {
        &self.client_secret
    }
}

/// Never shows the secret.
impl std::fmt::Debug for AdminLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdminLogin")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}
