//! The gateway's configuration for the measurements, and a caller that it knows.

use std::{
    fmt::Write,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::Result;
use claims::Algorithm;
use gateway::Source;

use crate::tokens::Provider;

/// An end user with an access token, and the identity provider that signed it.
#[derive(Debug)]
pub(crate) struct Caller {
    /// The access token.
    pub(crate) token: String,
    /// The issuer's public keys.
    jwks: String,
}

/// The files of one gateway, in a folder of their own.
#[derive(Debug)]
pub(crate) struct Files {
    operator: String,
    apis: Vec<(String, String)>,
    /// Whatever else the operator's file names.
    others: Vec<(String, String)>,
}

impl Caller {
    /// Makes the issuer's RS256 key and a token of a usual size, valid for a day. `folder` gets a copy of the token.
    ///
    /// # Errors
    ///
    /// When the key cannot be made.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let provider = Provider::new(Algorithm::Rs256)?;
        let token = provider.token("alice")?;
        fs::write(folder.join("token"), &token)?;
        Ok(Self { token, jwks: provider.jwks()? })
    }

    fn files(&self, operator: String, apis: Vec<(String, String)>) -> Files {
        Files { operator, apis, others: vec![("issuer.json".to_owned(), self.jwks.clone())] }
    }
}

/// One open API without policies.
pub(crate) fn open_api(caller: &Caller, backend: SocketAddr) -> Files {
    let api = api("orders", backend, "") + "  - { target: \"/items/{id}\", verb: GET, secured: false }\n";
    caller.files(String::new(), vec![("orders.yaml".to_owned(), api)])
}

/// One secured API with a Backend JWT.
pub(crate) fn secured_api(caller: &Caller, backend: SocketAddr) -> Files {
    let policy = "apiPolicies:\n  request:\n    - policyName: BackendJwt\n";
    let api = api("orders", backend, policy) + "  - { target: \"/items/{id}\", verb: GET, scopes: [orders:read] }\n";
    caller.files(identity(), vec![("orders.yaml".to_owned(), api)])
}

/// Operations of each of [`many_apis`].
pub(crate) const OPERATIONS: usize = 10;

/// `apis` secured APIs of ten operations each, all with a Backend JWT.
pub(crate) fn many_apis(caller: &Caller, backend: SocketAddr, apis: usize) -> Files {
    let policy = "apiPolicies:\n  request:\n    - policyName: BackendJwt\n";
    let apis = (0..apis).map(|number| {
        let mut text = api(&format!("api{number}"), backend, policy);
        for operation in 0..OPERATIONS / 2 {
            let target = format!("/things{operation}/{{id}}");
            for verb in ["GET", "PUT"] {
                let _ = writeln!(text, "  - {{ target: \"{target}\", verb: {verb}, scopes: [orders:read] }}");
            }
        }
        (format!("api{number}.yaml"), text)
    });
    caller.files(identity(), apis.collect())
}

/// Returns the start of an API definition, up to its operations.
pub(crate) fn api(name: &str, backend: SocketAddr, policies: &str) -> String {
    format!(
        "name: {name}\nbasePath: /{name}\nversion: \"1.0\"\ntype: REST\n\
         endpointConfigurations: {{ production: [{{ endpoint: \"http://{backend}\" }}] }}\n{policies}operations:\n"
    )
}

/// Returns the operator's issuer and user store.
fn identity() -> String {
    "issuers:\n\
     \x20 - name: corp\n\
     \x20   issuer: https://idp.example.com\n\
     \x20   jwks: { file: issuer.json }\n\
     \x20   audience: [gateway]\n\
     \x20   consumerKeyClaim: azp\n\
     \x20   lookup: { claim: sub, userStores: [staff] }\n\
     userStores:\n\
     \x20 - name: staff\n\
     \x20   inline:\n\
     \x20     users:\n\
     \x20       - user: alice\n\
     \x20         attributes:\n\
     \x20           email: alice@example.com\n"
        .to_owned()
}

impl Files {
    /// The operator's part that has no addresses, the API definitions and further files, each with its name.
    pub(crate) fn new(operator: String, apis: Vec<(String, String)>, others: Vec<(String, String)>) -> Self {
        Self { operator, apis, others }
    }

    /// Returns the API definitions as the gateway reads them, in name order.
    pub(crate) fn api_sources(&self, folder: &Path) -> Vec<Source> {
        let source =
            |(name, text): &(String, String)| Source { path: folder.join("apis").join(name), text: text.clone() };
        let mut sources: Vec<Source> = self.apis.iter().map(source).collect();
        sources.sort_by(|one, other| one.path.cmp(&other.path));
        sources
    }

    /// Writes the files below `folder`, which must not exist; returns the operator's file.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub(crate) fn write(&self, folder: &Path, listener: SocketAddr, admin: SocketAddr) -> Result<PathBuf> {
        fs::create_dir_all(folder.join("apis"))?;
        for (name, text) in &self.apis {
            fs::write(folder.join("apis").join(name), text)?;
        }
        for (name, text) in &self.others {
            let path = folder.join(name);
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(path, text)?;
        }
        let operator = folder.join("countersign.yaml");
        let text = format!(
            "gateway:\n  issuer: https://gateway.example.com\n  workers: 1\n  listeners:\n    - address: {listener}\n\
             admin: {{ address: \"{admin}\" }}\napis: {{ directory: apis/ }}\nkeys: {{ directory: keys/ }}\n\
             audit: {{ file: audit.log }}\n{}",
            self.operator
        );
        fs::write(&operator, text)?;
        Ok(operator)
    }
}
