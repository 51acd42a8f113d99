//! Fuzz target: any bytes → normalise → detect → spans. `cargo test --test fuzz_screen` runs a short fixed course;
//! `ANTEROOM_FUZZ_SECONDS=600` runs longer from another seed each time it is set to another number.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use anteroom::screen::{Rules, TextItem};

#[test]
fn any_text_gives_spans_on_its_characters() {
    let seconds: u64 = std::env::var("ANTEROOM_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let rules = Rules::built_in();
    let path = format!("{}/tests/data/screening/dev.jsonl", env!("CARGO_MANIFEST_DIR"));
    let seeds = std::fs::read(path).unwrap();
    let pieces: [&str; 10] = ["\0", "\u{200b}", "\u{202e}", "é", "😀", "а", "\n\n", " DA ", "?NAI", "\u{301}"];
    let mut state = 0x2545_f491_4f6c_dd1d_u64 ^ seconds;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut round = 0;
    while round < 1500 || Instant::now() < end {
        round += 1;
        let from = random(seeds.len() - 600);
        let mut bytes = seeds[from..from + random(600)].to_vec();
        for _ in 0..random(6) {
            let at = random(bytes.len() + 1);
            match random(3) {
                0 => bytes.splice(at..at, pieces[random(pieces.len())].bytes()).for_each(drop),
                1 => bytes.truncate(at),
                _ => bytes.insert(at, random(256) as u8),
            }
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let item = TextItem { kind: "document".to_owned(), text, codes: Vec::new() };
        let screening = rules.screen(&item);
        for span in screening.matches.iter().map(|found| found.span).chain(screening.remove.iter().copied()) {
            assert!(span.of(&item.text).is_some(), "{span:?} in {:?}", item.text);
        }
        assert_eq!(rules.screen(&item), screening, "the same text gave two answers");
    }
}
