//! The harness of `make bench`: measures, and writes docs/performance.md.
//!
//! `bench/run` builds what is measured and starts this. Everything runs on 127.0.0.1, bounded in count and time.

#![expect(clippy::cast_precision_loss, reason = "figures for people, far below 2^52")]

mod backend;
mod cached;
mod candidates;
mod clients;
mod deciding;
mod flood;
mod freshness;
mod gateway_files;
mod goals;
mod isolation;
mod load;
mod minting;
mod misses;
mod outage;
mod page;
mod process;
mod progress;
mod proxying;
mod servers;
mod site;
mod slow;
mod starting;
mod statistics;
mod tokens;

use std::{
    env, fs,
    io::{self, Write},
    net::SocketAddr,
    path::Path,
    process::ExitCode,
};

use anyhow::{Context, Result, bail};

use crate::{
    backend::Backend,
    candidates::Candidate,
    goals::{Kind, Measurements},
    page::Section,
    process::free_address,
    proxying::Amount,
};

/// The gateway's allocator: what is measured in this process must not meet another one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "usage: bench write PAGE
       bench count NAME...         instructions of one request: B0 B1 B2 nginx HAProxy
       bench time NAME...          processor time of one request
       bench memory NAME...        resident memory, and what an idle connection adds
       bench profile NAME FILE     10 000 requests under callgrind, its profile to FILE
       bench stores KIND...        users whom the gateway has not met: none sqlite postgresql mariadb ldap http scim userinfo
       bench isolation             a slow store beside another API
       bench flood                 forged tokens beside good ones
       bench outage                a directory that is killed
       bench freshness             a role that is taken away
       bench users COUNT           memory of so many users in the caches
       bench mint | decide | start";

/// Measures what the arguments say.
fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let harness = Harness::new()?;
    match arguments.as_slice() {
        ["write", page] => return harness.write(Path::new(page)),
        ["profile", name, file] => {
            let file = env::current_dir()?.join(file);
            for candidate in harness.candidates(&[name])? {
                proxying::profile(&candidate, &harness.backend, 10_000, &file)?;
            }
        }
        ["mint"] => show(&minting::measure()?)?,
        ["decide"] => show(&deciding::measure(&harness.path("decide")?)?)?,
        ["start"] => show(&harness.start()?)?,
        ["stores", kinds @ ..] => tell(&harness.stores(kinds)?)?,
        ["isolation"] => tell(&isolation::measure(&harness.path("isolation")?, &harness.backend)?)?,
        ["flood"] => tell(&flood::measure(&harness.path("flood")?, &harness.backend)?)?,
        ["outage"] => tell(&outage::measure(&harness.path("outage")?, &harness.backend)?)?,
        ["freshness"] => tell(&freshness::measure(&harness.path("freshness")?, &harness.backend)?)?,
        ["users", count] => tell(&cached::measure(&harness.path("users")?, &harness.backend, count.parse()?)?)?,
        ["--help"] => tell(&USAGE)?,
        ["count", names @ ..] => {
            for candidate in harness.candidates(names)? {
                show(&(candidate.name, proxying::instructions(&candidate, &harness.backend, Amount::FULL)?))?;
            }
        }
        ["time", names @ ..] => {
            show(&proxying::times(&harness.candidates(names)?, &harness.backend, Amount::FULL)?)?;
        }
        ["memory", names @ ..] => {
            for candidate in harness.candidates(names)? {
                show(&starting::footprint(&candidate)?)?;
            }
        }
        _ => bail!(USAGE),
    }
    Ok(ExitCode::SUCCESS)
}

fn show(value: &impl std::fmt::Debug) -> Result<()> {
    Ok(writeln!(io::stdout().lock(), "{value:#?}")?)
}

fn tell(text: &impl std::fmt::Display) -> Result<()> {
    Ok(writeln!(io::stdout().lock(), "{text}")?)
}

/// What all measurements share.
#[derive(Debug)]
struct Harness {
    folder: tempfile::TempDir,
    backend: Backend,
}

impl Harness {
    fn new() -> Result<Self> {
        Ok(Self { folder: tempfile::tempdir()?, backend: Backend::start()? })
    }

    /// Makes a folder.
    fn path(&self, name: &str) -> Result<std::path::PathBuf> {
        let path = self.folder.path().join(name);
        fs::create_dir(&path)?;
        Ok(path)
    }

    /// Returns the named candidates, or all, each started once before so that it has made its keys.
    fn candidates(&self, names: &[&str]) -> Result<Vec<Candidate>> {
        let mut candidates = candidates::all(&self.path("candidates")?, self.backend.address)?;
        if let Some(unknown) = names.iter().find(|name| !candidates.iter().any(|candidate| candidate.name == **name)) {
            bail!("no candidate `{unknown}`");
        }
        candidates.retain(|candidate| names.is_empty() || names.contains(&candidate.name));
        for candidate in &candidates {
            let mut process = candidate.start()?;
            process.wait_for(candidate.address).with_context(|| candidate.said())?;
            process.stop()?;
        }
        Ok(candidates)
    }

    fn start(&self) -> Result<starting::Started> {
        let admin: SocketAddr = free_address()?;
        let candidate = candidates::with_many_apis(&self.path("start")?, self.backend.address, admin)?;
        starting::start(&candidate, admin)
    }

    fn stores(&self, kinds: &[&str]) -> Result<Section> {
        Ok(misses::section(&misses::measure(&self.path("stores")?, &self.backend, kinds)?))
    }

    /// Measures what users and their stores cost.
    fn users(&self) -> Result<Vec<Section>> {
        Ok(vec![
            self.stores(&[])?,
            isolation::measure(&self.path("isolation")?, &self.backend)?,
            flood::measure(&self.path("flood")?, &self.backend)?,
            outage::measure(&self.path("outage")?, &self.backend)?,
            freshness::measure(&self.path("freshness")?, &self.backend)?,
            cached::measure(&self.path("users")?, &self.backend, cached::USERS)?,
        ])
    }

    /// Measures everything and writes the page; fails when a goal that does not depend on the machine is missed.
    fn write(&self, page: &Path) -> Result<ExitCode> {
        let candidates = self.candidates(&[])?;
        let measurements = Measurements {
            costs: proxying::measure(&candidates, &self.backend, Amount::FULL)?,
            assertion_bytes: self.backend.received().assertion_bytes,
            speeds: minting::measure()?,
            decided: deciding::measure(&self.path("decide")?)?,
            started: self.start()?,
            footprints: candidates.iter().map(starting::footprint).collect::<Result<_>>()?,
            sections: self.users()?,
        };
        fs::write(page, page::render(&measurements, Amount::FULL))?;
        let goals = measurements.goals();
        let mut out = io::stdout().lock();
        for goal in &goals {
            writeln!(out, "{}", page::line(goal))?;
        }
        let is_failed = goals.iter().any(|goal| !goal.is_met && goal.kind == Kind::Counted);
        Ok(if is_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
