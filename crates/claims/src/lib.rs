//! The pure engine: a principal and the user's attributes become a claim set, and the claim set a signed Backend JWT.
//!
//! Also verifies inbound tokens, reads and writes keys and renders JWKS. No I/O, no async, no clock: time and randomness
//! are parameters. Flow: `Principal + Attributes → ClaimSet → BackendJwt`.

mod algorithm;
mod attributes;
mod certificate;
mod claim_set;
mod compose;
mod confirmation;
mod custom_claim;
mod dialect;
mod dpop;
mod facts;
mod fingerprint;
mod inbound;
mod json;
mod key;
mod key_set;
mod memory;
mod mint;
mod name;
mod names;
mod pattern;
mod policy;
mod principal;
mod public_key;
mod template;
mod verify;

pub use algorithm::{Algorithm, Encoding, ParseAlgorithmError};
pub use attributes::{Attribute, Attributes, Source};
pub use certificate::{CertificateChain, CertificateError, CertificateFacts};
pub use claim_set::{
    Claim, ClaimIssue, ClaimProblem, ClaimSet, Omission, OmissionKind, OmissionNotes, OmissionReason, Origin, Rule,
};
pub use compose::{ComposeError, Composition, UserAttributes, compose};
pub use confirmation::Confirmation;
pub use custom_claim::{ConversionError, CustomClaim, CustomClaimType};
pub use dialect::{ClaimMapping, ClaimType, Dialect};
pub use dpop::{DpopError, DpopProof, ProvedRequest};
pub use facts::{ApiFacts, Application, KeyType, OperationFacts};
pub use fingerprint::KeyFingerprint;
pub use inbound::{AccessToken, AccessTokenRules, TokenType, UnverifiedToken};
pub use json::{Json, JsonError, Number, Object, PackedObject};
pub use key::{HeaderForm, KeyError, RsaSize, SigningKey};
pub use key_set::{
    Announcement, KeyChange, KeyFile, KeyFileError, KeyLife, KeyOrigin, KeySet, KeySetEntry, KeySetError, KeyState,
    KeyStatus, LegacyKids, PlanError, RetirementTimes, RotationPlan,
};
pub use memory::{Common, allocated, texts_weight};
pub use mint::{BackendJwt, MintError, fit, mint};
pub use name::Name;
pub use names::is_registered;
pub use policy::{
    Anonymous, AttributeFailure, AttributeMapping, AttributeRule, Audience, BackendJwtPolicy, ClaimSelection,
    NameProblem, Oversize, PolicyProblem, Selection, Sensitive, TokenClaims, TokenId, UnknownUser, check_collisions,
};
pub use principal::{Caller, Grant, Principal, PrincipalKind};
pub use public_key::JwkError;
pub use template::{Placeholder, ResolveError, Template, TemplateError};
pub use verify::{
    ClaimChecks, CompactJws, JwksError, SecretKeys, TokenError, TokenVerification, VerificationFailure,
    VerificationKeys, VerifiedPayload, verify, verify_token,
};
