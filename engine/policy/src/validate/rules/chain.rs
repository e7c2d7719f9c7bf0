//! Where references from policy to policy lead: to policies that exist, in no circle, in chains of bounded length.

use std::collections::BTreeMap;

use domain::rule::CHAIN_LIMIT;
use domain::{Policy, PolicyId, Rule, Tenant};

/// Which policies refer to which, as they would be once this one is saved.
pub(super) struct Chains<'a> {
    tenant: &'a Tenant,
    policy: &'a Policy,
    /// The longest chain that leads to the policy, from its start; without the policy itself.
    leading: Vec<&'a Policy>,
}

impl<'a> Chains<'a> {
    pub(super) fn new(tenant: &'a Tenant, policy: &'a Policy) -> Self {
        let has_references = targets(policy).next().is_some();
        let leading = if has_references { leading(tenant, policy) } else { Vec::new() };
        Self { tenant, policy, leading }
    }

    /// Checks what a reference of the policy leads to.
    pub(super) fn check(&self, target: &PolicyId) -> Result<(), String> {
        let Some(first) = self.saved(target) else {
            return Err(format!("there is no policy `{target}`: create it first, or choose another"));
        };
        let chain = self.longest_from(first);
        let names = || {
            let chain = std::iter::once(self.policy).chain(chain.iter().copied());
            let ends_in_circle = chain.clone().last().is_some_and(|last| last.id == self.policy.id);
            let leading = self.leading.iter().copied().filter(move |_| !ends_in_circle);
            leading.chain(chain).map(|policy| format!("`{}`", policy.name)).collect::<Vec<_>>().join(" → ")
        };
        if chain.last().is_some_and(|last| last.id == self.policy.id) {
            return Err(format!(
                "leads in a circle ({}): choose another policy, or take one of these rules out",
                names()
            ));
        }
        let references = self.leading.len() + chain.len();
        if references > CHAIN_LIMIT {
            return Err(format!(
                "makes a chain of more than {CHAIN_LIMIT} references ({}): choose a policy that refers to no other",
                names()
            ));
        }
        Ok(())
    }

    /// The longest chain from a policy on, or the first that comes back to the policy that is saved. Goes level by
    /// level, each policy once a level, so that many references cost no more than there are; ends beyond the bound.
    fn longest_from(&self, first: &'a Policy) -> Vec<&'a Policy> {
        let mut levels = vec![BTreeMap::from([(&first.id, (first, first))])];
        while levels.len() <= CHAIN_LIMIT {
            let last = &levels[levels.len() - 1];
            if last.contains_key(&self.policy.id) {
                break;
            }
            let referred = last.values().flat_map(|(policy, _)| targets(policy).map(move |id| (id, *policy)));
            let next: BTreeMap<_, _> =
                referred.filter_map(|(id, parent)| Some((id, (self.saved(id)?, parent)))).collect();
            if next.is_empty() {
                break;
            }
            levels.push(next);
        }
        let end = levels.last().and_then(|last| last.get(&self.policy.id).or_else(|| last.values().next()));
        let mut chain = Vec::with_capacity(levels.len());
        let mut link = end.copied();
        for level in levels.iter().rev().skip(1) {
            let Some((policy, parent)) = link else { break };
            chain.push(policy);
            link = level.get(&parent.id).copied();
        }
        chain.extend(link.map(|(policy, _)| policy));
        chain.reverse();
        chain
    }

    /// A policy as it would be: the one that is saved takes the place of its earlier version.
    fn saved(&self, id: &PolicyId) -> Option<&'a Policy> {
        if *id == self.policy.id { Some(self.policy) } else { self.tenant.policies.get(id).map(AsRef::as_ref) }
    }
}

fn targets(policy: &Policy) -> impl Iterator<Item = &PolicyId> {
    policy.rules.declared().iter().filter_map(Rule::policy)
}

/// The longest chain of other policies that leads to a policy, from its start.
fn leading<'a>(tenant: &'a Tenant, policy: &'a Policy) -> Vec<&'a Policy> {
    let others: Vec<&Policy> =
        tenant.policies.values().map(AsRef::as_ref).filter(|it| it.id != policy.id && !it.rules.is_empty()).collect();
    let mut chain = Vec::new();
    let mut level = BTreeMap::from([(&policy.id, Vec::new())]);
    while !level.is_empty() && chain.len() <= CHAIN_LIMIT {
        let mut next: BTreeMap<&PolicyId, Vec<&Policy>> = BTreeMap::new();
        for other in &others {
            if let Some(behind) = targets(other).find_map(|id| level.get(id)) {
                next.insert(&other.id, std::iter::once(*other).chain(behind.iter().copied()).collect());
            }
        }
        if let Some(longest) = next.values().next() {
            chain.clone_from(longest);
        }
        level = next;
    }
    chain
}
