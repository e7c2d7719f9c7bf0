//! The services of the objects over the engine's Unix socket, and over TCP with a platform key.

use domain::desired::KeySpec;
use proto::mask;
use proto::pb::admin::v1 as pb;
use proto::pb::admin::v1::audit_client::AuditClient;
use proto::pb::admin::v1::blends_client::BlendsClient;
use proto::pb::admin::v1::credentials_client::CredentialsClient;
use proto::pb::admin::v1::keys_client::KeysClient;
use proto::pb::admin::v1::models_client::ModelsClient;
use proto::pb::admin::v1::organisations_client::OrganisationsClient;
use proto::pb::admin::v1::policies_client::PoliciesClient;
use proto::pb::admin::v1::projects_client::ProjectsClient;
use proto::pb::admin::v1::providers_client::ProvidersClient;
use proto::pb::admin::v1::scorecards_client::ScorecardsClient;
use proto::pb::admin::v1::upload_scores_request::Part;
use proto::pb::object::v1 as object;
use proto::pb::object::v1::object::Object as Kind;
use registry::Terms;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use crate::harness::{Stack, soon};

#[expect(clippy::unnecessary_wraps, reason = "requests hold objects like this")]
fn of(kind: Kind) -> Option<object::Object> {
    Some(object::Object { object: Some(kind) })
}

fn project(name: &str) -> pb::CreateRequest {
    let project = object::Project { name: name.to_owned(), ..Default::default() };
    pb::CreateRequest { object: of(Kind::Project(project)), ..Default::default() }
}

fn named(name: &str) -> pb::GetRequest {
    pb::GetRequest { name: name.to_owned(), organisation: None }
}

fn act(name: &str) -> pb::ActRequest {
    pb::ActRequest { name: name.to_owned(), ..Default::default() }
}

/// A change of some fields of a model.
fn change(model: object::Model, paths: &[&str]) -> pb::UpdateRequest {
    pb::UpdateRequest {
        name: "acme/small".to_owned(),
        object: of(Kind::Model(model)),
        update_mask: Some(mask::of(paths)),
        ..Default::default()
    }
}

fn model_of(object: Option<object::Object>) -> object::Model {
    match object.and_then(|it| it.object) {
        Some(Kind::Model(model)) => model,
        other => panic!("no model: {other:?}"),
    }
}

fn project_of(object: Option<object::Object>) -> object::Project {
    match object.and_then(|it| it.object) {
        Some(Kind::Project(project)) => project,
        other => panic!("no project: {other:?}"),
    }
}

#[track_caller]
fn is(status: &Status, code: Code, start: &str) {
    assert_eq!(status.code(), code, "{status}");
    assert!(status.message().starts_with(start), "{status}");
}

#[tokio::test]
async fn two_hundred_and_fifty_objects_are_seen_once_while_some_go() {
    let stack = Stack::start().await;
    let mut projects = ProjectsClient::new(stack.over_unix().await);
    for number in 0..250 {
        soon(projects.create(project(&format!("p{number:03}")))).await.unwrap();
    }
    let (mut seen, mut page_token, mut round) = (Vec::new(), String::new(), 0);
    loop {
        let request = pb::ListRequest { page_size: 40, page_token: page_token.clone(), ..Default::default() };
        let page = soon(projects.list(request)).await.unwrap().into_inner();
        assert!(page.items.len() <= 40);
        // One that has been shown goes: nothing moves up into its place unseen.
        let gone = project_of(page.items[0].object.clone()).id;
        soon(projects.delete(act(&gone))).await.unwrap();
        seen.extend(page.items.into_iter().map(|item| project_of(item.object).name));
        // And one comes, wherever its id puts it.
        soon(projects.create(project(&format!("late{round}")))).await.unwrap();
        round += 1;
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let mut first: Vec<_> = seen.iter().filter(|name| name.starts_with('p')).cloned().collect();
    first.sort();
    assert_eq!(first, (0..250).map(|number| format!("p{number:03}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn page_token_of_another_list_is_refused() {
    let stack = Stack::start().await;
    let mut models = ModelsClient::new(stack.over_unix().await);
    let first = soon(models.list(pb::ListRequest { page_size: 1, ..Default::default() })).await.unwrap().into_inner();
    let page_token = first.next_page_token;
    assert_eq!(model_of(first.items[0].object.clone()).id, "acme/large");
    let other = pb::ListRequest { page_token: page_token.clone(), filter: "acme".into(), ..Default::default() };
    is(&soon(models.list(other)).await.unwrap_err(), Code::InvalidArgument, "page_token: is of another list");
    let mut providers = ProvidersClient::new(stack.over_unix().await);
    let other = pb::ListRequest { page_token: page_token.clone(), ..Default::default() };
    is(&soon(providers.list(other)).await.unwrap_err(), Code::InvalidArgument, "page_token: is of another list");
    let next = soon(models.list(pb::ListRequest { page_token, ..Default::default() })).await.unwrap().into_inner();
    assert_eq!((next.items.len(), next.next_page_token.as_str()), (1, ""));
    let filtered = pb::ListRequest { filter: "acme/s".into(), ..Default::default() };
    assert_eq!(soon(models.list(filtered)).await.unwrap().into_inner().items.len(), 1);
}

#[tokio::test]
async fn second_writer_of_the_same_state_is_told_to_read_again() {
    let stack = Stack::start().await;
    let mut models = ModelsClient::new(stack.over_unix().await);
    let etag = soon(models.get(named("acme/small"))).await.unwrap().into_inner().etag;
    let write = |capability: f64| {
        let model = object::Model { capability: Some(capability), ..Default::default() };
        pb::UpdateRequest { etag: etag.clone(), ..change(model, &["capability"]) }
    };
    let first = soon(models.update(write(0.3))).await.unwrap().into_inner();
    assert_ne!(first.etag, etag);
    let second = soon(models.update(write(0.4))).await.unwrap_err();
    is(&second, Code::Aborted, "the model `acme/small` was changed meanwhile");
    let held = soon(models.get(named("acme/small"))).await.unwrap().into_inner();
    assert_eq!((model_of(held.object).capability, held.etag), (Some(0.3), first.etag));
}

#[tokio::test]
async fn masked_update_changes_the_named_fields_alone() {
    let stack = Stack::start().await;
    let mut models = ModelsClient::new(stack.over_unix().await);
    let before = model_of(soon(models.get(named("acme/small"))).await.unwrap().into_inner().object);
    let wanted = object::Model {
        enabled: false,
        name: Some("not this".into()),
        pricing: Some(object::Pricing { prompt: Some("0.0000002".into()), ..Default::default() }),
        ..Default::default()
    };
    let after = soon(models.update(change(wanted, &["enabled", "pricing.prompt"]))).await.unwrap().into_inner();
    let mut expected = before.clone();
    expected.enabled = false;
    expected.pricing.as_mut().unwrap().prompt = Some("0.0000002".into());
    assert_eq!(model_of(after.object), expected);

    let status = soon(models.update(change(before.clone(), &["enabeld", "id"]))).await.unwrap_err();
    is(&status, Code::InvalidArgument, "update_mask.paths[0]: `enabeld`: a model has no field `enabeld`");
    let fields: Vec<_> =
        status.get_details_bad_request().unwrap().field_violations.into_iter().map(|it| it.field).collect();
    assert_eq!(fields, ["update_mask.paths[0]", "update_mask.paths[1]"]);
    let wrong = object::Model { capability: Some(7.0), ..before };
    is(&soon(models.update(change(wrong, &["capability"]))).await.unwrap_err(), Code::InvalidArgument, "capability");
}

#[tokio::test]
async fn creating_twice_with_one_idempotency_key_makes_one_object() {
    let stack = Stack::start().await;
    let mut projects = ProjectsClient::new(stack.over_unix().await);
    let wanted = pb::CreateRequest { idempotency_key: "k1".into(), ..project("web") };
    let first = soon(projects.create(wanted.clone())).await.unwrap().into_inner();
    assert_eq!(soon(projects.create(wanted)).await.unwrap().into_inner(), first);
    let other = pb::CreateRequest { idempotency_key: "k1".into(), ..project("app") };
    is(&soon(projects.create(other)).await.unwrap_err(), Code::InvalidArgument, "idempotency_key: ");
    is(&soon(projects.create(project("web"))).await.unwrap_err(), Code::AlreadyExists, "there is a project `web`");
    assert_eq!(soon(projects.list(pb::ListRequest::default())).await.unwrap().into_inner().items.len(), 1);

    let mut keys = KeysClient::new(stack.over_unix().await);
    let wanted = pb::CreateKeyRequest { name: "ci".into(), idempotency_key: "k2".into(), ..Default::default() };
    let first = soon(keys.create(wanted.clone())).await.unwrap().into_inner();
    assert_eq!(soon(keys.create(wanted)).await.unwrap().into_inner().key, first.key);
}

#[tokio::test]
async fn models_and_providers_that_exist_are_not_made_again() {
    let stack = Stack::start().await;
    let mut models = ModelsClient::new(stack.over_unix().await);
    let model = |id: &str| {
        let model = object::Model { id: id.to_owned(), enabled: true, ..Default::default() };
        pb::CreateRequest { object: of(Kind::Model(model)), ..Default::default() }
    };
    is(&soon(models.create(model("acme/small"))).await.unwrap_err(), Code::AlreadyExists, "there is a model");
    let made = soon(models.create(model("acme/new"))).await.unwrap().into_inner();
    assert_eq!(model_of(made.object).native, "new");
    let nobody = soon(models.create(model("nobody/new"))).await.unwrap_err();
    assert_eq!(nobody.code(), Code::InvalidArgument, "{nobody}");
    let nothing = soon(models.create(pb::CreateRequest::default())).await.unwrap_err();
    is(&nothing, Code::InvalidArgument, "object: is missing");
    let other = soon(models.create(project("x"))).await.unwrap_err();
    is(&other, Code::InvalidArgument, "object: is missing or not a model");
}

#[tokio::test]
async fn what_others_refer_to_is_not_deleted() {
    let stack = Stack::start().await;
    let mut models = ModelsClient::new(stack.over_unix().await);
    let status = soon(models.delete(act("acme/small"))).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
    assert!(status.message().contains("Support"), "{status}");
    is(&soon(models.delete(act("acme/none"))).await.unwrap_err(), Code::NotFound, "there is no model `acme/none`");
    is(&soon(models.get(named("acme/none"))).await.unwrap_err(), Code::NotFound, "name: there is no model");
    is(&soon(models.get(named(""))).await.unwrap_err(), Code::InvalidArgument, "name: is missing");
}

#[tokio::test]
async fn names_stand_for_ids_in_references() {
    let stack = Stack::start().await;
    let mut projects = ProjectsClient::new(stack.over_unix().await);
    let with = |policy: &str| {
        let project = object::Project { name: "web".into(), policy: Some(policy.into()), ..Default::default() };
        pb::CreateRequest { object: of(Kind::Project(project)), ..Default::default() }
    };
    is(
        &soon(projects.create(with("nope"))).await.unwrap_err(),
        Code::InvalidArgument,
        "policy: there is none named `nope`",
    );
    let made = project_of(soon(projects.create(with("support"))).await.unwrap().into_inner().object);
    assert!(made.policy.unwrap().starts_with("pol_") && made.id.starts_with("prj_"));
}

#[tokio::test]
async fn secrets_go_in_and_never_come_out() {
    let stack = Stack::start().await;
    let mut credentials = CredentialsClient::new(stack.over_unix().await);
    let secret = |name: &str, secret: &str| pb::SecretRequest {
        provider: "acme".into(),
        name: name.into(),
        secret: secret.into(),
        ..Default::default()
    };
    let made = soon(credentials.create(secret("second", "sk-acme-9876543210"))).await.unwrap().into_inner();
    let Some(Kind::Credential(credential)) = made.object.unwrap().object else { panic!("asked for") };
    assert!(credential.sealed.is_empty() && !credential.hint.is_empty());
    let taken = soon(credentials.create(secret("second", "sk-acme-9876543210"))).await.unwrap_err();
    is(&taken, Code::AlreadyExists, "there is a credential `acme/second`");
    let changed = soon(credentials.update(secret("second", "sk-acme-1111111111"))).await.unwrap().into_inner();
    assert_ne!(changed.etag, made.etag);
    is(
        &soon(credentials.update(secret("third", "x"))).await.unwrap_err(),
        Code::NotFound,
        "name: there is no credential",
    );
    let listed = soon(credentials.list(pb::ListRequest::default())).await.unwrap().into_inner().items;
    let text = format!("{listed:?}");
    assert!(listed.len() == 2 && !text.contains("1111111111"), "{text}");

    let keys = soon(KeysClient::new(stack.over_unix().await).list(pb::ListRequest::default())).await.unwrap();
    let Some(Kind::Key(key)) = keys.into_inner().items.remove(0).object.unwrap().object else { panic!("asked for") };
    assert!(key.hash.iter().all(|byte| *byte == 0));
}

#[tokio::test]
async fn a_key_is_made_changed_and_revoked() {
    let stack = Stack::start().await;
    let mut keys = KeysClient::new(stack.over_unix().await);
    let wanted = pb::CreateKeyRequest {
        name: "ci".into(),
        policy: Some("support".into()),
        allowed_models: vec!["acme/small".into()],
        ..Default::default()
    };
    let created = soon(keys.create(wanted.clone())).await.unwrap().into_inner().key.unwrap();
    let hash = stack.registry.pepper().hash_key(&created.key);
    let held = || stack.registry.snapshot().keys.get(&hash).unwrap().clone();
    assert!(held().routing.as_ref().unwrap().active);
    is(&soon(keys.create(wanted)).await.unwrap_err(), Code::InvalidArgument, "name:");

    let before = held();
    let routing = object::KeyRouting { active: false, ..Default::default() };
    let inactive = |name: &str| pb::UpdateRequest {
        name: name.to_owned(),
        object: of(Kind::Key(object::Key { routing: Some(routing.clone()), ..Default::default() })),
        update_mask: Some(mask::of(&["routing.active"])),
        ..Default::default()
    };
    soon(keys.update(inactive("ci"))).await.unwrap();
    let routing = before.routing.clone().map(|routing| domain::KeyRouting { active: false, ..routing });
    assert_eq!(*held(), domain::ApiKey { routing, ..domain::ApiKey::clone(&before) });
    is(&soon(keys.update(inactive("default"))).await.unwrap_err(), Code::InvalidArgument, "routing.policy: is missing");

    soon(keys.revoke(act("ci"))).await.unwrap();
    assert!(held().revoked_at.is_some());
    assert_eq!(soon(keys.update(inactive("ci"))).await.unwrap_err().code(), Code::FailedPrecondition);
    assert_eq!(soon(keys.revoke(act("nobody"))).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn draft_counts_when_it_is_promoted_and_the_version_before_comes_back() {
    let stack = Stack::start().await;
    let mut policies = PoliciesClient::new(stack.over_unix().await);
    let live =
        || stack.registry.list_policies(&stack.organisation).into_iter().find(|it| it.slug == "support").unwrap();
    let before = live();
    let policy = |model: &str| object::Policy {
        name: "Support".into(),
        slug: "support".into(),
        strategy: Some(object::Strategy {
            strategy: Some(object::strategy::Strategy::Single(object::strategy::Single { model: model.into() })),
        }),
        candidates: Some((&before.candidates).into()),
        ..Default::default()
    };
    let draft = |model: &str| pb::SaveDraftRequest { object: of(Kind::Policy(policy(model))), ..Default::default() };
    is(
        &soon(policies.get_draft(named("support"))).await.unwrap_err(),
        Code::NotFound,
        "name: the policy `support` has no draft",
    );
    assert_eq!(soon(policies.save_draft(draft("acme/none"))).await.unwrap_err().code(), Code::InvalidArgument);
    let saved = soon(policies.save_draft(draft("acme/small"))).await.unwrap().into_inner();
    assert_eq!((saved.base_version, saved.actor.as_str(), live()), (before.version, "operator", before.clone()));
    let diff = soon(policies.diff_draft(named("support"))).await.unwrap().into_inner();
    assert!(diff.lines.iter().any(|line| !line.changes.is_empty()), "{diff:?}");
    let preview = pb::PreviewDraftRequest { name: "support".into(), ..Default::default() };
    assert_eq!(soon(policies.preview_draft(preview)).await.unwrap_err().code(), Code::Unimplemented);

    soon(policies.promote(act("support"))).await.unwrap();
    assert_eq!((live().version, live().id.clone()), (before.version + 1, before.id.clone()));
    assert_ne!(live().strategy, before.strategy);
    let back = pb::RollbackRequest { name: "support".into(), ..Default::default() };
    soon(policies.rollback(back)).await.unwrap();
    assert_eq!((live().strategy.clone(), live().version), (before.strategy.clone(), before.version + 2));
    let mut numbers = Vec::new();
    let mut request = pb::ListVersionsRequest { name: "support".into(), page_size: 2, ..Default::default() };
    loop {
        let page = soon(policies.list_versions(request.clone())).await.unwrap().into_inner();
        numbers.extend(page.versions.into_iter().map(|it| it.number));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(numbers, [3, 2, 1]);
    soon(policies.save_draft(draft("acme/large"))).await.unwrap();
    soon(policies.discard_draft(act("support"))).await.unwrap();
    assert_eq!(soon(policies.get_draft(named("support"))).await.unwrap_err().code(), Code::NotFound);
    let mut blends = BlendsClient::new(stack.over_unix().await);
    assert_eq!(soon(blends.promote(act("nothing"))).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn audit_log_says_who_did_what() {
    let stack = Stack::start().await;
    let mut projects = ProjectsClient::new(stack.over_unix().await);
    for name in ["a", "b", "c"] {
        soon(projects.create(project(name))).await.unwrap();
    }
    soon(projects.delete(act("b"))).await.unwrap();
    let mut audit = AuditClient::new(stack.over_unix().await);
    let kind = object::ObjectKind::Project.into();
    let mut request = pb::ListAuditRequest { kind, page_size: 3, ..Default::default() };
    let mut lines = Vec::new();
    loop {
        let page = soon(audit.list(request.clone())).await.unwrap().into_inner();
        lines.extend(page.entries.into_iter().map(|it| format!("{} {} {}", it.actor, it.action, it.name)));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(lines, ["operator delete b", "operator create c", "operator create b", "operator create a"]);
    let lone = pb::ListAuditRequest { id: Some("prj_x".into()), ..Default::default() };
    is(&soon(audit.list(lone)).await.unwrap_err(), Code::InvalidArgument, "id: needs `kind`");
}

fn with_key<T>(message: T, key: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", MetadataValue::try_from(format!("Bearer {key}")).unwrap());
    request
}

#[tokio::test]
async fn platform_key_acts_in_its_own_organisation_only() {
    let stack = Stack::start().await;
    let spec: KeySpec = serde_json::from_value(serde_json::json!({"name": "ops", "scopes": ["platform"]})).unwrap();
    let key = stack.registry.create_key(&stack.organisation, spec, Terms::operator()).await.unwrap();
    let text = key.key.expose();
    let mut organisations = OrganisationsClient::new(stack.over_unix().await);
    let second = object::Organisation { name: "second".into(), ..Default::default() };
    let make = pb::CreateRequest { object: of(Kind::Organisation(second)), ..Default::default() };
    soon(organisations.create(make.clone())).await.unwrap();
    is(
        &soon(organisations.create(make.clone())).await.unwrap_err(),
        Code::AlreadyExists,
        "name: there is an organisation",
    );

    // The operator has to say which of the two.
    let open = soon(ProjectsClient::new(stack.over_unix().await).create(project("x"))).await.unwrap_err();
    is(&open, Code::InvalidArgument, "organisation: there are several");
    let mut projects = ProjectsClient::new(stack.over_tcp().await);
    let made = soon(projects.create(with_key(project("x"), text))).await.unwrap().into_inner();
    assert_eq!(project_of(made.object).organisation, stack.organisation.to_string());
    let elsewhere = pb::CreateRequest { organisation: Some("second".into()), ..project("y") };
    let refused = soon(projects.create(with_key(elsewhere, text))).await.unwrap_err();
    is(&refused, Code::NotFound, "organisation: there is no organisation `second`");
    assert_eq!(soon(projects.create(project("z"))).await.unwrap_err().code(), Code::Unauthenticated);

    let mut organisations = OrganisationsClient::new(stack.over_tcp().await);
    assert_eq!(soon(organisations.create(with_key(make, text))).await.unwrap_err().code(), Code::PermissionDenied);
    let seen = soon(organisations.list(with_key(pb::ListRequest::default(), text))).await.unwrap().into_inner().items;
    assert_eq!(seen.len(), 1);
    let mut audit = AuditClient::new(stack.over_tcp().await);
    let last = soon(audit.list(with_key(pb::ListAuditRequest { page_size: 1, ..Default::default() }, text))).await;
    assert_eq!(last.unwrap().into_inner().entries[0].actor, key.id);
}

#[tokio::test]
async fn objects_are_not_served_in_memory() {
    let stack = Stack::start().await;
    let mut projects = ProjectsClient::new(stack.in_process().await);
    let refused = soon(projects.list(pb::ListRequest::default())).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
}

async fn upload(
    stack: &Stack,
    declaration: pb::ScoresDeclaration,
    file: &str,
) -> Result<pb::UploadScoresResponse, Status> {
    let first = pb::UploadScoresRequest { part: Some(Part::Declaration(declaration)) };
    let chunks: Vec<_> = file.as_bytes().chunks(7).map(<[u8]>::to_vec).collect();
    let rest = chunks.into_iter().map(|bytes| pb::UploadScoresRequest { part: Some(Part::Chunk(bytes)) });
    let parts = tokio_stream::iter(std::iter::once(first).chain(rest));
    soon(ScorecardsClient::new(stack.over_unix().await).upload(parts)).await.map(tonic::Response::into_inner)
}

const SCORES: &str =
    "model,benchmark,score,n\nacme/small,tone,0.6,500\nacme/large,tone,0.9,500\nacme/small,code,0.2,500\n";

#[tokio::test]
async fn scores_are_uploaded_whole_and_again_as_the_same_scorecards() {
    let stack = Stack::start().await;
    let declaration = pb::ScoresDeclaration { file_name: "scores.csv".into(), ..Default::default() };
    let dry = pb::ScoresDeclaration { dry_run: true, ..declaration.clone() };
    let told = upload(&stack, dry, SCORES).await.unwrap();
    assert!(told.scorecards.len() == 2 && told.scorecards[0].etag.is_empty(), "{told:?}");
    assert!(stack.registry.list_scorecards(&stack.organisation).is_empty());

    let done = upload(&stack, declaration.clone(), SCORES).await.unwrap();
    let names: Vec<_> = done.scorecards.iter().map(|it| it.scorecard.clone().unwrap().name).collect();
    assert_eq!(names, ["tone", "code"]);
    let ids = |answer: &pb::UploadScoresResponse| -> Vec<_> {
        answer.scorecards.iter().map(|it| it.scorecard.clone().unwrap().id).collect()
    };
    let again = upload(&stack, declaration.clone(), &SCORES.replace("0.6", "0.7")).await.unwrap();
    assert_eq!(ids(&again), ids(&done));
    assert_eq!(stack.registry.list_scorecards(&stack.organisation).len(), 2);
    let both = pb::ScoresDeclaration { etag: "r1".into(), ..declaration };
    is(&upload(&stack, both, SCORES).await.unwrap_err(), Code::InvalidArgument, "etag: belongs to one object");
}

#[tokio::test]
async fn faults_of_a_file_of_scores_have_lines_and_nothing_is_saved() {
    let stack = Stack::start().await;
    let declaration = pb::ScoresDeclaration { file_name: "scores.csv".into(), ..Default::default() };
    let told = upload(&stack, declaration, &SCORES.replace("0.9", "NaN").replace("0.2", "x")).await.unwrap();
    let lines: Vec<_> = told.faults.iter().map(|fault| fault.line).collect();
    assert_eq!((lines, told.scorecards.len()), (vec![3, 4], 0));
    assert!(stack.registry.list_scorecards(&stack.organisation).is_empty());
    let wrong = pb::ScoresDeclaration { capabilities: vec!["Not A Tag".into()], ..Default::default() };
    is(&upload(&stack, wrong, SCORES).await.unwrap_err(), Code::InvalidArgument, "declaration.capabilities[0]");
    is(&upload(&stack, pb::ScoresDeclaration::default(), "").await.unwrap_err(), Code::InvalidArgument, "chunk: none");
}
