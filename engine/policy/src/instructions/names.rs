//! The names that instructions can mention: candidates, their providers and families, and makers known to everybody.

use std::fmt;

use domain::ModelId;

/// Makers, and the word that stands in the names of their models where that is another.
const MAKERS: [(&str, &str); 22] = [
    ("openai", "gpt"),
    ("chatgpt", "gpt"),
    ("gpt", "gpt"),
    ("anthropic", "claude"),
    ("claude", "claude"),
    ("google", "gemini"),
    ("gemini", "gemini"),
    ("gemma", "gemma"),
    ("xai", "grok"),
    ("grok", "grok"),
    ("meta", "llama"),
    ("llama", "llama"),
    ("alibaba", "qwen"),
    ("qwen", "qwen"),
    ("moonshot", "kimi"),
    ("kimi", "kimi"),
    ("mistral", "mistral"),
    ("deepseek", "deepseek"),
    ("cohere", "command"),
    ("azure", "azure"),
    ("bedrock", "bedrock"),
    ("openrouter", "openrouter"),
];

/// What a name refers to: a model, a provider or a family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    words: Vec<String>,
    /// A maker's word in the names of its models.
    family: Option<&'static str>,
    /// It is one model's whole name, and no family.
    is_whole: bool,
}

/// Everything that can be named.
pub(crate) struct Names {
    models: Vec<Vec<String>>,
    providers: Vec<Vec<String>>,
}

impl Names {
    /// The names of these models, and of these providers, which need not have any of them.
    pub(crate) fn new<'a>(
        models: impl IntoIterator<Item = &'a ModelId>,
        providers: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let models = models.into_iter().map(|id| split(id.as_str())).collect();
        Self { models, providers: providers.into_iter().map(split).collect() }
    }

    /// The longest name at the beginning of these words, and how many words it has. `is_word` says of a single word that
    /// it means something else; only a provider's or maker's name may.
    pub(crate) fn longest(&self, words: &[&str], is_word: impl Fn(&str) -> bool) -> Option<(Target, usize)> {
        let most = words.len().min(12);
        (1..=most).rev().find_map(|count| {
            let run: Vec<String> = words[..count].iter().map(|word| (*word).to_owned()).collect();
            let maker = MAKERS.iter().find(|(maker, _)| count == 1 && *maker == run[0]);
            let is_provider = self.providers.contains(&run) || self.models.iter().any(|it| is_slug(it, &run));
            let is_plain = count == 1 && (run[0].len() < 2 || !has_letter(&run[0]) || is_word(&run[0]));
            let is_part = has_letter(&run[0]) && self.models.iter().any(|it| holds(it, &run));
            let is_name = maker.is_some() || is_provider || (is_part && !is_plain);
            let is_whole = self.models.iter().any(|it| is_all_of(it, &run)) && !is_provider;
            let target = Target { words: run, family: maker.map(|(_, family)| *family), is_whole };
            is_name.then_some((target, count))
        })
    }
}

impl Target {
    /// Whether a model is meant.
    pub(crate) fn means(&self, model: &ModelId) -> bool {
        let words = split(model.as_str());
        if self.is_whole {
            return is_all_of(&words, &self.words);
        }
        holds(&words, &self.words) || self.family.is_some_and(|family| words.iter().any(|it| it == family))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words.join("-"))
    }
}

/// Whether a model's name has this word.
pub(crate) fn has_word(model: &ModelId, word: &str) -> bool {
    split(model.as_str()).iter().any(|it| it == word)
}

const SLASH: &str = "/";

/// A name's words, with the first slash, which ends the provider's.
fn split(name: &str) -> Vec<String> {
    let words = |text: &str| {
        let parts = text.split(|letter: char| !letter.is_alphanumeric()).filter(|part| !part.is_empty());
        parts.map(str::to_lowercase).collect::<Vec<_>>()
    };
    match name.split_once('/') {
        Some((provider, native)) => [words(provider), vec![SLASH.to_owned()], words(native)].concat(),
        None => words(name),
    }
}

fn native(words: &[String]) -> &[String] {
    words.iter().position(|it| it == SLASH).map_or(words, |slash| &words[slash + 1..])
}

/// Whether a run is a model's name, with or without its provider.
fn is_all_of(words: &[String], run: &[String]) -> bool {
    native(words) == run || words.iter().filter(|it| *it != SLASH).eq(run)
}

fn is_slug(words: &[String], run: &[String]) -> bool {
    words.iter().position(|it| it == SLASH).is_some_and(|slash| words[..slash] == *run)
}

/// Whether a run of words stands in a name. Texts have no slashes left, so these are passed over.
fn holds(words: &[String], run: &[String]) -> bool {
    let plain: Vec<&String> = words.iter().filter(|it| *it != SLASH).collect();
    !run.is_empty() && plain.windows(run.len()).any(|window| window.iter().zip(run).all(|(a, b)| *a == b))
}

fn has_letter(word: &str) -> bool {
    word.chars().any(char::is_alphabetic)
}
