//! An explanation as JSON: what scripts read, and what a running gateway answers.
//!
//! Our own JSON values, so that numbers keep their digits.

use claims::{Claim, ClaimSet, Json, Object, Omission, OmissionKind, Origin, PrincipalKind, Source};

use super::{ExplainedCaller, ExplainedJwt, ExplainedPolicy, Explanation, JwtOutcome, Refusal, SentJwt};

impl Explanation {
    /// Returns the explanation as a JSON object.
    pub fn to_json(&self) -> Json {
        let caller = self.caller.as_ref().map_or(Json::Null, ExplainedCaller::to_json);
        object([
            ("api", text(&self.api)),
            ("version", text(&self.version)),
            ("operation", text(&self.operation)),
            ("at", self.now.into()),
            ("caller", caller),
            ("refused", self.refusal.as_ref().map_or(Json::Null, Refusal::to_json)),
            ("jwts", Json::Array(self.jwts.iter().map(|jwt| jwt.to_json(self.now)).collect())),
            ("policies", Json::Array(self.policies.iter().map(ExplainedPolicy::to_json).collect())),
        ])
    }
}

impl ExplainedCaller {
    fn to_json(&self) -> Json {
        let principal = &self.principal;
        let (kind, user) = match &principal.kind {
            PrincipalKind::EndUser { lookup } => ("user", text(lookup)),
            PrincipalKind::Application => ("application", Json::Null),
        };
        object([
            ("kind", text(kind)),
            ("issuer", text(&principal.grant.issuer)),
            ("subject", text(&principal.subject)),
            ("user", user),
            ("client", principal.grant.client_id.as_deref().map_or(Json::Null, text)),
            ("expiresAt", principal.expires_at.map_or(Json::Null, Json::from)),
            ("assumedToken", self.assumed.clone().map_or(Json::Null, Json::Object)),
        ])
    }
}

impl ExplainedPolicy {
    fn to_json(&self) -> Json {
        object([("policy", text(self.policy)), ("effect", text(&self.effect))])
    }
}

impl Refusal {
    fn to_json(&self) -> Json {
        object([
            ("status", u64::from(self.status.as_u16()).into()),
            ("code", text(self.code)),
            ("detail", text(&self.detail)),
        ])
    }
}

impl ExplainedJwt {
    fn to_json(&self, now: u64) -> Json {
        let policy = &self.policy.policy;
        let mut jwt = Object::default();
        jwt.insert("header", text(&policy.header));
        jwt.insert("policy", text(&self.policy.origin));
        jwt.insert("algorithm", text(policy.algorithm.name()));
        jwt.insert("encoding", text(policy.encoding.name()));
        jwt.insert("maxHeaderBytes", (policy.max_header_bytes as u64).into());
        match &self.outcome {
            JwtOutcome::Sent(sent) => sent.write(now, &mut jwt),
            JwtOutcome::NotSent(reason) => jwt.insert("notSent", text(reason)),
            JwtOutcome::Refused { refusal, omissions } => {
                jwt.insert("refused", refusal.to_json());
                jwt.insert("notInToken", omissions_json(omissions));
            }
        }
        Json::Object(jwt)
    }
}

impl SentJwt {
    fn write(&self, now: u64, jwt: &mut Object) {
        let ClaimSet { claims, omissions, issues, .. } = &self.claims;
        jwt.insert("kid", self.kid.as_deref().map_or(Json::Null, text));
        jwt.insert("headerBytes", (self.header_bytes as u64).into());
        jwt.insert("expiresAt", self.expires_at.into());
        jwt.insert("claims", Json::Array(claims.iter().map(|claim| claim_json(claim, now)).collect()));
        jwt.insert("notInToken", omissions_json(omissions));
        let issue = |issue: &claims::ClaimIssue| {
            object([("claim", text(&issue.claim)), ("problem", text(&issue.problem.to_string()))])
        };
        jwt.insert("problems", Json::Array(issues.iter().map(issue).collect()));
        jwt.insert("value", text(&self.value));
    }
}

fn claim_json(claim: &Claim, now: u64) -> Json {
    let (source, as_of) = source(&claim.origin);
    object([
        ("name", text(&claim.name)),
        ("value", claim.value.clone()),
        ("source", text(&source)),
        ("asOf", as_of.map_or(Json::Null, Json::from)),
        ("age", as_of.map_or(Json::Null, |as_of| now.saturating_sub(as_of).into())),
        ("rule", text(&claim.rule.to_string())),
    ])
}

/// Returns where a claim's value came from, and when it was given.
fn source(origin: &Origin) -> (String, Option<u64>) {
    match origin {
        Origin::Registered | Origin::Gateway => ("gateway".to_owned(), None),
        Origin::Custom => ("custom claim".to_owned(), None),
        Origin::Token => ("token".to_owned(), None),
        Origin::Attribute { source: Source::Store(store), as_of, .. } => (format!("user store {store}"), Some(*as_of)),
        Origin::Attribute { source: Source::UserInfo(issuer), as_of, .. } => {
            (format!("userinfo {issuer}"), Some(*as_of))
        }
        Origin::Attribute { source: Source::Token, as_of, .. } => ("token".to_owned(), Some(*as_of)),
    }
}

fn omissions_json(omissions: &[Omission]) -> Json {
    let omission = |omission: &Omission| {
        let kind = match omission.kind {
            OmissionKind::Attribute => "attribute",
            OmissionKind::Claim => "claim",
        };
        object([("kind", text(kind)), ("name", text(&omission.name)), ("reason", text(omission.reason.code()))])
    };
    Json::Array(omissions.iter().map(omission).collect())
}

fn text(text: &str) -> Json {
    Json::string(text)
}

fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    let mut object = Object::default();
    for (name, value) in members {
        object.insert(name, value);
    }
    Json::Object(object)
}
