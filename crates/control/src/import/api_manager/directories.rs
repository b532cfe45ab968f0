//! `[user_store]`: a directory, or the product's own database.

use gateway::yaml::Entry;

use super::{Walk, plain_name};
use crate::import::{
    operator::{StoreDraft, quoted_uri},
    tree::Tree,
};

/// The attributes of a directory that the product maps out of the box, and what they are called here.
const ATTRIBUTES: [(&str, &str); 8] = [
    ("mail", "email"),
    ("givenName", "given_name"),
    ("sn", "family_name"),
    ("cn", "name"),
    ("telephoneNumber", "phone_number"),
    ("mobile", "mobile"),
    ("title", "title"),
    ("o", "organization"),
];

impl Walk<'_> {
    /// Reads the user store.
    pub(super) fn user_store(&mut self, root: Tree<'_>, store: Tree<'_>) {
        let kind = store.text_of("type").or_else(|| store.text_of("class")).unwrap_or("database_unique_id");
        let kind = plain_name(kind);
        if kind.contains("activedirectory") {
            self.directory(store, "(&(objectClass=user)(sAMAccountName=?))");
        } else if kind.contains("ldap") {
            self.directory(store, "(&(objectClass=person)(uid=?))");
        } else if kind.contains("database") || kind.contains("jdbc") {
            self.database(root, store);
        } else {
            self.notes.left(store.place(), "user_store", "it is neither a directory nor the product's database");
        }
    }

    fn directory(&mut self, store: Tree<'_>, default_filter: &str) {
        let parts = Parts::of(store);
        let Some(url) = parts.text("connectionurl").filter(|url| url.starts_with("ldap") && !url.contains('$')) else {
            let reason = "its address is missing, or stands elsewhere: write the store under `userStores`";
            self.notes.left(store.place(), "user_store", reason);
            return;
        };
        let Some(base) = parts.text("usersearchbase").or_else(|| parts.text("basedn")) else {
            self.notes.left(store.place(), "user_store", "it does not say where people are (`user_search_base`)");
            return;
        };
        let filter = parts.text("usernamesearchfilter").unwrap_or(default_filter).replace('?', "{user}");
        let mut fields = vec![format!("url: {}", quoted_uri(url))];
        if url.starts_with("ldap://") {
            let reason = "the connection goes on in TLS (`startTls`): a password is not sent in the clear";
            self.note_changed(&parts, "connectionurl", "userStores[].ldap.url", reason);
        }
        if let (Some(dn), Some(password)) = (parts.text("connectionname"), parts.entry("connectionpassword")) {
            fields.push(format!("bindDn: {}", quoted_uri(dn)));
            let written = self.secret(password, "user_store.connection_password", "USER_STORE_PASSWORD");
            fields.push(format!("bindPassword: {written}"));
        }
        fields.push(format!("base: {}", quoted_uri(base)));
        fields.push(format!("filter: {}", quoted_uri(&filter)));
        let mut attributes = ATTRIBUTES.to_vec();
        if let Some(groups) = parts.text("groupsearchbase") {
            let member = parts.text("membershipattribute").unwrap_or("member");
            let name = parts.text("groupnameattribute").unwrap_or("cn");
            let filter = quoted_uri(&format!("({member}={{dn}})"));
            let (base, name) = (quoted_uri(groups), quoted_uri(name));
            fields.push(format!("groups: {{ base: {base}, filter: {filter}, attribute: {name} }}"));
            attributes.push(("groups", "groups"));
        }
        self.note_store(&parts);
        self.draft.store = Some(StoreDraft { kind: "ldap", fields, attributes, cache: None });
        let reason = "only common attributes leave the store: add those that the product's claims are mapped to";
        self.notes.changed(store.place(), "user_store", "userStores[].attributes", reason);
    }

    fn note_changed(&mut self, parts: &Parts<'_>, name: &str, becomes: &str, reason: &str) {
        if let Some(entry) = parts.entry(name) {
            self.notes.changed(entry.place, &format!("user_store.{}", entry.key), becomes, reason);
        }
    }

    fn note_store(&mut self, parts: &Parts<'_>) {
        const READ: [&str; 11] = [
            "type",
            "class",
            "connectionname",
            "usersearchbase",
            "basedn",
            "usernamesearchfilter",
            "groupsearchbase",
            "membershipattribute",
            "groupnameattribute",
            "connectionurl",
            "connectionpassword",
        ];
        for entry in &parts.0 {
            let field = format!("user_store.{}", entry.key);
            let name = plain_name(&entry.key);
            if !READ.contains(&name.as_str()) {
                self.notes.left(entry.place, &field, "it has no counterpart: people are only read here");
            } else if !["connectionurl", "connectionpassword"].contains(&name.as_str()) {
                self.notes.carried(entry.place, &field, "userStores");
            }
        }
    }
}

/// The fields of a store: its own, and those of `[user_store.properties]`, whose names are spelled otherwise.
pub(super) struct Parts<'a>(Vec<&'a Entry>);

impl<'a> Parts<'a> {
    pub(super) fn of(store: Tree<'a>) -> Self {
        let own = store.entries().iter().filter(|entry| entry.key != "properties");
        let properties = store.get("properties").map(Tree::entries).unwrap_or_default();
        Self(own.chain(properties).collect())
    }

    pub(super) fn entry(&self, name: &str) -> Option<&'a Entry> {
        self.0.iter().find(|entry| plain_name(&entry.key) == name).copied()
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        Tree(&self.entry(name)?.value).text().filter(|text| !text.is_empty())
    }
}
