//! Readers of single values: text, names, numbers, dates, prices, choices and lists of them.

use domain::{ModelId, Money, ProviderSlug, Timestamp};

use crate::Format;
use crate::context::Context;
use crate::fields::{Fields, Item, Read, shortened};
use crate::nearest::nearest;
use crate::node::Value;

/// The longest name of an object.
const MAX_NAME: usize = 128;
/// A price per token above this is a price per million tokens by mistake.
const SUSPICIOUS_PRICE: Money = Money::from_pico(10_000_000_000);

/// Text as it stands.
pub(crate) fn text(item: &Item<'_>, context: &mut Context<'_>) -> Option<String> {
    match &item.node.value {
        Value::Text(text) => Some(text.clone()),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Moment(_) => {
            item.wrong_kind(context, "text (write it in quotes)")
        }
        Value::Null | Value::List(_) | Value::Table(_) => item.wrong_kind(context, "text"),
    }
}

/// Text of 1 to 128 characters without control characters or space around.
pub(crate) fn name(item: &Item<'_>, context: &mut Context<'_>) -> Option<String> {
    let text = text(item, context)?;
    let problem = if text.trim().is_empty() {
        "is empty: write a name"
    } else if text.trim() != text {
        "has a space at its start or end: take it out"
    } else if text.chars().any(char::is_control) {
        "has a control character: take it out"
    } else if text.chars().count() > MAX_NAME {
        "is too long: use at most 128 characters"
    } else {
        return Some(text);
    };
    item.fault(context, problem)
}

/// `true` or `false`.
pub(crate) fn boolean(item: &Item<'_>, context: &mut Context<'_>) -> Option<bool> {
    match item.node.value {
        Value::Boolean(value) => Some(value),
        _ => item.wrong_kind(context, "true or false (without quotes)"),
    }
}

/// A whole number from 1.
pub(crate) fn count(item: &Item<'_>, context: &mut Context<'_>) -> Option<u64> {
    match item.node.value {
        Value::Integer(number) => match i64::try_from(number) {
            Ok(number) if number > 0 => Some(number.unsigned_abs()),
            _ => item.fault(context, format!("{number} is out of range: write a whole number from 1")),
        },
        _ => item.wrong_kind(context, "a whole number (without quotes)"),
    }
}

/// A whole number from 0 that fits 32 bits.
pub(crate) fn rank(item: &Item<'_>, context: &mut Context<'_>) -> Option<u32> {
    match item.node.value {
        Value::Integer(number) => match u32::try_from(number) {
            Ok(number) => Some(number),
            Err(_) => item.fault(context, format!("{number} is out of range: write a whole number from 0")),
        },
        _ => item.wrong_kind(context, "a whole number (without quotes)"),
    }
}

pub(crate) fn number(item: &Item<'_>, context: &mut Context<'_>) -> Option<f64> {
    match item.node.value {
        Value::Integer(number) => Some(number as f64),
        Value::Float(number) => Some(number),
        _ => item.wrong_kind(context, "a number (without quotes)"),
    }
}

/// A number: a score, a weight, a bound.
pub(crate) fn figure(item: &Item<'_>, context: &mut Context<'_>) -> Option<f64> {
    if let Value::Text(text) = &item.node.value
        && let Some(percent) = text.trim().strip_suffix('%').and_then(|it| it.trim().parse::<f64>().ok())
    {
        let shown = shortened(text);
        let share = (percent * 1e7).round() / 1e9;
        let message = format!(
            "`{shown}` is a percentage in quotes: write {share}, or {percent} where the scores are percentages from 0 to 100"
        );
        return item.fault(context, message);
    }
    match number(item, context)? {
        figure if figure.is_finite() => Some(figure),
        other => item.fault(context, format!("{other} is not a number: write one, or take it out")),
    }
}

/// A number above 0.
pub(crate) fn weight(item: &Item<'_>, context: &mut Context<'_>) -> Option<f64> {
    match number(item, context)? {
        weight if weight.is_finite() && weight > 0.0 => Some(weight),
        other => item.fault(context, format!("{other} is not a share: write a number above 0")),
    }
}

/// A number from 0 to 1.
pub(crate) fn fraction(item: &Item<'_>, context: &mut Context<'_>) -> Option<f64> {
    match number(item, context)? {
        fraction if (0.0..=1.0).contains(&fraction) => Some(fraction),
        other => item.fault(context, format!("{other} is out of range: write a number from 0 to 1")),
    }
}

/// An exact price per token.
pub(crate) fn price(item: &Item<'_>, context: &mut Context<'_>) -> Option<Money> {
    let price = money(item, "a price", "0.0000001", context)?;
    if price < Money::ZERO {
        return item.fault(context, "is negative: write a price from 0");
    }
    if price > SUSPICIOUS_PRICE {
        let message = format!(
            "{price} USD for one token looks like a price per million tokens: divide it by 1,000,000, for example \"0.0000025\" for 2.50"
        );
        context.warn(&item.path, item.node.spot, message);
    }
    Some(price)
}

/// An exact amount of money.
pub(crate) fn amount(item: &Item<'_>, context: &mut Context<'_>) -> Option<Money> {
    money(item, "an amount", "50", context)
}

fn money(item: &Item<'_>, what: &str, example: &str, context: &mut Context<'_>) -> Option<Money> {
    let text = match &item.node.value {
        Value::Text(text) => text,
        Value::Integer(_) | Value::Float(_) => {
            let message = format!("a bare number is not exact: write it as a string, for example \"{example}\"");
            return item.fault(context, message);
        }
        _ => return item.wrong_kind(context, &format!("{what} in quotes, for example \"{example}\"")),
    };
    Money::parse(text).map_or_else(|error| item.fault(context, error.to_string()), Some)
}

/// A model's id.
pub(crate) fn model_id(item: &Item<'_>, context: &mut Context<'_>) -> Option<ModelId> {
    let text = text(item, context)?;
    ModelId::parse(&text).map_or_else(|error| item.fault(context, error.to_string()), Some)
}

/// A provider's slug.
pub(crate) fn provider_slug(item: &Item<'_>, context: &mut Context<'_>) -> Option<ProviderSlug> {
    let text = text(item, context)?;
    ProviderSlug::parse(&text).map_or_else(|error| item.fault(context, error.to_string()), Some)
}

/// A moment with its offset from UTC.
pub(crate) fn moment(item: &Item<'_>, context: &mut Context<'_>) -> Option<Timestamp> {
    let (Value::Text(text) | Value::Moment(text)) = &item.node.value else {
        return item.wrong_kind(context, "a time such as 2027-01-31T00:00:00Z");
    };
    if let Some(moment) = Timestamp::parse_rfc3339(text) {
        return Some(moment);
    }
    item.fault(context, format!("`{}` is not a time with its offset: write 2027-01-31T00:00:00Z", shortened(text)))
}

/// A date.
pub(crate) fn date(item: &Item<'_>, context: &mut Context<'_>) -> Option<String> {
    let (Value::Text(text) | Value::Moment(text)) = &item.node.value else {
        return item.wrong_kind(context, "a date such as 2026-11-22");
    };
    if text.len() == 10 && Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")).is_some() {
        return Some(text.clone());
    }
    item.fault(context, format!("`{}` is not a date: write it as 2026-11-22", shortened(text)))
}

/// Every item of a list; faulty ones are noted and left out.
pub(crate) fn list<T>(item: &Item<'_>, context: &mut Context<'_>, read: Read<T>) -> Option<Vec<T>> {
    let items = items(item, context)?;
    Some(items.iter().filter_map(|item| read(item, context)).collect())
}

/// The items of a list.
pub(crate) fn items<'a>(item: &Item<'a>, context: &mut Context<'_>) -> Option<Vec<Item<'a>>> {
    let Value::List(nodes) = &item.node.value else {
        return item.wrong_kind(context, "a list in [brackets]");
    };
    let with_path = |(place, node)| Item { path: format!("{}[{place}]", item.path), node };
    Some(nodes.iter().enumerate().map(with_path).collect())
}

/// A list of text.
pub(crate) fn texts(item: &Item<'_>, context: &mut Context<'_>) -> Option<Vec<String>> {
    list(item, context, name)
}

/// A list of models, each once.
pub(crate) fn model_ids(item: &Item<'_>, context: &mut Context<'_>) -> Option<Vec<ModelId>> {
    refuse_repeats(item, context);
    list(item, context, |item, context| match &item.node.value {
        Value::Text(text) if text == "*" => item.fault(context, "`*` is for policies: name the models here"),
        _ => model_id(item, context),
    })
}

/// Notes every text of a list that stands in it before.
pub(crate) fn refuse_repeats(list: &Item<'_>, context: &mut Context<'_>) {
    let Value::List(nodes) = &list.node.value else { return };
    let mut seen = std::collections::BTreeSet::new();
    for (place, node) in nodes.iter().enumerate() {
        if let Value::Text(text) = &node.value
            && !seen.insert(text)
        {
            let item = Item { path: format!("{}[{place}]", list.path), node };
            item.fault::<()>(context, format!("`{}` is named twice: take one out", shortened(text)));
        }
    }
}

/// One of some words.
pub(crate) fn choice<T: Clone>(item: &Item<'_>, context: &mut Context<'_>, options: &[(&str, T)]) -> Option<T> {
    let text = text(item, context)?;
    if let Some((_, value)) = options.iter().find(|(word, _)| *word == text) {
        return Some(value.clone());
    }
    let words: Vec<&str> = options.iter().map(|(word, _)| *word).collect();
    item.fault(context, not_one_of(&text, &words))
}

/// That a word is none of those known.
pub(crate) fn not_one_of(word: &str, known: &[&str]) -> String {
    let shown = shortened(word);
    match nearest(word, known) {
        Some(meant) => format!("`{shown}` is not known: did you mean \"{meant}\"?"),
        None => format!("`{shown}` is not known: use one of {}", known.join(", ")),
    }
}

/// Reads a table, refusing keys that `read` does not ask for.
pub(crate) fn object<T>(
    item: &Item<'_>,
    context: &mut Context<'_>,
    later: &[&str],
    read: fn(&mut Fields<'_>, &mut Context<'_>) -> Option<T>,
) -> Option<T> {
    let mut fields = Fields::open(item, context)?;
    let value = read(&mut fields, context);
    fields.finish(later, context);
    value
}

/// The tables of a section (`[[providers]]`).
pub(crate) fn tables<'a>(item: &Item<'a>, context: &mut Context<'_>) -> Option<Vec<Item<'a>>> {
    if matches!(item.node.value, Value::Table(_)) {
        let cure = match context.format {
            Format::Toml => format!("write `[[{}]]`, with two brackets", item.path),
            Format::Yaml => "start each with `- `".to_owned(),
        };
        return item.fault(context, format!("expected a list of tables, found one table: {cure}"));
    }
    items(item, context)
}
