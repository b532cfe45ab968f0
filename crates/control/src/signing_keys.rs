//! The signing keys of a running gateway, changed by the plans of `claims`: what `countersign keys` does from outside.

use std::{collections::BTreeMap, fs::File, path::Path, sync::Arc};

use claims::{
    Algorithm, Announcement, KeyFile, KeyOrigin, KeySet, KeyState, KeyStatus, PlanError, RotationPlan, RsaSize,
    SigningKey,
};
use gateway::{
    Diagnostics, DirectoryError, LoadedKeys, lock_directory, read_directory, retirement_times, spec, write_key,
};

/// Why keys were not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyChangeError {
    /// It is not possible as things are.
    #[error("{0}")]
    NotNow(String),
    /// There is no such key.
    #[error("there is no key `{0}`")]
    Unknown(String),
    /// The key is managed elsewhere.
    #[error("`{0}` is a file of the operator's `keys.files`: it is managed there")]
    Elsewhere(String),
    /// The directory cannot be read or written.
    #[error("cannot use the keys directory")]
    Directory(#[from] DirectoryError),
    /// No key could be made.
    #[error("cannot make a key")]
    Generate(#[from] claims::KeyError),
}

/// What shall become of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyAct {
    /// An announced key signs now.
    Activate,
    /// The key stops signing; another one takes over.
    Retire,
    /// Its tokens are not good any more.
    Revoke,
}

/// The keys of an operator's file, to be changed: nobody else changes them meanwhile.
#[derive(Debug)]
pub(crate) struct SigningKeys<'a> {
    operator: &'a spec::Operator,
    set: KeySet,
    now: u64,
    /// Released when dropped.
    _lock: File,
}

impl<'a> SigningKeys<'a> {
    /// Reads the keys as they are now; relative paths start at `folder`.
    ///
    /// # Errors
    ///
    /// [`KeyChangeError`]
    pub(crate) fn open(
        operator: &'a spec::Operator,
        (folder, variables): (&Path, &BTreeMap<String, String>),
        now: u64,
    ) -> Result<Self, KeyChangeError> {
        let lock = lock_directory(&operator.keys.directory.value)?;
        let mut diagnostics = Diagnostics::new();
        let loaded = LoadedKeys::of(operator, (folder, variables), now, &mut diagnostics);
        if diagnostics.has_errors() {
            return Err(KeyChangeError::NotNow(diagnostics.to_string().trim_end().to_owned()));
        }
        Ok(Self { operator, set: loaded.set().clone(), now, _lock: lock })
    }

    /// Announces a new key of an algorithm; without an active one it signs at once.
    ///
    /// # Errors
    ///
    /// [`KeyChangeError`]
    pub(crate) fn announce(&self, algorithm: Algorithm, announcement: Announcement) -> Result<(), KeyChangeError> {
        let plan = self.set.plan_rotation(algorithm, self.now, announcement, retirement_times()).map_err(not_now)?;
        self.carry_out(&plan, algorithm)
    }

    /// Changes one key's life.
    ///
    /// # Errors
    ///
    /// [`KeyChangeError`]
    pub(crate) fn act(&self, kid: &str, act: KeyAct) -> Result<(), KeyChangeError> {
        let states = self.set.states(self.now);
        let status = states.iter().find(|status| *status.kid == *kid);
        let status = status.ok_or_else(|| KeyChangeError::Unknown(kid.to_owned()))?;
        if status.origin == KeyOrigin::Listed {
            return Err(KeyChangeError::Elsewhere(kid.to_owned()));
        }
        let take_over = || self.set.plan_rotation(status.algorithm, self.now, Announcement::Skip, retirement_times());
        let plan = match act {
            KeyAct::Revoke => self.set.plan_revocation(kid, self.now),
            KeyAct::Activate => {
                require(status, KeyState::Announced, "only an announced key is activated")?;
                take_over()
            }
            KeyAct::Retire => {
                require(status, KeyState::Active, "only the key that signs is retired")?;
                take_over()
            }
        };
        self.carry_out(&plan.map_err(not_now)?, status.algorithm)
    }

    /// Writes what was planned: the new key first, so that a crash between leaves one that signs.
    fn carry_out(&self, plan: &RotationPlan, algorithm: Algorithm) -> Result<(), KeyChangeError> {
        let directory = &self.operator.keys.directory.value;
        if let Some(life) = plan.new_key {
            let size = self.set.active(algorithm, self.now).map_or_else(RsaSize::default, |key| key.rsa_size());
            let key = Arc::new(SigningKey::generate(algorithm, size)?);
            write_key(directory, &KeyFile { key, life })?;
        }
        let files = read_directory(directory)?;
        for change in &plan.changes {
            let file = files.iter().find(|file| file.key.kid() == &*change.kid);
            let file = file.ok_or_else(|| KeyChangeError::Elsewhere(change.kid.to_string()))?;
            write_key(directory, &KeyFile { key: Arc::clone(&file.key), life: change.life })?;
        }
        Ok(())
    }
}

fn require(status: &KeyStatus, state: KeyState, otherwise: &str) -> Result<(), KeyChangeError> {
    if status.state == state {
        return Ok(());
    }
    Err(KeyChangeError::NotNow(format!("{otherwise}; `{}` is {}", status.kid, status.state.name())))
}

fn not_now(error: PlanError) -> KeyChangeError {
    match error {
        PlanError::UnknownKey(kid) => KeyChangeError::Unknown(kid.into()),
        PlanError::Listed(kid) => KeyChangeError::Elsewhere(kid.into()),
        error @ (PlanError::AlreadyAnnounced { .. } | PlanError::NotRotated(_)) => {
            KeyChangeError::NotNow(error.to_string())
        }
    }
}
