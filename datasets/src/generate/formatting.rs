//! Small edits of a given text: case, order, punctuation, lists to tables; and a few edits under real constraints.

use domain::CapabilityTag::{Reasoning, StructuredOutput, Writing};

use super::Draft;
use super::chance::{Chance, Rules};

/// One request, or an easy and a hard one on the same material.
pub(crate) fn unit(chance: &mut Chance) -> Vec<Draft> {
    let (material, asks) = material(chance);
    let ask = chance.fill(asks, RULES);
    let easy = place(chance, &ask, &material);
    let structured = asks.contains("JSON") && (easy.contains("JSON") || easy.contains("CSV") || easy.contains("able"));
    let tags: &[_] = if structured { &[Writing, StructuredOutput] } else { &[Writing] };
    let tokens = 10.0 + easy.chars().count() as f64 / 4.0;
    let mut drafts = vec![Draft::new(easy, 1.5, tags, "formatting", "en", tokens)];
    if chance.one_in(4) {
        let hard = chance.fill("{hard}", RULES);
        let hard = place(chance, &hard, &material);
        drafts.push(Draft::new(hard, 7.0, &[Writing, Reasoning], "formatting", "en", 450.0));
    }
    drafts
}

fn place(chance: &mut Chance, ask: &str, material: &str) -> String {
    match chance.below(4) {
        0 => format!("{material}\n\n{ask}"),
        1 => format!("{ask}\n\n{material}"),
        2 => format!("{ask}: {material}"),
        _ => format!("{ask}\n```\n{material}\n```"),
    }
}

/// Something to be edited and the edits that fit it.
fn material(chance: &mut Chance) -> (String, &'static str) {
    match chance.below(4) {
        0 => {
            let count = chance.range(3, 9) as usize;
            let list = chance.alternative(LISTS);
            let words: Vec<_> = list.split(',').collect();
            let mut words: Vec<_> = words.iter().map(|it| it.trim()).collect();
            chance.shuffle(&mut words);
            words.truncate(count);
            let separator = *chance.pick(&[", ", "\n", "; ", " / "]);
            (words.join(separator), "{list}")
        }
        1 => (chance.fill("{sentence}", RULES), "{edit}"),
        2 => {
            let rows: Vec<_> =
                (0..chance.range(2, 5)).map(|_| chance.fill("{person}, {town}, {#18-79}", RULES)).collect();
            (rows.join("\n"), "{rows}")
        }
        _ => {
            let sentences: Vec<_> = (0..chance.range(2, 4)).map(|_| chance.fill("{sentence}", RULES)).collect();
            (sentences.join(" "), "{edit}")
        }
    }
}

const LISTS: &str = "pear, apple, fig, mango, plum, cherry, lemon, kiwi, grape, melon|red, blue, green, white, orange, violet, black, pink, grey|\
    Oslo, Lima, Cairo, Rome, Quito, Delhi, Accra, Minsk, Seoul, Tunis|oak, birch, pine, elm, maple, willow, cedar, ash|\
    invoice, receipt, order, quote, refund, contract, reminder|hammer, saw, drill, pliers, chisel, wrench, file, level|\
    tiger, otter, zebra, lynx, badger, heron, moose, gecko|milk, bread, eggs, butter, rice, salt, cheese, honey, flour|\
    Tuesday, Sunday, Friday, Monday, Thursday, Saturday, Wednesday|violin, oboe, harp, drum, flute, cello, tuba|\
    login, logout, search, upload, export, settings, billing, help|copper, iron, tin, zinc, nickel, silver, gold, lead";

const RULES: &Rules = &[
    (
        "list",
        "sort this list alphabetically|Sort these in reverse order|make a numbered list|Turn this into bullet points|write them in capitals|join with commas|\
         one per line please|put each word in quotes|as a JSON array|Return these as a JSON list, nothing else|remove the last item|capitalize the first letters|\
         Write as a markdown checklist|put semicolons between them|repeat this list twice|add the word 'new' before each item|how would this look as a CSV line|\
         number these from 1",
    ),
    (
        "edit",
        "make this upper case|write it in lower case|Fix the punctuation|correct the spelling|put this in quotation marks|remove all commas|\
         Make it title case|replace every 'e' by '3'|wrap it in <p> tags|make the first word bold in markdown|put a full stop at the end|\
         add an exclamation mark|remove the first word|Change it to the past tense|replace 'and' with '&'|underscore instead of spaces|\
         write this on one line|delete the last sentence's final word|make it a markdown heading|shorten it to three words|as a JSON string, please",
    ),
    (
        "rows",
        "make a markdown table from this|as CSV with a header name,town,age|Turn into JSON objects with name, town, age|sort by name|sort by age|swap the first two columns|\
         tab separated please|drop the last column|give me only the names|put the ages first|HTML table, no styling|number the rows|align the columns with spaces",
    ),
    (
        "sentence",
        "{subject} {verb} {object} {when}.|{when} {subject} {verb} {object}|{subject} {verb} {object}, and {subject2} {verb2}.|please note that {subject} {verb} {object} {when}",
    ),
    (
        "subject",
        "the new printer|our neighbour|the committee|my aunt Rosa|the delivery van|the first chapter|a small dog|the night shift|the mayor|the recipe|the old clock|the intern|\
         the supplier|the choir|the gardener|the museum|the ferry|a tall stranger",
    ),
    ("subject2", "nobody|everyone|the manager|her cousin|the whole class|the driver|the editor|a colleague"),
    ("verb", "arrived with|asked about|lost|returned|forgot|paid for|found|replaced|described|carried|wants|needs"),
    ("verb2", "laughed|went home|was late|agreed|said nothing|took notes|left early|waited outside"),
    (
        "object",
        "the blue folder|three tickets|the spare key|a long letter|two boxes of tea|the wrong address|a broken lamp|the second draft|an umbrella|the guest list|the final invoice|a jar of honey",
    ),
    (
        "when",
        "on Monday|last night|in March|before lunch|after the meeting|at noon|in the afternoon|during the break|at the weekend|two days ago",
    ),
    (
        "person",
        "Mira Holt|Jon Adeyemi|Petra Lang|Luis Ortega|Ana Silva|Tom Becker|Yuki Mori|Omar Haddad|Nina Petrova|Ravi Nair|Elsa Lund|Carl Weiss",
    ),
    ("town", "Leeds|Graz|Porto|Lyon|Bergen|Utrecht|Bilbao|Turku|Ghent|Brno|Cork|Verona"),
    (
        "hard",
        "Rewrite this so that {constraint} and {constraint}, keep every fact, and then prove line by line that nothing was lost|\
         Make {form} out of this in which {constraint}, and explain where the constraints pull against each other|\
         Write {form} that uses all of this material, where {constraint} and {constraint}; afterwards defend each choice of order",
    ),
    (
        "constraint",
        "no word contains the letter 'e'|each line has exactly eleven syllables|every sentence is one word longer than the one before|the initials spell a word you choose|\
         it reads as sensibly backwards by line as forwards|no word is used twice|the lines scan as iambic pentameter|each sentence is a valid haiku|\
         every third word starts with the same letter|it works both as a legal clause and as a joke",
    ),
    (
        "form",
        "a sestina|a sonnet with a volta|a crown of three haiku|a villanelle|a lipogram|a dialogue in rhymed couplets|a ghazal with a proper radif",
    ),
];
