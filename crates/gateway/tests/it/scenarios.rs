//! Runs every folder of `scenarios/` through `decide`; the proxy runs the same folders in `tests/scenarios`.

use std::{fs, path::Path};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use claims::{Algorithm, RsaSize, SigningKey};
use gateway::{Decision, FieldRules};
use http::HeaderName;
use serde_json::{Map, Value, json};

use crate::testing::{Folder, Running, START, decoded};

const ISSUERS: [(&str, &str); 2] = [("corp", "https://idp.corp.test"), ("partner", "https://idp.partner.test")];

/// One scenario's gateway, and the keys of its issuers; `stranger` is nobody's.
struct Run {
    running: Running,
    keys: Vec<(&'static str, SigningKey)>,
}

#[test]
fn every_scenario_through_decide() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let mut folders: Vec<_> = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|folder| folder.join("scenario.yaml").exists());
    folders.sort();
    assert!(folders.len() > 25, "{} scenarios", folders.len());
    for folder in folders {
        let scenario = yaml(&folder.join("scenario.yaml"));
        let run = Run::new(&root, &folder);
        for (number, step) in scenario["steps"].as_array().unwrap().iter().enumerate() {
            let context = format!("{} step {}", folder.file_name().unwrap().display(), number + 1);
            run.check(&step["request"], &step["expect"], &context);
        }
    }
}

fn yaml(path: &Path) -> Value {
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

impl Run {
    fn new(root: &Path, folder: &Path) -> Self {
        let own = folder.join("countersign.yaml");
        let mut operator = yaml(&if own.exists() { own } else { root.join("base/countersign.yaml") });
        operator["gateway"]["listeners"] = json!([{ "address": "127.0.0.1:0" }]);
        let mut apis: Vec<_> = fs::read_dir(folder.join("apis")).unwrap().map(|entry| entry.unwrap().path()).collect();
        apis.sort();
        let apis: Vec<String> = apis.iter().map(|api| fs::read_to_string(api).unwrap()).collect();
        let apis: Vec<&str> = apis.iter().map(String::as_str).collect();
        let files = Folder::new(&operator.to_string(), &apis);
        let keys = ["corp", "partner", "stranger"]
            .map(|name| (name, SigningKey::generate(Algorithm::Es256, RsaSize::default()).unwrap()));
        for (name, key) in keys.iter().take(2) {
            let jwks = json!({ "keys": [serde_json::from_str::<Value>(&public(key)).unwrap()] });
            fs::write(files.directory.path().join(format!("{name}.json")), jwks.to_string()).unwrap();
        }
        Self { running: files.start(), keys: keys.into() }
    }

    fn check(&self, request: &Value, expected: &Value, context: &str) {
        let mut fields = Vec::new();
        if let Some(token) = request.get("token") {
            let name = token["in"].as_str().unwrap_or("Authorization");
            fields.push((name.to_owned(), self.credential(token)));
        }
        if let Some(host) = request["host"].as_str() {
            fields.push(("host".to_owned(), host.to_owned()));
        }
        for pair in request["headers"].as_array().into_iter().flatten() {
            fields.push((pair[0].as_str().unwrap().to_owned(), pair[1].as_str().unwrap().to_owned()));
        }
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let line = format!("{} {}", request["method"].as_str().unwrap_or("GET"), request["target"].as_str().unwrap());
        let decision = self.running.decide_at(0, &line, &fields);
        match expected["status"].as_u64().unwrap() {
            200 => check_forward(&decision, expected, context),
            status => check_refusal(&decision, status, expected, context),
        }
    }

    fn credential(&self, token: &Value) -> String {
        if let Some(raw) = token["raw"].as_str() {
            return raw.to_owned();
        }
        let signer = token["signer"].as_str().unwrap_or("corp");
        let iss = ISSUERS.iter().find(|(name, _)| *name == signer).unwrap_or(&ISSUERS[0]).1;
        let expires_at = START.saturating_add_signed(token["expiresIn"].as_i64().unwrap_or(600));
        let mut claims = json!({
            "iss": iss, "sub": "alice", "aud": "gateway", "azp": "web", "scope": "read", "iat": START, "exp": expires_at,
        });
        for (name, value) in token["claims"].as_object().unwrap_or(&Map::new()) {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let key = |wanted: &str| &self.keys.iter().find(|(name, _)| *name == wanted).unwrap().1;
        let kid = key(if signer == "stranger" { "corp" } else { signer }).kid();
        let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": kid });
        let segment = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", segment(&header), segment(&claims));
        let signature = key(signer).sign(message.as_bytes()).unwrap();
        format!("Bearer {message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn public(key: &SigningKey) -> String {
    let mut jwk = Vec::new();
    key.public_jwk().unwrap().write_to(&mut jwk);
    String::from_utf8(jwk).unwrap()
}

fn check_refusal(decision: &Decision, status: u64, expected: &Value, context: &str) {
    let rejection = decision.outcome.as_ref().expect_err(context);
    assert_eq!(u64::from(rejection.code.status().as_u16()), status, "{context}");
    if let Some(code) = expected["code"].as_str() {
        assert_eq!(rejection.code.text(), code, "{context}");
    }
    for (name, part) in expected["responseHeaders"].as_object().unwrap_or(&Map::new()) {
        let found = rejection.headers.iter().find(|(known, _)| known == name.as_str());
        let (_, value) = found.unwrap_or_else(|| panic!("{context}: no {name}"));
        assert!(value.to_str().unwrap().contains(part.as_str().unwrap()), "{context}: {name}");
    }
}

fn check_forward(decision: &Decision, expected: &Value, context: &str) {
    let forward = decision.outcome.as_ref().unwrap_or_else(|rejection| panic!("{context}: {rejection:?}"));
    if let Some(target) = expected["target"].as_str() {
        assert_eq!(forward.head.parts.uri, target, "{context}");
    }
    for name in expected["absent"].as_array().into_iter().flatten() {
        let alias = FieldRules::new([name.as_str().unwrap()]);
        let is_alias = |field: &&HeaderName| alias.class(field) == Some(gateway::FieldClass::Reserved);
        let found = forward.head.parts.headers.keys().find(|field| is_alias(field) && **field != "x-jwt-assertion");
        assert_eq!(found, None, "{context}");
        assert!(!forward.head.parts.headers.contains_key(name.as_str().unwrap()), "{context}: {name}");
    }
    for (name, value) in expected["present"].as_object().unwrap_or(&Map::new()) {
        assert_eq!(
            forward.head.parts.headers.get(name).map(|found| found.to_str().unwrap()),
            value.as_str(),
            "{context}"
        );
    }
    for (name, minted) in expected["jwt"].as_object().unwrap_or(&Map::new()) {
        let value =
            forward.head.parts.headers.get(name).unwrap_or_else(|| panic!("{context}: no {name}")).to_str().unwrap();
        check_token(value, minted, context);
    }
}

fn check_token(value: &str, expected: &Value, context: &str) {
    let (scheme, token) = value.rsplit_once(' ').unwrap_or(("", value));
    assert_eq!(scheme, expected["scheme"].as_str().unwrap_or_default(), "{context}");
    let (header, claims) = decoded(token);
    for (part, subset) in [(&header, &expected["header"]), (&claims, &expected["claims"])] {
        for (name, value) in subset.as_object().unwrap_or(&Map::new()) {
            assert_eq!(part.get(name), Some(value), "{context}: {name}");
        }
    }
    for name in expected["without"].as_array().into_iter().flatten() {
        assert_eq!(claims.get(name.as_str().unwrap()), None, "{context}");
    }
    if let Some(lifetime) = expected["lifetime"].as_u64() {
        let lived = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
        assert_eq!(lived, lifetime, "{context}");
    }
}
