//! Items in order of a score, equal scores kept together, and what follows from order alone.

/// Items from the highest score to the lowest, in blocks that no threshold can part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranking {
    order: Vec<u32>,
    ends: Vec<u32>,
}

impl Ranking {
    /// Ranks by score; equal scores form a block. Scores are numbers: the readers refuse others.
    pub fn with_ties(scores: &[f64]) -> Self {
        let order = descending(scores);
        let tied = |pair: &[u32]| {
            scores[pair[0] as usize].partial_cmp(&scores[pair[1] as usize]) == Some(std::cmp::Ordering::Equal)
        };
        let mut ends: Vec<u32> =
            order.windows(2).enumerate().filter(|(_, pair)| !tied(pair)).map(|(at, _)| at as u32 + 1).collect();
        if !order.is_empty() {
            ends.push(order.len() as u32);
        }
        Self { order, ends }
    }

    /// Ranks by score and parts equal scores by their place in the input: for oracles, which may pick exactly `k` items,
    /// and for checks against figures computed so.
    pub fn in_file_order(scores: &[f64]) -> Self {
        let order = descending(scores);
        let ends = (1..=order.len() as u32).collect();
        Self { order, ends }
    }

    /// The blocks, highest score first: indices of items.
    pub fn blocks(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        self.ends.iter().enumerate().map(|(at, end)| {
            let start = if at == 0 { 0 } else { self.ends[at - 1] };
            &self.order[start as usize..*end as usize]
        })
    }
}

fn descending(scores: &[f64]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..scores.len() as u32).collect();
    // Adding zero makes one zero of two, which `total_cmp` would tell apart.
    order.sort_by(|left, right| (scores[*right as usize] + 0.0).total_cmp(&(scores[*left as usize] + 0.0)));
    order
}

/// Area under the ROC curve: the chance that a positive item has a higher score than a negative one, ties half.
/// Items count by weight. `None` if either kind has no weight.
pub fn auroc(ranking: &Ranking, positive: &[bool], weights: &[u8]) -> Option<f64> {
    let (mut above, mut below_pairs, mut positives, mut negatives) = (0_u64, 0_u64, 0_u64, 0_u64);
    for block in ranking.blocks() {
        let (mut here, mut not_here) = (0_u64, 0_u64);
        for item in block {
            let weight = u64::from(weights[*item as usize]);
            if positive[*item as usize] { here += weight } else { not_here += weight }
        }
        // Twice the pairs in which the negative item stands below the positive one, so that halves stay whole.
        below_pairs += 2 * above * not_here + here * not_here;
        above += here;
        positives += here;
        negatives += not_here;
    }
    (positives > 0 && negatives > 0).then(|| below_pairs as f64 / (2.0 * positives as f64 * negatives as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_form_blocks() {
        let ranking = Ranking::with_ties(&[0.2, 0.9, 0.2, -0.0, 0.0]);
        let blocks: Vec<_> = ranking.blocks().map(<[u32]>::to_vec).collect();
        assert_eq!(blocks, [vec![1], vec![0, 2], vec![3, 4]]);
        assert_eq!(Ranking::in_file_order(&[0.2, 0.9, 0.2]).blocks().len(), 3);
        assert_eq!(Ranking::with_ties(&[]).blocks().len(), 0);
    }

    #[test]
    fn auroc_of_one_kind_is_undefined() {
        let ranking = Ranking::with_ties(&[0.1, 0.2]);
        assert_eq!(auroc(&ranking, &[true, true], &[1, 1]), None);
        assert_eq!(auroc(&ranking, &[false, true], &[1, 0]), None);
        assert_eq!(auroc(&ranking, &[false, true], &[1, 1]), Some(1.0));
        assert_eq!(auroc(&Ranking::with_ties(&[0.1, 0.1]), &[false, true], &[1, 1]), Some(0.5));
    }
}
