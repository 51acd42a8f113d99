//! P25: no published rendition shows words that a linked entry withholds, unless somebody named that one as
//! considered.

use anteroom::audit::Event;
use anteroom::protocol::{Decided, Opened, Reply, Request, TwinWhy};
use anteroom::record::{Act, EntryId, HideReason, Removal, RemovalTarget, Span, Style};
use anteroom::review::{Folded, Sought, State, Waiver};
use chrono::Duration;
use proptest::prelude::*;

use crate::service_kit::extract::{self, Row, row};
use crate::service_kit::{Person, Practice};

/// Sentences that screening holds, none a part of another.
const SENSITIVE: [&str; 3] = [
    "Says her partner strangled her on Sunday night",
    "Tells me her husband threatens to kill her",
    "Her boyfriend hits her and takes her phone",
];

/// A practice whose two patients, Una and Tom, live at one address.
fn practice(rows: &[Row]) -> Practice {
    let practice = Practice::new();
    let feed = extract::write(&practice.path().join("extract"), rows);
    practice.user("lea").pull(&feed);
    practice
}

/// The entry of consultation `n`.
fn entry(practice: &Practice, word: &str) -> Opened {
    let mut ben = practice.user("ben");
    let rows = ben.queue().rows;
    let holds = |opened: &Opened| opened.version.parts.iter().any(|part| part.text.contains(word));
    rows.into_iter().map(|row| ben.open(row.entry)).find(holds).unwrap_or_else(|| panic!("nothing holds {word}"))
}

fn hide() -> Act {
    Act::Hide { reason: HideReason::Coercion }
}

/// Takes `words` out.
fn without(opened: &Opened, words: &str) -> Act {
    let find = |part: &anteroom::record::Part| part.text.find(words).map(|at| (part.key.clone(), at));
    let (part, at) = opened.version.parts.iter().find_map(find).unwrap();
    let removal = Removal { part, target: RemovalTarget::Text(Span::new(at, at + words.len())) };
    Act::Redact { removals: vec![removal], style: Style::Silent }
}

fn decide(person: &mut Person, opened: &Opened, act: Act, waivers: Vec<Waiver>) -> Result<Decided, String> {
    let row = &opened.row;
    let reply = person.ask(Request::Decide {
        entry: row.entry,
        version: row.version,
        revision: row.revision,
        act,
        waivers,
        token: None,
    });
    match reply {
        Reply::Decided(decided) => Ok(decided),
        Reply::Refused { why } => Err(why),
        other => panic!("{other:?}"),
    }
}

/// Decides, by a second person too where one is needed; where the entry then stands.
fn agree(practice: &Practice, id: EntryId, act: Act, waivers: &[Waiver]) -> State {
    let mut state = State::Queued;
    for login in ["ben", "lea"] {
        let mut person = practice.user(login);
        let opened = person.read(id);
        state = decide(&mut person, &opened, act.clone(), waivers.to_vec()).unwrap().state;
        if state != State::AwaitingSecond {
            break;
        }
    }
    state
}

fn waiver(opened: &Opened) -> Waiver {
    Waiver { entry: opened.row.entry, version: opened.row.version }
}

/// What patients are shown of an entry.
fn feed_of(practice: &Practice, id: EntryId) -> Option<String> {
    let lines = practice.composition_lines();
    lines.iter().map(ToString::to_string).find(|line| line.contains(&id.to_string()))
}

fn publish(practice: &Practice) {
    practice.clock.set(crate::service_kit::start() + Duration::days(5));
    assert!(matches!(practice.user("lea").ask(Request::Publish), Reply::Published(_)));
}

#[test]
pub fn what_repeats_hidden_words_is_not_approved_until_the_hidden_one_is_named() {
    let practice = practice(&[
        row(1, 1, 0, &format!("{}. Rest and fluids, {}.", SENSITIVE[0], "quillwort")),
        row(2, 2, 1, &format!("Wife seen. {}. Form filled, {}.", SENSITIVE[0].to_uppercase(), "plumbago")),
    ]);
    let mut ben = practice.user("ben");
    let (una, tom) = (entry(&practice, "quillwort"), entry(&practice, "plumbago"));
    assert_eq!(una.twins.len(), 1, "seen before anything is decided");
    assert_eq!((una.twins[0].row.entry, una.twins[0].why), (tom.row.entry, TwinWhy::ShowsTheSame));
    let decided = decide(&mut ben, &una, hide(), Vec::new()).unwrap();
    assert_eq!(decided.twins, [tom.row.entry], "a hide says where its words stand too");

    let tom = ben.open(tom.row.entry);
    assert!(tom.twins.iter().any(|twin| twin.why == TwinWhy::WithheldThere && twin.row.entry == una.row.entry));
    let why = decide(&mut ben, &tom, Act::Approve, Vec::new()).unwrap_err();
    assert!(why.contains("the same sensitive words") && why.contains(&una.row.entry.to_string()[..8]), "{why}");
    assert!(!why.contains("NASH") && !why.to_lowercase().contains("strangled"), "the log holds the sentence: {why}");
    // In another version it is another entry.
    let stale = Waiver { version: una.row.version.next(), ..waiver(&una) };
    assert!(decide(&mut ben, &tom, Act::Approve, vec![stale]).is_err());
    assert_eq!(agree(&practice, tom.row.entry, Act::Approve, &[waiver(&una)]), State::Settling);
    publish(&practice);
    assert!(feed_of(&practice, tom.row.entry).is_some_and(|shown| shown.contains("STRANGLED")));
    let Reply::Audit(log) = ben.ask(Request::Audit { before: None, limit: 100, everything: false }) else { panic!() };
    let named = Event::TwinsWaived { entries: vec![una.row.entry] };
    assert!(
        log.iter().any(|line| line.record.event == named && line.record.actor.login == "ben"),
        "by name, in the log"
    );
}

#[test]
pub fn a_redaction_waits_for_what_would_show_its_words_by_itself() {
    let practice = practice(&[
        row(1, 1, 0, &format!("{}. Rest and fluids, {}.", SENSITIVE[1], "quillwort")),
        // Nothing that screening would hold: the words of a neighbour.
        row(2, 2, 0, "Neighbour from the blue house next door called in about the dog, fescuelike."),
        row(3, 3, 1, "Neighbour from the blue house next door called in. Knee pain, plumbago. Partner hits her."),
    ]);
    let mut ben = practice.user("ben");
    let tom = entry(&practice, "plumbago");
    let words = "Neighbour from the blue house next door called in.";
    let act = without(&tom, words);
    let why = decide(&mut ben, &tom, act.clone(), Vec::new()).unwrap_err();
    assert!(why.contains("1 other place"), "what is on hold would show it on Friday: {why}");
    let Some(clear) = why.split(['(', ')']).find(|word| word.len() == 8).map(str::to_owned) else { panic!("{why}") };
    // Named, it passes; so it does once the other is hidden.
    let id = practice.user("lea").open(tom.row.entry).row.entry;
    let other: EntryId = {
        let Reply::Audit(log) = ben.ask(Request::Audit { before: None, limit: 500, everything: true }) else {
            panic!()
        };
        log.iter().filter_map(|line| line.record.entry).find(|id| id.to_string().starts_with(&clear)).unwrap()
    };
    assert_ne!(id, other);
    let held = ben.open(other);
    assert!(held.version.parts[0].text.contains("fescuelike"));
    decide(&mut ben, &held, hide(), Vec::new()).unwrap();
    let tom = ben.open(tom.row.entry);
    assert_eq!(agree(&practice, tom.row.entry, act, &[]), State::Settling);
    publish(&practice);
    let shown = feed_of(&practice, tom.row.entry).unwrap();
    assert!(shown.contains("plumbago") && !shown.contains("blue house"), "{shown}");
}

#[test]
pub fn a_hide_takes_back_what_shows_the_same_words_at_once_and_leaves_the_rest() {
    let practice = practice(&[
        row(1, 1, 0, &format!("{}. Rest and fluids, {}.", SENSITIVE[2], "quillwort")),
        row(2, 2, 1, &format!("Wife seen. {}. Form filled, {}.", SENSITIVE[2], "plumbago")),
        row(3, 3, 1, "Flu jab given L deltoid, fescuelike."),
    ]);
    let mut ben = practice.user("ben");
    let (una, tom) = (entry(&practice, "quillwort"), entry(&practice, "plumbago"));
    agree(&practice, tom.row.entry, Act::Approve, &[]);
    publish(&practice);
    assert!(feed_of(&practice, tom.row.entry).is_some(), "two entries with the same words, nothing withheld");
    let una = ben.open(una.row.entry);
    let decided = decide(&mut ben, &una, hide(), Vec::new()).unwrap();
    assert_eq!(decided.twins, [tom.row.entry]);
    assert!(feed_of(&practice, tom.row.entry).is_none(), "withdrawn with the hide, not with the next batch");
    assert!(practice.composition_lines().iter().any(|line| line.to_string().contains("fescuelike")));
    assert_eq!(ben.open(tom.row.entry).row.state, State::Queued);
    // Taking the hide back brings nothing back.
    ben.undo(una.row.entry).unwrap();
    assert!(feed_of(&practice, tom.row.entry).is_none());
}

#[test]
pub fn words_left_standing_in_another_line_of_the_entry_are_twins_too() {
    let practice = practice(&[
        row(1, 1, 0, &format!("{}. Rest and fluids, quillwort.", SENSITIVE[0])),
        row(2, 1, 0, &format!("Letter dictated. {}.", SENSITIVE[0])),
    ]);
    let mut ben = practice.user("ben");
    let opened = entry(&practice, "quillwort");
    let act = without(&opened, SENSITIVE[0]);
    let why = decide(&mut ben, &opened, act, Vec::new()).unwrap_err();
    assert!(why.contains(&opened.row.entry.to_string()[..8]), "{why}");
}

#[test]
pub fn one_act_proposes_the_same_for_all_and_each_is_decided() {
    let practice = practice(&[
        row(1, 1, 0, &format!("{}. Rest and fluids, quillwort.", SENSITIVE[1])),
        row(2, 2, 1, &format!("Wife seen. {}. Form filled, plumbago.", SENSITIVE[1])),
    ]);
    let mut ben = practice.user("ben");
    let (una, tom) = (entry(&practice, "quillwort"), entry(&practice, "plumbago"));
    let Reply::Proposed(proposed) = ben.ask(Request::Propose { entry: una.row.entry }) else { panic!() };
    assert_eq!(proposed, [tom.row.entry]);
    let draft = ben.open(tom.row.entry).draft.expect("a suggestion");
    let RemovalTarget::Text(span) = draft.removals[0].target else { panic!("{draft:?}") };
    let text = &tom.version.parts[0].text;
    assert_eq!(&text[span.start..span.end], SENSITIVE[1]);
    assert_eq!(ben.open(tom.row.entry).row.state, State::Queued, "nothing is decided by it");
    assert!(practice.user("lea").open(tom.row.entry).draft.is_none(), "it is the caller's own");
    let Reply::Proposed(again) = ben.ask(Request::Propose { entry: una.row.entry }) else { panic!() };
    assert!(again.is_empty(), "a draft is not overwritten");
    for login in ["aud", "adm"] {
        let reply = practice.user(login).ask(Request::Propose { entry: una.row.entry });
        assert!(matches!(reply, Reply::Refused { .. }), "{login}: {reply:?}");
    }
}

#[test]
pub fn it_still_holds_after_a_restart() {
    let practice = practice(&[
        row(1, 1, 0, &format!("{}. Rest and fluids, quillwort.", SENSITIVE[0])),
        row(2, 2, 1, &format!("Wife seen. {}. Form filled, plumbago.", SENSITIVE[0])),
    ]);
    let (una, tom) = (entry(&practice, "quillwort"), entry(&practice, "plumbago"));
    decide(&mut practice.user("ben"), &una, hide(), Vec::new()).unwrap();
    let practice = practice.restart();
    let mut ben = practice.user("ben");
    let tom = ben.open(tom.row.entry);
    assert!(decide(&mut ben, &tom, Act::Approve, Vec::new()).is_err());
    assert!(decide(&mut ben, &tom, Act::Approve, vec![waiver(&una)]).is_ok());
}

/// What a person does next.
#[derive(Debug, Clone, Copy)]
enum Op {
    Approve { entry: usize, waive: bool },
    Redact { entry: usize, waive: bool },
    Hide { entry: usize },
    Undo { entry: usize },
    Publish,
}

fn op() -> impl Strategy<Value = Op> {
    let entry = 0..5_usize;
    prop_oneof![
        4 => (entry.clone(), prop::bool::weighted(0.3)).prop_map(|(entry, waive)| Op::Approve { entry, waive }),
        3 => (entry.clone(), prop::bool::weighted(0.3)).prop_map(|(entry, waive)| Op::Redact { entry, waive }),
        2 => entry.clone().prop_map(|entry| Op::Hide { entry }),
        1 => entry.prop_map(|entry| Op::Undo { entry }),
        4 => Just(Op::Publish),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn p25_every_published_rendition_has_no_unwaived_twin(
        holds in prop::collection::vec((0..2_usize, prop::collection::btree_set(0..3_usize, 1..3)), 5),
        ops in prop::collection::vec(op(), 8..24),
    ) {
        let text = |n: usize, of: &std::collections::BTreeSet<usize>| {
            let mut text = format!("Word{n}only seen today. ");
            of.iter().for_each(|at| text.push_str(&format!("{}. ", SENSITIVE[*at])));
            text
        };
        let rows: Vec<Row> =
            holds.iter().enumerate().map(|(n, (patient, of))| row(n + 1, n + 1, *patient, &text(n, of))).collect();
        let practice = practice(&rows);
        let mut people = [practice.user("ben"), practice.user("lea")];
        let ids: Vec<EntryId> = (0..5).map(|n| entry(&practice, &format!("Word{n}only")).row.entry).collect();
        let mut waived: Vec<(EntryId, EntryId)> = Vec::new();
        let mut days = 4;
        for op in ops {
            match op {
                Op::Approve { entry, waive } | Op::Redact { entry, waive } => {
                    // Two people, one after the other, where two are needed.
                    for person in &mut people {
                        let opened = person.read(ids[entry]);
                        let first = *holds[entry].1.first().unwrap();
                        let act = match op {
                            Op::Redact { .. } => without(&opened, SENSITIVE[first]),
                            _ => Act::Approve,
                        };
                        let twins: Vec<Waiver> = opened
                            .twins
                            .iter()
                            .filter(|_| waive)
                            .map(|twin| Waiver { entry: twin.row.entry, version: twin.row.version })
                            .collect();
                        if decide(person, &opened, act, twins.clone()).is_ok() {
                            waived.extend(twins.iter().map(|twin| (ids[entry], twin.entry)));
                        }
                    }
                }
                Op::Hide { entry } => {
                    let opened = people[0].open(ids[entry]);
                    let _ = decide(&mut people[0], &opened, hide(), Vec::new());
                }
                Op::Undo { entry } => {
                    let _ = people[0].undo(ids[entry]).or_else(|_| people[1].undo(ids[entry]));
                }
                Op::Publish => {
                    days += 1;
                    practice.clock.set(crate::service_kit::start() + Duration::days(days));
                    prop_assert!(matches!(people[1].ask(Request::Publish), Reply::Published(_)));
                }
            }
            let shown: Vec<Option<String>> = ids.iter().map(|id| feed_of(&practice, *id)).collect();
            for (n, id) in ids.iter().enumerate() {
                let opened = people[1].read(*id);
                // The words that stand withheld by this entry, as a person would say it.
                let gone: Vec<&str> = match opened.decisions.iter().find(|d| !matches!(d.act, Act::Approve)) {
                    None => Vec::new(),
                    Some(decision) if matches!(decision.act, Act::Hide { .. }) => {
                        holds[n].1.iter().map(|at| SENSITIVE[*at]).collect()
                    }
                    Some(_) => vec![SENSITIVE[*holds[n].1.first().unwrap()]],
                };
                for (m, other) in ids.iter().enumerate().filter(|(m, _)| *m != n) {
                    let shows = |words: &&str| shown[m].as_ref().is_some_and(|shown| shown.contains(*words));
                    let may = waived.contains(&(*id, *other)) || waived.contains(&(*other, *id));
                    prop_assert!(may || !gone.iter().any(shows), "entry {m} shows what entry {n} withholds, after {op:?}");
                }
            }
        }
    }

    #[test]
    fn words_are_found_whatever_stands_between_their_letters(
        before in "[a-z ]{0,20}", after in "[a-z ]{0,20}", gap in "[ ,.;\n\t-]{1,3}", silent in 0..4_usize, upper in any::<bool>(),
    ) {
        let plain = ["she", "was", "locked", "out", "all", "night"];
        let disguise = |word: &str| {
            let mut letters: Vec<char> = word.chars().collect();
            let mark = ['\u{200b}', '\u{ad}', '\u{301}', '’'][silent];
            letters.insert(1, mark);
            let word: String = letters.into_iter().collect();
            if upper { word.to_uppercase() } else { word }
        };
        let other = plain.map(disguise).join(&gap);
        let version = |text: String| {
            let practice = anteroom::record::SourceKey { system: "t".into(), organisation: "o".into(), id: "1".into() };
            let mut version = sample_version();
            version.parts[0].key = practice;
            version.parts[0].text = text;
            version
        };
        let one = version(format!("{before} . {}. {after}", plain.join(" ")));
        let sought = Sought::withheld(&one, &hide(), &[]);
        let disguised = Folded::version(&version(format!("x {other} y")));
        prop_assert!(sought.stands_in(&disguised));
        let reversed: Vec<&str> = plain.iter().rev().copied().collect();
        let lone = Sought::withheld(&version(plain.join(" ")), &hide(), &[]);
        let turned = Folded::version(&version(format!("x {} y", reversed.join(&gap))));
        prop_assert!(!lone.stands_in(&turned));
        let places = lone.places(&version(format!("Before {other} after")));
        prop_assert_eq!(places.len(), 1);
    }
}

fn sample_version() -> anteroom::record::EntryVersion {
    serde_json::from_value(serde_json::json!({
        "entry": "00000000000000000000000000000001", "version": 1, "kind": "consultation", "title": "", "happened": null,
        "recorded": null, "author": {"id": "", "name": ""},
        "parts": [{"key": {"system": "t", "organisation": "o", "id": "1"}, "heading": "", "display": "", "codes": [],
            "value": "", "text": "", "happened": null, "author": {"id": "", "name": ""}, "order": 0, "unreadable": null}],
    }))
    .unwrap()
}

#[test]
pub fn a_single_word_is_looked_for_only_where_it_is_a_name() {
    let with = |text: &str| {
        let mut version = sample_version();
        version.parts[0].text = text.to_owned();
        version
    };
    let removed = |text: &str, word: &str| {
        let at = text.find(word).unwrap();
        let target = RemovalTarget::Text(Span::new(at, at + word.len()));
        let removals = vec![Removal { part: with(text).parts[0].key.clone(), target }];
        Sought::withheld(&with(text), &Act::Redact { removals, style: Style::Silent }, &[])
    };
    let derek = removed("Hears Derek shouting", "Derek");
    assert!(derek.stands_in(&Folded::version(&with("Lives with DEREK."))));
    assert!(removed("Hears her husband shouting", "husband").is_empty(), "every record says it");
    assert!(removed("Seen by Al", "Al").is_empty());
    assert!(Sought::withheld(&with("Anything at all that is long enough"), &Act::Approve, &[]).is_empty());
    // No run goes over the edge of a field.
    let mut two = with("all night");
    two.parts[0].display = "she was locked out".into();
    let sought = Sought::withheld(&with("she was locked out all night"), &hide(), &[]);
    assert!(!sought.stands_in(&Folded::version(&two)));
}

/// The property by name.
pub const P25: (&str, fn()) =
    ("p25_every_published_rendition_has_no_unwaived_twin", p25_every_published_rendition_has_no_unwaived_twin);

#[test]
pub fn what_people_withhold_of_a_patient_stands_beside_their_other_entries_but_not_what_awaits_a_second_reader() {
    let practice = practice(&[
        row(1, 1, 0, &format!("{}. Rest and fluids, {}.", SENSITIVE[1], "quillwort")),
        row(2, 2, 0, "Knee pain, plumbago. Referred to MARAC today."),
        row(3, 3, 1, &format!("{}. Knee pain, {}.", SENSITIVE[2], "fescuelike")),
    ]);
    let mut ben = practice.user("ben");
    let [una, again, tom] = ["quillwort", "plumbago", "fescuelike"].map(|word| entry(&practice, word));
    assert_eq!([&una.withheld, &again.withheld, &tom.withheld].map(Vec::len), [0, 0, 0]);
    decide(&mut ben, &una, hide(), Vec::new()).unwrap();
    let told = ben.open(again.row.entry).withheld;
    let [withheld] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((&withheld.decision.act, withheld.decision.by.as_str()), (&hide(), "ben"));
    assert_eq!((&withheld.title, withheld.recorded), (&una.version.title, una.row.recorded));
    assert!(ben.open(tom.row.entry).withheld.is_empty(), "it is another patient's");

    let act = without(&again, "Referred to MARAC today.");
    let again = ben.open(again.row.entry);
    assert_eq!(decide(&mut ben, &again, act, Vec::new()).unwrap().state, State::AwaitingSecond);
    assert!(practice.user("lea").read(una.row.entry).withheld.is_empty(), "who may be the second reader reads blind");
}
