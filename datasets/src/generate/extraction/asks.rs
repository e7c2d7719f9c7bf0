//! Questions about documents: trivial ones, and ones that need inference over the whole.

use super::documents::Kind;
use crate::generate::chance::Rules;

/// The questions that fit a kind of document: rules `easy` and `hard`.
pub(crate) struct Asks {
    pub(crate) rules: &'static Rules,
}

/// The questions for a kind.
pub(crate) fn of(kind: Kind) -> &'static Asks {
    match kind {
        Kind::Mail => &Asks { rules: MAIL },
        Kind::Table => &Asks { rules: TABLE },
        Kind::Log => &Asks { rules: LOG },
        Kind::List => &Asks { rules: LIST },
        Kind::Notes => &Asks { rules: NOTES },
    }
}

/// Words before a trivial question.
pub(crate) const BEFORE: &str = "Quick one: |Just tell me: |In one word: |short answer please, |I only need to know: |Without any analysis: |From the text: ";

/// Trivial questions that any text answers.
pub(crate) const ABOUT_ANY_TEXT: &[(&str, &str)] = &[
    (
        "en",
        "What language is this written in?|Copy the first line.|first word?|what's the last word|How many lines does this have, roughly?|Is there a number in it? yes or no|What weekday is named first?",
    ),
    (
        "es",
        "¿En qué idioma está escrito esto?|Copia la primera línea.|¿Cuál es la última palabra?|¿Hay algún número? Sí o no.|¿Qué nombre aparece primero?",
    ),
    (
        "fr",
        "En quelle langue est ce texte ?|Recopie la première ligne.|Quel est le dernier mot ?|Y a-t-il un nombre ? Oui ou non.|Quel nom apparaît en premier ?",
    ),
    (
        "de",
        "In welcher Sprache ist das?|Schreib die erste Zeile ab.|Wie lautet das letzte Wort?|Kommt eine Zahl vor? Ja oder nein.|Welcher Name steht zuerst?",
    ),
    (
        "pt",
        "Em que idioma está isto?|Copie a primeira linha.|Qual é a última palavra?|Há algum número? Sim ou não.|Que nome aparece primeiro?",
    ),
    ("zh", "这是什么语言？|抄写第一行。|最后一个词是什么？|里面有数字吗？|第一个出现的名字是谁？"),
    (
        "ja",
        "これは何語ですか？|最初の行を写してください。|最後の単語は何ですか？|数字はありますか？|最初に出てくる名前は？",
    ),
    (
        "ru",
        "На каком это языке?|Перепиши первую строку.|Какое последнее слово?|Есть ли тут число? Да или нет.|Чьё имя стоит первым?",
    ),
    ("ar", "ما لغة هذا النص؟|انسخ السطر الأول.|ما آخر كلمة؟|هل يوجد رقم؟ نعم أم لا.|ما أول اسم مذكور؟"),
];

const MAIL: &Rules = &[
    (
        "easy",
        "Which day is mentioned first?|name one person in the mail|Is a price mentioned, yes or no?|Which month appears first?|How does the mail end?|What is the greeting?|is this a mail or a poem?|list the names in it",
    ),
    (
        "hard",
        "{draft} that {aim}, and state which facts in the mail support each sentence.|What does the writer know but not say? {argue}|Who bears the risk here, on what legal basis, and which single sentence would change that? {argue}|\
         Reconstruct the order of events, name every contradiction, and {rank} which explanation is likeliest.|{draft} that {aim}; then attack it as opposing counsel would.",
    ),
    ("draft", "Draft a reply|Write the answer|Draft a letter for the other side|Write a two-paragraph response"),
    (
        "aim",
        "concedes nothing yet keeps the relation warm|shifts the burden of proof without accusing anyone|reserves all rights under the contract and still asks for a favour|says no so that it reads like yes|exposes the inconsistency without naming it",
    ),
    (
        "argue",
        "Argue from the wording alone.|Give the strongest counter-reading as well.|Weigh at least three readings.|Say what evidence would decide it.",
    ),
    ("rank", "argue|decide with probabilities|show by elimination"),
];

const TABLE: &Rules = &[
    (
        "easy",
        "How many columns are there?|What is the first item?|Which item is in the last row?|what is the header of the second column|Is there a column named price?|copy the header|how many rows, without the header?|is this comma separated?",
    ),
    (
        "hard",
        "Is any relation between the columns more than chance? {test}|{build} from these rows, {guard}, and say what the data cannot support.|Which three items would you drop under {goal}? {test}|\
         Two suppliers claim the data was tampered with. {test} Which rows would you suspect, and how sure are you?|{build}, {guard}; derive the estimator and its variance.",
    ),
    (
        "test",
        "State the test, its assumptions, and correct for multiple looks.|Bootstrap the answer by hand for the two closest candidates.|Show the calculation and the power it has at this size.|Give a Bayesian answer with an explicit prior and its sensitivity.",
    ),
    (
        "build",
        "Fit a hierarchical pricing model|Design a reorder policy with service level 98 %|Set up the integer programme for shelf space|Build a causal graph and an identification argument",
    ),
    (
        "guard",
        "allowing for the endogeneity of price|with censored demand|under the confounding by region|when the missing cells are not missing at random",
    ),
    (
        "goal",
        "a minimax-regret criterion with unknown demand|a margin constraint and substitution between items|a budget that is itself uncertain",
    ),
];

const LOG: &Rules = &[
    (
        "easy",
        "Is there an ERROR in this log? yes/no|How many lines are there?|Which level comes first?|What is the last line about, three words|Name one service in the log.|copy the last line|does the word timeout occur|what's the time on line two",
    ),
    (
        "hard",
        "{cause} {rigour}|Which of these lines are symptoms and which could be causes? {rigour}|{cause} Then design the smallest change that makes this failure impossible, and prove that it does not introduce a worse one.|\
         Two engineers disagree: one blames {a}, the other {b}. {rigour} Who is right?|Build the happens-before order as far as the log allows, mark what stays ambiguous under clock skew, and say which added field would settle it.",
    ),
    (
        "cause",
        "Find the root cause.|What really went wrong here?|Explain the cascade from first cause to last symptom.|Why did this not recover by itself?",
    ),
    (
        "rigour",
        "For each hypothesis, give the line that supports it and the line that rules it out.|Rank at least four hypotheses with probabilities and the next measurement.|Do not trust the timestamps: a clock moves.|Separate what is shown from what is only plausible.",
    ),
    ("a", "the pool|the clock|the rollout flag|the garbage collector|the retry policy"),
    ("b", "the leader election|a full disk|the rate limiter|expired tokens|the cache"),
];

const LIST: &Rules = &[
    (
        "easy",
        "How many entries are on the list?|Who is first?|What is item 2?|which name comes last|Is there anything due in March?|what is the first task|give me only the names|what number is the last item",
    ),
    (
        "hard",
        "{plan} with {limits}, prove that it cannot be done in fewer days, and say which task to drop if one person falls ill.|Which hidden dependencies does this list have? {plan} under {limits} and give the critical path for the three likeliest surprises.|\
         {plan} so that nobody envies anybody's share, with {limits}; if that is impossible, prove it and minimise the largest envy.|Formulate this as a constraint problem with {limits}, argue about its complexity, and solve it by hand with a certificate of optimality.",
    ),
    ("plan", "Schedule all of this|Reassign the tasks|Work out a plan|Make a rota"),
    (
        "limits",
        "two rooms, no one working two days running, and the dates as hard deadlines|three cars of four seats and everyone back by six|setup times that depend on the order|a budget that covers only half of the tasks|people who may swap but not skip",
    ),
];

const NOTES: &Rules = &[
    (
        "easy",
        "Which name comes first in the text?|What month is mentioned?|Is there a price in it?|name one place in the text|how many paragraphs are there|What weekday is mentioned last?|Is a firm mentioned? Which one?|what is the first number in it",
    ),
    (
        "hard",
        "{judge} {demand}|Which claims here cannot all be true together? {demand}|{judge} Then write the memo that the party who loses by it would write.|What would have to be true for every statement here to be honest and the conclusion still wrong? {demand}|\
         Reconstruct what was left out of these notes and on whose behalf. {demand}",
    ),
    (
        "judge",
        "Who is responsible, and for how much?|Assess the claim that the change helped.|Is there a breach, and whose?|Which decision should be taken back, and why?|Judge whether the delay was foreseeable.",
    ),
    (
        "demand",
        "Weigh the evidence sentence by sentence.|Consider regression to the mean, selection and hindsight.|Give the best case for each side and decide.|Make every inference explicit and grade its strength.|Apply both a negligence and a strict liability standard.",
    ),
];
