//! `countersign token verify`: a token's signature and claims against a JWKS.

use std::{
    io::{self, BufRead as _},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use claims::{
    ClaimChecks, Encoding, TokenError, TokenVerification, VerificationFailure, VerifiedPayload, verify_token,
};

use super::jwks;
use crate::{
    Process,
    cli::{EXIT_NO, VerifyArguments},
    clock, output,
};

/// Seconds by which `nbf` and `iat` may lie ahead, as at the gateway.
const CLOCK_SKEW: u64 = 30;

/// What to verify tokens with.
#[derive(Debug)]
struct Verifier {
    jwks: Vec<u8>,
    how: TokenVerification,
    now: u64,
}

/// Verifies one token, or one a line.
///
/// # Errors
///
/// When keys or token cannot be read.
pub(super) fn run(arguments: &VerifyArguments, process: &Process) -> anyhow::Result<ExitCode> {
    let encoding = Encoding::from_name(&arguments.encoding)
        .with_context(|| format!("--encoding: `{}` is neither Base64url nor Base64", arguments.encoding))?;
    let checks = if arguments.signature_only {
        ClaimChecks::SignatureOnly
    } else {
        let text = |text: &Option<String>| text.as_deref().map(Box::from);
        ClaimChecks::Claims { issuer: text(&arguments.issuer), audience: text(&arguments.audience) }
    };
    let how = TokenVerification { encoding, checks, clock_skew: CLOCK_SKEW };
    let verifier = Verifier { jwks: jwks::read(&arguments.jwks)?, how, now: clock::seconds(process.now) };
    match arguments.token.as_str() {
        "-" => verifier.each_line(),
        argument => verifier.one(&super::read(argument)?),
    }
}

impl Verifier {
    fn one(&self, token: &[u8]) -> anyhow::Result<ExitCode> {
        match self.verdict(token)? {
            Ok(verified) => {
                output::result_bytes(&verified.payload)?;
                output::result_line("")?;
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => {
                output::message(&format!("refused: {error} ({})", error.reason()));
                Ok(ExitCode::from(EXIT_NO))
            }
        }
    }

    /// Prints one verdict for each line of standard input, as it comes.
    fn each_line(&self) -> anyhow::Result<ExitCode> {
        let mut are_all_good = true;
        for line in io::stdin().lock().split(b'\n') {
            let line = line.context("cannot read standard input")?;
            match self.verdict(line.strip_suffix(b"\r").unwrap_or(&line))? {
                Ok(_) => output::result_line("valid")?,
                Err(error) => {
                    are_all_good = false;
                    output::result_line(&format!("refused {}: {error}", error.reason()))?;
                }
            }
        }
        Ok(if are_all_good { ExitCode::SUCCESS } else { ExitCode::from(EXIT_NO) })
    }

    /// Returns what is verified, or why the token is refused.
    fn verdict(&self, token: &[u8]) -> anyhow::Result<Result<VerifiedPayload, TokenError>> {
        let Ok(token) = std::str::from_utf8(token) else { return Ok(Err(TokenError::NotCompact)) };
        match verify_token(&self.jwks, token, &self.how, self.now) {
            Ok(verified) => Ok(Ok(verified)),
            Err(VerificationFailure::Token(error)) => Ok(Err(error)),
            Err(VerificationFailure::Jwks(error)) => bail!("cannot use the JWKS: {error}"),
        }
    }
}
