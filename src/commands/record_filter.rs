//! The filter options of records, as a server takes them and as a ledger without a server does.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use domain::{Outcome, RecordFilter, Tag, Timestamp};
use proto::pb::admin::v1 as pb;

use crate::cli::FilterArgs;
use crate::exit::UsageError;

impl FilterArgs {
    /// For a server, which knows names.
    pub(crate) fn message(&self) -> anyhow::Result<pb::RecordFilter> {
        let tags = self.tags.iter().map(|text| tag(text)).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(pb::RecordFilter {
            organisation: None,
            key: self.of_key.clone(),
            model: self.model.clone(),
            provider: self.provider.clone(),
            status: self.status.map(u32::from),
            outcome: self.outcome.clone(),
            policy: self.policy.clone(),
            project: self.project.clone(),
            tags: tags.into_iter().map(|tag| pb::RecordTag { key: tag.key, value: tag.value }).collect(),
            since_micros: self.since()?.map(Timestamp::unix_micros),
            until_micros: self.until()?.map(Timestamp::unix_micros),
            min_micros: self.min_ms.map(micros),
            max_micros: self.max_ms.map(micros),
            request: None,
        })
    }

    /// For the ledger of a data folder, which knows ids only.
    pub(crate) fn offline(&self) -> anyhow::Result<RecordFilter> {
        Ok(RecordFilter {
            key: id("--of-key", self.of_key.as_deref())?,
            model: id("--model", self.model.as_deref())?,
            provider: id("--provider", self.provider.as_deref())?,
            status: self.status,
            outcome: self.outcome.as_deref().map(outcome).transpose()?,
            policy: id("--policy", self.policy.as_deref())?,
            project: id("--project", self.project.as_deref())?,
            tags: self.tags.iter().map(|text| tag(text)).collect::<anyhow::Result<_>>()?,
            since: self.since()?,
            until: self.until()?,
            min_micros: self.min_ms.map(micros),
            max_micros: self.max_ms.map(micros),
            ..RecordFilter::default()
        })
    }

    fn since(&self) -> anyhow::Result<Option<Timestamp>> {
        self.since.as_deref().map(|text| moment("--since", text)).transpose()
    }

    fn until(&self) -> anyhow::Result<Option<Timestamp>> {
        self.until.as_deref().map(|text| moment("--until", text)).transpose()
    }
}

fn micros(millis: u64) -> u64 {
    millis.saturating_mul(1_000)
}

fn id<T: std::str::FromStr>(option: &str, text: Option<&str>) -> anyhow::Result<Option<T>> {
    let parse = |text: &str| {
        let wrong =
            || UsageError(format!("{option}: without a server it takes an id or a catalogue name, not `{text}`"));
        text.parse().map_err(|_| wrong())
    };
    Ok(text.map(parse).transpose()?)
}

fn outcome(text: &str) -> anyhow::Result<Outcome> {
    let names = Outcome::ALL.map(Outcome::as_str).join(", ");
    let found = Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == text);
    Ok(found.ok_or_else(|| UsageError(format!("--outcome: `{text}` is none of {names}")))?)
}

fn tag(text: &str) -> anyhow::Result<Tag> {
    let (key, value) =
        text.split_once('=').ok_or_else(|| UsageError(format!("--tag: `{text}` has no `=`: write `key=value`")))?;
    Ok(Tag { key: key.to_owned(), value: value.to_owned() })
}

/// A time, or an age such as `15m`, `2h`, `7d`.
pub(crate) fn moment(option: &str, text: &str) -> anyhow::Result<Timestamp> {
    if let Some(time) = Timestamp::parse_rfc3339(text) {
        return Ok(time);
    }
    let wrong = || {
        UsageError(format!(
            "{option}: `{text}` is neither a time such as 2026-11-22T10:00:00Z nor an age such as 15m, 2h or 7d"
        ))
    };
    let (number, unit) = text.split_at(text.len() - text.chars().last().map_or(0, char::len_utf8));
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong().into()),
    };
    let age = number.parse::<u64>().ok().and_then(|number| number.checked_mul(seconds)).ok_or_else(wrong)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?;
    let then = now.checked_sub(Duration::from_secs(age)).ok_or_else(wrong)?;
    Ok(Timestamp(i64::try_from(then.as_micros())?))
}
