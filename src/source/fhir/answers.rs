//! Questionnaires that somebody has answered.

use serde_json::Value;

use super::json;
use super::observations::quantity;
use crate::record::{Code, Unreadable};

/// Questions with their answers.
#[derive(Default)]
pub(super) struct Answered<'a> {
    /// `Question: answer`, or a heading alone.
    pub(super) lines: Vec<String>,
    pub(super) codes: Vec<Code>,
    /// Files that were given as answers.
    pub(super) attachments: Vec<&'a Value>,
    /// Set where an answer is of a form that nobody can read.
    pub(super) unreadable: Option<Unreadable>,
}

impl<'a> Answered<'a> {
    /// Takes an item, and those in it and in its answers. JSON does not nest without end.
    pub(super) fn take(&mut self, item: &'a Value) {
        let question = json::text(item, "text").or_else(|| json::text(item, "linkId")).unwrap_or_default();
        let answers = json::all(item, "answer");
        let said: Vec<String> =
            answers.iter().map(|answer| self.answer(answer)).filter(|said| !said.is_empty()).collect();
        let said = said.join("; ");
        let between = match (question, said.as_str()) {
            ("", _) | (_, "") => "",
            (asked, _) if asked.ends_with(['?', ':']) => " ",
            _ => ": ",
        };
        let line = format!("{question}{between}{said}");
        if !line.trim().is_empty() {
            self.lines.push(line.replace("\r\n", "\n"));
        }
        let below = answers.into_iter().flat_map(|answer| json::all(answer, "item"));
        below.chain(json::all(item, "item")).for_each(|item| self.take(item));
    }

    fn answer(&mut self, answer: &'a Value) -> String {
        let fields = answer.as_object().into_iter().flatten();
        let mut said = Vec::new();
        for (name, value) in fields.filter(|(name, _)| name.starts_with("value")) {
            match (name.as_str(), value) {
                ("valueAttachment", file) => self.attachments.push(file),
                ("valueCoding", coding) => {
                    self.codes.extend(json::codes(coding));
                    said.push(json::words(coding));
                }
                ("valueReference", reference) => said.push(json::words(reference)),
                ("valueQuantity", amount) => said.push(quantity(amount)),
                (_, Value::Bool(yes)) => said.push(if *yes { "yes" } else { "no" }.to_owned()),
                (_, Value::String(text)) => said.push(text.clone()),
                (_, Value::Number(number)) => said.push(number.to_string()),
                _ => self.unreadable = Some(Unreadable::Format),
            }
        }
        said.join(" ")
    }
}
