//! Private keys as JWK (RFC 7518 §6, RFC 8037 §2): the form of our own key files.

use aws_lc_rs::{
    encoding::{AsBigEndian as _, AsDer as _},
    rsa::KeyPairComponents,
    signature::{EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair, RsaPublicKeyComponents},
};
use pkcs1::RsaPrivateKeyRef;
use pkcs8::PrivateKeyInfoRef;
use zeroize::Zeroizing;

use super::{
    KeyError,
    material::{Material, Method, chosen, ecdsa, wrong},
};
use crate::{
    algorithm::{Algorithm, base64url},
    json::{Json, Object, write_members, write_string},
    public_key::{JwkError, PublicKey, member},
};

/// Reads the private members, for the algorithm that was asked for or that the JWK names.
pub(super) fn read(jwk: &Object, asked: Option<Algorithm>) -> Result<(Algorithm, Material), KeyError> {
    if jwk.get("kty").and_then(Json::as_str) == Some("oct") {
        return Err(KeyError::Unsupported("oct".to_owned()));
    }
    let public_key = PublicKey::from_jwk(jwk)?;
    let algorithm = algorithm_of(jwk, asked)?;
    match &public_key {
        PublicKey::Rsa { modulus, exponent } => {
            let algorithm = algorithm.unwrap_or(Algorithm::Rs256);
            let Method::Rsa(encoding) = Method::of(algorithm) else {
                return Err(wrong(algorithm, "an RSA key"));
            };
            Ok((algorithm, Material::Rsa { pair: rsa(jwk, modulus, exponent)?, encoding }))
        }
        PublicKey::Ec { curve, .. } => {
            let algorithm = chosen(algorithm, curve.algorithm(), &format!("a key for {}", curve.name()))?;
            let d = Zeroizing::new(member(jwk, "d")?);
            if d.len() != curve.coordinate_len() {
                return Err(KeyError::Unusable(JwkError::Member("d")));
            }
            let point = public_key.point().unwrap_or_default();
            let pair = EcdsaKeyPair::from_private_key_and_public_key(ecdsa(*curve), &d, &point);
            Ok((algorithm, Material::Ec { pair: pair.map_err(|_| KeyError::Malformed)?, curve: *curve }))
        }
        PublicKey::Ed25519 { x } => {
            let algorithm = chosen(algorithm, Algorithm::EdDsa, "an Ed25519 key")?;
            let d = Zeroizing::new(member(jwk, "d")?);
            if d.len() != 32 {
                return Err(KeyError::Unusable(JwkError::Member("d")));
            }
            let pair = Ed25519KeyPair::from_seed_and_public_key(&d, x).map_err(|_| KeyError::Malformed)?;
            Ok((algorithm, Material::Ed25519(pair)))
        }
    }
}

/// Returns the algorithm asked for or named by the JWK; the two must not differ.
fn algorithm_of(jwk: &Object, asked: Option<Algorithm>) -> Result<Option<Algorithm>, KeyError> {
    if jwk.get("use").is_some_and(|purpose| purpose.as_str() != Some("sig")) {
        return Err(KeyError::Purpose("use"));
    }
    let Some(named) = jwk.get("alg") else { return Ok(asked) };
    let named = named.as_str().and_then(Algorithm::from_jose).ok_or(KeyError::Purpose("alg"))?;
    match asked {
        Some(asked) if asked != named => Err(wrong(asked, &format!("a key for {named}"))),
        Some(_) | None => Ok(Some(named)),
    }
}

fn rsa(jwk: &Object, modulus: &[u8], exponent: &[u8]) -> Result<RsaKeyPair, KeyError> {
    let private = |name| member(jwk, name).map(Zeroizing::new);
    let pair = RsaKeyPair::from_components(&KeyPairComponents::<&[u8]> {
        public_key: RsaPublicKeyComponents { n: modulus, e: exponent },
        d: &private("d")?,
        p: &private("p")?,
        q: &private("q")?,
        dP: &private("dp")?,
        dQ: &private("dq")?,
        qInv: &private("qi")?,
    });
    pair.map_err(|_| KeyError::Malformed)
}

/// Writes the public members, the private ones, and `more`, into one buffer that is wiped when dropped.
pub(super) fn write(public: &Object, material: &Material, more: &Object) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let private = private_members(material)?;
    let size: usize = private.iter().map(|(name, value)| name.len() + value.len() + 6).sum();
    let mut open = Vec::new();
    write_members(public.iter(), write_string, &mut open);
    let mut close = Vec::new();
    write_members(more.iter(), write_string, &mut close);
    // Large enough from the start: growing would leave a copy of the private members behind, not wiped.
    let mut text = Zeroizing::new(Vec::with_capacity(open.len() + close.len() + size + 1));
    text.extend_from_slice(open.strip_suffix(b"}").unwrap_or(&open));
    for (name, value) in &private {
        for part in [",\"", name, "\":\"", value.as_str(), "\""] {
            text.extend_from_slice(part.as_bytes());
        }
    }
    if !more.is_empty() {
        text.push(b',');
    }
    text.extend_from_slice(close.strip_prefix(b"{").unwrap_or(&close));
    Ok(text)
}

type PrivateMember = (&'static str, Zeroizing<String>);

fn private_members(material: &Material) -> Result<Vec<PrivateMember>, KeyError> {
    let text = |bytes: &[u8]| Zeroizing::new(base64url(bytes));
    match material {
        Material::Rsa { pair, .. } => {
            let der = pair.as_der().map_err(|_| KeyError::Primitive)?;
            let info = PrivateKeyInfoRef::try_from(der.as_ref()).map_err(|_| KeyError::Primitive)?;
            let key = RsaPrivateKeyRef::try_from(info.private_key.as_bytes()).map_err(|_| KeyError::Primitive)?;
            Ok(vec![
                ("d", text(key.private_exponent.as_bytes())),
                ("p", text(key.prime1.as_bytes())),
                ("q", text(key.prime2.as_bytes())),
                ("dp", text(key.exponent1.as_bytes())),
                ("dq", text(key.exponent2.as_bytes())),
                ("qi", text(key.coefficient.as_bytes())),
            ])
        }
        Material::Ec { pair, .. } => {
            let d = pair.private_key().as_be_bytes().map_err(|_| KeyError::Primitive)?;
            Ok(vec![("d", text(d.as_ref()))])
        }
        Material::Ed25519(pair) => {
            let seed = pair.seed().and_then(|seed| seed.as_be_bytes()).map_err(|_| KeyError::Primitive)?;
            Ok(vec![("d", text(seed.as_ref()))])
        }
        Material::Hmac { .. } => Err(KeyError::NotExportable),
    }
}
