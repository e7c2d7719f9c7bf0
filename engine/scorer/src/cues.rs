//! Words that hint at what a prompt asks for, in eleven languages.
//!
//! Each kind of cue is counted; what a count means is learned (or, in the heuristic, written down). The lists put rarely
//! seen languages on the footing of English: "докажите" and "prove" are the same feature. A word ending in `*` matches as a
//! prefix; words of scripts without spaces match anywhere.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};

use crate::prompt::{Part, is_cjk};

/// How many kinds of cue there are.
pub const KINDS: usize = LEXICON.len();

/// Index of greetings and thanks.
pub const GREETING: usize = 0;
/// Index of words that look something up.
pub const LOOKUP: usize = 1;
/// Index of words of proof.
pub const PROOF: usize = 2;
/// Index of words of system design.
pub const DESIGN: usize = 3;
/// Index of words of programming.
pub const CODE: usize = 4;
/// Index of words of analysis.
pub const ANALYSIS: usize = 5;
/// Index of words of translation.
pub const TRANSLATION: usize = 7;
/// Index of words of summary and extraction.
pub const EXTRACTION: usize = 8;
/// Index of words that ask for prose.
pub const PROSE: usize = 10;
/// Index of demands put on the answer.
pub const CONSTRAINT: usize = 11;
/// Index of words of advanced subjects.
pub const ADVANCED: usize = 12;
/// Index of words that make light of the task.
pub const LIGHT: usize = 13;

/// The kinds, each with its words, lower case, separated by blanks; `_` stands for a blank inside a phrase.
#[rustfmt::skip]
const LEXICON: [&str; 15] = [
    // greetings, thanks, farewells
    "hi hey hello hiya yo thanks thank_you thx good_morning good_evening good_night bye goodbye see_you how_are_you what's_up \
     hola gracias buenos_días buenas adiós qué_tal bonjour salut bonsoir merci coucou ça_va hallo danke guten_tag guten_morgen tschüss wie_geht \
     olá oi obrigado obrigada bom_dia tudo_bem ciao grazie buongiorno come_stai привет здравствуйте спасибо пока как_дела доброе_утро \
     你好 您好 谢谢 早上好 再见 晚安 こんにちは こんばんは おはよう ありがとう さようなら 안녕 감사합니다 고마워 مرحبا شكرا السلام_عليكم صباح_الخير नमस्ते धन्यवाद \
     merhaba teşekkür* selam cześć dziękuj* hoi bedankt dank_je",
    // looking a fact up
    "what_is what's who_is who_was who_wrote when_did when_was when_is where_is which_year what_year what_time how_many how_much how_old how_tall capital_of \
     what_color what_colour what_day define meaning_of stand_for stands_for synonym* antonym* convert \
     cuál_es qué_es quién cuándo dónde cuánto* cuánta* capital_de quelle_est quel_est qu'est-ce qui_est quand où combien capitale \
     was_ist wer_ist wer_war wann wo_liegt wie_viel* wie_heißt hauptstadt qual_é o_que_é quem quando onde quanto* quanta* qual_è chi_è che_cos'è dove \
     что_такое кто когда где сколько столиц* 什么是 是什么 谁 哪里 哪一年 多少 几 首都 何です 誰 いつ どこ いくつ 首都 무엇 누구 언제 어디 몇 수도 \
     ما_هي ما_هو من_هو متى أين كم عاصمة क्या_है कौन कब कहाँ कितन* राजधानी nedir kim ne_zaman nerede kaç başkent* co_to_jest kto kiedy gdzie ile stolic* wat_is wie_is hoeveel hoofdstad",
    // proof
    "prove proof* proving theorem* lemma* corollary rigorous* rigorously derive derivation if_and_only_if counterexample* conjecture* induction* contradiction \
     demuestr* demostra* demostración teorema* riguros* démontr* preuve* théorème* rigoureu* beweis* satz herleit* streng \
     demonstr* prove_que prova dimostr* dimostrazione докаж* доказат* теорем* лемм* строг* вывед* 证明 定理 引理 推导 严格 証明 定理 厳密 導出 증명 정리 엄밀 유도하 \
     أثبت برهن برهان نظرية مبرهنة सिद्ध_कर* प्रमेय प्रमाण kanıtla* ispat* teorem* udowodni* dowód twierdzen* bewijs* stelling",
    // design of systems and plans
    "architect* distributed scalab* fault-toleran* fault_toleran* microservice* consensus sharding multi-region multi_region high_availability trade-off* tradeoff* \
     system_design roadmap migration_plan zero-downtime zero_downtime event-sourc* exactly-once throughput latency budget failover \
     arquitectur* arquitetur* distribuid* escalab* tolerante diseñ* projet* architectur* conçois concevez concevoir distribué* répartie* tolérant* \
     entwirf entwerf* architektur* verteilte* skalierbar* ausfallsicher* architettur* progett* distribuit* спроектир* архитектур* распредел* отказоустойчив* масштабируем* \
     架构 分布式 设计一个 高可用 可扩展 容错 一致性 アーキテクチャ 分散 設計 可用性 아키텍처 분산 설계 확장성 معماري* موزع* صمم تصميم आर्किटेक्चर वितरित डिज़ाइन मापनीय \
     mimari* dağıtık tasarla* ölçeklenebilir architektur* rozproszon* zaprojektuj* gedistribueerd* ontwerp*",
    // programming
    "code function* class method implement* program script refactor* debug* compile* algorithm* api python javascript typescript rust java c++ golang sql regex bug \
     unit_test* thread-safe thread_safe concurren* stack_trace exception* endpoint* query docker kubernetes async \
     función funciones código programa implementa* algoritmo* fonction* programme implémente* algorithme* funktion* programm implementier* algorithmus \
     função código funzione codice функци* код программ* реализу* алгоритм* 函数 代码 实现 算法 编写 程序 関数 コード 実装 アルゴリズム プログラム 함수 코드 구현 알고리즘 프로그램 \
     دالة برنامج كود خوارزمية फ़ंक्शन फंक्शन कोड प्रोग्राम एल्गोरिद्म fonksiyon kod algoritma* funkcj* kodu functie",
    // analysis, comparison, judgement
    "analyze analyse analysis compare contrast evaluate assess critique justify argue implications in_depth in-depth comprehensive* thorough* detailed root_cause strategy \
     analiza* analice compara* evalúa* evalua* crític* profundidad detallad* analyse* compare* évalue* critique* approfondi* détaillé* analysier* vergleich* bewert* ausführlich* gründlich* \
     analise compare avalie aprofundad* analizza* confronta* valuta* approfondit* проанализир* сравни* оцени* подробн* обоснуй* 分析 比较 评估 深入 详细 论证 比較 評価 詳しく 詳細 분석 비교 평가 자세히 심층 \
     حلل تحليل قارن قيّم بالتفصيل विश्लेषण तुलना मूल्यांकन विस्तार analiz* karşılaştır* değerlendir* przeanalizuj* porównaj* oceń analyseer* vergelijk*",
    // explanation
    "explain* why how_does how_do how_to describe teach understand explica* por_qué describe cómo explique* pourquoi décri* comment erklär* warum beschreib* wieso \
     por_que descreva como spiega* perché come объясни* почему опиши* как 解释 为什么 说明 如何 怎么 説明 なぜ どうして 설명 왜 어떻게 اشرح لماذا كيف समझाइए समझाओ क्यों कैसे açıkla* neden nasıl wyjaśnij dlaczego jak leg_uit waarom",
    // translation
    "translat* in_french in_spanish in_german in_english into_english into_french into_spanish into_german traduce* traduc* tradui* übersetz* traduza tradu* traduci переведи* перевод* \
     翻译 译成 翻訳 訳して 번역 ترجم* अनुवाद çevir* przetłumacz* vertaal",
    // summaries and extraction
    "summar* tl;dr tldr shorten extract* list_all find_all pick_out which_of_the key_points main_point bullet_points title_for classify sentiment label \
     resum* extra* lista_* résum* extrai* zusammen* fass extrahier* resuma riassum* estrai кратко резюм* перескаж* извлек* 总结 概括 提取 摘要 要約 抽出 まとめ 요약 추출 لخص استخرج सारांश निकाल* özetle* çıkar streść wypisz samenvat*",
    // small edits
    "spell* spelling grammar typo* uppercase lowercase capitalize capitalise rewrite rephrase reword correct fix_the sort alphabetical* reverse remove_the count \
     corrige ortografía gramática mayúsculas minúsculas ordena orthographe grammaire majuscule* trie korrigier* rechtschreib* großbuchstaben sortier* corrija maiúscul* \
     correggi maiuscol* исправь* заглавн* сортир* 改写 纠正 大写 排序 直して 並べ替え 고쳐 정렬 صحح رتب ठीक_कर* düzelt* popraw*",
    // prose to be written
    "write poem haiku story joke email essay letter limerick tagline slogan tweet caption blog_post cover_letter speech \
     escribe poema cuento chiste correo ensayo écri* poème histoire blague lettre rédige* schreib* gedicht geschichte witz brief aufsatz escreva piada scrivi poesia barzelletta \
     напиши* стих* рассказ* шутк* письмо эссе 写一 诗 故事 笑话 邮件 文章 書いて 詩 物語 メール 써줘 시를 이야기 농담 이메일 اكتب قصيدة قصة نكتة رسالة लिख* कविता कहानी चुटकुल* yaz* şiir hikaye fıkra napisz wiersz schrijf gedicht mop",
    // demands on the answer
    "must should ensure without exactly at_least at_most constraint* requirement* subject_to given_that assume assuming such_that each every including step_by_step support handle \
     debe sin exactamente al_menos restriccion* supon* paso_a_paso doit sans exactement au_moins contrainte* suppos* étape muss ohne genau mindestens höchstens angenommen schritt \
     deve sem exatamente pelo_menos passo senza esattamente almeno должн* без ровно не_менее ограничен* предполож* пошагов* 必须 不得 至少 假设 约束 满足 要求 ただし 少なくとも 制約 条件 必ず 반드시 최소 제약 조건 가정 يجب بدون على_الأقل افترض बिना कम_से_कम शर्त* मान_ल* gerek* olmadan en_az musi bez co_najmniej moet zonder",
    // advanced subjects
    "eigenvalue* differential_equation* integral manifold* topolog* homolog* cohomolog* hilbert banach lebesgue martingale* stochastic bayesian np-hard np-complete complexity lagrangian hamiltonian quantum \
     entropy thermodynamic* jurisdiction* statut* regulator* pharmacokinetic* differential_diagnosis econometric* cryptograph* zero-knowledge lock-free wait-free linearizab* serializab* compiler* kernel raft paxos crdt* \
     asymptotic* convergence bijection galois modular isomorphi* polynomial* determinant* eigenvalor* ecuación_diferencial équation_différentielle differentialgleichung* equação_diferencial \
     дифференциальн* собственн* интеграл* квант* энтроп* криптограф* 微分方程 特征值 积分 拓扑 量子 熵 密码学 微分方程式 固有値 積分 位相 量子 미분방정식 고유값 적분 위상 양자 معادلة_تفاضلية तापगतिकी अवकल*",
    // making light of it
    "just quick quickly simple simply short briefly one_word one_sentence only_the yes_or_no true_or_false easy in_a_word \
     solo rápid* simple breve una_palabra sí_o_no juste rapide* simplement bref un_mot oui_ou_non nur kurz* einfach* ein_wort ja_oder_nein apenas rapid* uma_palavra sim_ou_não solo breve* una_parola sì_o_no \
     просто быстр* кратк* одним_словом да_или_нет 只要 简单 一句话 一个词 是或否 だけ 簡単 一言 はいかいいえ 간단 한마디 만_답 فقط باختصار نعم_أم_لا बस संक्षेप एक_शब्द sadece kısa* tek_kelime tylko krótko jednym_słowem alleen kort*",
    // quantities and what is done with them
    "each every per total altogether left remain* twice double triple half third quarter percent* % times more_than less_than fewer_than \
     cost* price* spend* spent earn* paid pay* sell* sold buy* bought save* gave average ratio rate hour* minute* dozen divided equally how_much how_many \
     cada total queda* doble mitad tercio porcentaje veces cuesta* precio gana* vende* compra* promedio chaque reste* double moitié tiers fois coûte* prix gagne* vend* achète* moyenne \
     jede* pro insgesamt übrig doppelt hälfte drittel prozent mal kostet* preis verdient verkauft kauft durchschnitt por_cento dobro metade terço vezes custa* preço média \
     кажд* всего осталось вдвое половин* треть процент* раз стоит цена продал* купил* средн* 每 一共 总共 剩下 两倍 一半 百分之 元 平均 每小时 それぞれ 合計 残り 倍 半分 割引 円 平均 毎時 \
     لكل مجموع تبقى ضعف نصف ثلث بالمئة سعر ثمن متوسط प्रत्येक कुल बचे दोगुना आधा प्रतिशत रुपये औसत",
];

/// How a word has to stand in the text.
#[derive(Clone, Copy)]
struct Pattern {
    kind: usize,
    starts_word: bool,
    ends_word: bool,
}

struct Matcher {
    automaton: Option<AhoCorasick>,
    patterns: Vec<Pattern>,
}

static MATCHER: LazyLock<Matcher> = LazyLock::new(|| {
    let mut words = Vec::new();
    let mut patterns = Vec::new();
    for (kind, list) in LEXICON.iter().enumerate() {
        for entry in list.split_whitespace() {
            let word = entry.trim_end_matches('*').replace('_', " ");
            let anywhere = word.chars().any(is_cjk);
            patterns.push(Pattern { kind, starts_word: !anywhere, ends_word: !anywhere && !entry.ends_with('*') });
            words.push(word);
        }
    }
    // The lists are constants, so building fails for none or for all; without an automaton nothing is counted.
    let automaton = AhoCorasickBuilder::new().match_kind(MatchKind::Standard).build(&words).ok();
    Matcher { automaton, patterns }
});

/// How often each kind of cue occurs in a prompt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cues {
    /// Anywhere in the text.
    pub text: [u32; KINDS],
    /// In the part that asks.
    pub ask: [u32; KINDS],
    /// In the last thing said.
    pub last: [u32; KINDS],
}

/// Counts the cues of a text in one pass; a cue belongs to the part that it ends in.
pub fn count(text: &str, parts: &[Part]) -> Cues {
    let mut cues = Cues::default();
    let Some(automaton) = &MATCHER.automaton else {
        return cues;
    };
    let mut lower = String::with_capacity(text.len());
    let mut ends = Vec::with_capacity(parts.len());
    for part in parts {
        lower.push_str(&text[part.span.clone()].to_lowercase());
        ends.push(lower.len());
    }
    let mut at = 0;
    // Matches come in the order of their ends.
    for found in automaton.find_overlapping_iter(&lower) {
        let pattern = MATCHER.patterns[found.pattern().as_usize()];
        let starts = !pattern.starts_word || !lower[..found.start()].ends_with(char::is_alphanumeric);
        let ends_word = !pattern.ends_word || !lower[found.end()..].starts_with(char::is_alphanumeric);
        if !(starts && ends_word) {
            continue;
        }
        while ends[at] < found.end() {
            at += 1;
        }
        cues.text[pattern.kind] += 1;
        cues.ask[pattern.kind] += u32::from(parts[at].is_ask);
        cues.last[pattern.kind] += u32::from(parts[at].is_last);
    }
    cues
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> [u32; KINDS] {
        count(text, &[Part { span: 0..text.len(), is_ask: true, is_last: false }]).text
    }

    #[track_caller]
    fn check(text: &str, kind: usize) {
        assert!(found(text)[kind] > 0, "{text:?} has no cue of kind {kind}: {:?}", found(text));
    }

    #[test]
    fn lexicon_compiles() {
        assert!(MATCHER.automaton.is_some());
    }

    #[test]
    fn the_same_ask_gives_the_same_kind_in_many_languages() {
        for text in
            ["Prove that", "Demuestra que", "Démontrez que", "Beweise, dass", "Докажите, что", "证明", "증명하라"]
        {
            check(text, PROOF);
        }
        for text in ["hi", "Hola!", "Bonjour", "Привет", "你好", "こんにちは", "안녕", "مرحبا", "नमस्ते"]
        {
            check(text, GREETING);
        }
    }

    #[test]
    fn words_inside_words_are_no_cues() {
        assert_eq!(found("this chip is within")[GREETING], 0);
        assert_eq!(found("improvement")[PROOF], 0);
    }

    #[test]
    fn cue_belongs_to_the_part_that_it_ends_in() {
        let text = "İ PROVE it. Translate. Hello.";
        let part = |span, is_ask, is_last| Part { span, is_ask, is_last };
        let cues = count(text, &[part(0..13, false, false), part(13..24, true, false), part(24..30, true, true)]);
        let of = |counts: [u32; KINDS]| [PROOF, TRANSLATION, GREETING].map(|kind| counts[kind]);
        assert_eq!((of(cues.text), of(cues.ask), of(cues.last)), ([1, 1, 1], [0, 1, 1], [0, 0, 1]));
    }
}
