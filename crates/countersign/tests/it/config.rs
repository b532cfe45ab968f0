//! `countersign config`, and the help.

use crate::testing::World;

#[test]
fn defaults_and_schema_are_printed_for_both_files() {
    let world = World::new();
    for (file, word) in [("operator", "userStores"), ("api", "basePath")] {
        let defaults = world.run(&["config", "defaults", file]);
        assert!(defaults.code == 0 && defaults.out.contains(word), "{defaults:?}");
        let schema = world.run(&["config", "schema", file]).json();
        assert!(schema["$defs"].is_object() && schema.to_string().contains(word), "{schema}");
    }
}

#[test]
fn help_of_every_command_shows_command_lines() {
    let world = World::new();
    for command in [
        "serve",
        "check",
        "explain",
        "disclosures",
        "demo",
        "keys",
        "keys generate",
        "keys list",
        "keys rotate",
        "keys revoke",
        "keys import",
        "keys export",
        "token",
        "token issue",
        "token verify",
        "config defaults",
        "config schema",
    ] {
        let mut arguments: Vec<&str> = command.split(' ').collect();
        arguments.push("--help");
        let done = world.run(&arguments);
        assert!(done.code == 0 && done.out.contains(&format!("countersign {command}")), "{command}: {done:?}");
        assert!(done.out.contains("Examples:"), "{command}: {done:?}");
        // A wrapped example is not one that can be pasted.
        let examples = done.out.lines().filter(|line| line.starts_with("  countersign "));
        assert!(
            examples.clone().count() > 0 && examples.into_iter().all(|line| line.len() <= 80),
            "{command}: {done:?}"
        );
    }
    assert!(world.run(&["--help"]).out.contains("countersign demo"));
}

#[test]
fn wrong_arguments_are_exit_code_2() {
    let world = World::new();
    for arguments in [&[] as &[&str], &["nonsense"], &["check", "--nonsense"], &["token", "verify"]] {
        assert_eq!(world.run(arguments).code, 2, "{arguments:?}");
    }
}
