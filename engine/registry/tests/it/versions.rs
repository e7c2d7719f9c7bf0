//! Drafts, versions, history, the audit log, and the terms of a change.

use std::sync::Arc;

use domain::desired::{CredentialSpec, KeySpec};
use domain::{Object, ObjectKind, Owner, Policy, ProviderSlug, SecretText, Strategy};
use registry::{Actor, ApplyError, AuditAction, AuditFilter, Draft, Etag, Idempotency, Page, Saved, Terms, Version};
use serde_json::json;

use crate::story::Story;

const POLICY: ObjectKind = ObjectKind::Policy;

fn policy(story: &Story) -> Policy {
    let Some(Object::Policy(policy)) = story.registry.find(&story.organisation, POLICY, "support") else {
        panic!("the story has the policy");
    };
    Policy::clone(&policy)
}

fn with(policy: &Policy, strategy: Strategy) -> Object {
    Object::Policy(Arc::new(Policy { strategy, ..policy.clone() }))
}

fn once(key: &str, fingerprint: u8) -> Terms {
    let idempotency = Idempotency { key: key.to_owned(), fingerprint: [fingerprint; 32] };
    Terms { idempotency: Some(idempotency), ..Terms::operator() }
}

fn on(etag: &Etag) -> Terms {
    Terms { if_match: Some(etag.clone()), ..Terms::operator() }
}

impl Story {
    async fn save(&self, object: Object, terms: Terms) -> Result<Saved, ApplyError> {
        self.registry.save(&self.organisation, object, terms).await
    }

    async fn save_draft(&self, object: Object, terms: Terms) -> Result<Draft, ApplyError> {
        self.registry.save_draft(&self.organisation, object, terms).await
    }

    async fn versions(&self) -> Vec<Version> {
        self.registry.versions(&self.organisation, POLICY, "support", Page::default()).await.unwrap()
    }
}

#[tokio::test]
async fn every_saved_state_is_a_version_and_an_earlier_one_can_come_back() {
    let story = Story::furnished().await;
    let first = policy(&story);
    story.save(with(&first, Strategy::Split {}), Terms::operator()).await.unwrap();
    story.save(with(&first, Strategy::LowestCost {}), Terms::operator()).await.unwrap();
    let unchanged = story.save(with(&first, Strategy::LowestCost {}), Terms::operator()).await.unwrap();
    assert!(unchanged.diff.is_empty());
    assert_eq!(policy(&story).version, 3);

    let to_first = story.registry.rollback(&story.organisation, POLICY, "support", Some(1), Terms::operator());
    let saved = to_first.await.unwrap();
    assert_eq!(saved.object, Object::Policy(Arc::new(Policy { version: 4, ..first.clone() })));
    let one_back = story.registry.rollback(&story.organisation, POLICY, "support", None, Terms::operator());
    one_back.await.unwrap();
    assert_eq!(policy(&story).strategy, Strategy::LowestCost {});

    let told: Vec<_> = story.versions().await.iter().map(|it| format!("{} {}", it.number, it.note)).collect();
    assert_eq!(told, ["5 rolled back to version 3", "4 rolled back to version 1", "3 ", "2 ", "1 "]);
    let page = Page { before: Some(3), limit: 1 };
    let page = story.registry.versions(&story.organisation, POLICY, "support", page).await.unwrap();
    assert_eq!(page.iter().map(|it| it.number).collect::<Vec<_>>(), [2]);
    let unknown = story.registry.rollback(&story.organisation, POLICY, "support", Some(9), Terms::operator()).await;
    assert_eq!(
        unknown.unwrap_err().to_string(),
        "there is no version 9 of the policy `support`; list its versions: the newest 200 are kept"
    );
}

#[tokio::test]
async fn draft_does_not_route_until_it_is_promoted() {
    let mut story = Story::furnished().await;
    let live = policy(&story);
    let before = story.registry.snapshot();
    let draft = story.save_draft(with(&live, Strategy::Split {}), Terms::operator()).await.unwrap();
    assert_eq!((draft.base, story.registry.snapshot()), (Some(1), before));
    story.reopen().await;
    let found = story.registry.draft(&story.organisation, POLICY, "support").await.unwrap().unwrap();
    assert_eq!(found, draft);
    assert_eq!(story.registry.drafts(&story.organisation, POLICY).await.unwrap(), vec![draft.clone()]);

    let preview = story.registry.with_draft(&story.organisation, &draft).unwrap();
    assert_eq!(preview.tenants[&story.organisation].policies[&live.id].strategy, Strategy::Split {});
    let diff = story.registry.diff_draft(&story.organisation, &draft).unwrap();
    assert_eq!(diff.lines[0].changes, ["strategy.axis: cost -> none", "strategy.type: intelligent -> split"]);

    let promote = |terms| story.registry.promote(&story.organisation, POLICY, "support", terms);
    let stale = promote(on(&Etag::new("d1"))).await.unwrap_err();
    assert!(matches!(stale, ApplyError::Conflict { .. }), "{stale}");
    let saved = promote(on(&draft.etag)).await.unwrap();
    assert_eq!(saved.object, Object::Policy(Arc::new(policy(&story))));
    assert_eq!(policy(&story).strategy, Strategy::Split {});
    assert_eq!(
        promote(Terms::operator()).await.unwrap_err().to_string(),
        "there is no draft of the policy `support`; save one first"
    );
    assert_eq!(story.versions().await[0].note, "promoted from a draft");
}

#[tokio::test]
async fn draft_of_what_has_changed_meanwhile_is_not_promoted() {
    let story = Story::furnished().await;
    let live = policy(&story);
    story.save_draft(with(&live, Strategy::Split {}), Terms::operator()).await.unwrap();
    story.save(with(&live, Strategy::LowestCost {}), Terms::operator()).await.unwrap();
    let promoted = story.registry.promote(&story.organisation, POLICY, "support", Terms::operator()).await;
    assert!(matches!(promoted, Err(ApplyError::Conflict { .. })), "{promoted:?}");
    let discard = story.registry.discard_draft(&story.organisation, POLICY, "support", Terms::operator());
    discard.await.unwrap();
    assert_eq!(story.registry.drafts(&story.organisation, POLICY).await.unwrap(), []);
}

#[tokio::test]
async fn change_on_top_of_a_state_that_is_gone_is_refused() {
    let story = Story::furnished().await;
    let live = policy(&story);
    let seen = story.registry.etag(&Object::Policy(Arc::new(live.clone())).key()).unwrap();
    let saved = story.save(with(&live, Strategy::Split {}), on(&seen)).await.unwrap();
    let late = story.save(with(&live, Strategy::LowestCost {}), on(&seen)).await.unwrap_err();
    assert_eq!(
        late.to_string(),
        format!(
            "the policy `Support` was changed meanwhile, its etag is now `{}`: read it again and repeat the change",
            saved.etag
        )
    );
    assert_eq!(policy(&story).strategy, Strategy::Split {}, "nothing is half-applied");
    let removal = story.registry.delete(&story.organisation, ObjectKind::Router, "edge", on(&saved.etag)).await;
    assert!(matches!(removal, Err(ApplyError::Conflict { .. })), "{removal:?}");
}

#[tokio::test]
async fn repeated_request_is_answered_as_at_first_and_changes_nothing() {
    let mut story = Story::furnished().await;
    let spec = || -> KeySpec { serde_json::from_value(json!({"name": "ci 2"})).unwrap() };
    let create = async |story: &Story, terms| story.registry.create_key(&story.organisation, spec(), terms).await;
    let first = create(&story, once("a", 1)).await.unwrap();
    let version = story.registry.version();
    story.reopen().await;
    assert_eq!(create(&story, once("a", 1)).await.unwrap(), first, "its text included");
    assert_eq!(story.registry.version(), version);
    assert_eq!(
        create(&story, once("a", 2)).await.unwrap_err().to_string(),
        "the idempotency key `a` was used for another request: send a new key with a new request"
    );
    assert_eq!(
        create(&story, once("", 2)).await.unwrap_err().to_string(),
        "idempotency_key: has 0 bytes: expected 1 to 200"
    );
}

#[tokio::test]
async fn audit_log_tells_who_did_what_to_which_object() {
    let story = Story::furnished().await;
    let live = policy(&story);
    let key = story.registry.list_keys(&story.organisation)[0].clone();
    let by_key = Terms::of(Actor::Key(key.id.clone()));
    story.save(with(&live, Strategy::Split {}), by_key).await.unwrap();
    story.save_draft(with(&live, Strategy::LowestCost {}), Terms::operator()).await.unwrap();
    story.registry.promote(&story.organisation, POLICY, "support", Terms::operator()).await.unwrap();
    story.registry.revoke_key(&story.organisation, "ci", Terms::operator()).await.unwrap();
    let log = async |filter| story.registry.audit(&story.organisation, &filter, Page::default()).await.unwrap();
    let of_policy = log(AuditFilter { id: Some(live.id.to_string()), ..AuditFilter::default() }).await;
    let told: Vec<_> = of_policy.iter().map(|it| (it.action, it.actor.clone())).collect();
    assert_eq!(
        told,
        [
            (AuditAction::Promote, Actor::Operator),
            (AuditAction::Draft, Actor::Operator),
            (AuditAction::Update, Actor::Key(key.id.clone())),
            (AuditAction::Create, Actor::Operator),
        ]
    );
    assert_eq!(of_policy[2].changes, ["strategy.axis: cost -> none", "strategy.type: intelligent -> split"]);
    let of_keys = log(AuditFilter { kind: Some(ObjectKind::Key), ..AuditFilter::default() }).await;
    assert_eq!(of_keys.iter().map(|it| it.action).collect::<Vec<_>>(), [AuditAction::Revoke, AuditAction::Create]);
    let text = format!("{:?}", log(AuditFilter::default()).await);
    assert!(!text.contains("sk-provider-secret") && !text.contains("an-operators-own-key"), "no secret: {text}");
}

#[tokio::test]
async fn configuration_of_an_earlier_revision_can_be_seen_again() {
    let story = Story::furnished().await;
    let (then, revision) = (story.tenant(), story.registry.version().revision);
    let live = policy(&story);
    story.save(with(&live, Strategy::Split {}), Terms::operator()).await.unwrap();
    story.registry.delete(&story.organisation, ObjectKind::Router, "edge", Terms::operator()).await.unwrap();
    let found = story.registry.tenant_at(&story.organisation, revision).await.unwrap().unwrap();
    assert_eq!((&found.policies, &found.routers, &found.models), (&then.policies, &then.routers, &then.models));
    assert!(found.credentials.values().all(|it| it.sealed.0.is_empty() && it.hint.is_empty()), "no secrets");
    assert!(found.models.values().filter(|it| it.enabled).all(|model| found.is_callable(model)));
    assert!(story.registry.tenant_at(&story.organisation, revision + 9).await.unwrap().is_none(), "yet to come");
}

#[tokio::test]
async fn saved_object_is_checked_field_by_field() {
    let story = Story::furnished().await;
    let live = policy(&story);
    let large = domain::ModelId::parse("acme-ai/lagre").unwrap();
    let wrong = Object::Policy(Arc::new(Policy {
        slug: "Not A Slug".to_owned(),
        strategy: Strategy::Single { model: large },
        ..live
    }));
    let refused = story.save(wrong, Terms::operator()).await.unwrap_err().to_string();
    insta::assert_snapshot!(refused);
    let unknown = ProviderSlug::parse("acme").unwrap();
    let spec = |secret: &str| CredentialSpec {
        owner: Owner::Org,
        ..CredentialSpec::managed("b", SecretText::new(secret.to_owned()))
    };
    let save = |provider, spec| story.registry.save_credential(&story.organisation, provider, spec, Terms::operator());
    let refused = save(&unknown, spec("sk-provider-secret-2")).await.unwrap_err().to_string();
    assert_eq!(refused, "provider: there is no provider `acme`; there are: acme-ai");
    let known = ProviderSlug::parse("acme-ai").unwrap();
    assert_eq!(save(&known, spec("")).await.unwrap_err().faults()[0].path, "secret");
    let saved = save(&known, spec("sk-provider-secret-2")).await.unwrap();
    assert_eq!(saved.object.name(), "acme-ai/b");
}
