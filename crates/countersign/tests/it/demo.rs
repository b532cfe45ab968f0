//! `countersign demo`: the requests that it prints work when pasted, and it ends cleanly.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use reqwest::{Client, Method};

/// A running demo, and what it printed.
struct Demo {
    child: Child,
    output: BufReader<ChildStdout>,
    text: String,
}

/// The last line that a demo prints.
const LAST: &str = "tail -n 1 ";

impl Demo {
    /// Starts a demo on free ports, and waits until it has printed all.
    fn start(temporary: &Path, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(["demo", "--port", "0", "--echo-port", "0", "--issuer-port", "0", "--admin-port", "0"])
            .args(more)
            .env("TMPDIR", temporary)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        while !text.lines().last().is_some_and(|line| line.trim_start().starts_with(LAST)) {
            assert!(output.read_line(&mut text).unwrap() > 0, "the demo ended early: {text}");
        }
        Self { child, output, text }
    }

    /// Returns the curl lines, each with what to expect, if it says.
    fn requests(&self) -> Vec<(String, String)> {
        let lines: Vec<&str> = self.text.lines().map(str::trim).collect();
        let expected = |position: usize| lines.get(position + 1).and_then(|line| line.strip_prefix("-> "));
        let curl = lines.iter().enumerate().filter(|(_, line)| line.starts_with("curl "));
        curl.map(|(position, line)| ((*line).to_owned(), expected(position).unwrap_or("200").to_owned())).collect()
    }

    /// Interrupts it, as Ctrl-C does, and returns whether it ended well.
    fn end(mut self) -> bool {
        let kill = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        self.output.read_to_string(&mut self.text).unwrap();
        self.child.wait().unwrap().success()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Does what the shell and curl would do with a printed line; returns status and body.
async fn paste(client: &Client, line: &str) -> (u16, String) {
    let words = words(line);
    let mut request = (Method::GET, Vec::new(), String::new());
    let mut rest = words.iter().map(String::as_str).skip(1);
    while let Some(word) = rest.next() {
        match word {
            "-s" | "-i" => {}
            "-X" => request.0 = rest.next().unwrap().parse().unwrap(),
            "-H" => request.1.push(rest.next().unwrap().to_owned()),
            address => address.clone_into(&mut request.2),
        }
    }
    let mut building = client.request(request.0, &request.2);
    for field in request.1 {
        let (name, value) = field.split_once(": ").unwrap();
        let value = match value.split_once("$(curl -s '") {
            Some((before, command)) => {
                let token = client.get(command.trim_end_matches("')")).send().await.unwrap().text().await.unwrap();
                format!("{before}{}", token.trim_end())
            }
            None => value.to_owned(),
        };
        building = building.header(name, value);
    }
    let response = building.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// Splits a line as a shell does, as far as the demo's lines need it.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for character in line.chars() {
        match (character, quote) {
            (' ', None) => words.push(String::new()),
            ('"' | '\'', None) => quote = Some(character),
            (_, Some(open)) if open == character => quote = None,
            _ => words.last_mut().unwrap().push(character),
        }
    }
    words
}

fn client() -> Client {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap()
}

#[tokio::test]
async fn printed_requests_do_what_they_say_and_nothing_stays_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let demo = Demo::start(temporary.path(), &[]);
    let requests = demo.requests();
    assert_eq!(requests.len(), 12, "{}", demo.text);
    let mut bodies = Vec::new();
    for (line, expected) in &requests {
        let (status, body) = paste(&client(), line).await;
        assert!(expected.starts_with(&status.to_string()), "{line}\nwas to be {expected}, is {status}: {body}");
        bodies.push(body);
    }
    check_bodies(&bodies);
    assert!(demo.end(), "the demo ended badly");
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0, "files stay behind");
}

/// Checks what the backend saw, step by step.
fn check_bodies(bodies: &[String]) {
    let seen = |step: usize| -> serde_json::Value { serde_json::from_str(&bodies[step]).unwrap() };
    let payload = |step: usize, header: &str| seen(step)["backendJwts"][header]["payload"].clone();
    for step in [0, 1, 2, 3, 4] {
        let jwts = seen(step)["backendJwts"].clone();
        for (header, jwt) in jwts.as_object().unwrap() {
            let signature = jwt["signature"].as_str().unwrap();
            assert!(signature.starts_with("verified with http"), "{step} {header}: {signature}");
        }
    }
    let alice = payload(0, "x-jwt-assertion");
    assert_eq!(alice["http://wso2.org/claims/emailaddress"], "alice@acme.example");
    assert_eq!(alice["http://wso2.org/claims/role"], serde_json::json!(["orders-read", "orders-write", "staff"]));
    let juergen = payload(1, "x-jwt-assertion");
    assert_eq!([&juergen["greeting"], &juergen["aud"]], ["Hello Jürgen", "orders"]);
    assert_eq!(juergen["http://wso2.org/claims/role"], serde_json::json!(["orders-ship"]));
    let invoice = seen(2);
    assert_eq!(invoice["backendJwts"].as_object().unwrap().len(), 2);
    assert_eq!(invoice["backendJwts"]["authorization"]["header"]["alg"], "RS256");
    let bearer = payload(2, "authorization");
    assert_eq!(
        [&bearer["email"], &bearer["aud"]],
        [&serde_json::json!("lei@acme.example"), &serde_json::json!(["billing", "archive"])]
    );
    assert_eq!(payload(3, "x-jwt-assertion")["national_id"], "SO-1012");
    assert!(!bodies[4].contains("forged"), "{}", bodies[4]);
    assert!(bodies[6].contains("unknown_user") && bodies[7].contains("insufficient_scope"), "{bodies:?}");
    assert_eq!(seen(8)["backendJwts"], serde_json::json!({}));
    assert!(bodies[11].contains("countersign_"), "{}", bodies[11]);
}

#[tokio::test]
async fn named_folder_keeps_its_files_edits_and_ports() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().to_str().unwrap();
    let demo = Demo::start(folder.path(), &["--dir", directory]);
    let before = demo.requests();
    assert!(demo.end());
    let definition = folder.path().join("apis/profile.yaml");
    let edited = fs::read_to_string(&definition).unwrap().replace("secured: true", "secured: false");
    fs::write(&definition, &edited).unwrap();
    let demo = Demo::start(folder.path(), &["--dir", directory]);
    assert_eq!(demo.requests(), before);
    assert_eq!(fs::read_to_string(&definition).unwrap(), edited);
    let (status, body) = paste(&client(), &before[0].0).await;
    assert!(status == 200 && body.contains(r#""backendJwts": {}"#), "{body}");
    assert!(demo.end());
}

#[test]
fn explanations_that_it_prints_work_meanwhile() {
    let temporary = tempfile::tempdir().unwrap();
    let demo = Demo::start(temporary.path(), &[]);
    let printed = |command: &str| {
        let line = demo.text.lines().find(|line| line.contains(&format!(" {command} --config"))).unwrap().trim();
        let words = words(line);
        let output = Command::new(&words[0]).args(&words[1..]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(printed("explain").contains("zoe@acme.example"));
    assert!(printed("disclosures").contains("tax returns need it"));
    assert!(demo.end());
}
