//! Questions and what they are about, in each language.

use crate::generate::chance::Rules;

/// The rules of a language: `fact`, `sum`, `small`, `meaning`, `lead`, and for English `code`.
pub(crate) fn rules(language: &str) -> &'static Rules {
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
        "fact",
        "What is the capital of {country}?|capital of {country}|Which continent is {country} in?|What currency is used in {country}?|\
         What language do people speak in {country}?|currency of {country}?|Who wrote {book}?|author of {book}|What is the chemical symbol of {element}?|\
         Which element has the symbol {symbol}?|What colour is {thing}?|what sound does {animal} make|How many legs does {animal} have?|\
         What is a baby {beast} called?|Which country is known for {food}?|Who invented the {machine}?|What is {animal}, a mammal or not?|\
         Is {country} in Europe?|What is the largest city of {country}?|Name one food with {vitamin}.|which planet is {planet}",
    ),
    (
        "sum",
        "What is {#2-99} plus {#2-99}?|{#2-12} times {#2-12} = ?|half of {#2-90}|what's {#20-90} minus {#2-19}|double {#3-60}|\
         how much is {#2-9} dozen {fruit}|{#1-9} {unit} in {small_unit}?|convert {#1-30} {unit} to {small_unit}|is {#3-99} even or odd?|\
         I have {#2-9} {fruit} and buy {#2-9} more, how many now?|square of {#2-12}|what is 10 % of {#10-90}|\
         is {#2-50} bigger than {#51-99}?|round {#1-9}.{#1-9} to a whole number|next number: {#2-3}, {#4-5}, {#6-7}, ...",
    ),
    (
        "small",
        "What is the opposite of {adjective}?|opposite of {adjective}|a word that rhymes with {rhyme}|plural of {noun}|spell {hard_word}|\
         How do you spell '{hard_word}'?|past tense of {verb}|what day comes after {day}?|Which month comes before {month}?|how many days has {month}|\
         another word for {adjective}|is '{noun}' a noun or a verb?|how many letters does {hard_word} have|first letter of '{hard_word}'|\
         what day is it if yesterday was {day}?|does {month} have 31 days?",
    ),
    (
        "meaning",
        "What does {hard_word} mean?|Define {concept} in one sentence.|define {concept}|What is {concept}, in simple words?|\
         what does {acronym} stand for?|{acronym} meaning|what is {concept} used for|who was {person}, one sentence|\
         In which century did {person} live?|What is {person} famous for?|what is the difference between {pair}?",
    ),
    (
        "code",
        "what file extension do {programming} files use?|is {programming} a programming language?|What does {acronym} stand for?|\
         which command {shell}?|linux command that {shell}|default port of {service}?|what port does {service} use|HTTP status {#200-204}, meaning?|\
         which key {editor}|comment syntax in {programming}?",
    ),
    (
        "lead",
        "Quick question: |Sorry to bother you again, but |just one word please: |hey, |For a quiz: |My son asks: |forgot this again... |Short answer only. ",
    ),
    (
        "country",
        "Spain|Japan|Kenya|Peru|Canada|Norway|Egypt|Thailand|Chile|Poland|India|Ghana|Greece|Cuba|Vietnam|Hungary|Mexico|Finland|Portugal|\
         Morocco|Argentina|Iceland|Turkey|Nepal|Austria|Ireland|South Korea|Cambodia|Uruguay|Latvia|Jordan|Senegal|Bolivia|Croatia",
    ),
    (
        "book",
        "Hamlet|Don Quixote|War and Peace|Pride and Prejudice|The Odyssey|Moby-Dick|Frankenstein|The Hobbit|Oliver Twist|Dracula|Emma|Faust",
    ),
    ("element", "gold|iron|oxygen|helium|sodium|copper|silver|carbon|lead|potassium|zinc|neon"),
    ("symbol", "Fe|Au|He|Na|K|Pb|Ag|Cu|O|N|Ca|Hg|Sn"),
    ("thing", "a ruby|grass|the sky at noon|a banana|snow|an emerald|coal|a flamingo|milk|a ripe tomato|a lemon"),
    ("animal", "a spider|a cow|a bee|a frog|a horse|an ant|a cat|a snake|a duck|a whale|a bat|an octopus|a crab"),
    ("beast", "cat|dog|cow|horse|sheep|goat|kangaroo|duck|frog|bear|swan"),
    ("food", "sushi|pizza|paella|pho|couscous|borscht|kimchi|feta|goulash|tacos|falafel"),
    ("machine", "telephone|light bulb|steam engine|printing press|aeroplane|telescope|dynamite|radio"),
    (
        "hard_word",
        "necessary|rhythm|accommodate|bicycle|definitely|embarrass|queue|colonel|pneumonia|yacht|conscience|separate|vacuum|ubiquitous",
    ),
    (
        "concept",
        "photosynthesis|gravity|inflation|a verb|democracy|an atom|a haiku|erosion|a triangle|a mortgage|evaporation|a metaphor|a vitamin|\
         a peninsula|an eclipse|migration|a fossil|recycling|a volcano|a budget|a glacier|hibernation|an adjective|a virus",
    ),
    ("acronym", "CPU|NASA|PDF|URL|WHO|DIY|ATM|USB|HTML|RAM|GDP|DNA|LED|FAQ|ISBN|BBC|UNESCO|GPS|CSV|SQL"),
    (
        "person",
        "Marie Curie|Mozart|Cleopatra|Isaac Newton|Frida Kahlo|Gandhi|Ada Lovelace|Napoleon|Nelson Mandela|Galileo|Picasso|Confucius|Darwin|Homer",
    ),
    (
        "pair",
        "a frog and a toad|a city and a town|its and it's|weather and climate|a lake and a pond|affect and effect|butter and margarine|a mule and a donkey|then and than|a comet and a meteor",
    ),
    (
        "adjective",
        "hot|big|early|happy|noisy|rough|empty|ancient|brave|cheap|narrow|shallow|generous|dark|polite|heavy",
    ),
    ("vitamin", "vitamin C|a lot of protein|iron|a lot of sugar|calcium"),
    ("planet", "the largest|closest to the sun|called the red planet|known for its rings|the farthest from the sun"),
    ("fruit", "apples|eggs|pencils|oranges|stamps|buttons|bananas"),
    ("unit", "hours|kilometres|kilograms|metres|litres|weeks|feet|minutes"),
    ("small_unit", "minutes|metres|grams|days|inches|seconds|smaller units"),
    ("rhyme", "cat|light|day|tree|blue|rain|moon|star|house|ball"),
    ("noun", "mouse|child|leaf|knife|tooth|goose|sheep|box|city|man|hero|foot"),
    ("verb", "go|eat|swim|write|bring|think|run|buy|sing|catch|drink"),
    ("day", "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"),
    ("month", "January|February|March|April|May|June|July|August|September|October|November|December"),
    ("programming", "Python|Rust|Java|Go|Ruby|Kotlin|Swift|C|Haskell|Perl|Lua|TypeScript"),
    (
        "shell",
        "lists files|changes the folder|deletes a file|shows the current folder|copies a file|prints a file|shows free disk space|shows running processes|renames a file|makes a folder",
    ),
    ("service", "https|ssh|http|postgres|redis|dns|smtp|mysql|ftp"),
    ("editor", "saves a file|copies text|pastes text|undoes the last change|closes a tab|opens search"),
];

const SPANISH: &Rules = &[
    (
        "fact",
        "¿Cuál es la capital de {country}?|capital de {country}|¿En qué continente está {country}?|¿Qué moneda se usa en {country}?|¿Qué idioma se habla en {country}?|\
         ¿Quién escribió {work}?|¿De qué color es {thing}?",
    ),
    (
        "sum",
        "¿Cuánto es {#2-50} más {#2-50}?|{#2-9} por {#2-9}|la mitad de {#10-90}|tengo {#2-9} {thing2} y compro {#2-9}, ¿cuántas tengo?|¿cuántos minutos son {#2-9} horas?",
    ),
    (
        "small",
        "lo contrario de {word}|¿Cómo se escribe '{hard}'?|plural de {hard}|un sinónimo de {word}|¿cuántas letras tiene {hard}?",
    ),
    (
        "meaning",
        "¿Qué significa {hard}?|define {concept} en una frase|¿Qué es {concept}?|explica {concept} con palabras sencillas",
    ),
    ("lead", "Una pregunta rápida: |perdona, |solo una palabra: |mi hija pregunta: "),
    ("country", "Francia|Japón|Noruega|Egipto|Perú|Chile|Italia|Kenia|Polonia|Canadá|Grecia|Cuba|Suecia|Marruecos"),
    ("work", "Don Quijote|La Odisea|Cien años de soledad|Romeo y Julieta|Platero y yo"),
    ("thing", "la nieve|el limón|la hierba|el carbón|una fresa|el cielo"),
    ("word", "alto|feliz|caliente|viejo|rápido|oscuro|lleno|barato|ruidoso"),
    ("hard", "ciudad|lápiz|zanahoria|murciélago|ferrocarril|huevo|ayer|quehacer|luz|tambor"),
    (
        "concept",
        "la fotosíntesis|un verbo|la gravedad|la inflación|un átomo|una metáfora|un volcán|la democracia|un eclipse|un glaciar",
    ),
    ("thing2", "manzanas|naranjas|velas|monedas|galletas"),
];

const FRENCH: &Rules = &[
    (
        "fact",
        "Quelle est la capitale {of}?|Sur quel continent se trouve la capitale {of}?|Quelle langue parle-t-on dans la capitale {of}?|Qui a écrit {work} ?|\
         De quelle couleur est {thing} ?|Quelle est la monnaie {of}?",
    ),
    (
        "sum",
        "Combien font {#2-50} plus {#2-50} ?|{#2-9} fois {#2-9}|la moitié de {#10-90}|combien de minutes dans {#2-9} heures ?|{#30-90} moins {#2-20} ?",
    ),
    (
        "small",
        "le contraire de {word}|comment écrit-on « {hard} » ?|le pluriel de {hard}|un synonyme de {word}|combien de lettres dans {hard} ?",
    ),
    (
        "meaning",
        "Que veut dire {hard} ?|définis {concept} en une phrase|C'est quoi, {concept} ?|explique {concept} simplement",
    ),
    ("lead", "Petite question : |désolé, encore une : |en un mot : |ma fille demande : "),
    (
        "of",
        "de l'Italie |de la Suède |de la Grèce |de l'Inde |du Japon |du Pérou |du Kenya |de la Pologne |du Canada |de l'Égypte |du Chili |de Cuba ",
    ),
    ("work", "Les Misérables|Candide|Le Petit Prince|Hamlet|L'Étranger|Madame Bovary|L'Odyssée"),
    ("thing", "la neige|le citron|l'herbe|le charbon|une fraise|le ciel|un corbeau"),
    ("word", "grand|heureux|chaud|vieux|rapide|sombre|plein|cher|bruyant"),
    ("hard", "cheval|hôpital|oignon|grenouille|parapluie|bijou|travail|écureuil|château|genou"),
    (
        "concept",
        "la photosynthèse|un verbe|la gravité|l'inflation|un atome|une métaphore|un volcan|la démocratie|une éclipse|un glacier",
    ),
];

const GERMAN: &Rules = &[
    (
        "fact",
        "Was ist die Hauptstadt von {country}?|Hauptstadt von {country}|Auf welchem Kontinent liegt {country}?|Welche Währung hat {country}?|Welche Sprache spricht man in {country}?|\
         Wer schrieb {work}?|Welche Farbe hat {thing}?",
    ),
    (
        "sum",
        "Wie viel ist {#2-50} plus {#2-50}?|{#2-9} mal {#2-9}|die Hälfte von {#10-90}|wie viele Minuten sind {#2-9} Stunden?|{#30-90} minus {#2-20}",
    ),
    (
        "small",
        "Gegenteil von {word}|wie schreibt man {hard}?|Mehrzahl von {hard}|anderes Wort für {word}|wie viele Buchstaben hat {hard}?",
    ),
    (
        "meaning",
        "Was bedeutet {hard}?|definiere in einem Satz: {concept}|Was ist {concept}?|erkläre {concept} ganz einfach",
    ),
    ("lead", "Kurze Frage: |Sorry, noch eine: |Nur ein Wort: |Mein Sohn fragt: "),
    (
        "country",
        "Spanien|Ungarn|Kanada|Peru|Japan|Norwegen|Ägypten|Kenia|Polen|Griechenland|Chile|Indien|Kuba|Finnland",
    ),
    ("work", "Faust|Die Räuber|Hamlet|Die Verwandlung|Der Zauberberg|Die Odyssee|Emil und die Detektive"),
    ("thing", "Schnee|eine Zitrone|Gras|Kohle|eine Erdbeere|der Himmel|ein Rabe"),
    ("word", "groß|glücklich|heiß|alt|schnell|dunkel|voll|billig|laut"),
    ("hard", "Fahrrad|Rhythmus|Krankenhaus|Eichhörnchen|Regenschirm|Apfel|Bahnhof|Schlüssel|Zitrone|Vogel"),
    (
        "concept",
        "Photosynthese|ein Verb|Schwerkraft|Inflation|ein Atom|eine Metapher|ein Vulkan|Demokratie|eine Finsternis|ein Gletscher",
    ),
];

const PORTUGUESE: &Rules = &[
    (
        "fact",
        "Qual é a capital {of}?|capital {of}|Em que continente fica a capital {of}?|Qual é a moeda {of}?|Que língua se fala na capital {of}?|Quem escreveu {work}?|Qual é a cor {thing}?",
    ),
    (
        "sum",
        "Quanto é {#2-50} mais {#2-50}?|{#2-9} vezes {#2-9}|metade de {#10-90}|quantos minutos são {#2-9} horas?|{#30-90} menos {#2-20}",
    ),
    (
        "small",
        "o contrário de {word}|como se escreve {hard}?|plural de {hard}|um sinônimo de {word}|quantas letras tem {hard}?",
    ),
    (
        "meaning",
        "O que significa {hard}?|defina {concept} em uma frase|O que é {concept}?|explique {concept} de forma simples",
    ),
    ("lead", "Pergunta rápida: |desculpa, mais uma: |só uma palavra: |meu filho perguntou: "),
    (
        "of",
        "da Itália|da Alemanha|da Noruega|da Grécia|do Japão|do Peru|do Egito|da Polônia|do Canadá|do Quênia|do Chile|da Índia",
    ),
    ("work", "Dom Casmurro|Os Lusíadas|Hamlet|O Pequeno Príncipe|A Odisseia|Dom Quixote|Iracema"),
    ("thing", "da neve|do limão|da grama|do carvão|do morango|do céu|do corvo"),
    ("word", "alto|feliz|quente|velho|rápido|escuro|cheio|barato|barulhento"),
    ("hard", "cidade|lápis|cenoura|coração|guarda-chuva|animal|pão|exceção|farol|jabuti"),
    (
        "concept",
        "fotossíntese|um verbo|gravidade|inflação|um átomo|uma metáfora|um vulcão|democracia|um eclipse|uma geleira",
    ),
];

const CHINESE: &Rules = &[
    (
        "fact",
        "{country}的首都是哪里？|{country}在哪个洲？|{country}用什么货币？|{country}人说什么语言？|《{work}》是谁写的？|{thing}是什么颜色的？|{country}首都",
    ),
    (
        "sum",
        "{#2-50}加{#2-50}等于多少？|{#2-9}乘以{#2-9}|{#10-90}的一半是多少|{#2-9}小时是多少分钟？|{#30-90}减{#2-20}",
    ),
    ("small", "“{word}”的反义词是什么？|“{hard}”怎么读？|“{word}”的近义词|“{hard}”有几个字？|用“{hard}”造一个句子"),
    ("meaning", "“{hard}”是什么意思？|用一句话解释{concept}|什么是{concept}？|简单说说{concept}"),
    ("lead", "请问，|快速问一下：|只要一个词：|我儿子问："),
    ("country", "法国|日本|加拿大|埃及|秘鲁|波兰|印度|肯尼亚|意大利|希腊|挪威|智利|古巴|芬兰"),
    ("work", "西游记|红楼梦|哈姆雷特|三国演义|骆驼祥子|狂人日记|水浒传"),
    ("thing", "雪|柠檬|草|煤|草莓|天空|乌鸦"),
    ("word", "高|快乐|热|旧|快|黑暗|满|便宜|吵闹|勇敢"),
    ("hard", "尴尬|蝴蝶|饕餮|邂逅|葡萄|图书馆|踌躇|玻璃|麒麟|自行车"),
    ("concept", "光合作用|动词|重力|通货膨胀|原子|比喻|火山|民主|日食|冰川"),
];

const JAPANESE: &Rules = &[
    (
        "fact",
        "{country}の首都はどこですか？|{country}は何大陸にありますか？|{country}の通貨は何ですか？|{country}では何語を話しますか？|『{work}』の作者は誰ですか？|{thing}は何色ですか？|{country}の首都",
    ),
    (
        "sum",
        "{#2-50}たす{#2-50}は？|{#2-9}かける{#2-9}|{#10-90}の半分は？|{#2-9}時間は何分ですか？|{#30-90}ひく{#2-20}",
    ),
    (
        "small",
        "「{word}」の反対は？|「{hard}」の読み方は？|「{word}」の類義語|「{hard}」は何文字ですか？|「{hard}」を使った短い文",
    ),
    (
        "meaning",
        "「{hard}」とはどういう意味ですか？|{concept}を一文で説明して|{concept}とは何ですか？|{concept}を簡単に教えて",
    ),
    ("lead", "ちょっと質問です。|すみません、もう一つ。|一言で。|息子が聞いています。"),
    (
        "country",
        "フランス|ドイツ|エジプト|カナダ|ペルー|ポーランド|インド|ケニア|イタリア|ギリシャ|ノルウェー|チリ|キューバ",
    ),
    ("work", "坊っちゃん|源氏物語|ハムレット|羅生門|雪国|人間失格|銀河鉄道の夜"),
    ("thing", "雪|レモン|草|石炭|いちご|空|カラス"),
    ("word", "高い|幸せ|熱い|古い|速い|暗い|安い|うるさい|広い"),
    ("hard", "憂鬱|蝶々|自転車|薔薇|図書館|挨拶|葡萄|曖昧|麒麟|傘"),
    ("concept", "光合成|動詞|重力|インフレ|原子|比喩|火山|民主主義|日食|氷河"),
];

const RUSSIAN: &Rules = &[
    (
        "fact",
        "Какая столица {country}?|столица {country}|Какая валюта у {country}?|На каком континенте столица {country}?|Кто написал «{work}»?|Какого цвета {thing}?|официальный язык {country}?",
    ),
    (
        "sum",
        "Сколько будет {#2-50} плюс {#2-50}?|{#2-9} умножить на {#2-9}|половина от {#10-90}|{#30-90} минус {#2-20}|чётное ли число {#10-99}?",
    ),
    (
        "small",
        "антоним к слову «{word}»|как пишется «{hard}»?|синоним к слову «{word}»|сколько букв в слове «{hard}»?|составь предложение со словом «{hard}»",
    ),
    (
        "meaning",
        "Что значит «{hard}»?|объясни одним предложением, что такое {concept}|Что такое {concept}?|простыми словами: {concept}",
    ),
    ("lead", "Быстрый вопрос: |Извините, ещё один: |Одним словом: |Сын спрашивает: "),
    ("country", "Франции|Японии|Италии|Канады|Египта|Перу|Польши|Индии|Кении|Греции|Норвегии|Чили|Кубы|Испании"),
    ("work", "Война и мир|Гамлет|Мёртвые души|Вишнёвый сад|Евгений Онегин|Одиссея|Отцы и дети"),
    ("thing", "снег|лимон|трава|уголь|клубника|небо|ворон"),
    ("word", "высокий|счастливый|горячий|старый|быстрый|тёмный|полный|дешёвый|шумный"),
    ("hard", "велосипед|библиотека|лестница|зонт|каникулы|искусство|профессия|берег|соловей|коридор"),
    ("concept", "фотосинтез|глагол|гравитация|инфляция|атом|метафора|вулкан|демократия|затмение|ледник"),
];

const ARABIC: &Rules = &[
    (
        "fact",
        "ما هي عاصمة {country}؟|عاصمة {country}|في أي قارة تقع {country}؟|ما عملة {country}؟|ما هي لغة {country}؟|من كتب {work}؟|ما لون {thing}؟",
    ),
    (
        "sum",
        "كم يساوي {#2-50} زائد {#2-50}؟|{#2-9} ضرب {#2-9}|نصف العدد {#10-90}|كم دقيقة في {#2-9} ساعات؟|{#30-90} ناقص {#2-20}",
    ),
    (
        "small",
        "ما عكس كلمة {word}؟|كيف تكتب كلمة {hard}؟|مرادف كلمة {word}|كم حرفا في كلمة {hard}؟|ضع كلمة {hard} في جملة",
    ),
    ("meaning", "ما معنى كلمة {hard}؟|عرّف {concept} في جملة واحدة|ما هو مفهوم {concept}؟|اشرح {concept} ببساطة"),
    ("lead", "سؤال سريع: |عفوا، سؤال آخر: |بكلمة واحدة: |ابني يسأل: "),
    ("country", "فرنسا|اليابان|إيطاليا|كندا|مصر|بيرو|بولندا|الهند|كينيا|اليونان|النرويج|كوبا|إسبانيا|المغرب"),
    ("work", "ألف ليلة وليلة|هاملت|كليلة ودمنة|مقدمة ابن خلدون|الأوديسة|دون كيشوت"),
    ("thing", "الثلج|الليمون|العشب|الفحم|السماء|الغراب|الموز"),
    ("word", "طويل|سعيد|حار|قديم|سريع|مظلم|رخيص|شجاع|كبير"),
    ("hard", "مستشفى|مكتبة|فراشة|دراجة|مسؤول|شاطئ|طبيب|سماء|مدرسة|قطار"),
    ("concept", "التمثيل الضوئي|الفعل|الجاذبية|التضخم|الذرة|الاستعارة|البركان|الديمقراطية|الكسوف|النهر الجليدي"),
];
