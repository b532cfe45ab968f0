//! Keys to verify with: a JWKS from a file or an address.

use std::{fs, time::Duration};

use anyhow::{Context as _, ensure};
use claims::VerificationKeys;
use reqwest::{Client, redirect::Policy};

/// Reads a JWKS.
///
/// # Errors
///
/// When the file cannot be read, or the address does not answer with one.
pub(super) fn read(place: &str) -> anyhow::Result<Vec<u8>> {
    if place.starts_with("https://") || place.starts_with("http://") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        return runtime.block_on(fetch(place)).with_context(|| format!("cannot fetch the JWKS from {place}"));
    }
    fs::read(place).with_context(|| format!("cannot read the JWKS `{place}`"))
}

async fn fetch(address: &str) -> anyhow::Result<Vec<u8>> {
    let client = Client::builder().redirect(Policy::none()).timeout(Duration::from_secs(10)).build()?;
    let mut response = client.get(address).send().await?;
    ensure!(response.status().is_success(), "it answers {}", response.status());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        ensure!(body.len() <= VerificationKeys::MAX_BYTES, "it is longer than {} bytes", VerificationKeys::MAX_BYTES);
    }
    Ok(body)
}
