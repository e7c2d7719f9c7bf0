//! What is to be embedded, as callers of this dialect ask: `embedContent` for one, `batchEmbedContents` for several.

use std::collections::BTreeSet;

use domain::tokens::TokenEstimator;

use super::decode::bare;
use crate::canonical::Loss;
use crate::json::Node;
use crate::request::reader::{At, Fields};
use crate::request::{BadRequest, TOKENS_PER_IMAGE, extensions};

/// What a body asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contents {
    /// Several are asked for at once.
    pub(crate) is_batch: bool,
    /// The text of each content.
    pub(crate) texts: Vec<String>,
    /// Some content holds more than text.
    pub(crate) has_media: bool,
    /// How long each vector shall be.
    pub(crate) dimensions: Option<u64>,
    /// The estimate for all of them.
    pub(crate) tokens: u64,
    /// What no other dialect can say.
    pub(crate) loss: Loss,
}

/// One request: alone, or of a batch.
#[derive(Default)]
struct One {
    text: String,
    media: u64,
    dimensions: Option<u64>,
}

/// Reads a body that asks the model of its path.
pub(crate) fn read(node: &Node<'_>, model: &str, is_batch: bool) -> Result<Contents, BadRequest> {
    let mut found = Contents { is_batch, ..Contents::default() };
    let mut loss = Loss::default();
    At::root(node).object("a JSON object", &mut loss, |fields, loss| {
        fields.ignore_each(&extensions::NAMES);
        if is_batch {
            check_model(fields, model)?;
            fields.require("requests", "an array of requests", |at| batch(at, model, &mut found))
        } else {
            found.add(one(fields, model, loss)?);
            Ok(())
        }
    })?;
    found.loss.extend(&loss);
    Ok(found)
}

fn batch(at: At<'_, '_>, model: &str, found: &mut Contents) -> Result<(), BadRequest> {
    // What every request of a batch says is told once.
    let mut told = BTreeSet::new();
    at.list("an array of requests", |at| {
        let mut loss = Loss::default();
        let request = at.object("an object", &mut loss, |fields, loss| one(fields, model, loss))?;
        let differs = !found.texts.is_empty() && request.dimensions != found.dimensions;
        if differs {
            return Err(at.invalid("must have the `outputDimensionality` of the requests before it"));
        }
        found.add(request);
        let place = at.path.to_string().len();
        for lost in loss.iter().filter(|lost| told.insert(lost.path[place..].to_owned())) {
            found.loss.note(lost.path.clone(), lost.reason);
        }
        Ok(())
    })?;
    if found.texts.is_empty() { Err(at.invalid("must hold something to embed")) } else { Ok(()) }
}

fn one(fields: &mut Fields<'_, '_>, model: &str, loss: &mut Loss) -> Result<One, BadRequest> {
    check_model(fields, model)?;
    let mut one = One { dimensions: fields.pick("outputDimensionality", dimensions)?, ..One::default() };
    fields.pick("embedContentConfig", |at| {
        at.object("an object", loss, |fields, _| {
            one.dimensions = fields.pick("outputDimensionality", dimensions)?.or(one.dimensions);
            Ok(())
        })
    })?;
    fields.require("content", "an object with `parts`", |at| {
        at.object("an object with `parts`", loss, |fields, loss| content(fields, &mut one, loss))
    })?;
    Ok(one)
}

fn content(fields: &mut Fields<'_, '_>, one: &mut One, loss: &mut Loss) -> Result<(), BadRequest> {
    // Who said it changes no vector.
    fields.ignore("role");
    fields.take("parts", |at| {
        let mut texts = Vec::new();
        at.list("an array of parts", |at| {
            // What is lost of a part that is no text is the whole of it, and no other dialect is asked then.
            let text = at.object("an object", &mut Loss::default(), |fields, _| fields.text("text"))?;
            match text {
                Some(text) => texts.push(text),
                None => one.media += 1,
            }
            Ok(())
        })?;
        if texts.len() > 1 {
            loss.note(at.path.to_string(), "several texts go as one, with a line break between them");
        }
        one.text = texts.join("\n");
        Ok(())
    })?;
    Ok(())
}

fn dimensions(at: At<'_, '_>) -> Result<u64, BadRequest> {
    match at.count()? {
        0 => Err(at.invalid("must be at least 1")),
        count => Ok(count),
    }
}

/// The path decides; a body that names another model is a mistake, and by its model it would be charged wrongly.
fn check_model(fields: &mut Fields<'_, '_>, model: &str) -> Result<(), BadRequest> {
    fields.take("model", |at| match bare(at.string()?) {
        named if named == model || named.is_empty() => Ok(()),
        _ => Err(at.invalid("must be the model that the path names")),
    })?;
    Ok(())
}

impl Contents {
    fn add(&mut self, one: One) {
        let mut estimator = TokenEstimator::new();
        estimator.add_text(&one.text);
        self.tokens += estimator.tokens() + one.media * TOKENS_PER_IMAGE;
        self.has_media |= one.media > 0;
        self.dimensions = one.dimensions;
        self.texts.push(one.text);
    }
}
