//! Plans the sealed secrets of providers: API keys, and what tokens are fetched with.

use std::sync::Arc;

use domain::desired::{Action, CredentialSpec, DiffLine};
use domain::{
    ClientCredentials, Credential, CredentialId, CredentialKind, KeyText, Object, ObjectKind, ProviderSlug, SealedBytes,
};
use seal::Aad;

use super::Plan;

impl Plan<'_> {
    pub(super) fn credential(&mut self, provider: &ProviderSlug, spec: &CredentialSpec, path: &str) {
        let secret = spec.secret.expose();
        if !self.check_name(path, &spec.name) || !self.check_secret(spec, path) || !self.check_sharing(spec, path) {
            return;
        }
        let before = self.before;
        let known = before.credentials_of(provider).find(|it| it.name == spec.name);
        let id = known.map_or_else(|| CredentialId::from_random(crate::random()), |it| it.id.clone());
        // A second credential of the same name in the file has no record yet: the name itself is its place.
        if !self.place(ObjectKind::Credential, format!("{provider}/{}", spec.name), path) {
            return;
        }
        self.places.insert((ObjectKind::Credential, id.to_string()), path.to_owned());
        let mut line = DiffLine {
            action: if known.is_some() { Action::Update } else { Action::Create },
            kind: ObjectKind::Credential.to_string(),
            name: format!("{provider}/{}", spec.name),
            changes: told(known.map(Arc::as_ref), spec),
        };
        let opened = known.map(|it| self.context.keyring.open(&Aad::credential(it), &it.sealed));
        match &opened {
            Some(Ok(opened)) if opened.matches(secret.as_bytes()) => return self.keep_secret(known, spec, line),
            Some(Ok(_)) => line.changes.push("secret: *** -> ***".to_owned()),
            Some(Err(_)) => line.changes.push("secret: unreadable -> ***".to_owned()),
            None => line.changes.push("secret: ***".to_owned()),
        }
        let mut credential = Credential {
            id,
            organisation: self.context.organisation.clone(),
            provider: provider.clone(),
            name: spec.name.clone(),
            owner: spec.owner,
            user: spec.user.clone(),
            kind: spec.kind,
            weight: spec.weight,
            version: known.map_or(1, |it| it.version + 1),
            sealed: SealedBytes(Vec::new()),
            hint: hint(spec),
        };
        credential.sealed = self.context.keyring.seal(&Aad::credential(&credential), secret.as_bytes());
        self.put_as(line, Object::Credential(Arc::new(credential)));
    }

    /// The secret is the same; what is said of it may be otherwise.
    fn keep_secret(&mut self, known: Option<&Arc<Credential>>, spec: &CredentialSpec, mut line: DiffLine) {
        let Some(known) = known.filter(|_| !line.changes.is_empty()) else {
            line.action = Action::Unchanged;
            return self.diff.lines.push(line);
        };
        let credential = Credential {
            owner: spec.owner,
            user: spec.user.clone(),
            kind: spec.kind,
            weight: spec.weight,
            hint: hint(spec),
            ..Credential::clone(known)
        };
        self.put_as(line, Object::Credential(Arc::new(credential)));
    }

    /// A secret goes into a header: what no header takes is refused here, not at the first call.
    fn check_secret(&mut self, spec: &CredentialSpec, path: &str) -> bool {
        let secret = spec.secret.expose();
        let fault = if secret.is_empty() {
            Some("the secret is empty: is the variable or file that it comes from set?".to_owned())
        } else if secret.trim() != secret || secret.chars().any(|it| it.is_control() || !it.is_ascii()) {
            let message =
                "the secret has spaces at its ends, line breaks or characters outside ASCII: is the right value given?";
            Some(message.to_owned())
        } else {
            match spec.kind {
                CredentialKind::ApiKey => None,
                CredentialKind::OauthClientCredentials => client_fault(secret),
            }
        };
        if let Some(fault) = &fault {
            self.fault(format!("{path}.secret"), fault);
        }
        fault.is_none()
    }

    fn check_sharing(&mut self, spec: &CredentialSpec, path: &str) -> bool {
        let fault = Credential::sharing_fault(spec.weight, spec.owner, spec.user.as_deref());
        if let Some((field, fault)) = &fault {
            self.fault(format!("{path}.{field}"), fault);
        }
        fault.is_none()
    }

    /// The list in the file is the whole key pool.
    pub(super) fn drop_unlisted(&mut self, provider: &ProviderSlug, listed: &[CredentialSpec]) {
        let before = self.before;
        for known in before.credentials_of(provider) {
            if !listed.iter().any(|it| it.name == known.name) {
                self.delete(ObjectKind::Credential, known.id.as_str(), &format!("{provider}/{}", known.name));
            }
        }
    }
}

/// What is wrong with the secret of OAuth client credentials; the secret does not show.
fn client_fault(secret: &str) -> Option<String> {
    let Some(client) = ClientCredentials::parse(secret) else {
        return Some(
            "is not what tokens are fetched with: give a JSON object with `token_url`, `client_id`, `client_secret` \
             and, where it is needed, `scope`"
                .to_owned(),
        );
    };
    client.fault().map(|fault| format!("`{}` {}", fault.field, fault.message))
}

/// What differs from before, or from what goes without saying; not the secret.
fn told(before: Option<&Credential>, after: &CredentialSpec) -> Vec<String> {
    let known = |it: &Credential| {
        [it.owner.as_str().to_owned(), named(it.user.as_deref()), it.kind.as_str().to_owned(), it.weight.to_string()]
    };
    let usual = || ["managed".to_owned(), named(None), "api_key".to_owned(), "1".to_owned()];
    let then = before.map_or_else(usual, known);
    let now = [
        after.owner.as_str().to_owned(),
        named(after.user.as_deref()),
        after.kind.as_str().to_owned(),
        after.weight.to_string(),
    ];
    let fields = ["owner", "user", "kind", "weight"].into_iter().zip(then.into_iter().zip(now));
    let differing = fields.filter(|(_, (then, now))| then != now);
    match before {
        Some(_) => differing.map(|(field, (then, now))| format!("{field}: {then} -> {now}")).collect(),
        None => differing.map(|(field, (_, now))| format!("{field}: {now}")).collect(),
    }
}

fn named(user: Option<&str>) -> String {
    user.unwrap_or("none").escape_debug().to_string()
}

/// The end of a long secret; of a short one, nothing.
fn hint(spec: &CredentialSpec) -> String {
    let client = match spec.kind {
        CredentialKind::ApiKey => None,
        CredentialKind::OauthClientCredentials => ClientCredentials::parse(spec.secret.expose()),
    };
    let secret = client.as_ref().map_or(spec.secret.expose(), |client| &client.client_secret);
    if secret.len() >= 16 { KeyText::hint(secret) } else { "…".to_owned() }
}
