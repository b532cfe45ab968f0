//! The demo's files: configuration, API definitions, the user store.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use super::ports::Ports;
use crate::Process;

/// Every text file, with the ports as `@NAME@`.
const TEXTS: [(&str, &str); 4] = [
    ("apis/orders.yaml", include_str!("files/apis/orders.yaml")),
    ("apis/payroll.yaml", include_str!("files/apis/payroll.yaml")),
    ("apis/profile.yaml", include_str!("files/apis/profile.yaml")),
    ("countersign.yaml", include_str!("files/countersign.yaml")),
];

/// The people and their groups.
const STAFF: &str = include_str!("files/staff.sql");

/// Which ports the files name.
const PORTS: &str = "demo-ports.json";

/// The folder of the files.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    keep: Keep,
}

/// What becomes of the folder at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    /// It is the user's.
    Always,
    /// It is ours.
    WhileRunning,
}

impl Folder {
    /// Makes the folder: the one that was named, or a temporary one.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub(super) fn open(named: Option<&Path>, process: &Process) -> anyhow::Result<Self> {
        if let Some(path) = named {
            fs::create_dir_all(path).with_context(|| format!("cannot make the folder `{}`", path.display()))?;
            let path =
                fs::canonicalize(path).with_context(|| format!("cannot find the folder `{}`", path.display()))?;
            return Ok(Self { path, keep: Keep::Always });
        }
        let temporary = process.variables.get("TMPDIR").map_or("/tmp", String::as_str);
        let name = format!("countersign-demo-{}-{}", std::process::id(), crate::clock::seconds(process.now));
        let path = Path::new(temporary).join(name);
        // Fails where somebody else made it: what is in it would not be ours.
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.with_context(|| format!("cannot make the temporary folder `{}`", path.display()))?;
        Ok(Self { path, keep: Keep::WhileRunning })
    }

    /// Returns where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// True when the files stay after the demo.
    pub(super) fn is_kept(&self) -> bool {
        self.keep == Keep::Always
    }

    /// Returns the ports that an earlier demo's files name.
    pub(super) fn ports(&self) -> Option<Ports> {
        let text = fs::read(self.path.join(PORTS)).ok()?;
        serde_json::from_slice(&text).ok().as_ref().and_then(Ports::from_json)
    }

    /// Writes the files that are not there yet; what was edited stays.
    ///
    /// # Errors
    ///
    /// When one cannot be written.
    pub(super) async fn write(&self, ports: Ports) -> anyhow::Result<()> {
        let apis = self.path.join("apis");
        fs::create_dir_all(&apis).with_context(|| format!("cannot make the folder `{}`", apis.display()))?;
        for (name, text) in TEXTS {
            self.write_missing(name, &filled(text, ports))?;
        }
        self.write_missing(PORTS, &ports.to_json().to_string())?;
        let database = self.path.join("staff.db");
        if !database.exists() {
            write_staff(&database).await.with_context(|| format!("cannot write `{}`", database.display()))?;
        }
        Ok(())
    }

    fn write_missing(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.path.join(name);
        if path.exists() {
            return Ok(());
        }
        fs::write(&path, text).with_context(|| format!("cannot write `{}`", path.display()))
    }

    /// Removes a temporary folder.
    ///
    /// # Errors
    ///
    /// When it cannot be removed.
    pub(super) fn close(self) -> anyhow::Result<()> {
        match self.keep {
            Keep::Always => Ok(()),
            Keep::WhileRunning => {
                fs::remove_dir_all(&self.path).with_context(|| format!("cannot remove `{}`", self.path.display()))
            }
        }
    }
}

fn filled(text: &str, ports: Ports) -> String {
    let places =
        [("@GATEWAY@", ports.gateway), ("@ECHO@", ports.echo), ("@ISSUER@", ports.issuer), ("@ADMIN@", ports.admin)];
    places.iter().fold(text.to_owned(), |text, (name, port)| text.replace(name, &port.to_string()))
}

/// Writes the user store under another name first: a demo that is interrupted leaves no half of it.
async fn write_staff(path: &Path) -> anyhow::Result<()> {
    let temporary = path.with_extension("new");
    let options = SqliteConnectOptions::new().filename(&temporary).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    sqlx::raw_sql(STAFF).execute(&mut connection).await?;
    connection.close().await?;
    Ok(fs::rename(&temporary, path)?)
}
