//! `signalbox <noun> list`: tables for people, and the objects as they are for programs.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::bail;
use domain::{Blend, BlendWeight, Candidates, Object, ObjectKind, Project, Scorecard, Strategy};
use serde_json::json;

use crate::cli::AnswerArgs;
use crate::exit::Exit;
use crate::output::{self, or_dash};
use crate::server_link::ServerLink;

/// The objects of a kind, from the server.
pub(crate) async fn fetch(args: &AnswerArgs, kind: ObjectKind) -> anyhow::Result<Vec<Object>> {
    ServerLink::connect(&args.server).await?.list(kind).await
}

/// Lists the objects of a kind.
pub(crate) async fn run(kind: ObjectKind, args: &AnswerArgs) -> anyhow::Result<Exit> {
    match kind {
        ObjectKind::Router => routers(args).await,
        ObjectKind::Policy => policies(args).await,
        ObjectKind::Provider => providers(args).await,
        ObjectKind::Project => projects(args).await,
        ObjectKind::Scorecard => scorecards(args).await,
        ObjectKind::Blend => blends(args).await,
        ObjectKind::Pepper
        | ObjectKind::Organisation
        | ObjectKind::Credential
        | ObjectKind::Model
        | ObjectKind::Key => bail!("a {kind} has no list here"),
    }
}

async fn projects(args: &AnswerArgs) -> anyhow::Result<Exit> {
    let mut projects = Vec::new();
    for object in fetch(args, ObjectKind::Project).await? {
        if let Object::Project(project) = object {
            projects.push(project);
        }
    }
    if args.json {
        output::json(&projects)?;
        return Ok(Exit::Done);
    }
    let row = |it: &Arc<Project>| [it.id.to_string(), it.name.clone(), or_dash(it.policy.as_ref()), or_dash(it.budget)];
    let empty = "no projects: make one with `signalbox projects create --file FILE`";
    output::table(["ID", "NAME", "POLICY", "BUDGET"], projects.iter().map(row).collect(), empty)?;
    Ok(Exit::Done)
}

async fn scorecards(args: &AnswerArgs) -> anyhow::Result<Exit> {
    let mut scorecards = Vec::new();
    for object in fetch(args, ObjectKind::Scorecard).await? {
        if let Object::Scorecard(scorecard) = object {
            scorecards.push(scorecard);
        }
    }
    if args.json {
        output::json(&scorecards)?;
        return Ok(Exit::Done);
    }
    let row = |it: &Arc<Scorecard>| {
        let tags: Vec<_> = it.capabilities.iter().map(ToString::to_string).collect();
        let date = it.source.date.as_ref().or(it.retrieved.as_ref());
        [it.id.to_string(), it.label(), it.metric.clone(), it.cells.len().to_string(), tags.join(" "), or_dash(date)]
    };
    output::table(
        ["ID", "NAME", "METRIC", "MODELS", "CAPABILITIES", "DATE"],
        scorecards.iter().map(row).collect(),
        "no scorecards: bring one with `signalbox scorecards upload FILE`",
    )?;
    Ok(Exit::Done)
}

async fn blends(args: &AnswerArgs) -> anyhow::Result<Exit> {
    let mut names = BTreeMap::new();
    for object in fetch(args, ObjectKind::Scorecard).await? {
        names.insert(object.key().id, object.name());
    }
    let mut blends = Vec::new();
    for object in fetch(args, ObjectKind::Blend).await? {
        if let Object::Blend(blend) = object {
            blends.push(blend);
        }
    }
    if args.json {
        output::json(&blends)?;
        return Ok(Exit::Done);
    }
    let row = |it: &Arc<Blend>| {
        let weight = |weight: &BlendWeight| {
            let id = weight.benchmark.to_string();
            format!("{} {}", weight.weight, names.get(&id).unwrap_or(&id))
        };
        let weights: Vec<_> = it.weights.iter().map(weight).collect();
        let fallback = or_dash(it.fallback_model.as_ref());
        [it.id.to_string(), it.name.clone(), it.version.to_string(), weights.join(", "), fallback]
    };
    output::table(
        ["ID", "NAME", "VERSION", "WEIGHTS", "FALLBACK"],
        blends.iter().map(row).collect(),
        "no blends: make one with `signalbox blends create --file FILE`",
    )?;
    Ok(Exit::Done)
}

/// `routers list`.
async fn routers(args: &AnswerArgs) -> anyhow::Result<Exit> {
    let mut routers = Vec::new();
    for object in fetch(args, ObjectKind::Router).await? {
        if let Object::Router(router) = object {
            routers.push(router);
        }
    }
    if args.json {
        output::json(&routers)?;
        return Ok(Exit::Done);
    }
    let rows = routers.iter().map(|router| {
        let models: Vec<_> = router.models.iter().map(ToString::to_string).collect();
        let policy = router.policy.as_ref().map_or_else(|| "intelligent / performance".to_owned(), ToString::to_string);
        [router.id.to_string(), router.name.clone(), policy, models.join(" ")]
    });
    output::table(
        ["ID", "NAME", "POLICY", "MODELS"],
        rows.collect(),
        "no routers: make one with `[[routers]]` in a file and `signalbox apply -f FILE`",
    )?;
    Ok(Exit::Done)
}

/// `policies list`.
async fn policies(args: &AnswerArgs) -> anyhow::Result<Exit> {
    let default = fetch(args, ObjectKind::Organisation).await?.into_iter().find_map(|object| match object {
        Object::Organisation(organisation) => organisation.default_policy.clone(),
        _ => None,
    });
    let mut policies = Vec::new();
    for object in fetch(args, ObjectKind::Policy).await? {
        if let Object::Policy(policy) = object {
            policies.push(policy);
        }
    }
    if args.json {
        let documents: Vec<_> = policies
            .iter()
            .map(|policy| {
                let mut document = json!(policy);
                document["default"] = json!(default.as_ref() == Some(&policy.id));
                document
            })
            .collect();
        output::json(&documents)?;
        return Ok(Exit::Done);
    }
    let rows = policies.iter().map(|policy| {
        let strategy = match &policy.strategy {
            Strategy::Single { model } => format!("single: {model}"),
            Strategy::Blend { blend } => format!("blend: {blend}"),
            Strategy::Optimal(it) => format!("optimal: {it}"),
            Strategy::Intelligent { axis } => format!("intelligent / {}", axis.as_str()),
            other => other.as_str().to_owned(),
        };
        let models = match &policy.candidates {
            Candidates::All => "*".to_owned(),
            Candidates::Listed(listed) => listed.iter().map(|it| it.model.to_string()).collect::<Vec<_>>().join(" "),
        };
        let rules = match policy.rules.declared().len() {
            0 => String::new(),
            count => count.to_string(),
        };
        let is_default = if default.as_ref() == Some(&policy.id) { "yes" } else { "" };
        [
            policy.id.to_string(),
            policy.name.clone(),
            format!("@alias/{}", policy.slug),
            is_default.to_owned(),
            strategy,
            rules,
            models,
        ]
    });
    output::table(["ID", "NAME", "ALIAS", "DEFAULT", "STRATEGY", "RULES", "MODELS"], rows.collect(), "no policies")?;
    Ok(Exit::Done)
}

/// `providers list`.
async fn providers(args: &AnswerArgs) -> anyhow::Result<Exit> {
    let (mut providers, mut credentials) = (Vec::new(), Vec::new());
    for kind in [ObjectKind::Provider, ObjectKind::Credential] {
        for object in fetch(args, kind).await? {
            match object {
                Object::Provider(provider) => providers.push(provider),
                Object::Credential(credential) => credentials.push(credential),
                _ => {}
            }
        }
    }
    if args.json {
        output::json(&providers)?;
        return Ok(Exit::Done);
    }
    let rows = providers.iter().map(|provider| {
        let mine = credentials.iter().filter(|credential| credential.provider == provider.slug);
        let secrets: Vec<_> = mine.map(|credential| format!("{} ({})", credential.name, credential.hint)).collect();
        let secrets =
            if secrets.is_empty() && provider.allow_anonymous { "needs none".to_owned() } else { secrets.join(", ") };
        let zdr = or_dash(provider.zero_data_retention.map(|zdr| if zdr { "yes" } else { "no" }));
        [provider.slug.to_string(), provider.dialect.as_str().to_owned(), provider.base_url.clone(), secrets, zdr]
    });
    output::table(
        ["SLUG", "DIALECT", "BASE URL", "CREDENTIALS", "ZDR"],
        rows.collect(),
        "no providers: set a provider's key in the environment, or apply a configuration",
    )?;
    Ok(Exit::Done)
}
