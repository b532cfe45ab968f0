//! Which user stores check the passwords of an issuer's users.

use std::sync::Arc;

use claims::Object;

use crate::{
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    issuer::{Issuer, UserStoreHandle},
    passwords::Passwords,
    span::Span,
    spec,
};

/// Compiles an issuer's `passwords`; `None` when there is none, or after a diagnostic.
pub(super) fn compile(
    issuer: &spec::Issuer,
    of_issuer: &[Arc<UserStoreHandle>],
    diagnostics: &mut Diagnostics,
) -> Option<Passwords> {
    let written = issuer.passwords.as_ref()?;
    let errors = diagnostics.error_count();
    let stores = stores(issuer, written, of_issuer, diagnostics);
    if written.clear_text.value == crate::passwords::ClearText::Allow {
        let message = "passwords may come over connections that others can read".to_owned();
        let hint = "end TLS here, or at one of `gateway.trustedProxies`, and leave out `clearText`";
        let span = &written.clear_text.span;
        diagnostics.push(Diagnostic::warning(DiagnosticCode::WeakSetting, span, message).with_hint(hint));
    }
    if diagnostics.error_count() > errors {
        return None;
    }
    Some(Passwords {
        stores,
        realm: written.realm.value.as_str().into(),
        ttl: written.ttl.value,
        attempts: u32::try_from(written.attempts.value).unwrap_or(u32::MAX).max(1),
        lock_for: written.lock_for.value,
        clear_text: written.clear_text.value,
    })
}

/// Finds the stores, and reports those that cannot do it.
fn stores(
    issuer: &spec::Issuer,
    written: &spec::Passwords,
    of_issuer: &[Arc<UserStoreHandle>],
    diagnostics: &mut Diagnostics,
) -> Box<[Arc<UserStoreHandle>]> {
    let mut chosen: Vec<(Arc<UserStoreHandle>, &Span)> = Vec::new();
    for name in &written.user_stores {
        if let Some(store) = of_issuer.iter().find(|store| *store.name == *name.value) {
            chosen.push((Arc::clone(store), &name.span));
        } else {
            let message = format!("user store `{}` is not in the issuer's `lookup.userStores`", name.value);
            diagnostics.error(DiagnosticCode::UnknownName, &name.span, message);
        }
    }
    if written.user_stores.is_empty() {
        let names = &issuer.lookup.user_stores;
        let span = |store: &UserStoreHandle| names.iter().find(|name| *name.value == *store.name);
        chosen = of_issuer
            .iter()
            .map(|store| (Arc::clone(store), span(store).map_or(&written.span, |name| &name.span)))
            .collect();
        if names.is_empty() {
            let message = "`passwords` needs a user store that checks them: the issuer has no `lookup.userStores`";
            diagnostics.error(DiagnosticCode::MissingField, &written.span, message.to_owned());
        }
    }
    for (store, span) in chosen.iter().filter(|(store, _)| !store.store.checks_passwords()) {
        let message = format!("user store `{}` cannot check passwords", store.name);
        let hint = "`ldap` can, `sql` with a `passwordColumn`, and `inline` with a `passwordHash`; `scim`, `userinfo` and \
                    `http` cannot. `passwords.userStores` names those that are to";
        diagnostics.push(Diagnostic::error(DiagnosticCode::ConflictingFields, span, message).with_hint(hint));
    }
    chosen.into_iter().map(|(store, _)| store).collect()
}

/// Reports an issuer that makes no `sub` of a name alone.
pub(super) fn check_subject(written: &spec::Issuer, issuer: &Issuer, diagnostics: &mut Diagnostics) {
    if issuer.passwords.is_some() && issuer.user("somebody", Object::default()).is_none() {
        let message = "the issuer makes no `sub` of a name alone";
        let hint =
            "its `subject` names claims besides `sub` and its `lookup` claim, which a name and a password have not";
        let span = &written.subject.span;
        diagnostics.push(Diagnostic::error(DiagnosticCode::ConflictingFields, span, message).with_hint(hint));
    }
}
