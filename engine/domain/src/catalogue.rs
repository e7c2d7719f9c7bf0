//! Who may be called: organisations, projects, providers, credentials and models with their prices.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::calibration::Calibration;
use crate::ids::{CredentialId, ModelId, OrganisationId, PolicyId, ProjectId, ProviderSlug};
use crate::limits::{BodyLogging, Budget};
use crate::money::Money;
use crate::policy::CredentialSource;
use crate::usage::Usage;

/// A tenant. Nothing crosses tenants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Organisation {
    /// Its id.
    pub id: OrganisationId,
    /// Its name, unique.
    pub name: String,
    /// The policy of requests that name no model and whose project names no policy.
    pub default_policy: Option<PolicyId>,
    /// Its own calibration of `optimal`; absent = the one that is built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// What it may spend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Bodies of its requests are kept; absent = they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_logging: Option<BodyLogging>,
}

/// A part of an organisation to which requests are attributed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// Its name, unique in the organisation.
    pub name: String,
    /// The policy of its requests that name no model.
    pub policy: Option<PolicyId>,
    /// What it may spend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
}

/// The wire format that a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DialectKind {
    /// `OpenAI` chat completions.
    Openai,
    /// `OpenAI` Responses.
    OpenaiResponses,
    /// Anthropic Messages.
    Anthropic,
    /// Gemini `generateContent`.
    Gemini,
    /// None of them: reachable through the provider proxy only.
    Custom,
}

impl DialectKind {
    /// Every dialect.
    pub const ALL: [Self; 5] = [Self::Openai, Self::OpenaiResponses, Self::Anthropic, Self::Gemini, Self::Custom];

    /// The dialect's name: `openai_responses`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::OpenaiResponses => "openai_responses",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Custom => "custom",
        }
    }

    /// How vendors of this dialect take their secret.
    pub fn default_auth(self) -> AuthScheme {
        match self {
            Self::Openai | Self::OpenaiResponses | Self::Custom => AuthScheme::Bearer,
            Self::Anthropic => AuthScheme::Header("x-api-key".to_owned()),
            Self::Gemini => AuthScheme::Header("x-goog-api-key".to_owned()),
        }
    }

    /// What the gateway appends to the base URL, depending on the request.
    pub const fn operations(self) -> &'static [&'static str] {
        match self {
            Self::Openai => &["/chat/completions", "/embeddings", "/responses"],
            Self::OpenaiResponses => &["/responses"],
            Self::Anthropic => &["/messages", "/messages/count_tokens"],
            Self::Gemini => &[":generateContent", ":streamGenerateContent", ":countTokens", ":embedContent", "/models"],
            Self::Custom => &[],
        }
    }

    /// Whether the gateway can put requests into this dialect, so that its models may be candidates.
    pub const fn is_routable(self) -> bool {
        match self {
            Self::Openai | Self::OpenaiResponses | Self::Anthropic | Self::Gemini => true,
            Self::Custom => false,
        }
    }
}

/// How a provider wants its secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthScheme {
    /// `Authorization: Bearer …`.
    #[default]
    Bearer,
    /// A header of this name, lower case.
    Header(String),
    /// A query parameter of this name.
    Query(String),
}

/// How long to wait for a provider, in milliseconds; absent = the product's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    /// TCP and TLS; default 3 s.
    pub connect_ms: Option<u64>,
    /// From the request to the response head of a stream; default 30 s.
    pub response_header_ms: Option<u64>,
    /// From the request to the first content event of a stream; default 60 s.
    pub first_token_ms: Option<u64>,
    /// Between two chunks of a stream; default 60 s.
    pub inter_chunk_ms: Option<u64>,
    /// The whole request; default 15 min.
    pub total_ms: Option<u64>,
}

/// Somebody who serves models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// Its name and the prefix of its models.
    pub slug: ProviderSlug,
    /// Whose configuration it is.
    pub organisation: OrganisationId,
    /// What it speaks.
    pub dialect: DialectKind,
    /// The URL to which the operation is appended, such as `/chat/completions`; `{model}` in it stands for the model's
    /// native name.
    pub base_url: String,
    /// How it wants its secret.
    #[serde(default)]
    pub auth: AuthScheme,
    /// It may be called without a secret.
    #[serde(default)]
    pub allow_anonymous: bool,
    /// Private, loopback and link-local targets are allowed.
    #[serde(default)]
    pub allow_private_network: bool,
    /// Known to keep nothing; `None` = not known.
    #[serde(default)]
    pub zero_data_retention: Option<bool>,
    /// Known (not) to collect data; `None` = not known.
    #[serde(default)]
    pub collects_data: Option<bool>,
    /// Its own waits.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// Query parameters sent with every call.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// Headers sent with every call, such as `anthropic-beta`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Speaks `OpenAI` Responses beside chat completions, so that such requests go to it as they are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub responses: bool,
}

impl Provider {
    /// Whether requests in `OpenAI` Responses go to it as they are: it may have kept earlier answers then.
    pub fn takes_responses(&self) -> bool {
        match self.dialect {
            DialectKind::OpenaiResponses => true,
            DialectKind::Openai => self.responses,
            DialectKind::Anthropic | DialectKind::Gemini | DialectKind::Custom => false,
        }
    }

    /// Whether requests in Anthropic's dialect go to it as they are: it may keep their threads then.
    pub fn takes_messages(&self) -> bool {
        self.dialect == DialectKind::Anthropic
    }
}

/// A sealed secret: an opaque envelope that only the sealing key opens. Prints as its length.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealedBytes(pub Vec<u8>);

impl fmt::Debug for SealedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedBytes({} bytes)", self.0.len())
    }
}

/// Whose account a provider secret opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// The platform's.
    #[default]
    Managed,
    /// The organisation's own.
    Org,
    /// One of its users'.
    User,
}

impl Owner {
    /// The owner's name: `managed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Managed => "managed",
            Self::Org => "org",
            Self::User => "user",
        }
    }

    /// From where a router would take such a secret.
    pub const fn source(self) -> CredentialSource {
        match self {
            Self::Managed => CredentialSource::Managed,
            Self::Org | Self::User => CredentialSource::User,
        }
    }
}

/// What a provider secret is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// Sent as it is.
    #[default]
    ApiKey,
    /// A JSON object `{token_url, client_id, client_secret, scope?}` with which tokens are fetched.
    OauthClientCredentials,
}

impl CredentialKind {
    /// The kind's name: `api_key`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::OauthClientCredentials => "oauth_client_credentials",
        }
    }
}

/// A provider secret, sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Its id.
    pub id: CredentialId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// The provider it opens.
    pub provider: ProviderSlug,
    /// Its name, unique within the provider.
    pub name: String,
    /// Whose account it opens.
    #[serde(default)]
    pub owner: Owner,
    /// The user whose keys may use it; absent = not bound to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What the secret is.
    #[serde(default)]
    pub kind: CredentialKind,
    /// Its share of the calls beside the provider's others; at least 1.
    #[serde(default = "one")]
    pub weight: u32,
    /// Counts the secrets this record has held; part of what the seal binds.
    pub version: u32,
    /// The secret, sealed for (organisation, id, provider, version).
    pub sealed: SealedBytes,
    /// The last characters of the secret, for people to recognise it.
    pub hint: String,
}

const fn one() -> u32 {
    1
}

impl Credential {
    /// The greatest weight: shares are relative, more would say nothing.
    pub const MOST_WEIGHT: u32 = 1000;

    /// What is wrong with its share of the calls and with whom it belongs to, by field.
    pub fn sharing_fault(weight: u32, owner: Owner, user: Option<&str>) -> Option<(&'static str, String)> {
        if !(1..=Self::MOST_WEIGHT).contains(&weight) {
            let most = Self::MOST_WEIGHT;
            return Some(("weight", format!("{weight} is out of range: write a whole number from 1 to {most}")));
        }
        match user {
            None => None,
            Some(_) if owner != Owner::User => {
                let owner = owner.as_str();
                Some(("user", format!("stands beside owner \"{owner}\": write owner = \"user\", or take it out")))
            }
            Some(user) => user_fault(user).map(|message| ("user", message.to_owned())),
        }
    }
}

/// What is wrong with the name of a user, as keys and provider secrets have it.
pub fn user_fault(user: &str) -> Option<&'static str> {
    let fine = !user.is_empty() && user.trim() == user && user.len() <= 256 && !user.chars().any(char::is_control);
    (!fine).then_some("is no user: write 1 to 256 characters, without line breaks and without spaces at the ends")
}

/// What goes into or comes out of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Modality {
    /// Text.
    Text,
    /// Images.
    Image,
    /// Audio.
    Audio,
    /// Video.
    Video,
    /// Files such as PDF.
    File,
}

/// Something a model's endpoint supports. Not listed = unsupported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ability {
    /// Tools and tool choice.
    Tools,
    /// Output that fits a JSON schema; covers `json_object`.
    JsonSchema,
    /// Output that is a JSON object.
    JsonObject,
    /// Images in.
    Vision,
    /// Audio in.
    Audio,
    /// Files in.
    Files,
    /// Hidden reasoning.
    Reasoning,
    /// Embeddings instead of text.
    Embeddings,
}

impl Ability {
    /// Every ability.
    pub const ALL: [Self; 8] = [
        Self::Tools,
        Self::JsonSchema,
        Self::JsonObject,
        Self::Vision,
        Self::Audio,
        Self::Files,
        Self::Reasoning,
        Self::Embeddings,
    ];

    /// The ability's name: `json_schema`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::JsonSchema => "json_schema",
            Self::JsonObject => "json_object",
            Self::Vision => "vision",
            Self::Audio => "audio",
            Self::Files => "files",
            Self::Reasoning => "reasoning",
            Self::Embeddings => "embeddings",
        }
    }
}

impl FromStr for Ability {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|ability| ability.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|ability| ability.as_str()).collect();
            format!("`{text}` is not a model capability: expected one of {}", known.join(", "))
        })
    }
}

/// Prices per token in USD; absent = unknown, never free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pricing {
    /// A fresh input token.
    pub prompt: Option<Money>,
    /// An output token.
    pub completion: Option<Money>,
    /// An input token read from the prompt cache; absent = as a fresh one.
    #[serde(default)]
    pub cached_prompt: Option<Money>,
    /// An input token written to the prompt cache; absent = as a fresh one.
    #[serde(default)]
    pub cache_write: Option<Money>,
    /// A reasoning token; absent = as an output token.
    #[serde(default)]
    pub reasoning: Option<Money>,
}

impl Pricing {
    /// Returns what a call cost, or `None` when a price it needs is unknown or the sum overflows.
    ///
    /// `fresh × prompt + cached × cached_prompt + written × cache_write + visible × completion + reasoning × reasoning`.
    pub fn cost(&self, usage: &Usage) -> Option<Money> {
        let (prompt, completion) = (self.prompt?, self.completion?);
        let cached = usage.cached_tokens.min(usage.prompt_tokens);
        let written = usage.cache_write_tokens.min(usage.prompt_tokens - cached);
        let reasoning = usage.reasoning_tokens.min(usage.completion_tokens);
        let parts = [
            (prompt, usage.prompt_tokens - cached - written),
            (self.cached_prompt.unwrap_or(prompt), cached),
            (self.cache_write.unwrap_or(prompt), written),
            (completion, usage.completion_tokens - reasoning),
            (self.reasoning.unwrap_or(completion), reasoning),
        ];
        parts.into_iter().try_fold(Money::ZERO, |sum, (price, tokens)| sum.checked_add(price.checked_times(tokens)?))
    }
}

/// A model of the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// `provider/name`.
    pub id: ModelId,
    /// Whose configuration it is.
    pub organisation: OrganisationId,
    /// What the provider calls it.
    pub native: String,
    /// A name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// Candidates must be enabled.
    pub enabled: bool,
    /// Tokens that input and output may take together; `None` = not known.
    #[serde(default)]
    pub context_length: Option<u64>,
    /// Tokens that the output may take; `None` = not known.
    #[serde(default)]
    pub max_output_tokens: Option<u64>,
    /// The length of its embeddings; `None` = not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<u32>,
    /// Prices.
    #[serde(default)]
    pub pricing: Pricing,
    /// Explicit strength, 0..=1.
    #[serde(default)]
    pub capability: Option<f64>,
    /// What its endpoint supports.
    #[serde(default)]
    pub capabilities: Vec<Ability>,
    /// What goes in; empty = text, and what `capabilities` say.
    #[serde(default)]
    pub input_modalities: Vec<Modality>,
    /// What comes out; empty = text.
    #[serde(default)]
    pub output_modalities: Vec<Modality>,
    /// Request parameters it takes; `None` = no check.
    #[serde(default)]
    pub supported_parameters: Option<Vec<String>>,
    /// When it came out, `YYYY-MM-DD`.
    #[serde(default)]
    pub released: Option<String>,
    /// Overrides the provider's.
    #[serde(default)]
    pub zero_data_retention: Option<bool>,
    /// Where the facts come from and when they were read, for example `litellm 1.109.1, 2026-11-22`.
    #[serde(default)]
    pub source: Option<String>,
}

impl Model {
    /// Whether its endpoint supports an ability; a schema covers plain JSON objects.
    pub fn can(&self, ability: Ability) -> bool {
        self.capabilities.contains(&ability)
            || (ability == Ability::JsonObject && self.capabilities.contains(&Ability::JsonSchema))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cost_prices_each_kind_of_token_apart() {
        let price = |pico| Some(Money::from_pico(pico));
        let pricing = Pricing {
            prompt: price(100),
            completion: price(1000),
            cached_prompt: price(10),
            cache_write: price(125),
            reasoning: None,
        };
        let usage = Usage {
            prompt_tokens: 100,
            cached_tokens: 40,
            cache_write_tokens: 10,
            completion_tokens: 7,
            reasoning_tokens: 2,
            estimated: false,
        };
        assert_eq!(pricing.cost(&usage), price(50 * 100 + 40 * 10 + 10 * 125 + 7 * 1000));
    }

    #[test]
    fn unknown_price_gives_no_cost() {
        let pricing = Pricing { prompt: Some(Money::ZERO), ..Pricing::default() };
        assert_eq!(pricing.cost(&Usage::default()), None);
    }
}
