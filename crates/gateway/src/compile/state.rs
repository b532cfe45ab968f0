//! `state`: how the database is reached in which API definitions and applications live.

use std::{collections::BTreeMap, path::Path, time::Duration};

use stores::{DatabaseUrl, ServerAccess, ServerAddress};

use super::{
    secrets::{self, FileReader},
    stores::database_access,
};
use crate::{
    diagnostic::{DiagnosticCode, Diagnostics},
    spec,
};

/// How the database of `state` is reached.
#[derive(Clone, Debug)]
pub struct StateAddress {
    /// The server, and who we are there.
    pub address: ServerAddress,
    /// Password and protection.
    pub access: ServerAccess,
    /// How long connecting may take, and each statement.
    pub timeout: Duration,
}

impl StateAddress {
    /// Reads what is written, and the files and `variables` that it names; `None` after a diagnostic.
    ///
    /// `folder` is the operator's file's.
    pub fn read(
        written: &spec::State,
        folder: &Path,
        variables: &BTreeMap<String, String>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Self> {
        let reader = FileReader { folder, variables };
        let address = match DatabaseUrl::parse(&written.url.0, folder) {
            Ok(DatabaseUrl::Postgres(address)) => Some(address),
            // Reported when the file was read.
            Ok(DatabaseUrl::Sqlite(_) | DatabaseUrl::MySql(_)) => None,
            Err(error) => {
                if written.url.dialect().is_some() {
                    diagnostics.error(DiagnosticCode::InvalidValue, &written.url.span, error.to_string());
                }
                None
            }
        };
        let password = written.password.as_ref();
        let password = password.map(|password| reader.secret_text(password, diagnostics).ok_or(()));
        let ca = written.ca.as_ref();
        let ca = ca.map(|path| secrets::bytes(path, diagnostics).map(|pem| (pem, path)).ok_or(()));
        let (password, ca) = (password.transpose().ok()?, ca.transpose().ok()?);
        let access = database_access(password, ca, written.tls.value, diagnostics)?;
        Some(Self { address: address?, access, timeout: written.timeout.value })
    }
}
