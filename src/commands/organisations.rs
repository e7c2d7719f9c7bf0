//! `signalbox organisations …`: the tenants of a server.

use domain::{Object, ObjectKind};
use proto::pb::admin::v1 as pb;
use proto::pb::object::v1 as object;
use proto::pb::object::v1::object::Object as Kind;

use crate::cli::{AnswerArgs, CreateOrganisationArgs, OrganisationsCommand};
use crate::commands::lists::fetch;
use crate::commands::{budgets, objects};
use crate::exit::Exit;
use crate::output::{self, or_dash};
use crate::server_link::{ServerLink, object_of, told};

/// Runs one of them.
pub(crate) async fn run(command: OrganisationsCommand) -> anyhow::Result<Exit> {
    match command {
        OrganisationsCommand::List(args) => list(args).await,
        OrganisationsCommand::Show(args) => objects::show(ObjectKind::Organisation, args).await,
        OrganisationsCommand::Create(args) => create(args).await,
        OrganisationsCommand::Budget(args) => budgets::organisation(args).await,
        OrganisationsCommand::BodyLogging(args) => budgets::body_logging(args).await,
    }
}

async fn list(args: AnswerArgs) -> anyhow::Result<Exit> {
    let mut organisations = Vec::new();
    for object in fetch(&args, ObjectKind::Organisation).await? {
        if let Object::Organisation(organisation) = object {
            organisations.push(organisation);
        }
    }
    if args.json {
        output::json(&organisations)?;
        return Ok(Exit::Done);
    }
    let rows = organisations.iter().map(|it| {
        let policy = or_dash(it.default_policy.as_ref());
        [it.id.to_string(), it.name.clone(), policy, or_dash(it.budget)]
    });
    let empty = "no organisations: start the server once";
    output::table(["ID", "NAME", "DEFAULT POLICY", "BUDGET"], rows.collect(), empty)?;
    Ok(Exit::Done)
}

async fn create(args: CreateOrganisationArgs) -> anyhow::Result<Exit> {
    let wanted = object::Organisation { name: args.name, ..object::Organisation::default() };
    let wanted = object::Object { object: Some(Kind::Organisation(wanted)) };
    let request = pb::CreateRequest { object: Some(wanted), ..pb::CreateRequest::default() };
    let mut server = ServerLink::connect(&args.server).await?;
    let made = server.objects().create(ObjectKind::Organisation, request).await.map_err(told)?;
    objects::print_object(objects::fields(&object_of(made.object)?)?, &made.etag, args.json)?;
    Ok(Exit::Done)
}
