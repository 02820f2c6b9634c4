//! The pool, and what other systems hashed.

use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::join_all;

use super::super::password::TooLong;
use super::*;

const CHEAP: HashParameters = HashParameters { memory_kib: 64, passes: 1, lanes: 1 };

/// "password" by the reference implementation (its test vectors).
const REFERENCE: &str =
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
const REFERENCE_2I: &str =
    "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8";
/// The same of the time before versions (0x10).
const REFERENCE_OLD: &str = "$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY";
const REFERENCE_TWO_LANES: &str =
    "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc";

fn password(text: &str) -> Password {
    Password::typed(text).unwrap()
}

fn hashing(parameters: HashParameters, permits: u32, waiting: u32) -> Hashing {
    Hashing::new(parameters, permits, waiting).unwrap()
}

#[tokio::test]
async fn the_right_password_verifies_and_no_other() {
    let hashing = hashing(CHEAP, 2, 8);
    let hash = hashing.hash(password("한글 암호")).await.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
    assert_eq!(hashing.verify(password("한글 암호"), &hash).await, Ok(Verdict::Right));
    for wrong in ["한글 암", "한글 암호 ", "한글 암호\0", "", "x"] {
        assert_eq!(hashing.verify(password(wrong), &hash).await, Ok(Verdict::Wrong));
    }
    assert_ne!(hashing.hash(password("한글 암호")).await.unwrap(), hash, "every hash has its own salt");
}

#[tokio::test]
async fn a_long_password_is_hashed_to_its_last_byte() {
    let hashing = hashing(CHEAP, 1, 1);
    let long = "a".repeat(1023);
    let hash = hashing.hash(password(&format!("{long}b"))).await.unwrap();
    assert_eq!(hashing.verify(password(&format!("{long}b")), &hash).await, Ok(Verdict::Right));
    assert_eq!(hashing.verify(password(&format!("{long}c")), &hash).await, Ok(Verdict::Wrong));
}

#[tokio::test]
async fn hashes_of_other_systems_verify() {
    for phc in [REFERENCE, REFERENCE_2I, REFERENCE_OLD, REFERENCE_TWO_LANES] {
        // Less memory than ours, the same, and more: in our own piece and in one of its own.
        for memory_kib in [512, 256, 64] {
            let hashing = hashing(HashParameters { memory_kib, ..CHEAP }, 2, 8);
            let verdict = hashing.verify(password("password"), phc).await.unwrap();
            assert_ne!(verdict, Verdict::Wrong, "{phc}");
            assert_eq!(hashing.verify(password("passwort"), phc).await, Ok(Verdict::Wrong));
        }
    }
}

#[test]
fn a_hash_that_could_occupy_the_server_is_refused() {
    let parse = |cost: &str| {
        format!("$argon2id$v=19${cost}$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4")
            .parse::<StoredHash>()
            .err()
    };
    assert_eq!(parse("m=262144,t=10,p=8"), None);
    for costly in
        ["m=262145,t=1,p=1", "m=4194304,t=1,p=1", "m=64,t=11,p=1", "m=128,t=1,p=9", "m=64,t=4294967295,p=1"]
    {
        assert_eq!(parse(costly), Some(UnusableHash::TooCostly), "{costly}");
    }
    for malformed in [
        "m=64,t=1",
        "m=64,t=0,p=1",
        "m=4,t=1,p=1",
        "m=63,t=1,p=8",
        "m=64,t=1,p=0",
        "m=-1,t=1,p=1",
        "m=64,t=1,p=1,keyid=AAAA",
        "m=64,t=1,p=1,data=AAAA",
        "m=64,t=1,p=1,x=1",
        "m=4294967296,t=1,p=1",
    ] {
        assert_eq!(parse(malformed), Some(UnusableHash::Malformed), "{malformed}");
    }
}

#[test]
fn only_whole_argon2_strings_are_hashes() {
    let refused = |phc: &str| phc.parse::<StoredHash>().err();
    for algorithm in ["argon2d", "scrypt", "pbkdf2-sha256", "bcrypt"] {
        assert_eq!(refused(&REFERENCE.replace("argon2id", algorithm)), Some(UnusableHash::Algorithm));
    }
    let parts: Vec<&str> = REFERENCE.split('$').collect();
    for malformed in [
        "",
        "$",
        "password",
        "$2b$12$abcdefghijklmnopqrstuuu",
        &parts[..5].join("$"),
        &parts[..4].join("$"),
        &REFERENCE.replace("v=19", "v=20"),
        &REFERENCE.replace("c29tZXNhbHQ", "c2E"),
        &REFERENCE.replace(parts[5], "nf65EOgLrQMR/uIP"),
        &format!("{REFERENCE}$"),
        &format!("{REFERENCE}\n"),
        &REFERENCE[1..],
    ] {
        assert_eq!(refused(malformed), Some(UnusableHash::Malformed), "{malformed}");
    }
}

#[tokio::test]
async fn a_weaker_hash_is_renewed_and_a_stronger_one_is_left_alone() {
    let work = |memory_kib, passes| hashing(HashParameters { memory_kib, passes, lanes: 1 }, 1, 1);
    // The reference took 256 KiB × 2.
    for (memory_kib, passes, renewed) in
        [(256, 2, false), (512, 1, false), (256, 1, false), (128, 2, false), (257, 2, true), (256, 3, true)]
    {
        let hashing = work(memory_kib, passes);
        assert_eq!(hashing.needs_rehash(REFERENCE), Ok(renewed), "{memory_kib} × {passes}");
        let expected = if renewed { Verdict::RightButWeak } else { Verdict::Right };
        assert_eq!(hashing.verify(password("password"), REFERENCE).await, Ok(expected));
    }
    assert_eq!(work(256, 2).needs_rehash(REFERENCE_2I), Ok(true), "the better algorithm at equal work");
    assert_eq!(work(256, 2).needs_rehash(REFERENCE_OLD), Ok(true));
    assert_eq!(work(128, 2).needs_rehash(REFERENCE_2I), Ok(false));
}

#[tokio::test]
async fn an_unknown_user_takes_as_long_as_a_known_one() {
    let hashing = hashing(HashParameters { memory_kib: 1024, ..CHEAP }, 1, 1);
    let known = hashing.hash(password("right")).await.unwrap();
    let (mut of_known, mut of_unknown) = (Vec::new(), Vec::new());
    for _ in 0..101 {
        let start = Instant::now();
        assert_eq!(hashing.verify(password("wrong"), &known).await, Ok(Verdict::Wrong));
        of_known.push(start.elapsed());
        let start = Instant::now();
        assert_eq!(hashing.verify_nothing(password("wrong")).await, Ok(()));
        of_unknown.push(start.elapsed());
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2].as_secs_f64()
    };
    let (known, unknown) = (median(&mut of_known), median(&mut of_unknown));
    assert!((known - unknown).abs() < known.max(unknown) * 0.15, "{known} s and {unknown} s");
}

#[tokio::test]
async fn a_storm_is_bounded_and_those_too_many_are_told_at_once() {
    let hashing = hashing(CHEAP, 1, 2);
    let running = Arc::clone(&hashing.running).acquire_owned().await.unwrap();
    let storm = join_all((0..10).map(|_| hashing.verify(password("password"), REFERENCE)));
    let (answers, ()) = tokio::join!(storm, async { drop(running) });
    let busy = answers.iter().filter(|answer| **answer == Err(HashError::Busy)).count();
    assert_eq!(busy, 7, "one place to run, two to wait");
    assert_eq!(hashing.computed(), 3);
    assert_eq!(hashing.verify_nothing(password("later")).await, Ok(()), "and afterwards there is room again");
}

#[tokio::test]
async fn a_crowd_is_seen_before_every_place_is_taken() {
    let hashing = hashing(CHEAP, 1, 4);
    let _running = Arc::clone(&hashing.running).acquire_owned().await.unwrap();
    let mut come = Vec::new();
    // One would be running, and two of four wait.
    for (is_crowded, is_full) in
        [(false, false), (false, false), (false, false), (false, false), (true, false)]
    {
        assert_eq!((hashing.is_crowded(), hashing.is_full()), (is_crowded, is_full), "{}", come.len());
        let mut next = Box::pin(hashing.verify(password("password"), REFERENCE));
        assert!((&mut next).now_or_never().is_none());
        come.push(next);
    }
    assert!(hashing.is_crowded() && hashing.is_full());
    come.clear();
    assert!(!hashing.is_crowded());
}

#[tokio::test]
async fn the_memory_of_the_pool_is_one_piece_a_permit() {
    let hashing = hashing(CHEAP, 2, 100);
    let pieces = || hashing.pool.memory.lock().unwrap().iter().map(Vec::len).collect::<Vec<_>>();
    join_all((0..20).map(|_| hashing.verify_nothing(password("password")))).await;
    assert!(pieces().len() <= 2 && !pieces().is_empty());
    hashing.verify(password("password"), REFERENCE).await.unwrap();
    assert!(pieces().iter().all(|blocks| *blocks == 64), "a larger piece is not kept");
    hashing.release_idle_memory();
    assert!(!pieces().is_empty(), "there was work since the last call");
    hashing.release_idle_memory();
    assert!(pieces().is_empty());
    assert_eq!(hashing.verify_nothing(password("password")).await, Ok(()));
}

#[tokio::test]
async fn the_runtime_goes_on_while_a_hash_is_computed() {
    let hashing = hashing(HashParameters { memory_kib: 8192, passes: 2, lanes: 1 }, 1, 0);
    let mut turns = 0;
    let others = async {
        while hashing.running.available_permits() == 0 {
            turns += 1;
            tokio::task::yield_now().await;
        }
    };
    let (hashed, ()) = tokio::join!(hashing.verify_nothing(password("password")), others);
    assert_eq!(hashed, Ok(()));
    assert!(turns > 10, "{turns}");
}

#[tokio::test]
async fn who_hangs_up_frees_no_place_before_the_hash_is_done() {
    let hashing = hashing(HashParameters { memory_kib: 65_536, passes: 2, lanes: 1 }, 1, 0);
    let hung_up = tokio::time::timeout(Duration::ZERO, hashing.verify_nothing(password("password"))).await;
    assert!(hung_up.is_err());
    assert_eq!(hashing.verify_nothing(password("password")).await, Err(HashError::Busy));
}

#[tokio::test]
async fn a_new_password_is_judged_before_it_is_hashed() {
    let hashing = hashing(CHEAP, 1, 1);
    let choose = async |chosen: &str| {
        hashing
            .hash_new(PasswordPolicy::default(), chosen, vec!["alice@example.com".to_owned()])
            .await
            .unwrap()
    };
    assert_eq!(choose("Alice@Example.com").await, Err(Unacceptable::AboutYou));
    assert_eq!(choose(&"a".repeat(2000)).await, Err(TooLong.into()));
    assert_eq!(hashing.computed(), 0);
    let hash = choose("보라색 고래가 춤춘다").await.unwrap();
    assert_eq!(hashing.verify(password("보라색 고래가 춤춘다"), &hash).await, Ok(Verdict::Right));
}

#[test]
fn parameters_that_could_not_be_verified_are_not_taken() {
    for (memory_kib, passes, lanes) in
        [(7, 1, 1), (64, 0, 1), (64, 1, 0), (262_145, 1, 1), (64, 11, 1), (128, 1, 9), (63, 1, 8)]
    {
        assert!(Hashing::new(HashParameters { memory_kib, passes, lanes }, 1, 1).is_err());
    }
}
