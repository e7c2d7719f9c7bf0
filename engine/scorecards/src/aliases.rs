//! Published names of models to ids of the catalogue.
//!
//! An id is `provider/name`; a level of effort or a thinking budget is a model of its own, written behind `@`:
//! `openai/gpt-5@high`, `anthropic/claude-opus-4-20250514@thinking-32k`. What the vendor's API does unless told otherwise
//! is the bare model: such names stand in the table one by one (`gpt-5 (medium)` is `openai/gpt-5`), since no rule knows
//! it. A name that could be two models is none of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use domain::ModelId;
use serde::Deserialize;

use crate::fault::Fault;
use crate::names::{is_effort, normal, split_bracketed, without_date};

const SHIPPED: &str = include_str!("../aliases.json");

/// Under which provider names are kept that nobody knows.
const UNLISTED: &str = "unlisted";

/// A table of aliases, as a file holds it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Sheet {
    /// Ids that exist; their names are matched by normal form.
    models: Vec<ModelId>,
    /// What catalogues call a provider differently: theirs to ours.
    providers: BTreeMap<String, String>,
    /// Published names, to the letter.
    names: BTreeMap<String, ModelId>,
}

/// What a published name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// A known model.
    Known(ModelId),
    /// Nobody knows it. The id is the name itself if it is one, else `unlisted/` and the name's normal form.
    Unknown(ModelId),
}

impl Match {
    /// The id.
    pub fn id(&self) -> &ModelId {
        let (Self::Known(id) | Self::Unknown(id)) = self;
        id
    }
}

/// Which published names stand for which models.
#[derive(Clone, Debug, Default)]
pub struct Aliases {
    names: BTreeMap<String, ModelId>,
    providers: BTreeMap<String, String>,
    known: BTreeSet<ModelId>,
    by_normal: BTreeMap<String, BTreeSet<ModelId>>,
    /// Dated models by their normal form without the date.
    by_dateless: BTreeMap<String, BTreeSet<ModelId>>,
}

impl Aliases {
    /// The table that is shipped.
    ///
    /// # Panics
    /// Never: a test reads it.
    pub fn shipped() -> Self {
        static TABLE: LazyLock<Aliases> = LazyLock::new(|| {
            let sheet = serde_json::from_str(SHIPPED).expect("the shipped table is sound, as a test shows");
            let mut aliases = Aliases::default();
            aliases.add(sheet);
            aliases
        });
        TABLE.clone()
    }

    /// Adds models that exist: those of a catalogue.
    #[must_use]
    pub fn knowing(mut self, models: impl IntoIterator<Item = ModelId>) -> Self {
        for model in models {
            self.know(model);
        }
        self
    }

    /// Adds a table of one's own, whose names go before those so far:
    /// `{"names": {"our tuned one": "acme/tuned"}, "models": ["acme/tuned-2"], "providers": {"google": "gemini"}}`.
    ///
    /// # Errors
    /// When the JSON is wrong or a model is no id.
    pub fn with(mut self, json: &str) -> Result<Self, Fault> {
        let sheet = serde_json::from_str(json).map_err(|error| Fault {
            line: Some(error.line() as u64),
            place: String::new(),
            message: format!(
                "{error}: a table of aliases is {{\"names\": {{\"published name\": \"provider/model\"}}}}"
            ),
        })?;
        self.add(sheet);
        Ok(self)
    }

    fn add(&mut self, sheet: Sheet) {
        self.providers.extend(sheet.providers);
        for model in sheet.models {
            self.know(model);
        }
        for (name, model) in sheet.names {
            self.know(model.clone());
            self.by_normal.insert(normal(&name), BTreeSet::from([model.clone()]));
            self.names.insert(name, model);
        }
    }

    fn know(&mut self, model: ModelId) {
        for name in [normal(model.as_str()), normal(model.native())] {
            if let Some(dateless) = without_date(&name) {
                self.by_dateless.entry(dateless.to_owned()).or_default().insert(model.clone());
            }
            self.by_normal.entry(name).or_default().insert(model.clone());
        }
        self.known.insert(model);
    }

    /// Whether a model is known.
    pub fn knows(&self, model: &ModelId) -> bool {
        self.known.contains(model)
    }

    /// What a published name stands for; `None` when no id can be made of it.
    pub fn resolve(&self, name: &str) -> Option<Match> {
        let name = name.trim();
        if let Some(found) = self.find(name) {
            return Some(Match::Known(found));
        }
        if let Ok(id) = ModelId::parse(name) {
            return Some(Match::Unknown(id));
        }
        let allowed = |it: char| it.is_ascii_alphanumeric() || "+@-".contains(it);
        let plain: String = normal(name).chars().map(|it| if allowed(it) { it } else { '-' }).take(100).collect();
        let plain = plain.trim_matches('-');
        // Names that differ only in letters that ids do not have must not become one.
        let is_faithful = normal(name).chars().count() <= 100 && normal(name).is_ascii();
        if plain.is_empty() || !is_faithful {
            return None;
        }
        ModelId::parse(&format!("{UNLISTED}/{plain}")).ok().map(Match::Unknown)
    }

    fn find(&self, name: &str) -> Option<ModelId> {
        self.names.get(name).cloned().or_else(|| self.find_model(name)).or_else(|| self.find_variant(name))
    }

    /// `gpt-5 (high)`, and `gpt-5-high` where there is a `gpt-5` and no model of that name.
    fn find_variant(&self, name: &str) -> Option<ModelId> {
        let (base, variant) = split_bracketed(name).or_else(|| {
            let (base, word) = name.rsplit_once(['-', '@', ':'])?;
            let word = word.to_lowercase();
            is_effort(&word).then_some((base, word))
        })?;
        let model = self.names.get(base).cloned().or_else(|| self.find_model(base))?;
        // A variant of a variant is something else.
        if model.as_str().contains('@') {
            return None;
        }
        ModelId::parse(&format!("{model}@{variant}")).ok()
    }

    fn find_model(&self, name: &str) -> Option<ModelId> {
        if let Some(id) = ModelId::parse(name).ok().filter(|id| self.known.contains(id)) {
            return Some(id);
        }
        let ours = name.split_once('/').and_then(|(provider, rest)| {
            let provider = self.providers.get(&provider.to_lowercase())?;
            Some(format!("{provider}/{rest}"))
        });
        let name = normal(ours.as_deref().unwrap_or(name));
        let only = |found: Option<&BTreeSet<ModelId>>| match found {
            Some(found) if found.len() == 1 => found.first().cloned(),
            _ => None,
        };
        if let Some(found) = self.by_normal.get(&name) {
            return only(Some(found));
        }
        match without_date(&name) {
            // The one known model of that name has no date; with dated siblings it could be another's date.
            Some(dateless) if !self.by_dateless.contains_key(dateless) => only(self.by_normal.get(dateless)),
            Some(_) => None,
            None => only(self.by_dateless.get(&name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(aliases: &Aliases, name: &str, expected: Option<&str>, is_known: bool) {
        let found = aliases.resolve(name);
        assert_eq!(found.as_ref().map(|it| it.id().as_str()), expected, "{name}");
        assert_eq!(matches!(found, Some(Match::Known(_))), is_known, "{name}");
    }

    fn catalogue() -> Aliases {
        let ids = [
            "openai/gpt-5",
            "openai/gpt-4o-2024-05-13",
            "openai/gpt-4o-2024-08-06",
            "openai/gpt-4o",
            "anthropic/claude-opus-4-5",
            "anthropic/claude-3-7-sonnet-20250219",
            "gemini/gemini-2.5-pro",
            "groq/openai/gpt-oss-120b",
            "together/openai/gpt-oss-120b",
            "mistral/mistral-medium",
        ];
        let aliases = Aliases::default().knowing(ids.map(|it| ModelId::parse(it).unwrap()));
        aliases.with(r#"{"names": {"gpt-5 (medium)": "openai/gpt-5"}, "providers": {"google": "gemini"}}"#).unwrap()
    }

    #[test]
    fn spellings_and_prefixes_are_seen_through() {
        let aliases = catalogue();
        check(&aliases, "openai/gpt-5", Some("openai/gpt-5"), true);
        check(&aliases, " GPT 5 ", Some("openai/gpt-5"), true);
        check(&aliases, "OpenAI/GPT_5", Some("openai/gpt-5"), true);
        check(&aliases, "google/gemini-2.5-pro", Some("gemini/gemini-2.5-pro"), true);
    }

    #[test]
    fn efforts_are_models_of_their_own() {
        let aliases = catalogue();
        check(&aliases, "gpt-5 (high)", Some("openai/gpt-5@high"), true);
        check(&aliases, "gpt-5-high", Some("openai/gpt-5@high"), true);
        check(&aliases, "gpt-5 (medium)", Some("openai/gpt-5"), true);
        check(&aliases, "mistral-medium", Some("mistral/mistral-medium"), true);
        check(
            &aliases,
            "claude-3-7-sonnet-20250219 (32k thinking tokens)",
            Some("anthropic/claude-3-7-sonnet-20250219@thinking-32k"),
            true,
        );
    }

    #[test]
    fn dates_are_seen_through_where_one_model_is_left() {
        let aliases = catalogue();
        check(&aliases, "claude-opus-4-5-20251101", Some("anthropic/claude-opus-4-5"), true);
        check(&aliases, "claude-3.7-sonnet", Some("anthropic/claude-3-7-sonnet-20250219"), true);
        // Another snapshot is another model.
        check(&aliases, "gpt-4o-2024-11-20", Some("unlisted/gpt-4o-2024-11-20"), false);
    }

    #[test]
    fn what_could_be_two_models_is_none_of_them() {
        check(&catalogue(), "openai/gpt-oss-120b", Some("openai/gpt-oss-120b"), false);
        check(&catalogue(), "gpt-oss-120b", Some("unlisted/gpt-oss-120b"), false);
    }

    #[test]
    fn unknown_names_keep_an_id_and_never_share_one() {
        let aliases = catalogue();
        check(&aliases, "Quasar Alpha", Some("unlisted/quasar-alpha"), false);
        check(&aliases, "ollama/hermes3", Some("ollama/hermes3"), false);
        check(&aliases, "模型", None, false);
        check(&aliases, "()", None, false);
    }

    #[test]
    fn own_names_go_before_the_shipped_ones() {
        let own = Aliases::shipped().with(r#"{"names": {"gpt-5 (high)": "acme/tuned"}}"#).unwrap();
        check(&own, "gpt-5 (high)", Some("acme/tuned"), true);
        let refused = Aliases::default().with(r#"{"names": {"x": "no id"}}"#).unwrap_err();
        assert!(refused.to_string().contains("line 1") && refused.to_string().contains("no id"), "{refused}");
    }
}
