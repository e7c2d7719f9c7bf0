//! The `generationConfig` of a request.

use crate::canonical::{Json, Loss, OutputShape, Reasoning, Request, Sampling};
use crate::gemini::schema;
use crate::request::BadRequest;
use crate::request::reader::{At, Fields};

/// Reads it into the request.
pub(super) fn read(at: At<'_, '_>, request: &mut Request, loss: &mut Loss) -> Result<(), BadRequest> {
    at.object("an object", loss, |fields, loss| {
        request.max_output_tokens = fields.count("maxOutputTokens")?;
        request.stop =
            fields.pick("stopSequences", |at| at.each("an array of strings", |at| at.string()))?.unwrap_or_default();
        request.choices = fields.count("candidateCount")?;
        request.sampling = sampling(fields)?;
        request.logprobs = logprobs(fields)?;
        request.output = output(fields, loss)?;
        request.reasoning = fields.pick("thinkingConfig", |at| thinking(at, loss))?;
        for name in ["responseModalities", "response_modalities"] {
            if fields.peek(name).is_some_and(|it| matches!(it.items(), [one] if is_text(one.str()))) {
                fields.ignore(name);
            }
        }
        Ok(())
    })
}

fn is_text(modality: Option<&str>) -> bool {
    modality.is_some_and(|it| it.eq_ignore_ascii_case("text"))
}

fn sampling(fields: &mut Fields<'_, '_>) -> Result<Sampling, BadRequest> {
    Ok(Sampling {
        temperature: fields.number("temperature")?,
        top_p: fields.number("topP")?,
        top_k: fields.count("topK")?,
        frequency_penalty: fields.number("frequencyPenalty")?,
        presence_penalty: fields.number("presencePenalty")?,
        seed: fields.take("seed", |at| at.whole())?,
    })
}

fn logprobs(fields: &mut Fields<'_, '_>) -> Result<Option<u64>, BadRequest> {
    let wanted = fields.pick("responseLogprobs", |at| at.bool())?.unwrap_or(false);
    let most = fields.count("logprobs")?;
    Ok(if wanted { Some(most.unwrap_or(0)) } else { None })
}

fn output(fields: &mut Fields<'_, '_>, loss: &mut Loss) -> Result<OutputShape, BadRequest> {
    let media_type = fields.text("responseMimeType")?;
    let own = fields
        .pick("responseSchema", |at| schema::to_json_schema(at.node).ok_or_else(|| at.invalid("is not a schema")))?;
    let schema: Option<Json> = fields.pick("responseJsonSchema", |at| at.json_object())?.or(own);
    Ok(match (media_type.as_deref(), schema) {
        (Some("application/json") | None, Some(schema)) => {
            OutputShape::JsonSchema { name: None, description: None, schema, strict: None }
        }
        (Some("application/json"), None) => OutputShape::JsonObject,
        (Some("text/plain" | "") | None, None) => OutputShape::Text,
        (Some(_), _) => {
            let path = fields.path().key("responseMimeType").to_string();
            loss.note(path, "is a form of answer that other dialects do not have");
            OutputShape::Text
        }
    })
}

fn thinking(at: At<'_, '_>, loss: &mut Loss) -> Result<Reasoning, BadRequest> {
    at.object("an object", loss, |fields, _| {
        let told = fields.pick("includeThoughts", |at| at.bool())?.unwrap_or(false);
        let level = fields.text("thinkingLevel")?.map(|level| level.to_ascii_lowercase());
        // A budget of -1 leaves it to the model.
        let budget = fields.pick("thinkingBudget", |at| at.whole())?.and_then(|budget| u64::try_from(budget).ok());
        Ok(Reasoning {
            effort: level.filter(|level| level != "thinking_level_unspecified"),
            budget_tokens: budget,
            summary: told.then(|| "auto".to_owned()),
        })
    })
}
