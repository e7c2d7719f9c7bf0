//! Follows a policy's tag rules to the strategy and the policy that decide.
//!
//! Lazy: a rule after the one that holds is never looked at, and a score is asked for only where the answer depends on
//! it. Where there is no score to be had, its fields are missing, and the record says so.

mod compare;
mod fields;
mod holds;

use std::collections::BTreeSet;

use domain::rule::CHAIN_LIMIT;
use domain::{Decision, Degradation, Facts, Policy, PolicyId, Route, Rule, Strategy, Tenant, Use};

use crate::plan::policy_of;
use crate::question::Scoring;
use crate::refusal::Refusal;
use holds::{Known, Reader};

pub use fields::{label_fields, labels_read};

/// Which policy and strategy decide, and how they were found.
#[derive(Debug)]
pub(crate) struct Ruling<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) strategy: &'a Strategy,
    /// The rules that held, in the order in which they were followed.
    labels: Vec<String>,
    /// Why there was no score where one would have mattered.
    degraded: Option<Degradation>,
}

/// A ruling, or the wish for a score.
#[derive(Debug)]
pub(crate) enum Followed<'a> {
    To(Ruling<'a>),
    NeedsScore,
}

impl Ruling<'_> {
    /// Puts what the rules did into the record.
    pub(crate) fn note(self, decision: &mut Decision) {
        decision.degraded = decision.degraded.or(self.degraded);
        if !self.labels.is_empty() {
            let path = self.labels.join(" > ");
            decision.reason = format!("rule {path}: {}", decision.reason);
            decision.rule = Some(path);
        }
    }
}

/// Follows rules from a policy on. A chain that validation would have refused ends after [`CHAIN_LIMIT`] references.
pub(crate) fn follow<'a>(
    tenant: &'a Tenant,
    policy: &'a Policy,
    facts: &'a Facts,
    scoring: Scoring<'a>,
) -> Result<Followed<'a>, Refusal> {
    let mut ruling = Ruling { policy, strategy: &policy.strategy, labels: Vec::new(), degraded: None };
    let asker = Asker { reader: Reader { tenant, facts, known: Known::from(scoring) }, scoring };
    for references in 0..=CHAIN_LIMIT {
        let (place, rule) = match asker.first_that_holds(ruling.policy, &mut ruling.degraded) {
            First::Rule(place, rule) => (place, rule),
            First::None => break,
            First::NeedsScore => return Ok(Followed::NeedsScore),
        };
        match &rule.r#use {
            Use::Policy(_) if references == CHAIN_LIMIT => break,
            Use::Policy(id) => {
                ruling.policy = policy_of(tenant, id, "a rule")?;
                ruling.strategy = &ruling.policy.strategy;
                ruling.labels.push(rule.label(place));
            }
            Use::Strategy(strategy) => {
                ruling.strategy = strategy;
                ruling.labels.push(rule.label(place));
                break;
            }
        }
    }
    Ok(Followed::To(ruling))
}

/// The first rule that holds.
enum First<'a> {
    Rule(usize, &'a Rule),
    None,
    NeedsScore,
}

struct Asker<'a> {
    reader: Reader<'a>,
    scoring: Scoring<'a>,
}

impl<'a> Asker<'a> {
    fn first_that_holds(&self, policy: &'a Policy, degraded: &mut Option<Degradation>) -> First<'a> {
        for (place, rule) in policy.rules.ascending() {
            let holds = match (self.reader.holds(&rule.when), self.why_unscored()) {
                (Some(holds), _) => holds,
                (None, None) => return First::NeedsScore,
                (None, Some(reason)) => {
                    *degraded = Some(reason);
                    self.reader.without_score().holds(&rule.when).unwrap_or(false)
                }
            };
            if holds {
                return First::Rule(place, rule);
            }
        }
        First::None
    }

    /// Why there is no score and will be none; `None` while nobody has asked.
    fn why_unscored(&self) -> Option<Degradation> {
        match self.scoring {
            Scoring::NotAsked => None,
            Scoring::Unavailable(reason) => Some(reason),
            Scoring::Known(_) => Some(Degradation::Scorer),
        }
    }
}

fn policy_on<'a>(tenant: &'a Tenant, route: &Route) -> Option<&'a Policy> {
    let id = match route {
        Route::Policy(id) => Some(id),
        Route::Router(id) => tenant.routers.get(id).and_then(|router| router.policy.as_ref()),
        Route::List(_) | Route::Direct(_) => None,
    };
    id.and_then(|id| tenant.policies.get(id)).map(AsRef::as_ref)
}

/// Whether a policy that may decide on a route keeps conversations on their model. Where none does, nobody needs to know
/// what came before.
pub fn has_affinity(tenant: &Tenant, route: &Route) -> bool {
    let policy = policy_on(tenant, route);
    policy.is_some_and(|policy| reachable(tenant, policy).iter().any(|policy| policy.affinity.is_some()))
}

/// The policy and all policies to which rules can lead from it, itself first. References to what is gone lead nowhere.
pub fn reachable<'a>(tenant: &'a Tenant, policy: &'a Policy) -> Vec<&'a Policy> {
    let mut found = vec![policy];
    let mut seen: BTreeSet<&PolicyId> = BTreeSet::from([&policy.id]);
    let mut next = 0;
    while let Some(policy) = found.get(next) {
        next += 1;
        let referred = policy.rules.declared().iter().filter_map(Rule::policy).filter(|id| seen.insert(id));
        let referred: Vec<&Policy> = referred.filter_map(|id| tenant.policies.get(id).map(AsRef::as_ref)).collect();
        found.extend(referred);
    }
    found
}

/// The strategies that may order a policy's candidates: its own and those of its rules.
pub fn strategies(policy: &Policy) -> impl Iterator<Item = &Strategy> {
    std::iter::once(&policy.strategy).chain(policy.rules.declared().iter().filter_map(Rule::strategy))
}
