//! The attribute cache in virtual time: how often it asks, what it says meanwhile, and when it stops.

use std::{sync::Arc, time::Duration};

use claims::Attributes;
use stores::{
    Answer, BreakerState, CacheSettings, CachedStore, Freshness, Question,
    StalePolicy::{self, Refuse, UseStale},
    StoreError, UserStore,
};
use tokio::{runtime::Handle, task::yield_now};

use crate::{
    directory::{SECOND, ambiguous, down, fixture, fixture_with},
    testing::{Database, at, kind, text, values},
};

/// Lets background tasks go on until they wait for the test.
async fn settle() {
    for _ in 0..20 {
        yield_now().await;
    }
}

/// Says what a call brought: the number, 0 for nobody, or the kind of error; and whether it is stale.
fn brief(outcome: &Result<Answer, StoreError>) -> Result<(u64, Freshness), &'static str> {
    let number = |attributes: &Attributes| attributes.get("number").unwrap().values[1].as_u64().unwrap();
    let brief = |answer: &Answer| (answer.attributes.as_deref().map_or(0, number), answer.freshness);
    outcome.as_ref().map(brief).map_err(kind)
}

/// Calls for `alice`, and checks what comes of it.
async fn check(
    cache: &Arc<CachedStore>,
    seconds: u64,
    policy: StalePolicy,
    expected: Result<(u64, Freshness), &'static str>,
) {
    let outcome = cache.attributes(Question::new("alice", at(seconds)), policy).await;
    assert_eq!(brief(&outcome), expected, "at {seconds}");
    settle().await;
}

const ONE: Result<(u64, Freshness), &str> = Ok((1, Freshness::Fresh));
const TWO: Result<(u64, Freshness), &str> = Ok((2, Freshness::Fresh));
const STALE_ONE: Result<(u64, Freshness), &str> = Ok((1, Freshness::Stale));
const DOWN: Result<(u64, Freshness), &str> = Err("unavailable");
const TOO_OLD: Result<(u64, Freshness), &str> = Err("too old");

#[tokio::test]
async fn an_answer_is_asked_for_once_until_it_ends() {
    let (directory, cache) = fixture_with(CacheSettings { refresh_ahead: Duration::ZERO, ..CacheSettings::default() });
    for seconds in [0, 1, 299] {
        check(&cache, seconds, Refuse, ONE).await;
    }
    directory.says(Ok(2));
    check(&cache, 300, Refuse, TWO).await;
    assert_eq!((directory.asked(), cache.counters().hits, cache.counters().misses), (2, 2, 2));
}

#[tokio::test]
async fn an_answer_says_when_it_was_asked_for_and_until_when_it_is_fresh() {
    let (_, cache) = fixture();
    for seconds in [7, 50] {
        let answer = cache.attributes(Question::new("alice", at(seconds)), Refuse).await.unwrap();
        assert_eq!((answer.as_of, answer.fresh_until), (1_800_000_007, at(107)));
    }
    let answer = cache.attributes(Question::new("nobody", at(7)), Refuse).await.unwrap();
    assert_eq!((answer.attributes, answer.fresh_until), (None, at(37)));
}

/// Calls for `alice` on behalf of somebody who needs an answer that is not older; checks number and end.
async fn check_fresh_for(cache: &Arc<CachedStore>, seconds: u64, fresh_for: u64, number: u64, fresh_until: u64) {
    let question = Question { fresh_for: Some(Duration::from_secs(fresh_for)), ..Question::new("alice", at(seconds)) };
    let outcome = cache.attributes(question, Refuse).await;
    assert_eq!(brief(&outcome), Ok((number, Freshness::Fresh)), "at {seconds}");
    assert_eq!(outcome.unwrap().fresh_until, at(fresh_until), "at {seconds}");
    settle().await;
}

#[tokio::test]
async fn who_needs_younger_answers_asks_more_often_and_all_gain_by_it() {
    let (directory, cache) = fixture_with(CacheSettings { refresh_ahead: Duration::ZERO, ..CacheSettings::default() });
    check_fresh_for(&cache, 0, 10, 1, 10).await;
    directory.says(Ok(2));
    check_fresh_for(&cache, 9, 10, 1, 10).await;
    check_fresh_for(&cache, 10, 60, 1, 60).await;
    assert_eq!(directory.asked(), 1);
    check_fresh_for(&cache, 11, 10, 2, 21).await;
    check_fresh_for(&cache, 70, 60, 2, 71).await;
    assert_eq!(directory.asked(), 2);
    check_fresh_for(&cache, 400, 400, 2, 411).await;
    check(&cache, 310, Refuse, TWO).await;
    assert_eq!(directory.asked(), 2);
}

#[tokio::test]
async fn who_needs_younger_answers_is_refused_first_when_the_store_is_down() {
    let (directory, cache) = fixture();
    check_fresh_for(&cache, 0, 10, 1, 10).await;
    directory.says(Err(down()));
    let young = Question { fresh_for: Some(10 * SECOND), ..Question::new("alice", at(20)) };
    assert_eq!(brief(&cache.attributes(young, Refuse).await), DOWN);
    assert_eq!(brief(&cache.attributes(young, UseStale).await), STALE_ONE);
    check(&cache, 20, Refuse, ONE).await;
}

#[tokio::test]
async fn nobody_gets_the_outcome_of_a_question_that_is_too_old_for_them() {
    let (directory, cache) = fixture();
    let gate = directory.gate.forget_permits(usize::MAX);
    let call = |seconds, fresh_for| {
        let cache = Arc::clone(&cache);
        let question = Question { fresh_for: Some(fresh_for), ..Question::new("alice", at(seconds)) };
        tokio::spawn(async move { cache.attributes(question, Refuse).await })
    };
    let calls = [call(0, 60 * SECOND), call(4, 5 * SECOND), call(5, 5 * SECOND), call(6, 60 * SECOND)];
    settle().await;
    assert_eq!((directory.asked(), cache.counters().coalesced), (2, 2));
    directory.gate.add_permits(gate);
    let ends = [60, 5, 10, 65];
    for (call, end) in calls.into_iter().zip(ends) {
        assert_eq!(call.await.unwrap().unwrap().fresh_until, at(end));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_calls_at_once_ask_once() {
    let (directory, cache) = fixture();
    let gate = directory.gate.forget_permits(usize::MAX);
    let call = |_| {
        let cache = Arc::clone(&cache);
        tokio::spawn(async move { cache.attributes(Question::new("alice", at(0)), Refuse).await })
    };
    let calls: Vec<_> = (0..10_000).map(call).collect();
    while cache.counters().coalesced < 9_999 {
        yield_now().await;
    }
    directory.gate.add_permits(gate);
    for call in calls {
        assert_eq!(brief(&call.await.unwrap()), ONE);
    }
    assert_eq!((directory.asked(), cache.counters().misses), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_calls_at_once_make_one_sql_query() {
    let database = Database::new("CREATE TABLE t (u TEXT); INSERT INTO t VALUES ('alice');").await;
    let store = database.store("SELECT u FROM t WHERE u = :user", &["u"]);
    let cache = Arc::new(CachedStore::new("staff".into(), store, CacheSettings::default(), Handle::current()));
    let call = |_| {
        let cache = Arc::clone(&cache);
        tokio::spawn(async move { cache.attributes(Question::new("alice", at(0)), Refuse).await })
    };
    for call in (0..10_000).map(call).collect::<Vec<_>>() {
        let answer = call.await.unwrap().unwrap();
        assert_eq!(values(answer.attributes.as_deref().unwrap())["u"], [text("alice")]);
    }
    assert_eq!(cache.counters().misses, 1);
}

#[tokio::test]
async fn near_its_end_an_answer_is_refreshed_behind_the_caller() {
    let (directory, cache) = fixture();
    check(&cache, 0, Refuse, ONE).await;
    directory.says(Ok(2));
    check(&cache, 79, Refuse, ONE).await;
    assert_eq!(directory.asked(), 1);
    check(&cache, 80, Refuse, ONE).await;
    check(&cache, 80, Refuse, TWO).await;
    check(&cache, 159, Refuse, TWO).await;
    assert_eq!((directory.asked(), cache.counters().refreshes, cache.counters().misses), (2, 1, 1));
}

#[tokio::test]
async fn one_refresh_is_under_way_at_a_time_and_keeps_nobody_waiting() {
    let (directory, cache) = fixture();
    check(&cache, 0, Refuse, ONE).await;
    let gate = directory.gate.forget_permits(usize::MAX);
    for seconds in 85..95 {
        check(&cache, seconds, Refuse, ONE).await;
    }
    assert_eq!(directory.asked(), 2);
    directory.gate.add_permits(gate);
}

#[tokio::test]
async fn a_refresh_that_fails_is_not_tried_again_at_once() {
    let (directory, cache) = fixture();
    check(&cache, 0, Refuse, ONE).await;
    directory.says(Err(down()));
    for seconds in 80..85 {
        check(&cache, seconds, Refuse, ONE).await;
    }
    assert_eq!(directory.asked(), 2);
    directory.says(Ok(2));
    check(&cache, 85, Refuse, ONE).await;
    check(&cache, 86, Refuse, TWO).await;
}

#[tokio::test]
async fn a_long_refresh_ahead_is_cut_to_half_of_the_life() {
    let settings = CacheSettings { ttl: 10 * SECOND, refresh_ahead: 60 * SECOND, ..CacheSettings::default() };
    let (directory, cache) = fixture_with(settings);
    for seconds in 0..5 {
        check(&cache, seconds, Refuse, ONE).await;
    }
    assert_eq!(directory.asked(), 1);
}

#[tokio::test]
async fn an_unknown_user_is_remembered_for_a_shorter_time() {
    let (directory, cache) = fixture();
    for seconds in [0, 29, 30] {
        assert_eq!(cache.attributes(Question::new("nobody", at(seconds)), UseStale).await.unwrap().attributes, None);
    }
    assert_eq!((directory.asked(), cache.counters().refreshes), (2, 0));
}

#[tokio::test]
async fn an_ambiguous_user_is_refused_and_has_no_stale_answer() {
    let (directory, cache) = fixture();
    check(&cache, 0, UseStale, ONE).await;
    directory.says(Err(ambiguous()));
    check(&cache, 101, UseStale, Err("ambiguous")).await;
    check(&cache, 102, UseStale, Err("ambiguous")).await;
    assert_eq!(directory.asked(), 2);
    directory.says(Ok(2));
    check(&cache, 131, UseStale, TWO).await;
}

#[tokio::test]
async fn a_refresh_that_finds_the_user_ambiguous_or_gone_ends_the_answer() {
    let (directory, cache) = fixture();
    check(&cache, 0, Refuse, ONE).await;
    directory.says(Err(ambiguous()));
    check(&cache, 80, Refuse, ONE).await;
    check(&cache, 80, Refuse, Err("ambiguous")).await;
}

#[tokio::test]
async fn an_answer_about_one_user_that_cannot_be_used_does_not_open_the_breaker() {
    let (directory, cache) = fixture();
    let malformed = StoreError::Malformed { store: "staff".into(), reason: "x".into() };
    for error in [ambiguous(), malformed] {
        directory.says(Err(error));
        for number in 0..10 {
            cache
                .attributes(Question::new(&format!("{error}{number}", error = directory.asked()), at(number)), Refuse)
                .await
                .unwrap_err();
        }
    }
    assert_eq!((cache.counters().breaker, cache.counters().failures), (BreakerState::Closed, 20));
}

#[tokio::test]
async fn a_stale_answer_stands_in_only_where_wanted_and_up_to_its_age() {
    let (directory, cache) = fixture();
    check(&cache, 0, UseStale, ONE).await;
    directory.says(Err(down()));
    check(&cache, 110, Refuse, DOWN).await;
    check(&cache, 110, UseStale, STALE_ONE).await;
    check(&cache, 199, UseStale, STALE_ONE).await;
    check(&cache, 200, UseStale, TOO_OLD).await;
    let answer = cache.attributes(Question::new("alice", at(120)), UseStale).await.unwrap();
    assert_eq!((answer.as_of, answer.fresh_until), (1_800_000_000, at(100)));
    assert_eq!(cache.counters().stale_served, 3);
}

#[tokio::test]
async fn a_hold_lets_older_answers_serve_while_the_store_is_down_and_ends_by_itself() {
    let (directory, cache) = fixture();
    check(&cache, 0, UseStale, ONE).await;
    directory.says(Err(down()));
    check(&cache, 250, UseStale, TOO_OLD).await;
    let hold = cache.hold(1000 * SECOND, at(250));
    assert_eq!(cache.status(at(251)).hold, Some(hold));
    check(&cache, 260, UseStale, STALE_ONE).await;
    check(&cache, 270, Refuse, DOWN).await;
    check(&cache, 999, UseStale, STALE_ONE).await;
    check(&cache, 1000, UseStale, TOO_OLD).await;
    cache.release();
    assert_eq!(cache.status(at(1001)).hold, None);
    check(&cache, 1001, UseStale, TOO_OLD).await;
    let failure = cache.status(at(1001)).last_failure.unwrap();
    assert_eq!((failure.at, &*failure.reason), (1_800_001_000, "user store `staff` is unavailable"));
}

#[tokio::test]
async fn out_of_the_box_nothing_stale_is_served() {
    let (directory, cache) = fixture_with(CacheSettings::default());
    check(&cache, 0, UseStale, ONE).await;
    directory.says(Err(down()));
    check(&cache, 300, UseStale, TOO_OLD).await;
}

#[tokio::test]
async fn a_stale_answer_never_outlives_an_invalidation() {
    for invalidate in
        [|cache: &CachedStore| cache.invalidate_user("alice"), |cache: &CachedStore| cache.invalidate_all()]
    {
        let (directory, cache) = fixture();
        check(&cache, 0, UseStale, ONE).await;
        directory.says(Err(down()));
        invalidate(&cache);
        check(&cache, 1, UseStale, DOWN).await;
    }
}

#[tokio::test]
async fn an_unknown_user_is_no_stale_answer() {
    let (directory, cache) = fixture();
    cache.attributes(Question::new("nobody", at(0)), UseStale).await.unwrap();
    directory.says(Err(down()));
    let outcome = cache.attributes(Question::new("nobody", at(40)), UseStale).await;
    assert_eq!(brief(&outcome), DOWN);
}

#[tokio::test]
async fn the_breaker_opens_refuses_probes_and_closes() {
    let (directory, cache) = fixture_with(CacheSettings::default());
    directory.says(Err(down()));
    for seconds in 0..5 {
        check(&cache, seconds, Refuse, DOWN).await;
    }
    assert_eq!(cache.counters().breaker, BreakerState::Open);
    check(&cache, 8, Refuse, DOWN).await;
    assert_eq!((directory.asked(), cache.counters().refused), (5, 1));
    let Err(StoreError::Unavailable { retry_after, .. }) = cache.attributes(Question::new("bob", at(8)), Refuse).await
    else {
        panic!()
    };
    assert_eq!(retry_after, SECOND);
    check(&cache, 9, Refuse, DOWN).await;
    check(&cache, 13, Refuse, DOWN).await;
    assert_eq!(directory.asked(), 6);
    directory.says(Ok(2));
    check(&cache, 14, Refuse, TWO).await;
    assert_eq!(cache.counters().breaker, BreakerState::Closed);
    assert!(cache.attributes(Question::new("bob", at(14)), Refuse).await.is_ok());
}

#[tokio::test]
async fn the_open_breaker_does_not_end_fresh_answers() {
    let (directory, cache) = fixture();
    check(&cache, 0, Refuse, ONE).await;
    directory.says(Err(down()));
    for number in 0..5 {
        cache.attributes(Question::new(&number.to_string(), at(1)), Refuse).await.unwrap_err();
    }
    assert_eq!(cache.counters().breaker, BreakerState::Open);
    check(&cache, 2, Refuse, ONE).await;
}

#[tokio::test]
async fn what_was_asked_before_an_invalidation_is_neither_kept_nor_joined() {
    let (directory, cache) = fixture();
    let gate = directory.gate.forget_permits(usize::MAX);
    let call = |seconds| {
        let cache = Arc::clone(&cache);
        tokio::spawn(async move { cache.attributes(Question::new("alice", at(seconds)), Refuse).await })
    };
    let before = call(0);
    settle().await;
    directory.says(Ok(2));
    cache.invalidate_user("alice");
    let after = call(1);
    settle().await;
    assert_eq!(directory.asked(), 2);
    directory.gate.add_permits(gate);
    assert_eq!(brief(&after.await.unwrap()), TWO);
    let before = before.await.unwrap();
    assert!(brief(&before) == ONE && !before.unwrap().generation.is_current());
    check(&cache, 2, Refuse, TWO).await;
}

#[tokio::test]
async fn an_invalidation_ends_answers_and_what_was_made_from_them() {
    let (directory, cache) = fixture();
    let alice = cache.attributes(Question::new("alice", at(0)), Refuse).await.unwrap().generation;
    let bob = cache.attributes(Question::new("bob", at(0)), Refuse).await.unwrap().generation;
    directory.says(Ok(2));
    cache.invalidate_user("alice");
    assert_eq!((alice.is_current(), bob.is_current()), (false, true));
    check(&cache, 1, Refuse, TWO).await;
    cache.invalidate_all();
    assert!(!bob.is_current() && cache.generation("bob").is_current());
    check(&cache, 1, Refuse, TWO).await;
    assert_eq!(directory.asked(), 4);
}

#[tokio::test]
async fn a_cache_that_is_gone_ends_what_was_made_from_its_answers() {
    let (_, cache) = fixture();
    let generation = cache.attributes(Question::new("alice", at(0)), Refuse).await.unwrap().generation;
    settle().await;
    assert!(generation.is_current());
    drop(cache);
    assert!(!generation.is_current());
}

#[tokio::test]
async fn a_query_goes_on_when_its_caller_does_not() {
    let (directory, cache) = fixture();
    let gate = directory.gate.forget_permits(usize::MAX);
    let caller = Arc::clone(&cache);
    let call = tokio::spawn(async move { caller.attributes(Question::new("alice", at(0)), Refuse).await });
    settle().await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    directory.gate.add_permits(gate);
    settle().await;
    check(&cache, 1, Refuse, ONE).await;
    assert_eq!(directory.asked(), 1);
}

#[tokio::test]
async fn a_store_that_panics_is_a_failure_and_is_asked_again() {
    let (directory, cache) = fixture();
    for _ in 0..2 {
        assert_eq!(brief(&cache.attributes(Question::new("poison", at(0)), Refuse).await), DOWN);
    }
    assert_eq!((directory.asked(), cache.counters().failures), (2, 2));
}

#[tokio::test]
async fn a_runtime_that_is_gone_is_a_failure() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (directory, _) = fixture();
    let store = Arc::clone(&directory) as Arc<dyn UserStore>;
    let handle = runtime.handle().clone();
    let cache = Arc::new(CachedStore::new("staff".into(), store, CacheSettings::default(), handle));
    runtime.shutdown_background();
    check(&cache, 0, Refuse, DOWN).await;
}

#[tokio::test]
async fn a_clock_put_back_makes_no_answer_live_longer() {
    let (directory, cache) = fixture();
    check(&cache, 3600, Refuse, ONE).await;
    directory.says(Ok(2));
    check(&cache, 3598, Refuse, ONE).await;
    check(&cache, 0, Refuse, TWO).await;
}

#[tokio::test]
async fn without_a_time_to_live_every_call_asks() {
    let (directory, cache) = fixture_with(CacheSettings { ttl: Duration::ZERO, ..CacheSettings::default() });
    check(&cache, 0, Refuse, ONE).await;
    directory.says(Ok(2));
    check(&cache, 0, Refuse, TWO).await;
}

#[tokio::test]
async fn a_flood_of_users_stays_within_the_bytes_and_pushes_no_regular_ones_out() {
    let max_bytes = 4 << 20;
    let (directory, cache) = fixture_with(CacheSettings { max_bytes, ..CacheSettings::default() });
    let regulars: Vec<String> = (0..500).map(|number| format!("regular-{number}")).collect();
    for number in 0..100_000_usize {
        cache.attributes(Question::new(&format!("one-off-{number}"), at(0)), Refuse).await.unwrap();
        cache.attributes(Question::new(&regulars[number % 500], at(0)), Refuse).await.unwrap();
        assert!(number % 1000 > 0 || cache.counters().bytes <= max_bytes as u64);
    }
    let asked = directory.asked();
    for regular in &regulars {
        cache.attributes(Question::new(regular, at(0)), Refuse).await.unwrap();
    }
    assert!(directory.asked() - asked < 50, "{} of 500 asked again", directory.asked() - asked);
    assert!(cache.counters().bytes <= max_bytes as u64 && cache.counters().entries > 1000);
}
