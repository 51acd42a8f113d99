//! What stands below an entry's text, and how much of it where there is little room or very much.

use anteroom::protocol::Opened;
use anteroom::record::{Category, Tier};

use crate::tui_support::daemon::Daemon;
use crate::tui_support::{Screen, on_screen, practice, sized};

const NUMBERS: [&str; 9] = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"];

/// More than one row of reasons has room for on 80 columns, and less than two.
fn why(number: &str) -> String {
    format!("the {number} finding, in so many words that one row of eighty columns is too short, and so ends {number}")
}

/// An entry of so many sentences, the first few with a finding.
fn with_findings(findings: usize, sentences: usize) -> Opened {
    let sentence =
        |n: usize| format!("Sentence {} is quite long, so that a few fill a page.", NUMBERS[n % NUMBERS.len()]);
    let text = (0..sentences).map(sentence).collect::<Vec<_>>().join(" ");
    let finding = |n: usize| {
        let words = format!("Sentence {}", NUMBERS[n]);
        practice::finding("p", &text, &words, Category::DomesticAbuse, Tier::Disclosure, &why(NUMBERS[n]))
    };
    let parts = vec![practice::part("p", "", "", &text)];
    let findings = (0..findings).map(finding).collect();
    practice::entry(1, 9, Tier::Disclosure, "HOLT Marie", "F 34", "app", "Letter", "Dr Shah", &["why"], parts, findings)
}

fn on_the_entry(size: (u16, u16), entry: Opened, test: impl AsyncFnOnce(Screen)) {
    on_screen(sized(size.0, size.1), Daemon::with(vec![entry]), async |screen| {
        screen.until("HOLT M").await;
        screen.press("enter").await;
        screen.until("next match").await;
        test(screen).await;
    });
}

/// Rows from that of a reason to before that of the next one.
fn rows_of(screen: &Screen, number: usize) -> Vec<String> {
    let text = screen.text();
    let begins = |line: &&str, number: usize| line.starts_with(&format!(" {number}  Domestic"));
    let ends =
        |line: &&str| line.contains('…') && line.contains("more,") || line.starts_with('─') || line.starts_with(" !");
    let below = text.lines().skip_while(|line| !begins(line, number));
    let first = below.clone().take(1);
    let rest = below.skip(1).take_while(|line| !begins(line, number + 1) && !ends(line));
    first.chain(rest).map(str::to_owned).collect()
}

#[test]
fn rows_that_are_left_go_to_reasons_that_are_cut_from_the_first() {
    on_the_entry((80, 24), with_findings(6, 30), async |screen| {
        // Seven rows for six reasons of two each.
        assert_eq!(rows_of(&screen, 1).len(), 2, "{}", screen.text());
        assert!(rows_of(&screen, 1)[1].contains("ends first"), "{}", screen.text());
        for number in 2..=6 {
            let rows = rows_of(&screen, number);
            assert!(rows.len() == 1 && rows[0].contains('…'), "{number}: {rows:?}\n{}", screen.text());
        }
        assert!(!screen.text().contains("more, ⇥"), "{}", screen.text());
        // The current one stands whole before any other does.
        screen.press("3").await;
        assert!(rows_of(&screen, 3).concat().contains("ends third"), "{}", screen.text());
        assert_eq!(rows_of(&screen, 1).len(), 1, "{}", screen.text());
    });
}

#[test]
fn reasons_that_have_no_row_are_counted_and_the_current_one_is_always_in_sight() {
    on_the_entry((80, 24), with_findings(9, 30), async |screen| {
        screen.until("… 3 more, ⇥ goes through them").await;
        for number in 1..=9 {
            screen.press("tab").await;
            assert!(rows_of(&screen, number).concat().contains("finding"), "{number}\n{}", screen.text());
        }
    });
}

#[test]
fn what_warns_stands_before_the_findings_where_not_all_has_room() {
    let mut entry = with_findings(9, 30);
    entry.patient.flags = vec!["everything of this patient is held".to_owned()];
    on_the_entry((80, 24), entry.clone(), async |screen| {
        let text = screen.text();
        let place = |words: &str| text.find(words).unwrap_or_else(|| panic!("no “{words}”:\n{text}"));
        assert!(place("Everything of this patient is held") < place(" 1  Domestic"), "{text}");
    });
    // Where it has, it follows them.
    on_the_entry((80, 60), entry, async |screen| {
        let text = screen.text();
        assert!(text.find("ends ninth") < text.find("Everything of this patient is held"), "{text}");
    });
}

#[test]
fn on_a_huge_terminal_head_text_and_reasons_stay_together() {
    on_the_entry((300, 100), with_findings(6, 30), async |screen| {
        let text = screen.text();
        let pane: Vec<String> =
            text.lines().filter_map(|line| line.split_once(['│', '├', '┼']).map(|(_, pane)| pane.to_owned())).collect();
        let widest = pane.iter().map(|line| line.chars().count()).max().unwrap();
        assert!((100..=112).contains(&widest), "{widest} columns\n{text}");
        let last_of_text = pane.iter().rposition(|line| line.contains("fill a page.")).unwrap();
        let first_reason = pane.iter().position(|line| line.contains("1  Domestic")).unwrap();
        assert!(first_reason - last_of_text <= 3, "{} rows apart\n{text}", first_reason - last_of_text);
        for number in NUMBERS.iter().take(6) {
            assert!(text.contains(&format!("ends {number}")), "{number} is whole\n{text}");
        }
        // The weight of a finding is no further from its words than a line of text is long.
        let reason = &pane[first_reason];
        assert!(reason.trim_end().chars().count() <= 112 && reason.contains("disclosure"), "{reason}");
    });
}
