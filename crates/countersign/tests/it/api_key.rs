//! `countersign apikey`: what is printed is what the gateway takes.

use crate::testing::World;

#[test]
fn a_key_is_printed_with_the_lines_for_the_operators_file() {
    let world = World::with_gateway();
    let done = world.run(&[
        "apikey",
        "generate",
        "--application",
        "Mobile",
        "--expires",
        "90d",
        "--issuer",
        "dev",
        "--user",
        "alice",
    ]);
    assert_eq!(done.code, 0, "{done:?}");
    let (key, lines) = done.out.split_once('\n').unwrap();
    assert!(key.starts_with("csk_") && key.len() == 47, "{key}");
    assert!(!lines.contains(key), "{lines}");
    world.write("countersign.yaml", &format!("{}{lines}", crate::testing::OPERATOR));
    let check = world.run(&["check"]);
    assert_eq!(check.code, 0, "{check:?}");
    let other = world.run(&["apikey", "generate", "--application", "Mobile"]);
    assert_ne!(other.out.lines().next(), Some(key));
}

#[test]
fn the_key_and_its_hash_are_there_for_scripts() {
    let world = World::new();
    let made = world.run(&["apikey", "generate", "--application", "A: \"b\"", "--format", "json"]).json();
    let key = made["key"].as_str().unwrap();
    assert_eq!(made["hash"], gateway::hash_api_key(key.as_bytes()).to_string());
    assert_eq!(made["application"], "A: \"b\"");
}
