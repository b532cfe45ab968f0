//! A running gateway over user stores: what differs between measurements is configured in JSON, which is YAML too.

use std::{
    fmt::Write,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{
    candidates::own_program,
    clients::Client,
    gateway_files::{Files, api},
    process::{Process, free_address},
    tokens::{ISSUER, Provider},
};

/// What a gateway is started with.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    /// The backend of all APIs.
    pub(crate) backend: SocketAddr,
    /// Who issues the access tokens …
    pub(crate) provider: &'a Provider,
    /// … unless it is this one: members of the operator's `issuers` entry.
    pub(crate) issuer: Option<Value>,
    /// The operator's `userStores`.
    pub(crate) stores: Vec<Value>,
    /// The APIs, each with the user store that its Backend JWTs are made from; `none` for the token alone.
    pub(crate) apis: &'a [(&'a str, &'a str)],
    /// Further members of the operator's file.
    pub(crate) more: Value,
    /// Files that are named there.
    pub(crate) files: Vec<(String, String)>,
}

/// A gateway; ended when dropped.
#[derive(Debug)]
pub(crate) struct Site {
    process: Process,
    /// Where it serves.
    pub(crate) address: SocketAddr,
    /// Where its metrics are.
    admin: SocketAddr,
    log: PathBuf,
}

impl Plan<'_> {
    /// Writes the files below `folder`, and starts the gateway there.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub(crate) fn start(self, folder: &Path) -> Result<Site> {
        let (address, admin) = (free_address()?, free_address()?);
        let names: Vec<&Value> = self.stores.iter().filter_map(|store| store.get("name")).collect();
        let mut issuer = json!({ "name": "corp", "lookup": { "claim": "sub", "userStores": names } });
        let ours = || json!({ "issuer": ISSUER, "jwks": { "file": "issuer.json" }, "audience": ["gateway"], "consumerKeyClaim": "azp" });
        let differs = self.issuer.clone().unwrap_or_else(ours);
        if let (Some(issuer), Some(differs)) = (issuer.as_object_mut(), differs.as_object()) {
            issuer.extend(differs.clone());
        }
        let mut operator = String::new();
        let _ = writeln!(operator, "issuers: [{issuer}]\nuserStores: {}", Value::from(self.stores.clone()));
        for (name, value) in self.more.as_object().into_iter().flatten() {
            let _ = writeln!(operator, "{name}: {value}");
        }
        let mut files = self.files.clone();
        files.push(("issuer.json".to_owned(), self.provider.jwks()?));
        let path = Files::new(operator, self.api_files(), files).write(folder, address, admin)?;
        let mut command = Command::new(own_program("countersign")?);
        command.arg("serve").arg("--config").arg(path);
        let log = folder.join("output.log");
        let mut process = Process::start(command, &log)?;
        process.wait_for(address).with_context(|| fs::read_to_string(&log).unwrap_or_default())?;
        Ok(Site { process, address, admin, log })
    }

    fn api_files(&self) -> Vec<(String, String)> {
        let one = |(name, store): &(&str, &str)| {
            let policies = format!(
                "apiPolicies:\n  request:\n    - policyName: BackendJwt\n      parameters: {{ userStore: {store} }}\n"
            );
            let operation = "  - { target: \"/items/{id}\", verb: GET, secured: true, scopes: [] }\n";
            (format!("{name}.yaml"), api(name, self.backend, &policies) + operation)
        };
        self.apis.iter().map(one).collect()
    }
}

impl Site {
    /// Returns the processor time that it has used so far.
    ///
    /// # Errors
    ///
    /// When the kernel does not tell.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        self.process.cpu_time()
    }

    /// Returns its resident memory in bytes.
    ///
    /// # Errors
    ///
    /// When the kernel does not tell.
    pub(crate) fn memory(&self) -> Result<u64> {
        self.process.memory()
    }

    /// Returns the sum of a metric's samples.
    ///
    /// # Errors
    ///
    /// When the admin listener does not answer.
    pub(crate) fn metric(&self, name: &str) -> Result<f64> {
        // The metrics of all operations are more than one answer's worth for `Client`.
        let text = crate::starting::get(self.admin, "/metrics")?;
        let samples = text.lines().filter_map(|line| line.strip_prefix(name));
        let values = samples.filter(|rest| rest.starts_with([' ', '{'])).filter_map(|rest| rest.rsplit(' ').next());
        Ok(values.filter_map(|value| value.parse::<f64>().ok()).sum())
    }

    /// Returns what it has said so far.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Returns a new connection to it.
    ///
    /// # Errors
    ///
    /// When it does not listen.
    pub(crate) fn client(&self) -> Result<Client> {
        Client::connect(self.address)
    }
}
