//! Bodies: what was recorded comes back within bounds, and what is deleted is gone from every file.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use domain::clock::Timestamp;
use domain::{BodyLogging, KeyId, RequestId};

use super::samples::{key, organisation};
use super::{PATIENCE, block_on, open, quick};
use crate::{BodyOwner, BodyStore, EraseError, Ledger, MAX_BODY, Which};

const MONTH: BodyLogging = BodyLogging { retention_days: 30 };

fn request(number: u64) -> RequestId {
    RequestId::from_parts(number, 7)
}

/// Bytes that no compression changes, so that they can be found in a file.
fn noise(seed: u64, count: usize) -> Bytes {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    (0..count).map(|_| next()).collect()
}

fn record_of(ledger: &Ledger, number: u64, key: KeyId, at: Timestamp, sent: &Bytes, given: &[Bytes]) {
    let owner = BodyOwner { request: request(number), at, organisation: organisation(1), key };
    let mut recorder = ledger.bodies().begin(owner, MONTH).unwrap();
    recorder.request(sent);
    for piece in given {
        recorder.answer(piece);
    }
}

fn record(ledger: &Ledger, number: u64, sent: &Bytes) {
    record_of(ledger, number, key(1), now(), sent, &[Bytes::from_static(b"data: {}")]);
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(since.as_micros()).unwrap())
}

fn store(dir: &Path) -> BodyStore {
    block_on(BodyStore::open(dir)).unwrap().unwrap()
}

/// Begin and length of what was sent, and of what was given.
fn kept(dir: &Path, number: u64) -> Option<[(Vec<u8>, u64, bool); 2]> {
    let found = block_on(async { BodyStore::open(dir).await.unwrap().unwrap().get(request(number)).await.unwrap() })?;
    Some([found.request, found.answer].map(|body| (body.begin.clone(), body.bytes, body.is_cut())))
}

/// Whether any file under a folder holds these bytes.
fn somewhere(dir: &Path, needle: &[u8]) -> bool {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() {
            return somewhere(&path, needle);
        }
        fs::read(&path).unwrap().windows(needle.len()).any(|window| window == needle)
    })
}

#[test]
fn what_was_sent_and_given_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), quick());
    let pieces = [Bytes::from_static(b"data: 1\n\n"), Bytes::from_static(b"data: [DONE]\n\n")];
    record_of(&ledger, 1, key(1), now(), &Bytes::from_static(b"{\"model\":\"auto\"}"), &pieces);
    assert!(ledger.bodies().flush(PATIENCE));
    let expected = [(b"{\"model\":\"auto\"}".to_vec(), 16, false), (pieces.concat(), 23, false)];
    assert_eq!(kept(dir.path(), 1), Some(expected));
    assert_eq!(kept(dir.path(), 2), None);
    assert_eq!(ledger.bodies().counts(), (1, 0));
}

#[test]
fn a_folder_without_bodies_has_no_file_for_them() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path(), quick()));
    assert!(block_on(BodyStore::open(dir.path())).unwrap().is_none());
}

#[test]
fn a_long_body_is_cut_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), quick());
    let (long, piece) = (noise(1, MAX_BODY + 5), noise(2, MAX_BODY - 1));
    record_of(&ledger, 1, key(1), now(), &long, &[piece.clone(), Bytes::from_static(b"abc")]);
    assert!(ledger.bodies().flush(PATIENCE));
    let given = [piece.as_ref(), b"a"].concat();
    let expected = [(long[..MAX_BODY].to_vec(), long.len() as u64, true), (given, MAX_BODY as u64 + 2, true)];
    assert!(kept(dir.path(), 1) == Some(expected));
}

#[test]
fn deleted_bodies_are_in_no_file_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), quick());
    // One in the middle of many, as small as a prompt and as large as several pages.
    let canaries = [noise(77, 300), noise(78, 50_000)];
    for number in 0..20 {
        record(&ledger, number, &noise(number + 1, 2_000));
    }
    record(&ledger, 100, &canaries[0]);
    record(&ledger, 101, &canaries[1]);
    for number in 20..40 {
        record(&ledger, number, &noise(number + 1, 2_000));
    }
    assert!(ledger.bodies().flush(PATIENCE));
    let middles = canaries.clone().map(|canary| canary[150..214].to_vec());
    for middle in &middles {
        assert!(somewhere(dir.path(), middle), "the search itself finds what is there");
    }
    for number in [100, 101] {
        let erased = block_on(store(dir.path()).erase(&Which::Request(request(number)))).unwrap();
        assert!(erased.requests == 1 && erased.pieces_checked > 0, "{erased:?}");
    }
    for middle in &middles {
        assert!(!somewhere(dir.path(), middle), "a piece of a deleted body is left");
    }
    assert!(kept(dir.path(), 100).is_none() && kept(dir.path(), 5).is_some());
    drop(ledger);
    for middle in &middles {
        assert!(!somewhere(dir.path(), middle), "after the end neither");
    }
}

#[test]
fn a_body_that_another_request_had_too_goes_only_for_one() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), quick());
    let same = noise(5, 3_000);
    record(&ledger, 1, &same);
    record(&ledger, 2, &same);
    assert!(ledger.bodies().flush(PATIENCE));
    block_on(store(dir.path()).erase(&Which::Request(request(1)))).unwrap();
    assert!(kept(dir.path(), 1).is_none() && kept(dir.path(), 2).is_some());
}

#[test]
fn what_is_not_overwritten_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), quick());
    record(&ledger, 1, &noise(9, 50_000));
    assert!(ledger.bodies().flush(PATIENCE));
    let refused = block_on(async {
        let mut store = BodyStore::open(dir.path()).await.unwrap().unwrap();
        store.overwrite_nothing().await;
        store.erase(&Which::All).await
    });
    assert!(matches!(refused, Err(EraseError::StillThere { .. })), "{refused:?}");
}

#[test]
fn bodies_go_by_key_by_time_and_altogether() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), quick());
    let small = Bytes::from_static(b"{}");
    record_of(&ledger, 1, key(1), now(), &small, &[]);
    record_of(&ledger, 2, key(2), now(), &small, &[]);
    let months_ago = Timestamp(now().unix_micros() - 31 * 86_400_000_000);
    record_of(&ledger, 3, key(2), months_ago, &small, &[]);
    record_of(&ledger, 4, key(3), now(), &small, &[]);
    assert!(ledger.bodies().flush(PATIENCE));
    let left = || (1..=4).filter(|number| kept(dir.path(), *number).is_some()).collect::<Vec<_>>();
    let erase = |which| block_on(store(dir.path()).erase(&which)).unwrap().requests;
    assert_eq!((erase(Which::ExpiredBy(now())), left()), (1, vec![1, 2, 4]));
    assert_eq!((erase(Which::Key(key(1))), left()), (1, vec![2, 4]));
    assert_eq!((erase(Which::All), left()), (2, vec![]));
    assert_eq!(erase(Which::All), 0);
}

#[test]
fn a_start_deletes_what_has_expired_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), quick());
    record(&ledger, 1, &noise(1, 100));
    assert!(ledger.bodies().flush(PATIENCE));
    // Between the first body's sweep and the next start, its time passes.
    let old = Timestamp(now().unix_micros() - 31 * 86_400_000_000);
    record_of(&ledger, 2, key(1), old, &noise(2, 100), &[]);
    drop(ledger);
    let ledger = open(dir.path(), quick());
    assert!(ledger.bodies().flush(PATIENCE), "sweeps before it works");
    assert!(kept(dir.path(), 1).is_some() && kept(dir.path(), 2).is_none());
}

#[test]
fn memory_is_bounded_and_what_is_dropped_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path(), quick());
    let full = noise(1, MAX_BODY);
    let mut recorders: Vec<_> = (0..70)
        .map(|number| {
            let owner = BodyOwner { request: request(number), at: now(), organisation: organisation(1), key: key(1) };
            ledger.bodies().begin(owner, MONTH).unwrap()
        })
        .collect();
    for recorder in &mut recorders {
        recorder.request(&full);
    }
    assert_eq!(ledger.bodies().counts(), (0, 6), "64 MiB and no more");
    recorders.clear();
    assert!(ledger.bodies().flush(PATIENCE));
    assert_eq!(ledger.bodies().counts(), (64, 6));
    record(&ledger, 99, &full);
    assert!(ledger.bodies().flush(PATIENCE));
    assert_eq!(ledger.bodies().counts(), (65, 6), "room again");
}
