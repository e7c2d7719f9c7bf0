//! `GET /v1/models` and `/v1beta/models`: the models that the key may use, in the shape of the dialect that asks.
//!
//! Here are who may be seen, the filters, and OpenAI's list with what an application wants to know of a model besides.

mod anthropic;
mod gemini;
mod page;

use dialect::{Dialect, Surface, percent_decode};
use domain::{Ability, Modality, Model, Money};
use http::{HeaderValue, Request, Response, header::CONTENT_TYPE};
use serde::Serialize;

use crate::body::GatewayBody;
use crate::context::RequestContext;
use crate::endpoints::models::page::parameters;
use crate::error::Failure;

/// The path at which vendors of more than one dialect list their models.
const SHARED: &str = "/v1/models";

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    owned_by: &'a str,
    name: Option<&'a str>,
    context_length: Option<u64>,
    max_output_tokens: Option<u64>,
    input_modalities: Vec<Modality>,
    output_modalities: Vec<Modality>,
    capabilities: &'a [Ability],
    supported_parameters: Option<&'a [String]>,
    pricing: Prices,
    released: Option<&'a str>,
}

#[derive(Serialize)]
struct Prices {
    prompt: Option<Money>,
    completion: Option<Money>,
    cached_prompt: Option<Money>,
}

/// The dialect in which a request is answered: by its path, and at the shared one by the header that a vendor's client
/// sends and no other does.
pub(crate) fn dialect_of<B>(request: &Request<B>) -> Dialect {
    let path = request.uri().path();
    let is_sent = |name| request.headers().contains_key(name);
    match Surface::dialect_of(path) {
        Dialect::Openai if !path.starts_with(SHARED) => Dialect::Openai,
        Dialect::Openai if is_sent("anthropic-version") => Dialect::Anthropic,
        Dialect::Openai if is_sent("x-goog-api-key") => Dialect::Gemini,
        dialect => dialect,
    }
}

/// The callable models that the key may use; filters: `provider`, `q`, `output_modalities`, `supported_parameters`.
pub(crate) fn list(context: &RequestContext, query: Option<&str>) -> Response<GatewayBody> {
    let query = query.unwrap_or_default();
    let filter = Filter::parse(query);
    let models = usable(context).filter(|model| filter.admits(model));
    let listed = match context.voice.dialect {
        Dialect::Openai | Dialect::OpenaiResponses => {
            Ok(json(&List { object: "list", data: models.map(entry).collect() }))
        }
        Dialect::Anthropic => anthropic::list(models.collect(), query).map(|list| json(&list)),
        Dialect::Gemini => gemini::list(models.collect(), query).map(|list| json(&list)),
    };
    listed.unwrap_or_else(|fault| context.voice.response(&Failure::Malformed(fault)))
}

/// One model.
pub(crate) fn one(context: &RequestContext, id: &str) -> Response<GatewayBody> {
    let id = percent_decode(id);
    let Some(model) = usable(context).find(|model| model.id.as_str() == id) else {
        return context.voice.response(&Failure::UnknownModel(id.into_owned()));
    };
    match context.voice.dialect {
        Dialect::Openai | Dialect::OpenaiResponses => json(&entry(model)),
        Dialect::Anthropic => json(&anthropic::entry(model)),
        Dialect::Gemini => json(&gemini::entry(model)),
    }
}

fn usable(context: &RequestContext) -> impl Iterator<Item = &Model> {
    let allowed = &context.key.allowed_models;
    context.tenant().into_iter().flat_map(move |tenant| {
        tenant
            .models
            .values()
            .map(AsRef::as_ref)
            .filter(move |model| tenant.is_callable(model) && (allowed.is_empty() || allowed.contains(&model.id)))
    })
}

fn entry(model: &Model) -> Entry<'_> {
    Entry {
        id: model.id.as_str(),
        object: "model",
        created: released_at(model.released.as_deref()),
        owned_by: model.id.provider(),
        name: model.name.as_deref(),
        context_length: model.context_length,
        max_output_tokens: model.max_output_tokens,
        input_modalities: input_modalities(model),
        output_modalities: output_modalities(model),
        capabilities: &model.capabilities,
        supported_parameters: model.supported_parameters.as_deref(),
        pricing: Prices {
            prompt: model.pricing.prompt,
            completion: model.pricing.completion,
            cached_prompt: model.pricing.cached_prompt,
        },
        released: model.released.as_deref(),
    }
}

fn input_modalities(model: &Model) -> Vec<Modality> {
    if !model.input_modalities.is_empty() {
        return model.input_modalities.clone();
    }
    let by_ability =
        [(Ability::Vision, Modality::Image), (Ability::Audio, Modality::Audio), (Ability::Files, Modality::File)];
    let others = by_ability.into_iter().filter(|(ability, _)| model.can(*ability)).map(|(_, modality)| modality);
    std::iter::once(Modality::Text).chain(others).collect()
}

fn output_modalities(model: &Model) -> Vec<Modality> {
    if model.output_modalities.is_empty() { vec![Modality::Text] } else { model.output_modalities.clone() }
}

/// Whether a model answers with text. One that says nothing of what comes out does, unless it makes vectors.
fn speaks(model: &Model) -> bool {
    output_modalities(model).contains(&Modality::Text)
        && !(model.output_modalities.is_empty() && model.can(Ability::Embeddings))
}

/// OpenAI's `created` is in seconds; a release date is midnight UTC, an unknown one 0.
fn released_at(released: Option<&str>) -> i64 {
    released
        .and_then(|date| domain::Timestamp::parse_rfc3339(&format!("{date}T00:00:00Z")))
        .map_or(0, |moment| moment.unix_micros() / 1_000_000)
}

#[derive(Default)]
struct Filter {
    provider: Option<String>,
    text: Option<String>,
    output_modalities: Vec<String>,
    parameters: Vec<String>,
}

impl Filter {
    fn parse(query: &str) -> Self {
        let mut filter = Self::default();
        let list = |value: String| value.split(',').map(str::to_owned).collect();
        for (name, value) in parameters(query) {
            match name {
                "provider" => filter.provider = Some(value),
                "q" => filter.text = Some(value.to_lowercase()),
                "output_modalities" => filter.output_modalities = list(value),
                "supported_parameters" => filter.parameters = list(value),
                _ => {}
            }
        }
        filter
    }

    fn admits(&self, model: &Model) -> bool {
        let named = |text: &String| {
            model.id.as_str().to_lowercase().contains(text)
                || model.name.as_ref().is_some_and(|name| name.to_lowercase().contains(text))
        };
        let says = |wanted: &String| output_modalities(model).iter().any(|it| modality_name(*it) == wanted);
        let takes = |wanted: &String| model.supported_parameters.as_ref().is_none_or(|known| known.contains(wanted));
        self.provider.as_deref().is_none_or(|provider| model.id.provider() == provider)
            && self.text.as_ref().is_none_or(named)
            && self.output_modalities.iter().all(says)
            && self.parameters.iter().all(takes)
    }
}

fn modality_name(modality: Modality) -> &'static str {
    match modality {
        Modality::Text => "text",
        Modality::Image => "image",
        Modality::Audio => "audio",
        Modality::Video => "video",
        Modality::File => "file",
    }
}

fn json(value: &impl Serialize) -> Response<GatewayBody> {
    let bytes = serde_json::to_vec(value).expect("plain data with string keys is always JSON");
    let mut response = Response::new(GatewayBody::full(bytes));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plus_is_a_blank_in_a_query_alone() {
        assert_eq!(Filter::parse("q=a+b%2B").text.as_deref(), Some("a b+"));
    }
}
