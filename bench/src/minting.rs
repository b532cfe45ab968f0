//! Minting without a cache: composing and signing a Backend JWT, beside the bare signature of as many bytes.
//!
//! Both on one thread, in turns, so that they meet the same machine.

use std::{
    collections::BTreeSet,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use claims::{
    Algorithm, Anonymous, ApiFacts, Attribute, AttributeFailure, Attributes, Audience, BackendJwtPolicy, Caller,
    ClaimSelection, Composition, Dialect, Encoding, Grant, HeaderForm, Json, KeyType, Object, OmissionNotes,
    OperationFacts, Oversize, Principal, PrincipalKind, RsaSize, Sensitive, SigningKey, Source, TokenClaims, TokenId,
    UnknownUser, UserAttributes, compose, mint,
};

use crate::statistics::Sample;

const NOW: u64 = 1_795_500_000;
const ROUNDS: usize = 150;

/// How fast one algorithm is.
#[derive(Clone, Debug)]
pub(crate) struct Speed {
    /// Its JOSE name.
    pub(crate) algorithm: Algorithm,
    /// One signature by the primitive.
    pub(crate) raw: Sample,
    /// One Backend JWT.
    pub(crate) minted: Sample,
    /// The bytes of the Backend JWT.
    pub(crate) bytes: usize,
    /// Signatures a second as `openssl speed` counts them.
    pub(crate) openssl: Option<f64>,
}

/// Measures the algorithms that gateways use.
///
/// # Errors
///
/// When a key cannot be made or does not sign.
pub(crate) fn measure() -> Result<Vec<Speed>> {
    let openssl = openssl_speed();
    [(Algorithm::Rs256, 25, "rsa2048"), (Algorithm::Es256, 400, "ecdsap256"), (Algorithm::EdDsa, 400, "ed25519")]
        .into_iter()
        .map(|(algorithm, batch, name)| {
            let speed = openssl.iter().find(|(openssl, _)| openssl == name).map(|(_, speed)| *speed);
            Ok(Speed { openssl: speed, ..measure_one(algorithm, batch)? })
        })
        .collect()
}

fn measure_one(algorithm: Algorithm, batch: u32) -> Result<Speed> {
    let subject = Subject::new(algorithm)?;
    let raw = Raw::new(algorithm)?;
    let jwt = subject.mint()?;
    let message = vec![b'a'; jwt.rfind('.').context("a JWT has dots")?];
    let (mut raws, mut minteds) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        raws.push(time(batch, || raw.sign(&message))?);
        minteds.push(time(batch, || subject.mint())?);
    }
    Ok(Speed { algorithm, raw: Sample::of(raws), minted: Sample::of(minteds), bytes: jwt.len(), openssl: None })
}

/// Returns the time of one call in a batch.
fn time<T>(batch: u32, work: impl Fn() -> Result<T>) -> Result<Duration> {
    let start = Instant::now();
    for _ in 0..batch {
        std::hint::black_box(work()?);
    }
    Ok(start.elapsed() / batch)
}

/// A key of the primitive's own.
enum Raw {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Raw {
    fn new(algorithm: Algorithm) -> Result<Self> {
        Ok(match algorithm {
            Algorithm::Rs256 => Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048)?),
            Algorithm::Es256 => Self::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?),
            _ => Self::Ed(Ed25519KeyPair::generate()?),
        })
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let random = SystemRandom::new();
        Ok(match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)?;
                signature
            }
            Self::Ec(pair) => pair.sign(&random, message)?.as_ref().to_vec(),
            Self::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        })
    }
}

/// Everything that one Backend JWT is made from.
struct Subject {
    policy: BackendJwtPolicy,
    key: SigningKey,
    api: ApiFacts,
    operation: OperationFacts,
    principal: Principal,
    token_claims: Object,
    attributes: Attributes,
    store_attributes: BTreeSet<Box<str>>,
}

impl Subject {
    fn new(algorithm: Algorithm) -> Result<Self> {
        let text = |text: &str| Json::string(text);
        let mut token_claims = Object::default();
        token_claims.insert("scope", text("orders:read"));
        let attributes = [("email", vec![text("alice@example.com")])];
        let mut stored = Attributes::default();
        for (name, values) in &attributes {
            let source = Source::Store("staff".into());
            stored.insert(*name, Attribute { values: values.clone(), source, as_of: NOW });
        }
        Ok(Self {
            policy: policy(algorithm)?,
            key: SigningKey::generate(algorithm, RsaSize::default())?,
            api: ApiFacts {
                id: "orders".into(),
                name: "orders".into(),
                context: "/orders/1.0".into(),
                version: "1.0".into(),
                key_type: KeyType::Production,
            },
            operation: OperationFacts { target: "/items/{id}".into(), verb: "GET".into() },
            token_claims,
            principal: principal(),
            store_attributes: attributes.iter().map(|(name, _)| Box::from(*name)).collect(),
            attributes: stored,
        })
    }

    fn mint(&self) -> Result<Box<str>> {
        let composition = Composition {
            policy: &self.policy,
            api: &self.api,
            operation: &self.operation,
            caller: Caller::Known(&self.principal, &self.token_claims),
            application: None,
            user: UserAttributes::Found(&self.attributes),
            store_attributes: &self.store_attributes,
            notes: OmissionNotes::Skipped,
        };
        let mut claims = compose(&composition, NOW, "0d5f1f0e-5f6b-4d3c-9a3e-6e2c5f1a7b42")?;
        Ok(mint(&mut claims, &self.policy, Some(&self.key))?.value)
    }
}

fn principal() -> Principal {
    let grant = Grant {
        issuer: "corp".into(),
        iss: "https://idp.example.com".into(),
        client_id: Some("web".into()),
        scopes: Box::new(["orders:read".into()]),
        organizations: Box::default(),
    };
    Principal {
        grant: Arc::new(grant),
        subject: "alice".into(),
        kind: PrincipalKind::EndUser { lookup: "alice".into() },
        expires_at: Some(NOW + 86_400),
    }
}

fn policy(algorithm: Algorithm) -> Result<BackendJwtPolicy> {
    Ok(BackendJwtPolicy {
        header: "X-JWT-Assertion".into(),
        scheme: None,
        encoding: Encoding::Base64Url,
        algorithm,
        hmac_key: None,
        header_form: HeaderForm::Standard,
        issuer: "https://gateway.example.com".into(),
        clock_skew: 10,
        token_ttl: 3600,
        cap_to_inbound_token: true,
        not_before: true,
        audience: Audience(vec!["orders".into()]),
        dialect: Arc::new(Dialect::builtin("wso2").context("a built-in dialect")?),
        claims: ClaimSelection::All,
        claim_mappings: Vec::new(),
        sensitive: Sensitive::default(),
        token_claims: TokenClaims::Only(vec!["scope".into()]),
        custom_claims: Vec::new(),
        max_header_bytes: 4096,
        on_oversize: Oversize::Reject,
        on_attribute_failure: AttributeFailure::Reject,
        on_unknown_user: UnknownUser::Reject,
        anonymous: Anonymous::Omit,
        token_id: TokenId::Cached,
    })
}

/// Asks `openssl speed`; empty without OpenSSL.
fn openssl_speed() -> Vec<(String, f64)> {
    ["rsa2048", "ecdsap256", "ed25519"]
        .into_iter()
        .filter_map(|name| {
            let best = (0..3).filter_map(|_| openssl_speed_of(name)).reduce(f64::max)?;
            Some((name.to_owned(), best))
        })
        .collect()
}

fn openssl_speed_of(name: &str) -> Option<f64> {
    let output = Command::new("openssl").args(["speed", "-seconds", "1", "-mr", name]).output().ok()?;
    signatures_a_second(&String::from_utf8_lossy(&output.stdout))
}

/// Reads a machine-readable line such as `+F4:3:256:45725.000000:16236.363636`: signatures, then verifications.
fn signatures_a_second(text: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with("+F"))?;
    line.rsplit(':').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speed_of_openssl_is_the_first_number_of_its_line() {
        assert_eq!(signatures_a_second("Doing\n+F2:2:2048:3600.000000:54081.818182\n"), Some(3600.0));
        assert_eq!(signatures_a_second("+F6:0:253:Ed25519:21996.875000:8767.500000"), Some(21_996.875));
    }

    #[test]
    fn every_measured_algorithm_mints() {
        for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
            assert_eq!(Subject::new(algorithm).unwrap().mint().unwrap().split('.').count(), 3);
            assert!(!Raw::new(algorithm).unwrap().sign(b"message").unwrap().is_empty());
        }
    }
}
