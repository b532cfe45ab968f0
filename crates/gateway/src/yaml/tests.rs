use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::{Diagnostics, span::Span};

fn load_text(text: &str) -> (Option<Node>, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let node = load(text, &Path::new("f.yaml").into(), &mut diagnostics);
    (node, diagnostics)
}

/// The tree in one line: plain scalars bare, text in quotes.
fn show(node: &Node) -> String {
    let join = |parts: Vec<String>| parts.join(", ");
    match &node.kind {
        NodeKind::Scalar(Scalar { text, style: Style::Plain }) => text.clone(),
        NodeKind::Scalar(Scalar { text, style: Style::Text }) => format!("{text:?}"),
        NodeKind::Sequence(items) => format!("[{}]", join(items.iter().map(show).collect())),
        NodeKind::Mapping(entries) => {
            let shown = entries.iter().map(|entry| format!("{}: {}", entry.key, show(&entry.value)));
            format!("{{{}}}", join(shown.collect()))
        }
    }
}

fn check_tree(text: &str, expected: &str) {
    let (node, diagnostics) = load_text(text);
    assert_eq!((node.as_ref().map(show).as_deref(), diagnostics.to_string().as_str()), (Some(expected), ""), "{text}");
}

fn check_refused(text: &str, expected: &str) {
    let (node, diagnostics) = load_text(text);
    assert_eq!((node, diagnostics.to_string().trim_end()), (None, expected), "{text}");
}

fn check_reported(text: &str, expected_tree: &str, expected: &str) {
    let (node, diagnostics) = load_text(text);
    let tree = node.as_ref().map(show);
    assert_eq!((tree.as_deref(), diagnostics.to_string().trim_end()), (Some(expected_tree), expected), "{text}");
}

#[test]
fn scalars_keep_their_text_and_whether_they_were_quoted() {
    check_tree("version: 3.10", "{version: 3.10}");
    check_tree("a: no\nb: \"no\"\nc: 'x'\nd: ~", "{a: no, b: \"no\", c: \"x\", d: ~}");
    check_tree("a: |\n  one\n  two\nb: >-\n  one\n  two", "{a: \"one\\ntwo\\n\", b: \"one two\"}");
    check_tree("{a: [1, {b: 2}], c: {}}", "{a: [1, {b: 2}], c: {}}");
    check_tree("a: !!str 12", "{a: \"12\"}");
    check_tree("{\"json\": [true, null, 1e3]}", "{json: [true, null, 1e3]}");
}

#[test]
fn places_count_lines_and_characters_from_one_and_bytes_from_zero() {
    let check = |text: &str, line, column, written: &str| {
        let (node, _) = load_text(text);
        let NodeKind::Mapping(entries) = node.unwrap().kind else { panic!("no mapping") };
        let place = entries.last().unwrap().value.place;
        let (start, end) = (place.offset as usize, (place.offset + place.length) as usize);
        assert_eq!((place.line, place.column, text.get(start..end)), (line, column, Some(written)), "{text}");
    };
    check("a: 1\nbb: xyz\n", 2, 5, "xyz");
    check("a: 1\r\nbb: xyz\r\n", 2, 5, "xyz");
    check("ä: 😀\nü: \"é\" # x", 2, 4, "\"é\"");
    check("a: 'it''s' # 'x'", 1, 4, "'it''s'");
    check("a: \"x\\\"y\"   # \"z\"", 1, 4, "\"x\\\"y\"");
    check("\u{feff}a: é", 1, 4, "é");
    check("a: x # comment", 1, 4, "x");
}

#[test]
fn an_empty_value_stands_where_its_key_does() {
    let (node, _) = load_text("a: 1\nb:\n\nc: 2\n");
    let NodeKind::Mapping(entries) = node.unwrap().kind else { panic!("no mapping") };
    assert_eq!(entries[1].value.place, entries[1].place);
}

#[test]
fn a_file_without_content_is_refused() {
    for text in ["", "# nothing\n", "---\n", "---\n...\n", "~", "\u{feff}"] {
        check_refused(text, "f.yaml:1:1: error[empty-file]: the file has no content");
    }
}

#[test]
fn what_is_not_yaml_is_refused_with_its_place() {
    check_refused(
        "a:\n\tb: 1\n",
        "f.yaml:2:2: error[yaml-syntax]: not YAML: tabs disallowed within this context (block indentation)\n  \
         hint: indent with spaces: YAML takes no tabs there",
    );
    check_refused(
        "a: b: c",
        "f.yaml:1:5: error[yaml-syntax]: not YAML: mapping values are not allowed in this context",
    );
    check_refused("a: 1\nb: \0", "f.yaml:2:4: error[yaml-syntax]: not YAML: a control character");
    check_refused("a: *b", "f.yaml:1:4: error[yaml-syntax]: not YAML: while parsing node, found unknown anchor");
    check_refused("[a]: b", "f.yaml:1:1: error[yaml-syntax]: a list or a mapping cannot be a key");
}

#[test]
fn a_second_document_is_reported_and_not_read() {
    let expected = "f.yaml:2:1: error[several-documents]: a second document starts here\n  \
                    hint: put each document into a file of its own";
    check_reported("a: 1\n---\nb: 2\n", "{a: 1}", expected);
    check_tree("--- \na: 1\n...\n", "{a: 1}");
}

#[test]
fn a_key_that_stands_twice_is_reported_and_the_first_one_stays() {
    let expected = "f.yaml:3:1: error[duplicate-key]: `a` stands twice in this mapping";
    check_reported("a: 1\nb: 2\n\"a\": 3\n", "{a: 1, b: 2}", expected);
}

#[test]
fn tags_of_other_types_are_reported() {
    check_reported("a: !secret x", "{a: x}", "f.yaml:1:4: error[yaml-syntax]: the tag `!secret` means nothing here");
    check_tree("a: !!int 1\nb: !!map {c: !!seq []}", "{a: 1, b: {c: []}}");
}

#[test]
fn aliases_stand_for_their_anchors() {
    check_tree("a: &x [1, {b: &y 2}]\nc: *x\nd: *y\n", "{a: [1, {b: 2}], c: [1, {b: 2}], d: 2}");
    check_refused("a: &x [*x]", "f.yaml:1:8: error[yaml-syntax]: an alias inside its own anchor");
}

#[test]
fn bombs_are_refused_before_they_grow() {
    let laughs = |anchor: char, of: char| format!("{anchor}: &{anchor} [{}]\n", vec![format!("*{of}"); 9].join(","));
    let levels = "bcdefghij".chars().zip("abcdefghi".chars()).map(|(anchor, of)| laughs(anchor, of));
    let text = format!("a: &a [x,x,x,x,x,x,x,x,x]\n{}", levels.collect::<String>());
    let too_many = "error[yaml-too-large]: the file holds too much: aliases that stand for more than 100000 nodes";
    check_refused(&text, &format!("f.yaml:6:8: {too_many}"));
    let deep = (0..100).map(|depth| format!("{}a:", " ".repeat(depth))).collect::<Vec<_>>().join("\n");
    let too_deep = "error[yaml-too-large]: the file holds too much: more than 64 lists and mappings inside one another";
    check_refused(&deep, &format!("f.yaml:65:65: {too_deep}"));
    let (node, diagnostics) = load_text(&"[".repeat(1_000_000));
    assert_eq!((node, diagnostics.error_count()), (None, 1));
}

#[test]
fn a_huge_file_is_refused() {
    let text = "#".repeat((16 << 20) + 1);
    check_refused(&text, "f.yaml:1:1: error[yaml-too-large]: the file holds too much: more than 16 MiB");
}

/// Text that is more like YAML than random characters are.
fn yaml_like() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b: ",
        ": ",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "\"",
        "'",
        "|\n",
        ">\n",
        "&x ",
        "*x",
        "!t ",
        "!!str ",
        "? ",
        "# c",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "\t",
        "é",
        "😀",
        "\r\n",
        "<<: ",
        "1",
        "~",
        "\\",
        "\u{feff}",
        "\0",
        "\u{85}",
        "\u{2028}",
        "@",
        "`",
        "|2-\n",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_panics_and_every_refusal_has_a_reason(text in prop_oneof![yaml_like(), any::<String>()]) {
        let (node, diagnostics) = load_text(&text);
        prop_assert!(node.is_some() || diagnostics.has_errors());
        for Span { offset, line, column, .. } in diagnostics.iter().map(|diagnostic| &diagnostic.span) {
            prop_assert!(*offset as usize <= text.len() && *line >= 1 && *column >= 1);
        }
    }

    #[test]
    fn places_are_character_boundaries(text in yaml_like()) {
        fn check(node: &Node, text: &str) -> Result<(), TestCaseError> {
            let (start, length) = (node.place.offset as usize, node.place.length as usize);
            prop_assert!(text.get(start..start + length).is_some(), "{node:?}");
            match &node.kind {
                NodeKind::Scalar(_) => Ok(()),
                NodeKind::Sequence(items) => items.iter().try_for_each(|item| check(item, text)),
                NodeKind::Mapping(entries) => entries.iter().try_for_each(|entry| check(&entry.value, text)),
            }
        }
        if let (Some(node), _) = load_text(&text) {
            check(&node, &text)?;
        }
    }
}
