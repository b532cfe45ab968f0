//! `gateway`: who the gateway is, where it listens, and what it believes.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;

use crate::{bind::WebUrl, forward::ReservedHeaderMode, span::Spanned, units::Bytes};

/// The gateway's own settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Gateway {
    /// `issuer`: `iss` of every Backend JWT.
    pub issuer: Spanned<String>,
    /// `listeners`
    pub listeners: Vec<Listener>,
    /// `keysAddress`: JWKS and discovery alone, for backends that cannot reach the public name.
    pub keys_address: Option<Spanned<SocketAddr>>,
    /// `jwksUrl`: the JWKS address that discovery announces, if not under the issuer.
    pub jwks_url: Option<Spanned<WebUrl>>,
    /// `resourceMetadata`: the RFC 9728 address in `WWW-Authenticate`.
    pub resource_metadata: Option<Spanned<WebUrl>>,
    /// `clockSkew`: how far `iat` and `nbf` lie before now.
    pub clock_skew: Spanned<Duration>,
    /// `reservedHeaders`: never taken from a client, besides the ones that policies mint.
    pub reserved_headers: Vec<Spanned<String>>,
    /// `reservedHeaderMode`
    pub reserved_header_mode: Spanned<ReservedHeaderMode>,
    /// `trustedProxies`: whose `X-Forwarded-*` is believed.
    pub trusted_proxies: Vec<Spanned<IpNet>>,
    /// `compatibility`
    pub compatibility: Spanned<Compatibility>,
    /// `strict`: refuse to start when any API file is broken.
    pub strict: Spanned<bool>,
    /// `workers`: threads that serve; absent: one for each core.
    pub workers: Option<Spanned<u64>>,
    /// `shutdownGrace`: how long a stopping gateway waits for requests in flight.
    pub shutdown_grace: Spanned<Duration>,
    /// `limits`
    pub limits: HeaderLimits,
    /// `upstream`
    pub upstream: Upstream,
}

/// One address to serve on.
#[derive(Clone, Debug, PartialEq)]
pub struct Listener {
    /// `address`
    pub address: Spanned<SocketAddr>,
    /// `tls`; absent: plain text.
    pub tls: Option<Tls>,
}

/// A server's certificate and key, both PEM.
#[derive(Clone, Debug, PartialEq)]
pub struct Tls {
    /// `certificate`: the chain, leaf first.
    pub certificate: Spanned<PathBuf>,
    /// `privateKey`
    pub private_key: Spanned<PathBuf>,
}

/// What an API definition means where it is silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compatibility {
    /// `none`: the contract's own defaults.
    None,
    /// `apk`: as WSO2 APK.
    Apk,
    /// `apim`: as WSO2 API Manager.
    Apim,
}

/// Bounds on what a client may send before it is answered.
#[derive(Clone, Debug, PartialEq)]
pub struct HeaderLimits {
    /// `headerBytes`: of all header fields of one request.
    pub header_bytes: Spanned<Bytes>,
    /// `headers`: how many fields.
    pub headers: Spanned<u64>,
    /// `headerTimeout`: from the first byte to the end of the header.
    pub header_timeout: Spanned<Duration>,
    /// `idleTimeout`: of a kept-alive connection.
    pub idle_timeout: Spanned<Duration>,
}

/// How backends are called.
#[derive(Clone, Debug, PartialEq)]
pub struct Upstream {
    /// `connectTimeout`
    pub connect_timeout: Spanned<Duration>,
    /// `responseTimeout`: to the response's header; an endpoint's `resiliency.timeout` overrides.
    pub response_timeout: Spanned<Duration>,
    /// `idleTimeout`: of a pooled connection.
    pub idle_timeout: Spanned<Duration>,
    /// `ca`: PEM certificates trusted besides the system's.
    pub ca: Option<Spanned<PathBuf>>,
}
