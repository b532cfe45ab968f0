//! An API definition, in the apk-conf form of WSO2 APK (both shapes in the wild) with our own fields.

use crate::{
    bind::{Literal, WebUrl},
    path::EncodedSlash,
    span::{Span, Spanned},
    spec::{Authentication, Compatibility, EndpointConfigurations, Operation, Policies},
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
    /// `definitionPath`: where the OpenAPI document is served; not built yet, gives a warning.
    pub definition_path: Option<Spanned<String>>,
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
    /// `additionalProperties`
    pub additional_properties: Vec<AdditionalProperty>,
    /// `compatibility`: over the gateway's.
    pub compatibility: Option<Spanned<Compatibility>>,
    /// `encodedSlash`
    pub encoded_slash: Spanned<EncodedSlash>,
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
