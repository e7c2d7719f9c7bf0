//! `signalbox routers|policies|providers list`.

use domain::{Candidates, Object, ObjectKind, Strategy};
use serde_json::json;

use crate::cli::{ListArgs, ListCommand};
use crate::exit::Exit;
use crate::output::{self, or_dash};
use crate::server_link::ServerLink;

/// The objects of a kind, from the server.
pub(crate) async fn fetch(args: &ListArgs, kind: ObjectKind) -> anyhow::Result<Vec<Object>> {
    ServerLink::connect(&args.server).await?.list(kind).await
}

/// `routers list`.
pub(crate) async fn routers(ListCommand::List(args): ListCommand) -> anyhow::Result<Exit> {
    let mut routers = Vec::new();
    for object in fetch(&args, ObjectKind::Router).await? {
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
pub(crate) async fn policies(ListCommand::List(args): ListCommand) -> anyhow::Result<Exit> {
    let default = fetch(&args, ObjectKind::Organisation).await?.into_iter().find_map(|object| match object {
        Object::Organisation(organisation) => organisation.default_policy.clone(),
        _ => None,
    });
    let mut policies = Vec::new();
    for object in fetch(&args, ObjectKind::Policy).await? {
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
pub(crate) async fn providers(ListCommand::List(args): ListCommand) -> anyhow::Result<Exit> {
    let (mut providers, mut credentials) = (Vec::new(), Vec::new());
    for kind in [ObjectKind::Provider, ObjectKind::Credential] {
        for object in fetch(&args, kind).await? {
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
        [provider.slug.to_string(), provider.base_url.clone(), secrets, zdr]
    });
    output::table(
        ["SLUG", "BASE URL", "CREDENTIALS", "ZDR"],
        rows.collect(),
        "no providers: set a provider's key in the environment, or apply a configuration",
    )?;
    Ok(Exit::Done)
}
