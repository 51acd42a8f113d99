//! Which tests stand for which property of the requirements, and which guards they fail without.
//!
//! A guard that no row names, a property without a row, and a README that says something else fail a test. The
//! run below takes every guard away in turn and asks the tests of its rows:
//!
//!     cargo test --features mutation --test review every_guard -- --ignored --nocapture

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anteroom::review::Guard;

use super::{
    clocks, decoys, guards, histories, in_force, interleavings, lead, leases, order, patients, policy, practice,
    quality, sampling, source, twins, two,
};

/// A test by its name.
type Test = (&'static str, fn());

struct Property {
    name: &'static str,
    says: &'static str,
    /// Taken away one by one, each makes one of the tests fail.
    guards: &'static [Guard],
    tests: &'static [Test],
    /// Tests of other binaries for what needs a daemon, a disk or a screen: file and name.
    elsewhere: &'static [(&'static str, &'static str)],
}

macro_rules! tests {
    ($($room:ident :: $name:ident),* $(,)?) => { &[$((stringify!($name), $room::$name)),*] };
}

/// A property of the random histories.
const fn history(n: usize) -> Test {
    histories::PROPERTIES[n]
}

const PROPERTIES: &[Property] = &[
    Property {
        name: "P1",
        says: "visible is what the formula says, in every state that can be reached",
        guards: &[Guard::AskedAnew, Guard::Agreed, Guard::NotOpen, Guard::HoldRun],
        tests: &[
            history(0),
            ("publication_asks_everything_anew", guards::publication_asks_everything_anew),
            (
                "the_formula_withholds_what_no_rule_could_have_released",
                policy::the_formula_withholds_what_no_rule_could_have_released,
            ),
        ],
        elsewhere: &[],
    },
    Property {
        name: "P2",
        says: "only publication shows, and only the program publishes",
        guards: &[Guard::Role],
        tests: &[history(1)],
        elsewhere: &[],
    },
    Property {
        name: "P3",
        says: "a hide, a change, a deletion, a flag and a new rule withdraw in the same unit",
        guards: &[Guard::Rescreen, Guard::FlagDrops],
        tests: &[
            history(2),
            ("newer_rules_raise_and_withdraw_and_never_lower", guards::newer_rules_raise_and_withdraw_and_never_lower),
            (
                "a_flag_makes_approvals_fall_and_lets_a_hide_stand",
                guards::a_flag_makes_approvals_fall_and_lets_a_hide_stand,
            ),
        ],
        elsewhere: &[("review/deliveries.rs", "a_feed_that_was_listed_before_a_hide_is_not_written_after_it")],
    },
    Property {
        name: "P4",
        says: "a decision is on one version, though the bytes of another be equal",
        guards: &[Guard::SameContent, Guard::AtSource, Guard::AsRead],
        tests: &[
            history(3),
            ("what_comes_back_after_a_deletion_is_read_anew", source::what_comes_back_after_a_deletion_is_read_anew),
            (
                "removals_of_an_earlier_version_come_back_as_suggestions_only",
                source::removals_of_an_earlier_version_come_back_as_suggestions_only,
            ),
            (
                "p12_a_decision_on_an_older_version_or_revision_changes_nothing",
                lead::p12_a_decision_on_an_older_version_or_revision_changes_nothing,
            ),
        ],
        elsewhere: &[],
    },
    Property {
        name: "P5",
        says: "authors, and anybody twice, are not counted; as many agree as the policy says, the lead among them",
        guards: &[Guard::Author, Guard::SamePerson, Guard::People, Guard::LeadAmongThem, Guard::Drawn],
        tests: &[
            history(4),
            (
                "who_is_drawn_is_read_twice_and_a_lead_is_among_them_where_it_says_so",
                guards::who_is_drawn_is_read_twice_and_a_lead_is_among_them_where_it_says_so,
            ),
        ],
        elsewhere: &[],
    },
    Property {
        name: "P6",
        says: "a hide beats any number of approvals; only who hid takes it back, and only two overrule it",
        guards: &[
            Guard::NoHide,
            Guard::OwnHide,
            Guard::TookPart,
            Guard::Overruling,
            Guard::Dispute,
            Guard::NotParty,
            Guard::Why,
        ],
        tests: &[
            history(5),
            history(6),
            history(4),
            ("showing_what_was_hidden_takes_two", guards::showing_what_was_hidden_takes_two),
            ("the_lead_who_decides_is_neither_reader", guards::the_lead_who_decides_is_neither_reader),
            (
                "nothing_is_overruled_or_handed_over_without_a_word",
                guards::nothing_is_overruled_or_handed_over_without_a_word,
            ),
        ],
        elsewhere: &[],
    },
    Property {
        name: "P7",
        says: "what was not screened, not cleared or only scrolled past is shown by people alone",
        guards: &[Guard::OnlyClear, Guard::ScreenedFirst, Guard::Held, Guard::ReadingTime, Guard::ShadowFirst],
        tests: &[
            history(7),
            ("what_comes_back_is_screened_first", guards::what_comes_back_is_screened_first),
            (
                "nothing_of_a_held_patient_clears_without_people",
                guards::nothing_of_a_held_patient_clears_without_people,
            ),
            (
                "a_line_counts_as_read_after_its_time_on_the_screen",
                guards::a_line_counts_as_read_after_its_time_on_the_screen,
            ),
            (
                "nothing_clears_by_itself_before_enough_was_read_and_the_lead_signed",
                sampling::nothing_clears_by_itself_before_enough_was_read_and_the_lead_signed,
            ),
        ],
        elsewhere: &[],
    },
    Property {
        name: "P8",
        says: "time alone shows nothing that a person was to look at",
        guards: &[Guard::DeferralLimit, Guard::Due],
        tests: &[history(8), ("a_deferral_ends_within_its_limit", guards::a_deferral_ends_within_its_limit)],
        elsewhere: &[],
    },
    Property {
        name: "P9",
        says: "clearing a flag takes two and shows nothing; screening again lowers nothing",
        guards: &[Guard::FlagByTwo, Guard::NeverLower],
        tests: &[
            history(9),
            (
                "a_perpetrator_s_record_and_a_flag_next_door_propose_flags_and_set_none",
                patients::a_perpetrator_s_record_and_a_flag_next_door_propose_flags_and_set_none,
            ),
            (
                "one_person_holds_a_patient_and_two_let_go_and_that_shows_nothing",
                practice::one_person_holds_a_patient_and_two_let_go_and_that_shows_nothing,
            ),
            ("newer_rules_raise_and_withdraw_and_never_lower", guards::newer_rules_raise_and_withdraw_and_never_lower),
        ],
        elsewhere: &[],
    },
    Property {
        name: "P10",
        says: "a tighter policy withdraws at once, a looser one shows nothing again",
        guards: &[Guard::Agreed, Guard::PolicyByTwo],
        tests: &[
            history(10),
            ("p10_a_tighter_policy_withdraws_at_once", in_force::p10_a_tighter_policy_withdraws_at_once),
            (
                "a_looser_policy_takes_two_people_one_of_them_a_lead",
                two::a_looser_policy_takes_two_people_one_of_them_a_lead,
            ),
        ],
        elsewhere: &[],
    },
    Property {
        name: "P11",
        says: "at most one lease binds for a patient and a stage",
        guards: &[Guard::InHand],
        tests: &[leases::P11],
        elsewhere: &[],
    },
    Property {
        name: "P12",
        says: "a stale token, version or revision is refused and changes nothing, the lead's too",
        guards: &[Guard::Token, Guard::AsRead],
        tests: tests![
            lead::p12_a_decision_on_an_older_version_or_revision_changes_nothing,
            lead::the_lead_s_decision_needs_the_patient_in_hand_and_a_hide_needs_nothing,
            guards::a_note_moves_nothing_and_is_read_before_a_decision,
        ],
        elsewhere: &[("daemon/leases.rs", "p12_a_stale_token_version_or_revision_is_refused_and_changes_nothing")],
    },
    Property {
        name: "P13",
        says: "no draft is lost with a lease",
        guards: &[],
        tests: &[],
        elsewhere: &[(
            "daemon/leases.rs",
            "p13_p16_no_draft_is_lost_and_setting_the_clock_neither_extends_nor_shortens_a_lease",
        )],
    },
    Property {
        name: "P14",
        says: "whatever many people do at once equals some order of it",
        guards: &[],
        tests: tests![interleavings::every_move_of_the_table_can_happen_and_no_other],
        elsewhere: &[("daemon/histories.rs", "p14_what_64_clients_heard_equals_some_serial_order")],
    },
    Property {
        name: "P15",
        says: "a crash at any write shows nothing more",
        guards: &[],
        tests: &[],
        elsewhere: &[("daemon/main.rs", "kill_9_during_mixed_work_loses_nothing_and_shows_nothing_more")],
    },
    Property {
        name: "P16",
        says: "a clock that is wrong shortens no hold, no grace and no lease",
        guards: &[Guard::Due, Guard::ClockForward],
        tests: &[
            history(12),
            ("p16_a_clock_put_forward_shows_nothing_early", clocks::p16_a_clock_put_forward_shows_nothing_early),
            (
                "p16_a_clock_that_comes_right_unseen_shows_nothing_early",
                clocks::p16_a_clock_that_comes_right_unseen_shows_nothing_early,
            ),
        ],
        elsewhere: &[],
    },
    Property {
        name: "P25",
        says: "the same words elsewhere are handled or named before anything shows them",
        guards: &[Guard::Twins],
        tests: &[twins::P25, ("the_lead_names_the_twins_too", lead::the_lead_names_the_twins_too)],
        elsewhere: &[],
    },
    Property {
        name: "P28",
        says: "everybody acts as themselves, and only where nothing bars them",
        guards: &[Guard::OwnName, Guard::LockedOut, Guard::NamedReaders, Guard::RoleNow],
        tests: &[
            history(11),
            ("who_is_locked_out_only_hides", guards::who_is_locked_out_only_hides),
            (
                "who_has_a_conflict_of_interest_only_hides_and_restricted_records_open_for_named_readers",
                practice::who_has_a_conflict_of_interest_only_hides_and_restricted_records_open_for_named_readers,
            ),
            (
                "who_lost_a_role_in_the_middle_of_a_decision_is_refused",
                two::who_lost_a_role_in_the_middle_of_a_decision_is_refused,
            ),
        ],
        elsewhere: &[],
    },
    Property {
        name: "P31",
        says: "the sample is drawn by what was committed to, and anybody can draw it again",
        guards: &[Guard::Suspended],
        tests: tests![
            sampling::p31_from_shadow_to_signature_to_suspension_and_the_sample_can_be_drawn_again_from_the_log,
            sampling::who_reads_a_drawn_entry_cannot_tell_it_from_one_that_somebody_pulled_out,
            sampling::nothing_clears_by_itself_before_enough_was_read_and_the_lead_signed,
        ],
        elsewhere: &[],
    },
    Property {
        name: "P32",
        says: "a second reader is sent the same bytes whatever the first did; a redaction is read back first",
        guards: &[Guard::Blind, Guard::ReadBackFirst, Guard::NamedIt],
        tests: tests![
            practice::p32_the_second_reader_learns_nothing_of_the_first,
            practice::a_note_is_for_the_next_reader_and_for_no_patient,
            guards::a_redaction_is_read_back_before_it_is_agreed_to,
            guards::who_can_name_what_is_gone_makes_a_dispute,
        ],
        elsewhere: &[],
    },
    Property {
        name: "P33",
        says: "what is estimated has no bias, and its bound holds 95 times in 100",
        guards: &[],
        tests: tests![
            quality::the_interval_holds_the_truth_at_least_95_times_in_100,
            quality::the_share_missed_is_estimated_without_bias_and_its_bound_holds,
            quality::with_readers_who_miss_too_the_bound_still_holds,
        ],
        elsewhere: &[],
    },
    Property {
        name: "P34",
        says: "decoys are shown to nobody, told by nobody before they are read, and counted nowhere but for their readers",
        guards: &[Guard::Decoy, Guard::DecoyUnseen],
        tests: tests![
            guards::an_invented_entry_is_shown_to_nobody,
            decoys::p34_nobody_can_tell_a_decoy_before_it_is_read,
            decoys::p34_a_decoy_is_never_shown_and_counts_for_nothing_but_its_reader,
            decoys::p34_no_channel_takes_a_number_of_a_decoy,
        ],
        elsewhere: &[],
    },
    Property {
        name: "P35",
        says: "Clopper–Pearson, kappa and AC1 are those of published examples",
        guards: &[],
        tests: tests![
            quality::exact_limits_are_those_of_the_published_examples,
            quality::kappa_and_ac1_are_those_of_the_published_examples,
        ],
        elsewhere: &[],
    },
    Property {
        name: "P36",
        says: "the queue's order is total, says why, lets nothing starve, and another policy or rule only orders anew",
        guards: &[Guard::EveryFifth],
        tests: &[
            order::P36,
            ("p36_newer_rules_order_anew_and_release_nothing", order::p36_newer_rules_order_anew_and_release_nothing),
        ],
        elsewhere: &[],
    },
    Property {
        name: "P37",
        says: "from everywhere some way leads to the patient and some to hidden",
        guards: &[],
        tests: tests![interleavings::p37_no_review_is_stuck],
        elsewhere: &[],
    },
    Property {
        name: "P38",
        says: "everything that is late is somebody's, by name",
        guards: &[],
        tests: tests![practice::p38_what_is_late_is_somebody_s, policy::targets_run_in_working_time],
        elsewhere: &[],
    },
];

/// Redaction (P17–P24) and the log (P26, P27, P29, P30) have tests of their own.
const HERE: [u32; 26] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 25, 28, 31, 32, 33, 34, 35, 36, 37, 38];

/// The table as the README has it.
fn table() -> String {
    let mut out = String::from("| | What | Fails without | Tests |\n| --- | --- | --- | --- |\n");
    for property in PROPERTIES {
        let guards: Vec<String> = property.guards.iter().map(|guard| format!("{guard:?}")).collect();
        let guards = if guards.is_empty() { "–".to_owned() } else { guards.join(", ") };
        let here = property.tests.iter().map(|(name, _)| format!("`{name}`"));
        let tests: Vec<String> =
            here.chain(property.elsewhere.iter().map(|(file, name)| format!("`{file}` `{name}`"))).collect();
        _ = writeln!(out, "| {} | {} | {guards} | {} |", property.name, property.says, tests.join(", "));
    }
    out
}

#[test]
fn every_property_has_a_test_and_every_guard_a_property() {
    let named: BTreeSet<String> = PROPERTIES.iter().map(|property| property.name.to_owned()).collect();
    assert_eq!(named, HERE.iter().map(|n| format!("P{n}")).collect());
    let guarded: BTreeSet<Guard> = PROPERTIES.iter().flat_map(|property| property.guards).copied().collect();
    assert_eq!(guarded, Guard::ALL.into_iter().collect(), "a guard without a property, or none of these");
    for property in PROPERTIES {
        assert!(!property.tests.is_empty() || !property.elsewhere.is_empty(), "{} has no test", property.name);
        for (file, name) in property.elsewhere {
            let path = format!("{}/tests/{file}", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.contains(&format!("fn {name}(")), "{file} has no {name}");
        }
    }
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    assert!(readme.contains(&table()), "put this in README.md:\n{}", table());
}

/// Takes every guard away in turn and prints which of its tests notice. One that nobody notices is a defect.
#[cfg(feature = "mutation")]
#[test]
#[ignore = "takes guards away from the whole process: alone, on request"]
fn every_guard_has_a_test_that_fails_without_it() {
    std::panic::set_hook(Box::new(|_| {}));
    let fails = |(_, test): &&Test| std::panic::catch_unwind(test).is_err();
    Guard::take_away(None);
    let all: std::collections::BTreeMap<&str, fn()> =
        PROPERTIES.iter().flat_map(|property| property.tests).copied().collect();
    let broken: Vec<&str> =
        all.iter().map(|(name, test)| (*name, *test)).filter(|test| fails(&test)).map(|(name, _)| name).collect();
    let mut unnoticed = Vec::new();
    println!("{} tests of {} properties pass with every guard in place", all.len() - broken.len(), PROPERTIES.len());
    println!("| Property | Taken away | These fail |\n| --- | --- | --- |");
    for property in PROPERTIES {
        for guard in property.guards {
            Guard::take_away(Some(*guard));
            let noticed: Vec<&str> = property.tests.iter().filter(fails).map(|(name, _)| *name).collect();
            println!("| {} | {guard:?} | {} |", property.name, noticed.join(", "));
            if noticed.is_empty() {
                unnoticed.push((property.name, *guard));
            }
        }
    }
    Guard::take_away(None);
    drop(std::panic::take_hook());
    assert!(broken.is_empty(), "with every guard in place: {broken:?}");
    assert!(unnoticed.is_empty(), "nobody notices: {unnoticed:?}");
}
