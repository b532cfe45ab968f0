//! An API definition, in the apk-conf form of WSO2 APK (both shapes in the wild) with our own fields.

use crate::{
    bind::{Form, Literal, RecordShape, Shape, Value, WebUrl},
    diagnostic::{Diagnostic, DiagnosticCode},
    path::EncodedSlash,
    span::{Span, Spanned},
    spec::{
        Authentication, ClaimMapping, Compatibility, Cors, EndpointConfigurations, Feature, Operation, Policies,
        RateLimit,
    },
};

/// One API.
#[derive(Clone, Debug, PartialEq)]
pub struct Api {
    /// The start of the file.
    pub span: Span,
    /// `id`
    pub id: Option<Spanned<String>>,
    /// `name`
    pub name: Spanned<String>,
    /// `basePath`
    pub base_path: Spanned<String>,
    /// `version`, as written.
    pub version: Option<Spanned<Literal>>,
    /// `type`
    pub api_type: Spanned<ApiType>,
    /// `defaultVersion`: served without its version too.
    pub default_version: Spanned<bool>,
    /// `subscriptionValidation`
    pub subscription_validation: Spanned<bool>,
    /// `environment`: an entry of the operator's `environments`.
    pub environment: Option<Spanned<String>>,
    /// `endpointConfigurations`
    pub endpoints: Option<EndpointConfigurations>,
    /// `operations`
    pub operations: Vec<Operation>,
    /// `apiPolicies`
    pub policies: Policies,
    /// `authentication`; absent: OAuth 2 in `Authorization`, mandatory.
    pub authentication: Option<Spanned<Vec<Authentication>>>,
    /// `keyManagers`: narrows the issuers; absent: all of them.
    pub key_managers: Option<Spanned<Vec<KeyManager>>>,
    /// `corsConfiguration`
    pub cors: Option<Cors>,
    /// `rateLimit`
    pub rate_limit: Option<RateLimit>,
    /// `additionalProperties`
    pub additional_properties: Vec<AdditionalProperty>,
    /// `compatibility`: over the gateway's.
    pub compatibility: Option<Spanned<Compatibility>>,
    /// `encodedSlash`
    pub encoded_slash: Spanned<EncodedSlash>,
}

impl Api {
    /// Returns what it is called by: its `id`, else its name and version; `None` without either.
    pub fn effective_id(&self) -> Option<String> {
        if let Some(id) = self.id.as_ref().filter(|id| !id.value.is_empty()) {
            return Some(id.value.clone());
        }
        let name = &self.name.value;
        let version = self.version.as_ref().map(|version| version.value.0.as_str());
        let version = version.filter(|version| !version.is_empty());
        let id = version.map_or_else(|| name.clone(), |version| format!("{name}:{version}"));
        (!name.is_empty()).then_some(id)
    }
}

/// `type`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ApiType {
    /// `REST`
    Rest,
    /// `GRPC`
    Grpc,
    /// `GRAPHQL`: recognised, refused.
    GraphQl,
}

/// One entry of `keyManagers`: an issuer of the operator's file, by name or by its `iss`.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyManager {
    /// `name`
    pub name: Spanned<String>,
    /// `issuer`; absent when the entry is a name alone.
    pub issuer: Option<Spanned<String>>,
    /// `JWKSEndpoint`: not used (the operator's file says where keys are).
    pub jwks_endpoint: Option<Spanned<WebUrl>>,
}

/// One entry of `additionalProperties`.
#[derive(Clone, Debug, PartialEq)]
pub struct AdditionalProperty {
    /// `name`
    pub name: Spanned<String>,
    /// `value`
    pub value: Spanned<Literal>,
}

impl Value for Api {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Api",
        about: "An API definition (apk-conf) of Countersign.",
        short: None,
        read: |form| {
            let api = Self::read(form);
            read_unbuilt(form);
            if *api.api_type == ApiType::GraphQl {
                form.refuse("type", Feature::GraphQl);
            } else {
                refuse_empty(form, "name", &api.name);
                refuse_empty(form, "basePath", &api.base_path);
                if let Some(version) = &api.version {
                    refuse_bad_version(form, version);
                }
            }
            api
        },
    });
}

impl Api {
    fn read(form: &mut Form<'_>) -> Self {
        Self {
            span: form.span(),
            id: form.optional("id", "A stable identifier; without it, the name and version."),
            name: form.required("name", "The API's name: the claim `apiname`."),
            base_path: form.required("basePath", "The path that it lives under, followed by its version."),
            version: form.optional("version", "The version, as written: `3.10` is not `3.1`."),
            api_type: form.defaulted("type", "REST", "What kind of API it is."),
            default_version: form.defaulted("defaultVersion", "false", "True: it answers without its version too."),
            subscription_validation: form.defaulted(
                "subscriptionValidation",
                "false",
                "True: only applications that have subscribed may call.",
            ),
            environment: form.optional(
                "environment",
                "An entry of the operator's `environments`: the host names that it answers on; without it, every one.",
            ),
            endpoints: form.optional("endpointConfigurations", "Where its calls go."),
            operations: form.required("operations", "What can be called."),
            policies: form.defaulted("apiPolicies", "{}", "Policies of every operation."),
            cors: form.optional("corsConfiguration", "Which pages of other origins may call."),
            rate_limit: form.optional("rateLimit", "How many calls of all its operations together are answered."),
            authentication: form.optional(
                "authentication",
                "How callers prove who they are: any of these. Without it, an OAuth 2 token in `Authorization`.",
            ),
            key_managers: form
                .optional("keyManagers", "Which of the operator's issuers are trusted here; without it, all of them."),
            additional_properties: form.defaulted(
                "additionalProperties",
                "[]",
                "Facts about the API, for custom claims.",
            ),
            compatibility: form.optional(
                "compatibility",
                "What this definition means where it is silent; without it, as the operator's file says.",
            ),
            encoded_slash: form.defaulted(
                "encodedSlash",
                "reject",
                "`allow`: `%2F` is data inside a path segment; otherwise such calls are answered 400.",
            ),
        }
    }
}

/// Fields of features that are not built yet: checked, refused when they ask for something, and kept nowhere.
fn read_unbuilt(form: &mut Form<'_>) {
    form.unbuilt("aiProvider", Feature::AiProvider, "The AI provider behind the API.");
    form.unbuilt("definitionPath", Feature::DefinitionPath, "Where the API's definition is served.");
}

fn refuse_empty(form: &mut Form<'_>, field: &str, text: &Spanned<String>) {
    if text.is_empty() {
        form.complain(DiagnosticCode::InvalidValue, &text.span, format!("`{field}` must not be empty"));
    }
}

/// WSO2's own rule for versions: a path segment without anything special.
fn refuse_bad_version(form: &mut Form<'_>, version: &Spanned<Literal>) {
    const SPECIAL: &str = "~!@#;:%^*()+={}|\\<>\"',&/$[]";
    let is_special = |character: char| SPECIAL.contains(character) || character.is_whitespace();
    if version.is_empty() || version.contains(is_special) {
        let message = format!("`version` must be neither empty nor hold white space or any of `{SPECIAL}`");
        form.complain(DiagnosticCode::InvalidValue, &version.span, message);
    }
}

impl Value for ApiType {
    const SHAPE: Shape<Self> =
        Shape::Words(Self::Rest, &[("REST", Self::Rest), ("GRPC", Self::Grpc), ("GRAPHQL", Self::GraphQl)]);
}

impl Value for EncodedSlash {
    const SHAPE: Shape<Self> = Shape::Words(Self::Refuse, &[("reject", Self::Refuse), ("allow", Self::Allow)]);
}

impl Value for KeyManager {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "KeyManager",
        about: "One of the operator's issuers, by its name there or by its `iss`.",
        short: Some(|name| Self { name, issuer: None, jwks_endpoint: None }),
        read: |form| {
            let manager = Self {
                name: form.required("name", "Its name; without `issuer`, its name in the operator's file."),
                issuer: form.optional("issuer", "Its `iss`, which the operator's file must know."),
                jwks_endpoint: form.optional("JWKSEndpoint", "No effect: the operator's file says where keys are."),
            };
            if let Some(endpoint) = &manager.jwks_endpoint {
                let message = "`JWKSEndpoint` has no effect: the operator's file says where this issuer's keys are";
                form.push(Diagnostic::warning(DiagnosticCode::IgnoredField, &endpoint.span, message));
            }
            form.gated::<Vec<ClaimMapping>>(
                "claimMappings",
                (Feature::KeyManagerClaimMappings, |mappings| !mappings.is_empty()),
                "Use the issuer's `claimMappings` in the operator's file.",
            );
            form.unbuilt("k8sBackend", Feature::KeyManagerBackend, "A Kubernetes service that serves its keys.");
            manager
        },
    });
}

impl Value for AdditionalProperty {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "AdditionalProperty",
        about: "A fact about the API.",
        short: None,
        read: |form| Self { name: form.required("name", "Its name."), value: form.required("value", "Its value.") },
    });
}
