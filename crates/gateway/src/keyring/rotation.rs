//! Automatic rotation: a key that has signed for long enough gets a successor, announced in time to take over.

use std::{path::Path, sync::Arc};

use claims::{Algorithm, Announcement, KeyFile, KeyOrigin, KeySet, KeySetEntry, KeyState, RetirementTimes, SigningKey};

use super::{
    JWKS_MAX_AGE,
    directory::{DirectoryError, lock_directory, read_directory, write_key},
};

/// The longest life that a Backend JWT can have (`tokenTTL`), in seconds. What a policy says today is no bound: an old key
/// may have signed for an older one.
const LONGEST_TTL: u64 = 86_400;

/// Returns how long retired keys stay published.
pub const fn retirement_times() -> RetirementTimes {
    RetirementTimes { longest_ttl: LONGEST_TTL, max_age: JWKS_MAX_AGE }
}

/// How often keys are replaced, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RotationSchedule {
    /// From the first signature of a key to that of its successor.
    pub every: u64,
    /// How long the successor is published before.
    pub announce_for: u64,
}

/// Makes the successors whose time has come, and returns them. Replicas on one volume do not race: it is done under the
/// directory's lock.
///
/// # Errors
///
/// [`DirectoryError`] when the directory cannot be read or written; keys that were written before that are good.
pub(crate) fn rotate_due(
    directory: &Path,
    schedule: RotationSchedule,
    now: u64,
) -> Result<Vec<Arc<SigningKey>>, DirectoryError> {
    if due(&read_directory(directory)?, schedule, now).is_empty() {
        return Ok(Vec::new());
    }
    let _lock = lock_directory(directory)?;
    let files = read_directory(directory)?;
    let mut made = Vec::new();
    for active in due(&files, schedule, now) {
        made.extend(succeed(directory, (&files, active), schedule, now)?);
    }
    Ok(made)
}

/// Returns the keys that need a successor now.
fn due(files: &[KeyFile], schedule: RotationSchedule, now: u64) -> Vec<&KeyFile> {
    let RotationSchedule { every, announce_for } = schedule;
    let in_state = |algorithm: Algorithm, state: KeyState| {
        files.iter().filter(move |file| file.key.algorithm() == algorithm && file.life.state(now) == state)
    };
    let is_due = |file: &&KeyFile| now + announce_for.max(JWKS_MAX_AGE) >= file.life.activates_at() + every;
    Algorithm::ALL
        .into_iter()
        .filter(|algorithm| in_state(*algorithm, KeyState::Announced).next().is_none())
        .filter_map(|algorithm| in_state(algorithm, KeyState::Active).max_by_key(|file| file.life.activates_at()))
        .filter(is_due)
        .collect()
}

/// Writes a successor and then the end of its predecessors, so that a crash between leaves a key that signs.
fn succeed(
    directory: &Path,
    (files, active): (&[KeyFile], &KeyFile),
    schedule: RotationSchedule,
    now: u64,
) -> Result<Option<Arc<SigningKey>>, DirectoryError> {
    let algorithm = active.key.algorithm();
    let entry =
        |file: &KeyFile| KeySetEntry { key: Arc::clone(&file.key), life: file.life, origin: KeyOrigin::Directory };
    let Ok(set) = KeySet::new(files.iter().map(entry).collect(), Vec::new(), now) else { return Ok(None) };
    let announcement = Announcement::For(schedule.announce_for);
    let Ok(plan) = set.plan_rotation(algorithm, now, announcement, retirement_times()) else { return Ok(None) };
    let Some(life) = plan.new_key else { return Ok(None) };
    let key = SigningKey::generate(algorithm, active.key.rsa_size()).map_err(DirectoryError::Generate)?;
    let key = Arc::new(key);
    write_key(directory, &KeyFile { key: Arc::clone(&key), life })?;
    for change in &plan.changes {
        if let Some(file) = files.iter().find(|file| file.key.kid() == &*change.kid) {
            write_key(directory, &KeyFile { key: Arc::clone(&file.key), life: change.life })?;
        }
    }
    Ok(Some(key))
}

#[cfg(test)]
mod tests {
    use super::{super::directory::make_first_keys, *};

    const START: u64 = 1_000_000;
    const DAY: u64 = 86_400;
    const SCHEDULE: RotationSchedule = RotationSchedule { every: 30 * DAY, announce_for: DAY };

    fn made(directory: &Path, now: u64) -> Vec<Algorithm> {
        rotate_due(directory, SCHEDULE, now).unwrap().iter().map(|key| key.algorithm()).collect()
    }

    fn signing(directory: &Path, now: u64) -> Box<str> {
        let files = read_directory(directory).unwrap();
        let mut active = files
            .iter()
            .filter(|file| file.key.algorithm() == Algorithm::Es256 && file.life.state(now) == KeyState::Active);
        let kid = active.next().unwrap().key.kid().into();
        assert!(active.next().is_none(), "two keys sign");
        kid
    }

    #[test]
    fn a_successor_is_announced_in_time_and_takes_over_on_the_day() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path();
        make_first_keys(directory, START).unwrap();
        let first = signing(directory, START);
        assert_eq!(made(directory, START + 29 * DAY - 1), []);
        assert_eq!(made(directory, START + 29 * DAY), [Algorithm::Rs256, Algorithm::Es256]);
        assert_eq!(made(directory, START + 29 * DAY), [], "announced already");
        assert_eq!(signing(directory, START + 30 * DAY - 1), first);
        let second = signing(directory, START + 30 * DAY);
        assert_ne!(second, first);
        assert_eq!(made(directory, START + 58 * DAY), []);
        assert_eq!(made(directory, START + 59 * DAY), [Algorithm::Rs256, Algorithm::Es256]);
        assert_ne!(signing(directory, START + 60 * DAY), second);
    }
}
