//! The addresses that the process serves on, with the certificates that it shows there, as the operator's file says it.
//!
//! Every certificate that cannot be used is found at once, each with its place: by `check` before, by `serve` at its start.

use std::{path::PathBuf, sync::Arc};

use dataplane::{Asker, ClientCertificates, Listener, Role, TlsError, TlsIdentity};
use gateway::{Diagnostic, DiagnosticCode, Diagnostics, Spanned, spec};

/// Everything that is listened on but the admin address.
#[derive(Debug)]
pub(crate) struct Listeners {
    /// Those of the data plane.
    pub(crate) data: Vec<Listener>,
    /// What the listener for events shows, if it has TLS.
    pub(crate) events: Option<Arc<TlsIdentity>>,
    /// What they all show.
    pub(crate) identities: Vec<Identity>,
}

/// A listener's certificate and key, and the files that they are from: to be replaced when those change.
pub(crate) type Identity = (Arc<TlsIdentity>, PathBuf, PathBuf);

impl Listeners {
    /// Reads what the operator's file names; what cannot be used is reported and left out.
    pub(crate) fn read(operator: &spec::Operator, diagnostics: &mut Diagnostics) -> Self {
        let mut reader = Reader { identities: Vec::new(), diagnostics };
        let mut data = Vec::new();
        for written in &operator.gateway.listeners {
            let tls = written.tls.as_ref().and_then(|tls| reader.shown(tls));
            data.push(Listener { address: written.address.value, role: Role::Data, tls });
        }
        if let Some(address) = &operator.gateway.keys_address {
            data.push(Listener { address: address.value, role: Role::Keys, tls: None });
        }
        if let Some(envoy) = &operator.envoy {
            let tls = envoy.tls.as_ref().and_then(|tls| reader.shown_to_envoy(tls));
            let asker = if envoy.is_private() { Asker::Known } else { Asker::Anybody };
            data.push(Listener { address: envoy.address.value, role: Role::Envoy(asker), tls });
        }
        let events = operator.events.as_ref().and_then(|events| events.tls.as_ref());
        let events = events.and_then(|tls| reader.shown(tls));
        Self { data, events, identities: reader.identities }
    }
}

struct Reader<'d> {
    identities: Vec<Identity>,
    diagnostics: &'d mut Diagnostics,
}

impl Reader<'_> {
    fn shown(&mut self, tls: &spec::Tls) -> Option<Arc<TlsIdentity>> {
        let clients = match tls.client_certificates.value {
            spec::AskForCertificates::None => ClientCertificates::Ignored,
            spec::AskForCertificates::Request => ClientCertificates::Requested,
        };
        self.identity(&tls.certificate, &tls.private_key, Some(clients))
    }

    fn shown_to_envoy(&mut self, tls: &spec::EnvoyTls) -> Option<Arc<TlsIdentity>> {
        let clients = match &tls.client_ca {
            None => Some(ClientCertificates::Ignored),
            Some(ca) => self.bytes(ca).map(|authorities_pem| ClientCertificates::Required { authorities_pem }),
        };
        self.identity(&tls.certificate, &tls.private_key, clients)
    }

    fn identity(
        &mut self,
        certificate: &Spanned<PathBuf>,
        key: &Spanned<PathBuf>,
        clients: Option<ClientCertificates>,
    ) -> Option<Arc<TlsIdentity>> {
        let (chain, private_key) = (self.bytes(certificate), self.bytes(key));
        let made = TlsIdentity::new(&chain?, &private_key?, clients?);
        let made = made.map_err(|error| self.unusable(certificate, key, error)).ok();
        let identity = Arc::new(made?);
        self.identities.push((Arc::clone(&identity), certificate.value.clone(), key.value.clone()));
        Some(identity)
    }

    fn unusable(&mut self, certificate: &Spanned<PathBuf>, key: &Spanned<PathBuf>, error: TlsError) {
        let files = (certificate.value.display(), key.value.display());
        let error = anyhow::Error::from(error);
        let message = format!("cannot use `{}` with `{}`: {error:#}", files.0, files.1);
        self.diagnostics.error(DiagnosticCode::UnusableKey, &certificate.span, message);
    }

    fn bytes(&mut self, file: &Spanned<PathBuf>) -> Option<Vec<u8>> {
        let read = std::fs::read(&file.value);
        read.map_err(|error| {
            let message = format!("cannot read `{}`: {error}", file.value.display());
            let diagnostic = Diagnostic::error(DiagnosticCode::UnreadableFile, &file.span, message);
            self.diagnostics.push(diagnostic.with_hint("paths are relative to the operator's file"));
        })
        .ok()
    }
}
