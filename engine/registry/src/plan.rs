//! Turns a desired configuration into changes: what is new, what differs, and everything wrong with it.
//!
//! Works on a copy of the organisation's tables, so references inside one file work in any order, and the whole result
//! is validated before anything is written. Pure but for the randomness of new ids, seals and keys.

mod credentials;
mod keys;
mod policies;
mod providers;
mod removal;
mod routers;
mod scorecards;
mod single;

use std::collections::{HashMap, HashSet};
use std::fmt::Display;
use std::sync::Arc;

use domain::desired::{Action, Desired, DesiredFault, Diff, DiffLine, KeySpec};
use domain::{
    Benchmark, Change, KeyHash, KeyId, Object, ObjectKey, ObjectKind, OrganisationId, PolicyId, Snapshot, Tenant,
    Timestamp,
};
use seal::{Keyring, Pepper};
use serde::Serialize;

use crate::diff::{self, Names};
use crate::journal::Record;
use crate::journal::read::with_version;
use crate::kept::AuditAction;
use crate::keys::Keys;
use crate::validate::{self, Finding, Proposed, Reach};

pub(crate) use removal::{Removal, remove};
pub(crate) use single::{save, save_all, save_credential};

/// The order in which a diff is told.
const SECTIONS: [&str; 10] =
    ["organisation", "project", "provider", "credential", "model", "scorecard", "blend", "policy", "router", "key"];

/// What a plan is made from.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) organisation: &'a OrganisationId,
    pub(crate) keyring: &'a Keyring,
    pub(crate) pepper: &'a Pepper,
    pub(crate) now: Timestamp,
}

/// What is to be written, and what to tell.
#[derive(Debug, Default)]
pub(crate) struct Planned {
    pub(crate) changes: Vec<Change>,
    /// What the audit log will say.
    pub(crate) records: Vec<Record>,
    pub(crate) diff: Diff,
}

/// Plans an apply, or returns everything that is wrong with it.
pub(crate) fn apply(context: Context<'_>, desired: &Desired) -> Result<Planned, Vec<DesiredFault>> {
    let mut plan = Plan::new(context)?;
    plan.providers(desired);
    plan.models(desired);
    plan.scorecards(&desired.scorecards);
    plan.blends(&desired.blends);
    let default = plan.policies(&desired.policies);
    plan.organisation(&desired.organisations, default, desired.calibration.as_ref());
    plan.projects(&desired.projects);
    plan.routers(&desired.routers);
    plan.keys(&desired.keys);
    plan.finish()
}

/// Plans a new API key, or returns everything that is wrong with it.
pub(crate) fn create_key(context: Context<'_>, spec: &KeySpec) -> Result<Planned, Vec<DesiredFault>> {
    let mut plan = Plan::new(context)?;
    plan.new_key(spec);
    plan.finish()
}

/// Sorts what a plan tells as the file runs: by section, then `models[2]` before `models[10]`.
fn in_file_order(path: &str) -> (usize, Vec<(usize, String)>) {
    let section = SECTIONS.iter().position(|kind| path.starts_with(&format!("{}[", plural(kind))));
    let mut pieces = Vec::new();
    for piece in path.split('[') {
        let digits = piece.find(|it: char| !it.is_ascii_digit()).unwrap_or(piece.len());
        pieces.push((piece[..digits].parse().unwrap_or(0), piece[digits..].to_owned()));
    }
    (section.unwrap_or(SECTIONS.len()), pieces)
}

/// What is wrong with a scorecard in the words of the file, which has other names for its scores and its scale.
fn in_file(field: String, message: &str) -> (String, String) {
    let message = message.replace("`normalisation.max`", "`max`").replace("`normalisation`", "`min` and `max`");
    let message = message.replace(" cells[", " scores[");
    let scores = field.strip_prefix("cells").map(|rest| format!("scores{rest}"));
    let scale = || match field.strip_prefix("normalisation.")? {
        "anchor" => Some("elo_reference".to_owned()),
        key => Some(key.to_owned()),
    };
    (scores.or_else(scale).unwrap_or(field), message)
}

fn plural(kind: &str) -> String {
    kind.strip_suffix('y').filter(|_| kind == "policy").map_or_else(|| format!("{kind}s"), |it| format!("{it}ies"))
}

/// Keeps nine decimals of a figure, so that it is the same number after every trip through JSON: a parser that is fast
/// rather than exact may return the neighbour of a float of seventeen digits.
fn nine_decimals(figure: f64) -> f64 {
    (figure * 1e9).round() / 1e9
}

struct Plan<'a> {
    context: Context<'a>,
    before: &'a Tenant,
    after: Tenant,
    keys_before: Keys<'a>,
    keys: Keys<'a>,
    /// Whose each policy name and slug of this file is.
    policy_names: HashMap<String, PolicyId>,
    policy_slugs: HashMap<String, PolicyId>,
    /// Whose each secret given in the file is.
    hashes: HashMap<KeyHash, KeyId>,
    changes: Vec<Change>,
    records: Vec<Record>,
    /// Where in the file an object stands.
    places: HashMap<(ObjectKind, String), String>,
    diff: Diff,
    faults: Vec<DesiredFault>,
}

impl<'a> Plan<'a> {
    fn new(context: Context<'a>) -> Result<Self, Vec<DesiredFault>> {
        let organisation = context.organisation;
        let before = context.snapshot.tenants.get(organisation).ok_or_else(|| {
            let message = format!("there is no organisation `{organisation}`");
            vec![DesiredFault { path: "organisation".to_owned(), message }]
        })?;
        let keys = Keys::of(&context.snapshot.keys, organisation);
        Ok(Self {
            context,
            before,
            after: Tenant::clone(before),
            keys_before: keys.clone(),
            keys,
            policy_names: HashMap::new(),
            policy_slugs: HashMap::new(),
            hashes: HashMap::new(),
            changes: Vec::new(),
            records: Vec::new(),
            places: HashMap::new(),
            diff: Diff::default(),
            faults: Vec::new(),
        })
    }

    /// Validates what is saved, and what sees it.
    fn finish(mut self) -> Result<Planned, Vec<DesiredFault>> {
        let saved = |kind: ObjectKind, id: &str| self.places.contains_key(&(kind, id.to_owned()));
        let now = self.context.now;
        let before = self.before;
        let in_file = self.places.keys().map(|(kind, id)| (*kind, id.as_str()));
        let reach = &Reach::of(before, &self.after, &self.keys, &self.changes, in_file);
        let after = Proposed { tenant: &self.after, before, keys: &self.keys, reach, now, saved: &saved };
        let after = validate::check(&after);
        // What was wrong before and is not touched must not stand in the way.
        let known = Proposed { tenant: before, before, keys: &self.keys_before, reach, now, saved: &|_, _| false };
        let known = validate::check(&known);
        let known: HashSet<Finding> = known.faults.into_iter().chain(known.warnings).collect();
        let mut faults = Vec::new();
        for finding in after.faults.into_iter().filter(|it| !known.contains(it)) {
            faults.push(self.fault_of(finding));
        }
        self.faults.extend(faults);
        let mut warnings = Vec::new();
        // What the file itself says is told each time: a start must not be silent because the one before was not.
        let is_in_file = |it: &Finding| self.places.contains_key(&(it.kind, it.id.clone()));
        for finding in after.warnings.into_iter().filter(|it| !known.contains(it) || is_in_file(it)) {
            warnings.push(self.fault_of(finding).to_string());
        }
        self.diff.warnings.extend(warnings);
        if !self.faults.is_empty() {
            self.faults.sort_by_cached_key(|fault| in_file_order(&fault.path));
            return Err(self.faults);
        }
        self.diff.warnings.sort_by_cached_key(|warning| in_file_order(warning));
        self.diff.lines.sort_by_key(|line| SECTIONS.iter().position(|kind| *kind == line.kind));
        Ok(Planned { changes: self.changes, records: self.records, diff: self.diff })
    }

    fn fault_of(&self, finding: Finding) -> DesiredFault {
        let Finding { kind, id, name, field, message } = finding;
        let place = self.places.get(&(kind, id));
        let is_in_file = kind == ObjectKind::Scorecard && place.is_some_and(|it| !it.is_empty());
        let (field, message) = if is_in_file { in_file(field, &message) } else { (field, message) };
        let path = match (place, field.as_str()) {
            (Some(place), "") => place.clone(),
            (Some(place), field) if place.is_empty() => field.to_owned(),
            (Some(place), field) => format!("{place}.{field}"),
            (None, "") => format!("{kind} `{name}`"),
            (None, field) => format!("{kind} `{name}`: {field}"),
        };
        DesiredFault { path, message }
    }

    fn fault(&mut self, path: impl Into<String>, message: impl Into<String>) {
        // The fields of an object that is saved alone stand at the root.
        let path = path.into();
        let path = path.strip_prefix('.').map(ToOwned::to_owned).unwrap_or(path);
        self.faults.push(DesiredFault { path, message: message.into() });
    }

    /// Remembers where an object stands in the file; the second place of one object is a fault.
    fn place(&mut self, kind: ObjectKind, id: impl Display, path: &str) -> bool {
        let first = self.places.entry((kind, id.to_string())).or_insert_with(|| path.to_owned()).clone();
        if first != path {
            self.fault(path, format!("names the same {kind} as {first}: keep one of them"));
        }
        first == path
    }

    /// Accepts a name that can be shown on one line.
    fn check_name(&mut self, path: &str, name: &str) -> bool {
        let fine =
            !name.trim().is_empty() && name.trim() == name && name.len() <= 100 && !name.chars().any(char::is_control);
        if !fine {
            let message = "a name has 1 to 100 characters, without line breaks and without spaces at its ends";
            self.fault(format!("{path}.name"), message);
        }
        fine
    }

    /// Puts an object if it differs from what is there, and notes the difference.
    fn put<T: Serialize>(&mut self, name: &str, before: Option<&T>, after: &T, object: Object) {
        let kind = object.key().kind;
        let line = diff::line(kind.as_str(), name, before, after, Names::of(self.before, &self.after));
        self.put_as(line, object);
    }

    fn put_as(&mut self, line: DiffLine, object: Object) {
        if let Some(action) = AuditAction::of(line.action) {
            self.records.push(Record {
                key: object.key(),
                action,
                name: line.name.clone(),
                changes: line.changes.clone(),
            });
            self.store(object);
        }
        self.diff.lines.push(line);
    }

    /// Puts an object into the tables and among the changes.
    fn store(&mut self, object: Object) {
        let object = self.numbered(object);
        let tenant = &mut self.after;
        match object.clone() {
            Object::Pepper(_) => {}
            Object::Organisation(it) => tenant.organisation = it,
            Object::Project(it) => drop(Arc::make_mut(&mut tenant.projects).insert(it.id.clone(), it)),
            Object::Provider(it) => drop(Arc::make_mut(&mut tenant.providers).insert(it.slug.clone(), it)),
            Object::Credential(it) => drop(Arc::make_mut(&mut tenant.credentials).insert(it.id.clone(), it)),
            Object::Model(it) => drop(Arc::make_mut(&mut tenant.models).insert(it.id.clone(), it)),
            Object::Scorecard(it) => {
                let benchmark = Arc::new(Benchmark::of(it.clone()));
                drop(Arc::make_mut(&mut tenant.scorecards).insert(it.id.clone(), benchmark));
            }
            Object::Blend(it) => drop(Arc::make_mut(&mut tenant.blends).insert(it.id.clone(), it)),
            Object::Policy(it) => drop(Arc::make_mut(&mut tenant.policies).insert(it.id.clone(), it)),
            Object::Router(it) => drop(Arc::make_mut(&mut tenant.routers).insert(it.id.clone(), it)),
            Object::Key(it) => self.keys.put(it),
        }
        self.changes.push(Change::Put(object));
    }

    /// Policies and blends count their saved states.
    fn numbered(&self, object: Object) -> Object {
        let before = match &object {
            Object::Policy(it) => self.before.policies.get(&it.id).map(|known| known.version),
            Object::Blend(it) => self.before.blends.get(&it.id).map(|known| known.version),
            Object::Pepper(_)
            | Object::Organisation(_)
            | Object::Project(_)
            | Object::Provider(_)
            | Object::Credential(_)
            | Object::Model(_)
            | Object::Scorecard(_)
            | Object::Router(_)
            | Object::Key(_) => return object,
        };
        with_version(object, before.unwrap_or(0) + 1)
    }

    /// Takes an object out of the tables.
    fn delete(&mut self, kind: ObjectKind, id: &str, name: &str) {
        let tenant = &mut self.after;
        match kind {
            ObjectKind::Pepper | ObjectKind::Organisation => return,
            ObjectKind::Project => drop(Arc::make_mut(&mut tenant.projects).remove(id)),
            ObjectKind::Provider => drop(Arc::make_mut(&mut tenant.providers).remove(id)),
            ObjectKind::Credential => drop(Arc::make_mut(&mut tenant.credentials).remove(id)),
            ObjectKind::Model => drop(Arc::make_mut(&mut tenant.models).remove(id)),
            ObjectKind::Scorecard => drop(Arc::make_mut(&mut tenant.scorecards).remove(id)),
            ObjectKind::Blend => drop(Arc::make_mut(&mut tenant.blends).remove(id)),
            ObjectKind::Policy => drop(Arc::make_mut(&mut tenant.policies).remove(id)),
            ObjectKind::Router => drop(Arc::make_mut(&mut tenant.routers).remove(id)),
            ObjectKind::Key => self.keys.remove(id),
        }
        let organisation = Some(self.context.organisation.clone());
        let key = ObjectKey { kind, organisation, id: id.to_owned() };
        let record =
            Record { key: key.clone(), action: AuditAction::Delete, name: name.to_owned(), changes: Vec::new() };
        self.records.push(record);
        self.changes.push(Change::Delete(key));
        let (kind, name) = (kind.to_string(), name.to_owned());
        self.diff.lines.push(DiffLine { action: Action::Delete, kind, name, changes: Vec::new() });
    }
}
