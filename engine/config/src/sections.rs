//! The sections of the file, in its order, and what must be unique in it.

mod blends;
mod calibration;
mod credentials;
mod keys;
mod models;
mod organisations;
mod policies;
mod providers;
mod routers;
mod rules;
mod scorecards;
mod spending;
mod timeouts;

use std::collections::BTreeMap;

use domain::Policy;
use domain::desired::{Desired, ScorecardSpec};

use crate::context::Context;
use crate::fields::{Fields, Item, shortened};
use crate::node::{Node, Value, joined};
use crate::readers::{object, tables};

type ReadTable<T> = fn(&mut Fields<'_>, &mut Context<'_>) -> Option<T>;

/// Reads the whole file; what is faulty is noted and left out.
pub(crate) fn read(root: &Node, context: &mut Context<'_>) -> Desired {
    let item = Item { path: String::new(), node: root };
    object(&item, context, &[], |fields, context| {
        let desired = Desired {
            calibration: fields
                .read("calibration", context, |item, context| object(item, context, &[], calibration::calibration)),
            organisations: section(fields, context, "organisations", "name", &[], organisations::organisation),
            projects: section(fields, context, "projects", "name", &[], organisations::project),
            providers: section(fields, context, "providers", "slug", &[], providers::provider),
            models: section(fields, context, "models", "id", &models::LATER, models::model),
            scorecards: scorecards(fields, context),
            blends: section(fields, context, "blends", "name", &[], blends::blend),
            policies: section(fields, context, "policies", "name", &[], policies::policy),
            routers: section(fields, context, "routers", "name", &[], routers::router),
            keys: section(fields, context, "keys", "name", &[], keys::key),
        };
        one_default_policy(fields, context);
        distinct_aliases(fields, context);
        keys::refuse_shared_secrets(&desired.keys, fields, context);
        Some(desired)
    })
    .unwrap_or_default()
}

/// Reads the tables of a section, each with another `identity`.
fn section<T>(
    fields: &mut Fields<'_>,
    context: &mut Context<'_>,
    key: &'static str,
    identity: &str,
    later: &[&str],
    read: ReadTable<T>,
) -> Vec<T> {
    let Some(items) = fields.take(key).and_then(|item| tables(&item, context)) else {
        return Vec::new();
    };
    refuse_twins(items.iter().filter_map(|item| child(item, identity)), text_of, context);
    items.iter().filter_map(|item| object(item, context, later, read)).collect()
}

/// One benchmark may have several versions: name and version together are what is unique.
fn scorecards(fields: &mut Fields<'_>, context: &mut Context<'_>) -> Vec<ScorecardSpec> {
    let Some(items) = fields.take("scorecards").and_then(|item| tables(&item, context)) else {
        return Vec::new();
    };
    let mut seen: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (table, item) in items.iter().filter_map(|table| Some((table, child(table, "name")?))) {
        let version = child(table, "version").and_then(|it| text_of(&it)).unwrap_or_default();
        let Some(title) = text_of(&item) else { continue };
        match seen.get(&(title.clone(), version.clone())) {
            Some(line) => {
                let message = format!(
                    "`{}` is already on line {line}: choose another name, or another version",
                    shortened(&title)
                );
                item.fault::<()>(context, message);
            }
            None => drop(seen.insert((title, version), item.node.spot.line)),
        }
    }
    items.iter().filter_map(|item| object(item, context, &[], scorecards::scorecard)).collect()
}

// === What must be unique ===

/// Notes every item whose text an earlier one has too.
pub(crate) fn refuse_twins<'a>(
    items: impl Iterator<Item = Item<'a>>,
    text: fn(&Item<'a>) -> Option<String>,
    context: &mut Context<'_>,
) {
    let mut seen = BTreeMap::new();
    for item in items {
        let Some(text) = text(&item) else { continue };
        match seen.get(&text) {
            Some(line) => {
                let message =
                    format!("`{}` is already on line {line}: choose another, or join the two", shortened(&text));
                item.fault::<()>(context, message);
            }
            None => drop(seen.insert(text, item.node.spot.line)),
        }
    }
}

pub(crate) fn text_of(item: &Item<'_>) -> Option<String> {
    match &item.node.value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}

/// The value of a key of a table, not counted as asked for.
pub(crate) fn child<'a>(item: &Item<'a>, key: &str) -> Option<Item<'a>> {
    let Value::Table(entries) = &item.node.value else { return None };
    let entry = entries.iter().find(|entry| entry.key == key)?;
    Some(Item { path: joined(&item.path, key), node: &entry.node })
}

fn tables_of<'a>(fields: &Fields<'a>, section: &str) -> Vec<Item<'a>> {
    let Some(Item { path, node }) = fields.peek(section) else { return Vec::new() };
    let Value::List(nodes) = &node.value else { return Vec::new() };
    nodes.iter().enumerate().map(|(place, node)| Item { path: format!("{path}[{place}]"), node }).collect()
}

/// The last table of a section with this name.
fn named<'a>(fields: &Fields<'a>, section: &str, name: &str) -> Option<Item<'a>> {
    let has_name = |table: &Item<'a>| child(table, "name").and_then(|item| text_of(&item)).is_some_and(|it| it == name);
    tables_of(fields, section).into_iter().rfind(has_name)
}

fn one_default_policy(fields: &Fields<'_>, context: &mut Context<'_>) {
    let mut first = None;
    for item in tables_of(fields, "policies").iter().filter_map(|table| child(table, "default")) {
        if !matches!(item.node.value, Value::Boolean(true)) {
            continue;
        }
        match first {
            None => first = Some(item.node.spot.line),
            Some(line) => {
                let message = format!("there is already a default policy on line {line}: keep one");
                item.fault::<()>(context, message);
            }
        }
    }
}

/// Two names may make one alias (`EU West` and `eu-west`), which only the slugs show.
fn distinct_aliases(fields: &Fields<'_>, context: &mut Context<'_>) {
    let mut seen: BTreeMap<String, (String, usize)> = BTreeMap::new();
    for table in tables_of(fields, "policies") {
        let Some(item) = child(&table, "slug").or_else(|| child(&table, "name")) else { continue };
        let Some(text) = text_of(&item) else { continue };
        let slug = if item.path.ends_with("slug") { text.clone() } else { Policy::slug_of(&text) };
        match seen.get(&slug) {
            // The same name twice has been told.
            Some((earlier, _)) if *earlier == text && item.path.ends_with("name") => {}
            Some((_, line)) => {
                let message = format!(
                    "makes the alias `@alias/{}`, as line {line} does: give one of them another slug",
                    shortened(&slug)
                );
                item.fault::<()>(context, message);
            }
            None => drop(seen.insert(slug, (text, item.node.spot.line))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use serde_json::Value as Json;

    use super::*;
    use crate::node::Spot;
    use crate::{Format, Secrets};

    /// The keys that a reader asks for, shown an empty table.
    fn asked<T>(read: ReadTable<T>) -> BTreeSet<String> {
        let node = Node { spot: Spot::START, value: Value::Table(Vec::new()) };
        let mut context = Context::new(Format::Toml, Secrets::Placeholder, Path::new(""));
        let mut fields = Fields::open(&Item { path: String::new(), node: &node }, &mut context).expect("a table");
        drop(read(&mut fields, &mut context));
        fields.asked().iter().map(|key| (*key).to_owned()).collect()
    }

    fn described(schema: &Json, shape: &str) -> BTreeSet<String> {
        let object = if shape == "ConfigFile" { schema } else { &schema["$defs"][shape] };
        let properties = object["properties"].as_object().unwrap_or_else(|| panic!("{shape} is in the schema"));
        for (key, property) in properties {
            assert!(property["description"].is_string(), "{shape}.{key} has a description");
        }
        assert_eq!(object["additionalProperties"], Json::Bool(false), "{shape} refuses unknown keys");
        properties.keys().cloned().collect()
    }

    #[test]
    fn schema_describes_exactly_the_keys_that_are_read() {
        let schema = crate::json_schema();
        let mut shapes = BTreeSet::from(["ConfigFile"]);
        let mut check = |shape: &'static str, read: BTreeSet<String>| {
            assert_eq!(described(&schema, shape), read, "{shape}");
            shapes.insert(shape);
        };
        check("CalibrationChoice", asked(calibration::calibration));
        check("Organisation", asked(organisations::organisation));
        check("Project", asked(organisations::project));
        check("SpendingBudget", asked(spending::budget_fields));
        check("BodyLogging", asked(spending::body_logging_fields));
        check("KeyBodyLogging", asked(spending::key_body_logging_fields));
        check("Provider", asked(providers::provider));
        check("ProviderTimeouts", asked(timeouts::timeouts));
        check("ProviderCredential", asked(credentials::credential));
        check("Model", asked(models::model));
        check("ModelPricing", asked(models::pricing));
        check("ModelModalities", asked(models::modalities));
        check("Scorecard", asked(scorecards::scorecard));
        check("ScorecardSource", asked(scorecards::source));
        check("ScorecardScore", asked(scorecards::score));
        check("Blend", asked(blends::blend));
        check("BlendWeight", asked(blends::weight));
        check("BlendOverride", asked(blends::correction));
        check("Policy", asked(policies::policy));
        check("PolicyCandidate", asked(policies::candidate));
        check("PolicyStrategy", asked(policies::strategy_table));
        check("PolicyRule", domain::Rule::KEYS.map(str::to_owned).into());
        check("Router", asked(routers::router));
        check("Key", asked(keys::key));
        check("KeyRouting", asked(keys::routing));
        check("KeyLimits", asked(spending::limits));
        let sections = described(&schema, "ConfigFile");
        assert_eq!(
            sections,
            [
                "blends",
                "calibration",
                "keys",
                "models",
                "organisations",
                "policies",
                "projects",
                "providers",
                "routers",
                "scorecards"
            ]
            .map(str::to_owned)
            .into()
        );
        let objects = schema["$defs"].as_object().expect("definitions").iter();
        let objects: BTreeSet<&str> =
            objects.filter(|(_, it)| it["properties"].is_object()).map(|(name, _)| name.as_str()).collect();
        shapes.remove("ConfigFile");
        assert_eq!(objects, shapes, "every table of the schema is compared with its reader");
    }
}
