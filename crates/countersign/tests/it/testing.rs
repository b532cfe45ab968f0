//! A folder to work in, and the binary in it.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// A temporary folder, in which the binary runs.
pub(crate) struct World {
    folder: TempDir,
}

/// What a finished command left behind.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) const OPERATOR: &str = r#"
gateway:
  issuer: https://gateway.example.com
  listeners: [{ address: 127.0.0.1:8080 }]
admin: { address: "127.0.0.1:1" }
backendJwt:
  sensitive:
    attributes: [national_id]
    allow: [{ attribute: national_id, api: payroll, reason: tax returns }]
issuers:
  - name: dev
    issuer: https://dev.example
    jwks: { file: dev-issuer/jwks.json }
    audience: [orders]
    lookup: { claim: sub, userStores: [staff] }
userStores:
  - name: staff
    inline:
      users:
        - user: alice
          attributes: { email: alice@example.com, groups: [orders-read, staff], department: Sales, national_id: "1", shoe_size: 38 }
"#;

pub(crate) const ORDERS: &str = r#"
name: orders
basePath: /orders
version: "1.0"
type: REST
endpointConfigurations: { production: [{ endpoint: http://orders.internal:8080/base }] }
operations:
  - { target: "/{id}", verb: GET, secured: true, scopes: ["orders:read"] }
  - { target: "/open", verb: GET, secured: false }
apiPolicies:
  request:
    - policyName: BackendJwt
      parameters:
        claims: [email, { attribute: groups, keep: ["orders-*"] }]
        customClaims: [{ claim: plan, value: "${user.department}" }]
"#;

impl World {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A folder with a small gateway's configuration, its issuer's keys and its own.
    pub(crate) fn with_gateway() -> Self {
        let world = Self::new();
        world.write("countersign.yaml", OPERATOR);
        world.write("apis/orders.yaml", ORDERS);
        world.token("alice", &[]);
        assert_eq!(world.run(&["keys", "generate", "--algorithm", "ES256"]).code, 0);
        world
    }

    /// Issues a development token.
    pub(crate) fn token(&self, subject: &str, more: &[&str]) -> String {
        let common =
            ["token", "issue", "--issuer", "https://dev.example", "--audience", "orders", "--subject", subject];
        let done = self.run(&[&common, more].concat());
        assert_eq!(done.code, 0, "{done:?}");
        done.out.trim_end().to_owned()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Copies a key that other tools made.
    pub(crate) fn copy_foreign_key(&self, name: &str) {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../claims/tests/data");
        fs::copy(data.join(name), self.path(name)).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.path(name)).unwrap().permissions().mode() & 0o777
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        self.run_with_input(arguments, "")
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Done {
        let mut command = self.command();
        let output = command.args(arguments).write_stdin(input).output().unwrap();
        Done {
            code: output.status.code().expect("a command ends by itself"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = assert_cmd::cargo::cargo_bin_cmd!("countersign");
        command.current_dir(self.folder.path()).env_remove("RUST_LOG");
        command
    }
}

impl Done {
    /// Parses the output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}
