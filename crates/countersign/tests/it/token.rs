//! `countersign token`: what is issued verifies, and what is wrong is refused with its reason.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
};

use serde_json::json;

use crate::testing::{Done, World};

const JWKS: &str = "dev-issuer/jwks.json";

fn verify(world: &World, arguments: &[&str]) -> Done {
    world.run(&[&["token", "verify"] as &[&str], arguments].concat())
}

#[test]
fn issued_token_says_what_was_asked_for() {
    let world = World::new();
    let more = [
        "--scope",
        "a b",
        "--scope",
        "c",
        "--client-id",
        "app",
        "--claim",
        "n=12345678901234567890",
        "--claim",
        "d=Sales",
    ];
    let token = world.token("jürgen", &more);
    let done = verify(&world, &["--jwks", JWKS, &token]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.out.contains("12345678901234567890"), "{done:?}");
    let claims = done.json();
    assert_eq!(claims["sub"], "jürgen");
    assert_eq!(claims["scope"], "a b c");
    assert_eq!([&claims["aud"], &claims["client_id"], &claims["d"]], ["orders", "app", "Sales"]);
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 3600);
}

#[test]
fn development_key_is_made_once_and_is_its_owners_alone() {
    let world = World::new();
    world.token("alice", &[]);
    let key = world.read("dev-issuer/key.json");
    world.token("bob", &[]);
    assert_eq!(world.read("dev-issuer/key.json"), key);
    assert_eq!(world.mode("dev-issuer/key.json"), 0o600);
    assert!(!world.read(JWKS).contains("\"d\":"));
}

#[test]
fn token_is_read_from_a_file_less_one_line_end() {
    let world = World::new();
    let token = world.token("alice", &[]);
    world.write("token", &format!("{token}\n"));
    assert_eq!(verify(&world, &["--jwks", JWKS, "@token"]).code, 0);
    world.write("token", &format!("{token}\n\n"));
    assert_eq!(verify(&world, &["--jwks", JWKS, "@token"]).code, 1);
}

#[test]
fn lines_get_one_verdict_each() {
    let world = World::new();
    let good = world.token("alice", &[]);
    let old = world.token("alice", &["--claim", "exp=1"]);
    let input = format!("{good}\nnonsense\r\n{old}\n{good}");
    let done = world.run_with_input(&["token", "verify", "--jwks", JWKS, "-"], &input);
    let verdicts: Vec<&str> = done.out.lines().collect();
    assert_eq!(
        verdicts,
        [
            "valid",
            "refused not_compact_jws: the token is not a compact JWS",
            "refused expired: the token has expired",
            "valid"
        ]
    );
    assert_eq!(done.code, 1);
    assert_eq!(world.run_with_input(&["token", "verify", "--jwks", JWKS, "-"], &good).code, 0);
}

fn check_refused(arguments: &[&str], claim: &str, reason: &str) {
    let world = World::new();
    let more: &[&str] = if claim.is_empty() { &[] } else { &["--claim", claim] };
    let token = world.token("alice", more);
    let done = verify(&world, &[&["--jwks", JWKS] as &[&str], arguments, &[&token]].concat());
    assert!(done.code == 1 && done.out.is_empty() && done.err.contains(&format!("({reason})")), "{reason}: {done:?}");
    assert!(!done.err.contains(&token), "a message quotes the token");
}

#[test]
fn what_is_wrong_is_the_reason() {
    check_refused(&["--issuer", "https://other.example"], "", "untrusted_issuer");
    check_refused(&["--audience", "billing"], "", "wrong_audience");
    check_refused(&[], "exp=1", "expired");
    check_refused(&[], "nbf=99999999999", "not_yet_valid");
    check_refused(&[], "exp=null", "malformed_time");
}

#[test]
fn signature_only_asks_nothing_of_the_claims() {
    let world = World::new();
    let token = world.token("alice", &["--claim", "exp=1"]);
    assert_eq!(verify(&world, &["--signature-only", "--jwks", JWKS, &token]).code, 0);
    let (input, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{input}.{}", "A".repeat(86));
    let done = verify(&world, &["--signature-only", "--jwks", JWKS, &forged]);
    assert!(done.code == 1 && done.err.contains("bad_signature"), "{done:?}");
}

#[test]
fn keys_may_come_from_an_address() {
    let world = World::new();
    let token = world.token("alice", &[]);
    let (jwks, listener) = (world.read(JWKS), TcpListener::bind("127.0.0.1:0").unwrap());
    let address = format!("http://{}/jwks", listener.local_addr().unwrap());
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]).unwrap();
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{jwks}", jwks.len()).unwrap();
    });
    let done = verify(&world, &["--jwks", &address, &token]);
    serving.join().unwrap();
    assert_eq!(done.code, 0, "{done:?}");
}

#[test]
fn what_cannot_be_read_is_no_verdict() {
    let world = World::new();
    let token = world.token("alice", &[]);
    world.write("empty.json", "{}");
    for arguments in [
        ["--jwks", "missing.json", &token],
        ["--jwks", "empty.json", &token],
        ["--jwks", JWKS, "@missing"],
        ["--jwks", "http://127.0.0.1:1/jwks", &token],
    ] {
        let done = verify(&world, &arguments);
        assert!(done.code == 2 && done.err.starts_with("error: "), "{done:?}");
    }
}

#[test]
fn own_key_signs_in_place_of_the_development_key() {
    let world = World::new();
    world.run(&["keys", "generate", "--algorithm", "PS256", "--directory", "keys"]);
    let kid = world.run(&["keys", "list", "--directory", "keys", "--format", "json"]).json()[0]["kid"].clone();
    let kid = kid.as_str().unwrap();
    let jwks = world.run(&["keys", "export", kid, "--directory", "keys", "--jwks"]);
    world.write("jwks.json", &jwks.out);
    let token = world.token("alice", &["--key", &format!("keys/{kid}.json")]);
    let done = verify(&world, &["--jwks", "jwks.json", "--issuer", "https://dev.example", &token]);
    assert_eq!((done.code, &done.json()["sub"]), (0, &json!("alice")), "{done:?}");
}

#[test]
fn arguments_without_sense_are_refused() {
    let world = World::new();
    for more in [["--ttl", "1"], ["--ttl", "0s"], ["--claim", "x"], ["--claim", "=1"]] {
        let arguments = [&["token", "issue", "--issuer", "i", "--subject", "s"] as &[&str], &more].concat();
        let done = world.run(&arguments);
        assert!(done.code == 2 && done.err.contains(more[0]), "{done:?}");
    }
}
