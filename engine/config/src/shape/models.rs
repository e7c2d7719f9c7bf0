//! Models of the catalogue.

use schemars::JsonSchema;

/// A model of the catalogue.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Model {
    /// `provider/name`; the part before the first `/` is the provider's slug.
    #[schemars(regex(pattern = "^[a-z0-9][a-z0-9_-]{0,39}/[A-Za-z0-9._:/@+-]{1,128}$"), extend("examples" = ["acme/small"]))]
    pub id: String,
    /// What the provider calls it; absent = the part of `id` after the first `/`.
    #[schemars(extend("examples" = ["small-2026-11"]))]
    pub native: Option<String>,
    /// A name for people.
    #[schemars(extend("examples" = ["Acme Small"]))]
    pub name: Option<String>,
    /// A description for people; read but not kept by this version.
    pub description: Option<String>,
    /// Tokens that input and output may take together.
    #[schemars(range(min = 1), extend("examples" = [128_000]))]
    pub context_length: Option<u64>,
    /// Tokens that the output may take.
    #[schemars(range(min = 1), extend("examples" = [16_384]))]
    pub max_output_tokens: Option<u64>,
    /// The length of its embeddings.
    #[schemars(range(min = 1, max = 1_000_000), extend("examples" = [1536]))]
    pub dimensions: Option<u32>,
    /// Prices in USD per token; absent = unknown, never free.
    pub pricing: Option<ModelPricing>,
    /// Explicit strength, 0 to 1; absent = by price.
    #[schemars(range(min = 0, max = 1), extend("examples" = [0.3]))]
    pub capability: Option<f64>,
    /// What its endpoint supports; not listed = unsupported.
    #[schemars(default, extend("examples" = [["tools", "json_schema", "vision"]]))]
    pub capabilities: Vec<ModelAbility>,
    /// What goes in and comes out; absent = text and what `capabilities` say.
    pub modalities: Option<ModelModalities>,
    /// Request parameters it takes; absent = no check.
    #[schemars(extend("examples" = [["temperature", "max_tokens"]]))]
    pub supported_parameters: Option<Vec<String>>,
    /// When it came out.
    #[schemars(regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), extend("examples" = ["2026-11-22"]))]
    pub released: Option<String>,
    /// Whether nothing is kept (zero data retention); absent = as its provider.
    pub zdr: Option<bool>,
    /// Whether it may be called; absent = true.
    pub enabled: Option<bool>,
    /// Where these facts come from and when they were read.
    #[schemars(extend("examples" = ["vendor's price list, 2026-11-22"]))]
    pub source: Option<String>,
}

/// Prices in USD per token as decimal strings, at most 12 decimals.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ModelPricing {
    /// A fresh input token.
    #[schemars(extend("examples" = ["0.0000001"]))]
    pub prompt: Option<String>,
    /// An output token.
    #[schemars(extend("examples" = ["0.0000004"]))]
    pub completion: Option<String>,
    /// An input token read from the prompt cache; absent = as a fresh one.
    #[schemars(extend("examples" = ["0.00000001"]))]
    pub cached_prompt: Option<String>,
    /// The same as `cached_prompt`.
    #[schemars(extend("examples" = ["0.00000001"]))]
    pub cached_read: Option<String>,
    /// An input token written to the prompt cache; absent = as a fresh one.
    #[schemars(extend("examples" = ["0.000000125"]))]
    pub cache_write: Option<String>,
    /// A reasoning token; absent = as an output token.
    #[schemars(extend("examples" = ["0.0000004"]))]
    pub reasoning: Option<String>,
}

/// What goes into and comes out of a model.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ModelModalities {
    /// What goes in.
    #[schemars(default, extend("examples" = [["text", "image"]]))]
    pub input: Vec<ModelModality>,
    /// What comes out.
    #[schemars(default, extend("examples" = [["text"]]))]
    pub output: Vec<ModelModality>,
}

/// Something that goes into or comes out of a model.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum ModelModality {
    Text,
    Image,
    Audio,
    Video,
    File,
}

/// Something that a model's endpoint supports.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum ModelAbility {
    Tools,
    JsonSchema,
    JsonObject,
    Vision,
    Audio,
    Files,
    Reasoning,
    Embeddings,
}
