//! `apiPolicies` and `operationPolicies`: what happens to a request and its response.

use crate::{
    bind::{Form, RecordShape, Shape, Support, TaggedShape, Value, Variant},
    diagnostic::DiagnosticCode,
    span::{Span, Spanned},
    spec::{BackendJwtParameters, Feature, HeaderPolicy, RequestMirror, RequestRedirect},
};

/// The policies of one API or operation. Those not built yet are refused and leave nothing here.
#[derive(Clone, Debug, PartialEq)]
pub struct Policies {
    /// Where they stand; where the API or operation stands when there are none.
    pub span: Span,
    /// The `BackendJwt` policies of `request`, in file order.
    pub backend_jwt: Vec<BackendJwtPolicy>,
    /// The `RequestRedirect` policies of `request`, of which there may be one.
    pub redirects: Vec<RequestRedirect>,
    /// The `RequestMirror` policies of `request`.
    pub mirrors: Vec<RequestMirror>,
    /// What `request` does to fields, in file order.
    pub request_headers: Vec<HeaderPolicy>,
    /// What `response` does to fields, in file order.
    pub response_headers: Vec<HeaderPolicy>,
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
            let response: Vec<ResponsePolicy> = form.defaulted("response", "[]", "Policies of its answer.");
            let mut policies = Self {
                span: form.span(),
                backend_jwt: Vec::new(),
                redirects: Vec::new(),
                mirrors: Vec::new(),
                request_headers: Vec::new(),
                response_headers: response.into_iter().filter_map(|ResponsePolicy(policy)| policy).collect(),
            };
            for policy in request {
                match policy {
                    RequestPolicy::BackendJwt(policy) => policies.backend_jwt.push(*policy),
                    RequestPolicy::Header(policy) => policies.request_headers.push(policy),
                    RequestPolicy::Mirror(policy) => policies.mirrors.push(policy),
                    RequestPolicy::Redirect(policy) => policies.redirects.push(*policy),
                    RequestPolicy::Refused => {}
                }
            }
            policies
        },
    });
}

/// An entry of `request`.
#[derive(Clone)]
enum RequestPolicy {
    BackendJwt(Box<BackendJwtPolicy>),
    Header(HeaderPolicy),
    Mirror(RequestMirror),
    Redirect(Box<RequestRedirect>),
    Refused,
}

/// An entry of `response`; nothing for a policy that is refused.
#[derive(Clone)]
struct ResponsePolicy(Option<HeaderPolicy>);

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
                read: |form| Self::BackendJwt(Box::new(read_backend_jwt(form))),
            },
            Variant {
                words: &["AddHeader"],
                about: "Adds a header field beside those of its name.",
                support: Support::Built,
                read: |form| Self::Header(HeaderPolicy::add(form)),
            },
            Variant {
                words: &["SetHeader"],
                about: "Sets a header field in place of those of its name.",
                support: Support::Built,
                read: |form| Self::Header(HeaderPolicy::set(form)),
            },
            Variant {
                words: &["RemoveHeader"],
                about: "Removes the header fields of a name.",
                support: Support::Built,
                read: |form| Self::Header(HeaderPolicy::remove(form)),
            },
            Variant {
                words: &["RequestMirror"],
                about: "Copies the call.",
                support: Support::Built,
                read: |form| Self::Mirror(RequestMirror::read(form)),
            },
            Variant {
                words: &["RequestRedirect"],
                about: "Redirects the caller.",
                support: Support::Built,
                read: |form| Self::Redirect(Box::new(RequestRedirect::read(form))),
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
        stand_in: |_| Self::Refused,
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
                words: &["AddHeader"],
                about: "Adds a header field beside those of its name.",
                support: Support::Built,
                read: |form| Self(Some(HeaderPolicy::add(form))),
            },
            Variant {
                words: &["SetHeader"],
                about: "Sets a header field in place of those of its name.",
                support: Support::Built,
                read: |form| Self(Some(HeaderPolicy::set(form))),
            },
            Variant {
                words: &["RemoveHeader"],
                about: "Removes the header fields of a name.",
                support: Support::Built,
                read: |form| Self(Some(HeaderPolicy::remove(form))),
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
        stand_in: |_| Self(None),
    });
}

const BACKEND_JWT: &[&str] = &["BackendJwt", "BackendJWT", "backend-jwt"];
const GUARDRAILS: &[&str] = &[
    "WordCountGuardrail",
    "SentenceCountGuardrail",
    "ContentLengthGuardrail",
    "PIIMaskingGuardrail",
    "URLGuardrail",
    "RegexGuardrail",
];

fn read_backend_jwt(form: &mut Form<'_>) -> BackendJwtPolicy {
    BackendJwtPolicy {
        span: form.span(),
        policy_id: read_identity(form),
        parameters: form.defaulted("parameters", "{}", "Its parameters; one that is left out comes from the gateway."),
    }
}

/// Reads the version, of which there is one, and the identifier of a policy.
pub(super) fn read_identity(form: &mut Form<'_>) -> Option<Spanned<String>> {
    form.optional::<PolicyVersion>("policyVersion", "The contract that it follows.");
    form.optional("policyId", "An identifier, for people.")
}

impl RequestPolicy {
    fn refuse(form: &mut Form<'_>, feature: Feature) -> Self {
        refuse(form, feature);
        Self::Refused
    }
}

impl ResponsePolicy {
    fn refuse(form: &mut Form<'_>, feature: Feature) -> Self {
        refuse(form, feature);
        Self(None)
    }

    fn misplaced(form: &mut Form<'_>) -> Self {
        ignore_parameters(form);
        let span = form.place_of("policyName");
        let message = "`BackendJwt` belongs into `request`: the backend has answered already".to_owned();
        form.complain(DiagnosticCode::InvalidValue, &span, message);
        Self(None)
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

/// `policyVersion`
#[derive(Clone, Copy)]
enum PolicyVersion {
    V1,
}

impl Value for PolicyVersion {
    const SHAPE: Shape<Self> = Shape::Words(Self::V1, &[("v1", Self::V1)]);
}
