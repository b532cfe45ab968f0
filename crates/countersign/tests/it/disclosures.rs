//! `countersign disclosures`: what may leave, and by whose leave.

use serde_json::{Value, json};

use crate::testing::{OPERATOR, ORDERS, World};

fn with_payroll() -> World {
    let world = World::with_gateway();
    let dialect =
        "\ndialects: [{ name: acme, uri: 'https://acme.example', claims: [{ attribute: national_id, claim: id }] }]\n";
    world.write("countersign.yaml", &format!("{OPERATOR}{dialect}"));
    let payroll = ORDERS.replace("orders", "payroll").split("        claims:").next().unwrap().to_owned();
    world.write("apis/payroll.yaml", &format!("{payroll}        dialect: acme\n        audience: [a, b]\n"));
    world
}

#[test]
fn every_attribute_is_listed_with_where_it_goes() {
    let world = World::with_gateway();
    let list = world.run(&["disclosures", "--format", "json"]).json();
    let attributes: Vec<Value> =
        list.as_array().unwrap().iter().map(|entry| json!([entry["attribute"], entry["claim"]])).collect();
    assert_eq!(
        attributes,
        [
            json!(["email", "http://wso2.org/claims/emailaddress"]),
            json!(["groups", "http://wso2.org/claims/role"]),
            json!(["department", "plan"]),
        ]
    );
    let expected = json!({
        "attribute": "email", "claim": "http://wso2.org/claims/emailaddress", "sources": ["staff"],
        "api": "orders", "version": "1.0", "operation": "GET /{id}", "backends": ["orders.internal:8080"],
        "header": "X-JWT-Assertion", "audience": ["orders"], "ttl": 3600,
        "policy": "apis/orders.yaml:14 (api level)", "sensitive": null,
    });
    assert_eq!(list[0], expected);
}

#[test]
fn sensitive_attribute_leaves_only_by_the_operators_leave_which_is_shown() {
    let list = with_payroll().run(&["disclosures", "--format", "json"]).json();
    let sensitive: Vec<&Value> =
        list.as_array().unwrap().iter().filter(|entry| entry["attribute"] == "national_id").collect();
    assert_eq!(sensitive.len(), 1, "{list}");
    assert_eq!([&sensitive[0]["api"], &sensitive[0]["sensitive"]], ["payroll", "tax returns"]);
}

#[test]
fn csv_has_a_line_of_names_and_quotes_where_it_must() {
    let world = with_payroll();
    world.write(
        "countersign.yaml",
        &world.read("countersign.yaml").replace("reason: tax returns", "reason: 'tax, \"law\"'"),
    );
    let done = world.run(&["disclosures", "--format", "csv"]);
    let lines: Vec<&str> = done.out.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 6, "{done:?}");
    assert_eq!(lines[0], "attribute,claim,source,api,version,operation,backend,header,audience,ttl,policy,sensitive");
    assert!(lines[4].starts_with("national_id,https://acme.example/id,staff,payroll,1.0,GET /{id},"), "{done:?}");
    // Of a token, where no store gives it.
    assert!(lines[5].starts_with("tenant_id,https://acme.example/enduserTenantId,token,payroll,"), "{done:?}");
    assert!(lines[4].contains(",a b,3600,") && lines[4].ends_with(",\"tax, \"\"law\"\"\""), "{done:?}");
}

#[test]
fn table_is_for_people() {
    let done = World::with_gateway().run(&["disclosures"]);
    assert!(done.code == 0 && done.out.starts_with("ATTRIBUTE ") && done.out.lines().count() == 4, "{done:?}");
}
