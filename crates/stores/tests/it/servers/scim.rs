//! Two SCIM services that others wrote: scim2-server (Python) and scimmy (Node).

use std::io::Write;

use claims::{Json, Object};
use stores::{
    AttributeMap, Authorization, FilterTemplate, HttpSettings, MappedAttribute, ScimFind, ScimPath, ScimSelection,
    ScimSettings, ScimStore, ServiceSettings, UserMatch,
};
use tempfile::NamedTempFile;
use url::Url;

use super::script::Script;
use crate::testing::text;

/// The token that the services accept.
pub(crate) const TOKEN: &str = "s3cret-t0ken";

/// The schema with an integer, which the standard's do not have.
pub(crate) const EXTENSION: &str = "urn:countersign:test:2.0:User";

const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A service with users of its own.
pub(crate) struct ScimServer {
    script: Script,
    base: &'static str,
    _users: NamedTempFile,
}

impl ScimServer {
    /// Starts scim2-server; it compares `userName` without regard to case, `externalId` and `id` with it.
    pub(crate) fn scim2(users: &[Object]) -> Self {
        let file = file_of(users);
        let script = Script::python("scim2.py", &[file.path().to_str().unwrap(), "0", TOKEN]);
        Self { script, base: "v2", _users: file }
    }

    /// Starts scimmy; it compares everything with regard to case and stumbles over quotes in strings.
    pub(crate) fn scimmy(users: &[Object]) -> Self {
        let file = file_of(users);
        let script = Script::node("scimmy.mjs", &[file.path().to_str().unwrap(), TOKEN]);
        Self { script, base: "scim", _users: file }
    }

    /// Returns the base address.
    pub(crate) fn url(&self) -> Url {
        Url::parse(&format!("http://127.0.0.1:{}/{}", self.script.port(), self.base)).unwrap()
    }

    /// Returns settings for this service.
    pub(crate) fn settings(&self, find: ScimFind, map: &[(&str, &str)]) -> ScimSettings {
        settings(self.url(), find, map)
    }
}

/// Returns settings with the token.
pub(crate) fn settings(url: Url, find: ScimFind, map: &[(&str, &str)]) -> ScimSettings {
    let entries = map.iter().map(|(path, name)| MappedAttribute::new(*path, *name)).collect();
    let paths = map.iter().map(|(path, _)| (Box::from(*path), ScimPath::parse(path).unwrap())).collect();
    ScimSettings {
        url,
        find,
        user_match: UserMatch::Exact,
        selection: ScimSelection::Needed,
        attributes: AttributeMap::new(entries).unwrap(),
        paths,
        service: ServiceSettings {
            http: HttpSettings::default(),
            authorization: Authorization::bearer(TOKEN).unwrap(),
        },
    }
}

/// Makes a store called `staff`.
pub(crate) fn store(settings: ScimSettings) -> ScimStore {
    ScimStore::new("staff".into(), settings).unwrap()
}

pub(crate) fn by_filter(template: &str) -> ScimFind {
    ScimFind::Filter(FilterTemplate::parse(template).unwrap())
}

/// Makes a user of all schemas with these members.
pub(crate) fn user(id: &str, members: impl IntoIterator<Item = (&'static str, Json)>) -> Object {
    let mut user = Object::default();
    user.insert("schemas", Json::Array([CORE, ENTERPRISE, EXTENSION].into_iter().map(text).collect()));
    user.insert("id", text(id));
    for (name, value) in members {
        user.insert(name, value);
    }
    user
}

/// Reads a value written as JSON.
pub(crate) fn json(text: &str) -> Json {
    Json::parse(text.as_bytes()).unwrap()
}

fn file_of(users: &[Object]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    for user in users {
        writeln!(file, "{}", Json::Object(user.clone())).unwrap();
    }
    file
}
