//! `issuers`: whose access tokens are trusted, and how their users are found.

use std::{path::PathBuf, time::Duration};

use claims::Algorithm;

use crate::{
    bind::WebUrl,
    span::{Span, Spanned},
};

/// One trusted issuer of inbound tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Issuer {
    /// Where the entry stands.
    pub span: Span,
    /// `name`
    pub name: Spanned<String>,
    /// `issuer`: `iss`, compared character by character.
    pub issuer: Spanned<String>,
    /// `jwks`
    pub jwks: Option<Jwks>,
    /// `discovery`: find `jwks_uri` under the issuer's address.
    pub discovery: Spanned<bool>,
    /// `audience`: one of these must be in `aud`; empty: not checked.
    pub audience: Vec<Spanned<String>>,
    /// `algorithms`
    pub algorithms: Vec<Spanned<Algorithm>>,
    /// `subject`: the template of the Backend JWT's `sub`.
    pub subject: Spanned<String>,
    /// `consumerKeyClaim`: which claim holds the client id; absent: `azp`, then `client_id`.
    pub consumer_key_claim: Option<Spanned<String>>,
    /// `scopesClaim`
    pub scopes_claim: Spanned<String>,
    /// `claimMappings`: inbound claims under other names.
    pub claim_mappings: Vec<ClaimMapping>,
    /// `tokenType`
    pub token_type: Spanned<TokenType>,
    /// `lookup`
    pub lookup: Lookup,
    /// `applicationFromToken`: believe the token's `application` and `tierInfo` claims.
    pub application_from_token: Spanned<bool>,
    /// `clockSkew`: on `nbf` and `iat`.
    pub clock_skew: Spanned<Duration>,
}

/// `jwks`: exactly one of the two.
#[derive(Clone, Debug, PartialEq)]
pub struct Jwks {
    /// Where it stands.
    pub span: Span,
    /// `url`
    pub url: Option<Spanned<WebUrl>>,
    /// `file`
    pub file: Option<Spanned<PathBuf>>,
    /// `ca`: PEM certificates trusted for `url` besides the system's.
    pub ca: Option<Spanned<PathBuf>>,
}

/// One renaming of an inbound claim.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimMapping {
    /// `remoteClaim`: its name in the token.
    pub remote_claim: Spanned<String>,
    /// `localClaim`: its name here.
    pub local_claim: Spanned<String>,
}

/// What `typ` must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenType {
    /// `any`
    Any,
    /// `at+jwt`: RFC 9068 to the letter.
    AccessToken,
}

/// `lookup`: how the user is found.
#[derive(Clone, Debug, PartialEq)]
pub struct Lookup {
    /// Where it stands; the issuer's place when left out.
    pub span: Span,
    /// `claim`
    pub claim: Spanned<String>,
    /// `userStores`: the only ones that this issuer's users may be looked up in, in order.
    pub user_stores: Vec<Spanned<String>>,
}
