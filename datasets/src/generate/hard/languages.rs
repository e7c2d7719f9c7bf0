//! Hard asks in other languages than English.

use crate::generate::chance::Rules;

pub(super) fn of(language: &str) -> &'static Rules {
    match language {
        "es" => ES,
        "fr" => FR,
        "de" => DE,
        "pt" => PT,
        "zh" => ZH,
        "ja" => JA,
        "ru" => RU,
        _ => AR,
    }
}

const ES: &Rules = &[
    (
        "proof",
        "Demuestra que {c}.|Demuestra con rigor que {c}{x}.|¿Es cierto que {c}? Prueba o refuta.|¿Por qué {c}? Quiero la demostración completa.|Da dos demostraciones distintas de que {c}.",
    ),
    (
        "x",
        "| sin usar el axioma de elección| y di qué falla en dimensión infinita| por un argumento combinatorio| y que la hipótesis es necesaria",
    ),
    (
        "c",
        "todo cuerpo finito tiene orden potencia de un primo|la serie de Fourier de una función continua puede diverger en un punto|todo subgrupo de un grupo libre es libre|pi es irracional|hay infinitos primos congruentes con 1 módulo n|todo operador compacto autoadjunto es diagonalizable|el problema de la parada es indecidible|la esfera no admite un campo tangente sin ceros|todo grafo planar es 5-coloreable por listas",
    ),
    (
        "system",
        "Diseña {s} y {d}.|¿Cómo construirías {s}? {D}|{s}: protocolo y prueba de seguridad.|Argumenta a favor o en contra de {s} con números. {D}",
    ),
    (
        "s",
        "un registro distribuido sin líder|un limitador de peticiones exacto entre regiones|una caché que nunca esté obsoleta|pagos exactamente una vez de extremo a extremo|una sincronización sin conexión con permisos cambiantes|un planificador justo ante cargas desconocidas",
    ),
    (
        "d",
        "demuestra que no pierde datos|analiza todos los modos de fallo|justifica cada compromiso|dimensiona su capacidad",
    ),
    ("D", "Analiza la partición de red.|Demuestra la invariante central.|Sin confiar en los relojes."),
    (
        "law",
        "{k} ¿Quién responde y por qué?|{k} Asesora a ambas partes.|{k} Compara responsabilidad objetiva y por culpa.",
    ),
    (
        "k",
        "Un agente de software acepta una oferta ya revocada por correo.|La fuerza mayor alcanza a un deudor ya en mora.|Un administrador dimite para aprovechar una ocasión que el consejo rechazó.|Dos seguros cubren solo lo que el otro no cubre.|Un banco paga contra documentos que sospecha falsos.|Se venden datos anonimizados y un tercero los reidentifica.",
    ),
    ("science", "{q}|{q} Dedúcelo.|{q} Da las dos mejores respuestas y el experimento que las separa."),
    (
        "q",
        "¿Por qué la energía del vacío es tan pequeña?|¿Es la flecha del tiempo una condición de contorno?|¿Por qué los superconductores expulsan el campo?|¿Por qué surgieron los eucariotas una sola vez?|¿Qué identifica un instrumento con efectos heterogéneos?|¿Por qué generalizan las redes profundas?",
    ),
];

const FR: &Rules = &[
    (
        "proof",
        "Démontrez que {c}.|Démontre rigoureusement que {c}{x}.|Est-il vrai que {c} ? Prouver ou réfuter.|Donne deux preuves différentes du fait que {c}.|Où la preuve que {c} utilise-t-elle chaque hypothèse ?",
    ),
    (
        "x",
        "| sans l'axiome du choix| et dis ce qui échoue en dimension infinie| par un argument combinatoire| et que l'hypothèse est nécessaire",
    ),
    (
        "c",
        "tout corps fini est commutatif|la série de Fourier d'une fonction continue peut diverger en un point|tout sous-groupe d'un groupe libre est libre|pi est transcendant|il y a une infinité de nombres premiers congrus à 1 modulo n|tout espace compact séparé est normal|le problème de l'arrêt est indécidable|la sphère n'a pas de champ tangent sans zéro|tout graphe planaire est 5-choisissable",
    ),
    (
        "system",
        "Concevez {s} et {d}.|Comment construire {s} ? {D}|{s} : protocole et preuve de sûreté.|Plaide pour ou contre {s}, chiffres à l'appui. {D}",
    ),
    (
        "s",
        "un journal réparti sans meneur|un limiteur de débit exact entre régions|un cache jamais périmé|un paiement exactement une fois de bout en bout|une synchronisation hors ligne à droits variables|un ordonnanceur équitable sous charge inconnue",
    ),
    ("d", "prouvez qu'il ne perd rien|analysez tous les modes de panne|justifiez chaque compromis|dimensionnez-le"),
    ("D", "Traite la partition réseau.|Prouve l'invariant central.|Sans faire confiance aux horloges."),
    (
        "law",
        "{k} Qui répond, et pourquoi ?|{k} Conseille les deux parties.|{k} Compare responsabilité pour faute et sans faute.",
    ),
    (
        "k",
        "Un agent logiciel accepte une offre déjà révoquée par courrier.|La force majeure frappe un débiteur déjà en retard.|Un dirigeant démissionne pour saisir une affaire que le conseil a refusée.|Deux assureurs ne couvrent chacun que ce que l'autre ne couvre pas.|Une banque paie contre des documents qu'elle soupçonne faux.|Des données anonymisées sont vendues puis réidentifiées par un tiers.",
    ),
    ("science", "{q}|{q} Démontre-le.|{q} Donne les deux meilleures réponses et l'expérience qui les sépare."),
    (
        "q",
        "Pourquoi l'énergie du vide est-elle si petite ?|La flèche du temps est-elle une condition aux limites ?|Pourquoi les supraconducteurs expulsent-ils le champ ?|Pourquoi les eucaryotes ne sont-ils apparus qu'une fois ?|Qu'identifie un instrument à effets hétérogènes ?|Pourquoi les réseaux profonds généralisent-ils ?",
    ),
];

const DE: &Rules = &[
    (
        "proof",
        "Beweise: {c}.|Beweise vollständig{x}: {c}.|Stimmt das? {c}. Beweis oder Gegenbeispiel.|Zwei verschiedene Beweise bitte: {c}.|Wo braucht der Beweis jede Voraussetzung? {c}.",
    ),
    (
        "x",
        "| ohne Auswahlaxiom| und sage, was in unendlicher Dimension scheitert| rein kombinatorisch| und zeige, dass die Voraussetzung nötig ist",
    ),
    (
        "c",
        "Jeder endliche Schiefkörper ist kommutativ|Die Fourierreihe einer stetigen Funktion kann in einem Punkt divergieren|Jede Untergruppe einer freien Gruppe ist frei|Pi ist transzendent|Es gibt unendlich viele Primzahlen kongruent 1 modulo n|Jeder kompakte Hausdorffraum ist normal|Das Halteproblem ist unentscheidbar|Die Sphäre hat kein nullstellenfreies Tangentialfeld|Jeder planare Graph ist 5-listenfärbbar",
    ),
    (
        "system",
        "Entwirf {s} und {d}.|Wie baut man {s}? {D}|{s}: Protokoll und Sicherheitsbeweis.|Für oder gegen {s}, mit Zahlen. {D}",
    ),
    (
        "s",
        "ein verteiltes Log ohne Leader|einen regionsübergreifend exakten Ratenbegrenzer|einen Cache, der nie veraltet ist|genau einmalige Zahlungen von Ende zu Ende|Offline-Abgleich mit wechselnden Rechten|einen fairen Planer für unbekannte Lasten",
    ),
    (
        "d",
        "beweise, dass nichts verloren geht|analysiere alle Fehlerarten|begründe jede Abwägung|bemesse die Kapazität",
    ),
    ("D", "Behandle Netzteilungen.|Beweise die zentrale Invariante.|Ohne den Uhren zu trauen."),
    ("law", "{k} Wer haftet, und warum?|{k} Berate beide Seiten.|{k} Vergleiche Verschuldens- und Gefährdungshaftung."),
    (
        "k",
        "Ein Software-Agent nimmt ein bereits brieflich widerrufenes Angebot an.|Höhere Gewalt trifft einen Schuldner, der schon in Verzug ist.|Ein Geschäftsführer kündigt, um eine vom Rat verworfene Gelegenheit zu nutzen.|Zwei Versicherer decken je nur, was der andere nicht deckt.|Eine Bank zahlt auf Dokumente, die sie für gefälscht hält.|Anonymisierte Daten werden verkauft und von Dritten zugeordnet.",
    ),
    ("science", "{q}|{q} Leite es her.|{q} Nenne die zwei besten Antworten und das Experiment, das sie trennt."),
    (
        "q",
        "Warum ist die Vakuumenergie so klein?|Ist der Zeitpfeil eine Randbedingung?|Warum verdrängen Supraleiter das Feld?|Warum entstanden Eukaryoten nur einmal?|Was identifiziert ein Instrument bei heterogenen Effekten?|Warum verallgemeinern tiefe Netze?",
    ),
];

const PT: &Rules = &[
    (
        "proof",
        "Prove que {c}.|Prove rigorosamente que {c}{x}.|É verdade que {c}? Prove ou refute.|Dê duas provas diferentes de que {c}.|Onde a prova de que {c} usa cada hipótese?",
    ),
    (
        "x",
        "| sem o axioma da escolha| e diga o que falha em dimensão infinita| por um argumento combinatório| e que a hipótese é necessária",
    ),
    (
        "c",
        "todo anel de divisão finito é um corpo|a série de Fourier de uma função contínua pode divergir em um ponto|todo subgrupo de um grupo livre é livre|pi é transcendente|há infinitos primos congruentes a 1 módulo n|todo espaço compacto de Hausdorff é normal|o problema da parada é indecidível|a esfera não admite campo tangente sem zeros|todo grafo planar é 5-escolhível",
    ),
    (
        "system",
        "Projete {s} e {d}.|Como você construiria {s}? {D}|{s}: protocolo e prova de segurança.|Argumente contra ou a favor de {s}, com números. {D}",
    ),
    (
        "s",
        "um log distribuído sem líder|um limitador de taxa exato entre regiões|um cache que nunca fica velho|pagamentos exatamente uma vez de ponta a ponta|sincronização offline com permissões que mudam|um escalonador justo sob carga desconhecida",
    ),
    ("d", "prove que nada se perde|analise todos os modos de falha|justifique cada escolha|dimensione a capacidade"),
    ("D", "Trate a partição de rede.|Prove a invariante central.|Sem confiar em relógios."),
    (
        "law",
        "{k} Quem responde e por quê?|{k} Aconselhe as duas partes.|{k} Compare responsabilidade objetiva e por culpa.",
    ),
    (
        "k",
        "Um agente de software aceita uma oferta já revogada por carta.|A força maior atinge um devedor já em mora.|Um diretor se demite para aproveitar um negócio que o conselho recusou.|Duas seguradoras cobrem só o que a outra não cobre.|Um banco paga contra documentos que suspeita serem falsos.|Dados anonimizados são vendidos e reidentificados por terceiros.",
    ),
    ("science", "{q}|{q} Deduza.|{q} Dê as duas melhores respostas e o experimento que as separa."),
    (
        "q",
        "Por que a energia do vácuo é tão pequena?|A seta do tempo é uma condição de contorno?|Por que supercondutores expulsam o campo?|Por que os eucariontes surgiram só uma vez?|O que um instrumento identifica com efeitos heterogêneos?|Por que redes profundas generalizam?",
    ),
];

const ZH: &Rules = &[
    (
        "proof",
        "证明：{c}。|请严格证明{c}{x}。|{c}，对吗？证明或反驳。|用两种方法证明{c}。|{c}的证明中每个条件用在哪里？",
    ),
    ("x", "|，不用选择公理|，并说明无穷维时哪里失效|，用组合方法|，并说明条件必不可少"),
    (
        "c",
        "有限除环是域|连续函数的傅里叶级数可以在一点发散|自由群的子群是自由群|圆周率是超越数|模n余1的素数有无穷多个|紧豪斯多夫空间是正规的|停机问题不可判定|二维球面上没有处处非零的切向量场|平面图是5-可选的",
    ),
    ("system", "设计{s}，{d}。|怎样实现{s}？{D}|{s}：给出协议并证明安全性。|用数字论证是否该做{s}。{D}"),
    (
        "s",
        "无主节点的分布式日志|跨地域精确限流器|永不过期失真的缓存|端到端恰好一次的支付|权限会变的离线同步|对未知负载公平的调度器",
    ),
    ("d", "证明不丢数据|分析所有故障模式|论证每个取舍|估算容量"),
    ("D", "考虑网络分区。|证明核心不变式。|不能相信时钟。"),
    ("law", "{k}谁承担责任，为什么？|{k}请分别为双方提供意见。|{k}比较过错责任与无过错责任。"),
    (
        "k",
        "软件代理接受了已用信件撤回的要约。|不可抗力发生时债务人已经迟延。|董事辞职去做董事会放弃的生意。|两家保险各自只保对方不保的部分。|银行凭它怀疑是伪造的单据付款。|匿名数据被出售后由第三方重新识别。",
    ),
    ("science", "{q}|{q}请推导。|{q}给出两个最好的解释和能区分它们的实验。"),
    (
        "q",
        "真空能为什么这么小？|时间之箭是边界条件吗？|超导体为什么排斥磁场？|真核生物为什么只出现过一次？|效应异质时工具变量识别的是什么？|深度网络为什么能泛化？",
    ),
];

const JA: &Rules = &[
    (
        "proof",
        "{c}ことを証明してください。|{c}ことを厳密に証明し{x}てください。|{c}というのは本当ですか？証明か反例を。|{c}ことの証明を二通り示してください。|{c}ことの証明で各仮定はどこで必要ですか？",
    ),
    ("x", "、選択公理を使わずに示し|、無限次元で何が崩れるか述べ|、組合せ論的な別証も与え|、仮定が必要なことも示し"),
    (
        "c",
        "有限斜体が可換である|連続関数のフーリエ級数が一点で発散しうる|自由群の部分群が自由である|円周率が超越数である|nを法として1に合同な素数が無限にある|コンパクトハウスドルフ空間が正規である|停止問題が決定不能である|球面に零点のない接ベクトル場がない|平面グラフが5-選択可能である",
    ),
    (
        "system",
        "{s}を設計し、{d}ください。|{s}はどう作りますか？{D}|{s}：プロトコルと安全性の証明。|{s}の是非を数字で論じてください。{D}",
    ),
    (
        "s",
        "リーダーのない分散ログ|リージョン間で正確なレート制限|決して古くならないキャッシュ|端から端まで一回限りの決済|権限が変わるオフライン同期|未知の負荷に公平なスケジューラ",
    ),
    ("d", "データを失わないことを証明して|全ての故障モードを分析して|各トレードオフを正当化して|容量を見積もって"),
    ("D", "ネットワーク分断を考慮すること。|中心となる不変条件を証明すること。|時計を信用しないこと。"),
    ("law", "{k}誰がなぜ責任を負いますか？|{k}双方に助言してください。|{k}過失責任と無過失責任を比較してください。"),
    (
        "k",
        "ソフトウェア代理人が、手紙で撤回済みの申込みを承諾した。|すでに遅滞中の債務者に不可抗力が生じた。|取締役が辞任し、取締役会の断った取引を自ら行った。|二つの保険が、互いに相手が補償しない部分だけを補償する。|銀行が偽造と疑う書類に対して支払った。|匿名化データが売られ、第三者に再識別された。",
    ),
    ("science", "{q}|{q}導出してください。|{q}最良の説明を二つと、それを分ける実験を示してください。"),
    (
        "q",
        "真空のエネルギーはなぜこれほど小さいのですか？|時間の矢は境界条件ですか？|超伝導体はなぜ磁場を排除するのですか？|真核生物はなぜ一度しか生じなかったのですか？|効果が不均一なとき操作変数は何を識別しますか？|深層ネットワークはなぜ汎化するのですか？",
    ),
];

const RU: &Rules = &[
    (
        "proof",
        "Докажите, что {c}.|Докажи строго, что {c}{x}.|Верно ли, что {c}? Доказать или опровергнуть.|Дай два разных доказательства того, что {c}.|Где в доказательстве того, что {c}, нужна каждая посылка?",
    ),
    (
        "x",
        "| без аксиомы выбора| и скажи, что ломается в бесконечной размерности| комбинаторно| и что условие нельзя ослабить",
    ),
    (
        "c",
        "всякое конечное тело коммутативно|ряд Фурье непрерывной функции может расходиться в точке|подгруппа свободной группы свободна|число пи трансцендентно|простых вида 1 по модулю n бесконечно много|компактное хаусдорфово пространство нормально|проблема остановки неразрешима|на сфере нет касательного поля без нулей|планарный граф предписанно 5-раскрашиваем",
    ),
    (
        "system",
        "Спроектируй {s} и {d}.|Как построить {s}? {D}|Нужно спроектировать {s}: протокол и доказательство безопасности.|Доводы за и против того, чтобы делать {s}, с числами. {D}",
    ),
    (
        "s",
        "распределённый журнал без лидера|точный межрегиональный ограничитель запросов|кэш, который никогда не устаревает|платежи ровно один раз от края до края|офлайн-синхронизацию с меняющимися правами|справедливый планировщик для неизвестной нагрузки",
    ),
    ("d", "докажи, что данные не теряются|разбери все виды отказов|обоснуй каждый компромисс|оцени мощность"),
    ("D", "Учти разделение сети.|Докажи главный инвариант.|Часам доверять нельзя."),
    ("law", "{k} Кто отвечает и почему?|{k} Дай советы обеим сторонам.|{k} Сравни ответственность за вину и без вины."),
    (
        "k",
        "Программный агент принял оферту, уже отозванную письмом.|Непреодолимая сила настигла должника, который уже просрочил.|Директор уволился, чтобы взять сделку, от которой отказался совет.|Два страховщика покрывают лишь то, чего не покрывает другой.|Банк платит по документам, которые считает поддельными.|Обезличенные данные проданы и заново опознаны третьим лицом.",
    ),
    ("science", "{q}|{q} Выведи.|{q} Дай два лучших ответа и опыт, который их различит."),
    (
        "q",
        "Почему энергия вакуума так мала?|Стрела времени — это граничное условие?|Почему сверхпроводник выталкивает поле?|Почему эукариоты возникли лишь однажды?|Что опознаёт инструмент при разнородных эффектах?|Почему глубокие сети обобщают?",
    ),
];

const AR: &Rules = &[
    (
        "proof",
        "برهن أن {c}.|أثبت بدقة أن {c}{x}.|هل صحيح أن {c}؟ برهن أو انقض.|أعط برهانين مختلفين على أن {c}.|أين يستخدم برهان أن {c} كل فرض من فروضه؟",
    ),
    ("x", "| دون بديهية الاختيار| وبين ما يفشل في الأبعاد اللانهائية| بطريقة توافقية| وأن الفرض ضروري"),
    (
        "c",
        "كل حلقة قسمة منتهية حقل|متسلسلة فورييه لدالة متصلة قد تتباعد عند نقطة|كل زمرة جزئية من زمرة حرة حرة|العدد باي متسام|الأعداد الأولية المطابقة لواحد بترديد n غير منتهية|كل فضاء هاوسدورف متراص سوي|مسألة التوقف غير قابلة للحسم|لا يوجد حقل مماسي بلا أصفار على الكرة|كل رسم مستو قابل للتلوين بقوائم خماسية",
    ),
    ("system", "صمم {s} و{d}.|كيف تبني {s}؟ {D}|{s}: البروتوكول وبرهان الأمان.|جادل مع {s} أو ضده بالأرقام. {D}"),
    (
        "s",
        "سجلا موزعا بلا قائد|محدد معدل دقيقا بين المناطق|ذاكرة مخبأة لا تتقادم أبدا|مدفوعات مرة واحدة تماما من طرف إلى طرف|مزامنة دون اتصال بصلاحيات متغيرة|مجدولا عادلا لأحمال مجهولة",
    ),
    ("d", "برهن أنه لا يفقد بيانات|حلل كل أنماط الفشل|علل كل مقايضة|قدر سعته"),
    ("D", "عالج انقسام الشبكة.|برهن الثابت المركزي.|دون الثقة بالساعات."),
    ("law", "{k} من المسؤول ولماذا؟|{k} انصح الطرفين.|{k} قارن بين المسؤولية بالخطأ والمسؤولية دون خطأ."),
    (
        "k",
        "وكيل برمجي قبل عرضا سبق سحبه برسالة.|أصابت القوة القاهرة مدينا متأخرا أصلا.|استقال مدير ليغتنم صفقة رفضها المجلس.|شركتا تأمين تغطي كل منهما ما لا تغطيه الأخرى فقط.|دفع مصرف مقابل مستندات يظنها مزورة.|بيعت بيانات مجهولة الهوية ثم أعاد طرف ثالث تحديد أصحابها.",
    ),
    ("science", "{q}|{q} اشتق ذلك.|{q} أعط أفضل جوابين والتجربة التي تفصل بينهما."),
    (
        "q",
        "لماذا طاقة الفراغ صغيرة إلى هذا الحد؟|هل سهم الزمن شرط حدي؟|لماذا يطرد الموصل الفائق المجال؟|لماذا نشأت حقيقيات النوى مرة واحدة؟|ماذا يحدد المتغير الأداتي عند تباين الآثار؟|لماذا تعمم الشبكات العميقة؟",
    ),
];
