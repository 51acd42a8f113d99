//! How fast screening is: `cargo bench --bench screen [FILE…]` screens the lines of the files, or a built-in day of
//! notes repeated to 50 MB, with all detectors on one thread, and prints MB/s.

use std::time::Instant;

use anteroom::screen::{Rules, TextItem};

const NOTE: &str = "3/7 cough, green sputum, no SOB. Chest clear, sats 98% RA, T 37.4, HR 82. Likely viral LRTI, \
    safety net, fluids and paracetamol. Mum has COPD. Works as a driver, lives with wife and two children. Amoxicillin \
    delayed script. Review in one week if not settling. PMH: hypertension, on ramipril 5mg. BP 138/84 today, bloods next month.\n";

fn main() {
    let files: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let mut texts: Vec<String> = Vec::new();
    for file in files {
        match std::fs::read_to_string(&file) {
            Ok(text) => texts.extend(text.lines().map(str::to_owned)),
            Err(error) => println!("skipped: {file}: {error}"),
        }
    }
    if texts.is_empty() {
        texts = vec![NOTE.repeat(4); (50 << 20) / (NOTE.len() * 4)];
    }
    let begun = Instant::now();
    let rules = Rules::built_in();
    println!("rules compiled in {:.1} ms", begun.elapsed().as_secs_f64() * 1e3);
    let items: Vec<TextItem> =
        texts.into_iter().map(|text| TextItem { kind: "consultation".to_owned(), text, codes: Vec::new() }).collect();
    let bytes: usize = items.iter().map(|item| item.text.len()).sum();
    let begun = Instant::now();
    let found: usize = items.iter().map(|item| rules.screen(item).matches.len()).sum();
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{:.1} MB in {seconds:.2} s: {:.1} MB/s, {found} matches",
        bytes as f64 / 1e6,
        bytes as f64 / 1e6 / seconds
    );
}
