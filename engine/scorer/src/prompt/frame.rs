//! Takes off the frame that a program puts around what a person wrote: `### Instruction:`, `USER:`, `<request>`, `Answer:`.
//!
//! Only labels of a fixed list are taken off, alone on the first or last line or before a colon at the very start: any other
//! short line may be the task itself ("Translate to French:").

/// Most labels taken off at each end: a tag, a heading and a role.
const MOST: usize = 3;
/// Longer lines are no labels.
const LABEL_BYTES: usize = 40;

/// What a label says, in lower case and without marks.
const LABELS: [&str; 62] = [
    "user",
    "human",
    "assistant",
    "ai",
    "bot",
    "model",
    "system",
    "instruction",
    "instructions",
    "input",
    "output",
    "question",
    "q",
    "answer",
    "a",
    "your answer",
    "final answer",
    "response",
    "your response",
    "reply",
    "your reply",
    "task",
    "your task",
    "end of task",
    "request",
    "user request",
    "query",
    "user query",
    "prompt",
    "message",
    "user message",
    "completion",
    "begin",
    "end",
    "start",
    "frage",
    "antwort",
    "aufgabe",
    "pregunta",
    "respuesta",
    "tarea",
    "réponse",
    "tâche",
    "pergunta",
    "resposta",
    "tarefa",
    "domanda",
    "risposta",
    "вопрос",
    "ответ",
    "задача",
    "问题",
    "回答",
    "答案",
    "任务",
    "质问",
    "質問",
    "答え",
    "سؤال",
    "جواب",
    "السؤال",
    "प्रश्न",
];

/// The text without its frame; all of it if nothing else would be left.
pub(super) fn strip(text: &str) -> &str {
    let mut inner = text.trim();
    for _ in 0..MOST {
        inner = without_closing(inner);
    }
    for _ in 0..MOST {
        inner = without_opening(inner);
    }
    if inner.is_empty() { text } else { inner }
}

fn without_closing(text: &str) -> &str {
    let line = text.rfind('\n').map_or(0, |at| at + 1);
    if line > 0 && is_label(&text[line..]) { text[..line].trim_end() } else { text }
}

fn without_opening(text: &str) -> &str {
    let end = text.find('\n').unwrap_or(text.len());
    if end < text.len() && is_label(&text[..end]) {
        return text[end..].trim_start();
    }
    match text[..end].find([':', '\u{ff1a}']) {
        Some(at) if is_label(&text[..at]) => text[at..].trim_start_matches([':', '\u{ff1a}', '*']).trim_start(),
        _ => text,
    }
}

fn is_label(line: &str) -> bool {
    let is_mark = |it: char| it.is_whitespace() || "#*<>/[](){}|=-_:：".contains(it);
    let bare = line.trim_matches(is_mark);
    line.len() <= LABEL_BYTES && LABELS.contains(&bare.to_lowercase().replace(['_', '-'], " ").as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, inner: &str) {
        assert_eq!(strip(text), inner);
    }

    #[test]
    fn labels_around_the_text_are_taken_off() {
        check("### Instruction:\nName a river.\n\n### Response:\n", "Name a river.");
        check("User: name a river\nAssistant:", "name a river");
        check("<user_query>\nName a river.\n</user_query>", "Name a river.");
        check("<query>\nName a river.\n</query>", "Name a river.");
        check("**Question:** Name a river.\nA. Nile\nB. Everest\nAnswer:", "Name a river.\nA. Nile\nB. Everest");
        check("问题：法国的首都？\n答案：", "法国的首都？");
    }

    #[test]
    fn short_lines_that_may_be_the_task_stay() {
        check("Translate to French:\nhello", "Translate to French:\nhello");
        check("Explain: why?", "Explain: why?");
        check("answer", "answer");
        check("Question:", "Question:");
        check("list of rivers\nsorted", "list of rivers\nsorted");
        check("", "");
    }
}
