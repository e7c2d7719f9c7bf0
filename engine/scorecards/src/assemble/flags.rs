//! What is said of a scorecard that can be used.

use domain::Timestamp;

use crate::evidence::{Evidence, weigh};
use crate::flag::{Flag, FlagKind};
use crate::spec::ScorecardSpec;

const MICROS_A_DAY: i64 = 86_400_000_000;

/// Raises the flags of age and evidence.
pub(super) fn raise(card: &ScorecardSpec, now: Timestamp, flags: &mut Vec<Flag>) {
    let label = card.label();
    let mut raise = |kind, model: Option<&str>, message| {
        flags.push(Flag { kind, scorecard: label.clone(), model: model.map(str::to_owned), message });
    };
    if let Some(limit) = card.stale_after_days {
        match card.source.date.as_ref().or(card.retrieved.as_ref()) {
            None => raise(FlagKind::Stale, None, format!("has no date, and counts as stale after {limit} days")),
            Some(date)
                if now.0.saturating_sub(date.start().0) / MICROS_A_DAY > i64::try_from(limit).unwrap_or(i64::MAX) =>
            {
                let message = format!("its numbers are of {date}, more than {limit} days old");
                raise(FlagKind::Stale, None, message);
            }
            Some(_) => {}
        }
    }
    let mut unknown = 0;
    for cell in &card.cells {
        match weigh(card.normalisation, card.direction, &cell.cell) {
            Evidence::Enough => {}
            Evidence::Low(why) => raise(FlagKind::LowEvidence, Some(&cell.published), why),
            Evidence::Unknown => unknown += 1,
        }
    }
    if unknown > 0 {
        let message = format!(
            "{unknown} of {} scores have neither interval, standard error nor number of samples",
            card.cells.len()
        );
        raise(FlagKind::NoInterval, None, message);
    }
}
