//! Training the model of sentences on labelled texts, and what it says of a text.

use super::Rules;
use super::apply::{InContext, as_finding};
use crate::record::{Finding, Lane, Span};
use crate::screen::pack::{self, PackError};
use crate::screen::statistics::{self, Features, Learned, Lesson, Sentence, is_learned};
use crate::screen::{TextItem, lanes};

impl Rules {
    /// Where a text goes by rules alone, and the model's score of its strangest sentence, corrected for their number:
    /// what the curve of `anteroom eval` is drawn from.
    pub fn weighed(&self, item: &TextItem) -> (Lane, f32) {
        let reading = self.read(&item.text);
        let by_rules: Vec<Finding> = self
            .in_text(&reading)
            .iter()
            .map(|(found, _)| found)
            .filter(|found| !is_learned(&found.rule))
            .map(as_finding)
            .collect();
        (lanes::lane(&by_rules), lanes::for_length(self.score(&item.text), reading.sentences.len()))
    }

    /// Trains a model on labelled texts; writes it with `record` as its comment. The same texts give the same bytes.
    pub fn train(&self, lessons: &[Lesson], features: Features, record: &str) -> String {
        let kinds = |word: &str| self.kinds.get(self.vocabulary.number(word) as usize).cloned().unwrap_or_default();
        let mut sentences = Vec::new();
        for lesson in lessons {
            let reading = self.read(&lesson.text);
            let InContext { left: matched, cleared } = self.in_context(&reading);
            for (number, sentence) in reading.sentences.iter().enumerate() {
                let overlap = |mark: &Span| mark.end.min(sentence.end).saturating_sub(mark.start.max(sentence.start));
                let discloses = lesson.marked.iter().any(|mark| 2 * overlap(mark) > sentence.len().min(mark.len()));
                let words = reading.words(number as u32, &cleared, &self.vocabulary);
                let range = reading.sentence_tokens(number as u32);
                let rules: Vec<&str> = matched
                    .iter()
                    .filter(|(raw, ..)| range.contains(&raw.hit.0))
                    .filter_map(|(raw, ..)| self.rules.get(raw.rule as usize))
                    .map(|rule| rule.summary.id.as_str())
                    .collect();
                sentences.push(Sentence {
                    features: statistics::features(&words, &kinds, &rules, features),
                    discloses: discloses.then_some(lesson.category),
                });
            }
        }
        statistics::learn(&sentences, record)
    }

    /// These rules with another model, over the given features.
    ///
    /// # Errors
    /// When the model cannot be read.
    pub fn with_model(mut self, model: &str, features: Features) -> Result<Self, PackError> {
        let error = |what| PackError { file: pack::MODEL.to_owned(), what };
        let learned = Learned::parse(model).map_err(error)?;
        learned.add_words(&mut self.vocabulary);
        self.kinds.resize(self.vocabulary.len(), Vec::new());
        self.index.resize(self.vocabulary.len(), Vec::new());
        let names = self.rules.iter().map(|rule| rule.summary.id.as_str());
        self.model = learned.model(&self.vocabulary, &self.kinds, names, features);
        Ok(self)
    }

    /// What the model says of a text: the score of its strangest sentence.
    pub fn score(&self, text: &str) -> f32 {
        let reading = self.read(text);
        let InContext { left, cleared } = self.in_context(&reading);
        let matched: Vec<(u32, u16)> =
            left.iter().filter_map(|(raw, ..)| Some((reading.tokens.get(raw.hit.0)?.sentence, raw.rule))).collect();
        self.model.scores(&reading, &matched, &cleared).iter().map(|score| score.value).fold(f32::MIN, f32::max)
    }
}
