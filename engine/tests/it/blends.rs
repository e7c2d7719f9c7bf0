//! The published set taken over, and blends examined, over the engine's Unix socket.

use proto::pb::admin::v1 as pb;
use proto::pb::admin::v1::blends_client::BlendsClient;
use proto::pb::admin::v1::scorecards_client::ScorecardsClient;
use proto::pb::object::v1 as object;
use proto::pb::object::v1::object::Object as Kind;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::harness::{Stack, soon};

async fn import(stack: &Stack, names: &[&str], dry_run: bool) -> Result<pb::UploadScoresResponse, Status> {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    let request = pb::ImportPublishedRequest { names, dry_run, ..Default::default() };
    let mut scorecards = ScorecardsClient::new(stack.over_unix().await);
    soon(scorecards.import_published(request)).await.map(tonic::Response::into_inner)
}

async fn imported(stack: &Stack) -> Vec<String> {
    let mut scorecards = ScorecardsClient::new(stack.over_unix().await);
    let listed = soon(scorecards.list_published(pb::ListPublishedRequest::default())).await.unwrap().into_inner();
    let own = listed.published.into_iter().filter(|it| it.imported);
    own.map(|it| it.scorecard.unwrap().name).collect()
}

fn actions(saved: &pb::UploadScoresResponse) -> Vec<(&str, &str)> {
    saved.scorecards.iter().map(|it| (it.scorecard.as_ref().unwrap().name.as_str(), it.action())).collect()
}

/// A blend of one benchmark that scores one of the two models.
async fn with_blend(stack: &Stack) -> BlendsClient<Channel> {
    let cell = object::ScoreCell { model: "acme/large".to_owned(), score: 0.8, ..Default::default() };
    let normalisation =
        object::normalisation::Normalisation::Bounds(object::normalisation::Bounds { min: 0.0, max: 1.0 });
    let scorecard = object::Scorecard {
        name: "exam".to_owned(),
        metric: "accuracy".to_owned(),
        direction: object::Direction::Higher.into(),
        normalisation: Some(object::Normalisation { normalisation: Some(normalisation) }),
        source: Some(object::SourceNote { kind: object::SourceKind::Eval.into(), ..Default::default() }),
        cells: vec![cell],
        ..Default::default()
    };
    let weight = object::BlendWeight { benchmark: "exam".to_owned(), weight: 1.0, ..Default::default() };
    let blend = object::Blend { name: "ours".to_owned(), weights: vec![weight], ..Default::default() };
    let create = |kind| pb::CreateRequest { object: Some(object::Object { object: Some(kind) }), ..Default::default() };
    let mut scorecards = ScorecardsClient::new(stack.over_unix().await);
    soon(scorecards.create(create(Kind::Scorecard(scorecard)))).await.unwrap();
    let mut blends = BlendsClient::new(stack.over_unix().await);
    soon(blends.create(create(Kind::Blend(blend)))).await.unwrap();
    blends
}

fn check(name: &str) -> pb::CheckBlendRequest {
    pb::CheckBlendRequest { name: name.to_owned(), ..Default::default() }
}

#[tokio::test]
async fn published_scorecards_count_once_they_are_imported_and_again_change_nothing() {
    let stack = Stack::start().await;
    assert!(imported(&stack).await.is_empty());
    let dry = import(&stack, &["aider-polyglot"], true).await.unwrap();
    assert_eq!(actions(&dry), [("aider-polyglot", "created")]);
    assert!(imported(&stack).await.is_empty(), "a dry run saves nothing");
    let done = import(&stack, &["aider-polyglot@2024-12"], false).await.unwrap();
    assert_eq!(actions(&done), [("aider-polyglot", "created")]);
    assert!(!done.flags.is_empty() && done.flags.iter().all(|it| it.scorecard == "aider-polyglot@2024-12"));
    let again = import(&stack, &["aider-polyglot"], false).await.unwrap();
    assert_eq!(actions(&again), [("aider-polyglot", "unchanged")]);
    assert_eq!(imported(&stack).await, ["aider-polyglot"]);
    assert_eq!(import(&stack, &[], false).await.unwrap().scorecards.len(), 4);
    let refused = import(&stack, &["aider-polyglot", "nonesuch"], false).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().starts_with("names[1]: there is no published scorecard `nonesuch`"), "{refused}");
}

#[tokio::test]
async fn a_check_tells_who_wins_on_what_and_who_is_out() {
    let stack = Stack::start().await;
    let mut blends = with_blend(&stack).await;
    let report = soon(blends.check(check("ours"))).await.unwrap().into_inner();
    assert_eq!((report.verdicts.len(), report.verdicts[0].winner.as_str()), (1, "acme/large"));
    let removed: Vec<_> = report.removed.iter().map(|it| (it.model.as_str(), it.reason.as_str())).collect();
    assert_eq!(removed, [("acme/small", "unscored")]);
    assert_eq!(
        (report.low_evidence[0].benchmark.as_str(), report.low_evidence[0].model.as_str()),
        ("exam", "acme/large")
    );
    let over = pb::CheckBlendRequest { policy: Some("Support".to_owned()), ..check("ours") };
    assert_eq!(soon(blends.check(over)).await.unwrap().into_inner(), report);

    for (request, start) in [
        (check("theirs"), "name: there is no blend `theirs`"),
        (pb::CheckBlendRequest { draft: true, ..check("ours") }, "name: the blend `ours` has no draft"),
        (pb::CheckBlendRequest { policy: Some("x".to_owned()), ..check("ours") }, "policy: there is no policy `x`"),
    ] {
        let refused = soon(blends.check(request)).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
        assert!(refused.message().starts_with(start), "{refused}");
    }
}
