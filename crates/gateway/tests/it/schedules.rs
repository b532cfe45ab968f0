//! No served JWT outlives what it was made from, whatever the order of expiry, renewal and invalidation
//! (backend-jwt.md §6).
//!
//! Time is a counter. Each schedule is a dozen calls, pauses and invalidations for one user; what is served is judged by
//! the JWT itself and by its part of the audit record. `SCHEDULES=1000000` while this is compiled runs that many.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};

use crate::testing::{Folder, OPERATOR, ORDERS, Running, START, assertion, code, decoded};

const TTL: u64 = 16;
const ATTRIBUTES_LIVE: u64 = 15;
const GROUPS_LIVE: u64 = 6;

/// What is called, and how long the attributes live that it sends.
const CALLED: [(&str, u64); 2] =
    [("GET /orders/1.0/items/7", GROUPS_LIVE), ("GET /letters/1.0/items/7", ATTRIBUTES_LIVE)];

const USERS: [&str; 2] = ["alice", "bob"];
const STEPS: usize = 24;

static NOW: AtomicU64 = AtomicU64::new(START);

fn clock() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(now())
}

fn now() -> u64 {
    NOW.load(Ordering::SeqCst)
}

/// Lets time pass, once what was begun in the background is over: it works with the time at which it was begun.
fn pass(gateway: &Running, seconds: u64) {
    gateway.settle();
    NOW.fetch_add(seconds, Ordering::SeqCst);
}

/// Numbers that look random and are the same in every run (Marsaglia's xorshift64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// What must hold of the JWT that is served now.
struct Expected {
    inbound_exp: u64,
    invalidated_at: u64,
    attributes_live: u64,
}

fn judge(jwt: &str, record: &str, expected: &Expected) {
    let now = now();
    let payload = decoded(jwt).1;
    let time = |name: &str| payload[name].as_u64().unwrap();
    let (issued, expires) = (time("iat"), time("exp"));
    assert!(now < expires && expires <= expected.inbound_exp, "served at {now}: {payload}");
    let has_a_fifth_left = (expires - now) * 5 >= expires - issued;
    assert!(has_a_fifth_left || expires == expected.inbound_exp, "served at {now}: {payload}");
    let record: Value = serde_json::from_str(&format!("{{{record}}}")).unwrap();
    let as_of = record["claims"]["http://wso2.org/claims/emailaddress"]["asOf"].as_u64().unwrap();
    assert!(now - as_of <= expected.attributes_live, "served at {now} with attributes of {as_of}");
    assert!(as_of >= expected.invalidated_at, "served at {now} with attributes of before {}", expected.invalidated_at);
}

/// Runs one schedule; returns how often a JWT was served.
fn run(gateway: &Running, numbers: &mut Numbers, schedule: u64) -> usize {
    let user = USERS[usize::try_from(numbers.below(2)).unwrap()];
    let life = 5 + numbers.below(120);
    let token = gateway.token(&json!({ "sub": user, "jti": schedule.to_string(), "iat": now(), "exp": now() + life }));
    let bearer = format!("Bearer {token}");
    let mut expected = Expected { inbound_exp: now() + life, invalidated_at: 0, attributes_live: 0 };
    let mut served = 0;
    for _ in 0..STEPS {
        match numbers.below(12) {
            0..=5 => {
                let fields = [("authorization", bearer.as_str())];
                let (called, attributes_live) = CALLED[usize::try_from(numbers.below(2)).unwrap()];
                expected.attributes_live = attributes_live;
                let decision = gateway.decide_at(now() - START, called, &fields);
                if decision.outcome.is_ok() {
                    let mut record = Vec::new();
                    decision.record.jwts[0].write_record(&mut record);
                    judge(&assertion(&decision), str::from_utf8(&record).unwrap(), &expected);
                    served += 1;
                } else {
                    assert_eq!(code(&decision), "unauthorized");
                    assert!(now() >= expected.inbound_exp, "refused too early");
                }
            }
            6..=9 => {
                pass(gateway, numbers.below(ATTRIBUTES_LIVE));
            }
            10 => {
                // Later than what is cached, so that the one can be told from the other.
                pass(gateway, 1);
                assert!(gateway.gateway.invalidate(Some("staff"), Some(user)));
                expected.invalidated_at = now();
            }
            _ => {
                pass(gateway, 1);
                assert!(gateway.gateway.invalidate(Some("staff"), None));
                expected.invalidated_at = now();
            }
        }
    }
    served
}

#[test]
fn nothing_is_served_past_its_bounds() {
    let operator = OPERATOR.replace(
        "  - name: staff\n",
        &format!(
            "  - name: staff\n    cache:\n      ttl: {ATTRIBUTES_LIVE}s\n      refreshAhead: 4s\n      classes: [{{ \
             attributes: [groups], ttl: {GROUPS_LIVE}s }}]\n"
        ),
    );
    let api = ORDERS.replace(
        "{ policyName: BackendJwt }",
        &format!("{{ policyName: BackendJwt, parameters: {{ tokenTTL: {TTL} }} }}"),
    );
    let letters = api.replace("orders", "letters").replace("tokenTTL", "claims: [email], tokenTTL");
    let gateway = Folder::new(&operator, &[&api, &letters]).start_with(clock);
    let schedules = option_env!("SCHEDULES").map_or(400, |count| count.parse().unwrap());
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    let served: usize = (0..schedules).map(|schedule| run(&gateway, &mut numbers, schedule)).sum();
    let counters = &gateway.gateway.runtime().counters;
    assert!(served as u64 > counters.minted.value(), "hardly anything came from the cache");
    assert!(counters.renewed.value() > 0, "nothing was renewed ahead");
}

#[test]
fn a_policy_without_short_lived_attributes_keeps_its_jwt_longer() {
    let classes = "classes: [{ attributes: [groups], ttl: 30s }]";
    let operator = OPERATOR.replace("  - name: staff\n", &format!("  - name: staff\n    cache: {{ {classes} }}\n"));
    let letters = ORDERS.replace("orders", "letters");
    let letters = letters.replace("BackendJwt }", "BackendJwt, parameters: { claims: [email] } }");
    let custom = "customClaims: [{ claim: greeting, value: '${user.groups}' }]";
    let greetings = ORDERS.replace("orders", "greetings");
    let greetings =
        greetings.replace("BackendJwt }", &format!("BackendJwt, parameters: {{ claims: [email], {custom} }} }}"));
    let gateway = Folder::new(&operator, &[ORDERS, &letters, &greetings]).start();
    let token = gateway.token(&json!({ "exp": START + 3600 }));
    let jwt = |api: &str, seconds: u64| {
        let fields = [("authorization", &*format!("Bearer {token}"))];
        let decision = gateway.decide_at(seconds, &format!("GET /{api}/1.0/items/7"), &fields);
        gateway.settle();
        assertion(&decision)
    };
    for (api, is_kept) in [("orders", false), ("letters", true), ("greetings", false)] {
        assert_eq!(jwt(api, 0) == jwt(api, 31), is_kept, "{api}");
    }
    assert_ne!(jwt("letters", 0), jwt("letters", 301));
}
