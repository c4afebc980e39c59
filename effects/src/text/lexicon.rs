//! What words are for, in the languages that are read: the words of a new language are lines here. What words together mean does not
//! stand here.

use std::sync::LazyLock;

/// What a word is for; a word may be for several things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Class(u64);

macro_rules! classes {
    ($($name:ident $bit:literal $doc:literal;)*) => {
        impl Class {
            $(#[doc = $doc] pub const $name: Self = Self(1 << $bit);)*
        }
    };
}

classes! {
    IGNORE 0 "To drop something: ignore, forget.";
    PRIOR 1 "What was before: previous, all.";
    INSTRUCTION 2 "Instructions, rules, prompts.";
    AI 3 "What is certainly an AI.";
    AGENT 4 "What may be one: agent, assistant.";
    YOU 5 "The reader.";
    BEFORE 6 "Before, first, after.";
    TASK 7 "What the agent was asked for, and to answer it.";
    GO_ON 8 "To go on, to finish.";
    MUST 9 "Must, need to.";
    PLEASE 10 "Please.";
    NOT 11 "Not, never, without.";
    TELL 12 "To tell somebody.";
    USER 13 "For whom the agent works.";
    ACT 14 "To do what others feel: send, pay, share, delete.";
    DO 15 "To do anything else.";
    CALL 16 "To call or use.";
    TOOL 17 "A tool or function.";
    URGENT 18 "Urgent, important.";
    SECRETLY 19 "Without being seen.";
    FOLLOWING 20 "The following.";
    NEW 21 "New, instead.";
    FROM 22 "From, to: whose a message is.";
    ROLE 23 "Who may give orders: system, administrator, developer.";
    MESSAGE 24 "A message, a notice.";
    ABOUT 25 "Words of texts about such attacks.";
    HAIL 26 "What stands before who is spoken to: dear, attention, note to.";
    JOIN 27 "What joins one request to the next: and, then.";
    REQUEST 29 "A request, which may be one of HTTP or to pull, too.";
    TOLD 30 "Was told or asked.";
    TO 31 "To or for: whom something is meant for.";
    ANYONE 32 "Anybody.";
    PERMISSION 33 "A permission, or to ask for one.";
    APPROVE 34 "To permit.";
    ALWAYS 35 "From now on.";
    THING 28 "What is as often a thing as something to do: an email, a transfer.";
}

impl Class {
    /// Both together.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether they have something in common.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether the word is for nothing.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// Words in small letters without accents; a star stands for any end.
const WORDS: &[(Class, &str)] = &[
    (
        Class::IGNORE,
        "abandon stop skip drop outdated obsolete invalid void cancelled canceled superseded revoked ignore ignores ignoring disregard* forget override bypass discard neglect ignorier* vergiss vergessen missacht* ignorez ignores oublie* \
         negligez ignora ignoren olvida* olvide* descarta* descarte* ignorate dimentica* trascura* ignorar ignorem esqueca* desconsidere* negeer* \
         vergeet игнорир* забудь* отбрось* проигнорир* zignoruj* yoksay* 忽略 忘记 无视 忽視 無視 忘れ 무시 잊어",
    ),
    (
        Class::PRIOR,
        "previous prior above earlier preceding initial original existing all any every other vorherig* bisherig* vorig* obig* alle sonstig* \
         precedent* anterieur* initial* tout* anterior* previ* todas todos tutte tutti vorige eerdere предыдущ* прежн* все 之前 以前 以上 先前 前の 上記 이전 위의",
    ),
    (
        Class::INSTRUCTION,
        "guidance requests instruction* prompt prompts rule rules direction* directive* guideline* command commands orders constraint* restriction* context policy \
         policies anweisung* befehl* vorgabe* regel* consigne* directive* instruccion* orden ordenes reglas istruzion* ordini regole instruco* \
         ordens regras instructie* opdracht* инструкц* указани* правил* команд* polecen* talimat* 指令 指示 说明 规则 提示 命令 지시 명령 규칙",
    ),
    (
        Class::AI,
        "assistant assistants ai llm llms chatbot* gpt gpt4 gpt-* chatgpt claude copilot codex ki kuenstlich* ia ии chat-bot 人工智能 大模型 人工知能 인공지능",
    ),
    (
        Class::AGENT,
        "assistant* agent agents bot bots model assistent* agente agentes asistente* assistente* agenten ассистент* агент* помощник* asystent* 助手 \
         助理 代理 智能体 アシスタント エージェント 어시스턴트 에이전트",
    ),
    (
        Class::YOU,
        "you're you've you'll you your yours yourself du dir dein* sie ihr ihre* tu toi vous votre vos ton usted* su tus voi lei tuo tua tue voce vos seu sua jij je jouw \
         u uw ты тебе твой вы вам ваш* 你 您 你的 あなた 당신",
    ),
    (
        Class::BEFORE,
        "before first firstly prior after once afterwards bevor zuerst zunaechst zunachst nachdem vorher avant d'abord apres antes primero despues primo \
         prima dopo primeiro depois voordat eerst nadat прежде сначала после zanim najpierw 首先 先 之前 之后 前に まず 後 먼저 전에",
    ),
    (
        Class::TASK,
        "task tasks question query assignment answer answering respond responding reply replying summariz* summaris* \
         summary response aufgabe* anfrage frage antwort* zusammenfass* tache* demande repondre repondez resumer tarea* solicitud pregunta responder \
         resumir compito compiti richiesta domanda rispond* riassum* tarefa* pedido pergunta taak taken verzoek vraag antwoord* задач* задани* запрос \
         ответ* отвеч* zadani* gorev 任务 请求 问题 回答 总结 タスク 質問 回答 要約 작업 질문 답변 요약",
    ),
    (
        Class::GO_ON,
        "continue continuing proceed proceeding solve solving complete completing finish finishing begin start fortfahr* weitermach* loes* los* \
         abschlie* continuer continuez poursuiv* terminer continuar continua continue seguir completar resolver proseguir* completar* risolv* \
         concluir verder doorgaan ga voltooi* продолж* заверш* решить 继续 完成 解决 続け 続行 完了 계속 완료",
    ),
    (
        Class::MUST,
        "must need needs should have ought required shall will musst muessen mussen muss sollst sollen sollte devez dois doit faut debe debes debe* tienes \
         devi deve devono devete dovete deves moet moeten dient должен должн* нужно необходимо musisz nalezy 必须 需要 应该 务必 必要 해야 반드시",
    ),
    (
        Class::PLEASE,
        "could would please kindly pls plz bitte veuillez svp favor favore cortesia prego alsjeblieft alstublieft aub gelieve пожалуйста prosze lutfen 请 請 ください \
         下さい 주세요 십시오 todo",
    ),
    (
        Class::NOT,
        "nichts nothing niets rien nada niente ничего not don't dont never without no nicht kein* niemals ohne ne pas jamais sans nunca sin non mai senza nao sem niet nooit zonder не никогда без nie bez \
         不要 不得 别 勿 ないで しない 하지",
    ),
    (
        Class::TELL,
        "tell telling mention mentioning inform informing reveal revealing disclose disclosing notify notifying alert warn    ask asking \
         sag* erwaehn* erwahn* verrat* mitteil* informier* melde* dis dites dire mentionn* inform* previen* digas diga decir mencion* reveles avises dire \
         menzion* rivelar* avvisar* diga mencione revele informe vertel* vermeld* meld говори* сообща* упомина* расскаж* mów* 告诉 提及 透露 通知 伝え 知らせ \
         言及 말하 알리 언급",
    ),
    (
        Class::USER,
        "user users user's human humans operator person      owner customer client supervisor benutzer* nutzer* anwender* niemand* \
         mensch* utilisat* usuario*  persona utente*  usuario  gebruiker*  пользовател*  человек* uzytkownik* 用户 \
          使用者 ユーザー 利用者 사용자",
    ),
    (
        Class::ACT,
        "send sends forward transfer transfers pay wire email e-mail mail post upload share invite grant give delete remove erase wipe drop change update \
         modify reset unlock disable enable book reserve schedule cancel buy purchase order withdraw deposit message text publish submit add create move \
         leak exfiltrate copy paste append insert register deploy approve merge close assign revoke rename set write reply respond call notify redirect \
         replace include schick* send* sende* ueberweis* uberweis* zahl* loesch* losch* teile* teilen weiterleit* leite lade aender* ander* buche* bestell* \
         envo* transfer* transmet* vers* payez pay* supprim* partag* invitez modif* reserv* achet* public* envia* envie* transfier* transferi* reenvi* paga* pague* \
         borra* borre* elimin* comparte* compart* invit* cambia* cambie* compra* invia* inviate trasfer* inoltr* cancella* condivid* cambi* prenot* \
         acquist* envi* encaminh* exclu* apag* compartilh* mude altere compre stuur* zend* verstuur* maak betaal* verwijder* deel wijzig* boek отправ* пришли* \
         перешли* перевед* переведи* оплат* удал* подел* измен* забронир* опублик* wyślij* wyslij* przelej* usun* gonder* 发送 发给 转账 转发 汇款 支付 删除 分享 \
         邀请 修改 更新 上传 预订 送信 送っ 送金 転送 支払 削除 共有 招待 変更 予約 보내 송금 전달 삭제 공유 변경 예약",
    ),
    (
        Class::DO,
        "remember memorize memorise run execute curl wget install download fetch visit open navigate read print cat export go click browse access search look find list get use do \
         perform make clone commit push pull output echo return retrieve reveal collect gather query load follow display fuehr* fuhr* ausfuehr* \
         oeffn* offne* besuch* lies lese* lade* execut* ouvr* visit* lis telecharg* ejecut* abr* visita* lee lea descarg* esegu* apri* leggi scaric* execut* \
         abra leia baix* voer open* lees выполн* запуст* открой* откройте перейди* прочита* скача* 执行 运行 打开 访问 读取 下载 実行 開い 開く 読み 실행 열어 읽어",
    ),
    (
        Class::CALL,
        "call use invoke run execute using calling benutze* verwende* rufe utilise* utilisez usa use utiliza usar usare используй* вызов* 调用 使用 呼び出 사용 호출",
    ),
    (
        Class::TOOL,
        "tool tools function functions api mcp werkzeug* outil* funktion fonction herramienta* funcion strumento funzione ferramenta инструмент* функци* 工具 函数 ツール 関数 도구 함수",
    ),
    (
        Class::URGENT,
        "urgent urgently immediately important critical attention asap mandatory warning now dringend sofort wichtig* achtung urgente* immediate* \
         immediatement importante* atencion subito belangrijk* onmiddellijk срочно важно немедленно внимание 重要 紧急 立即 緊急 至急 중요 긴급 즉시",
    ),
    (
        Class::SECRETLY,
        "secretly silently quietly covertly discreetly stealthily heimlich unauffaellig unauffallig discretement secretement secretamente discretamente segretamente stiekem тайно незаметно 偷偷 悄悄 秘密 こっそり 몰래",
    ),
    (Class::TO, "to for an fuer fur pour para a per voor для"),
    (
        Class::ANYONE,
        "anyone anybody them him her someone niemand jemand personne nadie nessuno ninguem nikomu никому 任何人",
    ),
    (
        Class::PERMISSION,
        "permission approval confirmation consent asking ask asks confirm erlaubnis zustimmung bestaetigung bestatigung nachfrage autorisation confirmation permiso confirmacion permesso conferma \
         permissao confirmacao toestemming bevestiging разрешени* подтвержден* 许可 确认 同意 許可 確認 허락 확인",
    ),
    (
        Class::APPROVE,
        "approve approves approved allow authorize authorise accept genehmig* approuv* aprueb* approva* aprova* одобр* 批准 承認 승인",
    ),
    (
        Class::ALWAYS,
        "always permanently forever longer every each future immer dauerhaft kuenftig kunftig toujours siempre sempre altijd всегда 始终 永久 永远 常に 항상",
    ),
    (Class::REQUEST, "request requests ask"),
    (
        Class::TOLD,
        "doing told asked said instructed wants wanted says gesagt aufgetragen gebeten dit demande dicho pedido detto chiesto gezegd gevraagd сказал* просил* 说的 言った 말한",
    ),
    (
        Class::FOLLOWING,
        "following below folgend* suivant* siguiente* seguente* seguinte* volgende следующ* 以下 下面 下列 次の 다음",
    ),
    (
        Class::NEW,
        "new instead actual real updated neue* stattdessen nouve* nueva* nuevo* nuov* nova* novo* nieuwe новы* новая 新的 新しい 새로운",
    ),
    (Class::FROM, "from von de da van от"),
    (
        Class::ROLE,
        "system admin administrator* administration developer* operator* sysadmin security root maintainer* anthropic openai owner boss ceo manager entwickler* \
         betreiber* administrador* desarrollador* amministrator* sviluppator* beheerder* администратор* разработчик* систем* 系统 管理员 开发者 システム 管理者 \
         開発者 시스템 관리자 개발자 me myself",
    ),
    (
        Class::MESSAGE,
        "reminder message messages notice note announcement update alert memo instruction instructions directive prompt override nachricht hinweis mitteilung message* avis \
         mensaje aviso messaggio avviso mensagem bericht сообщени* уведомлени* 消息 通知 公告 メッセージ お知らせ 메시지 알림",
    ),
    (
        Class::ABOUT,
        "injection injections attacker* adversar* malicious jailbreak* exploit exploits vulnerab* untrusted phishing e.g attack attacks \
         red-team* payload payloads owasp benchmark threat threats mitigat* defend* defens* angreifer* angriff* attaquant* atacante* attacc* инъекц* \
         злоумышлен* 注入 攻击 攻擊 攻撃 공격",
    ),
    (
        Class::HAIL,
        "dear hey hi hello attention note instruction instructions message reminder notice if as hinweis achtung liebe* lieber cher chere bonjour querido* \
         estimado* hola caro cara ciao ola beste geachte уважаем* привет дорогой 致 亲爱的 尊敬的 親愛な",
    ),
    (
        Class::THING,
        "email e-mail mail post text order book schedule message transfer transfers share change update purchase deposit copy pay wire reset call reply",
    ),
    (
        Class::JOIN,
        "and then also und dann et puis y luego e poi en dan и затем i ve 并 然后 再 そして 그리고 just simply",
    ),
];

struct Stem {
    text: &'static str,
    is_whole: bool,
    class: Class,
}

/// The words by their first byte.
struct Lexicon {
    stems: Vec<Stem>,
    firsts: [u16; 257],
}

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    let mut stems: Vec<Stem> = Vec::new();
    for (class, words) in WORDS {
        for word in words.split_whitespace() {
            let (text, is_whole) = word.strip_suffix('*').map_or((word, true), |stem| (stem, false));
            stems.push(Stem { text, is_whole, class: *class });
        }
    }
    stems.sort_by_key(|stem| stem.text);
    let firsts = std::array::from_fn(|byte| {
        stems.partition_point(|stem| usize::from(stem.text.as_bytes().first().copied().unwrap_or(0)) < byte) as u16
    });
    Lexicon { stems, firsts }
});

impl Lexicon {
    fn like(&self, text: &str) -> &[Stem] {
        let Some(first) = text.as_bytes().first().map(|first| usize::from(*first)) else { return &[] };
        let range = usize::from(self.firsts[first])..usize::from(self.firsts[first + 1]);
        self.stems.get(range).unwrap_or_default()
    }
}

/// What a word in small letters without accents is for.
pub fn class_of(word: &str) -> Class {
    let is = |stem: &&Stem| if stem.is_whole { word == stem.text } else { word.starts_with(stem.text) };
    LEXICON.like(word).iter().filter(is).fold(Class::default(), |class, stem| class.with(stem.class))
}

/// What a text without blanks between its words begins with, and how many bytes that is; nothing if no known word.
pub fn begins(text: &str) -> Option<(Class, usize)> {
    let known = LEXICON.like(text).iter().filter(|stem| text.starts_with(stem.text));
    let longest = known.clone().map(|stem| stem.text.len()).max()?;
    Some((
        known.filter(|stem| stem.text.len() == longest).fold(Class::default(), |all, stem| all.with(stem.class)),
        longest,
    ))
}
