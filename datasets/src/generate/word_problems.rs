//! Word problems whose number of steps is known, because each is told from a chain of calculations.
//!
//! Two shapes: a stock that changes, is packed, sold and shared; and quantities that are each stated by an earlier one.
//! Both are told in nine languages from tables; numbers that do not matter are mixed in.

use domain::CapabilityTag::{Math, Reasoning};

use super::chain::{Chain, Operation};
use super::chance::Chance;
use super::{Draft, tongue};

mod english;
mod europe;
mod others;

/// A problem with the calculation that solves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordProblem {
    /// The text.
    pub text: String,
    /// What leads to the answer.
    pub chain: Chain,
}

/// The words of one language. Forms hold `{w}` a person, `{t}` a thing, `{k}` a number, `{j}` another, `{v}` a second person.
pub(crate) struct Words {
    people: &'static str,
    things: &'static str,
    start: &'static str,
    /// `{j}` groups of `{k}`.
    start_groups: &'static str,
    add: &'static str,
    subtract: &'static str,
    /// `{j}` times `{k}` more.
    add_repeated: &'static str,
    /// The stock grows to `{k}` times itself.
    multiply: &'static str,
    /// Only one part in `{k}` is kept.
    keep_part: &'static str,
    /// Only `{k}` per cent are kept.
    keep_percent: &'static str,
    /// `{k}` per cent are lost.
    lose_percent: &'static str,
    pack: &'static str,
    sell: &'static str,
    sell_packs: &'static str,
    earn: &'static str,
    pay: &'static str,
    fee: &'static str,
    share: &'static str,
    ask_stock: &'static str,
    ask_packs: &'static str,
    ask_money: &'static str,
    ask_share: &'static str,
    first: &'static str,
    more: &'static str,
    fewer: &'static str,
    times: &'static str,
    part: &'static str,
    ask_last: &'static str,
    ask_total: &'static str,
    distractors: &'static str,
    before: &'static str,
    after: &'static str,
    /// Between sentences.
    space: &'static str,
}

/// The grade of a problem with so many steps.
pub fn grade(steps: usize) -> f64 {
    const GRADES: [f64; 9] = [2.0, 3.0, 4.0, 5.0, 6.0, 6.5, 7.0, 7.5, 8.0];
    GRADES[steps.clamp(1, GRADES.len()) - 1]
}

/// One problem of 1 to 9 steps, in any language.
pub(crate) fn unit(chance: &mut Chance) -> Vec<Draft> {
    let language = tongue(chance);
    // Even over the steps.
    let steps = 1 + chance.below(9);
    let problem = problem(chance, language, steps);
    let tags: &[_] = if steps < 3 { &[Math] } else { &[Math, Reasoning] };
    let mut draft = Draft::new(problem.text, grade(steps), tags, "word_problem", language, 30.0 + 40.0 * steps as f64);
    draft.steps = u32::try_from(steps).ok();
    vec![draft]
}

/// A problem of exactly so many steps.
pub(crate) fn problem(chance: &mut Chance, language: &str, steps: usize) -> WordProblem {
    let words = words(language);
    loop {
        let mut told = Told::new(words, chance);
        let done = if steps > 1 && chance.one_in(3) { told.compare(chance, steps) } else { told.stock(chance, steps) };
        if done.is_some() && told.chain.steps() == steps {
            return WordProblem { text: told.finish(chance), chain: told.chain };
        }
    }
}

fn words(language: &str) -> &'static Words {
    match language {
        "es" => &europe::SPANISH,
        "fr" => &europe::FRENCH,
        "de" => &europe::GERMAN,
        "pt" => &europe::PORTUGUESE,
        "ru" => &others::RUSSIAN,
        "zh" => &others::CHINESE,
        "ja" => &others::JAPANESE,
        "ar" => &others::ARABIC,
        _ => &english::ENGLISH,
    }
}

/// What the running number counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Stock,
    Packs,
    Money,
    Shared,
}

/// A problem while it is being told.
struct Told {
    words: &'static Words,
    people: Vec<&'static str>,
    thing: &'static str,
    sentences: Vec<String>,
    question: String,
    chain: Chain,
}

impl Told {
    fn new(words: &'static Words, chance: &mut Chance) -> Self {
        Self {
            words,
            people: chance.some(words.people, 10),
            thing: chance.alternative(words.things),
            sentences: Vec::new(),
            question: String::new(),
            chain: Chain::default(),
        }
    }

    fn say(&mut self, chance: &mut Chance, list: &'static str, who: usize, k: i64, j: i64) {
        let sentence = self.form(chance, list, who, k, j);
        self.sentences.push(sentence);
    }

    fn form(&self, chance: &mut Chance, list: &'static str, who: usize, k: i64, j: i64) -> String {
        let (person, other) = (self.people[who], self.people[(who + self.people.len() - 1) % self.people.len()]);
        chance
            .alternative(list)
            .replace("{w}", person)
            .replace("{v}", other)
            .replace("{t}", self.thing)
            .replace("{k}", &k.to_string())
            .replace("{j}", &j.to_string())
    }

    // === a stock that changes ===

    fn stock(&mut self, chance: &mut Chance, steps: usize) -> Option<()> {
        let words = self.words;
        let mut at = if steps > 1 && chance.one_in(3) {
            let (groups, each) = (chance.range(3, 12), chance.range(2, 15) * 4);
            self.say(chance, words.start_groups, 0, each, groups);
            let (groups, each) = (self.chain.given(groups), self.chain.given(each));
            self.chain.step(Operation::Multiply, groups, each)?
        } else {
            let start = *chance
                .pick(&[24, 30, 36, 40, 45, 48, 50, 60, 72, 80, 84, 90, 96, 100, 120, 144, 150, 180, 200, 240, 360]);
            self.say(chance, words.start, 0, start, 0);
            self.chain.given(start)
        };
        let mut state = State::Stock;
        let mut tries = 0;
        while self.chain.steps() < steps {
            tries += 1;
            if tries > 60 {
                return None;
            }
            let left = steps - self.chain.steps();
            if let Some((next, became)) = self.change(chance, state, at, left) {
                (at, state) = (next, became);
            }
        }
        let ask = match state {
            State::Stock => words.ask_stock,
            State::Packs => words.ask_packs,
            State::Money => words.ask_money,
            State::Shared => words.ask_share,
        };
        self.question = self.form(chance, ask, 0, 0, 0);
        Some(())
    }

    /// Tells one change that needs at most `left` steps; nothing if it would not come out even.
    fn change(&mut self, chance: &mut Chance, state: State, at: usize, left: usize) -> Option<(usize, State)> {
        use Operation::{Add, Divide, Multiply, Percent, Subtract};
        let words = self.words;
        let value = self.chain.value(at);
        let some = chance.range(2, (value / 3).clamp(4, 60));
        let percent = *chance.pick(&[5, 10, 20, 25, 40, 50, 60, 75]);
        match (state, chance.below(9)) {
            (State::Stock, 0) => self.one(chance, words.add, Add, at, some).map(|it| (it, state)),
            (State::Stock, 1) => self.one(chance, words.subtract, Subtract, at, some).map(|it| (it, state)),
            (State::Stock, 2) if left > 1 => {
                let (times, each) = (chance.range(2, 9), chance.range(2, 12));
                self.checked(|told| {
                    let (a, b) = (told.chain.given(times), told.chain.given(each));
                    let product = told.chain.step(Multiply, a, b)?;
                    told.chain.step(Add, at, product)
                })
                .map(|it| {
                    self.say(chance, words.add_repeated, 0, each, times);
                    (it, state)
                })
            }
            (State::Stock, 3) if value < 2_000 => {
                let factor = chance.range(2, 4);
                self.one(chance, words.multiply, Multiply, at, factor).map(|it| (it, state))
            }
            (State::Stock, 4) => {
                let parts = chance.range(2, 6);
                self.one(chance, words.keep_part, Divide, at, parts).map(|it| (it, state))
            }
            (State::Stock, 5) => self.one(chance, words.keep_percent, Percent, at, percent).map(|it| (it, state)),
            (State::Stock, 6) if left > 1 => {
                self.portion(chance, words.lose_percent, at, percent).map(|it| (it, state))
            }
            (State::Stock, 7) => {
                let size = chance.range(2, 12);
                self.one(chance, words.pack, Divide, at, size).map(|it| (it, State::Packs))
            }
            (State::Stock, 8) => {
                let price = chance.range(2, 15);
                self.one(chance, words.sell, Multiply, at, price).map(|it| (it, State::Money))
            }
            (State::Packs, _) => {
                let price = chance.range(5, 40);
                self.one(chance, words.sell_packs, Multiply, at, price).map(|it| (it, State::Money))
            }
            (State::Money, 0..=2) => self.one(chance, words.pay, Subtract, at, some).map(|it| (it, state)),
            (State::Money, 3..=4) => self.one(chance, words.earn, Add, at, some).map(|it| (it, state)),
            (State::Money, 5..=7) if left > 1 => self.portion(chance, words.fee, at, percent).map(|it| (it, state)),
            // Once it is shared, the story is over.
            (State::Money, 8) if left == 1 => {
                let heads = chance.range(2, 8);
                self.one(chance, words.share, Divide, at, heads).map(|it| (it, State::Shared))
            }
            (State::Stock | State::Money | State::Shared, _) => None,
        }
    }

    /// One calculation with a number that the text gives.
    fn one(&mut self, chance: &mut Chance, list: &'static str, it: Operation, at: usize, by: i64) -> Option<usize> {
        let next = self.checked(|told| {
            let by = told.chain.given(by);
            told.chain.step(it, at, by)
        })?;
        self.say(chance, list, 0, by, 0);
        Some(next)
    }

    /// So many per cent are worked out and taken off: two calculations.
    fn portion(&mut self, chance: &mut Chance, list: &'static str, at: usize, percent: i64) -> Option<usize> {
        let next = self.checked(|told| {
            let rate = told.chain.given(percent);
            let part = told.chain.step(Operation::Percent, at, rate)?;
            told.chain.step(Operation::Subtract, at, part)
        })?;
        self.say(chance, list, 0, percent, 0);
        Some(next)
    }

    /// Undoes what was added if the calculation does not come out even.
    fn checked(&mut self, add: impl FnOnce(&mut Self) -> Option<usize>) -> Option<usize> {
        let before = self.chain.clone();
        let next = add(self);
        if next.is_none() {
            self.chain = before;
        }
        next
    }

    // === quantities stated by one another ===

    fn compare(&mut self, chance: &mut Chance, steps: usize) -> Option<()> {
        let words = self.words;
        // A total over n people takes n - 1 relations and n - 1 sums.
        let total = steps.is_multiple_of(2) && chance.one_in(2);
        let people = if total { steps / 2 + 1 } else { steps + 1 };
        if people > self.people.len() {
            return None;
        }
        let start = chance.range(2, 15) * 12;
        self.say(chance, words.first, 0, start, 0);
        let mut found = vec![self.chain.given(start)];
        for who in 1..people {
            let before = found[who - 1];
            let next = (0..20).find_map(|_| self.relate(chance, who, before))?;
            found.push(next);
        }
        if total {
            let mut sum = found[0];
            for one in &found[1..] {
                sum = self.chain.step(Operation::Add, sum, *one)?;
            }
        }
        let ask = if total { words.ask_total } else { words.ask_last };
        self.question = self.form(chance, ask, people - 1, 0, 0);
        Some(())
    }

    fn relate(&mut self, chance: &mut Chance, who: usize, before: usize) -> Option<usize> {
        let words = self.words;
        let (list, operation, by) = match chance.below(5) {
            0..=1 => (words.more, Operation::Add, chance.range(2, 40)),
            2 => (words.fewer, Operation::Subtract, chance.range(2, 30)),
            3 => (words.times, Operation::Multiply, chance.range(2, 4)),
            _ => (words.part, Operation::Divide, chance.range(2, 4)),
        };
        let next = self.checked(|told| {
            let by = told.chain.given(by);
            told.chain.step(operation, before, by)
        })?;
        self.say(chance, list, who, by, 0);
        Some(next)
    }

    // === the text ===

    fn finish(&self, chance: &mut Chance) -> String {
        let words = self.words;
        let mut sentences = self.sentences.clone();
        for _ in 0..chance.below(3).saturating_sub(usize::from(chance.one_in(2))) {
            let number = chance.range(3, 90);
            let idle = self.form(chance, words.distractors, self.people.len() - 1, number, 0);
            if !sentences.contains(&idle) {
                let place = 1 + chance.below(sentences.len());
                sentences.insert(place, idle);
            }
        }
        let question_first = chance.one_in(6);
        let place = if question_first { 0 } else { sentences.len() };
        sentences.insert(place, self.question.clone());
        let mut text = sentences.join(words.space);
        if chance.one_in(5) {
            text = format!("{}{text}", chance.alternative(words.before));
        }
        if chance.one_in(5) {
            text = format!("{text}{}{}", words.space, chance.alternative(words.after));
        }
        text
    }
}
