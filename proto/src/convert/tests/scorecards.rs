//! Scorecards and blends of any value.

use domain::{
    Blend, BlendWeight, CapabilityTag, Date, Direction, Interval, Missing, Normalisation, Override, RankBy, ScoreCell,
    Scorecard, SourceKind, SourceNote,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Strategy as Arbitrary;

use super::basics::{blend_id, model_id, moment, organisation_id, scorecard_id, text};

pub(super) fn missing() -> impl Arbitrary<Value = Missing> {
    use Missing::{Exclude, LowerBound, Median, Min, Renormalise, Zero};
    select(vec![LowerBound, Median, Renormalise, Min, Zero, Exclude])
}

pub(super) fn figure() -> impl Arbitrary<Value = f64> {
    -1e9..1e9
}

pub(super) fn normalisation() -> impl Arbitrary<Value = Normalisation> {
    prop_oneof![
        (figure(), figure()).prop_map(|(min, max)| Normalisation::Bounds { min, max }),
        (figure(), figure(), figure()).prop_map(|(min, max, chance)| Normalisation::ChanceAdjusted {
            min,
            max,
            chance
        }),
        figure().prop_map(|anchor| Normalisation::EloExpected { anchor }),
        (figure(), figure()).prop_map(|(min, max)| Normalisation::Log { min, max }),
    ]
}

pub(super) fn day() -> impl Arbitrary<Value = Date> {
    (2000..2100, 1..=12, 1..=28)
        .prop_map(|(year, month, day)| Date::parse(&format!("{year}-{month:02}-{day:02}")).unwrap())
}

pub(super) fn score_cell() -> impl Arbitrary<Value = ScoreCell> {
    let interval = (figure(), figure()).prop_map(|(low, high)| Interval { low, high });
    (model_id(), figure(), any::<Option<u64>>(), of(figure()), of(interval))
        .prop_map(|(model, score, n, standard_error, interval)| ScoreCell { model, score, n, standard_error, interval })
}

pub(super) fn scorecard() -> impl Arbitrary<Value = Scorecard> {
    let names = (scorecard_id(), organisation_id(), text(), text(), text(), of(text()));
    let kind = select(vec![SourceKind::Published, SourceKind::Eval, SourceKind::Uploaded]);
    let source = (kind, of(day()), of(text()), of(text())).prop_map(|(kind, date, licence, url)| SourceNote {
        kind,
        date,
        licence,
        url,
    });
    let reading = (select(vec![Direction::Higher, Direction::Lower]), normalisation(), of(missing()));
    let tags = vec(select(CapabilityTag::ALL.to_vec()), 0..4);
    let age = (of(day()), any::<Option<u64>>());
    (names, source, reading, tags, age, vec(score_cell(), 0..4)).prop_map(
        |(names, source, reading, capabilities, age, cells)| Scorecard {
            id: names.0,
            organisation: names.1,
            name: names.2,
            version: names.3,
            metric: names.4,
            unit: names.5,
            direction: reading.0,
            normalisation: reading.1,
            capabilities,
            missing: reading.2,
            source,
            retrieved: age.0,
            stale_after_days: age.1,
            cells,
        },
    )
}

pub(super) fn correction() -> impl Arbitrary<Value = Override> {
    (scorecard_id(), model_id(), figure(), text(), text(), of(moment())).prop_map(
        |(benchmark, model, score, author, reason, expires_at)| Override {
            benchmark,
            model,
            score,
            author,
            reason,
            expires_at,
        },
    )
}

pub(super) fn blend() -> impl Arbitrary<Value = Blend> {
    let weight = (scorecard_id(), figure(), of(missing())).prop_map(|(benchmark, weight, missing)| BlendWeight {
        benchmark,
        weight,
        missing,
    });
    let names = (blend_id(), organisation_id(), text(), any::<u32>());
    let ranking = (figure(), select(vec![RankBy::Mean, RankBy::Lcb]), figure());
    let gaps = (of(missing()), of(model_id()));
    (names, vec(weight, 0..4), ranking, gaps, vec(correction(), 0..3)).prop_map(
        |(names, weights, ranking, gaps, overrides)| Blend {
            id: names.0,
            organisation: names.1,
            name: names.2,
            version: names.3,
            weights,
            missing: gaps.0,
            boost: ranking.0,
            rank_by: ranking.1,
            z: ranking.2,
            overrides,
            fallback_model: gaps.1,
        },
    )
}
