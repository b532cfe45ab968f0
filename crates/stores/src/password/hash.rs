//! Password hashes as databases keep them: strings of the Password Hashing Competition's form (`argon2`, `scrypt`,
//! `pbkdf2`) and those of bcrypt.
//!
//! The libraries do the work and compare in constant time. What is ours: which forms are read, and bounds, so that one row
//! cannot take the machine.

use std::{fmt, str::FromStr};

use argon2::Argon2;
use bcrypt::HashParts;
use password_hash::{PasswordVerifier, phc};
use pbkdf2::Pbkdf2;
use scrypt::Scrypt;

use super::Password;

/// Kibibytes that one argon2 hash may take.
const MOST_MEMORY: u32 = 256 * 1024;
/// Its passes.
const MOST_PASSES: u32 = 64;
/// Rounds of pbkdf2.
const MOST_ROUNDS: u32 = 10_000_000;
/// The logarithm of scrypt's cost, of which each step doubles time and memory: 2^17 · 8 · 128 bytes are 128 MiB.
const MOST_LOG_COST: u8 = 17;
/// Its block size, and its parallelism.
const MOST_BLOCKS: u32 = 16;
/// The logarithm of bcrypt's cost.
const MOST_BCRYPT_COST: u32 = 16;

/// A hash that a password can be compared with.
#[derive(Clone)]
pub struct PasswordHash {
    text: Box<str>,
    function: Function,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Argon2,
    Scrypt,
    Pbkdf2,
    Bcrypt,
}

/// Why a text is no usable hash: the operator must act. Never with the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordHashError {
    /// Of another form.
    #[error(
        "is no hash of argon2, scrypt, pbkdf2 (`$argon2id$…`, `$scrypt$…`, `$pbkdf2-sha256$…`) or bcrypt (`$2b$…`)"
    )]
    Form,
    /// It would take too long, or too much memory.
    #[error("is a hash that costs more than a gateway may spend on a password")]
    Cost,
}

impl PasswordHash {
    /// Reads a hash.
    ///
    /// # Errors
    ///
    /// [`PasswordHashError`]: another form, no salt or no hash in it, or too high a cost.
    pub fn parse(text: &str) -> Result<Self, PasswordHashError> {
        let function = if text.starts_with("$2") { bcrypt_function(text) } else { phc_function(text) }?;
        Ok(Self { text: text.into(), function })
    }

    /// Returns a hash of nobody's password, to spend time on where there is none.
    #[expect(clippy::expect_used, reason = "a constant, read by a test")]
    pub(super) fn nobodys() -> Self {
        const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdA$\
                               AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        Self::parse(NOBODYS).expect("a hash")
    }

    /// True when it is the password's. Takes its time, on purpose: not to be called where others wait.
    pub fn is_of(&self, password: &Password) -> bool {
        let bytes = password.expose().as_bytes();
        // Bcrypt reads 72 bytes, here as where the hash was made.
        let by_phc = |verifier: &dyn PasswordVerifier<phc::PasswordHash>| {
            phc::PasswordHash::new(&self.text).is_ok_and(|hash| verifier.verify_password(bytes, &hash).is_ok())
        };
        match self.function {
            Function::Argon2 => by_phc(&Argon2::default()),
            Function::Scrypt => by_phc(&Scrypt::default()),
            Function::Pbkdf2 => by_phc(&Pbkdf2::default()),
            Function::Bcrypt => bcrypt::verify(bytes, &self.text).unwrap_or(false),
        }
    }
}

fn phc_function(text: &str) -> Result<Function, PasswordHashError> {
    let hash = phc::PasswordHash::new(text).map_err(|_| PasswordHashError::Form)?;
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err(PasswordHashError::Form);
    }
    let (function, is_bearable) = match hash.algorithm.as_str() {
        "argon2id" | "argon2i" | "argon2d" => {
            let params = argon2::Params::try_from(&hash).map_err(|_| PasswordHashError::Form)?;
            (Function::Argon2, params.m_cost() <= MOST_MEMORY && params.t_cost() <= MOST_PASSES)
        }
        "scrypt" => {
            let params = scrypt::Params::try_from(&hash).map_err(|_| PasswordHashError::Form)?;
            let blocks = params.r().max(params.p());
            (Function::Scrypt, params.log_n() <= MOST_LOG_COST && blocks <= MOST_BLOCKS)
        }
        "pbkdf2-sha256" | "pbkdf2-sha512" => {
            let params = pbkdf2::Params::try_from(&hash).map_err(|_| PasswordHashError::Form)?;
            (Function::Pbkdf2, params.rounds() <= MOST_ROUNDS)
        }
        _ => return Err(PasswordHashError::Form),
    };
    if is_bearable { Ok(function) } else { Err(PasswordHashError::Cost) }
}

fn bcrypt_function(text: &str) -> Result<Function, PasswordHashError> {
    let parts = HashParts::from_str(text).map_err(|_| PasswordHashError::Form)?;
    if parts.get_cost() > MOST_BCRYPT_COST { Err(PasswordHashError::Cost) } else { Ok(Function::Bcrypt) }
}

/// Never shows the hash.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHash").field("function", &self.function).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of one password, by other implementations: the reference argon2, Python's bcrypt and hashlib.
    const HASHES: [&str; 7] = [
        "$argon2id$v=19$m=8192,t=2,p=2$DgGBfNBGcLYyRmnoOygKuA$xEJow32pyL0kLu5PlG7K9kaEuOMTCjLhvNUnLGA0hUM",
        "$argon2i$v=19$m=4096,t=1,p=1$gh7WoIDpQAsfL8PhQtO0pQ$WXDjg7RBrHNl3Rg2kOK1DCol2SGBYEigK3FgynLvqDQ",
        "$2b$05$Zv9ixSjWqht9OpcKsXw8gOkCSD8E8dGGtRDk6Zx40i76rr31Fdhr6",
        "$2y$05$2kSqBMtopjGkUpuIh2DMjODONJEqqmzfYdn/i7JOq/8xbF7TttEd2",
        "$scrypt$ln=12,r=8,p=1$4GERwUajWoaWglv57sTisw$3FvesCW82xhYt0RiljGz2xMTuJ9v5qr5TBKlPOnZO9Q",
        "$pbkdf2-sha256$i=5000,l=32$4GERwUajWoaWglv57sTisw$HV+Welx0T/ADB0dGW5EgGBp+su497LYmG/mhnu6a1gA",
        "$pbkdf2-sha512$i=5000,l=64$4GERwUajWoaWglv57sTisw$tjJ06y7I7dTn/ITPLkXGrr75hvxunxso3NJTIR8cnzho0L1T4v9FTEw1MpWJfzyQanleOZvyqH4q9005gDpTfQ",
    ];
    const PASSWORD: &str = "correct horse: bätterY 🔒";

    fn password(text: &str) -> Password {
        Password::new(text).unwrap()
    }

    #[test]
    fn hashes_of_other_implementations_are_understood() {
        let right = password(&PASSWORD.replace('Y', "y"));
        for text in HASHES {
            let hash = PasswordHash::parse(text).unwrap();
            assert!(hash.is_of(&right), "{text}");
            assert!(!hash.is_of(&password(PASSWORD)), "{text}");
            assert!(!hash.is_of(&password("correct horse")), "{text}");
            assert!(!format!("{hash:?}").contains('$'), "{hash:?}");
        }
    }

    #[test]
    fn nobodys_hash_is_nobodys() {
        assert!(!PasswordHash::nobodys().is_of(&password("nobody")));
    }

    #[test]
    fn other_texts_are_no_hashes() {
        for text in [
            "",
            "secret",
            "5f4dcc3b5aa765d61d8327deb882cf99",
            "{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
            "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
            "$6$salt$hash",
            "$argon2id$v=19$m=8192,t=2,p=2$DgGBfNBGcLYyRmnoOygKuA",
            "$argon2id$v=19$m=x$DgGBfNBGcLYyRmnoOygKuA$xEJow32pyL0kLu5PlG7K9kaEuOMTCjLhvNUnLGA0hUM",
            "$2b$05$short",
        ] {
            assert_eq!(PasswordHash::parse(text).unwrap_err(), PasswordHashError::Form, "{text}");
        }
    }

    #[test]
    fn what_would_take_the_machine_is_refused() {
        for text in [
            "$argon2id$v=19$m=4194304,t=2,p=2$DgGBfNBGcLYyRmnoOygKuA$xEJow32pyL0kLu5PlG7K9kaEuOMTCjLhvNUnLGA0hUM",
            "$argon2id$v=19$m=8192,t=2000,p=2$DgGBfNBGcLYyRmnoOygKuA$xEJow32pyL0kLu5PlG7K9kaEuOMTCjLhvNUnLGA0hUM",
            "$2b$99$Zv9ixSjWqht9OpcKsXw8gOkCSD8E8dGGtRDk6Zx40i76rr31Fdhr6",
            "$2b$31$Zv9ixSjWqht9OpcKsXw8gOkCSD8E8dGGtRDk6Zx40i76rr31Fdhr6",
            "$scrypt$ln=24,r=8,p=1$4GERwUajWoaWglv57sTisw$3FvesCW82xhYt0RiljGz2xMTuJ9v5qr5TBKlPOnZO9Q",
            "$pbkdf2-sha256$i=4000000000,l=32$4GERwUajWoaWglv57sTisw$HV+Welx0T/ADB0dGW5EgGBp+su497LYmG/mhnu6a1gA",
        ] {
            assert_eq!(PasswordHash::parse(text).unwrap_err(), PasswordHashError::Cost, "{text}");
        }
    }
}
