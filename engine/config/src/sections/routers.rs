//! `[[routers]]`: endpoints of their own.

use std::collections::BTreeMap;

use domain::ProviderSlug;
use domain::desired::{CredentialSource, RouterSpec};

use crate::context::Context;
use crate::fields::{Fields, Item};
use crate::node::{Value, joined};
use crate::readers::{choice, model_ids, name, refuse_repeats, texts};

pub(crate) fn router(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Option<RouterSpec> {
    let title = fields.require("name", ("\"…\"", ""), context, name);
    let models =
        fields.require("models", ("[\"provider/name\"]", ", the models it may use"), context, |item, context| {
            if matches!(&item.node.value, Value::List(nodes) if nodes.is_empty()) {
                return item.fault(context, "is empty: name at least one model");
            }
            model_ids(item, context)
        });
    let policy = fields.read("policy", context, name);
    let credentials = fields.read("credentials", context, credentials).unwrap_or_default();
    let scorecards = fields.read("scorecards", context, scorecards).unwrap_or_default();
    Some(RouterSpec { name: title?, models: models?, policy, scorecards, credentials })
}

fn scorecards(item: &Item<'_>, context: &mut Context<'_>) -> Option<Vec<String>> {
    refuse_repeats(item, context);
    texts(item, context)
}

fn credentials(item: &Item<'_>, context: &mut Context<'_>) -> Option<BTreeMap<ProviderSlug, CredentialSource>> {
    const SOURCES: [(&str, CredentialSource); 2] =
        [("managed", CredentialSource::Managed), ("user", CredentialSource::User)];
    let Value::Table(entries) = &item.node.value else {
        let expected = format!("a table such as {{ {} }}", context.pair("acme", "\"managed\""));
        return item.wrong_kind(context, &expected);
    };
    let mut credentials = BTreeMap::new();
    for entry in entries {
        let value = Item { path: joined(&item.path, &entry.key), node: &entry.node };
        match ProviderSlug::parse(&entry.key) {
            Err(error) => context.fault(&value.path, entry.spot, error.to_string()),
            Ok(slug) => {
                if let Some(source) = choice(&value, context, &SOURCES) {
                    credentials.insert(slug, source);
                }
            }
        }
    }
    Some(credentials)
}
