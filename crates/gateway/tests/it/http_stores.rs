//! What is found at load in user stores that speak HTTP: each mistake with its place, no secret in any message.

use crate::testing::{Folder, OPERATOR};

/// Returns what is reported of a store, as `line:column: code: message`; line 1 is the first of `store`.
fn reported(store: &str) -> Vec<String> {
    let operator = format!("{OPERATOR}{store}");
    let first = u32::try_from(OPERATOR.lines().count()).unwrap();
    let folder = Folder::new(&operator, &[]);
    std::fs::write(folder.directory.path().join("token"), "t0ken\n").unwrap();
    std::fs::write(folder.directory.path().join("bad-token"), "t0\nken").unwrap();
    std::fs::write(folder.directory.path().join("no-ca.pem"), "hello").unwrap();
    let found = folder.diagnostics();
    let shown = found.iter().map(|found| {
        let code = format!("{:?}", found.code);
        format!("{}:{}: {code}: {}", found.span.line.saturating_sub(first), found.span.column, found.message)
    });
    let shown: Vec<String> = shown.collect();
    assert!(shown.iter().all(|line| !line.contains("hello") && !line.contains("t0")), "{shown:?}");
    shown
}

fn check(store: &str, expected: &[&str]) {
    assert_eq!(reported(store), expected, "{store}");
}

#[test]
fn a_scim_store_is_found_sound() {
    check(
        r#"
  - name: people
    scim:
      url: https://scim.example.com/v2
      filter: userName eq "{user}" and active eq true
      authorization:
        clientCredentials:
          tokenUrl: https://idp.example.com/token
          clientId: gateway
          clientSecret: { file: token }
          scope: scim.read
    attributes: { "emails[primary eq true].value": email, name.givenName: given_name }
  - name: more
    scim: { url: http://127.0.0.1:8080/v2, find: id, authorization: { bearer: { file: token } } }
    attributes: { urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department: department }
"#
        .trim_start_matches('\n'),
        &[],
    );
}

#[test]
fn mistakes_of_a_scim_store_are_told_with_their_place() {
    check(
        r#"  - name: people
    scim:
      url: http://scim.example.com/v2?x=y
      filter: userName sw "{user}"
      ca: no-ca.pem
      authorization: { bearer: { file: bad-token } }
    attributes: { "emails[primary eq true.value": email, nick name: nickname }
"#,
        &[
            "3:12: WeakSetting: users' attributes would cross the network in clear text",
            "3:12: InvalidValue: the base address must not have a query (`?…`)",
            "4:15: InvalidValue: `filter`: at character 1: `userMatch: exact` needs a comparison such as `userName eq \"{user}\"`",
            "5:11: UnusableKey: the CA certificates cannot be used: no certificate in PEM",
            "6:32: InvalidValue: the token holds characters that no header field can hold",
            "7:19: InvalidValue: `emails[primary eq true.value` is no SCIM path: at character 19: expected a text in double quotes, a number, `true`, `false` or `null`",
            "7:58: InvalidValue: `nick name` is no SCIM path: at character 6: more than expected",
        ],
    );
    check(
        "  - name: people\n    scim: { url: https://x.example, find: id, filter: 'a eq \"{user}\"', authorization: {} }\n",
        &[
            "1:5: MissingField: user store `people` has no `attributes`: nothing would leave it",
            "2:47: ConflictingFields: `filter` has no use with `find: id`",
            "2:87: ConflictingFields: `authorization` needs one of `bearer` and `clientCredentials`",
        ],
    );
    check(
        "  - name: people\n    scim: { url: https://x.example, filter: userName eq user }\n    attributes: { a: b }\n",
        &[
            "2:45: InvalidValue: `filter`: at character 13: expected a text in double quotes, a number, `true`, `false` or `null`",
        ],
    );
}

#[test]
fn a_call_out_is_found_sound() {
    check(
        r#"  - name: people
    http:
      url: https://people.example.com/v1/people/{user}?fields=mail
      headers: { X-Api-Key: { file: token }, Accept-Language: de }
      user: /login
    attributes: { /mail: email, /address/city: city }
  - name: search
    http:
      url: https://people.example.com/v1/search
      body: '{"query": {"name": "{user}"}}'
      entries: /results
      notFound: []
      authorization: { bearer: { file: token } }
    attributes: { /mail: email }
"#,
        &[],
    );
}

#[test]
fn mistakes_of_a_call_out_are_told_with_their_place() {
    check(
        r#"  - name: people
    http:
      url: http://{user}.example.com/
      body: '{"name": {user}}'
      headers: { X-Api-Key: { file: bad-token }, Host: x, Authorization: y, no name: z }
      notFound: [404, 200, 401]
      entries: results
      authorization: { bearer: { file: token } }
    attributes: { mail: email, /a~: b }
"#,
        &[
            "3:12: WeakSetting: users' attributes would cross the network in clear text",
            "3:12: InvalidValue: `url`: `{user}` may stand in the path and in the query only",
            "4:13: InvalidValue: `body`: malformed JSON at byte 10",
            "5:29: InvalidValue: the value holds characters that no header field can hold",
            "5:50: InvalidValue: `host` is not for `headers` to say",
            "5:59: ConflictingFields: `authorization` and the header `Authorization` exclude one another",
            "5:77: InvalidValue: `no name` is no header name",
            "6:23: InvalidValue: 200 cannot mean that there is no such user: 204, or 400 to 499 but 401 and 403",
            "6:28: InvalidValue: 401 cannot mean that there is no such user: 204, or 400 to 499 but 401 and 403",
            "7:16: InvalidValue: `results`: a JSON pointer begins with `/`",
            "9:19: InvalidValue: `mail`: a JSON pointer begins with `/`",
            "9:32: InvalidValue: `/a~`: at character 3: `~` must be followed by `0` or `1`",
        ],
    );
    check(
        "  - name: people\n    http: { url: https://x.example/p, body: '{\"{user}\": 1}' }\n    attributes: { /a: b }\n",
        &[
            "2:18: InvalidValue: `{user}` is neither in `url` nor in a text of `body`: everybody would get the same answer",
        ],
    );
}

#[test]
fn a_userinfo_store_belongs_to_one_issuer() {
    const FURTHER: &str = r"
  - name: partner
    issuer: https://partner.example.com
    jwks: { file: issuer.json }
    lookup: { userStores: [profile] }
";
    let operator = OPERATOR.replace("userStores: [staff]", "userStores: [profile]");
    let store = "  - name: profile\n    userinfo: { issuer: corp }\n    attributes: { email: email, /address/country: country }\n";
    let reported = |operator: String| -> Vec<String> {
        Folder::new(&operator, &[]).diagnostics().iter().map(|found| found.message.clone()).collect()
    };
    assert_eq!(reported(format!("{operator}{store}")), [] as [&str; 0]);
    let other = operator.replace("userStores:\n", &format!("{}userStores:\n", FURTHER.trim_start_matches('\n')));
    assert_eq!(
        reported(format!("{other}{store}")),
        ["user store `profile` asks the issuer `corp`: the tokens of `partner` must not go there"]
    );
    let by_email = operator.replace("claim: sub", "claim: email");
    assert_eq!(
        reported(format!("{by_email}{store}")),
        ["user store `profile` knows users by `sub`: `lookup.claim` cannot be another"]
    );
    assert_eq!(
        reported(format!("{operator}{}", store.replace("issuer: corp", "issuer: crop").replace("/address/", "/a~"))),
        [
            "there is no user store `profile`",
            "there is no issuer `crop`",
            "`/a~country`: at character 3: `~` must be followed by `0` or `1`"
        ]
    );
}
