//! Asks for code in other languages than English, in three tiers. `{l}` is the programming language.

use crate::generate::chance::Rules;

/// The asks of a language.
pub(super) struct Tiers {
    pub(super) easy: &'static Rules,
    pub(super) middle: &'static Rules,
    pub(super) hard: &'static Rules,
}

pub(super) fn of(language: &str) -> Tiers {
    match language {
        "es" => Tiers { easy: ES_EASY, middle: ES_MIDDLE, hard: ES_HARD },
        "fr" => Tiers { easy: FR_EASY, middle: FR_MIDDLE, hard: FR_HARD },
        "de" => Tiers { easy: DE_EASY, middle: DE_MIDDLE, hard: DE_HARD },
        "pt" => Tiers { easy: PT_EASY, middle: PT_MIDDLE, hard: PT_HARD },
        "zh" => Tiers { easy: ZH_EASY, middle: ZH_MIDDLE, hard: ZH_HARD },
        "ja" => Tiers { easy: JA_EASY, middle: JA_MIDDLE, hard: JA_HARD },
        "ru" => Tiers { easy: RU_EASY, middle: RU_MIDDLE, hard: RU_HARD },
        _ => Tiers { easy: AR_EASY, middle: AR_MIDDLE, hard: AR_HARD },
    }
}

const ES_EASY: &Rules = &[
    (
        "s",
        "función en {l} que {t}|¿cómo se escribe en {l} algo que {t}?|código {l}: {t}|en {l}, por favor, algo que {t}",
    ),
    (
        "t",
        "invierta un texto|sume una lista|diga si un número es par|devuelva el mayor de dos números|cuente las vocales|lea un archivo e imprima sus líneas|ordene nombres|quite duplicados",
    ),
];
const ES_MIDDLE: &Rules = &[
    ("s", "Escribe en {l} {t}, con pruebas.|Necesito en {l} {t} y manejo de errores.|{l}: {t}"),
    (
        "t",
        "una caché LRU de tamaño fijo|un analizador de expresiones con paréntesis y precedencia|un lector de CSV con comillas y saltos de línea|el camino más corto en un grafo con pesos|un reintento con espera exponencial y cancelación|un orden topológico que informe de los ciclos",
    ),
];
const ES_HARD: &Rules = &[
    ("s", "Diseña e implementa en {l} {t}. {d}|{l}: {t}. {d}"),
    (
        "t",
        "un registro replicado con Raft y cambios de membresía|una cola sin bloqueos para varios productores|un motor de almacenamiento LSM con recuperación tras fallos|un recolector de basura incremental|transacciones distribuidas serializables entre regiones|una migración de esquema sin parada con vuelta atrás",
    ),
    (
        "d",
        "Demuestra la corrección.|Justifica el orden de memoria.|Analiza cada modo de fallo.|Incluye el argumento de linealizabilidad.",
    ),
];
const FR_EASY: &Rules = &[
    (
        "s",
        "fonction {l} qui {t}|comment écrire en {l} un code qui {t} ?|du code {l} qui {t}|en {l} s'il te plaît, un bout de code qui {t}",
    ),
    (
        "t",
        "inverse un texte|fait la somme d'une liste|dit si un nombre est pair|renvoie le plus grand de deux nombres|compte les voyelles|lit un fichier et affiche ses lignes|trie des noms|enlève les doublons",
    ),
];
const FR_MIDDLE: &Rules = &[
    ("s", "Écris en {l} {t}, avec des tests.|Il me faut en {l} {t} avec gestion des erreurs.|{l} : {t}"),
    (
        "t",
        "un cache LRU de taille fixe|un analyseur d'expressions avec parenthèses et priorités|un lecteur de CSV avec guillemets et retours à la ligne|le plus court chemin dans un graphe pondéré|un réessai avec attente exponentielle et annulation|un tri topologique qui signale les cycles",
    ),
];
const FR_HARD: &Rules = &[
    ("s", "Conçois et implémente en {l} {t}. {d}|{l} : {t}. {d}"),
    (
        "t",
        "un journal répliqué par Raft avec changement de membres|une file sans verrou à plusieurs producteurs|un moteur de stockage LSM avec reprise après panne|un ramasse-miettes incrémental|des transactions distribuées sérialisables entre régions|une migration de schéma sans arrêt et réversible",
    ),
    (
        "d",
        "Prouve la correction.|Justifie l'ordre mémoire.|Analyse chaque mode de panne.|Donne les points de linéarisation.",
    ),
];
const DE_EASY: &Rules = &[
    (
        "s",
        "{l}-Funktion, die {t}|wie schreibe ich in {l} Code, der {t}?|{l}: Code, der {t}|bitte in {l} etwas Kurzes, das {t}",
    ),
    (
        "t",
        "einen Text umdreht|eine Liste summiert|sagt, ob eine Zahl gerade ist|die größere von zwei Zahlen liefert|Vokale zählt|eine Datei zeilenweise ausgibt|Namen sortiert|Dubletten entfernt",
    ),
];
const DE_MIDDLE: &Rules = &[
    ("s", "Schreib mir in {l} {t}, mit Tests.|Ich brauche in {l} {t} samt Fehlerbehandlung.|{l}: {t}"),
    (
        "t",
        "einen LRU-Cache fester Größe|einen Parser für Ausdrücke mit Klammern und Vorrang|einen CSV-Leser mit Anführungszeichen und Umbrüchen|den kürzesten Weg in einem gewichteten Graphen|einen Wiederholer mit wachsender Wartezeit und Abbruch|eine topologische Sortierung, die Zyklen meldet",
    ),
];
const DE_HARD: &Rules = &[
    ("s", "Entwirf und schreibe in {l} {t}. {d}|{l}: {t}. {d}"),
    (
        "t",
        "ein mit Raft repliziertes Log mit Mitgliederwechsel|eine sperrfreie Warteschlange für mehrere Erzeuger|einen LSM-Speicher mit Wiederanlauf nach Absturz|eine inkrementelle Speicherbereinigung|serialisierbare verteilte Transaktionen über Regionen|eine Schemaänderung ohne Ausfall, jederzeit umkehrbar",
    ),
    (
        "d",
        "Beweise die Korrektheit.|Begründe die Speicherordnung.|Gehe jede Fehlerart durch.|Nenne die Linearisierungspunkte.",
    ),
];
const PT_EASY: &Rules = &[
    (
        "s",
        "função em {l} que {t}|como escrevo em {l} um código que {t}?|código {l} que {t}|em {l}, por favor, algo que {t}",
    ),
    (
        "t",
        "inverte um texto|soma uma lista|diz se um número é par|devolve o maior de dois números|conta as vogais|lê um arquivo e imprime as linhas|ordena nomes|remove repetidos",
    ),
];
const PT_MIDDLE: &Rules = &[
    ("s", "Escreva em {l} {t}, com testes.|Preciso em {l} de {t} com tratamento de erros.|{l}: {t}"),
    (
        "t",
        "um cache LRU de tamanho fixo|um analisador de expressões com parênteses e precedência|um leitor de CSV com aspas e quebras de linha|o caminho mais curto em um grafo com pesos|uma repetição com espera exponencial e cancelamento|uma ordenação topológica que relate ciclos",
    ),
];
const PT_HARD: &Rules = &[
    ("s", "Projete e implemente em {l} {t}. {d}|{l}: {t}. {d}"),
    (
        "t",
        "um log replicado com Raft e troca de membros|uma fila sem travas para vários produtores|um motor de armazenamento LSM com recuperação de falhas|um coletor de lixo incremental|transações distribuídas serializáveis entre regiões|uma migração de esquema sem parada e reversível",
    ),
    ("d", "Prove a correção.|Justifique a ordem de memória.|Analise cada modo de falha.|Dê os pontos de linearização."),
];
const ZH_EASY: &Rules = &[
    ("s", "用{l}写个函数，{t}|{l}怎么{t}？|请用{l}{t}|{l}：{t}"),
    (
        "t",
        "反转字符串|求列表的和|判断一个数是不是偶数|返回两个数中较大的|统计元音个数|逐行打印文件|给名字排序|去掉重复元素",
    ),
];
const ZH_MIDDLE: &Rules = &[
    ("s", "用{l}实现{t}，要有测试。|我需要{l}版的{t}，处理好错误。|{l}：{t}"),
    (
        "t",
        "固定大小的LRU缓存|支持括号和优先级的表达式解析器|支持引号和换行的CSV读取器|带权图的最短路径|可取消的指数退避重试|能报告环的拓扑排序",
    ),
];
const ZH_HARD: &Rules = &[
    ("s", "用{l}设计并实现{t}。{d}|{l}：{t}，{d}"),
    (
        "t",
        "支持成员变更的Raft复制日志|多生产者无锁队列|可崩溃恢复的LSM存储引擎|增量式垃圾回收器|跨地域可串行化分布式事务|不停机且随时可回滚的表结构变更",
    ),
    ("d", "请证明正确性。|论证内存序的选择。|逐一分析故障模式。|给出线性化点。"),
];
const JA_EASY: &Rules = &[
    ("s", "{l}で{t}関数を書いて|{l}で{t}方法は？|{l}で{t}コードをください|{l}：{t}コード"),
    (
        "t",
        "文字列を逆にする|リストを合計する|偶数かどうか調べる|二つの数の大きい方を返す|母音を数える|ファイルを一行ずつ表示する|名前を並べ替える|重複を取り除く",
    ),
];
const JA_MIDDLE: &Rules = &[
    ("s", "{l}で{t}をテスト付きで書いてください。|{l}の{t}が必要です。エラー処理もお願いします。|{l}：{t}"),
    (
        "t",
        "固定サイズのLRUキャッシュ|括号と優先順位を扱う式の構文解析|引用符と改行を扱うCSVリーダー|重み付きグラフの最短経路|取り消し可能な指数バックオフの再試行|閉路を報告するトポロジカルソート",
    ),
];
const JA_HARD: &Rules = &[
    ("s", "{l}で{t}を設計し実装してください。{d}|{l}：{t}。{d}"),
    (
        "t",
        "メンバー変更つきのRaft複製ログ|複数生産者のロックフリーキュー|障害回復できるLSMストレージエンジン|増分ガベージコレクタ|リージョン間の直列化可能な分散トランザクション|無停止でいつでも戻せるスキーマ変更",
    ),
    (
        "d",
        "正しさを証明すること。|メモリ順序の選択を論じること。|故障モードを一つずつ分析すること。|線形化点を示すこと。",
    ),
];
const RU_EASY: &Rules = &[
    (
        "s",
        "функция на {l}, которая {t}|как написать на {l} код, который {t}?|код на {l}, который {t}|на {l}, пожалуйста: функция, которая {t}",
    ),
    (
        "t",
        "переворачивает строку|суммирует список|проверяет чётность числа|возвращает большее из двух чисел|считает гласные|построчно печатает файл|сортирует имена|убирает повторы",
    ),
];
const RU_MIDDLE: &Rules = &[
    ("s", "Напиши на {l} {t}, с тестами.|Нужно на {l}: {t} с обработкой ошибок.|{l}: {t}"),
    (
        "t",
        "LRU-кэш фиксированного размера|разбор выражений со скобками и приоритетами|чтение CSV с кавычками и переносами строк|кратчайший путь во взвешенном графе|повтор с экспоненциальной задержкой и отменой|топологическую сортировку с отчётом о циклах",
    ),
];
const RU_HARD: &Rules = &[
    ("s", "Спроектируй и напиши на {l} {t}. {d}|{l}: {t}. {d}"),
    (
        "t",
        "реплицируемый журнал на Raft со сменой участников|неблокирующую очередь для многих писателей|LSM-хранилище с восстановлением после сбоя|инкрементальный сборщик мусора|сериализуемые распределённые транзакции между регионами|миграцию схемы без простоя с откатом в любой момент",
    ),
    ("d", "Докажи корректность.|Обоснуй порядок памяти.|Разбери каждый вид отказа.|Укажи точки линеаризации."),
];
const AR_EASY: &Rules = &[
    ("s", "دالة بلغة {l} {t}|كيف أكتب في {l} دالة {t}؟|كود {l} {t}|من فضلك بلغة {l}: دالة {t}"),
    (
        "t",
        "تعكس نصا|تجمع عناصر قائمة|تتحقق هل العدد زوجي|تعيد الأكبر من عددين|تعد حروف العلة|تطبع ملفا سطرا سطرا|ترتب الأسماء|تزيل التكرار",
    ),
];
const AR_MIDDLE: &Rules = &[
    ("s", "اكتب بلغة {l} {t} مع اختبارات.|أحتاج بلغة {l} {t} مع معالجة الأخطاء.|{l}: {t}"),
    (
        "t",
        "ذاكرة LRU محدودة الحجم|محلل تعابير بأقواس وأولويات|قارئ CSV يدعم الاقتباس والأسطر الجديدة|أقصر مسار في رسم موزون|إعادة محاولة بانتظار أسي مع إلغاء|ترتيبا طوبولوجيا يبلغ عن الدورات",
    ),
];
const AR_HARD: &Rules = &[
    ("s", "صمم ونفذ بلغة {l} {t}. {d}|{l}: {t}. {d}"),
    (
        "t",
        "سجلا مكررا بخوارزمية Raft مع تغيير الأعضاء|طابورا بلا أقفال لعدة منتجين|محرك تخزين LSM يتعافى بعد الانهيار|جامع نفايات تدريجيا|معاملات موزعة قابلة للتسلسل بين المناطق|تغيير مخطط دون توقف مع تراجع في أي لحظة",
    ),
    ("d", "برهن على الصحة.|علل ترتيب الذاكرة.|حلل كل أنماط الفشل.|حدد نقاط الخطية."),
];
