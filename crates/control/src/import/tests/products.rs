//! Files of WSO2's products: deployment.toml, config.toml, api.yaml, custom resources, and forty definitions at once.

use gateway::parse_operator;

use super::*;

fn source(name: &str, text: &str) -> Source {
    Source { path: name.into(), text: text.to_owned() }
}

fn shown_all(sources: &[Source]) -> String {
    let imported = super::super::import(sources, None, &ApiWishes::default());
    let files = imported
        .files
        .iter()
        .map(|file| format!("--- {:?} {} from {}\n{}", file.place, file.name, file.from.display(), file.text));
    let steps = imported.steps.iter().map(|step| format!("step: {step}\n"));
    let refused = imported.refused.to_string();
    let parts = files.chain([format!("---\n{refused}{}", table(&imported.notes))]).chain(steps);
    parts.collect()
}

const DEPLOYMENT: &str = r#"[server]
hostname = "apim.books.test"
offset = 10

[super_admin]
username = "root"
password = "hunter2-admin"

[user_store]
type = "read_write_ldap_unique_id"
connection_url = "ldap://directory.books.test:10389"
connection_name = "uid=gateway,ou=system"
connection_password = "hunter2-ldap"
user_search_base = "ou=people,dc=books,dc=test"
user_name_search_filter = "(&(objectClass=inetOrgPerson)(uid=?))"
group_search_base = "ou=groups,dc=books,dc=test"
membership_attribute = "uniqueMember"
scim_enabled = true

[keystore.primary]
file_name = "books.jks"
type = "JKS"
password = "hunter2-store"
alias = "books"
key_password = "hunter2-key"

[keystore.internal]
file_name = "internal.jks"

[apim.jwt]
enable = true
encoding = "base64url"
header = "X-Books-User"
claim_dialect = "http://wso2.org/claims"
signing_algorithm = "SHA256withRSA"
enable_user_claims = true
use_kid_property = true
convert_dialect = true
claims_extractor_impl = "org.wso2.carbon.apimgt.impl.token.DefaultClaimsRetriever"

[apim.jwt.gateway_generator]
excluded_claims = ["sid", "at_hash"]

[[apim.jwt.issuer]]
name = "https://idp.books.test/token"
consumer_key_claim = "azp"
[apim.jwt.issuer.jwks]
url = "https://idp.books.test/jwks"
[[apim.jwt.issuer.claim_mapping]]
remote_claim = "mail"
local_claim = "email"

[[apim.jwt.issuer]]
name = "https://partner.test/"

[apim.cache]
token_expiry_time = 600
[apim.cache.jwt_claim]
enable = true
expiry_time = 300
[apim.cache.gateway_token]
enable = true
"#;

#[test]
fn a_deployment_becomes_an_operators_file() {
    insta::assert_snapshot!(shown_all(&[source("deployment.toml", DEPLOYMENT)]));
}

#[test]
fn a_deployment_with_the_products_database_asks_its_tables() {
    let text = r#"
[user_store]
type = "database_unique_id"
[database.shared_db]
type = "postgre"
hostname = "db.books.test"
name = "shared_db"
port = 5432
username = "wso2"
password = "$env{SHARED_PASSWORD}"
[apim.jwt]
enable = true
signing_algorithm = "NONE"
header = "Books-User"
claim_dialect = "http://books.test/claims"
[apim.cache.jwt_claim]
enable = false
"#;
    insta::assert_snapshot!(shown_all(&[source("deployment.toml", text)]));
}

#[test]
fn a_config_of_choreo_connect_becomes_an_operators_file() {
    let text = r#"
[router]
x = 1
[enforcer.jwtGenerator]
enabled = true
encoding = "base64"
tokenTTL = 1800
jwksRatelimitQuota = 5
[[enforcer.jwtGenerator.keypair]]
privateKeyPath = "mg.key"
publicCertificatePath = "mg.pem"
useForSigning = true
[[enforcer.security.tokenService]]
name = "Resident Key Manager"
issuer = "https://km.books.test/token"
jwksURL = "https://km.books.test/jwks"
consumerKeyClaim = "azp"
validateSubscription = false
[[enforcer.security.tokenService.claimMapping]]
remoteClaim = "sub"
localClaim = "CUSTOM-CLAIM"
[[enforcer.security.tokenService]]
name = "MGW"
issuer = "https://mgw.books.test/key"
jwksURL = ""
certificateFilePath = "mg.pem"
"#;
    insta::assert_snapshot!(shown_all(&[source("config.toml", text)]));
}

#[test]
fn nothing_of_a_products_secrets_is_copied() {
    let imported = super::super::import(&[source("deployment.toml", DEPLOYMENT)], None, &ApiWishes::default());
    assert!(!format!("{imported:?}").contains("hunter2"), "{imported:?}");
}

#[test]
fn an_api_yaml_becomes_a_definition_with_its_audiences() {
    let text = "
type: api
version: v4.1.0
data:
  id: 1f1c
  name: Book Shop
  context: /books/{version}
  version: 1.2.0
  enableBackendJWT: true
  backendJWTConfiguration:
    audiences: [\"https://a.books.test\", \"https://b.books.test/x\"]
  authorizationHeader: X-Auth
  securityScheme: [oauth2, api_key]
  corsConfiguration: { corsConfigurationEnabled: true, accessControlAllowOrigins: [\"*\"], accessControlAllowCredentials: true, accessControlAllowMethods: [GET, PUT] }
  endpointConfig:
    endpoint_type: http
    production_endpoints: { url: \"http://books:8080/v2\" }
    endpoint_security: { production: { password: hunter2 } }
  operations:
    - { target: /list, verb: GET, authType: None }
    - { target: \"/book/{id}\", verb: PUT, authType: Any, scopes: [\"books:write\"] }
    - { target: /feed, verb: SUBSCRIBE }
";
    let shown = shown_all(&[source("api.yaml", text)]);
    assert!(!shown.contains("hunter2"));
    insta::assert_snapshot!(shown);
}

const RESOURCES: &str = "
apiVersion: dp.wso2.com/v1alpha3
kind: API
metadata: { name: books-api }
spec:
  apiName: Books
  apiType: REST
  apiVersion: v1.0
  basePath: /books/v1.0
  isDefaultVersion: true
  organization: acme
  production: [{ routeRefs: [books-route] }]
---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: HTTPRoute
metadata: { name: books-route }
spec:
  hostnames: [books.gw.test]
  rules:
    - matches:
        - { path: { type: PathPrefix, value: /list } }
        - { path: { type: RegularExpression, value: '/book/([^/]+)' }, method: GET }
        - { path: { type: RegularExpression, value: '/x/[a-z]{2}' }, method: GET }
      filters: [{ type: ExtensionRef, extensionRef: { kind: Scope, name: readers } }]
      backendRefs: [{ group: dp.wso2.com, kind: Backend, name: books-backend }]
    - matches: [{ path: { type: Exact, value: /secret }, method: GET }]
      filters: [{ type: ExtensionRef, extensionRef: { kind: Scope, name: elsewhere } }]
---
apiVersion: dp.wso2.com/v1alpha1
kind: Scope
metadata: { name: readers }
spec: { names: ['books:read'] }
---
apiVersion: dp.wso2.com/v1alpha2
kind: Backend
metadata: { name: books-backend }
spec: { protocol: https, basePath: /v2, services: [{ host: books.svc, port: 8443 }] }
---
apiVersion: dp.wso2.com/v1alpha4
kind: APIPolicy
metadata: { name: p }
spec:
  override: { backendJwtPolicy: { name: jwt }, cORSPolicy: { accessControlAllowOrigins: ['https://shop.test', 'https://*.test'], accessControlAllowCredentials: true, accessControlMaxAge: 60 } }
  targetRef: { kind: API, name: books-api }
---
apiVersion: dp.wso2.com/v1alpha1
kind: APIPolicy
metadata: { name: q }
spec:
  default: { backendJwtPolicy: { name: jwt } }
  targetRef: { kind: API, name: 0b5d-uuid }
---
apiVersion: dp.wso2.com/v1alpha1
kind: BackendJWT
metadata: { name: jwt }
spec:
  encoding: base64
  signingAlgorithm: SHA512withRSA
  customClaims:
    - { claim: team, value: '7', type: int }
    - { claim: trick, value: '${user.secret}' }
---
apiVersion: dp.wso2.com/v1alpha1
kind: BackendJWT
metadata: { name: lonely }
spec: { header: X-Lonely, tokenTTL: 60 }
---
apiVersion: dp.wso2.com/v1alpha1
kind: TokenIssuer
metadata: { name: issuer }
spec: {}
";

#[test]
fn custom_resources_become_definitions_with_their_policies() {
    insta::assert_snapshot!(shown_all(&[source("resources.yaml", RESOURCES)]));
}

#[test]
fn two_apis_do_not_live_in_one_place() {
    let one = "name: a\nbasePath: /x\nversion: '1'\noperations: []\n";
    let two = "name: b\nbasePath: /x/\nversion: '1'\noperations: []\n";
    let imported =
        super::super::import(&[source("a/x.yaml", one), source("b/x.yaml", two)], None, &ApiWishes::default());
    assert_eq!(imported.files.len(), 1);
    assert!(
        imported.refused.to_string().contains("`b` would live where an API lives of `a/x.yaml`"),
        "{}",
        imported.refused
    );
}

#[test]
fn definitions_of_one_file_name_get_names_of_their_own() {
    let one = "name: a\nbasePath: /a\noperations: []\n";
    let two = "name: b\nbasePath: /b\noperations: []\n";
    let imported =
        super::super::import(&[source("a/x.yaml", one), source("b/x.yaml", two)], None, &ApiWishes::default());
    let names: Vec<_> = imported.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["x.yaml", "x-2.yaml"]);
}

#[test]
fn a_definition_that_asks_for_what_is_not_built_is_refused_and_not_cut_short() {
    let text = "name: g\nbasePath: /g\ntype: GRAPHQL\noperations: []\n";
    let imported = super::super::import(&[source("g.apk-conf", text)], None, &ApiWishes::default());
    assert!(imported.files.is_empty());
    assert!(
        imported.refused.to_string().contains("g.apk-conf:3:1: error[unsupported-feature]"),
        "{}",
        imported.refused
    );
}

#[test]
fn what_definitions_choose_among_is_added_to_the_operators_file() {
    let api = "name: a\nbasePath: /a\nenvironment: dev\noperations: []\n\
               keyManagers: [{ name: Corp IdP, issuer: https://corp.test, JWKSEndpoint: https://corp.test/jwks }]\n\
               authentication: [{ authType: mTLS, required: mandatory, certificates: [{ name: partners }] }]\n";
    let sources = [source("a.apk-conf", api), source("deployment.toml", "[apim.jwt]\nenable = true\n")];
    let imported = super::super::import(&sources, None, &ApiWishes::default());
    let operator = &imported.files[0];
    assert_eq!(operator.place, ImportPlace::Operator);
    let mut diagnostics = Diagnostics::new();
    let spec = parse_operator(&source("countersign.yaml", &operator.text), &mut diagnostics).unwrap();
    assert!(!diagnostics.has_errors(), "{diagnostics}\n{}", operator.text);
    let issuers: Vec<_> = spec.issuers.iter().map(|issuer| (issuer.name.as_str(), issuer.issuer.as_str())).collect();
    assert_eq!(issuers, [("resident", "https://localhost:9443/oauth2/token"), ("corp-idp", "https://corp.test")]);
    assert_eq!(spec.environments[0].name.value, "dev");
    assert!(operator.text.contains("# clientCertificates: [{ name: partners,"), "{}", operator.text);
}
