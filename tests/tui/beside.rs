//! Beside the queue: the worklist, a patient's record and what stands over it, disputes, hides taken back, and
//! earlier versions.

use anteroom::audit::Role;
use anteroom::protocol::{Earlier, Proposed, Request};
use anteroom::record::{Act, Decision, Flag, FlagSet, Handling, HideReason, PatientAct, Version};

use crate::tui_support::daemon::Daemon;
use crate::tui_support::{Screen, Start, lead, on_screen, practice, sized};
use crate::{decisions, on_the_day};

fn as_lead(test: impl AsyncFnOnce(Screen)) {
    on_screen(Start::default(), lead::day().change(|inside| inside.role = Role::Lead), async |screen| {
        screen.until("HOLT M").await;
        test(screen).await;
    });
}

fn handlings(screen: &Screen) -> Vec<Handling> {
    let handling = |asked| if let Request::Handle { handling, .. } = asked { Some(handling) } else { None };
    screen.asked().into_iter().filter_map(handling).collect()
}

#[test]
fn the_worklist_leads_to_what_it_names_and_back() {
    as_lead(async |screen| {
        screen.press("w").await;
        screen.until("3 things to see to beside the queue").await;
        screen.until("Hide to review").await;
        screen.until("To see to it: Dr Lea Lead").await;
        screen.press("j enter").await;
        screen.until("Hidden: dr.vik hid it: A third party’s facts or confidence").await;
        screen.press("K s a m e enter").await;
        screen.until("Looked at again, and stays hidden").await;
        screen.until("3 things to see to").await;
        assert_eq!(handlings(&screen), [Handling::Confirm { why: "same".to_owned() }]);
        // Who turns eleven has no one entry: the record opens.
        screen.press("G enter").await;
        screen.until("OBI Daniel").await;
        screen.until("waiting in the queue").await;
        screen.press("enter").await;
        screen.until("1  Child safeguarding").await;
        screen.press("esc esc").await;
        screen.until("3 things to see to").await;
        screen.press("esc").await;
        screen.until("to review").await;
    });
}

#[test]
fn the_lead_decides_a_dispute_and_says_why() {
    as_lead(async |screen| {
        screen.press("enter").await;
        screen.until("Two readers want different things").await;
        screen.until("dr.vik would take out “Partner strangled her on Sunday, kids upstairs.”").await;
        screen.until("dr.okafor would show it as it is").await;
        screen.press("G a").await;
        screen.until("As lead, show HOLT M").await;
        screen.press("enter").await;
        screen.until("Write a few words").await;
        screen.press("b o t h enter").await;
        screen.until("approved  HOLT M").await;
        assert_eq!(decisions(&screen), [], "not as one of the readers");
        let resolved = screen
            .asked()
            .into_iter()
            .any(|asked| matches!(asked, Request::Resolve { act: Act::Approve, why, .. } if why == "both"));
        assert!(resolved);
        screen.until("OBI Daniel").await;
    });
}

#[test]
fn the_lead_redacts_in_a_dispute_from_what_a_reader_took_out() {
    as_lead(async |screen| {
        screen.press("enter r").await;
        screen.until("What a reader took out is the beginning").await;
        let preview = screen.text().split("app will show").nth(1).unwrap_or_default().to_owned();
        assert!(!preview.contains("strangled"), "{}", screen.text());
        screen.press("enter y").await;
        screen.until("As lead, redact HOLT M").await;
        screen.press("o k enter").await;
        screen.until("redacted  HOLT M").await;
    });
}

#[test]
fn a_hide_is_taken_back_by_the_lead_alone_and_others_are_told() {
    as_lead(async |screen| {
        screen.press("w j enter O").await;
        screen.until("Nothing becomes visible by this.").await;
        screen.press("a s k s enter").await;
        screen.until("Reopened").await;
        assert_eq!(handlings(&screen), [Handling::Reopen { why: "asks".to_owned() }]);
    });
    on_screen(Start::default(), lead::day(), async |screen| {
        screen.until("HOLT M").await;
        screen.press("w j enter O").await;
        screen.until("Only the safeguarding lead does this").await;
        screen.press("Y s h e enter").await;
        screen.until("Noted, for the lead to look at").await;
        assert_eq!(handlings(&screen), [Handling::PatientAsks { note: "she".to_owned() }]);
    });
    on_the_day(async |screen| {
        screen.press("enter O").await;
        screen.until("This is for what is hidden or withdrawn; this entry is waiting in the").await;
        screen.press("U").await;
        screen.until("This is for what is put off; this entry is waiting").await;
    });
}

#[test]
fn a_flag_is_set_by_one_and_cleared_by_two() {
    on_the_day(async |screen| {
        screen.press("F").await;
        screen.until("HOLT Marie: what stands over this patient").await;
        screen.until("One person sets a flag. Two clear it").await;
        screen.press("1").await;
        screen.until("to clear it takes two").await;
        screen.press("down").await;
        screen.until("is withdrawn too").await;
        screen.press("s i s enter").await;
        screen.until("HOLT Marie: everything is held; 3 entries wait for people now").await;
        let asked = screen.asked().into_iter().find_map(|asked| match asked {
            Request::Patient { act, .. } => Some(act),
            _ => None,
        });
        assert_eq!(asked, Some(PatientAct::SetFlag { flag: Flag::HoldAll, why: "sis".to_owned(), withdraw: true }));
    });
    let set = |clearing: Option<&str>| FlagSet {
        flag: Flag::CoercionRisk,
        by: "dr.vik".to_owned(),
        at: practice::at(18, 9, 0),
        why: "her sister rang".to_owned(),
        clearing: clearing.map(str::to_owned),
        looked_at: None,
    };
    for (clearing, told) in [
        (None, "it stands until a second person agrees"),
        (Some("dr.vik"), "dr.vik asks for it and you are the second"),
        (Some("dr.rahman"), "You asked already: a second person must agree"),
    ] {
        let daemon = Daemon::with(practice::day()).change(|inside| inside.safeguards.flags = vec![set(clearing)]);
        on_screen(Start::default(), daemon, async |screen| {
            screen.until("HOLT M").await;
            screen.press("enter F 3").await;
            screen.until(told).await;
        });
    }
}

#[test]
fn restricted_readers_are_named_by_the_lead_in_two_steps() {
    let set = FlagSet {
        flag: Flag::RestrictedReaders,
        by: "dr.vik".to_owned(),
        at: practice::at(18, 9, 0),
        why: "staff".to_owned(),
        clearing: None,
        looked_at: None,
    };
    for role in [Role::Lead, Role::Clinician] {
        let daemon = Daemon::with(practice::day()).change(|inside| {
            inside.safeguards.flags = vec![set.clone()];
            inside.role = role;
        });
        on_screen(Start::default(), daemon, async |screen| {
            screen.until("HOLT M").await;
            screen.press("F").await;
            screen.until("nobody may open the record").await;
            screen.press("5").await;
            if role == Role::Clinician {
                screen.until("Only the safeguarding lead names readers").await;
                return;
            }
            screen.press("a n n space b e n enter").await;
            screen.until("Only ann, ben may open this record. Why?").await;
            screen.press("s t a f f enter").await;
            screen.until("readers named").await;
            let logins = vec!["ann".to_owned(), "ben".to_owned()];
            let asked = |asked: &Request| matches!(asked, Request::Patient { act: PatientAct::NameReaders { logins: named, .. }, .. } if *named == logins);
            assert!(screen.asked().iter().any(asked));
        });
    }
}

/// HOLT's entry as it stood in a version.
fn version(number: u32, plan: &str, decisions: Vec<Decision>) -> Earlier {
    let mut content = practice::day()[0].version.clone();
    content.version = Version(number);
    content.parts[3].text = plan.to_owned();
    Earlier { content, decisions }
}

#[test]
fn earlier_versions_are_stepped_through_with_the_words_that_changed() {
    let mut day = practice::day();
    day[0].row.version = Version(3);
    day[0].version.version = Version(3);
    day[0].version.parts[3].text = "Sertraline 50 mg. Safety netted.".to_owned();
    let hidden = Decision {
        by: "dr.vik".to_owned(),
        act: Act::Hide { reason: HideReason::Coercion },
        at: practice::at(18, 9, 0),
    };
    let daemon = Daemon::with(day).change(|inside| {
        inside.earlier = vec![
            version(1, "Safety netted.", vec![hidden]),
            version(2, "Sertraline 25 mg. Safety netted.", Vec::new()),
        ];
    });
    on_screen(sized(80, 24), daemon, async |screen| {
        screen.until("HOLT M").await;
        screen.press("enter v").await;
        screen.until("since version 2 of 3 · + new, - gone").await;
        screen.until("- Plan: Sertraline 25 mg. Safety netted.").await;
        screen.until("+ Plan: Sertraline 50 mg. Safety netted.").await;
        // Of the new line only the word that changed is marked.
        let (text, picture) = (screen.text(), screen.picture());
        let row = text.lines().position(|line| line.contains("+ Plan: Sertraline 50")).unwrap();
        let styles = picture.lines().find(|line| line.trim_start().starts_with(&format!("{row}:"))).unwrap();
        let at = text.lines().nth(row).unwrap().find("50").unwrap();
        assert!(styles.contains(&format!("{at}..{} yellow bold underlined", at + 2)), "{styles}");
        screen.press("v").await;
        screen.until("since version 1 of 3, hidden by dr.vik 18 Nov · + new, - gone").await;
        screen.press("V").await;
        screen.until("since version 2 of 3").await;
        screen.press("v v").await;
        screen.until("That was the first version; this is the present one").await;
        screen.press("v esc").await;
        assert!(!screen.text().contains("since version"), "{}", screen.text());
        let asked = screen.asked().iter().filter(|asked| matches!(asked, Request::Earlier { .. })).count();
        assert_eq!(asked, 2, "what has come is not asked for again");
    });
}

#[test]
fn alarms_are_readable_whole() {
    let long = "52 entries of history came with new patients and stay withheld: they do not become visible by \
                themselves, whatever the policy says";
    let more = ["the feed of Thursday did not come", "the last pull was 30 hours ago", "the policy was refused"];
    let daemon = Daemon::with(practice::day()).change(|inside| {
        inside.alarms = std::iter::once(long).chain(more).map(str::to_owned).collect();
    });
    on_screen(Start::default(), daemon, async |screen| {
        screen.until("! 52 entries of history").await;
        screen.until("whatever the policy says").await;
        screen.until("2 more to know, or not whole here: ! reads them").await;
        screen.press("!").await;
        screen.until("The policy was refused.").await;
        screen.press("x").await;
        assert!(!screen.text().contains("Why? The patient"), "the key that closes the box does nothing else");
    });
}

#[test]
fn what_the_record_speaks_for_is_set_or_by_the_lead_refused() {
    let daemon = |role| {
        Daemon::with(practice::day()).change(|inside| {
            inside.role = role;
            let why = "the record speaks of somebody who harms others: is it this patient?".to_owned();
            inside.proposed = vec![Proposed { flag: Flag::HoldAll, why }];
        })
    };
    let acts = |screen: &Screen| {
        let act = |asked| if let Request::Patient { act, .. } = asked { Some(act) } else { None };
        screen.asked().into_iter().filter_map(act).collect::<Vec<_>>()
    };
    on_screen(Start::default(), daemon(Role::Lead), async |screen| {
        screen.until("HOLT M").await;
        screen.press("o").await;
        screen.until("! proposed: “everything is held”: the record speaks of").await;
        screen.press("F").await;
        screen.until("proposed: the record speaks of somebody who harms others").await;
        screen.press("2").await;
        screen.until("only when something else speaks for it.").await;
        screen.press("enter").await;
        screen.until("Write a few words").await;
        screen.press("n o enter").await;
        screen.until("HOLT Marie: refused, “everything is held”").await;
        assert_eq!(acts(&screen), [PatientAct::RefuseFlag { flag: Flag::HoldAll, why: "no".to_owned() }]);
    });
    on_screen(Start::default(), daemon(Role::Clinician), async |screen| {
        screen.until("HOLT M").await;
        screen.press("F 2").await;
        screen.until("Only the safeguarding lead refuses what the record speaks for").await;
        screen.press("F 1 y e s enter").await;
        screen.until("HOLT Marie: everything is held").await;
        assert!(matches!(acts(&screen).as_slice(), [PatientAct::SetFlag { flag: Flag::HoldAll, .. }]));
    });
}

#[test]
fn a_flag_that_has_stood_long_or_is_to_be_cleared_can_be_said_to_stand() {
    let set = |day, clearing: Option<&str>| FlagSet {
        flag: Flag::CoercionRisk,
        by: "dr.vik".to_owned(),
        at: practice::at(18, 9, 0) - chrono::Duration::days(day),
        why: "her sister rang".to_owned(),
        clearing: clearing.map(str::to_owned),
        looked_at: None,
    };
    for (set, offered) in [(set(0, None), false), (set(0, Some("dr.vik")), true), (set(100, None), true)] {
        let daemon = Daemon::with(practice::day()).change(|inside| inside.safeguards.flags = vec![set.clone()]);
        on_screen(Start::default(), daemon, async |screen| {
            screen.until("HOLT M").await;
            screen.press("F").await;
            screen.until("One person sets a flag").await;
            assert_eq!(screen.text().contains("it must still stand"), offered, "{}", screen.text());
            if offered {
                screen.press("4 s t i l l enter").await;
                screen.until("HOLT Marie: may be made to show the record").await;
            }
        });
    }
}

#[test]
fn the_policy_in_force_is_read_and_scrolled() {
    on_the_day(async |screen| {
        screen.press("s").await;
        screen.until("to review").await;
        screen.press("p").await;
        screen.until("Policy in force · Elm Tree Surgery").await;
        let text = anteroom::review::policy_file::print(&anteroom::review::Policy::default());
        let (mut missing, mut pages): (Vec<&str>, usize) =
            (text.lines().filter(|line| line.contains(" = ")).collect(), 0);
        while screen.text().contains("more rows") || pages == 0 {
            missing.retain(|line| !screen.text().contains(line));
            screen.press("space").await;
            pages += 1;
        }
        missing.retain(|line| !screen.text().contains(line));
        assert_eq!(missing, Vec::<&str>::new());
        screen.press("g").await;
        screen.until("more rows").await;
        screen.press("esc").await;
        screen.until("Status · Elm Tree Surgery").await;
    });
}
