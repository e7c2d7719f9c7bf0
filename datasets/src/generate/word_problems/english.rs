//! Word problems in English.

use super::Words;

pub(super) const ENGLISH: Words = Words {
    people: "Mara|Jonas|Priya|Tomás|Aisha|Wen|Olga|Kwame|Lucía|Ben|Ingrid|Farid|Chloe|Mateo|Sana|Viktor|Noor|Elif|Hugo|Thandi|Rosa|Dmitri|Keiko|Sam|Amara|Pavel|Leila|Oscar",
    things: "apples|notebooks|tulips|bricks|candles|marbles|eggs|postcards|light bulbs|T-shirts|bottles of juice|jars of honey|seedlings|batteries|tiles|pencils|\
             muffins|ceramic mugs|sacks of rice|bars of soap|stickers|loaves|picture frames|tennis balls|coffee capsules|wooden toys|lemons|oysters",
    start: "{w} has {k} {t}.|{w} starts the week with {k} {t}.|There are {k} {t} in {w}'s store room.|A shop run by {w} takes in {k} {t} on Monday.|\
            {w} orders {k} {t} for a market stall.|In the morning {k} {t} lie on {w}'s shelves.|{w} inherits {k} {t} from an aunt.|A delivery of {k} {t} reaches {w}.|\
            {w} has collected {k} {t} over the years.|At the beginning {w} counts {k} {t}.",
    start_groups: "{w} unloads {j} crates with {k} {t} in each.|{w} buys {j} boxes of {t}, and every box holds {k}.|On {j} shelves {w} keeps {t}, {k} to a shelf.|\
                   For {j} days in a row {w} makes {k} {t} a day.|{w} receives {k} {t} from each of {j} suppliers.|{j} workers hand {w} {k} {t} each.",
    add: "Then {w} buys {k} more.|The next day another {k} arrive.|A neighbour drops off {k} more.|{k} more turn up behind a cupboard.|Later {k} are added.|{w} gets {k} more as a gift.|\
          A second delivery brings {k}.|Returned goods make it {k} more.",
    subtract: "{k} of them turn out to be damaged and are thrown away.|{w} gives {k} of them to a friend.|{k} get lost on the way.|Then {k} are taken out.|{v} borrows {k} and never brings them back.|\
               {k} are used up before noon.|{w} puts {k} aside for the school and does not count them any more.|Overnight {k} are stolen.",
    add_repeated: "On each of the next {j} days {k} more are added.|{j} friends bring {k} more each.|Every hour {k} more arrive, for {j} hours.|{j} trips to the cellar yield {k} more per trip.|\
                   For {j} weeks {w} adds {k} a week.",
    multiply: "By the end of the season the number has grown to {k} times as many.|After a good month {w} has {k} times what was there before.|A wholesaler's offer lets {w} increase the stock to {k} times its size.|\
               A new partner joins, and together they now have {k} times that many.",
    keep_part: "Only one in {k} is good enough to keep; the rest go.|After sorting, just 1/{k} of them remain.|{w} keeps one part in {k} and donates everything else.|A storm leaves only 1/{k} of the stock usable.",
    keep_percent: "Only {k}% pass the inspection and the others are discarded.|Just {k} percent of them can be used; the rest is scrapped.|{w} keeps {k}% and gives all others away.|After the recall {k} per cent are left.",
    lose_percent: "{k}% of them spoil.|Then {k} percent are handed out for free.|{k}% of the stock is returned to the maker.|A leak ruins {k} per cent of them.|{v} takes {k}% as agreed.",
    pack: "All of them are packed into boxes of {k}.|{w} ties them into bundles of {k}, none left over.|They go into bags, {k} to a bag.|Now they are put on trays that hold {k} each.",
    sell: "Each one is sold for {k} dollars.|{w} sells all of them at ${k} apiece.|A buyer pays {k} euros for each and takes the lot.|They bring in {k} dollars each at the fair.",
    sell_packs: "Every pack is sold for ${k}.|{w} asks {k} dollars a pack and sells all of them.|A café buys all the packs at {k} dollars each.|The packs fetch {k} euros each.",
    earn: "A deposit of {k} comes back on top.|{w} also gets {k} as a tip.|{k} more come in from a late customer.|To that {w} adds {k} from savings.",
    pay: "{k} of the money goes on transport.|Renting the stall costs {k}.|{w} pays {k} for petrol out of it.|A fine of {k} has to be paid.|Wrapping paper cost {k} in all.",
    fee: "The organiser keeps {k}% as a fee.|{k} percent of it is tax.|{w} puts {k}% of the money into savings.|A bank charge takes {k} per cent.|{v} is owed {k}% of the sum.",
    share: "What remains is split equally between {k} people.|{w} divides the money evenly among {k} helpers.|{k} cousins share it in equal parts.",
    ask_stock: "How many {t} are there in the end?|How many {t} does {w} have now?|What number of {t} is left?|how many {t} now",
    ask_packs: "How many packs are there?|How many full packs does {w} get?|What is the number of packs?",
    ask_money: "How much money is left?|How much money does {w} have at the end?|What sum does {w} end up with?|how much is that in total",
    ask_share: "How much does each one get?|What is each share?|How much money is that per person?",
    first: "{w} has {k} {t}.|{w} owns {k} {t}.|In her first month, {w} sells {k} {t}.|{w} counted {k} {t}.",
    more: "{w} has {k} more than {v}.|{w} beats {v} by {k}.|{v} is {k} short of what {w} has.|Compared with {v}, {w} has an extra {k}.",
    fewer: "{w} has {k} fewer than {v}.|{w} is {k} behind {v}.|{v} has {k} more than {w}.",
    times: "{w} has {k} times as many as {v}.|{w}'s count is {k} times {v}'s.|For each one of {v}'s, {w} has {k}.",
    part: "{w} has 1/{k} of what {v} has.|{v} has {k} times as many as {w}.|{w}'s number is {v}'s divided by {k}.",
    ask_last: "How many {t} does {w} have?|What is {w}'s number of {t}?|So how many has {w}?",
    ask_total: "How many {t} do they have altogether?|What is the total number of {t}?|How many is that for all of them together?",
    distractors: "The shop is {k} years old.|{w}, who is {k}, watches all this.|Outside it is {k} degrees.|The road there is {k} km long.|Last year's catalogue had {k} pages.|Bus number {k} stops outside.|\
                  The radio plays hit number {k}.|A cat has been asleep for {k} minutes.|The door code ends in {k}.|The room has {k} chairs.",
    before: "Question: |Solve this: |Please solve, showing your work. |Maths homework, grade six. |Hi, can you check this one for me? |Work it out step by step.\n\n|Problem:\n",
    after: "Give only the number.|Show each step.|Explain how you got there.|Answer with a single number.|I keep getting it wrong.|Thanks!|No explanation needed.",
    space: " ",
};
