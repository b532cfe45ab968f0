//! `countersign keys`: the signing keys on disk. A running gateway sees the changes by itself.
//!
//! What to write is planned by `claims`; this reads, writes under the directory's lock, and says what happens next.

mod export;
mod import;
mod list;
mod store;

use std::{process::ExitCode, sync::Arc};

use anyhow::{Context as _, bail, ensure};
use claims::{Algorithm, Announcement, KeyFile, KeyLife, KeyState, PlanError, RotationPlan, RsaSize, SigningKey};
use gateway::{JWKS_MAX_AGE, parse_duration};

use self::store::{KeyStore, Purpose};
use crate::{
    Process,
    cli::{GenerateArguments, KeyTiming, KeysArguments, KeysCommand, RevokeArguments, RotateArguments},
    clock, output,
};

/// Runs one of the commands on keys.
///
/// # Errors
///
/// When the keys cannot be read or written, or there is nothing to do as it was asked.
pub(crate) fn run(arguments: &KeysArguments, process: &Process) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        KeysCommand::Generate(arguments) => generate(arguments, process)?,
        KeysCommand::List(arguments) => list::run(arguments, process)?,
        KeysCommand::Rotate(arguments) => rotate(arguments, process)?,
        KeysCommand::Revoke(arguments) => revoke(arguments, process)?,
        KeysCommand::Import(arguments) => import::run(arguments, process)?,
        KeysCommand::Export(arguments) => export::run(arguments, process)?,
        KeysCommand::Live(arguments) => return super::admin::keys::run(arguments, process),
    }
    Ok(ExitCode::SUCCESS)
}

fn generate(arguments: &GenerateArguments, process: &Process) -> anyhow::Result<()> {
    let size = rsa_size(arguments.rsa_size)?;
    let store = KeyStore::open(&arguments.place, Purpose::Change, process)?;
    let announcement = announcement(&arguments.timing, &store)?;
    let plan = plan_rotation(&store, arguments.algorithm, announcement)?;
    carry_out(&store, &plan, (arguments.algorithm, size))
}

fn rotate(arguments: &RotateArguments, process: &Process) -> anyhow::Result<()> {
    let store = KeyStore::open(&arguments.place, Purpose::Change, process)?;
    let algorithm = arguments.algorithm;
    let Some(active) = store.set.active(algorithm, store.now) else {
        refuse_secret(algorithm)?;
        bail!(
            "no {algorithm} key signs, so there is nothing to rotate: countersign keys generate --algorithm {algorithm}"
        );
    };
    let size = match arguments.rsa_size {
        Some(bits) => rsa_size(bits)?,
        None => active.rsa_size(),
    };
    let announcement = announcement(&arguments.timing, &store)?;
    let plan = plan_rotation(&store, algorithm, announcement)?;
    carry_out(&store, &plan, (algorithm, size))?;
    if announcement == Announcement::Skip {
        output::message(&who_may_break(algorithm, store.now));
    }
    Ok(())
}

fn revoke(arguments: &RevokeArguments, process: &Process) -> anyhow::Result<()> {
    let store = KeyStore::open(&arguments.place, Purpose::Change, process)?;
    let key = Arc::clone(&store.find(&arguments.kid)?.key);
    let plan = store.set.plan_revocation(key.kid(), store.now)?;
    carry_out(&store, &plan, (key.algorithm(), key.rsa_size()))?;
    output::message(&format!(
        "a running gateway stops serving the tokens of `{}` at once; backends refuse those that they hold when they fetch \
         the JWKS again, at the latest {} seconds from now if they obey `max-age`",
        key.kid(),
        JWKS_MAX_AGE
    ));
    Ok(())
}

/// Plans the next key, and says what to do where that is not possible.
fn plan_rotation(store: &KeyStore, algorithm: Algorithm, announcement: Announcement) -> anyhow::Result<RotationPlan> {
    refuse_secret(algorithm)?;
    match store.set.plan_rotation(algorithm, store.now, announcement, gateway::retirement_times()) {
        Err(PlanError::AlreadyAnnounced { kid, activates_at }) => bail!(
            "`{kid}` is announced already and signs from {} on; with --now it signs at once",
            clock::text(activates_at)
        ),
        planned => Ok(planned?),
    }
}

/// Refuses what has no key pair.
fn refuse_secret(algorithm: Algorithm) -> anyhow::Result<()> {
    ensure!(
        !algorithm.is_hmac(),
        "{algorithm} signs with a shared secret: write one to a file, and name it under `keys.hmac` in the operator's file"
    );
    ensure!(algorithm != Algorithm::None, "`none` has no key");
    Ok(())
}

/// Writes what was planned: the new key first, so that a crash between leaves one that signs.
fn carry_out(store: &KeyStore, plan: &RotationPlan, (algorithm, size): (Algorithm, RsaSize)) -> anyhow::Result<()> {
    if let Some(life) = plan.new_key {
        let key =
            SigningKey::generate(algorithm, size).with_context(|| format!("cannot make a key for {algorithm}"))?;
        write_new(store, &KeyFile { key: Arc::new(key), life }, "made")?;
    }
    change_others(store, plan)
}

/// Writes a new key and says when it signs.
fn write_new(store: &KeyStore, file: &KeyFile, verb: &str) -> anyhow::Result<()> {
    let path = gateway::write_key(&store.directory, file)?;
    let KeyFile { key, life } = file;
    output::result_line(&format!("{verb} {} key {} in {}", key.algorithm(), key.kid(), path.display()))?;
    output::result_line(&match life.state(store.now) {
        KeyState::Announced => {
            format!("  announced: published now, signs from {} on", clock::text(life.activates_at()))
        }
        KeyState::Active | KeyState::Retired | KeyState::Gone | KeyState::Revoked => "  signs now".to_owned(),
    })
}

fn change_others(store: &KeyStore, plan: &RotationPlan) -> anyhow::Result<()> {
    for change in &plan.changes {
        let file = store.files.iter().find(|file| file.key.kid() == &*change.kid);
        let file = file.with_context(|| format!("`{}` is not in {}", change.kid, store.directory.display()))?;
        let changed = KeyFile { key: Arc::clone(&file.key), life: change.life };
        gateway::write_key(&store.directory, &changed)?;
        output::result_line(&format!("{} key {}", file.key.algorithm(), change.kid))?;
        output::result_line(&format!("  {}", fate(change.life, store.now)))?;
    }
    Ok(())
}

/// Says what becomes of a key that is changed.
fn fate(life: KeyLife, now: u64) -> String {
    match (life.state(now), life.retires_at().zip(life.gone_at())) {
        (KeyState::Revoked, _) => "revoked: its tokens are not good any more".to_owned(),
        (KeyState::Retired | KeyState::Gone, Some((_, gone_at))) => {
            format!("retired: signs no more, stays published until {}", clock::text(gone_at))
        }
        (_, Some((retires_at, gone_at))) => {
            format!("signs until {}, stays published until {}", clock::text(retires_at), clock::text(gone_at))
        }
        (KeyState::Announced, None) => format!("signs from {} on", clock::text(life.activates_at())),
        (KeyState::Active | KeyState::Retired | KeyState::Gone, None) => "signs now".to_owned(),
    }
}

fn who_may_break(algorithm: Algorithm, now: u64) -> String {
    format!(
        "who may break: every verifier that fetched the JWKS before now refuses the new key's {algorithm} tokens until it \
         fetches again. Those that obey `max-age` do by {}; those that fetch on an unknown `kid` do at the first such token; \
         those that fetch only at their start, or pin a certificate, must be restarted or told",
        clock::text(now + JWKS_MAX_AGE)
    )
}

fn announcement(timing: &KeyTiming, store: &KeyStore) -> anyhow::Result<Announcement> {
    if timing.now {
        return Ok(Announcement::Skip);
    }
    let Some(written) = &timing.announce_for else { return Ok(Announcement::For(store.announce_for.as_secs())) };
    let duration = parse_duration(written)
        .with_context(|| format!("--announce-for: `{written}` is no duration; write it like 24h or 30m"))?;
    ensure!(
        duration.as_secs() >= JWKS_MAX_AGE,
        "--announce-for: verifiers may keep a JWKS for {JWKS_MAX_AGE} seconds, so `{written}` is too short; --now skips the announcement"
    );
    Ok(Announcement::For(duration.as_secs()))
}

fn rsa_size(bits: u32) -> anyhow::Result<RsaSize> {
    RsaSize::from_bits(bits).with_context(|| format!("--rsa-size: an RSA key has 2048, 3072 or 4096 bits, not {bits}"))
}
