//! `signalbox keys update`: the options become a key with some fields, and a mask that says which.

use domain::{ApiKey, ObjectKind, Timestamp};
use proto::mask;
use proto::pb::admin::v1 as pb;
use proto::pb::object::v1 as object;

use super::{document, key_of, wanted};
use crate::cli::{UpdateKeyArgs, Wish};
use crate::commands::budgets;
use crate::exit::{Exit, UsageError};
use crate::output::{self, or_dash};
use crate::server_link::{ServerLink, diff_of, object_of, told};

/// Changes a key.
pub(super) async fn run(args: UpdateKeyArgs) -> anyhow::Result<Exit> {
    let mut server = ServerLink::connect(&args.answer.server).await?;
    let held = key_of(server.get(ObjectKind::Key, &args.key_ref).await?.0)?;
    let change = Change::of(&args, &held)?;
    if change.paths.is_empty() {
        let message = "nothing to change: give --active, --inactive, --policy, a limit or another option of `--help`";
        return Err(UsageError(message.to_owned()).into());
    }
    let paths: Vec<&str> = change.paths.iter().map(String::as_str).collect();
    let request = pb::UpdateRequest {
        name: held.id.to_string(),
        object: Some(object::Object { object: Some(object::object::Object::Key(change.wanted)) }),
        update_mask: Some(mask::of(&paths)),
        ..pb::UpdateRequest::default()
    };
    let changed = server.objects().update(ObjectKind::Key, request).await.map_err(told)?;
    let key = key_of(object_of(changed.object)?)?;
    if args.answer.json {
        output::json(&document(&key))?;
        return Ok(Exit::Done);
    }
    let routing =
        key.routing.as_ref().map(|it| format!("{} ({})", it.policy, if it.active { "active" } else { "inactive" }));
    output::line(format!("{} `{}`: policy {}", key.id, key.name, or_dash(routing)))?;
    for change in diff_of(changed.diff)?.lines.iter().flat_map(|line| &line.changes) {
        output::line(format!("    {change}"))?;
    }
    Ok(Exit::Done)
}

/// The fields that the options are about, and what they shall be.
#[derive(Default)]
struct Change {
    wanted: object::Key,
    paths: Vec<String>,
}

impl Change {
    fn of(args: &UpdateKeyArgs, held: &ApiKey) -> anyhow::Result<Self> {
        let mut change = Self::default();
        change.routing(args, held);
        change.reach(args)?;
        change.limits(args, held)?;
        if let Some(budget) = args.spending.budget {
            change.wanted.budget = budgets::message(budget, args.spending.soft_budget)?;
            change.paths.push("budget".to_owned());
        }
        if let Some(bodies) = args.spending.body_logging {
            change.wanted.body_logging = wanted::bodies(bodies);
            change.paths.push("body_logging".to_owned());
        }
        if let Some(user) = &args.spending.user {
            change.wanted.user = user.clone().value();
            change.paths.push("user".to_owned());
        }
        Ok(change)
    }

    fn routing(&mut self, args: &UpdateKeyArgs, held: &ApiKey) {
        let active = match (args.active, args.inactive) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            (false, false) => None,
        };
        match (args.policy.clone(), active) {
            (None, None) => {}
            // A key that gets its first policy is meant to use it.
            (Some(Wish::Some(policy)), active) => {
                let active = active.unwrap_or_else(|| held.routing.as_ref().is_none_or(|held| held.active));
                self.wanted.routing = Some(object::KeyRouting { policy, active });
                self.paths.push("routing".to_owned());
            }
            (Some(Wish::None), _) => self.paths.push("routing".to_owned()),
            (None, Some(active)) => {
                self.wanted.routing = Some(object::KeyRouting { policy: String::new(), active });
                self.paths.push("routing.active".to_owned());
            }
        }
    }

    /// Which models, and until when.
    fn reach(&mut self, args: &UpdateKeyArgs) -> anyhow::Result<()> {
        if args.allow_all_models || !args.allow_model.is_empty() {
            self.wanted.allowed_models.clone_from(&args.allow_model);
            self.paths.push("allowed_models".to_owned());
        }
        if let Some(end) = args.expires_at.clone() {
            let end = end.value().map(|text| wanted::end(&text)).transpose()?;
            self.wanted.expires_at_micros = end.map(Timestamp::unix_micros);
            self.paths.push("expires_at_micros".to_owned());
        }
        Ok(())
    }

    fn limits(&mut self, args: &UpdateKeyArgs, held: &ApiKey) -> anyhow::Result<()> {
        self.wanted.limits = wanted::limits(&args.spending);
        let each = wanted::each_limit(&args.spending);
        self.paths.extend(each.iter().filter(|(_, wish)| wish.is_some()).map(|(name, _)| format!("limits.{name}")));
        if args.no_per_user {
            self.paths.push("per_user".to_owned());
        }
        if args.per_user {
            let before = held.limits.each();
            let then = std::array::from_fn(|place| match each[place].1 {
                Some(wish) => wish.value().map(u64::from),
                None => before[place].1,
            });
            let nothing = || UsageError("--per-user: gives each user the limits of the key: give it some".to_owned());
            self.wanted.per_user = Some(wanted::message(then).ok_or_else(nothing)?);
            self.paths.push("per_user".to_owned());
        }
        Ok(())
    }
}
