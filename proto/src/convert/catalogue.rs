//! Organisations, projects, providers, credentials and models.

use domain::{
    Ability, AuthScheme, Credential, CredentialKind, DialectKind, Modality, Model, Organisation, Owner, Pricing,
    Project, Provider, SealedBytes, Timeouts,
};

use super::limits::budget;
use super::{
    ConvertError, Converted, closed, closed_each, closed_optional, document, finite, money, parse, parse_optional,
    read_document, required, same_variants,
};
use crate::pb::object::v1 as pb;
use crate::pb::object::v1::auth_scheme::{Bearer, Scheme};

same_variants!(pb::Dialect, DialectKind, [Openai, OpenaiResponses, Anthropic, Gemini, Custom]);
same_variants!(pb::Modality, Modality, [Text, Image, Audio, Video, File]);
same_variants!(pb::Ability, Ability, [Tools, JsonSchema, JsonObject, Vision, Audio, Files, Reasoning, Embeddings]);

impl From<&Organisation> for pb::Organisation {
    fn from(it: &Organisation) -> Self {
        Self {
            id: it.id.to_string(),
            name: it.name.clone(),
            default_policy: it.default_policy.as_ref().map(ToString::to_string),
            calibration_json: document(&it.calibration, it.calibration.is_none()),
            budget: it.budget.as_ref().map(Into::into),
            body_logging: it.body_logging.map(Into::into),
        }
    }
}

impl TryFrom<pb::Organisation> for Organisation {
    type Error = ConvertError;
    fn try_from(it: pb::Organisation) -> Converted<Self> {
        Ok(Self {
            budget: budget(it.budget)?,
            body_logging: it.body_logging.map(Into::into),
            id: parse("id", &it.id)?,
            name: it.name,
            default_policy: parse_optional("default_policy", it.default_policy.as_deref())?,
            calibration: read_document("calibration_json", &it.calibration_json)?,
        })
    }
}

impl From<&Project> for pb::Project {
    fn from(it: &Project) -> Self {
        Self {
            id: it.id.to_string(),
            organisation: it.organisation.to_string(),
            name: it.name.clone(),
            policy: it.policy.as_ref().map(ToString::to_string),
            budget: it.budget.as_ref().map(Into::into),
        }
    }
}

impl TryFrom<pb::Project> for Project {
    type Error = ConvertError;
    fn try_from(it: pb::Project) -> Converted<Self> {
        Ok(Self {
            budget: budget(it.budget)?,
            id: parse("id", &it.id)?,
            organisation: parse("organisation", &it.organisation)?,
            name: it.name,
            policy: parse_optional("policy", it.policy.as_deref())?,
        })
    }
}

impl From<&AuthScheme> for pb::AuthScheme {
    fn from(it: &AuthScheme) -> Self {
        let scheme = match it {
            AuthScheme::Bearer => Scheme::Bearer(Bearer {}),
            AuthScheme::Header(name) => Scheme::Header(name.clone()),
            AuthScheme::Query(name) => Scheme::Query(name.clone()),
        };
        Self { scheme: Some(scheme) }
    }
}

impl TryFrom<pb::AuthScheme> for AuthScheme {
    type Error = ConvertError;
    fn try_from(it: pb::AuthScheme) -> Converted<Self> {
        Ok(match required("scheme", it.scheme)? {
            Scheme::Bearer(_) => Self::Bearer,
            Scheme::Header(name) => Self::Header(name),
            Scheme::Query(name) => Self::Query(name),
        })
    }
}

impl From<Timeouts> for pb::Timeouts {
    fn from(it: Timeouts) -> Self {
        Self {
            connect_ms: it.connect_ms,
            response_header_ms: it.response_header_ms,
            first_token_ms: it.first_token_ms,
            inter_chunk_ms: it.inter_chunk_ms,
            total_ms: it.total_ms,
        }
    }
}

impl From<pb::Timeouts> for Timeouts {
    fn from(it: pb::Timeouts) -> Self {
        Self {
            connect_ms: it.connect_ms,
            response_header_ms: it.response_header_ms,
            first_token_ms: it.first_token_ms,
            inter_chunk_ms: it.inter_chunk_ms,
            total_ms: it.total_ms,
        }
    }
}

impl From<&Provider> for pb::Provider {
    fn from(it: &Provider) -> Self {
        Self {
            slug: it.slug.to_string(),
            organisation: it.organisation.to_string(),
            dialect: pb::Dialect::from(it.dialect).into(),
            base_url: it.base_url.clone(),
            auth: Some((&it.auth).into()),
            allow_anonymous: it.allow_anonymous,
            allow_private_network: it.allow_private_network,
            zero_data_retention: it.zero_data_retention,
            collects_data: it.collects_data,
            timeouts: Some(it.timeouts.into()),
            query: it.query.clone().into_iter().collect(),
            headers: it.headers.clone(),
            responses: it.responses,
        }
    }
}

impl TryFrom<pb::Provider> for Provider {
    type Error = ConvertError;
    fn try_from(it: pb::Provider) -> Converted<Self> {
        Ok(Self {
            slug: parse("slug", &it.slug)?,
            organisation: parse("organisation", &it.organisation)?,
            dialect: closed::<pb::Dialect, _>("dialect", it.dialect)?,
            base_url: it.base_url,
            auth: required("auth", it.auth)?.try_into().map_err(|error: ConvertError| error.within("auth"))?,
            allow_anonymous: it.allow_anonymous,
            allow_private_network: it.allow_private_network,
            zero_data_retention: it.zero_data_retention,
            collects_data: it.collects_data,
            timeouts: it.timeouts.unwrap_or_default().into(),
            query: it.query.into_iter().collect(),
            headers: it.headers,
            responses: it.responses,
        })
    }
}

same_variants!(pb::Owner, Owner, [Managed, Org, User]);
same_variants!(pb::CredentialKind, CredentialKind, [ApiKey, OauthClientCredentials]);

impl From<&Credential> for pb::Credential {
    fn from(it: &Credential) -> Self {
        Self {
            id: it.id.to_string(),
            organisation: it.organisation.to_string(),
            provider: it.provider.to_string(),
            name: it.name.clone(),
            version: it.version,
            sealed: it.sealed.0.clone(),
            hint: it.hint.clone(),
            owner: Some(pb::Owner::from(it.owner).into()),
            user: it.user.clone(),
            kind: Some(pb::CredentialKind::from(it.kind).into()),
            weight: Some(it.weight),
        }
    }
}

impl TryFrom<pb::Credential> for Credential {
    type Error = ConvertError;
    fn try_from(it: pb::Credential) -> Converted<Self> {
        Ok(Self {
            id: parse("id", &it.id)?,
            organisation: parse("organisation", &it.organisation)?,
            provider: parse("provider", &it.provider)?,
            name: it.name,
            owner: closed_optional::<pb::Owner, _>("owner", it.owner)?.unwrap_or_default(),
            user: it.user,
            kind: closed_optional::<pb::CredentialKind, _>("kind", it.kind)?.unwrap_or_default(),
            weight: it.weight.unwrap_or(1),
            version: it.version,
            sealed: SealedBytes(it.sealed),
            hint: it.hint,
        })
    }
}

impl From<&Pricing> for pb::Pricing {
    fn from(it: &Pricing) -> Self {
        let text = |price: Option<domain::Money>| price.map(|price| price.to_string());
        Self {
            prompt: text(it.prompt),
            completion: text(it.completion),
            cached_prompt: text(it.cached_prompt),
            cache_write: text(it.cache_write),
            reasoning: text(it.reasoning),
        }
    }
}

impl TryFrom<pb::Pricing> for Pricing {
    type Error = ConvertError;
    fn try_from(it: pb::Pricing) -> Converted<Self> {
        Ok(Self {
            prompt: money("prompt", it.prompt.as_deref())?,
            completion: money("completion", it.completion.as_deref())?,
            cached_prompt: money("cached_prompt", it.cached_prompt.as_deref())?,
            cache_write: money("cache_write", it.cache_write.as_deref())?,
            reasoning: money("reasoning", it.reasoning.as_deref())?,
        })
    }
}

impl From<&Model> for pb::Model {
    fn from(it: &Model) -> Self {
        let abilities = it.capabilities.iter().map(|ability| pb::Ability::from(*ability).into());
        let numbers = |modalities: &[Modality]| {
            modalities.iter().map(|modality| pb::Modality::from(*modality).into()).collect::<Vec<i32>>()
        };
        Self {
            id: it.id.to_string(),
            organisation: it.organisation.to_string(),
            native: it.native.clone(),
            name: it.name.clone(),
            enabled: it.enabled,
            context_length: it.context_length,
            max_output_tokens: it.max_output_tokens,
            dimensions: it.dimensions,
            pricing: Some((&it.pricing).into()),
            capability: it.capability,
            capabilities: abilities.collect(),
            input_modalities: numbers(&it.input_modalities),
            output_modalities: numbers(&it.output_modalities),
            supported_parameters: it.supported_parameters.clone().map(|names| pb::model::Parameters { names }),
            released: it.released.clone(),
            zero_data_retention: it.zero_data_retention,
            source: it.source.clone(),
        }
    }
}

impl TryFrom<pb::Model> for Model {
    type Error = ConvertError;
    fn try_from(it: pb::Model) -> Converted<Self> {
        let pricing = it.pricing.unwrap_or_default().try_into();
        Ok(Self {
            dimensions: it.dimensions,
            id: parse("id", &it.id)?,
            organisation: parse("organisation", &it.organisation)?,
            native: it.native,
            name: it.name,
            enabled: it.enabled,
            context_length: it.context_length,
            max_output_tokens: it.max_output_tokens,
            pricing: pricing.map_err(|error: ConvertError| error.within("pricing"))?,
            capability: it.capability.map(|value| finite("capability", value)).transpose()?,
            capabilities: closed_each::<pb::Ability, _>("capabilities", &it.capabilities)?,
            input_modalities: closed_each::<pb::Modality, _>("input_modalities", &it.input_modalities)?,
            output_modalities: closed_each::<pb::Modality, _>("output_modalities", &it.output_modalities)?,
            supported_parameters: it.supported_parameters.map(|it| it.names),
            released: it.released,
            zero_data_retention: it.zero_data_retention,
            source: it.source,
        })
    }
}
