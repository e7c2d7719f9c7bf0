//! The vocabulary of instructions: which words mean what. Words are lower-case and whole; the longest phrase wins.

use std::collections::HashMap;
use std::sync::LazyLock;

use domain::{CapabilityTag, MAX_INSTRUCTIONS};

use super::Need;

/// A word, or where one thought ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(String),
    /// A comma or bracket: a list goes on, or a clause ends.
    Comma,
    /// The end of a sentence.
    Stop,
}

/// What a caller can want more or less of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pole {
    Cheap,
    Fast,
    Strong,
}

/// What a word does in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// More of a pole, or less: `fast`, `slow`. Before a thing that is no model it describes that thing.
    Quality(Pole, bool),
    /// A whole wish: `low latency`.
    Aim(Pole, bool),
    /// A pole by its noun, which takes a verb or a stress to be a wish: `cost`.
    Noun(Pole),
    Tag(CapabilityTag),
    Region(&'static str),
    /// What follows is not wanted: `avoid`, `not`.
    Not,
    /// What follows would be the price paid for what is wanted, or what is wanted less: `over`.
    Less,
    /// What follows must not suffer: `sacrificing`.
    Spare,
    Only,
    /// What follows is wanted: `prefer`.
    Want,
    Unless,
    If,
    Then,
    Otherwise,
    /// Begins what a wish is for: `for`, `at`.
    For,
    /// `but`: another thought.
    But,
    And,
    Need(Need),
    /// It matters: `important`.
    Stress,
    /// It does not: `irrelevant`.
    Shrug,
    /// A model, an answer, or anything that a router hands out.
    Thing,
    /// A prompt: the thing that is asked.
    Prompt,
    /// Begins a task, so that the sentence is a prompt and no instruction.
    Task,
    /// Says nothing.
    Filler,
}

use Meaning::{
    Aim, And, But, Filler, For, If, Less, Need as Needs, Not, Noun, Only, Otherwise, Prompt, Quality, Region, Shrug,
    Spare, Stress, Tag, Task, Then, Thing, Unless, Want,
};
use Pole::{Cheap, Fast, Strong};

/// What phrases mean, separated by commas; of equals the first in the table counts.
const PHRASES: &[(Meaning, &str)] = &[
    (
        Quality(Cheap, true),
        "cheap, cheaper, cheapest, inexpensive, affordable, economical, budget, frugal, less expensive, least \
         expensive, less costly, cost effective, cost efficient",
    ),
    (Quality(Cheap, false), "expensive, pricey, costly, pricier, dearest"),
    (
        Aim(Cheap, true),
        "low cost, lower cost, lowest cost, low price, lowest price, low costs, save money, saving money, save \
         cost, save costs, cut cost, cut costs, reduce cost, reduce costs, minimise cost, minimise costs, minimize \
         cost, minimize costs, cost down, costs down, costs low, cost low, cost sensitive, cost conscious, price \
         sensitive",
    ),
    (
        Aim(Cheap, false),
        "high cost, high costs, money is no object, cost is no object, price is no object, regardless of cost, \
         regardless of price, regardless of the cost, regardless of the price, at any cost, at any price, whatever \
         it costs",
    ),
    (Noun(Cheap), "cost, costs, price, pricing, spending, spend"),
    (
        Quality(Fast, true),
        "fast, faster, fastest, quick, quicker, quickest, quickly, speedy, snappy, rapid, responsive, prompt \
         response",
    ),
    (Quality(Fast, false), "slow, slower, slowest, sluggish, laggy"),
    (
        Aim(Fast, true),
        "low latency, lower latency, lowest latency, minimal latency, minimise latency, minimize latency, reduce \
         latency, latency low, latency down, latency sensitive, asap, as soon as possible, as fast as possible, as \
         quickly as possible, time to first token, hurry",
    ),
    (Aim(Fast, false), "high latency, take your time, no hurry, no rush"),
    (Noun(Fast), "latency, speed, response time, turnaround"),
    (
        Quality(Strong, true),
        "capable, more capable, most capable, strong, stronger, strongest, smart, smarter, smartest, powerful, more \
         powerful, most powerful, intelligent, more intelligent, most intelligent, best, better, accurate, more \
         accurate, most accurate, frontier, flagship, top tier, most advanced, more advanced, advanced, high \
         quality, higher quality, highest quality, best quality, top quality, state of the art, sota",
    ),
    (
        Quality(Strong, false),
        "weak, weaker, weakest, less capable, least capable, dumb, dumber, low quality, lower quality, lowest \
         quality, inaccurate, unreliable",
    ),
    (Noun(Strong), "quality, accuracy, capability, intelligence, correctness"),
    (Tag(CapabilityTag::Code), "code, coding, programming, program, programs, software"),
    (
        Tag(CapabilityTag::Math),
        "math, maths, mathematics, mathematical, arithmetic, algebra, calculation, calculations",
    ),
    (Tag(CapabilityTag::Reasoning), "reasoning, logic, logical, inference, multi step"),
    (Tag(CapabilityTag::Knowledge), "knowledge, facts, factual, trivia, world knowledge"),
    (Tag(CapabilityTag::Writing), "writing, prose, essays, creative writing, copywriting, storytelling"),
    (Tag(CapabilityTag::Extraction), "extraction, extracting, data extraction"),
    (Tag(CapabilityTag::Translation), "translation, translations, translating"),
    (
        Tag(CapabilityTag::ToolUse),
        "tool use, tools, tool calls, tool calling, function calling, function calls, agentic",
    ),
    (Tag(CapabilityTag::StructuredOutput), "structured output, structured outputs, json, json output"),
    (Tag(CapabilityTag::Chat), "chat, small talk, chatting, conversation"),
    (Region("eu"), "eu, europe, european, european union, in the eu, in europe, gdpr, gdpr region"),
    (Region("us"), "in the us, in us, us region, us hosted, us based, usa, united states, america"),
    (Region("uk"), "uk, united kingdom, britain"),
    (Region("asia"), "asia, apac, in asia"),
    (
        Not,
        "avoid, avoiding, not, no, never, without, except, excluding, exclude, excludes, skip, ban, bans, banned, \
         dont, doesnt, cannot, cant, wont, shouldnt, mustnt, neither, nor, stay away from, keep away from, anything \
         but, other than, instead of, nothing, nothing from, none of, anyone but, refrain from, do not, must not, \
         should not, shall not, can not",
    ),
    (
        Less,
        "over, rather than, than, more than, before, compared to, compared with, versus, vs, even if, at the \
         expense of",
    ),
    (Spare, "sacrifice, sacrificing, compromise, compromising, lose, losing, hurting, degrading"),
    (Only, "only, exclusively, nothing but, solely, restrict to, limit to, stick to"),
    (
        Want,
        "prefer, prefers, preferring, preferably, use, using, choose, pick, select, favour, favor, favouring, \
         favoring, want, need, needs, like, id like, go with, go for, route to, send to, optimise, optimise for, \
         optimize, optimize for, optimising for, optimizing for, prioritise, prioritize, prioritising, \
         prioritizing, focus on, keep, keep it, be, make it, stay, stay in, stay within, give me, take, try, \
         minimise, minimize, maximise, maximize, aim for, should be, must be, has to be, allow, host, hosted, run, \
         go",
    ),
    (Unless, "unless, except when, except if, except for, until, other than when"),
    (
        If,
        "if, when, whenever, only if, only when, as long as, provided, provided that, in case, where, in case of, \
         should there be",
    ),
    (Then, "then"),
    (Otherwise, "otherwise, else, or else, in all other cases"),
    (For, "for, at, in, with, on"),
    (But, "but, however, though, although, yet, while, instead"),
    (And, "and, or, plus, also, as well as"),
    (
        Needs(Need::Complex),
        "deep reasoning, complex reasoning, hard reasoning, deep thinking, complex, complexity, hard, harder, \
         hardest, difficult, complicated, challenging, tricky, demanding, deep, tough, non trivial, nontrivial, it \
         really matters",
    ),
    (Needs(Need::Simple), "simple, simpler, easy, easier, trivial, basic, straightforward, routine"),
    (
        Stress,
        "matters, matter, important, critical, crucial, essential, priority, first, key, paramount, a priority, \
         sensitive, conscious, optimised, optimized, above all",
    ),
    (
        Shrug,
        "irrelevant, unimportant, doesnt matter, does not matter, dont matter, do not matter, is not important, \
         isnt important, not important, is no concern, no concern, secondary",
    ),
    (
        Thing,
        "model, models, llm, llms, provider, providers, vendor, vendors, one, ones, option, options, answer, \
         answers, reply, replies, response, responses, result, results, output, outputs, candidate, candidates, \
         route, routing, endpoint, endpoints, family, possible, available, turnaround, service, services, region, \
         servers, server, data, choice, choices",
    ),
    (
        Prompt,
        "task, tasks, question, questions, prompt, prompts, request, requests, query, queries, problem, problems, \
         work, stuff, job, jobs",
    ),
    (
        Task,
        "write, explain, describe, translate, summarise, summarize, compare, calculate, compute, list, tell, how, \
         what, why, who, which, implement, fix, debug, draft, rewrite, refactor, create, generate, design, solve, \
         prove, find, show, define, classify, extract, convert, build, discuss, analyse, analyze, review, improve, \
         is, are",
    ),
    (
        Filler,
        "a, an, the, please, to, it, this, that, these, those, my, our, your, is, are, was, me, us, i, we, you, \
         would, will, can, could, did, may, should, must, just, really, very, so, as, of, from, by, any, anything, \
         something, all, always, here, now, today, too, most, more, least, less, much, ever, even, maybe, perhaps, \
         kindly, do, does, have, has, get, there, required, needed, necessary, involved, possible, wanted, asked, \
         s, good, great, about, who, which, am, im, ill, lets, let, let us, thanks, thank, ok, okay, enough, \
         require, requires, involves, asks for, either, calls for, call for, comes to, it comes to, high, low",
    ),
];

/// The phrases by their first words, the longest first; of equals the one that stands first in the table.
static BY_FIRST_WORD: LazyLock<HashMap<&str, Vec<(&str, Meaning)>>> = LazyLock::new(|| {
    let mut index: HashMap<&str, Vec<(&str, Meaning)>> = HashMap::new();
    for (meaning, phrases) in PHRASES {
        for phrase in phrases.split(", ") {
            let first = phrase.split(' ').next().unwrap_or(phrase);
            index.entry(first).or_default().push((phrase, *meaning));
        }
    }
    for phrases in index.values_mut() {
        phrases.sort_by_key(|(phrase, _)| std::cmp::Reverse(phrase.split(' ').count()));
    }
    index
});

/// The longest phrase at the beginning of these words, and how many words it has.
pub(super) fn meaning(words: &[&str]) -> Option<(Meaning, usize)> {
    let phrases = BY_FIRST_WORD.get(words.first()?)?;
    phrases.iter().map(|(phrase, meaning)| (*meaning, matched(phrase, words))).find(|(_, count)| *count > 0)
}

/// How many words a phrase has, if it stands at their beginning; else 0.
fn matched(phrase: &str, words: &[&str]) -> usize {
    let mut count = 0;
    for part in phrase.split(' ') {
        if words.get(count) != Some(&part) {
            return 0;
        }
        count += 1;
    }
    count
}

/// Cuts a text into words and breaks. A full stop within a word (`2.5`) parts words and ends nothing.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let letters: Vec<char> = text.chars().take(MAX_INSTRUCTIONS).collect();
    let mut tokens = Vec::new();
    let mut word = String::new();
    for (place, letter) in letters.iter().enumerate() {
        if letter.is_alphanumeric() {
            word.extend(letter.to_lowercase());
            continue;
        }
        if matches!(letter, '\'' | '\u{2019}') {
            continue;
        }
        if !word.is_empty() {
            tokens.push(Token::Word(std::mem::take(&mut word)));
        }
        let goes_on = letters.get(place + 1).is_some_and(|next| next.is_alphanumeric());
        match letter {
            '.' | ':' if goes_on => {}
            ',' | '(' | ')' | ':' | '\u{2013}' | '\u{2014}' => tokens.push(Token::Comma),
            '.' | ';' | '!' | '?' | '\n' => tokens.push(Token::Stop),
            _ => {}
        }
    }
    if !word.is_empty() {
        tokens.push(Token::Word(word));
    }
    tokens
}
