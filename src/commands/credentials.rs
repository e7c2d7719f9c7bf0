//! `signalbox credentials …`: the secrets of providers. They come out of the environment or a file, never from the
//! command line, which others can read; and no command shows them again.

use std::io::Read;
use std::path::Path;

use anyhow::Context;
use domain::{ClientCredentials, Credential, CredentialState, CredentialsFault, Object, ObjectKind, SecretText};
use proto::pb::admin::v1 as pb;
use proto::pb::object::v1 as object;
use serde_json::Value;

use crate::cli::{AnswerArgs, CredentialsCommand, KindChoice, OwnerChoice, SecretArgs};
use crate::commands::{objects, print_diff};
use crate::exit::{Exit, UsageError};
use crate::output;
use crate::server_link::{ServerLink, diff_of, told};

/// Runs one of them.
pub(crate) async fn run(command: CredentialsCommand) -> anyhow::Result<Exit> {
    match command {
        CredentialsCommand::List(args) => list(args).await,
        CredentialsCommand::Show(args) => objects::show(ObjectKind::Credential, args).await,
        CredentialsCommand::Create(args) => {
            let (request, mut server) = (request(&args)?, ServerLink::connect(&args.server).await?);
            changed(&args, server.objects().create_secret(request).await.map_err(told)?)
        }
        CredentialsCommand::Rotate(args) => {
            let (request, mut server) = (request(&args)?, ServerLink::connect(&args.server).await?);
            changed(&args, server.objects().update_secret(request).await.map_err(told)?)
        }
        CredentialsCommand::Delete(args) => objects::delete(ObjectKind::Credential, args).await,
    }
}

async fn list(args: AnswerArgs) -> anyhow::Result<Exit> {
    let mut server = ServerLink::connect(&args.server).await?;
    let objects = server.list(ObjectKind::Credential).await?;
    let states = server.credential_states().await?;
    let state = |credential: &Credential| states.get(&credential.id).copied().unwrap_or(CredentialState::Healthy);
    if args.json {
        let document = |object: &Object| -> anyhow::Result<Value> {
            let mut fields = objects::fields(object)?;
            if let (Value::Object(fields), Object::Credential(it)) = (&mut fields, object) {
                fields.insert("state".to_owned(), state(it).as_str().into());
            }
            Ok(fields)
        };
        output::json(&objects.iter().map(document).collect::<anyhow::Result<Vec<_>>>()?)?;
        return Ok(Exit::Done);
    }
    let mut rows = Vec::new();
    for object in &objects {
        if let Object::Credential(it) = object {
            let owner = match &it.user {
                Some(user) => format!("{}: {user}", it.owner.as_str()),
                None => it.owner.as_str().to_owned(),
            };
            rows.push([
                it.id.to_string(),
                object.name(),
                it.kind.as_str().to_owned(),
                owner,
                it.weight.to_string(),
                it.hint.clone(),
                it.version.to_string(),
                state(it).as_str().to_owned(),
            ]);
        }
    }
    let empty =
        "no credentials: give a provider one with `signalbox credentials create PROVIDER/NAME --secret-env VARIABLE`";
    output::table(["ID", "NAME", "KIND", "OWNER", "WEIGHT", "SECRET", "VERSION", "STATE"], rows, empty)?;
    Ok(Exit::Done)
}

fn request(args: &SecretArgs) -> anyhow::Result<pb::SecretRequest> {
    let (provider, name) = args.name.split_once('/').ok_or_else(|| {
        UsageError(format!("`{}`: is no credential's name: write PROVIDER/NAME, such as acme/main", args.name))
    })?;
    let owner = args.owner.map(|owner| match owner {
        OwnerChoice::Managed => object::Owner::Managed.into(),
        OwnerChoice::Org => object::Owner::Org.into(),
        OwnerChoice::User => object::Owner::User.into(),
    });
    let secret = secret(args)?;
    let client = client(args, &secret)?;
    let kind = match (args.kind, &client) {
        (Some(KindChoice::ApiKey), _) => Some(object::CredentialKind::ApiKey.into()),
        (Some(KindChoice::OauthClientCredentials), _) | (None, Some(_)) => {
            Some(object::CredentialKind::OauthClientCredentials.into())
        }
        (None, None) => None,
    };
    Ok(pb::SecretRequest {
        provider: provider.to_owned(),
        name: name.to_owned(),
        secret: client.unwrap_or_else(|| secret.expose().to_owned()),
        etag: args.etag.clone().unwrap_or_default(),
        owner,
        kind,
        user: args.user.clone().map(|user| user.value().unwrap_or_default()),
        weight: args.weight,
        ..pb::SecretRequest::default()
    })
}

/// The secret of an OAuth client, with what else a token takes.
fn client(args: &SecretArgs, secret: &SecretText) -> anyhow::Result<Option<String>> {
    let (Some(token_url), Some(client_id)) = (&args.token_url, &args.client_id) else { return Ok(None) };
    if args.kind == Some(KindChoice::ApiKey) {
        return Err(UsageError("--token-url: is no part of an API key: leave out one of the two".to_owned()).into());
    }
    let client = ClientCredentials {
        token_url: token_url.clone(),
        client_id: client_id.clone(),
        client_secret: secret.expose().to_owned(),
        scope: args.scope.clone(),
    };
    match client.fault() {
        Some(CredentialsFault { field, message }) => {
            Err(UsageError(format!("--{}: {message}", field.replace('_', "-"))).into())
        }
        None => Ok(Some(client.to_secret())),
    }
}

/// Reads the secret; ends of lines are no part of it.
fn secret(args: &SecretArgs) -> anyhow::Result<SecretText> {
    let text = match (&args.secret_env, &args.secret_file) {
        (Some(variable), _) => std::env::var(variable).map_err(|_| {
            UsageError(format!("--secret-env: `{variable}` is not set, or is no text: run `export {variable}=…` first"))
        })?,
        (None, Some(file)) if file == Path::new("-") => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
            text
        }
        (None, Some(file)) => {
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?
        }
        (None, None) => return Err(UsageError("give --secret-env VARIABLE or --secret-file FILE".to_owned()).into()),
    };
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(UsageError("the secret is empty".to_owned()).into()),
        secret => Ok(SecretText::new(secret.to_owned())),
    }
}

fn changed(args: &SecretArgs, changed: pb::ChangeResponse) -> anyhow::Result<Exit> {
    print_diff(&diff_of(changed.diff)?, args.json, false)?;
    Ok(Exit::Done)
}
