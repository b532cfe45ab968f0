//! The API and the operation that a question names.

use std::{borrow::Cow, sync::Arc};

use http::Method;

use super::{ExplainError, Question};
use crate::{
    route::BaseTable,
    snapshot::{Api, ApiState, Operation, Snapshot},
};

/// What was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'a> {
    pub(super) api: &'a Arc<Api>,
    /// The operation's number in the API.
    pub(super) number: usize,
    pub(super) operation: &'a Operation,
}

impl<'a> Found<'a> {
    pub(super) fn find(snapshot: &'a Snapshot, question: &Question<'_>) -> Result<Self, ExplainError> {
        let (index, api) = find_api(snapshot, question.api)?;
        if api.state == ApiState::Broken {
            return Err(ExplainError::BrokenApi(api.name.as_ref().into()));
        }
        let number = find_operation(snapshot, (index, api), question.operation);
        let found = number.and_then(|number| Some((number, api.operations.get(number)?)));
        let Some((number, operation)) = found else {
            let label = |operation: &Operation| format!("`{} {}`", operation.facts.verb, operation.facts.target);
            return Err(ExplainError::UnknownOperation {
                api: api.name.as_ref().into(),
                asked: question.operation.into(),
                known: api.operations.iter().map(label).collect(),
            });
        };
        Ok(Self { api, number, operation })
    }
}

fn find_api<'a>(snapshot: &'a Snapshot, asked: &str) -> Result<(usize, &'a Arc<Api>), ExplainError> {
    let full_name = |api: &Api| format!("{}:{}", api.name, api.production.version);
    let all = || snapshot.apis.iter().enumerate();
    let named: Vec<(usize, &Arc<Api>)> = all().filter(|(_, api)| *api.name == *asked).collect();
    let exact = all().filter(|(_, api)| full_name(api) == asked);
    let found: Vec<(usize, &Arc<Api>)> = if named.is_empty() { exact.collect() } else { named };
    let known = |apis: &mut dyn Iterator<Item = (usize, &Arc<Api>)>| apis.map(|(_, api)| full_name(api)).collect();
    match found.as_slice() {
        [only] => Ok(*only),
        [] => Err(ExplainError::UnknownApi { asked: asked.into(), known: known(&mut all()) }),
        several => {
            Err(ExplainError::SeveralVersions { asked: asked.into(), known: known(&mut several.iter().copied()) })
        }
    }
}

/// Finds an operation by its template, else by a path that it matches.
fn find_operation(snapshot: &Snapshot, (index, api): (usize, &Api), asked: &str) -> Option<usize> {
    let (verb, path) = asked.trim().split_once(char::is_whitespace)?;
    let (verb, path) = (verb.to_ascii_uppercase(), path.trim());
    let is_template = |operation: &Operation| *operation.facts.verb == *verb && *operation.facts.target == *path;
    if let Some(number) = api.operations.iter().position(is_template) {
        return Some(number);
    }
    let method = Method::from_bytes(verb.as_bytes()).ok()?;
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let below_base = |table: &BaseTable| {
        let (base, rest) = table.find(path).filter(|(base, _)| base.api == index)?;
        let target: Cow<'_, str> = base.target(rest);
        api.routes.find(&method, &target)
    };
    let tables = || std::iter::once(&snapshot.any_host).chain(snapshot.hosts.values());
    api.routes.find(&method, path).or_else(|| tables().find_map(below_base))
}
