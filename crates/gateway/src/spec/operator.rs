//! `countersign.yaml`, the operator's file: who is trusted, where users live, which keys sign.

use std::path::PathBuf;

use claims::{Algorithm, Anonymous, AttributeFailure, Encoding, TokenId, UnknownUser};

use crate::{
    bind::{Form, RecordShape, Shape, Value},
    diagnostic::DiagnosticCode,
    span::{Span, Spanned},
    spec::{
        Admin, Application, BackendJwtParameters, ClientCertificates, Dialect, Envoy, Events, Gateway, Issuer, Keys,
        State, UserStore,
    },
    units::{Bytes, Lifetime},
};

/// The operator's file.
#[derive(Clone, Debug, PartialEq)]
pub struct Operator {
    /// The start of the file.
    pub span: Span,
    /// `gateway`
    pub gateway: Gateway,
    /// `backendJwt`
    pub backend_jwt: BackendJwt,
    /// `admin`
    pub admin: Admin,
    /// `events`; absent: nobody tells.
    pub events: Option<Events>,
    /// `envoy`; absent: no Envoy asks.
    pub envoy: Option<Envoy>,
    /// `apis`
    pub apis: Apis,
    /// `state`; absent: API definitions are files.
    pub state: Option<State>,
    /// `environments`
    pub environments: Vec<Environment>,
    /// `keys`
    pub keys: Keys,
    /// `issuers`
    pub issuers: Vec<Issuer>,
    /// `clientCertificates`
    pub client_certificates: Vec<ClientCertificates>,
    /// `sharedSubjects`: one `sub` means one person at all issuers.
    pub shared_subjects: Spanned<bool>,
    /// `userStores`
    pub user_stores: Vec<UserStore>,
    /// `dialects`
    pub dialects: Vec<Dialect>,
    /// `applications`
    pub applications: Vec<Application>,
    /// `cache`
    pub cache: Cache,
    /// `audit`
    pub audit: Audit,
}

/// `backendJwt`: the gateway-level policy, and bounds on what API authors may write.
#[derive(Clone, Debug, PartialEq)]
pub struct BackendJwt {
    /// Where it stands; the file's start when left out.
    pub span: Span,
    /// `enabled`: every API gets the policy.
    pub enabled: Spanned<bool>,
    /// `defaults`: what a policy's absent parameters are.
    pub defaults: BackendJwtParameters,
    /// `limits`
    pub limits: BackendJwtLimits,
    /// `allowedHeaders`: exactly these may be minted; absent: the built-in rule.
    pub allowed_headers: Option<Spanned<Vec<Spanned<String>>>>,
    /// `allowUnsigned`: `signingAlgorithm: none` is not refused.
    pub allow_unsigned: Spanned<bool>,
    /// `sensitive`
    pub sensitive: Sensitive,
}

/// `backendJwt.limits`: each absent one bounds nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BackendJwtLimits {
    /// `tokenTTL`: the longest.
    pub token_ttl: Option<Spanned<Lifetime>>,
    /// `maxHeaderBytes`: the largest.
    pub max_header_bytes: Option<Spanned<Bytes>>,
    /// `signingAlgorithm`: one of these.
    pub signing_algorithm: Option<Spanned<Vec<Spanned<Algorithm>>>>,
    /// `encoding`: one of these.
    pub encoding: Option<Spanned<Vec<Spanned<Encoding>>>>,
    /// `dialect`: one of these, by name or URI.
    pub dialect: Option<Spanned<Vec<Spanned<String>>>>,
    /// `claims`: attributes that may be sent at all.
    pub claims: Option<Spanned<Vec<Spanned<String>>>>,
    /// `tokenClaims`: claims of the inbound token that may be passed on.
    pub token_claims: Option<Spanned<Vec<Spanned<String>>>>,
    /// `userStore`: only these.
    pub user_store: Option<Spanned<Vec<Spanned<String>>>>,
    /// `onAttributeFailure`: one of these.
    pub on_attribute_failure: Option<Spanned<Vec<Spanned<AttributeFailure>>>>,
    /// `onUnknownUser`: one of these.
    pub on_unknown_user: Option<Spanned<Vec<Spanned<UnknownUser>>>>,
    /// `anonymous`: one of these.
    pub anonymous: Option<Spanned<Vec<Spanned<Anonymous>>>>,
    /// `tokenId`: one of these.
    pub token_id: Option<Spanned<Vec<Spanned<TokenId>>>>,
}

/// `backendJwt.sensitive`: attributes that are not minted without leave.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensitive {
    /// `attributes`: names or patterns with `*`, besides the built-in ones.
    pub attributes: Vec<Spanned<String>>,
    /// `allow`
    pub allow: Vec<SensitiveAllowance>,
}

/// Leave for one API to receive one sensitive attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct SensitiveAllowance {
    /// `attribute`
    pub attribute: Spanned<String>,
    /// `api`: its name.
    pub api: Spanned<String>,
    /// `reason`: for the disclosure report.
    pub reason: Spanned<String>,
}

/// `apis`
#[derive(Clone, Debug, PartialEq)]
pub struct Apis {
    /// `directory`: where API definitions are.
    pub directory: Spanned<PathBuf>,
}

/// One entry of `environments`.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    /// `name`: what an API's `environment` names.
    pub name: Spanned<String>,
    /// `hosts`
    pub hosts: Vec<Spanned<String>>,
}

/// `cache`
#[derive(Clone, Debug, PartialEq)]
pub struct Cache {
    /// `maxBytes`: of known credentials and their JWTs.
    pub max_bytes: Spanned<Bytes>,
}

/// `audit`
#[derive(Clone, Debug, PartialEq)]
pub struct Audit {
    /// `mode`: when the writer cannot keep up.
    pub mode: Spanned<AuditMode>,
    /// `file`: absent: standard output.
    pub file: Option<Spanned<PathBuf>>,
    /// `enabled`
    pub enabled: Spanned<bool>,
}

/// What happens when audit records come faster than they can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuditMode {
    /// `block`: requests wait.
    Block,
    /// `drop`: records are dropped and counted.
    Drop,
}

/// Fields of the operator's file that an API author may look for in an API definition.
pub(crate) const OPERATOR_ONLY_FIELDS: &[&str] = &[
    "gateway",
    "backendJwt",
    "admin",
    "events",
    "envoy",
    "apis",
    "state",
    "environments",
    "keys",
    "issuers",
    "clientCertificates",
    "userStores",
    "dialects",
    "applications",
];

impl Value for Operator {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Operator",
        about: "The operator's file of Countersign: who is trusted, where users live, which keys sign.",
        short: None,
        read: |form| {
            let operator = Self {
                span: form.span(),
                gateway: form.required("gateway", "The gateway's own settings."),
                backend_jwt: form.defaulted("backendJwt", "{}", "The Backend JWT for every API, and its bounds."),
                admin: form.defaulted("admin", "{}", "The admin listener: REST API, console, health, metrics."),
                events: form.optional("events", "Where others tell that a user has changed: webhooks, Shared Signals."),
                envoy: form
                    .optional("envoy", "Where Envoy asks about the calls that it forwards itself (`ext_authz`)."),
                apis: form.defaulted("apis", "{}", "The API definitions."),
                state: form.optional("state", "A PostgreSQL database in which API definitions and applications live."),
                environments: form.defaulted("environments", "[]", "Names for sets of host names."),
                keys: form.defaulted("keys", "{}", "The keys that sign Backend JWTs."),
                issuers: form.defaulted("issuers", "[]", "Whose access tokens are trusted."),
                client_certificates: form.defaulted(
                    "clientCertificates",
                    "[]",
                    "Whose client certificates are trusted, and who their holders are.",
                ),
                shared_subjects: form.defaulted(
                    "sharedSubjects",
                    "false",
                    "True: one `sub` means the same person at all issuers.",
                ),
                user_stores: form.defaulted("userStores", "[]", "Where end users' attributes live."),
                dialects: form.defaulted(
                    "dialects",
                    "[]",
                    "Vocabularies of claims, besides `wso2`, `oidc` and `scim`.",
                ),
                applications: form.defaulted("applications", "[]", "The client applications and their subscriptions."),
                cache: form.defaulted("cache", "{}", "The cache of known callers and their Backend JWTs."),
                audit: form.defaulted("audit", "{}", "One record for each call."),
            };
            refuse_two_places(form);
            operator
        },
    });
}

/// API definitions live in one place.
fn refuse_two_places(form: &mut Form<'_>) {
    if form.seems_to_have("apis") && form.seems_to_have("state") {
        let message = "`apis` and `state` exclude one another: API definitions live in files or in a database";
        let span = form.place_of("apis");
        form.complain(DiagnosticCode::ConflictingFields, &span, message.to_owned());
    }
}

impl Value for BackendJwt {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "BackendJwt",
        about: "The Backend JWT for every API, and bounds on what API authors may write.",
        short: None,
        read: |form| Self {
            span: form.span(),
            enabled: form.defaulted(
                "enabled",
                "false",
                "True: every API gets the policy; APIs and operations override it.",
            ),
            defaults: form.defaulted("defaults", "{}", "What parameters are that a policy leaves out."),
            limits: form.defaulted("limits", "{}", "Bounds on the parameters that API authors may write."),
            allowed_headers: form.optional(
                "allowedHeaders",
                "Exactly these headers may carry a Backend JWT; without it, `Authorization` and most `X-` ones.",
            ),
            allow_unsigned: form.defaulted("allowUnsigned", "false", "True: `signingAlgorithm: none` is not refused."),
            sensitive: form.defaulted("sensitive", "{}", "Attributes that are not sent without leave."),
        },
    });
}

impl Value for BackendJwtLimits {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "BackendJwtLimits",
        about: "Bounds on the parameters that API authors may write; one that is left out bounds nothing.",
        short: None,
        read: |form| Self {
            token_ttl: form.optional("tokenTTL", "The longest life."),
            max_header_bytes: form.optional("maxHeaderBytes", "The largest header."),
            signing_algorithm: form.optional("signingAlgorithm", "One of these."),
            encoding: form.optional("encoding", "One of these."),
            dialect: form.optional("dialect", "One of these, by name or URI."),
            claims: form.optional("claims", "The attributes that may be sent at all."),
            token_claims: form.optional("tokenClaims", "The inbound token's claims that may be passed on at all."),
            user_store: form.optional("userStore", "The user stores that may be named."),
            on_attribute_failure: form.optional("onAttributeFailure", "One of these."),
            on_unknown_user: form.optional("onUnknownUser", "One of these."),
            anonymous: form.optional("anonymous", "One of these."),
            token_id: form.optional("tokenId", "One of these."),
        },
    });
}

impl Value for Sensitive {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Sensitive",
        about: "Attributes that are not sent without the operator's leave.",
        short: None,
        read: |form| Self {
            attributes: form.defaulted(
                "attributes",
                "[]",
                "Names, or patterns with `*`, besides the built-in ones (`userPassword`, `*secret*` …).",
            ),
            allow: form.defaulted("allow", "[]", "Leave for single APIs."),
        },
    });
}

impl Value for SensitiveAllowance {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "SensitiveAllowance",
        about: "Leave for one API to receive one sensitive attribute.",
        short: None,
        read: |form| Self {
            attribute: form.required("attribute", "The attribute."),
            api: form.required("api", "The API's name."),
            reason: form.required("reason", "Why, for the disclosure report."),
        },
    });
}

impl Value for Apis {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Apis",
        about: "The API definitions.",
        short: None,
        read: |form| Self {
            directory: form.defaulted("directory", "apis/", "The folder of `*.yaml`, `*.yml` and `*.apk-conf` files."),
        },
    });
}

impl Value for Environment {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Environment",
        about: "A name for a set of host names, which an API's `environment` refers to.",
        short: None,
        read: |form| Self {
            name: form.required("name", "Its name."),
            hosts: form.required("hosts", "Host names, without port."),
        },
    });
}

impl Value for Cache {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Cache",
        about: "The cache of known callers and their Backend JWTs.",
        short: None,
        read: |form| Self { max_bytes: form.defaulted("maxBytes", "64MiB", "Its size.") },
    });
}

impl Value for Audit {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Audit",
        about: "One record for each call.",
        short: None,
        read: |form| Self {
            mode: form.defaulted(
                "mode",
                "block",
                "When records cannot be written fast enough: calls wait, or records are dropped and counted.",
            ),
            file: form.optional("file", "The file to append to; without it, standard output."),
            enabled: form.defaulted("enabled", "true", "Whether records are written."),
        },
    });
}

impl Value for AuditMode {
    const SHAPE: Shape<Self> = Shape::Words(Self::Block, &[("block", Self::Block), ("drop", Self::Drop)]);
}
