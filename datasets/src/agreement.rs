//! How far two independent gradings agree: what a scorer can hope for, since it is judged against the same judges.

use std::fmt;

use domain::CapabilityTag;

use crate::everyday::EverydayPrompt;
use crate::grading::{Grading, Level, TAGS};

/// Agreement of the first and the second gradings. A number that is not defined (fewer than two prompts, or one judge
/// who always says the same) is 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Agreement {
    /// Prompts with two gradings.
    pub n: usize,
    /// Pearson's correlation of the grades.
    pub pearson: f64,
    /// Spearman's correlation of the grades.
    pub spearman: f64,
    /// Mean of first minus second grade: above 0 where the second judge takes prompts for easier.
    pub bias: f64,
    /// Cohen's kappa on the three levels, with quadratic weights.
    pub level_kappa: f64,
    /// Share of prompts whose grades are at most 1 apart.
    pub within_one: f64,
    /// Share of prompts that one calls simple and the other complex.
    pub opposed: f64,
    /// Per tag, in the order of [`CapabilityTag::ALL`].
    pub tags: [TagAgreement; TAGS],
    /// Median of the absolute logarithm of the lengths' ratio.
    pub length_log_ratio: f64,
}

/// Agreement on one tag.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TagAgreement {
    /// Which tag.
    pub tag: CapabilityTag,
    /// Share of prompts that have it by the first grading.
    pub first: f64,
    /// Share of prompts that have it by the second grading.
    pub second: f64,
    /// F1 of one against the other; it is the same either way round.
    pub f1: f64,
    /// Cohen's kappa.
    pub kappa: f64,
}

/// Compares the two gradings of those prompts that have two.
pub fn agreement(prompts: &[EverydayPrompt]) -> Agreement {
    let both: Vec<_> = prompts.iter().filter_map(|it| Some((&it.first, it.second.as_ref()?))).collect();
    let grades = |grading: &Grading| grading.grade;
    let first: Vec<_> = both.iter().map(|(first, _)| grades(first)).collect();
    let second: Vec<_> = both.iter().map(|(_, second)| grades(second)).collect();
    let levels: Vec<_> = both.iter().map(|(first, second)| (first.level() as usize, second.level() as usize)).collect();
    let gaps: Vec<_> = first.iter().zip(&second).map(|(first, second)| first - second).collect();
    Agreement {
        n: both.len(),
        pearson: pearson(&first, &second),
        spearman: pearson(&ranks(&first), &ranks(&second)),
        bias: mean(gaps.iter().copied()),
        level_kappa: kappa(&levels, Level::ALL.len()),
        within_one: mean(gaps.iter().map(|gap| f64::from(gap.abs() <= 1.0))),
        opposed: mean(levels.iter().map(|(first, second)| f64::from(first.abs_diff(*second) == 2))),
        tags: CapabilityTag::ALL.map(|tag| on_tag(tag, &both)),
        length_log_ratio: median(
            both.iter().map(|(a, b)| (a.expected_output_tokens / b.expected_output_tokens).ln().abs()).collect(),
        ),
    }
}

fn on_tag(tag: CapabilityTag, both: &[(&Grading, &Grading)]) -> TagAgreement {
    let given = |grading: &Grading| usize::from(grading.tags.contains(&tag));
    let pairs: Vec<_> = both.iter().map(|(first, second)| (given(first), given(second))).collect();
    let (first, second) =
        (mean(pairs.iter().map(|(first, _)| *first as f64)), mean(pairs.iter().map(|(_, second)| *second as f64)));
    let shared = mean(pairs.iter().map(|(first, second)| (first * second) as f64));
    TagAgreement { tag, first, second, f1: quotient(2.0 * shared, first + second), kappa: kappa(&pairs, 2) }
}

/// Cohen's kappa with quadratic weights; with two classes the weights change nothing.
fn kappa(pairs: &[(usize, usize)], classes: usize) -> f64 {
    let share = |of: &dyn Fn(&(usize, usize)) -> bool| mean(pairs.iter().map(|pair| f64::from(of(pair))));
    let (mut seen, mut by_chance) = (0.0, 0.0);
    for one in 0..classes {
        for other in 0..classes {
            let weight = (one as f64 - other as f64).powi(2);
            seen += weight * share(&|pair| *pair == (one, other));
            by_chance += weight * share(&|pair| pair.0 == one) * share(&|pair| pair.1 == other);
        }
    }
    if by_chance > 0.0 { 1.0 - seen / by_chance } else { 0.0 }
}

fn pearson(left: &[f64], right: &[f64]) -> f64 {
    let (of_left, of_right) = (mean(left.iter().copied()), mean(right.iter().copied()));
    let product = |one: &[f64], its: f64, other: &[f64], others: f64| {
        one.iter().zip(other).map(|(a, b)| (a - its) * (b - others)).sum::<f64>()
    };
    let spread = product(left, of_left, left, of_left) * product(right, of_right, right, of_right);
    quotient(product(left, of_left, right, of_right), spread.sqrt())
}

/// Ranks from 0; equal values share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<_> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    for tied in order.chunk_by(|a, b| values[*a].total_cmp(&values[*b]).is_eq()) {
        for at in tied {
            ranks[*at] = start as f64 + (tied.len() - 1) as f64 / 2.0;
        }
        start += tied.len();
    }
    ranks
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (count, sum) = values.fold((0_usize, 0.0), |(count, sum), value| (count + 1, sum + value));
    quotient(sum, count as f64)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}

fn quotient(above: f64, below: f64) -> f64 {
    if below > 0.0 { above / below } else { 0.0 }
}

/// Two tables in Markdown: the numbers, and those per tag.
impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| Of both gradings | |\n|---|---|")?;
        writeln!(f, "| prompts | {} |", self.n)?;
        writeln!(f, "| Pearson's correlation of grades | {:.3} |", self.pearson)?;
        writeln!(f, "| Spearman's correlation of grades | {:.3} |", self.spearman)?;
        writeln!(f, "| first minus second grade, mean | {:.2} |", self.bias)?;
        writeln!(f, "| grades at most 1 apart | {:.1} % |", self.within_one * 100.0)?;
        writeln!(f, "| kappa of levels, quadratic weights | {:.3} |", self.level_kappa)?;
        writeln!(f, "| simple to one, complex to the other | {:.2} % |", self.opposed * 100.0)?;
        writeln!(f, "| lengths apart by a factor of, median | {:.2} |", self.length_log_ratio.exp())?;
        writeln!(f, "\n| Tag | first | second | F1 | kappa |\n|---|---|---|---|---|")?;
        for it in &self.tags {
            let (name, first, second) = (it.tag.as_str(), it.first * 100.0, it.second * 100.0);
            writeln!(f, "| `{name}` | {first:.1} % | {second:.1} % | {:.2} | {:.2} |", it.f1, it.kappa)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found}, expected {expected}");
    }

    #[test]
    fn correlations_are_those_of_the_textbook() {
        // Sums of squares 5 and 5, of products 4.
        near(pearson(&[1.0, 2.0, 3.0, 4.0], &[2.0, 1.0, 4.0, 3.0]), 0.6);
        near(pearson(&[1.0, 2.0, 3.0], &[5.0, 5.0, 5.0]), 0.0);
        assert_eq!(ranks(&[10.0, 0.5, 10.0, 2.0]), [2.5, 0.0, 2.5, 1.0]);
        let growing: Vec<f64> = (1..9).map(f64::from).collect();
        let bent: Vec<f64> = growing.iter().map(|it| it.exp()).collect();
        near(pearson(&ranks(&growing), &ranks(&bent)), 1.0);
        assert!(pearson(&growing, &bent) < 0.9);
    }

    #[test]
    fn kappa_is_one_for_equals_nought_for_chance_and_punishes_the_far_more() {
        near(kappa(&[(0, 0), (1, 1), (2, 2)], 3), 1.0);
        near(kappa(&[(0, 0), (0, 1), (1, 0), (1, 1)], 2), 0.0);
        // 20 yes to both, 15 no to both, 5 and 10 apart: the usual example.
        let table = [((1, 1), 20), ((1, 0), 5), ((0, 1), 10), ((0, 0), 15)];
        let pairs: Vec<_> = table.iter().flat_map(|(pair, count)| vec![*pair; *count]).collect();
        near(kappa(&pairs, 2), 0.4);
        let next = kappa(&[(0, 0), (1, 1), (2, 2), (0, 1)], 3);
        let far = kappa(&[(0, 0), (1, 1), (2, 2), (0, 2)], 3);
        assert!(far < next, "{far} {next}");
        near(kappa(&[(1, 1), (1, 1)], 3), 0.0);
    }

    #[test]
    fn median_is_the_middle() {
        near(median(vec![3.0, 1.0, 2.0]), 2.0);
        near(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        near(median(vec![]), 0.0);
    }

    fn graded(first: (f64, &[CapabilityTag], f64), second: (f64, &[CapabilityTag], f64)) -> EverydayPrompt {
        let grading = |(grade, tags, tokens): (f64, &[CapabilityTag], f64)| Grading {
            grade,
            tags: tags.to_vec(),
            expected_output_tokens: tokens,
        };
        let mut row = crate::generate(1, 20).remove(0);
        (row.first, row.second) = (grading(first), Some(grading(second)));
        row
    }

    #[test]
    fn prompts_are_compared_grading_by_grading() {
        use CapabilityTag::{Chat, Code, Math};
        let rows = [
            graded((1.0, &[Chat], 10.0), (2.0, &[Chat], 20.0)),
            graded((3.0, &[Code, Math], 100.0), (6.5, &[Code], 100.0)),
            graded((8.0, &[Math], 400.0), (7.5, &[Math], 100.0)),
            graded((5.0, &[Code], 50.0), (5.0, &[Math], 50.0)),
        ];
        let found = agreement(&rows);
        assert_eq!(found.n, 4);
        near(found.bias, -1.0);
        near(found.within_one, 0.75);
        near(found.opposed, 0.25);
        near(found.length_log_ratio, 2_f64.ln() / 2.0);
        // Code: both once, one alone once. Math: both once, each alone once.
        near(found.tags[0].f1, 2.0 / 3.0);
        near(found.tags[1].f1, 0.5);
        near(found.tags[9].kappa, 1.0);
        near(found.tags[6].f1, 0.0);
        assert!(found.pearson > 0.7 && found.spearman > 0.7, "{found:?}");
    }

    #[test]
    fn prompts_with_one_grading_do_not_count() {
        let found = agreement(&crate::generate(1, 50));
        assert_eq!(found.n, 0);
        assert!(found.pearson == 0.0 && found.within_one == 0.0 && found.level_kappa == 0.0);
    }
}
