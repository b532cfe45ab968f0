//! An explanation for people.

use std::fmt::Write as _;

use claims::Json;

use super::{against::Difference, jwts, member, text_member};
use crate::{clock, output};

/// A longer value is cut in a table; JSON has all of it.
const WIDEST_VALUE: usize = 72;

/// Writes the explanation, and the difference from another token.
pub(super) fn render(explained: &Json, difference: Option<&Difference>) -> String {
    let mut text = String::new();
    // INVARIANT: writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{} of {} {}, called by {}",
        text_member(explained, "operation"),
        text_member(explained, "api"),
        text_member(explained, "version"),
        caller(explained)
    );
    let assumed = member(explained, "caller").and_then(|caller| member(caller, "assumedToken"));
    if let Some(assumed) = assumed.filter(|assumed| **assumed != Json::Null) {
        let _ = writeln!(text, "assumed token: {assumed}");
    }
    if let Some(refusal) = refusal(explained) {
        let _ = writeln!(text, "\nrefused: {refusal}");
    } else if jwts(explained).is_empty() {
        let _ = writeln!(text, "\nno policy applies: the backend gets no Backend JWT");
    }
    for jwt in jwts(explained) {
        write_jwt(jwt, &mut text);
    }
    let policy_row =
        |policy: &Json| vec![text_member(policy, "policy").to_owned(), text_member(policy, "effect").to_owned()];
    write_rows(&["OTHER POLICIES, IN ORDER", "EFFECT"], &rows(explained, "policies", policy_row), &mut text);
    if let Some(difference) = difference {
        write_difference(difference, &mut text);
    }
    text
}

fn caller(explained: &Json) -> String {
    let Some(caller) = member(explained, "caller").filter(|caller| **caller != Json::Null) else {
        return "nobody who is known".to_owned();
    };
    let (issuer, subject) = (text_member(caller, "issuer"), text_member(caller, "subject"));
    let client = match text_member(caller, "client") {
        "" => String::new(),
        client => format!(", client {client}"),
    };
    match text_member(caller, "kind") {
        "user" => format!("{} (issuer {issuer}, sub {subject}{client})", text_member(caller, "user")),
        _ => format!("an application (issuer {issuer}, sub {subject}{client})"),
    }
}

fn refusal(json: &Json) -> Option<String> {
    let refused = member(json, "refused").filter(|refused| **refused != Json::Null)?;
    let status = member(refused, "status").and_then(Json::as_u64).unwrap_or(0);
    Some(format!("{status} {}: {}", text_member(refused, "code"), text_member(refused, "detail")))
}

fn write_jwt(jwt: &Json, text: &mut String) {
    let header = text_member(jwt, "header");
    let number = |name: &str| member(jwt, name).and_then(Json::as_u64).unwrap_or(0);
    let _ = writeln!(text);
    if let Some(refusal) = refusal(jwt) {
        let _ = writeln!(text, "{header}: refused, {refusal}");
    } else if text_member(jwt, "notSent").is_empty() {
        let kid = match text_member(jwt, "kid") {
            "" => "unsigned".to_owned(),
            kid => format!("kid {kid}"),
        };
        let _ = writeln!(
            text,
            "{header}: {} of {} bytes, {}, {kid}, valid until {}",
            number("headerBytes"),
            number("maxHeaderBytes"),
            text_member(jwt, "algorithm"),
            clock::text(number("expiresAt"))
        );
    } else {
        let _ = writeln!(text, "{header}: not sent, {}", text_member(jwt, "notSent"));
    }
    let _ = writeln!(text, "policy: {}", text_member(jwt, "policy"));
    write_rows(&["CLAIM", "VALUE", "SOURCE", "AGE", "RULE"], &rows(jwt, "claims", claim_row), text);
    write_rows(&["NOT IN THE TOKEN", "REASON"], &omission_rows(jwt), text);
    write_rows(&["CLAIM", "PROBLEM"], &rows(jwt, "problems", problem_row), text);
    if let Some(value) = member(jwt, "value").and_then(Json::as_str) {
        let _ = writeln!(text, "\n{header}: {value}");
    }
}

fn rows(jwt: &Json, name: &str, row: fn(&Json) -> Vec<String>) -> Vec<Vec<String>> {
    member(jwt, name).and_then(Json::as_array).unwrap_or_default().iter().map(row).collect()
}

fn write_rows(names: &[&str], rows: &[Vec<String>], text: &mut String) {
    if !rows.is_empty() {
        let _ = write!(text, "\n{}", output::columns(names, rows));
    }
}

fn claim_row(claim: &Json) -> Vec<String> {
    let age = member(claim, "age").and_then(Json::as_u64);
    vec![
        text_member(claim, "name").to_owned(),
        member(claim, "value").map(short).unwrap_or_default(),
        text_member(claim, "source").to_owned(),
        age.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds}s")),
        text_member(claim, "rule").to_owned(),
    ]
}

/// Returns what is not there, the surprising before the usual.
fn omission_rows(jwt: &Json) -> Vec<Vec<String>> {
    let mut omissions: Vec<&Json> =
        member(jwt, "notInToken").and_then(Json::as_array).unwrap_or_default().iter().collect();
    let usual = ["not_allowed", "not_in_store"];
    omissions.sort_by_key(|omission| {
        usual.iter().position(|reason| text_member(omission, "reason") == *reason).map_or(0, |place| place + 1)
    });
    omissions.into_iter().map(omission_row).collect()
}

fn omission_row(omission: &Json) -> Vec<String> {
    let name = format!("{} {}", text_member(omission, "kind"), text_member(omission, "name"));
    vec![name, text_member(omission, "reason").to_owned()]
}

fn problem_row(problem: &Json) -> Vec<String> {
    vec![text_member(problem, "claim").to_owned(), text_member(problem, "problem").to_owned()]
}

fn short(value: &Json) -> String {
    let text = value.to_string();
    match text.char_indices().nth(WIDEST_VALUE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn write_difference(difference: &Difference, text: &mut String) {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (name, value) in &difference.missing {
        rows.push(vec!["missing".to_owned(), name.clone(), short(value), "-".to_owned()]);
    }
    for (name, value) in &difference.extra {
        rows.push(vec!["extra".to_owned(), name.clone(), "-".to_owned(), short(value)]);
    }
    for claim in &difference.changed {
        rows.push(vec![claim.change.text().to_owned(), claim.name.clone(), short(&claim.other), short(&claim.ours)]);
    }
    if rows.is_empty() {
        let _ = writeln!(text, "\nno difference from the other token");
    }
    write_rows(&["DIFFERENCE", "CLAIM", "OTHER TOKEN", "OURS"], &rows, text);
    let value = |value: &Option<Json>| value.as_ref().map_or_else(|| "-".to_owned(), short);
    let apart: Vec<Vec<String>> = difference
        .apart
        .iter()
        .map(|(name, other, ours)| vec![(*name).to_owned(), value(other), value(ours)])
        .collect();
    write_rows(&["NOT COMPARED", "OTHER TOKEN", "OURS"], &apart, text);
}
