//! A service of an organisation's own, `tests/servers/people.py`, and stores that ask it.

use std::io::Write;

use claims::{Json, Object};
use http::{HeaderName, StatusCode};
use stores::{
    AttributeMap, Authorization, CalloutReading, CalloutRequest, HttpCallout, HttpCalloutSettings, HttpSettings,
    JsonPointer, JsonTemplate, MappedAttribute, ServiceSettings, UrlTemplate, secret_value,
};
use tempfile::NamedTempFile;
use url::Url;

use super::script::Script;

const KEY: &str = "k3y";

/// The service.
pub(crate) struct People {
    script: Script,
    _people: NamedTempFile,
}

impl People {
    /// Starts it with these people, by their names.
    pub(crate) fn start(people: Object) -> Self {
        let mut file = NamedTempFile::new().unwrap();
        write!(file, "{}", Json::Object(people)).unwrap();
        let script = Script::python("people.py", &[file.path().to_str().unwrap(), KEY]);
        Self { script, _people: file }
    }

    /// Returns the address of a path, which may be a template.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.script.port())
    }
}

/// Returns settings for a service at an address, with the key that [`People`] wants.
pub(crate) fn settings(url: &str, body: Option<&str>, map: &[(&str, &str)]) -> HttpCalloutSettings {
    let entries = map.iter().map(|(pointer, name)| MappedAttribute::new(*pointer, *name)).collect();
    let pointers = map.iter().map(|(pointer, _)| (Box::from(*pointer), JsonPointer::parse(pointer).unwrap()));
    HttpCalloutSettings {
        request: CalloutRequest {
            url: UrlTemplate::parse(url).unwrap(),
            body: body.map(|body| JsonTemplate::parse(body).unwrap()),
            headers: vec![(HeaderName::from_static("x-api-key"), secret_value(KEY).unwrap())],
        },
        reading: CalloutReading { not_found: vec![StatusCode::NOT_FOUND], entries: None, user: None },
        pointers: pointers.collect(),
        attributes: AttributeMap::new(entries).unwrap(),
        service: ServiceSettings { http: HttpSettings::default(), authorization: Authorization::None },
    }
}

/// The same for an answer that lists its matches at `/results`.
pub(crate) fn listing(url: &str, body: Option<&str>, map: &[(&str, &str)]) -> HttpCalloutSettings {
    let mut settings = settings(url, body, map);
    settings.reading.entries = Some(JsonPointer::parse("/results").unwrap());
    settings
}

/// Makes a store called `staff`.
pub(crate) fn store(settings: HttpCalloutSettings) -> HttpCallout {
    HttpCallout::new("staff".into(), settings).unwrap()
}

/// Returns the address of a server of ours as a template.
pub(crate) fn template(url: &Url, rest: &str) -> String {
    format!("{}{rest}", url.as_str().trim_end_matches('/'))
}
