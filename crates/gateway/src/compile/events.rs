//! Who may tell that users have changed.

use std::{collections::BTreeMap, sync::Arc};

use super::{issuers, secrets::FileReader, unique};
use crate::{
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    events::{EventSources, Transmitter, Webhook},
    issuer::{Issuer, UserStoreHandle},
    spec,
};

type Stores = BTreeMap<Box<str>, Arc<UserStoreHandle>>;

/// Compiles all senders; a wrong one is reported and left out.
pub(super) fn compile(
    operator: &spec::Operator,
    (stores, issuers): (&Stores, &[Arc<Issuer>]),
    reader: FileReader<'_>,
    diagnostics: &mut Diagnostics,
) -> EventSources {
    let Some(written) = &operator.events else { return EventSources::default() };
    unique(written.webhooks.iter().map(|webhook| &webhook.name), "webhook", diagnostics);
    unique(written.shared_signals.iter().map(|signals| &signals.name), "transmitter", diagnostics);
    let webhooks = written.webhooks.iter().filter_map(|one| webhook(one, stores, reader, diagnostics)).collect();
    let transmitters = written.shared_signals.iter().filter_map(|one| transmitter(one, issuers, diagnostics)).collect();
    EventSources { webhooks, transmitters }
}

fn webhook(
    written: &spec::Webhook,
    stores: &Stores,
    reader: FileReader<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Webhook> {
    let secret = reader.secret(&written.secret, diagnostics);
    let meant = written.user_stores.iter().filter_map(|name| {
        let store = stores.get(name.value.as_str());
        if store.is_none() {
            let message = format!("there is no user store `{}`", name.value);
            diagnostics.push(Diagnostic::error(DiagnosticCode::UnknownName, &name.span, message));
        }
        store.cloned()
    });
    let meant = meant.collect();
    Webhook::new(&written.name.value, &secret?, meant)
        .map_err(|error| diagnostics.error(DiagnosticCode::UnusableKey, &written.secret.span, error.to_string()))
        .ok()
}

fn transmitter(
    written: &spec::SharedSignals,
    issuers: &[Arc<Issuer>],
    diagnostics: &mut Diagnostics,
) -> Option<Transmitter> {
    let issuer = Arc::clone(issuers::named(&written.issuer, issuers, diagnostics)?);
    if issuer.keys.is_none() {
        let message = format!("issuer `{}` has no keys that a security event could be signed with", issuer.name);
        diagnostics.error(DiagnosticCode::ConflictingFields, &written.issuer.span, message);
        return None;
    }
    let (name, audience) = (written.name.value.as_str().into(), written.audience.value.as_str().into());
    Some(Transmitter { name, issuer, audience })
}
