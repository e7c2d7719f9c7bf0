//! Finds the map from raw complexity to the scale that is promised, from prompts the network was not fitted to.

use datasets::Level;
use scorer::calibration::Calibration;
use scorer::network::TAGS;

use crate::config::Reference;
use crate::fit::Prediction;
use crate::metrics::median;

/// Shares, of what lies on one side of the gap, at which the map has knots.
const KNOTS: [f64; 10] = [0.025, 0.075, 0.15, 0.25, 0.375, 0.5, 0.625, 0.75, 0.85, 0.94];

/// Where the gap between simple and complex lies on the scale.
const GAP: (f64, f64) = (0.4, 0.6);

/// How far beyond the outermost knots the scale goes on to 0 and to 1.
const MARGIN: f64 = 1.0;

/// A prompt that was not fitted to: what was said, and what is true.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What the network said.
    pub said: Prediction,
    /// Its grade on the network's scale.
    pub grade: f64,
    /// Its level.
    pub level: Level,
    /// Whether it has each tag; `None` where its two gradings differ.
    pub tags: [Option<bool>; TAGS],
    /// Logarithm of the answer's expected tokens.
    pub log_output: f64,
}

/// Fits the map, and what is added to tags and lengths.
///
/// Within the gap, complexity is the probability that a prompt which is either simple or complex is complex. Below and above
/// it, complexity is the share of the reference mix that lies lower on the same side.
pub fn fit(judged: &[Judged], reference: &Reference) -> Calibration {
    let mut weighted: Vec<(f64, f64)> =
        judged.iter().map(|it| (it.said.complexity, share(reference, it.level) / count(judged, it.level))).collect();
    weighted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (from, to) = gap(judged);
    let (below, rest) = weighted.split_at(weighted.partition_point(|it| it.0 < from));
    let above = &rest[rest.partition_point(|it| it.0 <= to)..];
    let side = |side: &[(f64, f64)], start: f64, length: f64| -> Vec<(f64, f64)> {
        KNOTS.iter().filter(|_| side.len() > 1).map(|part| (quantile(side, *part), start + length * part)).collect()
    };
    let mut all = side(below, 0.0, GAP.0);
    all.extend([(from, GAP.0), (to, GAP.1)]);
    all.extend(side(above, GAP.1, 1.0 - GAP.1));
    let mut knots: Vec<(f64, f64)> = Vec::new();
    for (raw, mapped) in all {
        match knots.last() {
            // Knots have to rise; a tie keeps the lower share.
            Some((last, _)) if raw <= *last + 1e-6 => {}
            _ => knots.push((raw, mapped)),
        }
    }
    if let (Some((first, _)), Some((last, _))) = (knots.first().copied(), knots.last().copied()) {
        knots.insert(0, (first - MARGIN, 0.0));
        knots.push((last + MARGIN, 1.0));
    }
    let Reference { simple, medium, complex } = reference;
    Calibration {
        reference: format!(
            "everyday prompts, each judged by a network that had not seen its author, weighted to {:.0} % simple, {:.0} % \
             medium, {:.0} % complex; from 0.4 to 0.6 the probability that a prompt which is either simple or complex is \
             complex, below and above the share of the mix that lies lower on the same side",
            100.0 * simple,
            100.0 * medium,
            100.0 * complex
        ),
        complexity: knots,
        tag_shifts: std::array::from_fn(|tag| tag_shift(judged, tag)),
        length_shift: median(judged.iter().map(|it| it.log_output - it.said.log_output).collect()),
        // The median of a normal residual is 0.6745 deviations.
        uncertainty_scale: median(
            judged.iter().map(|it| (it.said.complexity - it.grade).abs() / it.said.spread).collect(),
        ) / 0.6745,
    }
}

/// Where a logistic regression on simple and complex prompts, each kind weighing the same, is at the two ends of the gap.
fn gap(judged: &[Judged]) -> (f64, f64) {
    let clear: Vec<(f64, f64, f64)> = judged
        .iter()
        .filter(|it| it.level != Level::Medium)
        .map(|it| (it.said.complexity, f64::from(u8::from(it.level == Level::Complex)), 1.0 / count(judged, it.level)))
        .collect();
    let (mut slope, mut offset) = (1.0, 0.0);
    for _ in 0..50 {
        // Newton's step on the log-likelihood, a little shrunk so that separable prompts do not run away.
        let (mut g, mut h) = ([-1e-3 * slope, 0.0], [1e-3, 0.0, 1e-9]);
        for (raw, truth, weight) in &clear {
            let p = 1.0 / (1.0 + (-(slope * raw + offset)).exp());
            let (residual, curve) = (weight * (truth - p), weight * p * (1.0 - p));
            g = [g[0] + residual * raw, g[1] + residual];
            h = [h[0] + curve * raw * raw, h[1] + curve * raw, h[2] + curve];
        }
        let determinant = h[0] * h[2] - h[1] * h[1];
        slope += (h[2] * g[0] - h[1] * g[1]) / determinant;
        offset += (h[0] * g[1] - h[1] * g[0]) / determinant;
    }
    let slope = slope.max(0.05);
    let at = |p: f64| ((p / (1.0 - p)).ln() - offset) / slope;
    (at(GAP.0), at(GAP.1))
}

/// What is added to a tag's logit so that F1 at 0.5 is best on prompts whose two gradings agree about the tag.
fn tag_shift(judged: &[Judged], tag: usize) -> f64 {
    let agreed = judged.iter().filter_map(|it| Some((it.said.tags.get(tag)?, it.tags[tag]?)));
    let mut said: Vec<(f64, bool)> = agreed.map(|(p, is)| (p.clamp(1e-6, 1.0 - 1e-6), is)).collect();
    said.sort_by(|a, b| b.0.total_cmp(&a.0));
    let positives = said.iter().filter(|it| it.1).count() as f64;
    let (mut best, mut threshold, mut hits) = (0.0, 0.5, 0.0);
    for (at, pair) in said.windows(2).enumerate() {
        hits += f64::from(u8::from(pair[0].1));
        let f1 = 2.0 * hits / (positives + at as f64 + 1.0);
        if f1 > best {
            (best, threshold) = (f1, f64::midpoint(pair[0].0, pair[1].0));
        }
    }
    ((1.0 - threshold) / threshold).ln()
}

fn share(reference: &Reference, level: Level) -> f64 {
    match level {
        Level::Simple => reference.simple,
        Level::Medium => reference.medium,
        Level::Complex => reference.complex,
    }
}

fn count(judged: &[Judged], level: Level) -> f64 {
    judged.iter().filter(|it| it.level == level).count() as f64
}

/// The value below which the given share of the weight lies, between neighbours.
fn quantile(weighted: &[(f64, f64)], percentile: f64) -> f64 {
    let total: f64 = weighted.iter().map(|it| it.1).sum();
    let mut below = 0.0;
    for pair in weighted.windows(2) {
        below += pair[0].1 / total;
        if below >= percentile {
            return f64::midpoint(pair[0].0, pair[1].0);
        }
    }
    weighted.last().map_or(0.0, |it| it.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(raw: f64, level: Level) -> Judged {
        let said = Prediction {
            complexity: raw,
            difficulty: 0.0,
            spread: 0.5,
            tags: vec![0.2 + 0.1 * raw; TAGS],
            log_output: 0.0,
        };
        let tags = [Some(level == Level::Complex); TAGS];
        Judged { said, grade: raw + 0.4, level, tags, log_output: 1.0 }
    }

    #[test]
    fn levels_land_on_their_side_of_the_gap_whatever_their_number() {
        let mut all: Vec<_> = (0..500).map(|it| judged(-2.0 + f64::from(it) / 500.0, Level::Simple)).collect();
        all.extend((0..60).map(|it| judged(-0.5 + f64::from(it) / 60.0, Level::Medium)));
        all.extend((0..90).map(|it| judged(0.7 + f64::from(it) / 90.0, Level::Complex)));
        let map = fit(&all, &Reference { simple: 0.4, medium: 0.2, complex: 0.4 });
        assert_eq!(map.validate(), Ok(()));
        assert!(map.map(-1.5).0 < 0.3 && map.map(1.2).0 > 0.7, "{map:?}");
        assert!((0.05..0.95).contains(&map.map(0.0).0), "{map:?}");
        assert!(map.tag(0, 0.2 + 0.1 * 0.9) > 0.5 && map.tag(0, 0.2 - 0.1 * 1.1) < 0.5, "{map:?}");
        assert!((map.length_shift - 1.0).abs() < 1e-9);
        assert!((map.uncertainty_scale - 0.4 / 0.5 / 0.6745).abs() < 1e-9);
    }
}
