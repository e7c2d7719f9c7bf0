//! Greetings, thanks, farewells, small questions: what any model answers.

use domain::CapabilityTag::Chat;

use super::chance::{Chance, Rules};
use super::{Draft, tongue};

/// One short message.
pub(crate) fn unit(chance: &mut Chance) -> Vec<Draft> {
    let language = tongue(chance);
    let mut prompt = chance.fill("{s}", rules(language));
    // A part may end in a mark of its own where the form sets one too.
    for (doubled, single) in [("?.", "?"), ("? .", " ?"), ("!!", "!"), ("؟.", "؟"), ("。。", "。"), ("..", ".")] {
        prompt = prompt.replace(doubled, single);
    }
    let grade = if prompt.chars().count() < 60 { 0.0 } else { 1.0 };
    vec![Draft::new(prompt, grade, &[Chat], "smalltalk", language, 18.0)]
}

fn rules(language: &str) -> &'static Rules {
    match language {
        "es" => SPANISH,
        "fr" => FRENCH,
        "de" => GERMAN,
        "pt" => PORTUGUESE,
        "zh" => CHINESE,
        "ja" => JAPANESE,
        "ru" => RUSSIAN,
        "ar" => ARABIC,
        _ => ENGLISH,
    }
}

const ENGLISH: &Rules = &[
    (
        "s",
        "{hi}{end}|{hi}, {how}|{hi}! {how}|{hi}{end} {news} {how}|{thanks}|{thanks} {bye}|{bye}|{news} {ask}|{hi}, {ask}|{ask}|{ok}|\
         {ok} {thanks}|{hi}! {news}|{news}|{ok} {bye}|{hi}. {thanks}",
    ),
    (
        "hi",
        "hi|hello|hey|hey there|Hi there|Hello {name}|Good morning|good evening|Good afternoon|yo|hiya|Howdy|Hi again|morning|Greetings",
    ),
    ("name", "friend|assistant|bot|you|everyone|my dear|computer|mate"),
    ("end", "|!|.|...|!!| :)|, it's me again|, me again"),
    (
        "how",
        "how are you?|how are you doing today?|how's it going?|what's up?|are you there?|all good with you?|how was your day?|\
         did you sleep well?|how is life?|are you busy?|can you hear me?|ready to chat?|you ok?",
    ),
    (
        "thanks",
        "thanks|thank you!|thanks a lot|thank you so much, that helped|cheers|Thanks, that's all I needed.|many thanks|\
         thanks for your help {time}|Thank you, perfect.|ty|thx {name}|great, thanks|I appreciate it.|thanks, you saved my {part}",
    ),
    (
        "bye",
        "bye|see you|goodbye!|good night|Talk to you {time}.|see you {time}|I'm off now, bye|take care|ciao|have a nice {part}!|\
         catch you later",
    ),
    (
        "news",
        "It's {weather} here {time}.|I just had {food}.|I'm {mood} {time}.|Finally a free {part}!|My cat is {mood}.|My {kin} says hi.|\
         We won our match {time}!|Just got home.|I'm having {food} right now.|The bus was late {time}.|I finished my {chore}!|\
         My {kin} made {food}.|It smells like {food} here.|My {chore} took all {part}.",
    ),
    (
        "ask",
        "do you like {food}?|what's your name?|who are you?|do you ever sleep?|are you a robot?|what's your favourite colour?|\
         tell me something nice|say hello to my {kin}|wish me luck for {time}|do you like it when it's {weather}?|can I ask you something?|\
         say something funny about {food}|guess what I had: {food}|cats or dogs?|wish my {kin} a happy birthday|cheer me up, I'm {mood}",
    ),
    ("ok", "ok|okay|alright|sure|yes|no|nice|cool|great|got it|hm|lol|haha|perfect|I see|fine by me|sounds good"),
    ("time", "today|tomorrow|this morning|later|tonight|this weekend|next week|on Monday"),
    ("part", "day|morning|evening|weekend|week|afternoon"),
    ("weather", "raining|sunny|cold|so hot|snowing|foggy|windy"),
    ("food", "pizza|coffee|tea|soup|pancakes|ice cream|an apple|cake|noodles|toast|curry|a sandwich"),
    ("mood", "tired|happy|bored|hungry|a bit sad|excited|sleepy|in a good mood"),
    ("chore", "homework|laundry|shift|shopping|run|dishes|ironing"),
    ("kin", "mum|dad|sister|brother|grandma|dog|neighbour|boss|teacher|daughter|son|uncle"),
];

const SPANISH: &Rules = &[
    ("s", "{hi}|{hi}, {how}|{thanks}|{hi}. {thanks}|{bye}|{thanks} {bye}|{hi}, {news}|{news}|{news}. {how}"),
    ("hi", "hola|¡Hola!|buenos días|buenas tardes|Hola otra vez|buenas|Hola amigo"),
    ("how", "¿cómo estás?|¿qué tal?|¿cómo te va hoy?|¿todo bien?|¿qué tal el día?|¿estás ahí?|¿quién eres?"),
    (
        "thanks",
        "gracias|¡muchas gracias!|Gracias, era justo lo que necesitaba.|mil gracias por todo|vale, gracias|perfecto, gracias",
    ),
    ("bye", "adiós|hasta luego|¡hasta mañana!|que tengas un buen día|nos vemos|buenas noches"),
    (
        "news",
        "hoy hace mucho frío|acabo de comer paella|tengo sueño|por fin es viernes|mi perro te saluda|estoy contento hoy|¿te gusta el café?",
    ),
];

const FRENCH: &Rules = &[
    ("s", "{hi}|{hi}, {how}|{thanks}|{hi} ! {thanks}|{bye}|{thanks} {bye}|{hi}, {news}|{news}|{news}. {how}"),
    ("hi", "bonjour|Salut|coucou|bonsoir|Bonjour à toi|re-bonjour|hello"),
    ("how", "ça va ?|comment vas-tu ?|comment allez-vous ?|tu es là ?|quoi de neuf ?|bien dormi ?|qui es-tu ?"),
    (
        "thanks",
        "merci|Merci beaucoup !|merci, c'est parfait|un grand merci|super, merci|d'accord, merci|Merci pour ton aide.",
    ),
    ("bye", "au revoir|à bientôt|bonne nuit|à demain !|bonne journée|bon week-end|à plus"),
    (
        "news",
        "il pleut encore ici|je viens de manger une crêpe|j'ai sommeil|enfin vendredi|mon chat te dit bonjour|je suis de bonne humeur|tu aimes le thé ?",
    ),
];

const GERMAN: &Rules = &[
    ("s", "{hi}|{hi}, {how}|{thanks}|{hi}! {thanks}|{bye}|{thanks} {bye}|{hi}, {news}|{news}|{news}. {how}"),
    ("hi", "hallo|Guten Morgen|guten Abend|Moin|hi|Servus|Hallo nochmal|Grüß dich"),
    (
        "how",
        "wie geht's?|wie geht es dir heute?|alles gut bei dir?|bist du da?|was machst du so?|gut geschlafen?|wer bist du?",
    ),
    (
        "thanks",
        "danke|Vielen Dank!|danke, das war's schon|super, danke dir|okay, danke|Danke für die Hilfe.|tausend Dank",
    ),
    ("bye", "tschüss|bis morgen|gute Nacht|bis später!|schönen Feierabend|mach's gut|schönes Wochenende"),
    (
        "news",
        "hier regnet es schon wieder|ich habe gerade Kuchen gegessen|ich bin müde|endlich Freitag|mein Hund lässt grüßen|heute ist ein schöner Tag|magst du Tee?",
    ),
];

const PORTUGUESE: &Rules = &[
    ("s", "{hi}|{hi}, {how}|{thanks}|{hi}! {thanks}|{bye}|{thanks} {bye}|{hi}, {news}|{news}|{news}. {how}"),
    ("hi", "oi|olá|Bom dia|boa tarde|boa noite|e aí|Oi de novo"),
    ("how", "tudo bem?|como vai você?|como está hoje?|você está aí?|o que há de novo?|dormiu bem?|quem é você?"),
    (
        "thanks",
        "obrigado|obrigada!|muito obrigado pela ajuda|valeu|ok, obrigado|perfeito, obrigada|Obrigado, era só isso.",
    ),
    ("bye", "tchau|até amanhã|até logo!|bom fim de semana|boa noite|tenha um bom dia|a gente se fala"),
    (
        "news",
        "está chovendo aqui|acabei de tomar café|estou com sono|finalmente sexta-feira|meu gato mandou um oi|hoje estou feliz|você gosta de pão de queijo?",
    ),
];

const CHINESE: &Rules = &[
    ("s", "{hi}|{hi}，{how}|{thanks}|{hi}，{thanks}|{bye}|{thanks}，{bye}|{hi}，{news}|{news}|{news}，{how}"),
    ("hi", "你好|您好|早上好|晚上好|嗨|哈喽|下午好|又是我"),
    ("how", "你好吗？|最近怎么样？|在吗？|今天过得如何？|吃了吗？|你是谁？|睡得好吗？"),
    ("thanks", "谢谢|谢谢你！|非常感谢|好的，谢谢|太好了，多谢|麻烦你了|谢谢你的帮助"),
    ("bye", "再见|拜拜|晚安|明天见|回头聊|祝你愉快|周末愉快"),
    ("news", "今天下雨了|我刚吃完饺子|我有点困|终于到周五了|我家猫向你问好|今天心情不错|你喜欢喝茶吗"),
];

const JAPANESE: &Rules = &[
    ("s", "{hi}|{hi}、{how}|{thanks}|{hi}。{thanks}|{bye}|{thanks}。{bye}|{hi}、{news}|{news}|{news}。{how}"),
    ("hi", "こんにちは|おはよう|おはようございます|こんばんは|やあ|どうも|また来ました"),
    (
        "how",
        "元気ですか？|調子はどう？|今日はどうでしたか？|いますか？|よく眠れましたか？|あなたは誰ですか？|何してるの？",
    ),
    (
        "thanks",
        "ありがとう|ありがとうございます！|助かりました|はい、どうも|感謝します|完璧です、ありがとう|本当にありがとう",
    ),
    ("bye", "さようなら|またね|おやすみなさい|また明日|良い一日を|良い週末を|ではまた"),
    (
        "news",
        "今日は雨です|さっきラーメンを食べました|少し眠いです|やっと金曜日です|うちの猫がよろしくと言っています|今日は気分がいい|お茶は好きですか",
    ),
];

const RUSSIAN: &Rules = &[
    ("s", "{hi}|{hi}, {how}|{thanks}|{hi}! {thanks}|{bye}|{thanks} {bye}|{hi}, {news}|{news}|{news}. {how}"),
    ("hi", "привет|Здравствуйте|доброе утро|добрый вечер|Добрый день|хай|снова привет"),
    ("how", "как дела?|как ты?|как настроение?|ты тут?|что нового?|как прошёл день?|кто ты?"),
    (
        "thanks",
        "спасибо|Большое спасибо!|спасибо, очень помогло|отлично, спасибо|ладно, спасибо|благодарю|Спасибо, это всё.",
    ),
    ("bye", "пока|до свидания|спокойной ночи|до завтра!|хороших выходных|увидимся|всего доброго"),
    (
        "news",
        "у нас опять дождь|я только что поел борща|хочу спать|наконец-то пятница|мой кот передаёт привет|сегодня хороший день|ты любишь чай?",
    ),
];

const ARABIC: &Rules = &[
    ("s", "{hi}|{hi}، {how}|{thanks}|{hi}! {thanks}|{bye}|{thanks}، {bye}|{hi}، {news}|{news}|{news}. {how}"),
    ("hi", "مرحبا|السلام عليكم|صباح الخير|مساء الخير|أهلا|أهلا بك|مرحبا مرة أخرى"),
    ("how", "كيف حالك؟|كيف الأحوال؟|هل أنت هنا؟|كيف كان يومك؟|ما الجديد؟|هل نمت جيدا؟|من أنت؟"),
    ("thanks", "شكرا|شكرا جزيلا|شكرا على المساعدة|ممتاز، شكرا|حسنا، شكرا لك|ألف شكر|أشكرك كثيرا"),
    ("bye", "مع السلامة|إلى اللقاء|تصبح على خير|أراك غدا|يوما سعيدا|في أمان الله|نهاية أسبوع سعيدة"),
    (
        "news",
        "الجو ممطر اليوم|أكلت الكسكس قبل قليل|أنا متعب قليلا|أخيرا يوم الجمعة|قطتي تسلم عليك|أنا سعيد اليوم|هل تحب القهوة؟",
    ),
];
