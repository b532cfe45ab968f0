//! `envoy`: where Envoy asks about calls that it forwards itself (`ext_authz`, docs/envoy.md).

use std::{net::SocketAddr, path::PathBuf};

use crate::{
    bind::{RecordShape, Shape, Value},
    span::Spanned,
};

/// `envoy`
#[derive(Clone, Debug, PartialEq)]
pub struct Envoy {
    /// `address`
    pub address: Spanned<SocketAddr>,
    /// `tls`; absent: plain text.
    pub tls: Option<EnvoyTls>,
}

/// What the listener shows to Envoy, and asks of it. All files are PEM.
#[derive(Clone, Debug, PartialEq)]
pub struct EnvoyTls {
    /// `certificate`: the chain, leaf first.
    pub certificate: Spanned<PathBuf>,
    /// `privateKey`
    pub private_key: Spanned<PathBuf>,
    /// `clientCa`: who vouches for the Envoys that are answered; absent: anybody is.
    pub client_ca: Option<Spanned<PathBuf>>,
}

impl Envoy {
    /// True when nobody but the operator's own Envoys can ask: they show a certificate, or are on this machine.
    pub fn is_private(&self) -> bool {
        self.address.value.ip().to_canonical().is_loopback() || self.client_ca().is_some()
    }

    /// Returns `tls.clientCa`.
    pub fn client_ca(&self) -> Option<&Spanned<PathBuf>> {
        self.tls.as_ref()?.client_ca.as_ref()
    }
}

impl Value for Envoy {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "Envoy",
        about: "Where Envoy asks about the calls that it forwards itself (`ext_authz`).",
        short: None,
        read: |form| Self {
            address: form.required("address", "An IP address and a port."),
            tls: form.optional("tls", "The listener's certificate; without it, plain text."),
        },
    });
}

impl Value for EnvoyTls {
    const SHAPE: Shape<Self> = Shape::Record(RecordShape {
        name: "EnvoyTls",
        about: "What the listener for Envoy shows, and asks of Envoy.",
        short: None,
        read: |form| Self {
            certificate: form.required("certificate", "A PEM file: the chain, leaf first."),
            private_key: form.required("privateKey", "A PEM file."),
            client_ca: form
                .optional("clientCa", "A PEM file: only an Envoy with a certificate of these authorities is answered."),
        },
    });
}
