//! Plans routers.

use std::collections::HashMap;
use std::sync::Arc;

use domain::desired::RouterSpec;
use domain::{Object, ObjectKind, Router, RouterId};

use super::Plan;

impl Plan<'_> {
    pub(super) fn routers(&mut self, specs: &[RouterSpec]) {
        let by_name: HashMap<&str, _> = self.before.routers.values().map(|it| (it.name.as_str(), it)).collect();
        for (index, spec) in specs.iter().enumerate() {
            let path = format!("routers[{index}]");
            if self.check_name(&path, &spec.name)
                && self.place(ObjectKind::Router, format!("name {}", spec.name), &path)
            {
                self.router(spec, by_name.get(spec.name.as_str()).copied(), &path);
            }
        }
    }

    fn router(&mut self, spec: &RouterSpec, known: Option<&Arc<Router>>, path: &str) {
        let id = known.map_or_else(|| RouterId::from_random(crate::random()), |it| it.id.clone());
        self.places.insert((ObjectKind::Router, id.to_string()), path.to_owned());
        let named = spec.scorecards.iter().enumerate();
        let scorecards = named
            .filter_map(|(place, text)| self.resolve_scorecard(text, &format!("{path}.scorecards[{place}]")))
            .collect();
        let router = Arc::new(Router {
            id,
            organisation: self.context.organisation.clone(),
            name: spec.name.clone(),
            models: spec.models.clone(),
            policy: spec.policy.as_deref().and_then(|text| self.resolve_policy(text, &format!("{path}.policy"))),
            credentials: spec.credentials.clone(),
            scorecards,
        });
        self.put(&spec.name, known.map(Arc::as_ref), &router, Object::Router(router.clone()));
    }
}
