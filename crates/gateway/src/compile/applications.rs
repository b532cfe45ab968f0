//! Client applications and their subscriptions.

use claims::{Application, Json, KeyType, Object};

use crate::{
    applications::{ApplicationRecord, Applications, Clients, SubscriptionRecord},
    span::Spanned,
    spec,
};

/// Compiles the applications.
pub(super) fn compile(written: &[spec::Application]) -> Applications {
    Applications::new(written.iter().map(one).collect())
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
    let record = ApplicationRecord { application, subscriptions: subscriptions.collect() };
    let production = written.client_ids.iter().map(|id| (Box::from(&*id.value.0), KeyType::Production));
    let sandbox = written.sandbox_client_ids.iter().map(|id| (Box::from(&*id.value.0), KeyType::Sandbox));
    (record, production.chain(sandbox).collect())
}

fn text(written: Option<&Spanned<String>>) -> Box<str> {
    written.map(|text| text.value.as_str().into()).unwrap_or_default()
}
