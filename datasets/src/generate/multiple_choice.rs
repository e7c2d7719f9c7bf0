//! Multiple choice, trivial and hard alike, so that options and letters say nothing about difficulty.

use domain::CapabilityTag::{self, Knowledge, Math, Reasoning};

use super::Draft;
use super::chance::{Chance, Rules};

/// A trivial and a hard question in the same dress, or one question of middle difficulty.
pub(crate) fn unit(chance: &mut Chance) -> Vec<Draft> {
    let dress = Dress::new(chance);
    let easy = {
        let (question, options) = *chance.pick(EASY);
        question_of(chance, &dress, question, options, 1.0, &[Knowledge])
    };
    if chance.one_in(3) {
        let (sum, options) = sum(chance);
        let prompt = dress.put_on(&sum, &options);
        let tags = &[Math, Reasoning];
        return vec![Draft::new(prompt, 4.0, tags, "wrapper", "en", 90.0)];
    }
    let (question, options) = *chance.pick(HARD);
    vec![easy, question_of(chance, &dress, question, options, 8.0, &[Knowledge, Reasoning])]
}

fn question_of(
    chance: &mut Chance,
    dress: &Dress,
    question: &str,
    options: &str,
    grade: f64,
    tags: &[CapabilityTag],
) -> Draft {
    // The first of the list is the right one of an easy question, so it has to be there.
    let (first, others) = options.split_once('|').unwrap_or((options, ""));
    let mut options = chance.some(others, dress.count - 1);
    options.push(first);
    chance.shuffle(&mut options);
    let options: Vec<_> = options.into_iter().map(ToOwned::to_owned).collect();
    let prompt = dress.put_on(&chance.fill(question, RULES), &options);
    Draft::new(prompt, grade, tags, "wrapper", "en", if grade < 5.0 { 8.0 } else { 350.0 })
}

/// A price, a percentage and a number of pieces: three steps with options.
fn sum(chance: &mut Chance) -> (String, Vec<String>) {
    let (count, price, percent) = (chance.range(2, 9) * 10, chance.range(2, 12), chance.range(1, 9) * 10);
    let total = count * price;
    let answer = total - total * percent / 100;
    let question = chance.fill("{sum}", RULES);
    let question = question
        .replace("{count}", &count.to_string())
        .replace("{price}", &price.to_string())
        .replace("{percent}", &percent.to_string());
    let mut options: Vec<_> =
        [answer, total, answer + price, total * percent / 100].iter().map(ToString::to_string).collect();
    chance.shuffle(&mut options);
    (question, options)
}

/// How a question with options is set out.
struct Dress {
    before: String,
    letters: &'static str,
    closing: String,
    count: usize,
}

impl Dress {
    fn new(chance: &mut Chance) -> Self {
        Self {
            before: chance.fill("{before}", RULES),
            letters: *chance.pick(&[
                "A. |B. |C. |D. |E. ",
                "(a) |(b) |(c) |(d) |(e) ",
                "1) |2) |3) |4) |5) ",
                "A) |B) |C) |D) |E) ",
                "- |- |- |- |- ",
            ]),
            closing: chance.fill("{closing}", RULES),
            count: 3 + chance.below(3),
        }
    }

    fn put_on(&self, question: &str, options: &[String]) -> String {
        let mut text = format!("{}{question}\n", self.before);
        for (letter, option) in self.letters.split('|').zip(options) {
            text.extend([letter, option.as_str(), "\n"]);
        }
        text.push_str(&self.closing);
        text.trim_end().to_owned()
    }
}

const EASY: &[(&str, &str)] = &[
    ("Which of these is {a} fruit?", "apple|hammer|cloud|chair|bicycle"),
    ("Which animal can fly?", "eagle|dog|horse|goldfish|snail"),
    ("What do bees make?", "honey|milk|paper money|bricks|wool"),
    ("Which one is a colour?", "green|table|seven|river|Tuesday"),
    ("Which of these is the largest?", "an elephant|a mouse|a cat|an ant|a hen"),
    ("Where does the sun rise?", "in the east|in the west|in the north|in the south|nowhere"),
    ("Which season comes after winter?", "spring|summer|autumn|another winter|none"),
    ("What is frozen water called?", "ice|steam|sand|smoke|oil"),
    ("Which is a day of the week?", "Friday|March|noon|Easter|winter"),
    ("What do you use to cut paper?", "scissors|a spoon|a pillow|a cup|soap"),
    ("Which of these lives in water?", "a trout|a camel|a sparrow|a goat|a lion"),
    ("Which number is even?", "8|7|5|3|9"),
    ("Which country is in Europe?", "Portugal|Peru|Kenya|Japan|Canada"),
    ("Which of these is a capital?", "Rome|Milan|Munich|Barcelona|Lyon"),
    ("Which word is a verb?", "run|blue|house|slowly|under"),
    ("Which of these is hot?", "fire|ice|snow|a cold drink|frost"),
    ("What does a thermometer measure?", "temperature|weight|speed|distance|noise"),
    ("Which one is a musical instrument?", "a piano|a ladder|a carpet|a kettle|a fence"),
    ("Who treats sick animals?", "a vet|a baker|a pilot|a judge|a plumber"),
    ("Which planet do we live on?", "Earth|Mars|Venus|Saturn|Neptune"),
    ("Which file type is a picture?", ".png|.mp3|.txt|.zip|.exe"),
    (
        "What is the plural of '{noun}'?",
        "it ends in -s|it ends in -ing|it has no letters|it ends in -ed|it ends in -ly",
    ),
];

const HARD: &[(&str, &str)] = &[
    (
        "{claimed} Which hypothesis cannot be dropped from the statement that {theorem}?",
        "completeness|compactness|separability|convexity|local finiteness",
    ),
    (
        "{claimed} A patient on {drug} presents with {sign}. Which mechanism explains all findings?",
        "competitive enzyme inhibition|autoantibodies against the receptor|mitochondrial toxicity|altered protein binding|an unmasked channelopathy",
    ),
    (
        "{claimed} Under {law}, which remedy is NOT available to the party whose performance became {state}?",
        "rescission with restitution|damages for reliance|specific performance|price reduction|adaptation by the court",
    ),
    (
        "{claimed} In a model with {friction}, a rise in {variable} shifts which curve, and why only that one?",
        "the Phillips curve, by expectations|the Euler equation, by wedges|the resource constraint, by dispersion|the policy rule, by misperception|none at first order",
    ),
    (
        "{claimed} Which complexity-theoretic collapse follows if {assume}?",
        "the polynomial hierarchy to its second level|P equals BPP|NEXP equals MA|NP equals coNP|none that is known",
    ),
    (
        "{claimed} The rate law of a reaction in {medium} is {order} order in acid. Which step limits the rate?",
        "proton transfer to the carbonyl|collapse of the tetrahedral intermediate|diffusion of the pair|conformational change|attack of solvent",
    ),
    (
        "{claimed} A {particle} in a {field} shows which degeneracy after first-order perturbation?",
        "fully lifted|lifted except for a Kramers pair|accidental, by a hidden symmetry|unchanged|lifted for odd parity alone",
    ),
    (
        "{claimed} Which memory order is the weakest that keeps {structure} linearizable?",
        "relaxed with one fence|acquire and release|sequentially consistent|consume|release alone",
    ),
];

const RULES: &Rules = &[
    (
        "before",
        "Please answer the following multiple choice question.\n\n|Answer the multiple choice question.\n|Question: |Q: |Choose the best answer:\n|The following is a question with several options.\n\n|Pick one. |\
         Select the correct option.\n\n|Quiz time! |Exam, part {#1-9}, question {#1-40}:\n|You are an expert taking a test.\n\n|Read the question and choose. |",
    ),
    (
        "closing",
        "Answer:|Answer with the letter only.|The answer is|Which one?|Explain your choice in a line.|Reply with just the option.|Your answer:|Think step by step, then answer.||Only one is right.",
    ),
    (
        "sum",
        "A shop sells {count} {ware} at {price} euros each and then pays {percent} % of the takings as rent. What is left?|{count} {ware} cost {price} dollars apiece; there is a discount of {percent} % on the sum. What is paid?|\
             {name} sells {count} {ware} for {price} each and gives {percent} % of the money to a partner. How much does {name2} keep?",
    ),
    ("ware", "lamps|chairs|books|plants|scarves|clocks|bowls|kites|jars|posters"),
    ("name", "Ravi|Elsa|Bruno|Mei|Tariq|Greta"),
    ("name2", "the seller|that person|the first one"),
    ("a", "a|a sweet|a common|a kind of"),
    ("noun", "cat|table|river|book|car|cloud|tree"),
    (
        "claimed",
        "|Two of the options are often defended.|Consider the edge cases.|All options are true somewhere.|Mind the wording.|The textbooks disagree here.",
    ),
    (
        "theorem",
        "a continuous function on it is uniformly continuous|weak and strong convergence agree for sequences|every open cover has a countable subcover|the fixed point is unique|the limit and the integral commute|an extremal point exists",
    ),
    (
        "drug",
        "an aromatase inhibitor|lithium and a thiazide|a checkpoint inhibitor|high-dose methotrexate|amiodarone|linezolid",
    ),
    (
        "sign",
        "lactic acidosis and a normal anion gap|ptosis that fatigues and a rash|hypercalcaemia with suppressed PTH|a prolonged QT and deafness|painless jaundice and eosinophilia",
    ),
    (
        "law",
        "the Vienna sales convention|the German civil code after the 2002 reform|New York common law|the UNIDROIT principles|Scots law",
    ),
    (
        "state",
        "onerous but possible|impossible by the other's fault|pointless after delay|illegal at the place of delivery",
    ),
    (
        "friction",
        "sticky wages and flexible prices|financial intermediaries at a leverage bound|rational inattention|search on both sides|heterogeneous discounting",
    ),
    ("variable", "trend inflation|the markup|the risk-free rate|uncertainty|the labour share"),
    (
        "assume",
        "SAT has polynomial-size circuits|sparse sets are NP-hard under Turing reductions|one-way functions do not exist|graph isomorphism is NP-complete|quantum proofs can be made classical",
    ),
    ("medium", "dry acetonitrile|buffered water at pH {#2-11}|liquid ammonia|an ionic liquid"),
    ("order", "apparent zeroth|fractional|first, then zeroth|inverse first"),
    (
        "particle",
        "spin-3/2 ion|hydrogen-like muon|pair of coupled rotors|graphene electron|nucleus with a quadrupole moment",
    ),
    ("field", "weak magnetic field|cubic crystal field|strong electric field|rotating frame|slowly varying strain"),
    (
        "structure",
        "a Treiber stack with hazard pointers|a sequence lock with many readers|a bounded ring of one producer and one consumer|a left-right pair of maps|an RCU list with deletions",
    ),
];
