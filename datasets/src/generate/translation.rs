//! Requests to translate: words, sentences, and at the far end verse and law where form has to survive.

use domain::CapabilityTag::{Reasoning, Translation, Writing};

use super::chance::{Chance, Rules};
use super::{Draft, tongue};

/// One request.
pub(crate) fn unit(chance: &mut Chance) -> Vec<Draft> {
    let language = tongue(chance);
    let rules = rules(language);
    if chance.one_in(8) {
        let prompt = chance.fill("{hard}", rules);
        return vec![Draft::new(prompt, 7.5, &[Translation, Writing, Reasoning], "translation", language, 500.0)];
    }
    let (slot, grade, tokens) = match chance.below(5) {
        0..=1 => ("{word_ask}", 1.0, 8.0),
        2..=3 => ("{sentence_ask}", 2.0, 25.0),
        _ => ("{note_ask}", 3.0, 70.0),
    };
    let prompt = chance.fill(slot, rules);
    vec![Draft::new(prompt, grade, &[Translation], "translation", language, tokens)]
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
        "word_ask",
        "How do you say '{word}' in {to}?|{word} in {to}|translate '{word}' into {to}|what's the {to} word for {word}|{to} for '{word}'?|What does '{foreign}' mean?|translate: {foreign}",
    ),
    (
        "sentence_ask",
        "Translate into {to}: {sentence}|{sentence} -> {to}|Please translate '{sentence}' to {to}.|how would I say \"{sentence}\" in {to}?|In {to}, please: {sentence}|{to}: {sentence}",
    ),
    (
        "note_ask",
        "Translate this note into {to}:\n\n{note}|{note}\n\nto {to} please|Can you put this into {to}? {note}|I need this in {to} for my landlord: {note}",
    ),
    ("note", "{open} {sentence} {sentence} {close}|{open} {sentence} {sentence} {sentence} {close}"),
    ("open", "Dear Mrs Lang,|Hello everyone,|Hi Marco,|Dear neighbours,|Good morning,|To whom it may concern,"),
    ("close", "Best wishes, {name}|Thank you, {name}|See you soon, {name}|Kind regards, {name}"),
    ("name", "Anna|Tom|Yusuf|Clara|Wei|Igor|Lucia|Ben"),
    (
        "to",
        "French|Spanish|German|Italian|Portuguese|Japanese|Chinese|Russian|Arabic|Dutch|Polish|Turkish|Korean|Hindi|Swedish|Greek",
    ),
    (
        "word",
        "cat|bread|good night|thank you|window|train station|cheese|sister|water|spoon|yesterday|blue|apple|library|cheers|snow|key|shoe|garden|umbrella|happy birthday",
    ),
    (
        "foreign",
        "guten Appetit|buenas noches|merci beaucoup|arigatou|obrigado|ciao|dziękuję|prost|hasta la vista|spasibo|tusen takk|merhaba|la vida|je ne sais pas",
    ),
    (
        "sentence",
        "{who} {does} {what} {when}.|Where is {place}?|Is {place} open {when}?|I would like {thing}, please.|{thing} is too expensive.|Can you show me {place}?|We need {thing} {when}.|My {kin} lost {thing} {when}.",
    ),
    ("who", "The doctor|My sister|Our teacher|The children|The plumber|Our guests|The mechanic|A friend of mine"),
    ("does", "will bring|bought|forgot|wants to see|is looking for|has repaired|is waiting for"),
    ("what", "the keys|a new bicycle|the old map|some soup|the green coat|the broken door|two tickets|the papers"),
    ("when", "tomorrow|on Sunday|this evening|at eight o'clock|next week|before noon|today|in the summer"),
    (
        "place",
        "the station|the nearest pharmacy|the museum|the post office|platform four|the market|the swimming pool|the town hall",
    ),
    (
        "thing",
        "a glass of water|a room for two nights|the bill|this jacket|a ticket to the coast|a map|the set menu|a second pillow",
    ),
    ("kin", "brother|daughter|grandfather|colleague|neighbour|uncle"),
    ("hard", "{task} from {to} into English and then into {to}: {work}. {demand}|{task} into {to}: {work}. {demand}"),
    (
        "task",
        "Translate, keeping metre and rhyme|Translate so that every pun survives|Translate without losing the ambiguity|Translate as a sworn legal translator would",
    ),
    (
        "work",
        "'{who} {does} {what}, and time does the rest'|a limerick of your own about {place}|the clause 'the parties shall not unreasonably withhold or delay consent'|\
         'Buffalo buffalo Buffalo buffalo buffalo'|the first stanza of a sonnet that you write about {what}|'time flies like an arrow; fruit flies like {thing}'|\
         a patent claim on {what} 'comprising' a part 'substantially' flat|the line 'we must love one another or die' and its later 'and'",
    ),
    (
        "demand",
        "Give three versions and argue which loses least.|Explain every choice against two alternatives.|Say what cannot be carried over, and why, with examples from both grammars.|\
         Add a back translation and a register analysis.|Discuss how courts or readers would take each version.",
    ),
];

const SPANISH: &Rules = &[
    (
        "word_ask",
        "¿Cómo se dice '{word}' en {to}?|traduce '{word}' al {to}|'{word}' en {to}|¿Qué significa '{foreign}' en español?",
    ),
    ("sentence_ask", "Traduce al {to}: {sentence}|¿Cómo digo '{sentence}' en {to}?|{sentence} -> {to}"),
    (
        "note_ask",
        "Traduce esta nota al {to}: Hola, {sentence} {sentence} Un saludo, {name}|Pásame esto al {to}, por favor: {sentence} {sentence} Gracias, {name}",
    ),
    ("to", "inglés|francés|alemán|italiano|portugués|japonés|chino"),
    ("word", "perro|pan|ventana|buenas noches|cuchara|hermana|ayer|llave|nieve|zapato"),
    ("foreign", "house|thank you|to borrow|spoon|train|cheers|window"),
    (
        "sentence",
        "¿Dónde está la estación?|Mi hermano llega mañana.|Quisiera una mesa para dos.|El médico no está hoy.|Necesito una copia de la llave.|La tienda abre a las nueve.|Hemos perdido el tren.",
    ),
    ("name", "Ana|Luis|Carmen|Pablo"),
    (
        "hard",
        "Traduce al {to} conservando métrica y rima un soneto tuyo sobre {word}, y justifica cada pérdida.|Traduce al {to} con todos sus dobles sentidos: '{sentence}' dicho con ironía en una obra barroca; compara tres versiones.",
    ),
];

const FRENCH: &Rules = &[
    (
        "word_ask",
        "Comment dit-on « {word} » en {to} ?|traduis « {word} » en {to}|« {word} » en {to}|Que veut dire « {foreign} » ?",
    ),
    ("sentence_ask", "Traduis en {to} : {sentence}|Comment dire « {sentence} » en {to} ?|{sentence} -> {to}"),
    (
        "note_ask",
        "Traduis ce mot en {to} : Bonjour, {sentence} {sentence} Merci, {name}|Mets ceci en {to} s'il te plaît : {sentence} {sentence} À bientôt, {name}",
    ),
    ("to", "anglais|espagnol|allemand|italien|portugais|japonais|chinois"),
    ("word", "chien|pain|fenêtre|bonne nuit|cuillère|sœur|hier|clé|neige|chaussure"),
    ("foreign", "house|thank you|to borrow|spoon|Bahnhof|cheers|ventana"),
    (
        "sentence",
        "Où est la gare ?|Mon frère arrive demain.|Je voudrais une table pour deux.|Le médecin n'est pas là.|Il me faut un double de la clé.|Le magasin ouvre à neuf heures.|Nous avons raté le train.",
    ),
    ("name", "Anne|Louis|Claire|Hugo"),
    (
        "hard",
        "Traduis en {to}, en alexandrins rimés, un quatrain que tu composes sur « {word} », puis justifie chaque perte.|Traduis en {to} « {sentence} » comme réplique à double sens d'une comédie classique ; compare trois versions.",
    ),
];

const GERMAN: &Rules = &[
    (
        "word_ask",
        "Was heißt '{word}' auf {to}?|übersetze '{word}' ins {to2}|'{word}' auf {to}|Was bedeutet '{foreign}'?",
    ),
    ("sentence_ask", "Übersetze ins {to2}: {sentence}|Wie sage ich '{sentence}' auf {to}?|{sentence} -> {to}"),
    (
        "note_ask",
        "Übersetze diese Notiz ins {to2}: Hallo, {sentence} {sentence} Danke, {name}|Bitte auf {to}: {sentence} {sentence} Viele Grüße, {name}",
    ),
    ("to", "Englisch|Spanisch|Französisch|Italienisch|Japanisch|Polnisch"),
    ("to2", "Englische|Spanische|Französische|Italienische|Japanische|Polnische"),
    ("word", "Hund|Brot|Fenster|gute Nacht|Löffel|Schwester|gestern|Schlüssel|Schnee|Schuh"),
    ("foreign", "house|thank you|to borrow|spoon|gare|cheers|ventana"),
    (
        "sentence",
        "Wo ist der Bahnhof?|Mein Bruder kommt morgen an.|Ich hätte gern einen Tisch für zwei.|Der Arzt ist heute nicht da.|Ich brauche einen Ersatzschlüssel.|Der Laden öffnet um neun.|Wir haben den Zug verpasst.",
    ),
    ("name", "Anna|Lukas|Petra|Jonas"),
    (
        "hard",
        "Übertrage ein eigenes Distichon über '{word}' metrisch treu ins {to2} und begründe jeden Verlust.|Übersetze '{sentence}' als doppeldeutige Pointe einer Kleist-Szene ins {to2}, drei Fassungen im Vergleich.",
    ),
];

const PORTUGUESE: &Rules = &[
    (
        "word_ask",
        "Como se diz '{word}' em {to}?|traduza '{word}' para o {to}|'{word}' em {to}|O que significa '{foreign}'?",
    ),
    ("sentence_ask", "Traduza para o {to}: {sentence}|Como digo '{sentence}' em {to}?|{sentence} -> {to}"),
    (
        "note_ask",
        "Traduza este recado para o {to}: Olá, {sentence} {sentence} Obrigada, {name}|Passe isto para o {to}, por favor: {sentence} {sentence} Abraço, {name}",
    ),
    ("to", "inglês|espanhol|alemão|italiano|francês|japonês|chinês"),
    ("word", "cachorro|pão|janela|boa noite|colher|irmã|ontem|chave|neve|sapato"),
    ("foreign", "house|thank you|to borrow|spoon|Bahnhof|cheers|ventana"),
    (
        "sentence",
        "Onde fica a estação?|Meu irmão chega amanhã.|Queria uma mesa para dois.|O médico não está hoje.|Preciso de uma cópia da chave.|A loja abre às nove.|Perdemos o trem.",
    ),
    ("name", "Ana|Luís|Clara|Rui"),
    (
        "hard",
        "Traduza para o {to}, mantendo métrica e rima, um soneto seu sobre '{word}' e justifique cada perda.|Traduza '{sentence}' para o {to} como fala irônica de um conto machadiano; compare três versões.",
    ),
];

const CHINESE: &Rules = &[
    ("word_ask", "“{word}”用{to}怎么说？|把“{word}”翻译成{to}|“{word}”的{to}|“{foreign}”是什么意思？"),
    ("sentence_ask", "翻译成{to}：{sentence}|“{sentence}”用{to}怎么说？|{sentence}（译成{to}）"),
    (
        "note_ask",
        "请把这张便条翻译成{to}：您好，{sentence}{sentence}谢谢，{name}|麻烦译成{to}：{sentence}{sentence}祝好，{name}",
    ),
    ("to", "英语|法语|德语|日语|西班牙语|俄语|韩语"),
    ("word", "苹果|面包|窗户|晚安|勺子|姐姐|昨天|钥匙|雪|鞋子"),
    ("foreign", "house|thank you|to borrow|spoon|Bahnhof|cheers|ventana"),
    (
        "sentence",
        "车站在哪里？|我哥哥明天到。|我要一张两个人的桌子。|医生今天不在。|我需要再配一把钥匙。|商店九点开门。|我们错过了火车。",
    ),
    ("name", "小李|王芳|张伟|陈静"),
    (
        "hard",
        "以“{word}”为题写一首七律，并译成押韵的{to}诗，逐句说明取舍。|把“{sentence}”当作一句带双关的戏词译成{to}，比较三种译法的得失。",
    ),
];

const JAPANESE: &Rules = &[
    (
        "word_ask",
        "「{word}」は{to}で何と言いますか？|「{word}」を{to}に訳して|「{word}」の{to}|「{foreign}」はどういう意味ですか？",
    ),
    ("sentence_ask", "{to}に訳して：{sentence}|「{sentence}」は{to}でどう言いますか？|{sentence}（{to}で）"),
    (
        "note_ask",
        "このメモを{to}に訳してください：こんにちは。{sentence}{sentence}よろしく、{name}|{to}にお願いします：{sentence}{sentence}それでは、{name}",
    ),
    ("to", "英語|フランス語|ドイツ語|中国語|スペイン語|ロシア語|韓国語"),
    ("word", "犬|パン|窓|おやすみ|スプーン|姉|昨日|鍵|雪|靴"),
    ("foreign", "house|thank you|to borrow|spoon|Bahnhof|cheers|ventana"),
    (
        "sentence",
        "駅はどこですか？|兄は明日着きます。|二人用の席をお願いします。|先生は今日いません。|合鍵が必要です。|店は九時に開きます。|電車に乗り遅れました。",
    ),
    ("name", "田中|佐藤|鈴木|高橋"),
    (
        "hard",
        "「{word}」を詠んだ短歌を作り、掛詞と音数を保って{to}に訳し、失われるものを一語ずつ論じてください。|「{sentence}」を裏の意味を持つ台詞として{to}に訳し、三つの訳の得失を比較してください。",
    ),
];

const RUSSIAN: &Rules = &[
    ("word_ask", "Как по-{to} «{word}»?|переведи «{word}» на {to2}|«{word}» по-{to}|Что значит «{foreign}»?"),
    ("sentence_ask", "Переведи на {to2}: {sentence}|Как сказать по-{to} «{sentence}»?|{sentence} -> на {to2}"),
    (
        "note_ask",
        "Переведи записку на {to2}: Здравствуйте, {sentence} {sentence} Спасибо, {name}|Пожалуйста, на {to2}: {sentence} {sentence} До встречи, {name}",
    ),
    ("to", "английски|французски|немецки|испански|итальянски|японски"),
    ("to2", "английский|французский|немецкий|испанский|итальянский|японский"),
    ("word", "собака|хлеб|окно|спокойной ночи|ложка|сестра|вчера|ключ|снег|ботинок"),
    ("foreign", "house|thank you|to borrow|spoon|Bahnhof|cheers|ventana"),
    (
        "sentence",
        "Где вокзал?|Мой брат приезжает завтра.|Столик на двоих, пожалуйста.|Врача сегодня нет.|Мне нужен запасной ключ.|Магазин открывается в девять.|Мы опоздали на поезд.",
    ),
    ("name", "Анна|Иван|Ольга|Пётр"),
    (
        "hard",
        "Сочини онегинскую строфу о слове «{word}», переведи её на {to2} с сохранением размера и рифмы и обоснуй каждую потерю.|Переведи на {to2} «{sentence}» как двусмысленную реплику из пьесы и сравни три варианта.",
    ),
];

const ARABIC: &Rules = &[
    ("word_ask", "كيف نقول «{word}» بـ{to}؟|ترجم «{word}» إلى {to}|«{word}» بـ{to}|ما معنى «{foreign}»؟"),
    ("sentence_ask", "ترجم إلى {to}: {sentence}|كيف أقول «{sentence}» بـ{to}؟|{sentence} (إلى {to})"),
    (
        "note_ask",
        "ترجم هذه الرسالة إلى {to}: مرحبا، {sentence} {sentence} شكرا، {name}|من فضلك إلى {to}: {sentence} {sentence} مع التحية، {name}",
    ),
    ("to", "الإنجليزية|الفرنسية|الألمانية|الإسبانية|الإيطالية|التركية|الصينية"),
    ("word", "كلب|خبز|نافذة|تصبح على خير|ملعقة|أخت|أمس|مفتاح|ثلج|حذاء"),
    ("foreign", "house|thank you|to borrow|spoon|Bahnhof|cheers|ventana"),
    (
        "sentence",
        "أين المحطة؟|أخي يصل غدا.|أريد طاولة لشخصين.|الطبيب غير موجود اليوم.|أحتاج نسخة من المفتاح.|المتجر يفتح في التاسعة.|فاتنا القطار.",
    ),
    ("name", "آمنة|خالد|ليلى|سامي"),
    (
        "hard",
        "انظم بيتين على بحر الطويل في «{word}» وترجمهما إلى {to} شعرا مقفى مع تعليل كل ما ضاع.|ترجم «{sentence}» إلى {to} على أنها تورية في مقامة، وقارن بين ثلاث ترجمات.",
    ),
];
