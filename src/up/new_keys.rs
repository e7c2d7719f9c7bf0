//! The keys that a start makes: the first one of a data folder, and those that the configuration file asks for without a
//! secret of their own. Each is shown once, in the greeting; when the start fails after they were made, with the failure.

use domain::SecretText;
use domain::desired::CreatedKey;

use crate::output;

/// What was made and has not been shown yet.
#[derive(Default)]
pub(crate) struct NewKeys {
    /// That of a new data folder.
    pub(crate) first: Option<SecretText>,
    /// Those of the configuration file.
    pub(crate) of_file: Vec<CreatedKey>,
}

impl NewKeys {
    /// Shows them although there will be no greeting: they are kept as hashes only.
    pub(crate) fn show_after_failure(&self) {
        if let Some(key) = &self.first {
            eprintln!(
                "the first API key of this data folder was made before the start failed; keep it: {}",
                shown(key)
            );
        }
        for CreatedKey { name, key, .. } in &self.of_file {
            eprintln!("the API key `{name}` was made before the start failed; keep it: {}", shown(key));
        }
    }
}

/// Shows the keys that a changed file had made, as `apply` does: a line each, or one JSON line for programs.
pub(crate) fn show_of_changed_file(keys: &[CreatedKey], as_json: bool) -> anyhow::Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    if as_json {
        return output::json(&serde_json::json!({ "created_keys": keys }));
    }
    keys.iter().try_for_each(|it| output::line(format!("key {}: {}   (shown once: keep it)", it.name, shown(&it.key))))
}

/// The text of a secret, for the few places that show a new key.
pub(crate) fn shown(key: &SecretText) -> &str {
    key.expose()
}
