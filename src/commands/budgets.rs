//! `signalbox projects|organisations budget`, `signalbox organisations body-logging`: what may be spent and kept.

use std::num::NonZeroU32;

use domain::{Budget, BudgetMode, ObjectKind};
use proto::mask;
use proto::pb::admin::v1 as pb;
use proto::pb::object::v1 as object;
use proto::pb::object::v1::object::Object as Kind;

use crate::cli::{ActArgs, BodyLoggingArgs, BudgetArgs, ProjectsCommand, Wish};
use crate::commands::{objects, print_diff};
use crate::exit::{Exit, UsageError};
use crate::server_link::{ServerLink, diff_of, told};

/// Runs one of the commands over projects.
pub(crate) async fn projects(command: ProjectsCommand) -> anyhow::Result<Exit> {
    match command {
        ProjectsCommand::Object(command) => objects::run(ObjectKind::Project, command).await,
        ProjectsCommand::Budget(args) => {
            let budget = message(args.budget, args.soft)?;
            let project = object::Project { budget, ..object::Project::default() };
            update(ObjectKind::Project, Kind::Project(project), "budget", args.act).await
        }
    }
}

/// Says what an organisation may spend.
pub(crate) async fn organisation(args: BudgetArgs) -> anyhow::Result<Exit> {
    let budget = message(args.budget, args.soft)?;
    let organisation = object::Organisation { budget, ..object::Organisation::default() };
    update(ObjectKind::Organisation, Kind::Organisation(organisation), "budget", args.act).await
}

/// Says how long an organisation's bodies are kept.
pub(crate) async fn body_logging(args: BodyLoggingArgs) -> anyhow::Result<Exit> {
    let body_logging = retention(args.days);
    let organisation = object::Organisation { body_logging, ..object::Organisation::default() };
    update(ObjectKind::Organisation, Kind::Organisation(organisation), "body_logging", args.act).await
}

/// The budget that the options ask for, or none.
pub(crate) fn message(wish: Wish<Budget>, is_soft: bool) -> anyhow::Result<Option<object::Budget>> {
    match (wish, is_soft) {
        (Wish::None, true) => Err(UsageError("a budget that is taken away is neither hard nor soft".to_owned()).into()),
        (Wish::None, false) => Ok(None),
        (Wish::Some(budget), true) => Ok(Some((&Budget { mode: BudgetMode::Soft, ..budget }).into())),
        (Wish::Some(budget), false) => Ok(Some((&budget).into())),
    }
}

/// For how long bodies are kept.
fn retention(days: Wish<NonZeroU32>) -> Option<object::BodyLogging> {
    days.value().map(|days| object::BodyLogging { retention_days: days.get() })
}

async fn update(kind: ObjectKind, wanted: Kind, field: &str, act: ActArgs) -> anyhow::Result<Exit> {
    let request = pb::UpdateRequest {
        name: act.name,
        object: Some(object::Object { object: Some(wanted) }),
        update_mask: Some(mask::of(&[field])),
        etag: act.etag.unwrap_or_default(),
        ..pb::UpdateRequest::default()
    };
    let changed = ServerLink::connect(&act.server).await?.objects().update(kind, request).await.map_err(told)?;
    print_diff(&diff_of(changed.diff)?, act.json, false)?;
    Ok(Exit::Done)
}
