//! Lines to skim in the invented practice: nobody in them exists.

use anteroom::protocol::{Opened, SkimLine};
use anteroom::record::{Category, Lane, Span, Tier};
use anteroom::review::State;

use super::daemon::{Daemon, Inside};
use super::practice::{self, entry, part};

/// Name, sex and age, readers, the sentence with the words that scored between « and ».
const LINES: [[&str; 4]; 12] = [
    ["PARK Ji-woo", "F 52", "app", "Husband «waits in the car», r/v 2/52."],
    [
        "OBI Daniel",
        "M 9",
        "app, mother",
        "Here with mum for the rash behind both knees, worse at night, emollients as before, and «says dad shouts a \
         lot» when he scratches.",
    ],
    ["TAN Wei", "M 81", "daughter", "Daughter holds the bank card and «does the shopping», says it works well."],
    ["LEWIS Kayleigh", "F 15", "mother", "«Did not want mum in the room» for the blood pressure."],
    ["ADEYEMI Tolu", "F 29", "app", "«Partner answered the telephone and spoke for her.»"],
    [
        "BRIGGS Sam",
        "M 44",
        "app",
        "Knee injured playing football, swollen since, «bruise on the inner thigh» turning yellow.",
    ],
    ["HOLT Marie", "F 34", "app", "Poor sleep, «low since the move»."],
    ["ÓLAFSDÓTTIR Þórunn", "F 41", "none", "Lost «her phone again» and could not ring for the results."],
    ["NGUYEN An", "M 6", "app, father", "Fell from the bunk bed, «story fits», safety netted."],
    ["FERREIRA Ana", "F 23", "app", "Booked by boyfriend, who «asked for the contraceptive to be changed»."],
    [
        "KOWALSKI Jan",
        "M 67",
        "app",
        "Wife worried about his temper since the stroke; \
      he «shouts at the carers», never at her, and the memory clinic has the referral.",
    ],
    ["SMITH Jo", "F 38", "app", "«New address not to be given out»: changed on the system."],
];

/// So many lines to skim.
pub fn lines(count: u8) -> Vec<(Opened, SkimLine)> {
    (0..count)
        .map(|n| {
            let [name, sex_age, readers, text] = LINES[usize::from(n) % LINES.len()];
            let number = n + 100;
            let start = text.find('«').unwrap();
            let marked = Span::new(start, text.find('»').unwrap() - '«'.len_utf8());
            let sentence = text.replace(['«', '»'], "");
            let id = format!("w{number}");
            let words = marked.of(&sentence).unwrap();
            let finding = practice::finding(&id, &sentence, words, Category::DomesticAbuse, Tier::Weak, "weak cue");
            let mut opened = entry(
                number,
                i64::from(count - n) * 7,
                Tier::Weak,
                name,
                sex_age,
                readers,
                "Consultation",
                "Dr Shah",
                &["weak cue"],
                vec![part(&id, "History", "", &sentence)],
                vec![finding],
            );
            opened.row.state = State::Skim;
            opened.row.lane = Lane::Skim;
            opened.screening.lane = Lane::Skim;
            opened.row.changed = n == 6;
            let line = SkimLine { row: opened.row.clone(), sentence, marked };
            (opened, line)
        })
        .collect()
}

impl Inside {
    /// Puts so many lines on the skim page.
    pub fn add_to_skim(&mut self, count: u8) {
        for (opened, line) in lines(count) {
            self.sentences.insert(line.row.entry, (line.sentence, line.marked));
            self.entries.push(opened);
        }
    }
}

/// The day of the design with so many lines to skim, each to be read for so many milliseconds.
pub fn day(count: u8, reading_time: u64) -> Daemon {
    Daemon::with(practice::day()).change(|inside| {
        inside.add_to_skim(count);
        inside.reading_time = reading_time;
    })
}
