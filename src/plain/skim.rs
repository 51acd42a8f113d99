//! The lines to skim, told; pulling one out, letting the rest pass.

use std::io::Write;
use std::time::Instant;

use super::voice::ended;
use super::{Done, Line, PAGE, PlainError, Session};
use crate::protocol::{PassedLine, Reply, Request};
use crate::tui::words;

impl<W: Write, L: Line> Session<W, L> {
    pub(super) async fn skim(&mut self) -> Result<(), PlainError> {
        self.open = None;
        let Some(Reply::Skim(skim)) = self.ask(Request::Skim { limit: PAGE }).await? else { return Ok(()) };
        self.reading_time = skim.reading_time;
        self.voice.say(&format!("{} to skim. These are the first {}.", skim.totals.to_skim, skim.lines.len()))?;
        for (number, line) in (1..).zip(&skim.lines) {
            let marked = line.marked.of(&line.sentence).filter(|words| *words != line.sentence && !words.is_empty());
            let marked = marked.map(|words| ended(&format!(" The words: {words}"))).unwrap_or_default();
            let row = &line.row;
            let said = format!(
                "{number}. {}, {}. Read by: {}. {}{marked}",
                row.patient_name,
                row.sex_age,
                row.readers,
                ended(&line.sentence)
            );
            self.voice.say(&said)?;
        }
        if !skim.lines.is_empty() {
            self.voice
                .say("Say pass once you have read them all; pick and a number pulls one into the queue first.")?;
        }
        self.skim = skim.lines;
        self.skim_told = Some(Instant::now());
        Ok(())
    }

    pub(super) async fn pick(&mut self, number: &str) -> Result<(), PlainError> {
        let place = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let Some(line) = place.and_then(|place| self.skim.get(place)) else {
            return Ok(self.voice.refuse("say pick and the number of a line that skim told")?);
        };
        let (entry, name) = (line.row.entry, line.row.patient_name.clone());
        if let Some(Reply::Decided(_)) = self.ask(Request::Pick { entry }).await? {
            self.skim.retain(|line| line.row.entry != entry);
            self.voice.say(&format!("Pulled into the queue: {name}."))?;
        }
        Ok(())
    }

    pub(super) async fn pass(&mut self) -> Result<(), PlainError> {
        let Some(told) = self.skim_told.filter(|_| !self.skim.is_empty()) else {
            return Ok(self.voice.refuse("no lines were told: say skim")?);
        };
        // The time since they were told, shared by all of them.
        let share = told.elapsed().as_millis() as u64 / self.skim.len() as u64;
        if share < self.reading_time {
            let left = (self.reading_time - share) * self.skim.len() as u64;
            let left = left.div_ceil(1000);
            return Ok(self.voice.refuse(&format!("too early: these lines count as read in {left} s"))?);
        }
        let lines = self.skim.iter().map(|line| PassedLine {
            entry: line.row.entry,
            version: line.row.version,
            revision: line.row.revision,
            on_screen: share,
        });
        let request = Request::Pass { lines: lines.collect() };
        if let Some(Reply::Passed(passed)) = self.ask(request).await? {
            self.voice.say(&format!(
                "{} passed, on to the hold.",
                words::count(passed.passed.len() as u64, "line", "lines")
            ))?;
            for why in passed.refused {
                self.voice.refuse(&why)?;
            }
            if !passed.passed.is_empty() {
                let what = words::count(passed.passed.len() as u64, "passed line", "passed lines");
                self.done.push(Done { entries: passed.passed, what });
            }
            self.skim.clear();
        }
        Ok(())
    }
}
