//! Client applications and their subscriptions.

use std::{collections::HashMap, sync::Arc};

use claims::{Application, Json, KeyType, Object};

use crate::{
    applications::{ApplicationRecord, Applications, Clients, SubscriptionRecord},
    diagnostic::{Diagnostic, DiagnosticCode, Diagnostics},
    snapshot::Api,
    span::{Span, Spanned},
    spec,
};

/// Compiles the applications.
pub(super) fn compile(written: &[spec::Application]) -> Applications {
    Applications::new(written.iter().map(one).collect())
}

/// Checks whose clients the applications are: a client id says something with its issuer only.
pub(super) fn check_clients(operator: &spec::Operator, diagnostics: &mut Diagnostics) {
    let issuers: Vec<&str> = operator.issuers.iter().map(|issuer| issuer.name.value.as_str()).collect();
    let mut seen: HashMap<(&str, Option<&str>), &Span> = HashMap::new();
    for application in &operator.applications {
        let issuer = application.issuer.as_ref();
        if let Some(issuer) = issuer.filter(|issuer| !issuers.contains(&issuer.value.as_str())) {
            let message = format!("there is no issuer `{}`", issuer.value);
            let hint = format!("its name is one of: {}", issuers.join(", "));
            diagnostics.push(Diagnostic::error(DiagnosticCode::UnknownName, &issuer.span, message).with_hint(hint));
        }
        let mut clients = application.client_ids.iter().chain(&application.sandbox_client_ids).peekable();
        if let (None, [_, _, ..], Some(first)) = (issuer, &*issuers, clients.peek()) {
            let message = format!("every issuer may call its clients as those of `{}`", application.name.value);
            let hint = format!("say whose they are: `issuer: {}`", issuers.join("` or `issuer: "));
            diagnostics.push(Diagnostic::warning(DiagnosticCode::WeakSetting, &first.span, message).with_hint(hint));
        }
        for client in clients {
            let key = (&*client.value.0, issuer.map(|issuer| issuer.value.as_str()));
            if let Some(first) = seen.get(&key) {
                let message = format!("client id `{}` is defined twice, first on line {}", client.value.0, first.line);
                diagnostics.error(DiagnosticCode::DuplicateName, &client.span, message);
            } else {
                seen.insert(key, &client.span);
            }
        }
    }
}

/// Warns of subscriptions to APIs that are not there: a misspelt one lets nobody in.
pub(super) fn check_subscriptions(written: &[spec::Application], apis: &[Arc<Api>], diagnostics: &mut Diagnostics) {
    if apis.is_empty() {
        return;
    }
    for subscription in written.iter().flat_map(|application| &application.subscriptions) {
        let name = subscription.api.value.as_str();
        let mut versions = apis.iter().filter(|api| *api.name == *name).map(|api| &*api.production.version).peekable();
        let version = subscription.version.as_ref();
        let problem = if versions.peek().is_none() {
            (&subscription.api.span, format!("there is no API `{name}` to subscribe to"))
        } else if let Some(version) = version.filter(|wanted| versions.all(|version| *version != *wanted.value.0)) {
            (&version.span, format!("API `{name}` has no version `{}`", version.value.0))
        } else {
            continue;
        };
        diagnostics.warning(DiagnosticCode::UnknownName, problem.0, problem.1);
    }
}

fn one(written: &spec::Application) -> (ApplicationRecord, Clients) {
    let mut attributes = Object::default();
    for (name, value) in &written.attributes {
        attributes.insert(name.value.as_str(), Json::string(value.value.0.as_str()));
    }
    let name = written.name.value.as_str();
    let application = Application {
        id: written.id.as_ref().map_or(name, |id| &id.value).into(),
        uuid: text(written.uuid.as_ref()),
        name: name.into(),
        owner: text(written.owner.as_ref()),
        tier: text(written.tier.as_ref()),
        attributes,
        subscription_tier: Box::default(),
    };
    let subscriptions = written.subscriptions.iter().map(|entry| SubscriptionRecord {
        api: entry.api.value.as_str().into(),
        version: entry.version.as_ref().map(|version| Box::from(&*version.value.0)),
        tier: text(entry.tier.as_ref()),
    });
    let issuer = written.issuer.as_ref().map(|issuer| issuer.value.as_str().into());
    let record = ApplicationRecord { issuer, application, subscriptions: subscriptions.collect() };
    let production = written.client_ids.iter().map(|id| (Box::from(&*id.value.0), KeyType::Production));
    let sandbox = written.sandbox_client_ids.iter().map(|id| (Box::from(&*id.value.0), KeyType::Sandbox));
    (record, production.chain(sandbox).collect())
}

fn text(written: Option<&Spanned<String>>) -> Box<str> {
    written.map(|text| text.value.as_str().into()).unwrap_or_default()
}
