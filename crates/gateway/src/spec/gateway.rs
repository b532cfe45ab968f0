//! `gateway`: who the gateway is, where it listens, and what it believes.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;

use crate::{
    bind::{RecordShape, Shape, Value, WebUrl},
    diagnostic::DiagnosticCode,
    forward::ReservedHeaderMode,
    proof_nonces::NonceDemand,
    span::Spanned,
    units::Bytes,
};

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
    /// `publicUrl`: how clients call the gateway.
    pub public_url: Option<Spanned<WebUrl>>,
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
    /// `streams`
    pub streams: Streams,
    /// `dpop`
    pub dpop: Dpop,
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
    /// `clientCertificates`
    pub client_certificates: Spanned<AskForCertificates>,
}

/// Whether clients are asked for a certificate in the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AskForCertificates {
    /// `none`
    None,
    /// `request`: asked for, not insisted on; each API decides which it trusts.
    Request,
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

/// What is asked of DPoP proofs.
#[derive(Clone, Debug, PartialEq)]
pub struct Dpop {
    /// `nonce`
    pub nonce: Spanned<NonceDemand>,
    /// `nonceLife`
    pub nonce_life: Spanned<Duration>,
}

/// How long streams live, and how many there may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Streams {
    /// `grace`: beyond the expiry of the caller's token.
    pub grace: Spanned<Duration>,
    /// `idleTimeout`: without anything passing.
    pub idle_timeout: Spanned<Duration>,
    /// `maxOpen`: of WebSocket and event streams.
    pub max_open: Spanned<u64>,
}

impl Value for Gateway {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Gateway",
        about: "The gateway's own settings.",
        short: None,
        read: |form| {
            Self {
            issuer: form.required("issuer", "`iss` of every Backend JWT; JWKS and discovery are published under it."),
            listeners: form.defaulted("listeners", "[{address: \"0.0.0.0:8080\"}]", "Where calls are served."),
            keys_address: form.optional(
                "keysAddress",
                "An internal address that serves JWKS and discovery alone, for backends that cannot reach the issuer's name.",
            ),
            jwks_url: form.optional("jwksUrl", "The JWKS address that discovery announces, if not under the issuer."),
            resource_metadata: form.optional(
                "resourceMetadata",
                "The address of the protected-resource metadata (RFC 9728) that `WWW-Authenticate` names.",
            ),
            public_url: form.optional(
                "publicUrl",
                "The address by which clients call the gateway: each API has its protected-resource metadata (RFC 9728) below it, and `WWW-Authenticate` names that, unless `resourceMetadata` names another.",
            ),
            clock_skew: form.defaulted(
                "clockSkew",
                "10s",
                "How far `iat` and `nbf` lie before now, for backends whose clock is behind.",
            ),
            reserved_headers: form.defaulted(
                "reservedHeaders",
                "[]",
                "Headers that are never taken from a client, besides those that policies mint.",
            ),
            reserved_header_mode: form.defaulted(
                "reservedHeaderMode",
                "strip",
                "What happens to a client's reserved header: it is removed, or the call answered 400.",
            ),
            trusted_proxies: form.defaulted(
                "trustedProxies",
                "[]",
                "Networks of proxies whose `Forwarded` and `X-Forwarded-*` are believed.",
            ),
            compatibility: form.defaulted(
                "compatibility",
                "none",
                "What API definitions mean where they are silent: the contract's defaults, or those of WSO2 APK or API Manager.",
            ),
            strict: form.defaulted("strict", "false", "Refuse to start when any API definition is broken."),
            workers: form.optional("workers", "Threads that serve calls; without it, one for each core."),
            shutdown_grace: form.defaulted(
                "shutdownGrace",
                "30s",
                "How long a stopping gateway waits for calls in flight.",
            ),
            limits: form.defaulted("limits", "{}", "Bounds on what a client may send."),
            upstream: form.defaulted("upstream", "{}", "How backends are called."),
            dpop: form.defaulted("dpop", "{}", "What is asked of DPoP proofs (RFC 9449)."),
            streams: form.defaulted("streams", "{}", "How long event streams, gRPC streams and WebSockets live."),
        }
        },
    });
}

impl Value for Listener {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Listener",
        about: "One address to serve on.",
        short: None,
        read: |form| Self {
            address: form.required("address", "An IP address and a port."),
            tls: form.optional("tls", "The server's certificate; without it, plain text."),
        },
    });
}

impl Value for Tls {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Tls",
        about: "A server's certificate and key.",
        short: None,
        read: |form| Self {
            certificate: form.required("certificate", "A PEM file: the chain, leaf first."),
            private_key: form.required("privateKey", "A PEM file."),
            client_certificates: form.defaulted(
                "clientCertificates",
                "none",
                "`request`: clients are asked for a certificate; each API says which ones it trusts.",
            ),
        },
    });
}

impl Value for AskForCertificates {
    const SHAPE: Shape<Self> = Shape::Words(Self::None, &[("none", Self::None), ("request", Self::Request)]);
}

impl Value for ReservedHeaderMode {
    const SHAPE: Shape<Self> = Shape::Words(Self::Strip, &[("strip", Self::Strip), ("reject", Self::Reject)]);
}

impl Value for Compatibility {
    const SHAPE: Shape<Self> =
        Shape::Words(Self::None, &[("none", Self::None), ("apk", Self::Apk), ("apim", Self::Apim)]);
}

impl Value for HeaderLimits {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "HeaderLimits",
        about: "Bounds on what a client may send before it is answered.",
        short: None,
        read: |form| Self {
            header_bytes: form.defaulted("headerBytes", "64KiB", "All header fields of one call."),
            headers: form.defaulted("headers", "100", "How many header fields."),
            header_timeout: form.defaulted(
                "headerTimeout",
                "10s",
                "From a call's first byte to the end of its header; in HTTP/2 `idleTimeout` bounds that.",
            ),
            idle_timeout: form.defaulted("idleTimeout", "75s", "How long a connection without a call is kept."),
        },
    });
}

impl Value for Upstream {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Upstream",
        about: "How backends are called.",
        short: None,
        read: |form| Self {
            connect_timeout: form.defaulted("connectTimeout", "5s", "To connect, TLS included."),
            response_timeout: form.defaulted(
                "responseTimeout",
                "60s",
                "To the response's header; an endpoint's `resiliency.timeout` overrides it.",
            ),
            idle_timeout: form.defaulted("idleTimeout", "30s", "How long a connection without a call is kept."),
            ca: form.optional("ca", "A PEM file of certificates that are trusted besides the system's."),
        },
    });
}

impl Value for Dpop {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Dpop",
        about: "What is asked of DPoP proofs.",
        short: None,
        read: |form| {
            let dpop = Self {
                nonce: form.defaulted(
                    "nonce",
                    "off",
                    "`required`: a proof holds a nonce that the gateway gave a moment ago, so that none is made in advance.",
                ),
                nonce_life: form.defaulted(
                    "nonceLife",
                    "2m",
                    "How long one nonce is given out; it is taken for as long again.",
                ),
            };
            if dpop.nonce_life.value < Duration::from_secs(1) {
                let message = "`nonceLife` must be at least 1s".to_owned();
                form.complain(DiagnosticCode::InvalidValue, &dpop.nonce_life.span, message);
            }
            dpop
        },
    });
}

impl Value for NonceDemand {
    const SHAPE: Shape<Self> = Shape::Words(Self::Off, &[("off", Self::Off), ("required", Self::Required)]);
}

impl Value for Streams {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Streams",
        about: "How long event streams, gRPC streams and WebSockets live.",
        short: None,
        read: |form| Self {
            grace: form.defaulted(
                "grace",
                "10s",
                "How long a stream may outlive the access token that it was opened with.",
            ),
            idle_timeout: form.defaulted("idleTimeout", "5m", "How long a stream is kept on which nothing passes."),
            max_open: form.defaulted(
                "maxOpen",
                "10000",
                "How many WebSockets and event streams may be open at a time.",
            ),
        },
    });
}
