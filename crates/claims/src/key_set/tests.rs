use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::{
    json::Object,
    key::{KeyError, RsaSize},
};

const P12: &[u8] = include_bytes!("../../tests/data/openssl.p12");
const DAY: u64 = 86_400;
const TIMES: RetirementTimes = RetirementTimes { longest_ttl: 3600, max_age: 600 };

/// Keys to take from, made once.
static KEYS: LazyLock<Vec<Arc<SigningKey>>> = LazyLock::new(|| (0..6).map(|_| key(Algorithm::Es256)).collect());

fn key(algorithm: Algorithm) -> Arc<SigningKey> {
    Arc::new(SigningKey::generate(algorithm, RsaSize::default()).unwrap())
}

fn entry(key: &Arc<SigningKey>, life: KeyLife) -> KeySetEntry {
    KeySetEntry { key: Arc::clone(key), life, origin: KeyOrigin::Directory }
}

fn listed(key: &Arc<SigningKey>) -> KeySetEntry {
    KeySetEntry { key: Arc::clone(key), life: KeyLife::UNBOUNDED, origin: KeyOrigin::Listed }
}

fn set(entries: Vec<KeySetEntry>) -> KeySet {
    KeySet::new(entries, Vec::new(), 0).unwrap()
}

/// Applies a plan, as the caller who writes the files would.
fn apply(set: &KeySet, plan: &RotationPlan, next: &Arc<SigningKey>) -> KeySet {
    let mut entries = set.entries.clone();
    for change in &plan.changes {
        entries.iter_mut().find(|entry| entry.key.kid() == &*change.kid).unwrap().life = change.life;
    }
    entries.extend(plan.new_key.map(|life| entry(next, life)));
    KeySet::new(entries, Vec::new(), 0).unwrap()
}

fn published(set: &KeySet, now: u64) -> Vec<String> {
    let jwks: serde_json::Value = serde_json::from_slice(&set.jwks(now, LegacyKids::Omit)).unwrap();
    jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_key_goes_from_announced_to_gone() {
    let life = KeyLife::announced(100, 200).retired(300, 400);
    for (now, state) in [
        (0, KeyState::Announced),
        (199, KeyState::Announced),
        (200, KeyState::Active),
        (299, KeyState::Active),
        (300, KeyState::Retired),
        (399, KeyState::Retired),
        (400, KeyState::Gone),
    ] {
        assert_eq!(life.state(now), state, "{now}");
    }
    assert_eq!(life.revoked(250).state(249), KeyState::Active);
    assert_eq!(life.revoked(250).state(250), KeyState::Revoked);
    assert_eq!(life.revoked(250).revoked(500).revoked_at(), Some(250));
    assert_eq!([0, 200, 300, 400].map(|now| life.next_change(now)), [Some(200), Some(300), Some(400), None]);
}

#[test]
fn life_times_stay_in_order_whatever_is_asked() {
    let life = KeyLife::announced(100, 50).retired(20, 10);
    assert_eq!((life.announced_at(), life.activates_at()), (100, 100));
    assert_eq!((life.retires_at(), life.gone_at()), (Some(100), Some(100)));
    assert_eq!(KeyLife::announced(100, 200).activated(50).announced_at(), 50);
}

#[test]
fn the_active_key_of_an_algorithm_signs_and_others_do_not() {
    let (es, ed) = (&KEYS[0], key(Algorithm::EdDsa));
    let set = set(vec![entry(es, KeyLife::active_from(10)), entry(&ed, KeyLife::announced(0, 50))]);
    assert!(set.active(Algorithm::EdDsa, 49).is_none());
    assert!(Arc::ptr_eq(set.active(Algorithm::Es256, 10).unwrap(), es));
    assert_eq!(set.active_algorithms(10), [Algorithm::Es256]);
    assert_eq!(set.active_algorithms(50), [Algorithm::Es256, Algorithm::EdDsa]);
    assert_eq!((set.next_change(10), set.next_change(50)), (Some(50), None));
}

#[test]
fn the_first_key_signs_also_when_its_maker_s_clock_was_ahead() {
    let (hour, es) = (3600, &KEYS[0]);
    let made = set(vec![entry(es, KeyLife::active_from(hour)), entry(&KEYS[1], KeyLife::announced(hour, 2 * hour))]);
    assert!(Arc::ptr_eq(made.active(Algorithm::Es256, 0).unwrap(), es));
    assert_eq!(made.states(0)[1].state, KeyState::Active);
    let revoked = set(vec![entry(es, KeyLife::active_from(hour).revoked(0))]);
    assert!(revoked.active(Algorithm::Es256, 0).is_none());
}

#[test]
fn of_two_active_keys_the_later_signs_on_every_replica() {
    let entries = vec![entry(&KEYS[0], KeyLife::active_from(10)), entry(&KEYS[1], KeyLife::active_from(20))];
    let reversed: Vec<_> = entries.iter().rev().cloned().collect();
    for set in [set(entries), set(reversed)] {
        assert!(Arc::ptr_eq(set.active(Algorithm::Es256, 15).unwrap(), &KEYS[0]));
        assert!(Arc::ptr_eq(set.active(Algorithm::Es256, 20).unwrap(), &KEYS[1]));
        let states: Vec<_> = set.states(20).into_iter().map(|status| (status.kid, status.state)).collect();
        assert_eq!(states, [(KEYS[1].kid().into(), KeyState::Active), (KEYS[0].kid().into(), KeyState::Retired)]);
    }
    let same = |first: usize, second: usize| {
        let entries = [first, second].map(|at| entry(&KEYS[at], KeyLife::active_from(10)));
        set(entries.to_vec()).active(Algorithm::Es256, 10).unwrap().kid().to_owned()
    };
    assert_eq!(same(0, 1), same(1, 0));
}

#[test]
fn a_listed_key_signs_before_one_of_the_directory() {
    let set = set(vec![entry(&KEYS[0], KeyLife::active_from(10)), listed(&KEYS[1])]);
    assert!(Arc::ptr_eq(set.active(Algorithm::Es256, 20).unwrap(), &KEYS[1]));
    assert_eq!(
        set.plan_rotation(Algorithm::Es256, 20, Announcement::Skip, TIMES).err(),
        Some(PlanError::Listed(KEYS[1].kid().into()))
    );
}

#[test]
fn two_listed_keys_for_one_algorithm_are_an_error() {
    let error = KeySet::new(vec![listed(&KEYS[0]), listed(&KEYS[1])], Vec::new(), 20).err().unwrap();
    assert!(matches!(error, KeySetError::TwoActive { algorithm: Algorithm::Es256, .. }));
}

#[test]
fn one_key_for_two_algorithms_is_refused() {
    let pem = include_bytes!("../../tests/data/rsa-pkcs8.pem");
    let rsa = |algorithm| Arc::new(SigningKey::from_pem(pem, Some(algorithm), None).unwrap());
    let entries = [Algorithm::Rs256, Algorithm::Ps256].map(|algorithm| entry(&rsa(algorithm), KeyLife::UNBOUNDED));
    assert!(matches!(KeySet::new(entries.to_vec(), Vec::new(), 0), Err(KeySetError::TwoAlgorithms { .. })));
    let secret = |name: &str, algorithm| Arc::new(SigningKey::hmac(name, &[7; 64], algorithm).unwrap());
    let two = vec![secret("a", Algorithm::Hs256), secret("b", Algorithm::Hs512)];
    assert!(matches!(KeySet::new(Vec::new(), two, 0), Err(KeySetError::TwoAlgorithms { .. })));
}

#[test]
fn secrets_are_found_by_name_and_never_published() {
    let secret = |name: &str, byte| Arc::new(SigningKey::hmac(name, &[byte; 64], Algorithm::Hs256).unwrap());
    let set = KeySet::new(vec![entry(&KEYS[0], KeyLife::UNBOUNDED)], vec![secret("a", 1), secret("b", 2)], 0).unwrap();
    assert_eq!(set.hmac("b").unwrap().kid(), "b");
    assert!(set.hmac("c").is_none() && set.active(Algorithm::Hs256, 0).is_none());
    assert_eq!(published(&set, 0), [KEYS[0].kid()]);
    assert!(set.trusts(&set.hmac("a").unwrap().fingerprint(), 0));
    let twice = KeySet::new(Vec::new(), vec![secret("a", 1), secret("a", 2)], 0);
    assert_eq!(twice.err(), Some(KeySetError::DuplicateSecret("a".into())));
    let pair_among_secrets = KeySet::new(Vec::new(), vec![Arc::clone(&KEYS[0])], 0);
    assert_eq!(pair_among_secrets.err(), Some(KeySetError::NotAKeyPair(KEYS[0].kid().into())));
    let secret_among_pairs = KeySet::new(vec![entry(&secret("a", 1), KeyLife::UNBOUNDED)], Vec::new(), 0);
    assert_eq!(secret_among_pairs.err(), Some(KeySetError::NotAKeyPair("a".into())));
}

#[test]
fn a_key_that_occurs_twice_counts_once_and_stays_revoked() {
    let revoked = entry(&KEYS[0], KeyLife::active_from(0).revoked(5));
    let set = set(vec![revoked, listed(&KEYS[0])]);
    assert_eq!(set.states(10).len(), 1);
    assert!(set.active(Algorithm::Es256, 10).is_none());
    assert!(!set.trusts(&KEYS[0].fingerprint(), 10));
}

#[test]
fn jwks_lists_a_certified_key_under_both_kids_on_request() {
    let key = Arc::new(SigningKey::from_pkcs12(P12, "changeit", None, None).unwrap());
    let set = set(vec![entry(&key, KeyLife::UNBOUNDED), entry(&KEYS[0], KeyLife::UNBOUNDED)]);
    let kids = |legacy_kids| {
        let jwks: jsonwebtoken::jwk::JwkSet = serde_json::from_slice(&set.jwks(0, legacy_kids)).unwrap();
        jwks.keys.into_iter().filter_map(|key| key.common.key_id).collect::<Vec<_>>()
    };
    let legacy = key.certificate().unwrap().legacy_kid();
    assert_eq!(kids(LegacyKids::Omit), [key.kid(), KEYS[0].kid()]);
    assert_eq!(kids(LegacyKids::List), [key.kid(), &legacy, KEYS[0].kid()]);
    assert_eq!(KeySet::default().jwks(0, LegacyKids::List), br#"{"keys":[]}"#);
}

#[test]
fn the_first_key_signs_at_once_and_the_next_is_announced() {
    let plan = KeySet::default().plan_rotation(Algorithm::Es256, 100, Announcement::For(DAY), TIMES).unwrap();
    assert_eq!(plan, RotationPlan { new_key: Some(KeyLife::active_from(100)), changes: Vec::new() });
    let first = apply(&KeySet::default(), &plan, &KEYS[0]);
    let plan = first.plan_rotation(Algorithm::Es256, 200, Announcement::For(DAY), TIMES).unwrap();
    assert_eq!(plan.new_key, Some(KeyLife::announced(200, 200 + DAY)));
    let second = apply(&first, &plan, &KEYS[1]);
    assert_eq!(second.states(200).len(), 2);
    assert!(Arc::ptr_eq(second.active(Algorithm::Es256, 199 + DAY).unwrap(), &KEYS[0]));
    assert!(Arc::ptr_eq(second.active(Algorithm::Es256, 200 + DAY).unwrap(), &KEYS[1]));
    let stay = 3600 + 600 + 300;
    assert_eq!(published(&second, 199 + DAY + stay).len(), 2);
    assert_eq!(published(&second, 200 + DAY + stay), [KEYS[1].kid()]);
}

#[test]
fn announcing_is_never_shorter_than_the_jwks_may_be_cached() {
    let set = set(vec![entry(&KEYS[0], KeyLife::active_from(0))]);
    let plan = set.plan_rotation(Algorithm::Es256, 100, Announcement::For(0), TIMES).unwrap();
    assert_eq!(plan.new_key, Some(KeyLife::announced(100, 700)));
    let now = set.plan_rotation(Algorithm::Es256, 100, Announcement::Skip, TIMES).unwrap();
    assert_eq!(now.new_key, Some(KeyLife::active_from(100)));
}

#[test]
fn an_announced_successor_is_kept_or_takes_over_now() {
    let entries = vec![
        entry(&KEYS[0], KeyLife::active_from(0).retired(DAY, 2 * DAY)),
        entry(&KEYS[1], KeyLife::announced(10, DAY)),
    ];
    let set = set(entries);
    let again = set.plan_rotation(Algorithm::Es256, 100, Announcement::For(DAY), TIMES);
    assert_eq!(again.err(), Some(PlanError::AlreadyAnnounced { kid: KEYS[1].kid().into(), activates_at: DAY }));
    let now = set.plan_rotation(Algorithm::Es256, 100, Announcement::Skip, TIMES).unwrap();
    assert_eq!(now.new_key, None);
    let set = apply(&set, &now, &KEYS[2]);
    assert!(Arc::ptr_eq(set.active(Algorithm::Es256, 100).unwrap(), &KEYS[1]));
    assert_eq!(set.states(100).iter().filter(|status| status.state == KeyState::Retired).count(), 1);
}

#[test]
fn an_imported_key_takes_over_while_a_successor_keeps_its_time() {
    let entries = vec![entry(&KEYS[0], KeyLife::active_from(0)), entry(&KEYS[1], KeyLife::announced(10, DAY))];
    let before = set(entries);
    let plan = before.plan_import(Algorithm::Es256, 100, Announcement::Skip, TIMES).unwrap();
    let after = apply(&before, &plan, &KEYS[2]);
    assert!(Arc::ptr_eq(after.active(Algorithm::Es256, 100).unwrap(), &KEYS[2]));
    assert!(Arc::ptr_eq(after.active(Algorithm::Es256, DAY).unwrap(), &KEYS[1]));
}

#[test]
fn secrets_and_none_are_not_rotated() {
    for algorithm in [Algorithm::Hs256, Algorithm::None] {
        let plan = KeySet::default().plan_rotation(algorithm, 0, Announcement::Skip, TIMES);
        assert_eq!(plan.err(), Some(PlanError::NotRotated(algorithm)));
    }
}

#[test]
fn a_revoked_key_is_gone_at_once_and_has_a_successor() {
    let first = set(vec![entry(&KEYS[0], KeyLife::active_from(0))]);
    let plan = first.plan_revocation(KEYS[0].kid(), 100).unwrap();
    assert_eq!(plan.new_key, Some(KeyLife::active_from(100)));
    let second = apply(&first, &plan, &KEYS[1]);
    assert_eq!(published(&second, 100), [KEYS[1].kid()]);
    assert!(!second.trusts(&KEYS[0].fingerprint(), 100) && second.trusts(&KEYS[1].fingerprint(), 100));
    assert!(Arc::ptr_eq(second.active(Algorithm::Es256, 100).unwrap(), &KEYS[1]));
}

#[test]
fn revoking_promotes_the_announced_key_and_leaves_others_alone() {
    let before = set(vec![entry(&KEYS[0], KeyLife::active_from(0)), entry(&KEYS[1], KeyLife::announced(10, DAY))]);
    let plan = before.plan_revocation(KEYS[0].kid(), 100).unwrap();
    let after = apply(&before, &plan, &KEYS[2]);
    assert!(Arc::ptr_eq(after.active(Algorithm::Es256, 100).unwrap(), &KEYS[1]));
    let announced = before.plan_revocation(KEYS[1].kid(), 100).unwrap();
    assert_eq!((announced.new_key, announced.changes.len()), (None, 1));
    assert_eq!(before.plan_revocation("other", 100).err(), Some(PlanError::UnknownKey("other".into())));
}

#[test]
fn a_key_file_survives_writing_and_reading() {
    let lives = [
        KeyLife::active_from(1_700_000_000),
        KeyLife::announced(1_700_000_000, 1_700_086_400),
        KeyLife::active_from(1_700_000_000).retired(1_700_086_400, 1_700_090_900).revoked(1_700_086_500),
    ];
    let certified = Arc::new(SigningKey::from_pkcs12(P12, "changeit", None, None).unwrap());
    for key in [key(Algorithm::Rs256), key(Algorithm::EdDsa), key(Algorithm::Es512), certified] {
        for life in lives {
            let file = KeyFile { key: Arc::clone(&key), life };
            let read = KeyFile::parse(&file.to_text().unwrap()).unwrap();
            assert_eq!((read.life, read.key.fingerprint()), (life, key.fingerprint()));
            assert_eq!(read.name(), format!("{}.json", key.kid()));
        }
    }
}

#[test]
fn a_key_file_writes_its_times_for_people() {
    let file = KeyFile { key: Arc::clone(&KEYS[0]), life: KeyLife::announced(1_700_000_000, 1_700_086_400) };
    let json: serde_json::Value = serde_json::from_slice(&file.to_text().unwrap()).unwrap();
    assert_eq!(json["announced_at"], "2023-11-14T22:13:20Z");
    assert_eq!(json["activates_at"], "2023-11-15T22:13:20Z");
    assert_eq!((&json["alg"], &json["kid"]), (&"ES256".into(), &KEYS[0].kid().into()));
    assert!(json.get("retires_at").is_none() && json["d"].is_string());
}

#[test]
fn broken_key_files_are_refused_by_name() {
    let mut times = Object::default();
    times.insert("announced_at", Json::string("2023-11-14T22:13:20Z"));
    times.insert("activates_at", Json::string("2023-11-14T22:13:20Z"));
    let parse = |edit: &dyn Fn(&mut Object)| {
        let mut members = times.clone();
        edit(&mut members);
        let text = String::from_utf8(KEYS[0].to_private_jwk(&members).unwrap().to_vec()).unwrap();
        KeyFile::parse(text.as_bytes()).err()
    };
    let set =
        |name: &'static str, value: &'static str| move |members: &mut Object| members.insert(name, Json::string(value));
    assert_eq!(parse(&|_| ()), None);
    assert_eq!(parse(&|members| drop(members.remove("announced_at"))), Some(KeyFileError::Time("announced_at")));
    assert_eq!(parse(&set("activates_at", "yesterday")), Some(KeyFileError::Time("activates_at")));
    assert_eq!(parse(&set("activates_at", "2022-11-14T22:13:20Z")), Some(KeyFileError::Time("activates_at")));
    assert_eq!(parse(&set("retires_at", "2022-11-14T22:13:20Z")), Some(KeyFileError::Time("retires_at")));
    assert_eq!(parse(&set("retires_at", "2024-11-14T22:13:20Z")), Some(KeyFileError::Time("gone_at")));
    assert_eq!(parse(&set("gone_at", "2024-11-14T22:13:20Z")), Some(KeyFileError::Time("gone_at")));
    assert_eq!(parse(&set("announced_at", "1960-11-14T22:13:20Z")), Some(KeyFileError::Time("announced_at")));
    assert_eq!(KeyFile::parse(b"[]").err(), Some(KeyFileError::Key(KeyError::NotAnObject)));
    assert_eq!(KeyFile::parse(b"{}").err(), Some(KeyFileError::NoAlgorithm));
    let text = String::from_utf8(KEYS[0].to_private_jwk(&times).unwrap().to_vec()).unwrap();
    let other = text.replace(KEYS[0].kid(), KEYS[1].kid());
    assert_eq!(KeyFile::parse(other.as_bytes()).err(), Some(KeyFileError::OtherKid(KEYS[0].kid().into())));
}

/// What an operator may do to the keys of one algorithm.
#[derive(Clone, Copy, Debug)]
enum Step {
    Rotate(Announcement),
    Import(Announcement),
    RevokeActive,
}

fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
    let announcement = || prop_oneof![Just(Announcement::Skip), (0..2 * DAY).prop_map(Announcement::For)];
    let step = prop_oneof![
        announcement().prop_map(Step::Rotate),
        announcement().prop_map(Step::Import),
        Just(Step::RevokeActive),
    ];
    prop::collection::vec((1..2 * DAY, step), 1..5)
}

fn planned(set: &KeySet, step: Step, now: u64) -> Option<RotationPlan> {
    match step {
        Step::Rotate(announcement) => set.plan_rotation(Algorithm::Es256, now, announcement, TIMES).ok(),
        Step::Import(announcement) => set.plan_import(Algorithm::Es256, now, announcement, TIMES).ok(),
        Step::RevokeActive => set.plan_revocation(set.active(Algorithm::Es256, now)?.kid(), now).ok(),
    }
}

proptest! {
    #[test]
    fn at_every_moment_of_any_history_one_key_signs_and_its_tokens_stay_good(steps in steps()) {
        let mut set = set(vec![entry(&KEYS[0], KeyLife::active_from(0))]);
        let mut now = 0;
        for (position, (pause, step)) in steps.into_iter().enumerate() {
            let until = now + pause;
            // Between two steps: every quarter of an hour, and the moments of change.
            let mut moment = now;
            while moment < until {
                let active = set.active(Algorithm::Es256, moment).cloned();
                prop_assert!(active.is_some(), "no key signs at {moment}");
                let kid = active.map(|key| key.kid().to_owned()).unwrap_or_default();
                prop_assert_eq!(set.states(moment).iter().filter(|status| status.state == KeyState::Active).count(), 1);
                prop_assert!(published(&set, moment).contains(&kid));
                // A token signed now is verified to its end, unless the key is revoked.
                prop_assert!(published(&set, moment + TIMES.longest_ttl).contains(&kid), "{kid} left too early at {moment}");
                moment = set.next_change(moment).unwrap_or(until).min(moment + 900);
            }
            now = until;
            if let Some(plan) = planned(&set, step, now) {
                set = apply(&set, &plan, &KEYS[position + 1]);
            }
        }
        prop_assert!(set.active(Algorithm::Es256, now + 3 * DAY).is_some());
    }
}
