//! From an API key to its caller: found by hash, never by comparing the key itself.

use std::sync::Arc;

use super::{Caller, Moment};
use crate::{
    access::Requirement,
    api_keys::ApiKey,
    known_caller::{CredentialKind, KnownCaller, Vouchers},
    rejection::Rejection,
};

impl Requirement {
    /// Authenticates and authorises the holder of an API key.
    ///
    /// # Errors
    ///
    /// 401 for a key that is unknown, has expired, or is a user's of an issuer that is not trusted here; 403 without a
    /// needed scope.
    pub(super) fn key_holder(&self, presented: &[u8], moment: Moment<'_>) -> Result<Caller, Rejection> {
        let key = self.api_keys.find(presented).ok_or_else(|| self.challenge.invalid_key())?;
        if key.principal.expires_at.is_some_and(|expiry| moment.now.seconds >= expiry) {
            return Err(self.challenge.invalid_key());
        }
        let issuer = match key.issuer {
            None => None,
            Some(wanted) => {
                let trusted = self.issuers.iter().find(|issuer| issuer.fingerprint == wanted);
                Some(Arc::clone(trusted.ok_or_else(|| self.challenge.invalid_key())?))
            }
        };
        let caller = known(key, moment).unwrap_or_else(|| remember(key, moment));
        self.scopes.check(&caller.principal, &self.challenge)?;
        Ok(Caller::Known(caller, issuer))
    }
}

fn known(key: &ApiKey, moment: Moment<'_>) -> Option<Arc<KnownCaller>> {
    let caller = moment.runtime.callers.get(CredentialKind::ApiKey, &key.hash.0)?;
    (caller.vouching.by == key.fingerprint).then_some(caller)
}

fn remember(key: &ApiKey, moment: Moment<'_>) -> Arc<KnownCaller> {
    let mut vouchers = Vouchers::of(CredentialKind::ApiKey, key.fingerprint);
    vouchers.vouching.application = Some(key.application.clone());
    moment.runtime.remember(&key.hash.0, (key.principal.clone(), &key.claims), vouchers)
}
