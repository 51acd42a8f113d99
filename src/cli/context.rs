//! `anteroom context`: what the words around a span say about it.

use std::io::{BufRead, Write};

use serde::{Deserialize, Serialize};

use super::Exit;
use crate::record::{Context, Span};
use crate::screen::Rules;

/// Says of each JSON line `{"id","text","start","end"}` whether the span is negated, historical, hypothetical, and whom it is about.
#[derive(Debug, clap::Args)]
pub struct ContextArgs {}

#[derive(Deserialize)]
struct Item {
    id: serde_json::Value,
    text: String,
    start: usize,
    end: usize,
}

#[derive(Serialize)]
struct Answer {
    id: serde_json::Value,
    #[serde(flatten)]
    context: Context,
}

/// Runs the command.
pub fn run(_: &ContextArgs, mut input: impl BufRead, mut out: impl Write, mut err: impl Write) -> Exit {
    let rules = Rules::built_in();
    let mut exit = Exit::Ok;
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        match input.read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => return Exit::fail(&mut err, Exit::Unreachable, &format!("line {number}: {error}")),
        }
        let answer = match answer(&rules, &line) {
            Ok(answer) => serde_json::to_string(&answer).unwrap_or_default(),
            Err(why) => {
                exit = Exit::Found;
                serde_json::json!({"line": number, "error": why}).to_string()
            }
        };
        if let Err(error) = writeln!(out, "{answer}") {
            return Exit::fail(&mut err, Exit::Unreachable, &format!("could not write: {error}"));
        }
    }
    exit
}

fn answer(rules: &Rules, line: &[u8]) -> Result<Answer, &'static str> {
    let item: Item = serde_json::from_slice(line)
        .map_err(|_| "the line is not an object with \"id\", \"text\", \"start\" and \"end\"; correct it")?;
    let span = Span::new(item.start, item.end);
    if span.is_empty() || span.of(&item.text).is_none() {
        return Err("the span does not lie on character edges inside the text; give UTF-8 byte offsets");
    }
    Ok(Answer { id: item.id, context: rules.context(&item.text, span) })
}
