//! How well P(right) does when difficulty is told by words and counts alone, without the network:
//! `cargo run -p trainer --example right_by_words -- DATA-FOLDER INITIAL-FOLDER CONFIG`.
//!
//! Difficulties of train prompts come from fits that have not seen them, those of dev prompts from the fit to all train ones.

#![allow(clippy::print_stdout, reason = "an example's output")]

use std::collections::BTreeMap;
use std::path::Path;

use scorer::inputs::{INPUTS, WIDE_AT};
use scorer::network::Shape;
use scorer::tokens::TokenReader;
use trainer::ability::outcomes::fitted;
use trainer::examples::{self, Example};
use trainer::folds::{self, Folds};
use trainer::{Config, metrics};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [data, initial, config] = arguments.as_slice() else { return Err("DATA INITIAL CONFIG".into()) };
    let config: Config = toml::from_str(&std::fs::read_to_string(config)?)?;
    let tokenizer = std::fs::read(Path::new(initial).join("tokenizer.json"))?;
    let vocabulary =
        serde_json::from_slice::<serde_json::Value>(&tokenizer)?["model"]["vocab"].as_array().map_or(0, Vec::len);
    let shape = Shape {
        vocabulary,
        width: 128,
        queries: config.queries,
        ask_queries: config.ask_queries,
        last_queries: config.last_queries,
        inputs: INPUTS,
        hidden: config.hidden,
        max_tokens: config.max_tokens,
    };
    let reader = TokenReader::parse(&tokenizer, &shape)?;
    let corpus = datasets::Corpus::load(Path::new(data))?;
    let (mut train, mut dev) = examples::public(&corpus, &BTreeMap::new(), &config, &reader, 1)?;
    let folds = Folds::of(std::iter::empty(), config.folds);
    folds::describe(&mut [&mut train], &mut dev, &folds, config.wide_penalty);
    let (on_train, on_dev) = (said(&train), said(&dev));
    let (models, report) = fitted(&corpus, &on_train, &on_dev).ok_or("no outcomes")?;
    for (source, at) in &models.sources {
        let slopes: Vec<f64> = models.models.iter().filter(|it| it.source == *source).map(|it| it.slope).collect();
        println!("{source}: scale {:.3} shift {:.3}, median slope {:.2}", at.scale, at.shift, metrics::median(slopes));
    }
    println!("{:?}", models.population);
    let mut text = String::new();
    report.ok_or("no dev outcomes")?.describe(&mut text);
    println!("{text}");
    let rows: Vec<_> = dev.iter().filter(|it| it.difficulty.weight > 0.0).collect();
    let mut sources = BTreeMap::<&str, (Vec<f64>, Vec<f64>)>::new();
    for it in rows {
        let columns = sources.entry(it.id.split('/').next().unwrap_or_default()).or_default();
        columns.0.push(on_dev[it.id.as_str()]);
        columns.1.push(it.difficulty.value);
    }
    for (source, (said, truth)) in sources {
        println!("{source}: Spearman with b {:.3}, n = {}", metrics::spearman(&said, &truth), said.len());
    }
    Ok(())
}

/// What the fit without a prompt says of its difficulty.
fn said(rows: &[Example]) -> BTreeMap<&str, f64> {
    rows.iter().map(|it| (it.id.as_str(), f64::from(it.variants[0].inputs[WIDE_AT + 1]))).collect()
}
