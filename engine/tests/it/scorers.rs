//! The life of scorers in a serving engine: bringing, promoting, going back, damage, restarts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use domain::{Score, ScorerInput};
use engine::StartingScorers;
use proto::pb::admin::v1 as admin;
use proto::pb::admin::v1::admin_client::AdminClient;
use proto::pb::routing::v1 as routing;
use proto::pb::routing::v1::routing_client::RoutingClient;
use proto::pb::scorer::v1 as pb;
use proto::pb::scorer::v1::scorers_client::ScorersClient;
use scorer::{HeuristicScorer, LearnedScorer, Scorer};
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::artefact::Artefact;
use crate::harness::{Setup, Stack};

const TEXTS: [&str; 4] = [
    "hi",
    "What is the capital of France?",
    "Prove that there are infinitely many primes of the form 4k + 3.",
    "Design a lock-free queue in Rust and argue that it is linearisable.",
];

/// Waits for what comes soon; loading a scorer takes an unoptimised build on a busy machine some time.
async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_mins(1), future).await.expect("comes within a minute")
}

/// An engine over a folder of scorers, and its operator.
struct World {
    stack: Stack,
    scorers: ScorersClient<Channel>,
}

impl World {
    async fn start(folder: &Path) -> Self {
        Self::start_with(StartingScorers::open(folder).unwrap()).await
    }

    async fn start_with(scorers: StartingScorers) -> Self {
        let stack = Stack::start_with(Setup { scorers, ..Setup::default() }).await;
        let scorers = ScorersClient::new(stack.over_unix().await);
        Self { stack, scorers }
    }

    async fn upload(&self, artefact: &Artefact) -> Result<pb::UploadResponse, Status> {
        let parts = tokio_stream::iter(artefact.parts());
        Ok(soon(self.scorers.clone().upload(parts)).await?.into_inner())
    }

    async fn promote(&self, version: &str) -> Result<pb::ChangeResponse, Status> {
        let request = pb::PromoteRequest { version: version.to_owned(), ..Default::default() };
        Ok(soon(self.scorers.clone().promote(request)).await?.into_inner())
    }

    async fn force(&self, version: &str, reason: Option<&str>) -> Result<pb::ChangeResponse, Status> {
        let reason = reason.map(str::to_owned);
        let request = pb::PromoteRequest { version: version.to_owned(), reason, force: true };
        Ok(soon(self.scorers.clone().promote(request)).await?.into_inner())
    }

    async fn roll_back(&self, leave: Option<&str>) -> Result<pb::ChangeResponse, Status> {
        let request = pb::RollbackRequest { leave: leave.map(str::to_owned), reason: None };
        Ok(soon(self.scorers.clone().rollback(request)).await?.into_inner())
    }

    async fn set_shadow(&self, version: Option<&str>, share: Option<f64>) -> Result<pb::SetShadowResponse, Status> {
        let request = pb::SetShadowRequest { version: version.map(str::to_owned), share };
        Ok(soon(self.scorers.clone().set_shadow(request)).await?.into_inner())
    }

    async fn remove(&self, version: &str) -> Result<bool, Status> {
        let request = pb::RemoveRequest { version: version.to_owned() };
        Ok(soon(self.scorers.clone().remove(request)).await?.into_inner().removed)
    }

    async fn list(&self) -> pb::ListScorersResponse {
        soon(self.scorers.clone().list(pb::ListScorersRequest {})).await.unwrap().into_inner()
    }

    async fn versions(&self) -> Vec<String> {
        self.list().await.scorers.into_iter().map(|it| it.version).collect()
    }

    async fn score(&self, texts: &[&str]) -> Vec<Score> {
        let mut client = RoutingClient::new(self.stack.in_process().await);
        score(&mut client, texts).await
    }

    async fn serving(&self) -> String {
        self.score(&["hi"]).await[0].version.to_string()
    }
}

async fn score(client: &mut RoutingClient<Channel>, texts: &[&str]) -> Vec<Score> {
    let inputs = texts.iter().map(|text| routing::ScorerInput { text: (*text).into(), ..Default::default() });
    let request = routing::ScoreRequest { inputs: inputs.collect() };
    let scores = soon(client.score(request)).await.unwrap().into_inner().scores;
    scores.into_iter().map(|score| bare(score.try_into().unwrap())).collect()
}

/// What a scorer says, less how long it took.
fn bare(score: Score) -> Score {
    Score { micros: 0, ..score }
}

fn built_in() -> String {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| scorer::builtin::load().unwrap().version().to_string()).clone()
}

fn names(folder: &Path) -> BTreeSet<String> {
    std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn a_scorer_is_brought_promoted_and_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let first = built_in();
    assert_eq!(world.serving().await, first);
    let before = world.score(&TEXTS).await;

    let uploaded = world.upload(&Artefact::scaled("9.1", 0.5)).await.unwrap();
    assert_eq!((uploaded.version.as_str(), uploaded.already_there), ("9.1", false));
    assert_eq!(world.serving().await, first, "what is brought does not serve yet");

    let changed = world.promote("9.1").await.unwrap();
    assert_eq!((changed.serving.as_str(), changed.previous.as_deref()), ("9.1", Some(first.as_str())));
    for (one, other) in before.iter().zip(world.score(&TEXTS).await) {
        assert_eq!(*other.version, *"9.1");
        assert!((one.complexity * 0.5 - other.complexity).abs() < 1e-9, "{one:?} {other:?}");
    }
    assert!(world.promote("9.1").await.unwrap().unchanged, "again changes nothing");

    let back = world.roll_back(Some("9.1")).await.unwrap();
    assert_eq!((back.serving.as_str(), back.previous.as_deref()), (first.as_str(), Some("9.1")));
    assert_eq!(world.score(&TEXTS).await, before);
    assert!(world.roll_back(Some("9.1")).await.unwrap().unchanged, "repeated, it does not go forth again");
    assert_eq!(world.serving().await, first);
    let history: Vec<_> = world.list().await.history.into_iter().map(|it| it.action).collect();
    assert_eq!(history, ["upload", "promote", "rollback"]);
}

#[tokio::test]
async fn what_a_gate_has_not_let_pass_serves_by_force_alone_which_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    for gate in [
        r#"{"verdict": "fail", "checks": [{"check": "speed", "verdict": "fail"}]}"#,
        r#"{"verdict": "inconclusive", "checks": [{"check": "speed", "verdict": "inconclusive"}]}"#,
        r#"{"verdict": "pass", "version": "8.8"}"#,
        "{",
    ] {
        world.upload(&Artefact::scaled("9.1", 0.5).judged(gate)).await.unwrap();
        let refused = world.promote("9.1").await.expect_err(gate);
        assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
        for part in ["9.1 has not passed", "evalkit gate", "--force"] {
            assert!(refused.message().contains(part), "{part}: {refused}");
        }
        assert_eq!(refused.message().contains("speed"), gate.contains("speed"), "{refused}");
        assert_eq!(world.serving().await, built_in());
    }
    assert_eq!(world.force("9.1", None).await.expect_err("no reason").code(), Code::InvalidArgument);
    let changed = world.force("9.1", Some("a trial")).await.unwrap();
    assert!(changed.serving == "9.1" && changed.warning.unwrap().contains("has not passed"));
    let kept = world.list().await.history.pop().unwrap();
    assert_eq!(kept.action, "promote");
    assert!(
        kept.reason.as_ref().is_some_and(|it| it.starts_with("forced (") && it.ends_with("): a trial")),
        "{kept:?}"
    );
}

#[tokio::test]
async fn what_a_gate_says_later_counts_and_what_never_was_at_one_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let scorer = Artefact::scaled("9.1", 0.5);
    world.upload(&scorer.clone().judged(r#"{"verdict": "fail"}"#)).await.unwrap();
    world.promote("9.1").await.expect_err("it was refused");
    let again = world.upload(&scorer.judged(r#"{"verdict": "pass", "version": "9.1"}"#)).await.unwrap();
    assert!(again.already_there);
    assert_eq!(world.promote("9.1").await.unwrap().warning, None);
    world.upload(&Artefact::scaled("9.2", 0.5)).await.unwrap();
    let warning = world.promote("9.2").await.unwrap().warning.unwrap();
    assert!(warning.contains("has not been through a gate"), "{warning}");
    assert_eq!(world.promote("built-in").await.unwrap().warning, None);
}

#[tokio::test]
async fn a_damaged_folder_is_told_though_its_scorer_serves() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    world.upload(&Artefact::scaled("9.1", 0.5)).await.unwrap();
    world.promote("9.1").await.unwrap();
    let file = folder.path().join("9.1/weights.safetensors");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[9000] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let listed = world.list().await.scorers.into_iter().find(|it| it.version == "9.1").unwrap();
    assert!(listed.serving && listed.fault.as_ref().is_some_and(|it| it.contains("BLAKE3")), "{listed:?}");
    let refused = world.promote("9.1").await.expect_err("its folder is damaged");
    assert!(refused.message().contains("folder is damaged"), "{refused}");
    assert_eq!(world.serving().await, "9.1", "out of memory");
    assert!(!world.upload(&Artefact::scaled("9.1", 0.5)).await.unwrap().already_there);
    assert!(world.promote("9.1").await.unwrap().unchanged);
}

#[tokio::test]
async fn under_load_every_score_is_wholly_that_of_the_version_it_carries() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (Artefact::scaled("9.1", 0.5), Artefact::scaled("9.2", 0.25));
    let mut own = BTreeMap::new();
    for (version, artefact) in [("9.1", &one), ("9.2", &other)] {
        let files: Vec<_> = artefact.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        let scorer = LearnedScorer::from_files(&files).unwrap();
        let inputs = TEXTS.map(|text| ScorerInput { text: text.to_owned(), ..ScorerInput::default() });
        own.insert(version.to_owned(), scorer.score(&inputs).unwrap().into_iter().map(bare).collect::<Vec<_>>());
    }
    let own = Arc::new(own);
    let world = World::start(folder.path()).await;
    world.upload(&one).await.unwrap();
    world.upload(&other).await.unwrap();
    world.promote("9.1").await.unwrap();

    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..4 {
        let (own, stopped) = (own.clone(), stopped.clone());
        let mut client = RoutingClient::new(world.stack.in_process().await);
        callers.spawn(async move {
            let mut seen = BTreeMap::<String, usize>::new();
            while !*stopped.borrow() {
                let at = (caller + seen.values().sum::<usize>()) % TEXTS.len();
                let found = score(&mut client, &[TEXTS[at]]).await.remove(0);
                assert_eq!(found, own[&*found.version][at]);
                *seen.entry(found.version.to_string()).or_default() += 1;
            }
            seen
        });
    }
    for round in 0..6 {
        let version = if round % 2 == 0 { "9.2" } else { "9.1" };
        assert_eq!(world.promote(version).await.unwrap().serving, version);
        assert_eq!(world.serving().await, version, "from the next batch on");
    }
    stop.send(true).unwrap();
    let seen: Vec<_> = soon(callers.join_all()).await;
    for version in ["9.1", "9.2"] {
        assert!(seen.iter().any(|it| it.contains_key(version)), "{seen:?}");
    }
}

#[tokio::test]
async fn every_kind_of_damage_is_refused_with_its_reason_while_scoring_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let good = || Artefact::scaled("9.1", 0.5);
    let manifest = |change: fn(&mut serde_json::Value)| {
        let mut artefact = good();
        artefact.change_manifest(change);
        artefact
    };
    let mut without = good();
    without.files.remove("tokenizer.json");
    let mut headless = good();
    headless.files.remove("manifest.json");
    let mut not_finite = good();
    not_finite.change("weights.safetensors", |bytes| {
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap());
        let data = 8 + usize::try_from(header).unwrap();
        bytes[data..].fill(0xFF);
    });
    let mut nonsense = good();
    nonsense.change("weights.safetensors", |bytes| *bytes = vec![7; 1000]);
    let cases: [(&str, Artefact, &str); 12] = [
        ("a flipped bit", good().damage("weights.safetensors", |it| it[5000] ^= 1), "BLAKE3"),
        ("cut short", good().damage("weights.safetensors", |it| it.truncate(1000)), "truncated"),
        ("a changed tokenizer", good().damage("tokenizer.json", |it| it[100] ^= 1), "tokenizer.json"),
        ("another schema", manifest(|it| it["schema"] = "signalbox.scorer/99".into()), "signalbox.scorer/99"),
        ("no manifest", headless, "manifest.json"),
        ("not JSON", good().damage("manifest.json", |it| it.truncate(20)), "manifest.json"),
        ("a missing file", without, "tokenizer.json"),
        ("a version that is a path", manifest(|it| it["version"] = "../../9".into()), "version"),
        ("no version", manifest(|it| it["version"] = "".into()), "version"),
        ("weights that are none", nonsense, "weights.safetensors"),
        ("numbers that are none", not_finite, "scoring network"),
        ("another version's content", manifest(|it| it["version"] = built_in().into()), "other content"),
    ];
    let before = (names(folder.path()), world.score(&TEXTS).await);
    for (what, artefact, reason) in cases {
        let refused = world.upload(&artefact).await.expect_err(what);
        assert!(matches!(refused.code(), Code::InvalidArgument | Code::AlreadyExists), "{what}: {refused}");
        assert!(refused.message().contains(reason), "{what}: {refused}");
        assert_eq!((names(folder.path()), world.score(&TEXTS).await), before, "{what} changed something");
    }
    assert_eq!(world.versions().await, [built_in()]);
    world.upload(&good()).await.expect("the same scorer, undamaged");
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let before = names(folder.path());
    let whole = Artefact::scaled("9.1", 0.5).parts();
    for keep in [0, 1, 2, whole.len() / 2, whole.len() - 1] {
        let parts = tokio_stream::iter(whole.clone().into_iter().take(keep));
        let refused = soon(world.scorers.clone().upload(parts)).await.expect_err("is incomplete");
        assert_eq!(refused.code(), Code::InvalidArgument, "{keep}: {refused}");
        assert_eq!(names(folder.path()), before);
    }
    // A caller who goes away in the middle.
    let (send, parts) = tokio::sync::mpsc::channel(1);
    let mut client = world.scorers.clone();
    let upload = tokio::spawn(async move { client.upload(tokio_stream::wrappers::ReceiverStream::new(parts)).await });
    for part in whole.iter().take(5) {
        soon(send.send(part.clone())).await.unwrap();
    }
    upload.abort();
    drop(send);
    world.upload(&Artefact::scaled("9.2", 0.5)).await.expect("its place is free again");
    assert!(!names(folder.path()).contains("9.1"));
}

#[tokio::test]
async fn the_same_scorer_again_is_there_already_and_another_of_its_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    assert!(world.upload(&Artefact::built_in()).await.unwrap().already_there, "it comes with the program");
    world.upload(&Artefact::scaled("9.1", 0.5)).await.unwrap();
    assert!(world.upload(&Artefact::scaled("9.1", 0.5)).await.unwrap().already_there);
    let conflict = world.upload(&Artefact::scaled("9.1", 0.75)).await.expect_err("other content");
    assert_eq!(conflict.code(), Code::AlreadyExists);
    // A damaged copy is mended by the same upload.
    std::fs::write(folder.path().join("9.1/calibration.json"), "{").unwrap();
    assert!(world.list().await.scorers.iter().any(|it| it.version == "9.1" && it.fault.is_some()));
    assert_eq!(world.promote("9.1").await.unwrap_err().code(), Code::FailedPrecondition);
    assert!(!world.upload(&Artefact::scaled("9.1", 0.5)).await.unwrap().already_there);
    world.promote("9.1").await.unwrap();
}

#[tokio::test]
async fn a_restart_serves_what_was_promoted_with_its_shadow() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    for version in ["9.1", "9.2"] {
        world.upload(&Artefact::scaled(version, 0.5)).await.unwrap();
    }
    world.promote("9.1").await.unwrap();
    world.set_shadow(Some("9.2"), Some(0.25)).await.unwrap();
    world.stack.stop().await.unwrap();

    let world = World::start(folder.path()).await;
    let list = world.list().await;
    assert_eq!((list.serving.as_str(), list.previous), ("9.1", Some(built_in())));
    assert_eq!(list.shadow.unwrap(), pb::Shadow { version: "9.2".into(), share: 0.25 });
    assert_eq!((world.serving().await.as_str(), list.faults.len()), ("9.1", 0));
}

#[tokio::test]
async fn a_damaged_promoted_scorer_gives_way_to_the_one_before_then_to_the_built_in_one_loudly() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    for version in ["9.1", "9.2"] {
        world.upload(&Artefact::scaled(version, 0.5)).await.unwrap();
        world.promote(version).await.unwrap();
    }
    world.stack.stop().await.unwrap();
    let damage = |version: &str| {
        let file = folder.path().join(version).join("weights.safetensors");
        let mut bytes = std::fs::read(&file).unwrap();
        bytes[9000] ^= 1;
        std::fs::write(&file, bytes).unwrap();
    };
    let checks = [("9.2", "9.1".to_owned()), ("9.1", built_in())];
    for (damaged, expected) in checks {
        damage(damaged);
        let world = World::start(folder.path()).await;
        assert_eq!(world.serving().await, expected);
        let status = AdminClient::new(world.stack.over_unix().await).status(admin::StatusRequest {}).await;
        let faults = status.unwrap().into_inner().scorer_faults;
        assert!(faults.iter().any(|it| it.contains(damaged) && it.contains("BLAKE3")), "{faults:?}");
        assert!(faults.iter().any(|it| it.contains(&expected) && it.contains("instead")), "{faults:?}");
        assert_eq!(world.list().await.faults, faults);
        world.stack.stop().await.unwrap();
    }
    // Bringing it again and choosing settles it.
    let world = World::start(folder.path()).await;
    world.upload(&Artefact::scaled("9.2", 0.5)).await.unwrap();
    world.promote("9.2").await.unwrap();
    assert!(world.list().await.faults.is_empty());
}

#[tokio::test]
async fn nothing_in_the_folder_keeps_an_engine_from_starting() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 4] = [
        ("a state that is none", |folder| std::fs::write(folder.join("state.json"), "{]").unwrap()),
        ("a version that is gone", |folder| {
            let state = r#"{"schema":"signalbox.scorers/1","current":{"stored":"9.9"},"previous":null,"shadow":null}"#;
            std::fs::write(folder.join("state.json"), state).unwrap();
        }),
        ("a version that is a path", |folder| {
            let state = r#"{"schema":"signalbox.scorers/1","current":{"stored":"../9"},"previous":null,"shadow":null}"#;
            std::fs::write(folder.join("state.json"), state).unwrap();
        }),
        ("a folder that is a file", |folder| {
            std::fs::remove_dir_all(folder).unwrap();
            std::fs::write(folder, "").unwrap();
        }),
    ];
    for (what, damage) in damages {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("scorers");
        std::fs::create_dir(&folder).unwrap();
        damage(&folder);
        let starting = StartingScorers::open(&folder).expect(what);
        assert_eq!(**starting.version(), *built_in(), "{what}");
        assert!(!starting.faults().is_empty(), "{what}");
    }
    let scratch = tempfile::tempdir().unwrap();
    std::fs::create_dir(scratch.path().join(".incoming-9.1")).unwrap();
    assert!(StartingScorers::open(scratch.path()).unwrap().faults().is_empty());
    assert!(names(scratch.path()).is_empty(), "what a kill left half done is cleared away");
}

#[tokio::test]
async fn promotes_at_the_same_time_come_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    for version in ["9.1", "9.2"] {
        world.upload(&Artefact::scaled(version, 0.5)).await.unwrap();
    }
    let promoting = (0..6).map(|number| {
        let mut client = world.scorers.clone();
        let version = if number % 2 == 0 { "9.1" } else { "9.2" }.to_owned();
        async move { client.promote(pb::PromoteRequest { version, ..Default::default() }).await.unwrap().into_inner() }
    });
    let mut calls = tokio::task::JoinSet::new();
    promoting.for_each(|call| drop(calls.spawn(call)));
    for changed in soon(calls.join_all()).await {
        assert_ne!(Some(&changed.serving), changed.previous.as_ref());
    }
    let list = world.list().await;
    assert_eq!(world.serving().await, list.serving);
    // Every change left what the change before it had let serve.
    let changes: Vec<_> = list.history.iter().filter(|it| it.action == "promote").collect();
    assert!(changes.windows(2).all(|pair| pair[1].before.as_ref() == Some(&pair[0].version)), "{changes:?}");
    assert_eq!(changes.last().unwrap().version, list.serving);
    world.stack.stop().await.unwrap();
    assert_eq!(**StartingScorers::open(folder.path()).unwrap().version(), *list.serving);
}

#[tokio::test]
async fn a_shadow_scores_prompts_and_its_disagreement_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    world.upload(&Artefact::scaled("9.1", 0.5)).await.unwrap();
    let refused = world.set_shadow(Some(&built_in()), None).await.expect_err("it serves");
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(world.set_shadow(Some("9.1"), Some(1.5)).await.expect_err("a share").code(), Code::InvalidArgument);
    let running = world.set_shadow(Some("9.1"), Some(1.0)).await.unwrap().shadow.unwrap();
    assert_eq!((running.version.as_str(), running.share), ("9.1", 1.0));

    let serving = world.score(&TEXTS).await;
    let mut client = world.scorers.clone();
    let told = async {
        loop {
            let told = client.disagreement(pb::DisagreementRequest {}).await.unwrap().into_inner();
            if told.prompts == TEXTS.len() as u64 {
                return told;
            }
        }
    };
    let told = soon(told).await;
    let mean = serving.iter().map(|score| score.complexity).sum::<f64>() / 2.0 / TEXTS.len() as f64;
    assert!((told.mean_absolute.unwrap() - mean).abs() < 1e-9, "{told:?}");
    assert!((told.mean.unwrap() + mean).abs() < 1e-9 && told.correlation.unwrap() > 0.999, "{told:?}");
    assert_eq!((told.serving, told.flips.len()), (built_in(), 3));

    world.promote("9.1").await.unwrap();
    assert!(world.list().await.shadow.is_none(), "what serves is no shadow");
    world.set_shadow(None, None).await.unwrap();
}

#[tokio::test]
async fn what_serves_stays_and_the_rest_can_be_removed() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    for version in ["9.1", "9.2", "9.3"] {
        world.upload(&Artefact::scaled(version, 0.5)).await.unwrap();
    }
    world.promote("9.1").await.unwrap();
    world.promote("9.2").await.unwrap();
    world.set_shadow(Some("9.3"), None).await.unwrap();
    assert_eq!(world.remove("9.2").await.expect_err("it serves").code(), Code::FailedPrecondition);
    assert_eq!(world.remove(&built_in()).await.expect_err("built in").code(), Code::FailedPrecondition);
    assert!(!world.remove("9.9").await.unwrap() && !world.remove("../x").await.unwrap());
    assert!(world.remove("9.3").await.unwrap() && world.remove("9.1").await.unwrap());
    let list = world.list().await;
    assert_eq!((list.serving.as_str(), list.previous, list.shadow), ("9.2", None, None));
    assert_eq!(world.roll_back(None).await.expect_err("nothing before").code(), Code::FailedPrecondition);
    let unknown = world.promote("9.1").await.expect_err("it is gone");
    assert!(unknown.code() == Code::NotFound && unknown.message().contains("9.2"), "{unknown}");
    assert_eq!(world.promote("built-in").await.unwrap().serving, built_in());
}

#[tokio::test]
async fn a_scorer_of_the_command_line_is_not_replaced_but_others_may_run_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let heuristic = Arc::new(HeuristicScorer::new());
    let starting = StartingScorers::pinned(heuristic, "--scorer heuristic", folder.path()).unwrap();
    let world = World::start_with(starting).await;
    world.upload(&Artefact::scaled("9.1", 0.5)).await.unwrap();
    for refused in [world.promote("9.1").await.unwrap_err(), world.roll_back(None).await.unwrap_err()] {
        assert!(refused.code() == Code::FailedPrecondition && refused.message().contains("heuristic"), "{refused}");
    }
    world.set_shadow(Some(&built_in()), Some(1.0)).await.unwrap();
    let list = world.list().await;
    assert_eq!((list.serving.as_str(), list.pinned.as_deref()), ("heuristic-1", Some("--scorer heuristic")));
    assert_eq!(list.scorers.iter().filter(|it| it.serving).count(), 1);
}

#[tokio::test]
async fn scorers_are_for_operators() {
    let stack = Stack::start().await;
    let mut gateway = ScorersClient::new(stack.in_process().await);
    assert_eq!(gateway.list(pb::ListScorersRequest {}).await.unwrap_err().code(), Code::Unimplemented);
    let mut network = ScorersClient::new(stack.over_tcp().await);
    assert_eq!(network.list(pb::ListScorersRequest {}).await.unwrap_err().code(), Code::Unauthenticated);
    let parts = tokio_stream::iter(Vec::new());
    assert_eq!(network.upload(parts).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn an_explanation_says_what_was_scored_and_what_moved_it_only_if_asked() {
    let stack = Stack::start_with(Setup {
        scorers: StartingScorers::fixed(Arc::new(scorer::builtin::load().unwrap())),
        ..Setup::default()
    })
    .await;
    let mut client = AdminClient::new(stack.over_unix().await);
    let mut explain = async |influences: bool, complexity: Option<f64>| {
        let facts = Some((&domain::Facts::default()).into());
        let text = "Prove that every finite integral domain is a field, then thank me.".to_owned();
        let policy = Some("support".to_owned());
        let request = admin::ExplainRequest { policy, facts, text, influences, complexity, ..Default::default() };
        soon(client.explain(request)).await.unwrap().into_inner()
    };
    let plain = explain(false, None).await;
    assert!(plain.influences.is_empty() && plain.score.unwrap().version == built_in());
    let asked = explain(true, None).await;
    assert_eq!(asked.influences.len(), 8);
    let sizes: Vec<_> = asked.influences.iter().map(|it| it.complexity.abs()).collect();
    assert!(sizes.is_sorted_by(|one, other| one >= other) && sizes[0] > 0.0, "{sizes:?}");
    assert!(explain(true, Some(0.5)).await.influences.is_empty(), "the scorer's word did not count");
}
