//! Providers and their secrets.

use std::collections::BTreeMap;

use schemars::JsonSchema;

/// Somebody who serves models.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Provider {
    /// Its name and the prefix of its models: 1 to 40 of a-z, 0-9, `-` and `_`.
    #[schemars(regex(pattern = "^[a-z0-9][a-z0-9_-]{0,39}$"), extend("examples" = ["acme"]))]
    pub slug: String,
    /// What it speaks; absent = openai. Models of a custom provider are reachable through the provider proxy only.
    #[schemars(default)]
    pub dialect: Option<Dialect>,
    /// The URL to which the operation is appended, such as `/chat/completions`; `{model}` in its path stands for the
    /// model's native name.
    #[schemars(regex(pattern = "^https?://"), extend("examples" = ["https://api.example.com/v1", "https://acme.openai.azure.com/openai/deployments/{model}"]))]
    pub base_url: String,
    /// How it wants its secret: `bearer`, `header:NAME` or `query:NAME`; absent = `header:x-api-key` for anthropic,
    /// `header:x-goog-api-key` for gemini, else bearer.
    #[schemars(regex(pattern = "^(bearer|header:.+|query:.+)$"), extend("examples" = ["bearer", "header:api-key", "query:key"]))]
    pub auth: Option<String>,
    /// Query parameters sent with every call.
    #[schemars(default, extend("examples" = [{"api-version": "2026-01-01"}]))]
    pub query: BTreeMap<String, String>,
    /// Headers sent with every call, such as `anthropic-beta`; those of secrets and of the gateway are refused.
    #[schemars(default, extend("examples" = [{"anthropic-beta": "tools-2026-01-01"}]))]
    pub headers: BTreeMap<String, String>,
    /// Whether it speaks OpenAI Responses beside chat completions; absent = true of api.openai.com, else false.
    pub responses: Option<bool>,
    /// Allows private, loopback and link-local addresses.
    #[schemars(default)]
    pub allow_private_network: bool,
    /// Allows calls without a secret.
    #[schemars(default)]
    pub allow_anonymous: bool,
    /// Whether it is known to keep nothing (zero data retention); absent = not known.
    pub zdr: Option<bool>,
    /// Whether it collects data; absent = not known.
    pub data_collection: Option<DataCollection>,
    /// How long to wait for it; absent = the product's defaults.
    pub timeouts: Option<ProviderTimeouts>,
    /// Its secrets, used in turn; absent = those already stored stay.
    pub credentials: Option<Vec<ProviderCredential>>,
}

/// What a provider speaks.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Dialect {
    Openai,
    OpenaiResponses,
    Anthropic,
    Gemini,
    Custom,
}

/// Whether a provider collects data.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum DataCollection {
    Allow,
    Deny,
}

/// Waits, each as milliseconds or as a duration such as `500ms`, `3s`, `15m`; at most a day.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ProviderTimeouts {
    /// TCP and TLS, in milliseconds; absent = 3000.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub connect_ms: Option<u64>,
    /// TCP and TLS, as a duration.
    #[schemars(regex(pattern = "^[0-9]+(ms|s|m|h)$"), extend("examples" = ["3s"]))]
    pub connect: Option<String>,
    /// From the request to the head of a streamed answer, in milliseconds; absent = 30000.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub response_header_ms: Option<u64>,
    /// From the request to the head of a streamed answer, as a duration.
    #[schemars(regex(pattern = "^[0-9]+(ms|s|m|h)$"), extend("examples" = ["30s"]))]
    pub response_header: Option<String>,
    /// From the request to the first content of a streamed answer, in milliseconds; absent = 60000.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub first_token_ms: Option<u64>,
    /// From the request to the first content of a streamed answer, as a duration.
    #[schemars(regex(pattern = "^[0-9]+(ms|s|m|h)$"), extend("examples" = ["60s"]))]
    pub first_token: Option<String>,
    /// Between two chunks of a streamed answer, in milliseconds; absent = 60000.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub inter_chunk_ms: Option<u64>,
    /// Between two chunks of a streamed answer, as a duration.
    #[schemars(regex(pattern = "^[0-9]+(ms|s|m|h)$"), extend("examples" = ["60s"]))]
    pub inter_chunk: Option<String>,
    /// The whole call, in milliseconds; absent = 900000.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub total_ms: Option<u64>,
    /// The whole call, as a duration.
    #[schemars(regex(pattern = "^[0-9]+(ms|s|m|h)$"), extend("examples" = ["15m"]))]
    pub total: Option<String>,
}

/// A provider's secret: exactly one of `secret_env`, `secret_file` and `secret`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ProviderCredential {
    /// Its name, unique within the provider.
    #[schemars(extend("examples" = ["main"]))]
    pub name: String,
    /// The environment variable that holds the secret, read where the file is applied.
    #[schemars(extend("examples" = ["ACME_KEY"]))]
    pub secret_env: Option<String>,
    /// The file that holds the secret, relative to this one.
    #[schemars(extend("examples" = ["/run/secrets/acme"]))]
    pub secret_file: Option<String>,
    /// The secret itself; better kept out of the file.
    pub secret: Option<String>,
    /// What it is; absent = `api_key`.
    pub kind: Option<CredentialKind>,
    /// Whose it is; absent = `managed`, the platform's.
    pub owner: Option<CredentialOwner>,
    /// The user whose keys may use it; with `owner = "user"` only.
    #[schemars(extend("examples" = ["dana"]))]
    pub user: Option<String>,
    /// Its share of the calls beside the provider's other credentials; absent = 1.
    #[schemars(range(min = 1, max = 1000), extend("examples" = [3]))]
    pub weight: Option<u32>,
    /// Where tokens are given out; with `kind = "oauth_client_credentials"` only, whose secret is the client's.
    #[schemars(regex(pattern = "^https?://"), extend("examples" = ["https://login.example.com/oauth2/token"]))]
    pub token_url: Option<String>,
    /// Who asks for tokens; with `kind = "oauth_client_credentials"` only.
    #[schemars(extend("examples" = ["signalbox"]))]
    pub client_id: Option<String>,
    /// What the tokens are for; with `kind = "oauth_client_credentials"` only.
    #[schemars(extend("examples" = ["models.call"]))]
    pub scope: Option<String>,
}

/// What a credential is.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum CredentialKind {
    ApiKey,
    OauthClientCredentials,
}

/// Whose a credential is.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum CredentialOwner {
    Managed,
    Org,
    User,
}
