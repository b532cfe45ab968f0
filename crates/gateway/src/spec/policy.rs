//! `apiPolicies` and `operationPolicies`: what happens to a request and its response.

use crate::{
    bind::{Form, RecordShape, Shape, Support, TaggedShape, Value, Variant},
    diagnostic::DiagnosticCode,
    span::{Span, Spanned},
    spec::{BackendJwtParameters, Feature},
};

/// The policies of one API or operation. Those not built yet are refused and leave nothing here.
#[derive(Clone, Debug, PartialEq)]
pub struct Policies {
    /// Where they stand; where the API or operation stands when there are none.
    pub span: Span,
    /// The `BackendJwt` policies of `request`, in file order.
    pub backend_jwt: Vec<BackendJwtPolicy>,
}

/// One `BackendJwt` policy.
#[derive(Clone, Debug, PartialEq)]
pub struct BackendJwtPolicy {
    /// Where the entry stands.
    pub span: Span,
    /// `policyId`
    pub policy_id: Option<Spanned<String>>,
    /// `parameters`
    pub parameters: BackendJwtParameters,
}

impl Value for Policies {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Policies",
        about: "What happens to a call and its answer.",
        short: None,
        read: |form| {
            let request: Vec<RequestPolicy> = form.defaulted("request", "[]", "Policies of the call.");
            form.optional::<Vec<ResponsePolicy>>("response", "Policies of its answer.");
            Self {
                span: form.span(),
                backend_jwt: request.into_iter().filter_map(|RequestPolicy(policy)| policy).collect(),
            }
        },
    });
}

/// An entry of `request`; nothing for a policy that is refused.
#[derive(Clone)]
struct RequestPolicy(Option<BackendJwtPolicy>);

/// An entry of `response`: none of them is built yet.
#[derive(Clone)]
struct ResponsePolicy;

impl Value for RequestPolicy {
    const SHAPE: Shape<Self> = Shape::Tagged(TaggedShape {
        name: "RequestPolicy",
        about: "A policy of the call.",
        tag: "policyName",
        variants: &[
            Variant {
                words: BACKEND_JWT,
                about: "The backend receives a signed JWT that says who the caller is.",
                support: Support::Built,
                read: |form| Self(Some(read_backend_jwt(form))),
            },
            Variant {
                words: HEADERS,
                about: "Changes a header.",
                support: Support::Unbuilt(Feature::HeaderPolicies),
                read: |form| Self::refuse(form, Feature::HeaderPolicies),
            },
            Variant {
                words: &["RequestMirror"],
                about: "Copies the call.",
                support: Support::Unbuilt(Feature::RequestMirror),
                read: |form| Self::refuse(form, Feature::RequestMirror),
            },
            Variant {
                words: &["RequestRedirect"],
                about: "Redirects the caller.",
                support: Support::Unbuilt(Feature::RequestRedirect),
                read: |form| Self::refuse(form, Feature::RequestRedirect),
            },
            Variant {
                words: &["Interceptor"],
                about: "Asks a service.",
                support: Support::Unbuilt(Feature::Interceptor),
                read: |form| Self::refuse(form, Feature::Interceptor),
            },
            Variant {
                words: &["LuaInterceptor"],
                about: "Runs Lua.",
                support: Support::Unbuilt(Feature::LuaInterceptor),
                read: |form| Self::refuse(form, Feature::LuaInterceptor),
            },
            Variant {
                words: &["WASMInterceptor"],
                about: "Runs WebAssembly.",
                support: Support::Unbuilt(Feature::WasmInterceptor),
                read: |form| Self::refuse(form, Feature::WasmInterceptor),
            },
            Variant {
                words: &["ModelBasedRoundRobin"],
                about: "Chooses an AI model.",
                support: Support::Unbuilt(Feature::ModelBasedRoundRobin),
                read: |form| Self::refuse(form, Feature::ModelBasedRoundRobin),
            },
            Variant {
                words: GUARDRAILS,
                about: "Checks the content.",
                support: Support::Unbuilt(Feature::Guardrails),
                read: |form| Self::refuse(form, Feature::Guardrails),
            },
        ],
        stand_in: |_| Self(None),
    });
}

impl Value for ResponsePolicy {
    const SHAPE: Shape<Self> = Shape::Tagged(TaggedShape {
        name: "ResponsePolicy",
        about: "A policy of the answer.",
        tag: "policyName",
        variants: &[
            Variant {
                words: BACKEND_JWT,
                about: "Belongs into `request`.",
                support: Support::Misplaced,
                read: Self::misplaced,
            },
            Variant {
                words: HEADERS,
                about: "Changes a header.",
                support: Support::Unbuilt(Feature::HeaderPolicies),
                read: |form| Self::refuse(form, Feature::HeaderPolicies),
            },
            Variant {
                words: &["Interceptor"],
                about: "Asks a service.",
                support: Support::Unbuilt(Feature::Interceptor),
                read: |form| Self::refuse(form, Feature::Interceptor),
            },
            Variant {
                words: &["LuaInterceptor"],
                about: "Runs Lua.",
                support: Support::Unbuilt(Feature::LuaInterceptor),
                read: |form| Self::refuse(form, Feature::LuaInterceptor),
            },
            Variant {
                words: &["WASMInterceptor"],
                about: "Runs WebAssembly.",
                support: Support::Unbuilt(Feature::WasmInterceptor),
                read: |form| Self::refuse(form, Feature::WasmInterceptor),
            },
            Variant {
                words: GUARDRAILS,
                about: "Checks the content.",
                support: Support::Unbuilt(Feature::Guardrails),
                read: |form| Self::refuse(form, Feature::Guardrails),
            },
        ],
        stand_in: |_| Self,
    });
}

const BACKEND_JWT: &[&str] = &["BackendJwt", "BackendJWT", "backend-jwt"];
const HEADERS: &[&str] = &["AddHeader", "SetHeader", "RemoveHeader"];
const GUARDRAILS: &[&str] = &[
    "WordCountGuardrail",
    "SentenceCountGuardrail",
    "ContentLengthGuardrail",
    "PIIMaskingGuardrail",
    "URLGuardrail",
    "RegexGuardrail",
];

fn read_backend_jwt(form: &mut Form<'_>) -> BackendJwtPolicy {
    form.optional::<PolicyVersion>("policyVersion", "The contract that it follows.");
    BackendJwtPolicy {
        span: form.span(),
        policy_id: form.optional("policyId", "An identifier, for people."),
        parameters: form.defaulted("parameters", "{}", "Its parameters; one that is left out comes from the gateway."),
    }
}

impl RequestPolicy {
    fn refuse(form: &mut Form<'_>, feature: Feature) -> Self {
        refuse(form, feature);
        Self(None)
    }
}

impl ResponsePolicy {
    fn refuse(form: &mut Form<'_>, feature: Feature) -> Self {
        refuse(form, feature);
        Self
    }

    fn misplaced(form: &mut Form<'_>) -> Self {
        ignore_parameters(form);
        let span = form.place_of("policyName");
        let message = "`BackendJwt` belongs into `request`: the backend has answered already".to_owned();
        form.complain(DiagnosticCode::InvalidValue, &span, message);
        Self
    }
}

/// Refuses a policy that is not built yet, whatever its parameters.
fn refuse(form: &mut Form<'_>, feature: Feature) {
    ignore_parameters(form);
    form.refuse("policyName", feature);
}

fn ignore_parameters(form: &mut Form<'_>) {
    form.ignored("policyVersion", "Its version.");
    form.ignored("policyId", "An identifier, for people.");
    form.ignored("parameters", "Its parameters.");
}

/// `policyVersion` of `BackendJwt`.
#[derive(Clone, Copy)]
enum PolicyVersion {
    V1,
}

impl Value for PolicyVersion {
    const SHAPE: Shape<Self> = Shape::Words(Self::V1, &[("v1", Self::V1)]);
}
