//! Whether the configured user stores and issuers answer, and as configured: in their own words.

use std::sync::Arc;

use futures_util::future::join_all;
use gateway::{
    BrokenApis, Compiled, Diagnostic, DiagnosticCode, Diagnostics, Pools, Sources, Span, Surroundings, compile,
};

use crate::Process;

/// Asks all of them, at once.
///
/// # Errors
///
/// When no runtime can be had.
pub(super) fn probe(sources: &Sources, process: &Process) -> anyhow::Result<Vec<Diagnostic>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let pools = Pools::default();
    let surroundings = Surroundings { background: runtime.handle(), pools: &pools, previous: None, now: process.now };
    let compiled = compile(sources, surroundings, BrokenApis::Answer503, &mut Diagnostics::new());
    let Some(compiled) = compiled else { return Ok(Vec::new()) };
    Ok(runtime.block_on(async {
        let (mut found, issuers) = tokio::join!(stores(&compiled), issuers(&compiled, process));
        found.extend(issuers);
        found
    }))
}

async fn stores(compiled: &Compiled) -> Vec<Diagnostic> {
    let probing = compiled.operator.user_stores.iter().filter_map(|written| {
        let handle = Arc::clone(compiled.stores.get(written.name.value.as_str())?);
        Some(async move {
            let error = handle.store.store().probe().await.err()?;
            let hint = format!("`countersign stores test {} --user NAME` shows one look-up", handle.name);
            Some(failed(&written.name.span, error.with_causes()).with_hint(hint))
        })
    });
    join_all(probing).await.into_iter().flatten().collect()
}

async fn issuers(compiled: &Compiled, process: &Process) -> Vec<Diagnostic> {
    let probing = compiled.operator.issuers.iter().filter_map(|written| {
        let issuer = compiled.issuers.iter().find(|issuer| *issuer.name == *written.name.value)?;
        let keys = Arc::clone(issuer.keys.as_ref()?);
        Some(async move {
            let error = anyhow::Error::new(keys.refresh(process.now).await.err()?);
            Some(failed(&written.name.span, format!("issuer `{}`: {error:#}", issuer.name)))
        })
    });
    join_all(probing).await.into_iter().flatten().collect()
}

fn failed(span: &Span, message: String) -> Diagnostic {
    Diagnostic::error(DiagnosticCode::ProbeFailed, span, message)
}
