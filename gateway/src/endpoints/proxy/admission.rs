//! Which models a request that is passed on may ask.

use std::sync::Arc;

use domain::{ApiKey, Model, ModelId, Provider, Tenant};
use http::Method;

use crate::endpoints::proxy::others::Others;
use crate::error::Failure;

/// What decides, apart from the request's account: a body is asked about while it flows.
pub(super) struct Admission {
    pub(super) key: Arc<ApiKey>,
    pub(super) tenant: Arc<Tenant>,
    pub(super) provider: Arc<Provider>,
    pub(super) method: Method,
}

impl Admission {
    /// The model in our catalogue, if the request names one that stands there.
    ///
    /// # Errors
    /// When the key may not use it, or nobody may.
    pub(super) fn admit(&self, native: Option<&str>) -> Result<Option<ModelId>, Failure> {
        let allowed = &self.key.allowed_models;
        let id = native.and_then(|native| self.id(native));
        let disabled = id.as_ref().and_then(|id| self.tenant.models.get(id)).is_some_and(|model| !model.enabled);
        let may = match &id {
            _ if allowed.is_empty() => true,
            Some(id) => allowed.contains(id),
            // Reading and deleting asks no model; whatever else names none could ask any.
            None => {
                matches!(self.method, Method::GET | Method::HEAD | Method::DELETE)
                    && allowed.iter().any(|id| id.provider() == self.provider.slug.as_str())
            }
        };
        match id {
            Some(id) if disabled => Err(Failure::UnknownModel(id.to_string())),
            id if may => Ok(id),
            _ => Err(self.not_allowed()),
        }
    }

    /// As [`Self::admit`], for a body that may name more than one model. Of one that names no first, as of a batch, it is
    /// the first of the others.
    ///
    /// # Errors
    /// As [`Self::admit`], for each of them; also when the key is limited and what is named cannot be judged.
    pub(super) fn admit_all(&self, model: Option<&str>, others: &Others) -> Result<Option<ModelId>, Failure> {
        if self.is_limited() && others.is_unclear {
            return Err(self.not_allowed());
        }
        for other in &others.models {
            self.admit(Some(other))?;
        }
        self.admit(model.or_else(|| others.models.first().map(String::as_str)))
    }

    fn not_allowed(&self) -> Failure {
        Failure::ModelNotAllowed { provider: self.provider.slug.to_string() }
    }

    /// Whether the key may use some models only.
    pub(super) fn is_limited(&self) -> bool {
        !self.key.allowed_models.is_empty()
    }

    fn id(&self, native: &str) -> Option<ModelId> {
        let slug = &self.provider.slug;
        let known = |model: &&Arc<Model>| model.id.provider() == slug.as_str() && model.native == native;
        let known = self.tenant.models.values().find(known).map(|model| model.id.clone());
        known.or_else(|| ModelId::parse(&format!("{slug}/{native}")).ok())
    }
}
