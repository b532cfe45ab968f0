//! Client applications and their subscriptions: which one is behind a call, and may it call this API.

use std::{collections::HashMap, sync::Arc};

use claims::{Application, Json, KeyType, Object, PackedObject, Principal, allocated};
use foldhash::fast::RandomState;

use crate::{
    fingerprint::Fingerprint,
    known_caller::{COUNTS, OwnApplication},
    rejection::{Code, Rejection},
};

/// All configured applications, by client id and by name.
#[derive(Clone, Debug, Default)]
pub struct Applications {
    by_name: HashMap<Box<str>, Arc<ApplicationRecord>, RandomState>,
    by_client: HashMap<Box<str>, Vec<Client>, RandomState>,
    fingerprint: Fingerprint,
}

/// The client ids of one application, each with the endpoints that it may use.
pub(crate) type Clients = Vec<(Box<str>, KeyType)>;

/// One client of an application.
#[derive(Clone, Debug)]
struct Client {
    application: Arc<ApplicationRecord>,
    key_type: KeyType,
}

/// One application of the operator's file.
#[derive(Clone, Debug, PartialEq)]
pub struct ApplicationRecord {
    /// The name of the issuer whose clients are its own; `None`: any issuer's.
    pub issuer: Option<Box<str>>,
    /// What its claims say; `subscription_tier` is filled for each API.
    pub application: Application,
    /// The APIs that it may call.
    pub subscriptions: Vec<SubscriptionRecord>,
}

/// One subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct SubscriptionRecord {
    /// The API's name.
    pub api: Box<str>,
    /// The API's version; `None`: every version.
    pub version: Option<Box<str>>,
    /// The tier.
    pub tier: Box<str>,
}

/// The application of which a token itself tells (`application`, `subscribedAPIs`, `keytype`), as WSO2's token services
/// write it: believed for issuers with `applicationFromToken`.
#[derive(Clone, Debug)]
pub(crate) struct ToldApplication {
    /// `None`: it tells of none.
    record: Option<Arc<ApplicationRecord>>,
    key_type: KeyType,
}

/// The application behind one call, as this API sees it. Cheap to make and to compare.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallingApplication {
    /// The application; `None`: none is known.
    record: Option<Arc<ApplicationRecord>>,
    /// Which of its subscriptions is to the called API.
    subscription: Option<usize>,
    /// Which endpoints its client may use.
    pub key_type: KeyType,
}

impl Applications {
    /// Indexes the applications by client id; an id that occurs twice with one issuer keeps its first application.
    pub fn new(records: Vec<(ApplicationRecord, Clients)>) -> Self {
        let fingerprint = Fingerprint::of_value(&records);
        let mut by_client: HashMap<_, Vec<Client>, _> = HashMap::default();
        let mut by_name = HashMap::default();
        for (record, clients) in records {
            let record = Arc::new(record);
            by_name.insert(record.application.name.clone(), Arc::clone(&record));
            for (client, key_type) in clients {
                by_client.entry(client).or_default().push(Client { application: Arc::clone(&record), key_type });
            }
        }
        for clients in by_client.values_mut() {
            clients.sort_by_key(|client| client.application.issuer.is_none());
        }
        Self { by_name, by_client, fingerprint }
    }

    /// Returns the fingerprint of all of them.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Finds the application of a principal's client, and its subscription to the API.
    pub fn of(&self, principal: &Principal, api: &str, version: &str) -> CallingApplication {
        let grant = &principal.grant;
        let is_meant =
            |client: &&Client| client.application.issuer.as_deref().is_none_or(|issuer| *issuer == *grant.issuer);
        let clients = grant.client_id.as_deref().and_then(|client| self.by_client.get(client));
        let client = clients.and_then(|clients| clients.iter().find(is_meant));
        client.map_or_else(CallingApplication::default, |client| {
            CallingApplication::new(&client.application, client.key_type, (api, version))
        })
    }

    /// Finds the application that a credential belongs to, and its subscription to the API.
    pub fn named(&self, own: &OwnApplication, api: &str, version: &str) -> CallingApplication {
        self.by_name.get(&*own.name).map_or_else(CallingApplication::default, |record| {
            CallingApplication::new(record, own.key_type, (api, version))
        })
    }
}

impl ToldApplication {
    /// Reads it from a token's claims.
    pub(crate) fn of(claims: &Object) -> Self {
        let key_type = match claims.get("keytype").and_then(Json::as_str) {
            Some(text) if text.eq_ignore_ascii_case("SANDBOX") => KeyType::Sandbox,
            Some(_) | None => KeyType::Production,
        };
        let record = object(claims.get("application")).map(|described| ApplicationRecord {
            issuer: None,
            application: Application {
                id: text(described, "id"),
                uuid: text(described, "uuid"),
                name: text(described, "name"),
                owner: text(described, "owner"),
                tier: text(described, "tier"),
                attributes: object(described.get("attributes")).cloned().unwrap_or_default(),
                subscription_tier: Box::default(),
            },
            subscriptions: subscriptions(claims),
        });
        Self { record: record.map(Arc::new), key_type }
    }

    /// Returns it with its subscription to an API.
    pub(crate) fn calling(&self, api: &str, version: &str) -> CallingApplication {
        match &self.record {
            Some(record) => CallingApplication::new(record, self.key_type, (api, version)),
            None => CallingApplication { key_type: self.key_type, ..CallingApplication::default() },
        }
    }

    /// Estimates the bytes held.
    pub(crate) fn weight(&self) -> usize {
        let Some(record) = &self.record else { return 0 };
        let Application { id, uuid, name, owner, tier, attributes, subscription_tier: _ } = &record.application;
        let texts = [id, uuid, name, owner, tier].map(|text| allocated(text.len())).iter().sum::<usize>();
        let subscriptions = record.subscriptions.iter().map(|entry| {
            let texts = [&*entry.api, &*entry.tier, entry.version.as_deref().unwrap_or_default()];
            size_of::<SubscriptionRecord>() + texts.map(|text| allocated(text.len())).iter().sum::<usize>()
        });
        let attributes = PackedObject::from(attributes).weight();
        allocated(COUNTS + size_of::<ApplicationRecord>()) + texts + attributes + subscriptions.sum::<usize>()
    }
}

impl CallingApplication {
    fn new(record: &Arc<ApplicationRecord>, key_type: KeyType, (api, version): (&str, &str)) -> Self {
        let subscription = record
            .subscriptions
            .iter()
            .position(|entry| *entry.api == *api && entry.version.as_deref().is_none_or(|wanted| wanted == version));
        Self { record: Some(Arc::clone(record)), subscription, key_type }
    }

    /// Returns the same application with the kind of endpoint that the operation has for it.
    #[must_use]
    pub fn with_key_type(self, key_type: KeyType) -> Self {
        Self { key_type, ..self }
    }

    /// True when an application is known.
    pub fn is_known(&self) -> bool {
        self.record.is_some()
    }

    /// Returns the application's name, where one is known.
    pub fn name(&self) -> Option<&str> {
        self.record.as_ref().map(|record| &*record.application.name)
    }

    /// Returns the application with its tier here, for its claims.
    pub fn described(&self) -> Option<Application> {
        let record = self.record.as_ref()?;
        let mut application = record.application.clone();
        if let Some(subscription) = self.subscription.and_then(|index| record.subscriptions.get(index)) {
            application.subscription_tier = subscription.tier.clone();
        }
        Some(application)
    }

    /// Refuses an application without a subscription.
    ///
    /// # Errors
    ///
    /// [`Code::NoSubscription`] (403).
    pub fn require_subscription(&self) -> Result<(), Rejection> {
        if self.subscription.is_some() {
            return Ok(());
        }
        Err(Rejection::new(Code::NoSubscription, "the application has no subscription to this API"))
    }
}

fn subscriptions(claims: &Object) -> Vec<SubscriptionRecord> {
    let Some(Json::Array(entries)) = claims.get("subscribedAPIs") else { return Vec::new() };
    let entries = entries.iter().filter_map(|entry| object(Some(entry)));
    let record = |entry: &Object| SubscriptionRecord {
        api: text(entry, "name"),
        version: Some(text(entry, "version")),
        tier: text(entry, "subscriptionTier"),
    };
    entries.map(record).collect()
}

fn object(value: Option<&Json>) -> Option<&Object> {
    match value {
        Some(Json::Object(object)) => Some(object),
        Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_)) | None => None,
    }
}

/// Returns a member as text: strings as they are, numbers by their digits.
fn text(object: &Object, name: &str) -> Box<str> {
    match object.get(name) {
        Some(Json::String(text)) => text.clone(),
        Some(Json::Number(number)) => number.text().into(),
        Some(Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_)) | None => Box::default(),
    }
}
