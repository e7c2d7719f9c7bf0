//! What wishes do to a decision: they remove candidates, move an intelligent policy's axis, and order equals.

use std::cmp::Ordering;
use std::fmt;

use domain::{Axis, CapabilityTag, InstructionsRecord, Model, ProviderSlug, Removal, Score, Tenant, Understood};

use super::names::has_word;
use super::{Guard, Intent, Names, Need, Wish, read};
use crate::eligible::{Contender, Eligible};
use crate::outcome::Outcome;
use crate::peers::{Asker, peers};
use crate::plan::{Order, Plan};
use crate::question::{Question, Scoring, known_score};
use crate::strategy::intelligent::{COMPLEX_ABOVE, SIMPLE_BELOW};

/// From here on a prompt is taken to ask for a kind of work.
const TAG_FROM: f64 = 0.5;

/// The wishes of one request, and what has become of each.
pub(crate) struct Guidance<'a> {
    tenant: &'a Tenant,
    wishes: Vec<Wish>,
    /// What became of each wish; `None` = it is still to act.
    effects: Vec<Option<Effect>>,
}

/// What a wish did.
#[derive(Clone, Debug)]
enum Effect {
    /// It orders so many equals.
    Orders(usize),
    /// Anything else, or nothing, in words.
    Said(String),
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Orders(count) => write!(f, "orders {count} equal candidates"),
            Self::Said(words) => f.write_str(words),
        }
    }
}

impl<'a> Guidance<'a> {
    /// Reads a request's instructions, if it has any.
    pub(crate) fn of(question: &Question<'a>, plan: &Plan<'_>) -> Option<Self> {
        let text = question.facts.instructions.as_ref()?;
        let providers = question.tenant.providers.keys().map(ProviderSlug::as_str);
        let names = Names::new(plan.entries.iter().map(|entry| entry.id), providers);
        let wishes = read(text, &names);
        let effects = vec![None; wishes.len()];
        Some(Self { tenant: question.tenant, wishes, effects })
    }

    /// Whether it takes a score to know which wishes apply.
    pub(crate) fn needs_score(&self) -> bool {
        self.wishes.iter().filter_map(|wish| wish.guard).any(|guard| guard.need != Need::Unclear)
    }

    /// Sets aside what does not apply to this prompt.
    pub(crate) fn weigh(&mut self, scoring: Scoring<'_>) {
        let score = known_score(scoring);
        for (wish, effect) in self.wishes.iter().zip(&mut self.effects) {
            *effect = wish.guard.and_then(|guard| idle(guard, score)).map(Effect::said);
        }
    }

    /// Removes what is to be avoided. What would leave nobody is not done.
    pub(crate) fn remove_from(&mut self, candidates: &mut Eligible<'_>) {
        for (wish, effect) in self.wishes.iter().zip(&mut self.effects).filter(|(_, effect)| effect.is_none()) {
            let (target, unwanted) = match &wish.intent {
                Intent::Avoid(target) => (target, true),
                Intent::Only(target) => (target, false),
                Intent::Cheaper
                | Intent::Faster
                | Intent::MoreCapable
                | Intent::Capability(_)
                | Intent::Region(_)
                | Intent::Prefer(_) => continue,
            };
            let is_out = |it: &Contender<'_>| target.means(it.id) == unwanted;
            let out = candidates.contenders.iter().filter(|it| is_out(it)).count();
            *effect = Some(if out == 0 {
                Effect::said("none: no candidate is concerned")
            } else if out == candidates.contenders.len() {
                Effect::said("not done: no candidate would be left")
            } else {
                candidates.remove_where(|it| is_out(it).then_some(Removal::Instructions));
                Effect::said(format!("{out} removed"))
            });
        }
    }

    /// Moves the axis of an intelligent policy.
    pub(crate) fn move_axis(&mut self, order: &mut Order<'_>) {
        let Order::Intelligent(axis) = order else { return };
        let applies = |intent: &Intent| self.active().any(|wish| wish.intent == *intent);
        let (cheaper, stronger) = (applies(&Intent::Cheaper), applies(&Intent::MoreCapable));
        let (moved, why) = match (cheaper, stronger) {
            (true, true) => (*axis, "none: cheaper and more capable cancel each other"),
            (true, false) if *axis == Axis::Cost => (*axis, "none: the axis is cost already"),
            (true, false) => (Axis::Cost, "axis cost"),
            (false, true) if *axis == Axis::Capability => (*axis, "none: the axis is capability already"),
            (false, true) => (Axis::Capability, "axis capability"),
            (false, false) => return,
        };
        *axis = moved;
        for (wish, effect) in self.wishes.iter().zip(&mut self.effects) {
            if effect.is_none() && matches!(wish.intent, Intent::Cheaper | Intent::MoreCapable) {
                *effect = Some(Effect::said(why));
            }
        }
    }

    /// The kinds of work that the request says it is about.
    pub(crate) fn tags(&self) -> impl Iterator<Item = CapabilityTag> + '_ {
        self.active().filter_map(|wish| match wish.intent {
            Intent::Capability(tag) => Some(tag),
            Intent::Cheaper
            | Intent::Faster
            | Intent::MoreCapable
            | Intent::Region(_)
            | Intent::Prefer(_)
            | Intent::Only(_)
            | Intent::Avoid(_) => None,
        })
    }

    /// The new order of contenders, by their present places: the choice's equals first, as they are wished.
    pub(crate) fn reorder(&mut self, plan: &Plan<'_>, outcome: &Outcome, order: &[Contender<'_>]) -> Vec<usize> {
        let is_peer = peers(plan, outcome, order, Asker::Wishes);
        let mut places: Vec<usize> = (0..order.len()).collect();
        if self.active().next().is_some() {
            places.sort_by(|a, b| {
                let by_wish =
                    if is_peer[*a] && is_peer[*b] { self.compare(&order[*a], &order[*b]) } else { Ordering::Equal };
                is_peer[*b].cmp(&is_peer[*a]).then(by_wish)
            });
        }
        let equals: Vec<&Contender<'_>> =
            order.iter().zip(&is_peer).filter(|(_, peer)| **peer).map(|it| it.0).collect();
        let effects: Vec<_> = self.wishes.iter().map(|wish| self.effect_among(&wish.intent, &equals, plan)).collect();
        for (known, found) in self.effects.iter_mut().zip(effects) {
            known.get_or_insert(found);
        }
        places
    }

    /// Whether one candidate is wished more than another.
    pub(crate) fn prefers(&self, one: &Contender<'_>, other: &Contender<'_>) -> bool {
        self.wishes.iter().zip(&self.effects).any(|(wish, effect)| {
            matches!(effect, Some(Effect::Orders(_))) && self.by_intent(&wish.intent, one, other).is_lt()
        })
    }

    /// What is said in the record. `changed` = the order or the set of candidates is another than without the text.
    pub(crate) fn record(self, changed: bool) -> InstructionsRecord {
        let understood = |(wish, effect): (Wish, Option<Effect>)| Understood {
            intent: wish.intent.to_string(),
            condition: wish.guard.map(|guard| guard.to_string()),
            effect: effect.map(|effect| effect.to_string()).unwrap_or_default(),
        };
        let no_effect = match (self.wishes.is_empty(), changed) {
            (true, _) => Some("nothing in the text is an intent that routing knows".to_owned()),
            (false, false) => Some("the candidates and their order are the same without it".to_owned()),
            (false, true) => None,
        };
        let understood = self.wishes.into_iter().zip(self.effects).map(understood).collect();
        InstructionsRecord { understood, no_effect }
    }

    fn active(&self) -> impl Iterator<Item = &Wish> + '_ {
        self.wishes.iter().zip(&self.effects).filter(|(_, effect)| effect.is_none()).map(|(wish, _)| wish)
    }

    /// Wishes compare one after the other, in the order of the text.
    fn compare(&self, a: &Contender<'_>, b: &Contender<'_>) -> Ordering {
        self.active()
            .map(|wish| self.by_intent(&wish.intent, a, b))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }

    fn by_intent(&self, intent: &Intent, a: &Contender<'_>, b: &Contender<'_>) -> Ordering {
        match intent {
            Intent::Cheaper => (a.cost.is_none(), a.cost).cmp(&(b.cost.is_none(), b.cost)),
            Intent::Faster => (a.latency.is_none(), a.latency).cmp(&(b.latency.is_none(), b.latency)),
            Intent::MoreCapable => b.position.total_cmp(&a.position),
            Intent::Capability(tag) => {
                let level = |it: &Contender<'_>| mean(self.tenant, *tag, it.model).unwrap_or(-1.0);
                level(b).total_cmp(&level(a))
            }
            Intent::Region(name) => has_word(b.id, name).cmp(&has_word(a.id, name)),
            Intent::Prefer(target) => target.means(b.id).cmp(&target.means(a.id)),
            Intent::Only(_) | Intent::Avoid(_) => Ordering::Equal,
        }
    }

    /// What an intent can do among equals, in words.
    fn effect_among(&self, intent: &Intent, equals: &[&Contender<'_>], plan: &Plan<'_>) -> Effect {
        let differs = equals.iter().any(|a| equals.iter().any(|b| self.by_intent(intent, a, b).is_ne()));
        if differs {
            return Effect::Orders(equals.len());
        }
        let none = match intent {
            Intent::Region(_) => "the catalogue does not know where candidates run",
            Intent::Capability(tag) if !has_benchmark(self.tenant, *tag) => "no benchmark measures it",
            Intent::Capability(_) if matches!(plan.order, Order::Blended(_) | Order::Optimal(Some(_), _)) => {
                return Effect::said("its benchmarks weigh more");
            }
            Intent::Faster if equals.iter().all(|it| it.latency.is_none()) => "no latency has been observed",
            Intent::Cheaper
            | Intent::Faster
            | Intent::MoreCapable
            | Intent::Capability(_)
            | Intent::Prefer(_)
            | Intent::Only(_)
            | Intent::Avoid(_) => "",
        };
        Effect::said(match (none, equals.len()) {
            ("", 1) => format!("none: {} has no equals to choose from", plan.scope()),
            ("", _) => "none: equal candidates do not differ in it".to_owned(),
            (why, _) => format!("none: {why}"),
        })
    }
}

impl Effect {
    fn said(words: impl Into<String>) -> Self {
        Self::Said(words.into())
    }
}

/// Why a guarded wish does not apply; `None` = it does.
fn idle(guard: Guard, score: Option<&Score>) -> Option<&'static str> {
    let Some(score) = score else {
        return Some(match guard.need {
            Need::Unclear => "not applied: its condition was not understood",
            Need::Complex | Need::Simple | Need::Tag(_) => "not applied: there is no score to tell by",
        });
    };
    let is_there = match guard.need {
        Need::Unclear => return Some("not applied: its condition was not understood"),
        Need::Complex => score.complexity >= COMPLEX_ABOVE,
        Need::Simple => score.complexity < SIMPLE_BELOW,
        Need::Tag(tag) => score.capabilities.iter().any(|(known, p)| *known == tag && *p >= TAG_FROM),
    };
    (is_there != guard.holds).then_some("not applied: this prompt is not of that kind")
}

fn has_benchmark(tenant: &Tenant, tag: CapabilityTag) -> bool {
    tenant.scorecards.values().any(|it| it.scorecard().capabilities.contains(&tag))
}

/// A model's mean over the benchmarks of a kind of work that have a score of it.
fn mean(tenant: &Tenant, tag: CapabilityTag, model: &Model) -> Option<f64> {
    let tagged = tenant.scorecards.values().filter(|it| it.scorecard().capabilities.contains(&tag));
    let scores: Vec<f64> = tagged.filter_map(|it| it.read(&model.id)).map(|reading| reading.value).collect();
    (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
}
