//! Reads price catalogues: the `LiteLLM` price list, and models.dev as its `api.json` or as JSON lines.
//!
//! Prices are taken from the digits of the text, never through a float. A row that cannot be used is left out with the
//! reason; nothing is guessed. What is done with the models is the business of an apply.

mod litellm;
mod models_dev;

use std::collections::{BTreeMap, HashSet};

use domain::Money;
use domain::desired::ModelSpec;
use serde_json::value::RawValue;

use crate::catalogue::{self, SeedProvider};

/// Which rows to read.
#[derive(Clone, Debug, Default)]
pub struct ImportFilter {
    /// Slugs of the wanted providers; empty = those of the built-in catalogue.
    pub providers: Vec<String>,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImportReport {
    /// The models, in the order of their ids.
    pub models: Vec<ModelSpec>,
    /// The rows left out, but for those of providers that are not wanted.
    pub skipped: Vec<Skipped>,
    /// What was read, but not all of it.
    pub notes: Vec<String>,
}

/// A row that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The row's name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// The text is no price catalogue.
#[derive(Debug, thiserror::Error)]
#[error(
    "this is not a price catalogue: expected the LiteLLM price list (one JSON object, a row a model), or models.dev as \
     api.json or as JSON lines with `provider` and `id`: {0}"
)]
pub struct ImportError(#[from] serde_json::Error);

/// A row that can be used.
struct Read {
    model: ModelSpec,
    /// Long prompts cost more than the model's price says.
    is_tiered: bool,
}

/// Why a row is left out.
enum Left {
    /// Its provider is not wanted: that is no news.
    Unwanted,
    Because(String),
}

impl<T: Into<String>> From<T> for Left {
    fn from(reason: T) -> Self {
        Self::Because(reason.into())
    }
}

/// Reads a catalogue in whichever format it is. Errors only when the text as a whole is none.
pub fn import_catalogue(text: &[u8], filter: &ImportFilter) -> Result<ImportReport, ImportError> {
    let today = crate::now().to_string();
    let today = today.get(..10).unwrap_or_default();
    let wanted = Wanted(filter);
    if let Some(rows) = models_dev::rows(text) {
        let read =
            rows.into_iter().map(|(name, provider, row)| (name, models_dev::read(&provider, row, &wanted, today)));
        return Ok(collect(read));
    }
    let mut rows: BTreeMap<String, &RawValue> = serde_json::from_slice(text)?;
    rows.remove(litellm::SAMPLE);
    let read = rows.into_iter().map(|(name, row)| {
        let read = litellm::read(&name, row, &wanted, today);
        (name, read)
    });
    Ok(collect(read))
}

fn collect(rows: impl Iterator<Item = (String, Result<Read, Left>)>) -> ImportReport {
    let mut report = ImportReport::default();
    let (mut seen, mut tiered) = (HashSet::new(), 0);
    for (name, row) in rows {
        match row {
            Ok(Read { model, is_tiered }) if seen.insert(model.id.clone()) => {
                tiered += usize::from(is_tiered);
                report.models.push(model);
            }
            Ok(Read { model, .. }) => {
                report.skipped.push(Skipped { name, reason: format!("another row is `{}` already", model.id) });
            }
            Err(Left::Because(reason)) => report.skipped.push(Skipped { name, reason }),
            Err(Left::Unwanted) => {}
        }
    }
    report.models.sort_by(|a, b| a.id.cmp(&b.id));
    let unpriced = report.models.iter().filter(|model| model.pricing.prompt.is_none()).count();
    if unpriced > 0 {
        report.notes.push(format!("{unpriced} models list no price, or 0: their price stays unknown"));
    }
    if tiered > 0 {
        report.notes.push(format!("{tiered} models charge more for long prompts; their base price was read"));
    }
    report
}

/// The providers whose rows are read.
struct Wanted<'a>(&'a ImportFilter);

impl Wanted<'_> {
    /// The slug of a wanted provider, by what the catalogue calls it, or why its rows are left out.
    fn slug(&self, listed: &str, called: impl Fn(&SeedProvider) -> &str) -> Result<String, Left> {
        let seeded = catalogue::seed().providers.iter().find(|it| called(it) == listed);
        let slug = seeded.map_or(listed, |it| it.spec.slug.as_str());
        let wanted = &self.0.providers;
        if wanted.is_empty() && seeded.is_none() {
            return Err(
                format!("provider `{listed}` is not in the built-in catalogue: name it to import its models").into()
            );
        }
        let is_wanted = wanted.is_empty() || wanted.iter().any(|it| it == slug || it == listed);
        is_wanted.then(|| slug.to_owned()).ok_or(Left::Unwanted)
    }
}

fn pick<T, const N: usize>(choices: [(Option<bool>, T); N]) -> Vec<T> {
    choices.into_iter().filter(|(supported, _)| *supported == Some(true)).map(|(_, it)| it).collect()
}

/// The digits of a figure, which some rows write as a text.
fn figure(raw: Option<&RawValue>) -> Option<&str> {
    raw.map(|raw| raw.get().trim_matches('"')).filter(|text| *text != "null")
}

/// Reads a price from the digits of its text, moving its decimal point: -6 for prices per million.
fn price(field: &str, raw: Option<&RawValue>, exponent: i32) -> Result<Option<Money>, String> {
    let Some(text) = figure(raw) else {
        return Ok(None);
    };
    let (digits, own) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let own: i32 = own.parse().map_err(|_| format!("{field}: {text} is not a price"))?;
    let amount = if exponent == 0 { text.to_owned() } else { format!("{digits}e{}", own.saturating_add(exponent)) };
    let price = Money::parse(&amount).map_err(|fault| format!("{field}: {fault}"))?;
    if price < Money::ZERO {
        return Err(format!("{field}: {text} is negative"));
    }
    Ok(Some(price))
}

/// Reads a count of tokens, which some rows write as `1e6` or `"1000000"`.
fn tokens(field: &str, raw: Option<&RawValue>) -> Result<Option<u64>, String> {
    let Some(text) = figure(raw) else {
        return Ok(None);
    };
    // A count is an exact decimal too: a whole number of a unit.
    let unit = Money::from_pico(1_000_000_000_000).pico();
    let count = Money::parse(text).ok().map(Money::pico).filter(|pico| pico % unit == 0).map(|pico| pico / unit);
    let count = count.and_then(|count| u64::try_from(count).ok());
    let count = count.ok_or_else(|| format!("{field}: {text} is not a count of tokens"))?;
    // Rows write 0 for what they do not know.
    Ok(Some(count).filter(|count| *count > 0))
}

/// Fuzz entry: any bytes are read or refused.
#[doc(hidden)]
pub fn fuzz_import(bytes: &[u8]) {
    let _ = import_catalogue(bytes, &ImportFilter::default());
}
