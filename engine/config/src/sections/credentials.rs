//! `credentials` of a provider: API keys, and what tokens are fetched with.

use domain::catalogue::{Credential, CredentialKind, Owner};
use domain::desired::{CredentialSpec, SecretText};
use domain::{ClientCredentials, CredentialsFault};

use super::{child, refuse_twins, text_of};
use crate::context::Context;
use crate::fields::{Fields, Item};
use crate::readers::{choice, items, list, name, object, rank, text};
use crate::secrets::{self, Found};

const OWNERS: [(&str, Owner); 3] = [("managed", Owner::Managed), ("org", Owner::Org), ("user", Owner::User)];
const KINDS: [(&str, CredentialKind); 2] =
    [("api_key", CredentialKind::ApiKey), ("oauth_client_credentials", CredentialKind::OauthClientCredentials)];

pub(crate) fn credentials(item: &Item<'_>, context: &mut Context<'_>) -> Option<Vec<CredentialSpec>> {
    let tables = items(item, context)?;
    refuse_twins(tables.iter().filter_map(|table| child(table, "name")), text_of, context);
    list(item, context, |item, context| object(item, context, &[], credential))
}

pub(crate) fn credential(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<CredentialSpec> {
    let title = fields.require("name", ("\"main\"", ", unique within the provider"), context, name);
    let kind = fields.take("kind").map_or(Some(CredentialKind::ApiKey), |item| choice(&item, context, &KINDS));
    let owner = fields.read("owner", context, |item, context| choice(item, context, &OWNERS)).unwrap_or_default();
    let user = fields.read("user", context, text);
    let weight = fields.take("weight").map_or(Some(1), |item| rank(&item, context));
    if let Some((field, fault)) = Credential::sharing_fault(weight.unwrap_or(1), owner, user.as_deref())
        && let Some(item) = fields.peek(field)
    {
        item.fault::<()>(context, fault);
    }
    let secret = secret(fields, context);
    let secret = match kind {
        Some(CredentialKind::ApiKey) => {
            refuse_client(fields, context);
            secret
        }
        Some(CredentialKind::OauthClientCredentials) => client(fields, secret, context),
        None => {
            // Which of them are right depends on the kind.
            for key in ["token_url", "client_id", "scope"] {
                drop(fields.take(key));
            }
            None
        }
    };
    Some(CredentialSpec { name: title?, owner, user, kind: kind?, weight: weight?, secret: secret? })
}

fn secret(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<SecretText> {
    match secrets::read(fields, context) {
        Found::Secret(secret, _) => Some(secret),
        Found::Faulty => None,
        Found::Absent => {
            let pair = context.pair("secret_env", "\"ACME_KEY\"");
            let message =
                format!("has no secret: write {pair} and put the secret into that variable, or use secret_file");
            fields.miss("secret_env", message)
        }
    }
}

/// Where tokens come from is no part of an API key.
fn refuse_client(fields: &mut Fields<'_>, context: &mut Context<'_>) {
    for key in ["token_url", "client_id", "scope"] {
        if let Some(item) = fields.take(key) {
            let kind = context.pair("kind", "\"oauth_client_credentials\"");
            item.fault::<()>(context, format!("is no part of an API key: write {kind}, or take it out"));
        }
    }
}

/// What a token is fetched with, as one secret.
fn client(fields: &mut Fields<'_>, secret: Option<SecretText>, context: &mut Context<'_>) -> Option<SecretText> {
    let hint = ("\"https://login.example.com/oauth2/token\"", ", where tokens are given out");
    let token_url = fields.require("token_url", hint, context, text);
    let client_id = fields.require("client_id", ("\"…\"", ", whose secret this is"), context, text);
    let scope = fields.read("scope", context, text);
    let client = ClientCredentials {
        token_url: token_url?,
        client_id: client_id?,
        client_secret: secret?.expose().to_owned(),
        scope,
    };
    if let Some(CredentialsFault { field, message }) = client.fault() {
        // The secret itself has been looked at where it was read.
        let item = fields.peek(field)?;
        return item.fault(context, message);
    }
    Some(SecretText::new(client.to_secret()))
}
