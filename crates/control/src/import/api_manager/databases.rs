//! The product's own database of users, as a user store: `[database.shared_db]` and its tables.

use url::Url;

use super::{Walk, directories::Parts};
use crate::import::{
    operator::{StoreDraft, quoted_uri},
    tree::Tree,
};

/// The product's attributes, and what they are called here.
const ATTRIBUTES: [(&str, &str); 6] = [
    ("mail", "email"),
    ("givenName", "given_name"),
    ("sn", "family_name"),
    ("telephoneNumber", "phone_number"),
    ("mobile", "mobile"),
    ("organizationName", "organization"),
];

/// The tenant of those who have none.
const SUPER_TENANT: &str = "-1234";

impl Walk<'_> {
    pub(super) fn database(&mut self, root: Tree<'_>, store: Tree<'_>) {
        let Some(database) = root.at(&["database", "shared_db"]) else {
            self.notes.left(store.place(), "user_store", "its database (`database.shared_db`) is not in the file");
            return;
        };
        let parts = Parts::of(database);
        let Some(url) = address(&parts) else {
            let reason = "only PostgreSQL and MySQL databases can be asked: write the store under `userStores`";
            self.notes.left(database.place(), "database.shared_db", reason);
            return;
        };
        let mut fields = vec![format!("url: {}", quoted_uri(&url))];
        if let Some(password) = parts.entry("password") {
            let written = self.secret(password, "database.shared_db.password", "SHARED_DB_PASSWORD");
            fields.push(format!("password: {written}"));
        }
        let user = format!("UM_USER_NAME = :user AND u.UM_TENANT_ID = {SUPER_TENANT}");
        fields.push(format!("query: \"SELECT u.UM_USER_NAME AS username FROM UM_USER u WHERE u.{user}\""));
        fields.push("userColumn: username".to_owned());
        fields.push("multi:".to_owned());
        for (name, attribute) in ATTRIBUTES {
            let tables = "UM_USER_ATTRIBUTE a JOIN UM_USER u ON a.UM_USER_ID = u.UM_ID";
            fields.push(format!(
                "  {attribute}: \"SELECT a.UM_ATTR_VALUE FROM {tables} WHERE u.{user} AND a.UM_ATTR_NAME = '{name}'\""
            ));
        }
        let tables = "UM_ROLE r JOIN UM_USER_ROLE m ON m.UM_ROLE_ID = r.UM_ID JOIN UM_USER u ON m.UM_USER_ID = u.UM_ID";
        fields.push(format!("  groups: \"SELECT r.UM_ROLE_NAME FROM {tables} WHERE u.{user}\""));
        let own = ATTRIBUTES.map(|(_, attribute)| (attribute, attribute));
        let attributes = own.into_iter().chain([("groups", "groups")]).collect();
        self.draft.store = Some(StoreDraft { kind: "sql", fields, attributes, cache: None });
        let reason =
            "the queries ask the tables that the product makes: look at them, and at the attributes that leave";
        self.notes.changed(store.place(), "user_store", "userStores[].sql", reason);
        self.notes.carried(database.place(), "database.shared_db", "userStores[].sql.url");
    }
}

/// Makes our form of the address of a database, of its JDBC address or of its parts.
fn address(parts: &Parts<'_>) -> Option<String> {
    let jdbc = parts.text("url").and_then(|url| url.strip_prefix("jdbc:"));
    let written = if let Some(url) = jdbc {
        url.split(['?', ';']).next().unwrap_or_default().to_owned()
    } else {
        let (host, name) = (parts.text("hostname")?, parts.text("name")?);
        let port = parts.text("port").map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{host}{port}/{name}", parts.text("type")?)
    };
    let (kind, rest) = written.split_once("://")?;
    let scheme = match kind {
        "postgresql" | "postgres" | "postgre" => "postgres",
        "mysql" | "mariadb" => "mysql",
        _ => return None,
    };
    let mut url = Url::parse(&format!("{scheme}://{rest}")).ok().filter(|_| !rest.contains('$'))?;
    url.set_username(parts.text("username").unwrap_or_default()).ok()?;
    url.set_password(None).ok()?;
    Some(url.into())
}
