//! List prices of models in the public sets, for strengths by price and for what answers would have cost.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use domain::Money;
use serde::Deserialize;

/// The prices that come along.
const SHIPPED: &str = include_str!("../../calibration/prices.csv");

/// Prices of one model in USD per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Price {
    /// Of the prompt.
    pub input: f64,
    /// Of the answer.
    pub output: f64,
}

impl Price {
    /// What a request costs; `None` if that is no amount.
    pub fn cost(self, input_tokens: u64, output_tokens: u64) -> Option<Money> {
        let usd = (self.input * input_tokens as f64 + self.output * output_tokens as f64) / 1e6;
        Money::parse(&format!("{usd:.12}")).ok()
    }

    /// Strength by price, as policies derive it.
    pub fn strength(self) -> f64 {
        Money::parse(&format!("{:.12}", self.output / 1e6)).map_or(0.0, policy::strength_by_price)
    }
}

#[derive(Deserialize)]
struct Line {
    model: String,
    #[serde(flatten)]
    price: Price,
}

/// Reads `model,input,output` from a file, or the prices that come along.
///
/// # Errors
/// When the file cannot be read, a row is wrong, or a model stands twice.
pub fn read(path: Option<&Path>) -> anyhow::Result<BTreeMap<String, Price>> {
    let text = match path {
        Some(path) => std::fs::read_to_string(path).with_context(|| format!("--prices {}", path.display()))?,
        None => SHIPPED.to_owned(),
    };
    let mut prices = BTreeMap::new();
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes());
    for (place, line) in reader.deserialize::<Line>().enumerate() {
        let Line { model, price } = line.with_context(|| {
            format!(
                "--prices: row {}: expected the columns `model`, `input`, `output`, in USD per million tokens",
                place + 1
            )
        })?;
        let is_sound = [price.input, price.output].iter().all(|it| it.is_finite() && *it >= 0.0);
        if !is_sound {
            bail!("--prices: row {}: a price of `{model}` is below 0: expected USD per million tokens", place + 1);
        }
        if prices.insert(model.clone(), price).is_some() {
            bail!("--prices: row {}: `{model}` stands twice: keep one of the rows", place + 1);
        }
    }
    Ok(prices)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_that_come_along_are_read() {
        let prices = read(None).unwrap();
        assert!(prices.len() > 30);
        let turbo = prices["gpt-4o-2024-05-13"];
        assert_eq!(turbo.cost(1_000, 100).map(|it| it.to_string()), Some("0.0065".to_owned()));
        assert!((turbo.strength() - 300_f64.log10() / 1500_f64.log10()).abs() < 1e-12);
    }
}
