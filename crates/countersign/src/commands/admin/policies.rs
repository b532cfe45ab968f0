//! `countersign policies`: what is attached to an API and its operations on the running gateway.

use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::{AdminApi, Answer, Order, Reply, cell, conclude, refused};
use crate::{
    Process,
    cli::{
        AdminArguments, AttachArguments, ChangeArguments, DetachArguments, Flow, Format, PoliciesArguments,
        PoliciesCommand, PolicyPlace,
    },
    output,
};

/// Runs one of the commands on policies.
///
/// # Errors
///
/// When the gateway does not answer.
pub(crate) fn run(arguments: &PoliciesArguments, process: &Process) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        PoliciesCommand::List { id, admin } => list(id, admin, process),
        PoliciesCommand::Effective { id, admin } => effective(id, admin, process),
        PoliciesCommand::Attach(arguments) => attach(arguments, process),
        PoliciesCommand::Detach(arguments) => detach(arguments, process),
    }
}

fn list(id: &str, admin: &AdminArguments, process: &Process) -> anyhow::Result<ExitCode> {
    let answer = match AdminApi::of(admin, process)?.get(&["apis", id, "policies"], &[])? {
        Reply::Done(answer) => answer,
        Reply::Refused(reason) => return Ok(refused(&reason)),
    };
    if admin.format == Format::Json {
        output::result_line(&format!("{:#}", answer.body))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = rows("the whole API", answer.body.get("api"));
    for (operation, flows) in answer.body.get("operations").and_then(Value::as_object).into_iter().flatten() {
        rows.extend(self::rows(operation, Some(flows)));
    }
    for policy in answer.body.get("gateway").and_then(Value::as_array).into_iter().flatten() {
        rows.push(row(("the gateway", "request"), policy));
    }
    output::result(&output::columns(&["AT", "FLOW", "POLICY", "PARAMETERS"], &rows))?;
    Ok(ExitCode::SUCCESS)
}

fn rows(place: &str, flows: Option<&Value>) -> Vec<Vec<String>> {
    let of = |flow: &'static str| {
        let list = flows.and_then(|flows| flows.get(flow)).and_then(Value::as_array);
        list.into_iter().flatten().map(move |policy| row((place, flow), policy))
    };
    of("request").chain(of("response")).collect()
}

fn row((place, flow): (&str, &str), policy: &Value) -> Vec<String> {
    let parameters = policy.get("parameters").and_then(Value::as_object).into_iter().flatten();
    let parameters: Vec<String> = parameters.map(|(name, value)| format!("{name}={}", cell(Some(value)))).collect();
    vec![place.to_owned(), flow.to_owned(), cell(policy.get("policyName")), parameters.join(" ")]
}

fn effective(id: &str, admin: &AdminArguments, process: &Process) -> anyhow::Result<ExitCode> {
    let answer = match AdminApi::of(admin, process)?.get(&["apis", id, "operations"], &[])? {
        Reply::Done(answer) => answer,
        Reply::Refused(reason) => return Ok(refused(&reason)),
    };
    if admin.format == Format::Json {
        output::result_line(&format!("{:#}", answer.body))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = Vec::new();
    for operation in answer.body.get("items").and_then(Value::as_array).into_iter().flatten() {
        let (key, secured) = (cell(operation.get("key")), cell(operation.get("secured")));
        let policies = operation.get("effective").and_then(Value::as_array).cloned().unwrap_or_default();
        if policies.is_empty() {
            rows.push(vec![key.clone(), secured.clone(), "none".to_owned()]);
        }
        for policy in &policies {
            let name = |member: &str| cell(policy.get(member));
            let (policy, header) = (name("policyName"), name("header"));
            rows.push(vec![key.clone(), secured.clone(), policy, header, name("from"), name("at")]);
        }
    }
    output::result(&output::columns(&["OPERATION", "CALLERS", "POLICY", "HEADER", "LEVEL", "WRITTEN AT"], &rows))?;
    Ok(ExitCode::SUCCESS)
}

fn attach(arguments: &AttachArguments, process: &Process) -> anyhow::Result<ExitCode> {
    let mut parameters = Map::new();
    for written in &arguments.parameters {
        let (name, value) = written.split_once('=').with_context(|| format!("`--set {written}` needs NAME=VALUE"))?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
        parameters.insert(name.to_owned(), value);
    }
    let policy = json!({ "policyName": arguments.place.policy, "parameters": parameters });
    let edit = |list: &mut Vec<Value>| {
        list.push(policy);
        Ok(())
    };
    let ends = (&arguments.change, &arguments.admin);
    replace(&arguments.place, edit, (ends, process), &format!("attached `{}`", arguments.place.policy))
}

fn detach(arguments: &DetachArguments, process: &Process) -> anyhow::Result<ExitCode> {
    let place = &arguments.place;
    let is_meant = |policy: &Value| {
        let header = policy.pointer("/parameters/header").and_then(Value::as_str).unwrap_or("X-JWT-Assertion");
        let has_header = arguments.header.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(header));
        policy.get("policyName").and_then(Value::as_str) == Some(&place.policy) && has_header
    };
    let edit = |list: &mut Vec<Value>| {
        let found = list.iter().filter(|policy| is_meant(policy)).count();
        ensure!(found > 0, "`{}` is not attached there", place.policy);
        ensure!(found == 1, "`{}` is attached {found} times there: say which by --header", place.policy);
        list.retain(|policy| !is_meant(policy));
        Ok(())
    };
    let ends = (&arguments.change, &arguments.admin);
    replace(place, edit, (ends, process), &format!("detached `{}`", place.policy))
}

/// Edits one list of policies, and has all of them replaced.
fn replace(
    place: &PolicyPlace,
    edit: impl FnOnce(&mut Vec<Value>) -> anyhow::Result<()>,
    ((change, admin), process): ((&ChangeArguments, &AdminArguments), &Process),
    done: &str,
) -> anyhow::Result<ExitCode> {
    let api = AdminApi::of(admin, process)?;
    let path = ["apis", place.id.as_str(), "policies"];
    let Answer { etag, body } = match api.get(&path, &[])? {
        Reply::Done(answer) => answer,
        Reply::Refused(reason) => return Ok(refused(&reason)),
    };
    let mut flows = match &place.operation {
        None => body.get("api").cloned().unwrap_or_default(),
        Some(operation) => {
            let operations = body.get("operations").and_then(Value::as_object);
            let found = operations.and_then(|operations| operations.get(operation));
            found.cloned().with_context(|| format!("the API has no operation `{operation}`"))?
        }
    };
    let flow = match place.flow {
        Flow::Request => "request",
        Flow::Response => "response",
    };
    let mut list = flows.get(flow).and_then(Value::as_array).cloned().unwrap_or_default();
    edit(&mut list)?;
    if let Some(members) = flows.as_object_mut() {
        members.insert(flow.to_owned(), list.into());
    }
    let wanted = match &place.operation {
        None => json!({ "api": flows, "note": change.note }),
        Some(operation) => json!({ "operations": { operation: flows }, "note": change.note }),
    };
    let order = Order { method: Method::PUT, path: &path, body: Some(wanted), etag };
    Ok(conclude(api.change(&order, change)?, change, done))
}
