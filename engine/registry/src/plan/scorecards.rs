//! Plans scorecards and blends.

use std::sync::Arc;

use domain::desired::{BlendSpec, ScorecardSpec};
use domain::{
    Blend, BlendId, BlendWeight, Normalisation, Object, ObjectKind, Override, ScoreCell, Scorecard, ScorecardId,
};

use super::Plan;
use crate::names;

impl Plan<'_> {
    pub(super) fn scorecards(&mut self, specs: &[ScorecardSpec]) {
        for (index, spec) in specs.iter().enumerate() {
            let path = format!("scorecards[{index}]");
            let label = label(spec);
            if self.check_name(&path, &spec.name) && self.place(ObjectKind::Scorecard, format!("name {label}"), &path) {
                self.scorecard(spec, &label, &path);
            }
        }
    }

    fn scorecard(&mut self, spec: &ScorecardSpec, label: &str, path: &str) {
        let known = self.before.scorecards.values().map(|it| it.scorecard()).find(|it| it.label() == label).cloned();
        let id = known.as_ref().map_or_else(|| ScorecardId::from_random(crate::random()), |it| it.id.clone());
        self.places.insert((ObjectKind::Scorecard, id.to_string()), path.to_owned());
        let scorecard = Arc::new(exact(Scorecard {
            id,
            organisation: self.context.organisation.clone(),
            name: spec.name.clone(),
            version: spec.version.clone(),
            metric: spec.metric.clone(),
            unit: spec.unit.clone(),
            direction: spec.direction,
            normalisation: spec.normalisation,
            capabilities: spec.capabilities.clone(),
            missing: spec.missing,
            source: spec.source.clone(),
            retrieved: spec.retrieved.clone(),
            stale_after_days: spec.stale_after_days,
            cells: spec.scores.clone(),
        }));
        self.put(label, known.as_deref(), &*scorecard, Object::Scorecard(scorecard.clone()));
    }

    pub(super) fn blends(&mut self, specs: &[BlendSpec]) {
        for (index, spec) in specs.iter().enumerate() {
            let path = format!("blends[{index}]");
            if self.check_name(&path, &spec.name) && self.place(ObjectKind::Blend, format!("name {}", spec.name), &path)
            {
                self.blend(spec, &path);
            }
        }
    }

    fn blend(&mut self, spec: &BlendSpec, path: &str) {
        let known = self.before.blends.values().find(|it| it.name == spec.name);
        let id = known.map_or_else(|| BlendId::from_random(crate::random()), |it| it.id.clone());
        self.places.insert((ObjectKind::Blend, id.to_string()), path.to_owned());
        // All of them first: every name that is wrong is told.
        let weights: Vec<_> = spec.weights.iter().enumerate().map(|(place, it)| self.weight(it, path, place)).collect();
        let overrides: Vec<_> =
            spec.overrides.iter().enumerate().map(|(place, it)| self.correction(it, path, place)).collect();
        let (Some(weights), Some(overrides)) = (weights.into_iter().collect(), overrides.into_iter().collect()) else {
            return;
        };
        let blend = Arc::new(exact_blend(Blend {
            id,
            organisation: self.context.organisation.clone(),
            name: spec.name.clone(),
            version: known.map_or(1, |it| it.version),
            weights,
            missing: spec.missing,
            boost: spec.boost,
            rank_by: spec.rank_by,
            z: spec.z,
            overrides,
            fallback_model: spec.fallback_model.clone(),
        }));
        self.put(&spec.name, known.map(Arc::as_ref), &*blend, Object::Blend(blend.clone()));
    }

    fn weight(&mut self, it: &BlendWeight<String>, path: &str, place: usize) -> Option<BlendWeight> {
        let benchmark = self.resolve_scorecard(&it.benchmark, &format!("{path}.weights[{place}].benchmark"))?;
        Some(BlendWeight { benchmark, weight: it.weight, missing: it.missing })
    }

    fn correction(&mut self, it: &Override<String>, path: &str, place: usize) -> Option<Override> {
        let benchmark = self.resolve_scorecard(&it.benchmark, &format!("{path}.overrides[{place}].benchmark"))?;
        Some(Override {
            benchmark,
            model: it.model.clone(),
            score: it.score,
            author: it.author.clone(),
            reason: it.reason.clone(),
            expires_at: it.expires_at,
        })
    }

    /// Finds a scorecard by id, name and version, or a name that only it has; or notes that there is none.
    pub(super) fn resolve_scorecard(&mut self, text: &str, path: &str) -> Option<ScorecardId> {
        match names::scorecard(&self.after, text).map(|it| it.scorecard().id.clone()) {
            Ok(id) => Some(id),
            Err(message) => {
                self.fault(path, message);
                None
            }
        }
    }

    /// Finds a blend by id or name, or notes that there is none.
    pub(super) fn resolve_blend(&mut self, text: &str, path: &str) -> Option<BlendId> {
        let blends = &self.after.blends;
        let found = blends.get(text).or_else(|| blends.values().find(|it| it.name == text)).map(|it| it.id.clone());
        if found.is_none() {
            let hint = names::hint(text, blends.values().map(|it| it.name.as_str()));
            self.fault(path, format!("there is no blend `{text}`{hint}"));
        }
        found
    }
}

fn label(spec: &ScorecardSpec) -> String {
    if spec.version.is_empty() { spec.name.clone() } else { format!("{}@{}", spec.name, spec.version) }
}

/// A scorecard with figures that stay the same through JSON.
pub(super) fn exact(mut scorecard: Scorecard) -> Scorecard {
    scorecard.normalisation = match scorecard.normalisation {
        Normalisation::Bounds { min, max } => Normalisation::Bounds { min: fifteen(min), max: fifteen(max) },
        Normalisation::ChanceAdjusted { min, max, chance } => {
            Normalisation::ChanceAdjusted { min: fifteen(min), max: fifteen(max), chance: fifteen(chance) }
        }
        Normalisation::EloExpected { anchor } => Normalisation::EloExpected { anchor: fifteen(anchor) },
        Normalisation::Log { min, max } => Normalisation::Log { min: fifteen(min), max: fifteen(max) },
    };
    for cell in &mut scorecard.cells {
        exact_cell(cell);
    }
    scorecard
}

/// A blend with figures that stay the same through JSON.
pub(super) fn exact_blend(mut blend: Blend) -> Blend {
    for weight in &mut blend.weights {
        weight.weight = fifteen(weight.weight);
    }
    for correction in &mut blend.overrides {
        correction.score = fifteen(correction.score);
    }
    blend.boost = fifteen(blend.boost);
    blend.z = fifteen(blend.z);
    blend
}

fn exact_cell(cell: &mut ScoreCell) {
    cell.score = fifteen(cell.score);
    cell.standard_error = cell.standard_error.map(fifteen);
    if let Some(interval) = &mut cell.interval {
        interval.low = fifteen(interval.low);
        interval.high = fifteen(interval.high);
    }
}

/// Keeps fifteen digits of a figure: what has no more is the same number after every trip through JSON.
fn fifteen(figure: f64) -> f64 {
    format!("{figure:.14e}").parse().unwrap_or(figure)
}
