//! One policy's parameters: written, else the operator's default, else the compatibility's.

use std::{collections::BTreeSet, sync::Arc};

use claims::{
    Algorithm, Anonymous, AttributeFailure, AttributeRule, Audience, BackendJwtPolicy, ClaimSelection, CustomClaim,
    Dialect, Encoding, HeaderForm, Name, Oversize, Placeholder, Sensitive, Template, TokenClaims, TokenId, UnknownUser,
    is_registered,
};

use super::{ApiContext, Scope};
use crate::{
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    issuer::UserStoreHandle,
    span::{Span, Spanned},
    spec::{
        self, BackendJwtParameters, ClaimsSelection, Compatibility, OnOversize, TokenClaimsSelection,
        UserStoreSelection,
    },
    time::seconds,
    user_lookup::{StoreChoice, StoreMerge},
};

const DEFAULT_TTL: u64 = 3600;
const DEFAULT_MAX_HEADER_BYTES: usize = 4096;
/// A token with the shortest issuer, API and id, and without a signature, has more.
const SMALLEST_HEADER_BYTES: u64 = 200;

/// Attributes that no dialect sends without the operator's leave.
const SENSITIVE: [&str; 12] = [
    "userpassword",
    "unicodepwd",
    "*password*",
    "*secret*",
    "*totp*",
    "*otpseed*",
    "accountlocked",
    "failedloginattempts",
    "*privatekey*",
    "*recoverycode*",
    "*securityquestion*",
    "*securityanswer*",
];

/// Resolves one policy.
pub(super) struct Resolver<'a, 'd> {
    pub(super) written: &'a BackendJwtParameters,
    pub(super) context: ApiContext<'a>,
    pub(super) scope: &'a Scope<'a>,
    pub(super) diagnostics: &'d mut Diagnostics,
}

impl<'a> Resolver<'a, '_> {
    /// Returns the resolved policy; `None` after an error that leaves nothing to go on with.
    pub(super) fn policy(&mut self, header: &str) -> Option<BackendJwtPolicy> {
        let gateway = &self.scope.operator.gateway;
        let is_native = self.context.compatibility == Compatibility::None;
        let dialect = self.dialect();
        let custom_claims = self.custom_claims();
        let algorithm = self.algorithm();
        let claims = self.claims();
        let policy = BackendJwtPolicy {
            header: header.into(),
            scheme: self.scheme(),
            encoding: self.encoding(),
            algorithm,
            hmac_key: self.hmac_key(algorithm),
            header_form: match self.context.compatibility {
                Compatibility::None => HeaderForm::Standard,
                Compatibility::Apk => HeaderForm::Plain,
                Compatibility::Apim => HeaderForm::Legacy,
            },
            issuer: gateway.issuer.value.as_str().into(),
            clock_skew: gateway.clock_skew.value.as_secs(),
            token_ttl: self.token_ttl(),
            cap_to_inbound_token: self
                .pick(|parameters| &parameters.cap_to_inbound_token)
                .map_or(is_native, |cap| cap.value),
            not_before: is_native,
            audience: self.audience(),
            dialect: dialect?,
            claims,
            claim_mappings: self.claim_mappings(),
            sensitive: self.sensitive(),
            token_claims: self.token_claims(),
            custom_claims,
            max_header_bytes: self.max_header_bytes(),
            on_oversize: self.on_oversize(),
            on_attribute_failure: self
                .pick(|parameters| &parameters.on_attribute_failure)
                .map_or(AttributeFailure::UseStale, |value| value.value),
            on_unknown_user: self
                .pick(|parameters| &parameters.on_unknown_user)
                .map_or(UnknownUser::Reject, |value| value.value),
            anonymous: self.anonymous(),
            token_id: self.pick(|parameters| &parameters.token_id).map_or(TokenId::Cached, |value| value.value),
        };
        self.check_sensitive(&policy);
        self.check_weak(&policy);
        Some(policy)
    }

    /// Returns the time to live; where nobody wrote one, what the operator's limit leaves of the default.
    fn token_ttl(&self) -> u64 {
        let limit = self.scope.operator.backend_jwt.limits.token_ttl.as_ref().map_or(u64::MAX, |limit| limit.value.0);
        self.pick(|parameters| &parameters.token_ttl).map_or(DEFAULT_TTL.min(limit), |ttl| ttl.value.0)
    }

    /// Returns the policy's stores; `None` after an error.
    pub(super) fn stores(&mut self) -> Option<StoreChoice> {
        let Some(chosen) = self.pick(|parameters| &parameters.user_store) else {
            return Some(StoreChoice::IssuersFirst);
        };
        let names = match &chosen.value {
            UserStoreSelection::None => return Some(StoreChoice::None),
            UserStoreSelection::Chain(names) => names,
        };
        let chain: Vec<Arc<UserStoreHandle>> = names.iter().filter_map(|name| self.store(name)).collect();
        if chain.len() < names.len() {
            return None;
        }
        for issuer in self.context.authentication.issuers() {
            if !chain.iter().any(|store| issuer.allows(store)) {
                let message = format!("issuer `{}` allows none of this policy's user stores", issuer.name);
                let hint = format!(
                    "its `lookup.userStores` lists the stores for its users: another organisation's users must not be looked up in `{}`",
                    names.first().map_or("", |name| &name.value)
                );
                self.diagnostics
                    .push(Diagnostic::error(DiagnosticCode::ConflictingFields, &chosen.span, message).with_hint(hint));
            }
        }
        let merge = self.pick(|parameters| &parameters.user_store_merge).map_or(StoreMerge::default(), |it| it.value);
        Some(StoreChoice::Chain(chain.into(), merge))
    }

    fn pick<T>(&self, field: impl Fn(&BackendJwtParameters) -> &Option<Spanned<T>>) -> Option<&'a Spanned<T>>
    where
        T: 'a,
    {
        let (written, defaults): (&'a BackendJwtParameters, &'a BackendJwtParameters) =
            (self.written, &self.scope.operator.backend_jwt.defaults);
        pick_from(written, defaults, field)
    }

    fn store(&mut self, name: &Spanned<String>) -> Option<Arc<UserStoreHandle>> {
        let found = self.scope.stores.get(name.value.as_str()).cloned();
        if found.is_none() {
            self.diagnostics.error(
                DiagnosticCode::UnknownName,
                &name.span,
                format!("there is no user store `{}`", name.value),
            );
        }
        found
    }

    fn encoding(&self) -> Encoding {
        let written = self.pick(|parameters| &parameters.encoding).map_or(Encoding::Base64Url, |value| value.value);
        match self.context.compatibility {
            Compatibility::Apk => Encoding::Base64Url,
            Compatibility::None | Compatibility::Apim => written,
        }
    }

    fn algorithm(&mut self) -> Algorithm {
        let written = self.pick(|parameters| &parameters.signing_algorithm);
        let algorithm = written.map_or_else(
            || match self.context.compatibility {
                Compatibility::None => Algorithm::Es256,
                Compatibility::Apk | Compatibility::Apim => Algorithm::Rs256,
            },
            |value| value.value,
        );
        let span = written.map_or(&self.written.span, |value| &value.span);
        if algorithm == Algorithm::None && !self.scope.operator.backend_jwt.allow_unsigned.value {
            let message = "an unsigned backend JWT is not allowed";
            let hint = "only the operator can allow it, with `backendJwt: { allowUnsigned: true }`";
            self.diagnostics.push(Diagnostic::error(DiagnosticCode::UnsignedToken, span, message).with_hint(hint));
        }
        let needs_key = algorithm != Algorithm::None && !algorithm.is_hmac();
        let now = seconds(self.scope.surroundings.now);
        if needs_key && !self.scope.keys.can_sign(algorithm, now) {
            let message = format!("no key can sign with {algorithm}");
            let hint = format!("make one: countersign keys generate --algorithm {algorithm}");
            self.diagnostics.push(Diagnostic::error(DiagnosticCode::MissingKey, span, message).with_hint(hint));
        }
        let is_legacy = self.context.compatibility == Compatibility::Apim && needs_key;
        if is_legacy && self.scope.keys.can_sign(algorithm, now) && !self.scope.keys.has_certificate(algorithm, now) {
            let message =
                format!("`compatibility: apim` names a certificate in each token, and the {algorithm} key has none");
            let hint = "list a key with its certificate: keys: { files: [{ file: …, certificate: … }] }";
            self.diagnostics.push(Diagnostic::error(DiagnosticCode::UnusableKey, span, message).with_hint(hint));
        }
        algorithm
    }

    fn hmac_key(&mut self, algorithm: Algorithm) -> Option<Box<str>> {
        if !algorithm.is_hmac() {
            return None;
        }
        let api = &self.context.written.name.value;
        let for_api = |secret: &&spec::HmacSecret| secret.apis.iter().any(|name| name.value == *api);
        let mut secrets = self.scope.operator.keys.hmac.iter().filter(for_api);
        let span =
            self.pick(|parameters| &parameters.signing_algorithm).map_or(&self.written.span, |value| &value.span);
        let Some(secret) = secrets.next() else {
            let message = format!("API `{api}` has no secret for {algorithm}");
            let hint = format!(
                "the operator gives it one: keys: {{ hmac: [{{ name: …, secret: {{ file: … }}, apis: [{api}] }}] }}"
            );
            self.diagnostics.push(Diagnostic::error(DiagnosticCode::MissingKey, span, message).with_hint(hint));
            return None;
        };
        if let Err(error) = self.scope.keys.check_hmac(&secret.name.value, algorithm) {
            self.diagnostics.error(DiagnosticCode::UnusableKey, span, error);
        }
        Some(secret.name.value.as_str().into())
    }

    fn scheme(&mut self) -> Option<Box<str>> {
        let scheme = self.pick(|parameters| &parameters.scheme)?;
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if scheme.value.is_empty() || !scheme.value.bytes().all(is_token) {
            let message = format!("`{}` is no authentication scheme", scheme.value);
            self.diagnostics.error(DiagnosticCode::InvalidValue, &scheme.span, message);
        }
        Some(scheme.value.as_str().into())
    }

    fn audience(&self) -> Audience {
        match self.pick(|parameters| &parameters.audience) {
            Some(list) => Audience(list.value.iter().map(|audience| audience.value.as_str().into()).collect()),
            None if self.context.compatibility == Compatibility::None => {
                Audience(vec![self.context.written.name.value.as_str().into()])
            }
            None => Audience(Vec::new()),
        }
    }

    fn dialect(&mut self) -> Option<Arc<Dialect>> {
        let written = self.pick(|parameters| &parameters.dialect);
        let name = written.map_or("wso2", |name| name.value.as_str());
        let found = self.scope.dialect(name).cloned();
        if let (None, Some(written)) = (&found, written) {
            let known: Vec<String> = self.scope.dialects.iter().map(|dialect| format!("`{}`", dialect.name)).collect();
            let message = format!("there is no dialect `{name}`");
            let hint = format!("there are {}", known.join(", "));
            self.diagnostics
                .push(Diagnostic::error(DiagnosticCode::UnknownName, &written.span, message).with_hint(hint));
        }
        found
    }

    fn claims(&mut self) -> ClaimSelection {
        let limit = self.scope.operator.backend_jwt.limits.claims.as_ref();
        let Some(ClaimsSelection::Only(rules)) = self.pick(|parameters| &parameters.claims).map(|claims| &claims.value)
        else {
            return limit.map_or(ClaimSelection::All, |limit| {
                let only = limit
                    .value
                    .iter()
                    .map(|name| AttributeRule { attribute: name.value.as_str().into(), keep: Vec::new() });
                ClaimSelection::Only(only.collect())
            });
        };
        for rule in rules {
            if limit.is_some_and(|limit| limit.value.iter().all(|allowed| allowed.value != rule.attribute.value)) {
                let message = format!("attribute `{}` is not among the operator's limits", rule.attribute.value);
                self.diagnostics.error(DiagnosticCode::LimitExceeded, &rule.attribute.span, message);
            }
        }
        let rules = rules.iter().map(|rule| AttributeRule {
            attribute: rule.attribute.value.as_str().into(),
            keep: rule.keep.iter().map(|pattern| pattern.value.as_str().into()).collect(),
        });
        ClaimSelection::Only(rules.collect())
    }

    fn claim_mappings(&self) -> Vec<(Name, Box<str>)> {
        let mappings = self.pick(|parameters| &parameters.claim_mappings);
        let entries = mappings.into_iter().flat_map(|mappings| &mappings.value);
        entries.map(|(claim, attribute)| (Name::new(&claim.value), attribute.value.as_str().into())).collect()
    }

    fn sensitive(&self) -> Sensitive {
        let configured = &self.scope.operator.backend_jwt.sensitive;
        let own = configured.attributes.iter().map(|name| Box::from(name.value.to_ascii_lowercase()));
        let api = &self.context.written.name.value;
        let allowed = configured.allow.iter().filter(|entry| entry.api.value == *api);
        Sensitive {
            patterns: SENSITIVE.into_iter().map(Box::from).chain(own).collect(),
            allowed: allowed.map(|entry| Box::from(entry.attribute.value.as_str())).collect(),
        }
    }

    /// Reports what a custom claim would send past the operator's `limits` of attributes and token claims.
    fn check_custom_claim_limits(&mut self, value: &Template, span: &Span) {
        let limits = &self.scope.operator.backend_jwt.limits;
        for placeholder in value.placeholders() {
            let (what, name, limit) = match placeholder {
                Placeholder::User(attribute) => ("attribute", attribute, limits.claims.as_ref()),
                Placeholder::Token(claim) => ("token claim", claim, limits.token_claims.as_ref()),
                Placeholder::Application(_) | Placeholder::Api(_) | Placeholder::Operation(_) => continue,
            };
            if let Some(limit) = limit.filter(|limit| limit.value.iter().all(|allowed| *allowed.value != **name)) {
                let message = format!("{what} `{name}` is not among the operator's limits");
                let hint = format!("the limit is at {}:{}", limit.span.file.display(), limit.span.line);
                self.diagnostics.push(Diagnostic::error(DiagnosticCode::LimitExceeded, span, message).with_hint(hint));
            }
        }
    }

    fn token_claims(&mut self) -> TokenClaims {
        let excluded: BTreeSet<Box<str>> = self
            .pick(|parameters| &parameters.excluded_claims)
            .into_iter()
            .flat_map(|list| &list.value)
            .map(|name| Box::from(name.value.as_str()))
            .collect();
        let chosen = self.pick(|parameters| &parameters.token_claims);
        let limit = self.scope.operator.backend_jwt.limits.token_claims.as_ref();
        let only = |names: Vec<Box<str>>| {
            TokenClaims::Only(names.into_iter().filter(|name| !excluded.contains(name)).collect())
        };
        let limited: Option<Vec<Box<str>>> =
            limit.map(|limit| limit.value.iter().map(|name| name.value.as_str().into()).collect());
        match (chosen.map(|chosen| &chosen.value), limited) {
            (Some(TokenClaimsSelection::Only(names)), limited) => {
                let names: Vec<Box<str>> = names.iter().map(|name| Box::from(name.value.as_str())).collect();
                let outside = limited.and_then(|limit| names.iter().find(|name| !limit.contains(name)).cloned());
                if let (Some(name), Some(chosen)) = (outside, chosen) {
                    let message = format!("token claim `{name}` is not among the operator's limits");
                    self.diagnostics.error(DiagnosticCode::LimitExceeded, &chosen.span, message);
                }
                only(names)
            }
            (Some(TokenClaimsSelection::All) | None, Some(limit)) => only(limit),
            (Some(TokenClaimsSelection::All), None) => TokenClaims::AllBut(excluded),
            (None, None) => match self.context.compatibility {
                Compatibility::None => only(vec!["scope".into()]),
                Compatibility::Apk => TokenClaims::apk(),
                Compatibility::Apim => TokenClaims::apim(excluded),
            },
        }
    }

    fn custom_claims(&mut self) -> Vec<CustomClaim> {
        let written = self.pick(|parameters| &parameters.custom_claims);
        let mut compiled: Vec<CustomClaim> = Vec::new();
        for claim in written.into_iter().flat_map(|claims| &claims.value) {
            if compiled.iter().any(|known| *known.claim == *claim.claim.value) {
                let message = format!("custom claim `{}` is defined twice", claim.claim.value);
                self.diagnostics.error(DiagnosticCode::DuplicateName, &claim.claim.span, message);
                continue;
            }
            compiled.extend(self.custom_claim(claim));
        }
        compiled
    }

    fn custom_claim(&mut self, written: &spec::CustomClaim) -> Option<CustomClaim> {
        let text: &str = &written.value.value;
        let value = Template::compile(text)
            .map_err(|error| {
                self.diagnostics.error(DiagnosticCode::InvalidValue, &written.value.span, error.to_string());
            })
            .ok()?;
        self.check_custom_claim_limits(&value, &written.value.span);
        let constant = match value.as_constant() {
            None => None,
            Some(text) => match CustomClaim::constant(text, written.claim_type.value) {
                Ok(constant) => Some(constant),
                Err(error) => {
                    self.diagnostics.error(DiagnosticCode::InvalidValue, &written.value.span, error.to_string());
                    return None;
                }
            },
        };
        Some(CustomClaim {
            claim: written.claim.value.as_str().into(),
            value,
            claim_type: written.claim_type.value,
            required: written.required.value,
            constant,
        })
    }

    fn max_header_bytes(&mut self) -> usize {
        let written = self.pick(|parameters| &parameters.max_header_bytes);
        if let Some(bytes) = written.filter(|bytes| bytes.value.0 < SMALLEST_HEADER_BYTES) {
            let message = format!("no Backend JWT fits into a `maxHeaderBytes` of {}", bytes.value.0);
            let hint = format!("the smallest has more than {SMALLEST_HEADER_BYTES} bytes, name included");
            self.diagnostics
                .push(Diagnostic::error(DiagnosticCode::InvalidValue, &bytes.span, message).with_hint(hint));
        }
        written.map_or(DEFAULT_MAX_HEADER_BYTES, |bytes| usize::try_from(bytes.value.0).unwrap_or(usize::MAX))
    }

    fn on_oversize(&mut self) -> Oversize {
        let order = self.pick(|parameters| &parameters.drop_order);
        let chosen = self.pick(|parameters| &parameters.on_oversize);
        match (chosen.map(|chosen| chosen.value), order) {
            (Some(OnOversize::Drop), Some(order)) => {
                for name in order.value.iter().filter(|name| is_registered(&name.value)) {
                    let message = format!("`{}` is never dropped: backends rely on it", name.value);
                    self.diagnostics.warning(DiagnosticCode::IgnoredField, &name.span, message);
                }
                Oversize::Drop(order.value.iter().map(|name| name.value.as_str().into()).collect())
            }
            (Some(OnOversize::Drop), None) => {
                let span = chosen.map_or(&self.written.span, |chosen| &chosen.span);
                self.diagnostics.error(DiagnosticCode::MissingField, span, "`onOversize: drop` needs a `dropOrder`");
                Oversize::Reject
            }
            (Some(OnOversize::Reject) | None, order) => {
                if let Some(order) = order {
                    let message = "`dropOrder` has no effect without `onOversize: drop`";
                    self.diagnostics.warning(DiagnosticCode::IgnoredField, &order.span, message);
                }
                Oversize::Reject
            }
        }
    }

    fn anonymous(&self) -> Anonymous {
        let written = self.pick(|parameters| &parameters.anonymous).map(|value| value.value);
        written.unwrap_or(match self.context.compatibility {
            Compatibility::Apk => Anonymous::Mint,
            Compatibility::None | Compatibility::Apim => Anonymous::Omit,
        })
    }

    fn check_sensitive(&mut self, policy: &BackendJwtPolicy) {
        let named = match &policy.claims {
            ClaimSelection::All => Vec::new(),
            ClaimSelection::Only(rules) => rules.iter().map(|rule| &*rule.attribute).collect(),
        };
        let span = self.written.claims.as_ref().map_or(&self.written.span, |claims| &claims.span);
        for attribute in named.into_iter().filter(|name| policy.sensitive.forbids(name)) {
            let message = format!("attribute `{attribute}` is sensitive and not allowed for this API");
            let hint = "the operator allows it: backendJwt: { sensitive: { allow: [{ attribute, api, reason }] } }";
            self.diagnostics.push(Diagnostic::error(DiagnosticCode::SensitiveAttribute, span, message).with_hint(hint));
        }
    }

    fn check_weak(&mut self, policy: &BackendJwtPolicy) {
        let place = |span: Option<&Span>, own: &Span| span.unwrap_or(own).clone();
        if policy.encoding == Encoding::Base64 {
            let span = place(self.written.encoding.as_ref().map(|value| &value.span), &self.written.span);
            let message = "standard JWT libraries refuse a JWT in the `Base64` alphabet";
            let hint = "use `encoding: Base64url` unless the backend decodes it itself";
            self.diagnostics.push(Diagnostic::warning(DiagnosticCode::WeakSetting, &span, message).with_hint(hint));
        }
        let chosen = self.pick(|parameters| &parameters.anonymous);
        if let Some(value) = chosen.filter(|value| value.value == Anonymous::Mint) {
            let message = "a call without a caller gets a signed JWT too: a backend that only asks whether it is signed lets it in";
            self.diagnostics.warning(DiagnosticCode::WeakSetting, &value.span, message);
        }
    }
}

fn pick_from<'a, T>(
    written: &'a BackendJwtParameters,
    defaults: &'a BackendJwtParameters,
    field: impl Fn(&BackendJwtParameters) -> &Option<Spanned<T>>,
) -> Option<&'a Spanned<T>> {
    field(written).as_ref().or(field(defaults).as_ref())
}
