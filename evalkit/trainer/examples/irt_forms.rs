//! Which form of the item-response fit foretells outcomes best: `cargo run -p trainer --example irt_forms -- DATA-FOLDER`.
//!
//! One in ten outcomes of train prompts is left out of the fit, by a hash; printed is the mean log loss on these.

#![allow(clippy::print_stdout, reason = "an example's output")]

use std::path::Path;

use trainer::fit::is_dev;
use trainer::irt::{Discrimination, fit_with};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("which folder of public prompts and outcomes?")?;
    let corpus = datasets::Corpus::load(Path::new(&folder))?;
    for (source, rows) in &corpus.outcomes {
        let is_train = |id: &str| corpus.prompts[id].split == datasets::Split::Train;
        let rows: Vec<_> = rows
            .iter()
            .filter(|it| is_train(&it.prompt_id))
            .map(|it| (it.prompt_id.as_str(), it.model.as_str(), it.score))
            .collect();
        let (out, kept): (Vec<_>, Vec<_>) = rows.iter().partition(|it| is_dev(&format!("{} {}", it.0, it.1), 10));
        for form in [Discrimination::One, Discrimination::Prompt] {
            let fitted = fit_with(form, kept.iter().copied(), |_| true);
            let losses = out.iter().filter_map(|(prompt, model, score)| {
                let right = fitted.p_right(prompt, model)?.clamp(1e-9, 1.0 - 1e-9);
                Some(-(score * right.ln() + (1.0 - score) * (1.0 - right).ln()))
            });
            let losses: Vec<f64> = losses.collect();
            let n = losses.len() as f64;
            let mean = losses.iter().sum::<f64>() / n;
            let error = (losses.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / n / n).sqrt();
            println!("{source:24} {form:?}: {mean:.4} ± {error:.4}, n = {n}");
        }
    }
    Ok(())
}
