//! Invented documents of 30 to 300 words.

use crate::generate::chance::{Chance, Rules};

/// What a document is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Mail,
    Table,
    Log,
    List,
    Notes,
}

/// A document and trivial questions that only it answers.
pub(crate) struct Document {
    pub(crate) kind: Kind,
    pub(crate) lines: Vec<String>,
    /// Separated by `|`.
    pub(crate) asks: String,
}

/// A document of any kind.
pub(crate) fn make(chance: &mut Chance) -> Document {
    match chance.below(5) {
        0 => mail(chance),
        1 => table(chance),
        2 => log(chance),
        3 => list(chance),
        _ => notes(chance),
    }
}

fn mail(chance: &mut Chance) -> Document {
    let (from, to) = (chance.fill("{first} {last}", WORDS), chance.fill("{first} {last}", WORDS));
    let subject = chance.fill("{topic}", WORDS);
    let firm = chance.fill("{firm}", WORDS);
    let mut lines = vec![
        format!("From: {from}"),
        format!("To: {to}"),
        format!("Subject: {subject}"),
        String::new(),
        format!("Dear {},", to.split(' ').next().unwrap_or_default()),
        String::new(),
    ];
    for _ in 0..chance.range(1, 4) {
        let sentences: Vec<_> = (0..chance.range(2, 5)).map(|_| chance.fill("{said}", WORDS)).collect();
        lines.push(sentences.join(" "));
    }
    lines.extend([String::new(), chance.fill("{close}", WORDS), format!("{from}, {firm}")]);
    let asks = format!(
        "Who sent this mail?|Which firm is the sender from?|who is it addressed to|What is the subject line?|Is {from} the sender, yes or no?|what company is {from} at?"
    );
    Document { kind: Kind::Mail, lines, asks }
}

fn table(chance: &mut Chance) -> Document {
    let separator = *chance.pick(&[",", " | ", "\t", ";"]);
    let columns = chance.some("price|stock|rating|weight|region|orders|returns|supplier|delay_days|discount", 4);
    let mut lines = vec![format!("item{separator}{}", columns.join(separator))];
    let (mut items, rows) = (Vec::new(), chance.range(5, 18) as usize);
    for item in chance.some(ITEMS, rows) {
        let cells: Vec<_> = columns
            .iter()
            .map(|column| match *column {
                "region" => chance.fill("{place}", WORDS),
                "supplier" => chance.fill("{firm}", WORDS),
                "rating" => format!("{}.{}", chance.range(1, 4), chance.range(0, 9)),
                _ => chance.range(1, 990).to_string(),
            })
            .collect();
        lines.push(format!("{item}{separator}{}", cells.join(separator)));
        items.push(item);
    }
    let (one, column) = (*chance.pick(&items), *chance.pick(&columns));
    let asks = format!(
        "What is the {column} of {one}?|{column} for {one}?|What comes in the row after the header?|Is {one} in this table?|give me the {column} of the {one}, just the value|name the columns"
    );
    Document { kind: Kind::Table, lines, asks }
}

fn log(chance: &mut Chance) -> Document {
    let service = chance.fill("{service}", WORDS);
    let (mut hour, mut minute) = (chance.range(0, 20), chance.range(0, 59));
    let mut lines = Vec::new();
    for _ in 0..chance.range(6, 26) {
        minute += chance.range(0, 9);
        if minute > 59 {
            (hour, minute) = (hour + 1, minute - 60);
        }
        let level = *chance.pick(&["INFO", "INFO", "INFO", "WARN", "ERROR", "DEBUG"]);
        let event = chance.fill("{event}", WORDS);
        let of = if chance.one_in(3) { chance.fill("{service}", WORDS) } else { service.clone() };
        lines.push(format!("{hour:02}:{minute:02}:{:02} {level:<5} {of} {event}", chance.range(0, 59)));
    }
    let asks = format!(
        "What is the first line's level?|Does {service} appear in this log?|At what time does the log start?|what time is the last entry|copy the first ERROR line, or say none|How many lines mention {service}?"
    );
    Document { kind: Kind::Log, lines, asks }
}

fn list(chance: &mut Chance) -> Document {
    let title = chance.fill("{list_title}", WORDS);
    let mut lines = vec![title.clone(), String::new()];
    let mut people = Vec::new();
    for number in 1..=chance.range(5, 18) {
        let (person, task) = (chance.fill("{first} {last}", WORDS), chance.fill("{task}", WORDS));
        let when = chance.fill("{day} {#1-28} {month}", WORDS);
        lines.push(format!("{number}. {person}: {task} ({when})"));
        people.push(person);
    }
    let one = chance.pick(&people).clone();
    let asks = format!(
        "What is {one} supposed to do?|what's the title of this list|When is {one} due?|Who is number 3?|is {one} on the list|Give me the last name on this list"
    );
    Document { kind: Kind::List, lines, asks }
}

fn notes(chance: &mut Chance) -> Document {
    let place = chance.fill("{place}", WORDS);
    let topic = chance.fill("{topic}", WORDS);
    let mut lines = vec![format!("{topic} ({place})")];
    for _ in 0..chance.range(3, 9) {
        let sentences: Vec<_> = (0..chance.range(1, 4)).map(|_| chance.fill("{said}", WORDS)).collect();
        lines.push(sentences.join(" "));
    }
    let asks = format!(
        "Where was this?|what is the heading|Does the text mention {place}?|what place is named in the first line?|Copy the title."
    );
    Document { kind: Kind::Notes, lines, asks }
}

const ITEMS: &str = "kettle|toaster|desk lamp|office chair|notebook|stapler|monitor|keyboard|backpack|water bottle|tent|sleeping bag|torch|compass|blender|rice cooker|\
    drill|hammer|ladder|paint roller|garden hose|rake|wheelbarrow|bird feeder|doormat|bookshelf|mirror|curtain|pillow|blanket|bicycle pump|helmet|umbrella|wallet";

const WORDS: &Rules = &[
    (
        "first",
        "Mira|Jon|Petra|Luis|Ana|Tom|Yuki|Omar|Nina|Ravi|Elsa|Carl|Ifeoma|Hanna|Diego|Mei|Pavel|Sara|Tariq|Greta|Noah|Lin|Aylin|Bruno",
    ),
    (
        "last",
        "Holt|Adeyemi|Lang|Ortega|Silva|Becker|Mori|Haddad|Petrova|Nair|Lund|Weiss|Okafor|Moreau|Castro|Chen|Novak|Quinn|Aziz|Berg|Doyle|Sato|Demir|Rossi",
    ),
    (
        "firm",
        "Harbour Freight|Lindqvist Tools|Green Arc|Obsidian Mills|Tamar Logistics|Northgate Clinic|Blue Heron Press|Quill & Sons|Vantage Foods|Mistral Energy|Kestrel Rail",
    ),
    (
        "topic",
        "Delivery to the {place} site|Invoice {#1000-9999}|Review of the {thing}|Meeting on {day}|Change of the {thing}|Complaint about the {thing}|Offer for {#2-40} {goods}|Notes on the {thing}|\
         Minutes, {day} {#1-28} {month}|Visit to {place}|Damage to the {thing}|Renewal of the contract for the {thing}",
    ),
    ("place", "Leeds|Graz|Porto|Lyon|Bergen|Utrecht|Bilbao|Turku|Ghent|Brno|Cork|Verona|Split|Aarhus|Tampere|Gdynia"),
    (
        "thing",
        "heating system|loading dock|summer schedule|parking rules|order form|cold store|training plan|front office|water meter|price list|south gate|archive|canteen|booking tool|conveyor",
    ),
    (
        "goods",
        "office chairs|pallets of tiles|sensors|crates of lemons|radios|filters|uniforms|folding tables|pumps|fire doors",
    ),
    ("day", "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday"),
    ("month", "January|February|March|April|May|June|July|September|October|November"),
    (
        "said",
        "The {thing} was checked on {day} and {found}.|{first} {last} will call about the {thing} before {day}.|We received {#2-90} {goods}, of which {#1-9} were {bad}.|\
         The {thing} in {place} {found}, although {first} had said that it would not.|Please send the figures for {month} to {first} by {day}.|It was agreed that the {thing} stays as it is until {month}.|\
         According to {first}, the {goods} cost {#20-900} euros each, {#2-30} more than last year.|The visit on {day} took {#2-6} hours, and the {thing} was not shown to us.|\
         Nobody could say why the {thing} {found} again.|If the {goods} do not arrive by {day}, {firm} pays {#2-9} per cent a week.|After the change in {month} there were fewer complaints about the {thing}.|\
         {first} thinks that the {goods} are to blame; {last} of {firm} blames the {thing}.|From {month} on, the {thing} is looked after by {firm}.|The {thing} has {#2-30} faults on record since {month}.|\
         We kept {#3-60} {goods} in reserve, just in case.|The old contract with {firm} ends on {#1-28} {month}.|As far as I know, {first} was in {place} that {day}.|On {day} it rained and the {goods} stood outside.",
    ),
    (
        "found",
        "was found in order|needs a new part|had failed twice|was out of use|was late|worked better than before|is to be replaced|was {#2-40} degrees too warm|had been left open",
    ),
    ("bad", "broken|late|of the wrong size|wet|not ordered|returned|without papers"),
    ("close", "Kind regards|Best wishes|Yours sincerely|Many thanks|Regards"),
    ("service", "gateway|billing|indexer|mailer|auth|queue-worker|search|scheduler|uploader|cache|ledger|notifier"),
    (
        "event",
        "request {#1000-9999} done in {#2-900} ms|connection to {service} refused, retry {#1-5}|queue length {#10-4000}|pool has {#0-3} free connections of {#20-60}|config reloaded from revision {#100-999}|\
         user {#100-999} logged in|token of {service} expires in {#1-50} s|disk {#60-99} % full|garbage collection took {#20-1900} ms|job {#100-999} started|job {#100-999} failed: deadline exceeded|\
         replica lag {#0-90} s|certificate for {service} renewed|health check of {service} failed|scaled from {#2-5} to {#6-12} instances|rate limit hit by tenant {#10-99}|cache miss ratio 0.{#10-95}|\
         leader election started|became leader, term {#3-40}|snapshot written, {#2-90} MB|clock moved back by {#1-40} ms|flag `new_{service}` set to {#5-100} %|out of memory, restarting",
    ),
    (
        "list_title",
        "To do before the fair in {place}|Speakers, {day}|Tasks for {month}|Shifts at the {thing}|Open points on the {thing}|Volunteers in {place}|Duties while {first} is away",
    ),
    (
        "task",
        "order {#2-40} {goods}|check the {thing}|call {firm}|write the report on the {thing}|pick up the keys|paint the {thing}|book rooms in {place}|print {#20-400} flyers|water the plants|repair the {thing}|\
         take photographs|pay the invoice of {firm}|talk to {first}|test the {goods}|bring cake|prepare the slides",
    ),
];
