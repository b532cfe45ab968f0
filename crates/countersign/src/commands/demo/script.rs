//! What the demo prints: requests to paste, each with what to expect.

use std::{fmt::Write as _, path::Path};

use super::{files::Folder, ports::Ports};

/// One request to try.
struct Step {
    /// What it shows.
    about: &'static str,
    /// The user and the scope of the token; empty: no token, no scope asked for.
    token: (&'static str, &'static str),
    /// More arguments of curl.
    more: &'static str,
    /// The path at the gateway.
    path: &'static str,
    /// What comes back.
    expect: &'static str,
}

const STEPS: [Step; 9] = [
    Step {
        about: "The gateway-level policy: who alice is, from SQLite, as a signed JWT in X-JWT-Assertion",
        token: ("alice", ""),
        more: "",
        path: "/profile/1.0/me",
        expect: "200: the backend shows the JWT: ES256, http://wso2.org/claims/emailaddress, …/role: an array",
    },
    Step {
        about: "The API-level policy: fewer attributes, groups that match `orders-*` only, custom claims; any Unicode",
        token: ("juergen", ""),
        more: "",
        path: "/orders/1.0/42",
        expect: "200: \"greeting\": \"Hello Jürgen\", role [\"orders-ship\"], audience orders",
    },
    Step {
        about: "The operation-level policy beside it: a bearer token that any JWT library takes without code",
        token: ("lei", ""),
        more: "",
        path: "/orders/1.0/42/invoice",
        expect: "200: two JWTs; `authorization` has an RS256 one with OpenID Connect claim names, for billing and archive",
    },
    Step {
        about: "A sensitive attribute: the operator lets payroll have it, and nobody else",
        token: ("siobhan", ""),
        more: "",
        path: "/payroll/me",
        expect: "200: \"national_id\": \"SO-1012\" under short claim names",
    },
    Step {
        about: "A forged header never arrives, in whichever spelling",
        token: ("bob", ""),
        more: "-H 'X-JWT-Assertion: forged' -H 'x_jwt_assertion: forged'",
        path: "/orders/1.0/7",
        expect: "200: the backend sees the gateway's JWT alone",
    },
    Step {
        about: "Without a token",
        token: ("", ""),
        more: "",
        path: "/orders/1.0/42",
        expect: "401 with WWW-Authenticate; the backend sees nothing",
    },
    Step {
        about: "Somebody whom the user store does not know",
        token: ("mallory", ""),
        more: "",
        path: "/orders/1.0/42",
        expect: "403 unknown_user: never a request without its JWT",
    },
    Step {
        about: "A scope that the token does not have (with &scope=orders:write it is a 200)",
        token: ("alice", ""),
        more: "-X POST",
        path: "/orders/1.0/",
        expect: "403 insufficient_scope",
    },
    Step {
        about: "An open operation: nobody is known, so there is no JWT",
        token: ("", ""),
        more: "",
        path: "/orders/1.0/status",
        expect: "200: no X-JWT-Assertion",
    },
];

/// Returns the whole text.
pub(super) fn text(ports: Ports, folder: &Folder, program: &Path) -> String {
    let mut text = String::new();
    let path = folder.path().display();
    // INVARIANT: writing to a string cannot fail.
    let _ = writeln!(
        text,
        "Console: http://127.0.0.1:{}/  Open an API, then its Policies: drag Backend JWT into a flow and see what its backend gets.",
        ports.admin
    );
    let _ = writeln!(
        text,
        "Countersign demo: gateway http://127.0.0.1:{}, echo backend :{}, token issuer :{}, admin :{}",
        ports.gateway, ports.echo, ports.issuer, ports.admin
    );
    let kept = if folder.is_kept() { "they stay" } else { "removed at the end; --dir keeps them" };
    let _ = writeln!(text, "Files: {path} ({kept}). Edits of the YAML files count at once. Ctrl-C ends the demo.");
    let _ = writeln!(text, "People: alice bob juergen zoe lukasz lei ngoc oscar ayse olga yusuf siobhan\n");
    for (number, step) in STEPS.iter().enumerate() {
        let _ = writeln!(text, "{}. {}", number + 1, step.about);
        let _ = writeln!(text, "   {}", step.command(ports));
        let _ = writeln!(text, "   -> {}\n", step.expect);
    }
    let (gateway, admin, program) = (ports.gateway, ports.admin, program.display());
    let _ = writeln!(
        text,
        "Keys, readiness and metrics:
   curl -s http://127.0.0.1:{gateway}/.well-known/jwks.json
   curl -s http://127.0.0.1:{admin}/readyz
   curl -s http://127.0.0.1:{admin}/metrics

In another terminal:
   {program} explain --config {path}/countersign.yaml --api orders --operation 'GET /42' --user zoe
   {program} disclosures --config {path}/countersign.yaml
   tail -n 1 {path}/audit.jsonl"
    );
    text
}

impl Step {
    fn command(&self, ports: Ports) -> String {
        let mut parts = vec!["curl -s -i".to_owned()];
        let (user, scope) = self.token;
        if !user.is_empty() {
            let scope = if scope.is_empty() { String::new() } else { format!("&scope={scope}") };
            let address = format!("http://127.0.0.1:{}/token?user={user}{scope}", ports.issuer);
            parts.push(format!("-H \"Authorization: Bearer $(curl -s '{address}')\""));
        }
        if !self.more.is_empty() {
            parts.push(self.more.to_owned());
        }
        parts.push(format!("http://127.0.0.1:{}{}", ports.gateway, self.path));
        parts.join(" ")
    }
}
