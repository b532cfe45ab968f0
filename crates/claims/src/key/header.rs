//! The JOSE header of every token that a key signs: constant per key, so encoded once.

use crate::{
    algorithm::{Algorithm, Encoding},
    certificate::CertificateChain,
    json::{Json, Object},
    key::HeaderForm,
};

/// Encoded headers, each with the dot after it.
pub(super) struct HeaderSegments {
    standard: Segments,
    plain: Segments,
    legacy: Option<Segments>,
}

struct Segments {
    base64url: Box<str>,
    base64: Box<str>,
}

impl HeaderSegments {
    /// The legacy form exists with a certificate only; a shared secret has none to name and keeps the standard form.
    pub(super) fn new(algorithm: Algorithm, kid: &str, certificate: Option<&CertificateChain>) -> Self {
        let mut standard = start(algorithm);
        standard.insert("kid", Json::string(kid));
        let plain = Segments::new(&standard);
        let legacy = match certificate {
            Some(certificate) => {
                standard.insert("x5t", Json::string(certificate.x5t()));
                standard.insert("x5t#S256", Json::string(certificate.x5t_s256()));
                let mut legacy = start(algorithm);
                legacy.insert("x5t", Json::string(certificate.legacy_x5t()));
                legacy.insert("kid", Json::string(certificate.legacy_kid()));
                Some(Segments::new(&legacy))
            }
            None if algorithm.is_hmac() => Some(Segments::new(&standard)),
            None => None,
        };
        Self { standard: Segments::new(&standard), plain, legacy }
    }

    pub(super) fn get(&self, form: HeaderForm, encoding: Encoding) -> Option<&str> {
        let segments = match form {
            HeaderForm::Standard => Some(&self.standard),
            HeaderForm::Plain => Some(&self.plain),
            HeaderForm::Legacy => self.legacy.as_ref(),
        };
        segments.map(|segments| match encoding {
            Encoding::Base64Url => &*segments.base64url,
            Encoding::Base64 => &*segments.base64,
        })
    }
}

impl Segments {
    fn new(header: &Object) -> Self {
        Self { base64url: encode(header, Encoding::Base64Url), base64: encode(header, Encoding::Base64) }
    }
}

/// Returns the header segment of an unsecured token (RFC 7515 appendix A.5), with its dot.
pub(crate) fn unsecured_segment(encoding: Encoding) -> Box<str> {
    encode(&start(Algorithm::None), encoding)
}

fn start(algorithm: Algorithm) -> Object {
    let mut header = Object::default();
    header.insert("typ", Json::string("JWT"));
    header.insert("alg", Json::string(algorithm.name()));
    header
}

fn encode(header: &Object, encoding: Encoding) -> Box<str> {
    let mut text = Vec::new();
    header.write_to(&mut text);
    let mut segment = String::new();
    encoding.encode_to(&text, &mut segment);
    segment.push('.');
    segment.into()
}
