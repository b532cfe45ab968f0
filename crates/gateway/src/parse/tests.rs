mod api;
mod operator;
mod properties;

use std::time::Duration;

use super::*;
use crate::{FileKind, defaults, json_schema};

const MINIMAL: &str = "gateway: { issuer: https://gateway.example.com }\n";

fn source(text: &str) -> Source {
    Source { path: PathBuf::from("conf/f.yaml"), text: text.to_owned() }
}

/// One line for each diagnostic, without the file.
fn lines(mut diagnostics: Diagnostics) -> Vec<String> {
    diagnostics.sort();
    let shown = diagnostics.to_string().replace("\n  hint: ", " | ");
    shown.lines().map(|line| line.trim_start_matches("conf/f.yaml:").to_owned()).collect()
}

fn api_lines(text: &str) -> Vec<String> {
    let mut diagnostics = Diagnostics::new();
    parse_api(&source(text), &mut diagnostics);
    lines(diagnostics)
}

fn operator_lines(text: &str) -> Vec<String> {
    let mut diagnostics = Diagnostics::new();
    parse_operator(&source(text), &mut diagnostics);
    lines(diagnostics)
}

fn api(text: &str) -> spec::Api {
    let mut diagnostics = Diagnostics::new();
    let api = parse_api(&source(text), &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{diagnostics}");
    api.unwrap()
}

fn operator(text: &str) -> spec::Operator {
    let mut diagnostics = Diagnostics::new();
    let operator = parse_operator(&source(text), &mut diagnostics);
    assert_eq!(diagnostics.to_string(), "");
    operator.unwrap()
}

/// Everything that was read, less where it stands.
fn without_places(read: &impl std::fmt::Debug) -> String {
    let is_place = |character: char| character.is_ascii_digit() || character == ':';
    let shown = format!("{read:#?}");
    shown.split("conf/f.yaml:").map(|part| part.trim_start_matches(is_place)).collect()
}

#[test]
fn the_smallest_files_are_enough() {
    let operator = operator(MINIMAL);
    assert_eq!(operator.gateway.issuer.value, "https://gateway.example.com");
    assert_eq!(operator.gateway.listeners[0].address.to_string(), "0.0.0.0:8080");
    assert_eq!(operator.admin.address.to_string(), "127.0.0.1:9090");
    assert_eq!(operator.keys.directory.value, Path::new("conf/keys/"));
    assert_eq!(operator.backend_jwt.defaults.header, None);
    let api = api("name: orders\nbasePath: /orders\noperations: []\n");
    assert_eq!((api.api_type.value, api.version, api.authentication), (spec::ApiType::Rest, None, None));
}

#[test]
fn the_printed_defaults_mean_the_same_as_an_empty_file() {
    let filled = |page: &str, field: &str, value: &str| {
        let line = format!("#{field}:\n");
        assert!(page.contains(&line), "{field}");
        page.replacen(&line, &format!("{field}: {value}\n"), 1)
    };
    let page = filled(&defaults(FileKind::Operator), "issuer", "https://gateway.example.com");
    assert_eq!(without_places(&operator(&page)), without_places(&operator(MINIMAL)));
    let page = filled(&defaults(FileKind::Api), "name", "orders");
    let page = filled(&filled(&page, "basePath", "/orders"), "operations", "[]");
    let smallest = api("name: orders\nbasePath: /orders\noperations: []\n");
    assert_eq!(without_places(&api(&page)), without_places(&smallest));
}

#[test]
fn every_record_of_the_schema_is_closed_and_every_field_has_a_meaning() {
    for kind in [FileKind::Operator, FileKind::Api] {
        let schema = json_schema(kind);
        let records = schema["$defs"].as_object().unwrap().values();
        let records = records.flat_map(|record| match record.get("oneOf") {
            Some(variants) => variants.as_array().unwrap().iter().collect(),
            None => vec![record],
        });
        for record in records {
            assert_eq!(record["additionalProperties"], false, "{record}");
            assert!(record["description"].as_str().unwrap().ends_with('.'), "{record}");
        }
    }
}

#[test]
fn wrong_values_leave_stand_ins_and_complaints_about_them_are_dropped() {
    let mut diagnostics = Diagnostics::new();
    let text = "gateway: { issuer: [1], clockSkew: soon }\n";
    let operator = parse_operator(&source(text), &mut diagnostics).unwrap();
    assert_eq!(diagnostics.error_count(), 2);
    assert_eq!(operator.gateway.clock_skew.value, Duration::from_secs(10));
    diagnostics.error(crate::DiagnosticCode::InvalidValue, &operator.gateway.issuer.span, "not a URL");
    assert_eq!(diagnostics.error_count(), 2);
}

#[test]
fn a_file_of_another_kind_altogether_is_one_mistake() {
    assert_eq!(api_lines("- a\n"), ["1:1: error[wrong-type]: the file must be a mapping, not a list"]);
    assert_eq!(operator_lines("hello"), ["1:1: error[wrong-type]: the file must be a mapping, not the text `hello`"]);
    assert_eq!(operator_lines(""), ["1:1: error[empty-file]: the file has no content"]);
}

#[test]
fn thousands_of_mistakes_are_counted_rather_than_shown() {
    let text = (0..3_000).map(|number| format!("f{number}: x")).collect::<Vec<_>>().join("\n");
    let shown = api_lines(&text);
    assert_eq!(shown.len(), 1_001);
    assert!(shown.iter().any(|line| line.ends_with("error[too-many-mistakes]: 2003 further mistakes are not shown")));
}

#[test]
fn json_shows_everything_that_text_shows() {
    let mut diagnostics = Diagnostics::new();
    parse_api(&source("name: a\nbasePath: /a\noperations: []\nidd: x\n"), &mut diagnostics);
    assert_eq!(
        diagnostics.to_json(),
        serde_json::json!([{
            "severity": "error", "code": "unknown-field", "file": "conf/f.yaml", "line": 4, "column": 1, "offset": 36,
            "length": 3, "message": "unknown field `idd`", "hint": "did you mean `id`?",
        }])
    );
}
