//! How long it takes to find the same words elsewhere: `cargo bench --bench measures`.
//!
//! 100,000 entries of one hundred words each, as if all were linked with the patient; a removed sentence of
//! twelve words stands in ten of them. Reading them from the store, once, is not in the figure.

use std::hint::black_box;
use std::time::Instant;

use anteroom::record::{Act, EntryVersion, HideReason};
use anteroom::review::{Folded, Sought};

const ENTRIES: usize = 100_000;
const WORDS: usize = 100;
const ROUNDS: usize = 20;

fn version(text: &str) -> EntryVersion {
    let value = serde_json::json!({
        "entry": "00000000000000000000000000000001", "version": 1, "kind": "consultation", "title": "Consultation",
        "happened": null, "recorded": null, "author": {"id": "", "name": ""},
        "parts": [{"key": {"system": "t", "organisation": "o", "id": "1"}, "heading": "", "display": "", "codes": [],
            "value": "", "text": text, "happened": null, "author": {"id": "", "name": ""}, "order": 0, "unreadable": null}],
    });
    serde_json::from_value(value).unwrap_or_else(|error| unreachable!("a version: {error}"))
}

fn main() {
    // Words as common as a practice's: a few thousand, the first of them most of the text.
    let mut state = 88_172_645_463_325_252_u64;
    let mut word = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let rare = (state >> 20) % 4_000;
        format!("word{}", if state.is_multiple_of(3) { rare } else { rare % 150 })
    };
    let sentence: Vec<String> = (0..12).map(|_| word()).collect();
    let sentence = sentence.join(" ");
    let began = Instant::now();
    let folded: Vec<Folded> = (0..ENTRIES)
        .map(|n| {
            let mut text: Vec<String> = (0..WORDS).map(|_| word()).collect();
            if n % (ENTRIES / 10) == 7 {
                text.insert(50, sentence.clone());
            }
            Folded::of([text.join(" ").as_str()])
        })
        .collect();
    println!("folding {ENTRIES} entries of {WORDS} words: {:?}", began.elapsed());
    let hide = Act::Hide { reason: HideReason::Coercion };
    let sought = Sought::withheld(&version(&sentence), &hide, &[]);
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let found = folded.iter().filter(|folded| black_box(&sought).stands_in(folded)).count();
        times.push(began.elapsed());
        assert_eq!(black_box(found), 10);
    }
    times.sort_unstable();
    println!("twins among {ENTRIES} entries: median {:?}, slowest {:?}", times[ROUNDS / 2], times[ROUNDS - 1]);
}
