//! Plans API keys: those made here, shown once, and those of the operator's own making.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use domain::desired::{CreatedKey, KeySpec};
use domain::{ApiKey, KeyHash, KeyId, KeyRouting, KeyText, Object, ObjectKind, ProjectId, Scope, SecretText};

use super::Plan;
use crate::names;

/// Shorter keys of the operator's own making could be guessed.
const SHORTEST: usize = 32;

impl Plan<'_> {
    pub(super) fn keys(&mut self, specs: &[KeySpec]) {
        // A revoked key gave its name free: a key of that name and another secret is a new one.
        let named: HashSet<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
        let known = self.keys_before.iter().filter(|it| named.contains(it.name.as_str())).cloned();
        let (live, revoked): (Vec<_>, Vec<_>) = known.partition(|it| it.revoked_at.is_none());
        let live: HashMap<String, Arc<ApiKey>> = live.into_iter().map(|it| (it.name.clone(), it)).collect();
        let revoked: HashSet<String> = revoked.into_iter().map(|it| it.name.clone()).collect();
        for (index, spec) in specs.iter().enumerate() {
            let path = format!("keys[{index}]");
            if !self.check_name(&path, &spec.name) {
                continue;
            }
            if let Some(revoked) = self.revoked_with_secret(spec) {
                self.stays_revoked(&revoked, spec, &path);
            } else if self.place(ObjectKind::Key, format!("name {}", spec.name), &path) {
                match live.get(&spec.name) {
                    None if spec.secret.is_none() && revoked.contains(&spec.name) => self.is_not_made_anew(spec, &path),
                    known => self.key(spec, known, &path),
                }
            }
        }
    }

    /// A key that is asked for by itself: what a file would leave out with a warning is refused here.
    pub(super) fn new_key(&mut self, spec: &KeySpec) {
        let path = "keys[0]";
        if self.check_name(path, &spec.name) {
            self.key(spec, None, path);
        }
    }

    /// The revoked key that has this secret, under whatever name: the file is older than the revocation.
    fn revoked_with_secret(&self, spec: &KeySpec) -> Option<Arc<ApiKey>> {
        let hash = self.context.pepper.hash_key(spec.secret.as_ref()?.expose());
        let known = self.context.snapshot.keys.get(&hash);
        known.filter(|it| it.organisation == *self.context.organisation && it.revoked_at.is_some()).cloned()
    }

    /// A revoked key is never brought back, and must not keep the rest of a file from being applied.
    fn stays_revoked(&mut self, revoked: &ApiKey, spec: &KeySpec, path: &str) {
        let (name, old) = (&spec.name, &revoked.name);
        let which = if name == old {
            format!("the key `{name}`")
        } else {
            format!("`{name}` has the secret of the key `{old}`, which")
        };
        let namesake = self
            .keys_before
            .in_force(name)
            .map(|_| format!("; the live key `{name}` is another one and stays as it is"));
        let warning = format!(
            "{path}: {which} was revoked and stays so: take it out of the file, or give it a new secret{}",
            namesake.unwrap_or_default()
        );
        self.diff.warnings.push(warning);
    }

    /// Without a secret nothing tells a new key from the revoked one, and a file that stays as it was asks for no other.
    fn is_not_made_anew(&mut self, spec: &KeySpec, path: &str) {
        let name = &spec.name;
        let warning = format!(
            "{path}: the key `{name}` was revoked and stays so: take it out of the file, make a new one with \
             `signalbox keys create`, or choose another name"
        );
        self.diff.warnings.push(warning);
    }

    fn key(&mut self, spec: &KeySpec, known: Option<&Arc<ApiKey>>, path: &str) {
        let id = known.map_or_else(|| KeyId::from_random(crate::random()), |it| it.id.clone());
        self.places.insert((ObjectKind::Key, id.to_string()), path.to_owned());
        let Some((hash, hint)) = self.key_secret(spec, known.map(Arc::as_ref), &id, path) else {
            return;
        };
        let secret_changed = known.is_some_and(|it| it.hash != hash);
        let scopes = if spec.scopes.is_empty() { vec![Scope::Routing] } else { spec.scopes.clone() };
        let key = Arc::new(ApiKey {
            user: spec.user.clone(),
            limits: spec.limits,
            per_user: spec.per_user,
            budget: spec.budget,
            body_logging: spec.body_logging,
            id,
            organisation: self.context.organisation.clone(),
            project: spec.project.as_deref().and_then(|text| self.resolve_project(text, &format!("{path}.project"))),
            name: spec.name.clone(),
            hash,
            hint,
            scopes,
            allowed_models: spec.allowed_models.clone(),
            routing: spec.routing.as_ref().and_then(|routing| {
                let policy = self.resolve_policy(&routing.policy, &format!("{path}.routing.policy"))?;
                Some(KeyRouting { policy, active: routing.active })
            }),
            expires_at: spec.expires_at,
            revoked_at: None,
            created_at: known.map_or(self.context.now, |it| it.created_at),
        });
        let names = crate::diff::Names::of(self.before, &self.after);
        let mut line = crate::diff::line(ObjectKind::Key.as_str(), &spec.name, known.map(Arc::as_ref), &*key, names);
        if secret_changed {
            line.action = domain::desired::Action::Update;
            line.changes.push("secret: *** -> ***".to_owned());
        }
        self.put_as(line, Object::Key(key));
    }

    /// The hash and hint of a key's secret: the given one's, the known one's, or those of a new one.
    fn key_secret(
        &mut self,
        spec: &KeySpec,
        known: Option<&ApiKey>,
        id: &KeyId,
        path: &str,
    ) -> Option<(KeyHash, String)> {
        let Some(secret) = &spec.secret else {
            if let Some(known) = known {
                return Some((known.hash, known.hint.clone()));
            }
            let made = seal::generate_api_key();
            let text = made.expose_str().unwrap_or_default();
            let key = SecretText::new(text.to_owned());
            self.diff.created_keys.push(CreatedKey { id: id.to_string(), name: spec.name.clone(), key });
            return Some((self.context.pepper.hash_key(text), KeyText::hint(text)));
        };
        let text = secret.expose();
        let path = format!("{path}.secret");
        if let Some(message) = refuse_text(text) {
            self.fault(path, message);
            return None;
        }
        let hash = self.context.pepper.hash_key(text);
        let here = self.hashes.insert(hash, id.clone()).and_then(|id| self.keys.get(id.as_str()));
        let elsewhere = self.context.snapshot.keys.get(&hash);
        match here.or(elsewhere).filter(|it| it.id != *id) {
            None => Some((hash, KeyText::hint(text))),
            Some(other) if other.organisation == *self.context.organisation => {
                let state = if other.revoked_at.is_some() { "revoked key" } else { "key" };
                let message = format!("the {state} `{}` has this secret: choose a new one", other.name);
                self.fault(path, message);
                None
            }
            Some(_) => {
                self.fault(path, "this secret cannot be used: choose a new one");
                None
            }
        }
    }

    fn resolve_project(&mut self, text: &str, path: &str) -> Option<ProjectId> {
        let found = self.after.projects.get(text).or_else(|| self.after.projects.values().find(|it| it.name == text));
        let found = found.map(|it| it.id.clone());
        if found.is_none() {
            let hint = names::hint(text, self.after.projects.values().map(|it| it.name.as_str()));
            self.fault(path, format!("there is no project `{text}`{hint}"));
        }
        found
    }
}

fn refuse_text(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some("the secret is empty: is the variable or file that it comes from set?".to_owned());
    }
    if text.len() < SHORTEST || text.len() > 200 {
        return Some(format!("a key has {SHORTEST} to 200 characters, this one has {}", text.chars().count()));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some("a key is made of visible ASCII characters without spaces".to_owned());
    }
    if KeyText::is_malformed(text) {
        return Some(
            "a key that starts with `sk-sb-` must be one that was made here, and this one's checksum is wrong: copy \
             it again, or choose another beginning"
                .to_owned(),
        );
    }
    None
}
