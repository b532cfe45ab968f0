//! From a client certificate to its holder, for the authorities that one API trusts.

use std::sync::Arc;

use super::{Caller, Moment};
use crate::{
    access::{Access, CertificateRequirement, CredentialDemand, Demand, Requirement},
    certificate_authority::CertificateAuthority,
    client_certificate::ClientCertificate,
    credential,
    decide::Steps,
    known_caller::{CredentialKind, KnownCaller, Vouchers},
    rejection::Rejection,
    request::RequestHead,
};

/// Seconds after which a chain is verified again: an intermediate certificate may have ended.
const VERIFIED_FOR: u64 = 300;

/// What the connection's certificate is worth here.
#[derive(Debug)]
enum Shown {
    /// There is none.
    Nothing,
    /// It is not trusted by this API.
    Untrusted,
    /// It is its holder's.
    Holder(Caller),
}

impl Access {
    /// Authenticates where a client certificate counts: beside a credential of the request, or alone.
    ///
    /// # Errors
    ///
    /// As for [`Access::authenticate`]; 401 without a certificate where one is mandatory.
    pub(super) async fn authenticate_with_certificate(
        &self,
        (requirement, certificates): (&Requirement, &CertificateRequirement),
        head: &RequestHead,
        moment: Moment<'_>,
        steps: &mut Steps,
    ) -> Result<Caller, Rejection> {
        let challenge = &requirement.challenge;
        let shown = certificates.shown(requirement, head, moment);
        match (&shown, certificates.demand) {
            (Shown::Holder(_), _) | (_, Demand::Optional) => {}
            (Shown::Nothing, Demand::Mandatory) => return Err(challenge.no_certificate()),
            (Shown::Untrusted, Demand::Mandatory) => return Err(challenge.invalid_certificate()),
        }
        let found = credential::find(head, &requirement.sources);
        if let Some(credential) = found.map_err(|rejection| challenge.complete(rejection))? {
            return match requirement.known_caller(&credential, head, moment) {
                Some(known) => known,
                None => requirement.caller(&credential, head, moment, steps).await,
            };
        }
        match (requirement.credential, shown) {
            (CredentialDemand::Mandatory, _) | (CredentialDemand::UnlessCertificate, Shown::Nothing) => {
                Err(challenge.missing())
            }
            (CredentialDemand::Optional | CredentialDemand::UnlessCertificate, Shown::Untrusted) => {
                Err(challenge.invalid_certificate())
            }
            (CredentialDemand::Optional, Shown::Nothing) => Ok(Caller::Anonymous),
            (CredentialDemand::Optional | CredentialDemand::UnlessCertificate, Shown::Holder(caller)) => {
                if let Caller::Known(known, _) = &caller {
                    requirement.scopes.check(&known.principal, challenge)?;
                }
                Ok(caller)
            }
        }
    }
}

impl CertificateRequirement {
    fn shown(&self, requirement: &Requirement, head: &RequestHead, moment: Moment<'_>) -> Shown {
        let Some(certificate) = head.connection.certificate() else { return Shown::Nothing };
        for authority in &self.authorities {
            let is_trusted = authority
                .issuer
                .as_ref()
                .is_none_or(|wanted| requirement.issuers.iter().any(|issuer| issuer.fingerprint == wanted.fingerprint));
            if let Some(caller) = is_trusted.then(|| holder(authority, certificate, moment)).flatten() {
                return Shown::Holder(Caller::Known(caller, authority.issuer.clone()));
            }
        }
        Shown::Untrusted
    }
}

fn holder(
    authority: &CertificateAuthority,
    certificate: &ClientCertificate,
    moment: Moment<'_>,
) -> Option<Arc<KnownCaller>> {
    let now = moment.now.seconds;
    let key = [certificate.thumbprint().as_slice(), authority.fingerprint.as_bytes()].concat();
    let known = moment.runtime.callers.get(CredentialKind::Certificate, &key);
    let is_in_time = |known: &Arc<KnownCaller>| known.principal.expires_at.is_none_or(|end| now < end);
    if let Some(known) = known.as_ref().filter(|known| is_in_time(known) && known.is_checked(now, VERIFIED_FOR)) {
        return Some(Arc::clone(known));
    }
    moment.runtime.counters.verifications.add(1);
    let (principal, claims) = match authority.holder(certificate, moment.now.time) {
        Ok(holder) => holder,
        Err(refusal) => {
            tracing::debug!(authority = %authority.name, "{refusal}");
            return None;
        }
    };
    let check_at = now + VERIFIED_FOR;
    if let Some(known) = known.filter(|known| known.principal == principal && known.has_claims(&claims)) {
        known.check_again_at(check_at);
        return Some(known);
    }
    let vouchers = Vouchers { check_at, ..Vouchers::of(CredentialKind::Certificate, authority.fingerprint) };
    Some(moment.runtime.remember(&key, (principal, &claims), vouchers))
}
