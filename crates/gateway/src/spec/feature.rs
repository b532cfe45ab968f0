//! Features that configuration can ask for and that are not built yet.
//!
//! Asking is refused by name: nothing is ignored in silence. Building a feature takes its line out of here.

/// A feature that is recognised and not built yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// APIs of type `GRAPHQL`.
    GraphQl,
    /// `aiRatelimit`
    AiRateLimit,
    /// `aiProvider`
    AiProvider,
    /// `Interceptor`
    Interceptor,
    /// `LuaInterceptor`
    LuaInterceptor,
    /// `WASMInterceptor`
    WasmInterceptor,
    /// `ModelBasedRoundRobin`
    ModelBasedRoundRobin,
    /// `WordCountGuardrail` and its kin.
    Guardrails,
    /// `endpointSecurity`
    EndpointSecurity,
    /// `certificate` of an endpoint.
    EndpointCertificate,
    /// `claimMappings` of a key manager.
    KeyManagerClaimMappings,
    /// `k8sBackend` of a key manager.
    KeyManagerBackend,
    /// `definitionPath`
    DefinitionPath,
}

impl Feature {
    /// Returns what it is called in messages.
    pub const fn text(self) -> &'static str {
        match self {
            Self::GraphQl => "GraphQL APIs",
            Self::AiRateLimit => "AI rate limits",
            Self::AiProvider => "AI providers",
            Self::Interceptor => "the policy `Interceptor`",
            Self::LuaInterceptor => "the policy `LuaInterceptor`",
            Self::WasmInterceptor => "the policy `WASMInterceptor`",
            Self::ModelBasedRoundRobin => "the policy `ModelBasedRoundRobin`",
            Self::Guardrails => "guardrail policies",
            Self::EndpointSecurity => "endpoint security",
            Self::EndpointCertificate => "endpoint certificates",
            Self::KeyManagerClaimMappings => "claim mappings of a key manager",
            Self::KeyManagerBackend => "key managers behind a Kubernetes service",
            Self::DefinitionPath => "serving an API's definition (`definitionPath`)",
        }
    }
}
