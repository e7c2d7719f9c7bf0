//! Which fields the rules of a route can read, and a request's labels without what none of them reads.

use domain::{Condition, Field, Labels, Route, Tenant};

use super::{policy_on, reachable};

/// The labels that rules can read on a route. What no rule asks about, nobody needs to send or to keep.
pub fn labels_read(tenant: &Tenant, route: &Route, mut labels: Labels) -> Labels {
    let mut read = Labels::default();
    for field in label_fields(tenant, route) {
        match field {
            Field::Tag(key) => read.tags.extend(labels.tags.remove_entry(key)),
            Field::Header(name) => {
                if let Some(value) = labels.headers.remove(name) {
                    read.headers.add(name, &value);
                }
            }
            Field::Metadata(key) => read.metadata.extend(labels.metadata.remove_entry(key)),
            Field::Project => read.project = read.project.or_else(|| labels.project.take()),
            Field::KeyName => read.key_name = read.key_name.or_else(|| labels.key_name.take()),
            Field::User => read.user = read.user.or_else(|| labels.user.take()),
            Field::Model
            | Field::Stream
            | Field::HasTools
            | Field::HasImages
            | Field::HasSchema
            | Field::InputTokens
            | Field::MaxOutputTokens
            | Field::Complexity
            | Field::Capability(_) => {}
        }
    }
    read
}

/// The fields of labels that rules can read on a route, some of them several times.
pub fn label_fields<'a>(tenant: &'a Tenant, route: &Route) -> Vec<&'a Field> {
    let mut fields = Vec::new();
    for policy in policy_on(tenant, route).into_iter().flat_map(|policy| reachable(tenant, policy)) {
        for rule in policy.rules.declared() {
            collect(&rule.when, &mut fields);
        }
    }
    fields
}

fn collect<'a>(condition: &'a Condition, fields: &mut Vec<&'a Field>) {
    match condition {
        Condition::All(conditions) | Condition::Any(conditions) => {
            for condition in conditions {
                collect(condition, fields);
            }
        }
        Condition::Not(condition) => collect(condition, fields),
        Condition::Test(test) => {
            if is_label(test.field()) {
                fields.push(test.field());
            }
        }
    }
}

const fn is_label(field: &Field) -> bool {
    match field {
        Field::Tag(_) | Field::Header(_) | Field::Metadata(_) | Field::Project | Field::KeyName | Field::User => true,
        Field::Model
        | Field::Stream
        | Field::HasTools
        | Field::HasImages
        | Field::HasSchema
        | Field::InputTokens
        | Field::MaxOutputTokens
        | Field::Complexity
        | Field::Capability(_) => false,
    }
}
