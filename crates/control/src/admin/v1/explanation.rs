//! What a preview and an explanation answer, for the description of the API.
//!
//! The gateway writes them itself ([`gateway::Explanation::to_json`]), with numbers that keep their digits; a test of the
//! admin API compares the two.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// What would reach the backend, and what would not.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Explanation)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ExplanationView {
    /// The API's name.
    api: String,
    /// Its version.
    version: String,
    /// Verb and target.
    operation: String,
    /// When it was made, in seconds since the epoch.
    at: u64,
    /// Who calls; `null`: nobody, or the credential was refused.
    caller: Option<ExplainedCaller>,
    /// Why the call is refused before any JWT is made.
    refused: Option<Refusal>,
    /// One for each Backend JWT policy of the operation.
    jwts: Vec<ExplainedJwt>,
    /// What the other policies of the operation do, in the order in which they act.
    policies: Vec<ExplainedPolicy>,
}

/// Who calls.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ExplainedCaller {
    kind: CallerKind,
    /// The issuer's name.
    issuer: String,
    subject: String,
    /// The name under which user stores are asked.
    user: Option<String>,
    /// The client's id.
    client: Option<String>,
    /// When the credential expires, in seconds since the epoch.
    expires_at: Option<u64>,
    /// The token claims that were assumed, or their mask; `null`: there was a token.
    assumed_token: Option<Map<String, Value>>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
enum CallerKind {
    User,
    Application,
}

/// Why a call, or a JWT, is refused.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Refusal {
    /// The HTTP status.
    status: u16,
    /// The stable code.
    code: String,
    /// What the client learns.
    detail: String,
}

/// One policy's JWT: sent (with `value`), not sent (`notSent`), or refused.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ExplainedJwt {
    /// The header field.
    header: String,
    /// Where the policy is written.
    policy: String,
    /// The JOSE name.
    algorithm: String,
    encoding: String,
    max_header_bytes: u64,
    /// The same, in a preview.
    #[schema(nullable = false)]
    limit_bytes: Option<u64>,
    kid: Option<String>,
    /// The bytes of the whole field line.
    #[schema(nullable = false)]
    header_bytes: Option<u64>,
    /// `exp`.
    #[schema(nullable = false)]
    expires_at: Option<u64>,
    #[schema(nullable = false)]
    claims: Option<Vec<ExplainedClaim>>,
    #[schema(nullable = false)]
    not_in_token: Option<Vec<LeftOut>>,
    /// What should be in the token, and cannot.
    #[schema(nullable = false)]
    problems: Option<Vec<ClaimFault>>,
    /// The field's value.
    #[schema(nullable = false)]
    value: Option<Shown>,
    /// Why nothing is sent.
    #[schema(nullable = false)]
    not_sent: Option<String>,
    #[schema(nullable = false)]
    refused: Option<Refusal>,
}

/// A claim, and where it comes from.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ExplainedClaim {
    /// Its full name.
    name: String,
    /// Its value, or a mask.
    value: Value,
    /// `gateway`, `custom claim`, `token`, `user store …` or `userinfo …`.
    source: String,
    /// When its source gave it, in seconds since the epoch.
    as_of: Option<u64>,
    /// How old it is, in seconds.
    age: Option<u64>,
    /// The rule that put it there.
    rule: String,
}

/// An attribute or a claim that is not in the token.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LeftOut {
    kind: LeftOutKind,
    name: String,
    /// The one reason: `not_in_store`, `not_mapped`, `filtered` …
    reason: String,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
enum LeftOutKind {
    Attribute,
    Claim,
}

/// A claim whose values do not fit it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ClaimFault {
    claim: String,
    problem: String,
}

/// What another policy does.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ExplainedPolicy {
    policy: String,
    effect: String,
}

/// A text, or what stands for it where it is not this person's to read.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
enum Shown {
    Text(String),
    Masked(Mask),
}

/// What kind of value there is, and how long it is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Mask {
    /// `true`.
    masked: bool,
    /// `null`, `boolean`, `number`, `string`, `list` or `object`.
    r#type: String,
    /// Of a string: its characters.
    #[schema(nullable = false)]
    length: Option<u64>,
    /// Of a list or an object: its members.
    #[schema(nullable = false)]
    count: Option<u64>,
}
