//! What is known of patients as such: codes for enhanced review, history from elsewhere, birthdays.

use std::fs;
use std::path::Path;

use anteroom::protocol::{Pulled, Reply, Request, Work};
use anteroom::record::{Flag, PatientAct};
use chrono::Duration;
use serde_json::{Value, json};

use crate::kit::extract::{self, Row, file, row};
use crate::kit::{Practice, start};
use crate::tpp;

const INDICATED: u32 = 3;
const NOT_INDICATED: u32 = 4;

/// Pulls lines as a day's extract with the two codes for enhanced review in its table, after `change` was at it.
fn pulled(practice: &Practice, name: &str, rows: &[Row], change: impl FnOnce(&Path)) -> Pulled {
    let folder = practice.path().join(name);
    let feed = extract::write(&folder, rows);
    let codes = file(&folder, "Coding_ClinicalCode");
    let mut text = fs::read_to_string(&codes).unwrap();
    text += &format!("{INDICATED},Enhanced review indicated,,1364731000000104,,,,,,1,\r\n");
    text += &format!("{NOT_INDICATED},Enhanced review not indicated,,1364751000000106,,,,,,1,\r\n");
    fs::write(codes, text).unwrap();
    change(&folder);
    practice.user("lea").pull(&feed)
}

fn coded(n: usize, code: u32) -> Row {
    Row { code, ..row(n, n, 0, "") }
}

#[test]
fn enhanced_review_holds_what_is_new_until_a_later_code_lifts_it() {
    let practice = Practice::new();
    let first =
        [coded(1, INDICATED), row(2, 2, 0, "Flu jab given, sameday."), row(3, 3, 1, "Knee better, otherpatient.")];
    assert_eq!(pulled(&practice, "first", &first, |_| {}).queued, 1, "the code itself is to be looked at");
    assert_eq!(pulled(&practice, "second", &[row(4, 4, 0, "Ear syringed.")], |_| {}).queued, 1);
    let row_of_four =
        practice.user("lea").queue().rows.into_iter().find(|row| row.why.iter().any(|why| why.contains("(104)")));
    assert!(row_of_four.is_some());

    // What came with the code, before anybody knew of it, is looked at again before it is shown.
    practice.clock.set(start() + Duration::days(10));
    assert!(matches!(practice.user("lea").ask(Request::Publish), Reply::Published(_)));
    let shown = fs::read_to_string(practice.feed()).unwrap();
    assert!(shown.contains("otherpatient") && !shown.contains("sameday"), "{shown}");

    let lifted = |folder: &Path| {
        let path = file(folder, "CareRecord_Observation");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("2026-11-15", "2026-11-16")).unwrap();
    };
    pulled(&practice, "third", &[coded(5, NOT_INDICATED)], lifted);
    let pulled = pulled(&practice, "fourth", &[row(6, 6, 0, "Ear syringed again.")], |_| {});
    assert_eq!((pulled.queued, pulled.on_hold), (0, 1));
}

/// What would be a line to skim is held while a concern of the household is fresh; others' lines stay as they are.
#[test]
fn a_concern_that_people_withheld_makes_weak_cues_weigh_more_in_the_same_home() {
    const WEAK: &str = "He is furious and jealous, she says.";
    let practice = Practice::new();
    let told = row(1, 1, 0, "Her husband punched her last night, she told the nurse.");
    let first = pulled(&practice, "first", &[told, row(2, 2, 1, WEAK), row(3, 3, 2, WEAK)], |_| {});
    assert_eq!((first.queued, first.to_skim), (1, 2), "nobody has decided anything yet");
    let mut ben = practice.user("ben");
    let entry = ben.waiting("NASH").entry;
    ben.read(entry);
    ben.hide(entry).unwrap();
    let second = pulled(&practice, "second", &[row(4, 4, 1, WEAK), row(5, 5, 2, WEAK)], |_| {});
    assert_eq!((second.queued, second.to_skim), (1, 1), "one of them lives with her");
    let raised = ben.waiting("OAKE");
    let findings = ben.open(raised.entry).screening.findings;
    assert!(findings.iter().any(|finding| finding.why.contains("a recent concern in the household")), "{findings:?}");

    practice.clock.set(start() + Duration::days(120));
    let later = pulled(&practice, "third", &[row(6, 6, 1, WEAK)], |_| {});
    assert_eq!((later.queued, later.to_skim), (0, 1));
}

#[test]
fn history_that_comes_with_a_patient_neither_floods_the_queue_nor_clears() {
    let practice = Practice::new();
    let rows: Vec<Row> = (1..=40).map(|n| row(n, n, 0, "Says her partner hits her, fromelsewhere.")).collect();
    let pulled = pulled(&practice, "day", &rows, |folder| {
        let path = file(folder, "Admin_Patient");
        fs::write(&path, fs::read_to_string(&path).unwrap().replace("2001-01-01", "2026-11-16")).unwrap();
    });
    assert_eq!((pulled.new, pulled.queued, pulled.not_open), (40, 0, 40));
    assert!(
        pulled.notices.iter().any(|notice| notice.starts_with("40 entries of history came with new patients")
            && notice.contains("40 of them hold something")),
        "{:?}",
        pulled.notices
    );
    practice.clock.set(start() + Duration::days(30));
    assert!(matches!(practice.user("lea").ask(Request::Publish), Reply::Published(_)));
    assert!(!fs::read_to_string(practice.feed()).unwrap().contains("fromelsewhere"));
}

#[test]
fn a_birthday_that_changes_who_reads_is_said_where_something_is_held() {
    for (born, is_said) in [("2010-12-20", true), ("2015-12-20", true), ("2010-11-10", false), ("1990-05-01", false)] {
        let practice = Practice::new();
        pulled(&practice, "day", &[row(1, 1, 0, "Says her partner hits her.")], |folder| {
            let path = file(folder, "Admin_Patient");
            fs::write(&path, fs::read_to_string(&path).unwrap().replace("1990-05-01", born)).unwrap();
        });
        let alarms = practice.user("lea").queue().alarms;
        assert_eq!(
            alarms.iter().any(|alarm| alarm.starts_with("1 patient turns 11 or 16")),
            is_said,
            "{born}: {alarms:?}"
        );
    }
}

#[test]
fn the_exposure_clock_runs_from_the_entry_to_the_decision() {
    let practice = Practice::new();
    // Entered at ten on the day before; pulled at 07:45.
    pulled(&practice, "day", &[row(1, 1, 0, "Says her partner hits her.")], |_| {});
    let exposure = |practice: &Practice| match practice.user("lea").ask(Request::Status) {
        Reply::Status(status) => *status.exposure,
        other => panic!("{other:?}"),
    };
    assert_eq!(exposure(&practice).longest_waiting, Some(21 * 60 + 45));
    practice.clock.set(start() + Duration::hours(2));
    let entry = practice.user("lea").queue().rows[0].entry;
    practice.user("lea").hide(entry).unwrap();
    let after = exposure(&practice);
    assert_eq!((after.longest_waiting, after.decided), (None, 1));
    assert_eq!((after.median_to_pull, after.median_to_decision), (Some(21 * 60 + 45), Some(23 * 60 + 45)));
}

#[test]
fn of_a_patient_who_opted_out_nothing_leaves_until_they_come_back() {
    let practice = Practice::new();
    let access = |practice: &Practice, name: &str, level: &str, rows: &[Row]| {
        pulled(practice, name, rows, |folder| {
            let text = format!("NhsNumber,AccessLevel,AccessFrom,ProxyName,ProxyRelation\r\n9990000018,{level},,,\r\n");
            fs::write(folder.join("online-access.csv"), text).unwrap();
        })
    };
    let rows = [row(1, 1, 0, "Flu jab given, optedout."), row(2, 2, 1, "Knee better, stayedin.")];
    access(&practice, "first", "none", &rows);
    practice.clock.set(start() + Duration::days(10));
    assert!(matches!(practice.user("lea").ask(Request::Publish), Reply::Published(_)));
    let shown = || fs::read_to_string(practice.feed()).unwrap();
    assert!(shown().contains("stayedin") && !shown().contains("optedout"), "{}", shown());
    // With the pull that says so, and not only with the next batch.
    access(&practice, "back", "full", &[row(3, 3, 1, "Cough.")]);
    assert!(shown().contains("optedout"));
    access(&practice, "out", "none", &[row(4, 4, 1, "Cough again.")]);
    assert!(shown().contains("stayedin") && !shown().contains("optedout"));
}

/// Names of patients for whom the worklist proposes a flag.
pub fn proposed(practice: &Practice) -> Vec<String> {
    let Reply::Worklist(list) = practice.user("lea").ask(Request::Worklist) else { panic!("no worklist") };
    let mut names: Vec<String> = list
        .items
        .iter()
        .filter(|item| item.kind == Work::FlagProposed)
        .map(|item| item.patient_name.clone())
        .collect();
    names.sort();
    names
}

pub fn hold(practice: &Practice, name: &str) {
    let mut lea = practice.user("lea");
    let patient = lea.waiting(name).patient;
    let act = PatientAct::SetFlag { flag: Flag::HoldAll, why: "her sister rang".into(), withdraw: false };
    assert!(matches!(lea.ask(Request::Patient { patient, act }), Reply::PatientDone(_)));
}

/// EMIS names a carer without saying which patient that is.
#[test]
fn a_carer_whom_emis_names_is_kin_of_the_patient() {
    for (carer, linked) in [("Mr Tom OAKE", true), ("", false), ("Somebody Else", false)] {
        let practice = Practice::new();
        let rows = [row(1, 1, 1, "Says his wife hits him."), row(2, 2, 2, "Cough.")];
        pulled(&practice, "day", &rows, |folder| {
            let path = file(folder, "Admin_Patient");
            let text = fs::read_to_string(&path).unwrap();
            let named = text.lines().map(|line| match line.contains("Family2") {
                // The carer stands behind the status of the NHS number.
                true => line.replacen(",Test Lane,,,,ZZ99 3AA,,,", &format!(",Test Lane,,,,ZZ99 3AA,,,{carer}"), 1),
                false => line.to_owned(),
            });
            fs::write(&path, named.map(|line| line + "\r\n").collect::<String>()).unwrap();
        });
        hold(&practice, "OAKE");
        assert_eq!(proposed(&practice).iter().any(|name| name.starts_with("FAMILY2")), linked, "{carer}");
    }
}

pub fn export(practice: &Practice, name: &str, resources: &[Value]) -> String {
    let folder = practice.path().join(name);
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("all.ndjson"), resources.iter().map(|it| format!("{it}\n")).collect::<String>()).unwrap();
    format!("fhir:{}", folder.display())
}

pub fn condition(id: &str, patient: &str) -> Value {
    json!({
        "resourceType": "Condition", "id": id, "subject": { "reference": format!("Patient/{patient}") },
        "code": { "text": "Note" }, "note": [{ "text": "Says her partner hits her." }],
    })
}

/// GP Connect says since when a patient has been a regular one of the practice; what was recorded before came with them.
#[test]
fn gp_connect_tells_history_that_came_with_a_patient() {
    for (details, from_elsewhere) in [
        (
            json!([{ "url": "registrationPeriod", "valuePeriod": { "start": "2026-11-10" } },
            { "url": "registrationType", "valueCodeableConcept": { "coding": [{ "code": "R" }] } }]),
            true,
        ),
        // A registration that is not regular, or has ended, says nothing of it.
        (
            json!([{ "url": "registrationPeriod", "valuePeriod": { "start": "2026-11-10" } },
            { "url": "registrationType", "valueCodeableConcept": { "coding": [{ "code": "T" }] } }]),
            false,
        ),
        (
            json!([{ "url": "registrationPeriod", "valuePeriod": { "start": "2026-11-10", "end": "2026-11-12" } },
            { "url": "registrationType", "valueCodeableConcept": { "coding": [{ "code": "R" }] } }]),
            false,
        ),
        (json!([{ "url": "registrationPeriod", "valuePeriod": { "start": "2026-11-10" } }]), false),
    ] {
        let practice = Practice::new();
        let url = "https://fhir.nhs.uk/STU3/StructureDefinition/Extension-CareConnect-GPC-RegistrationDetails-1";
        let patient = json!({
            "resourceType": "Patient", "id": "1", "name": [{ "family": "Example" }],
            "extension": [{ "url": url, "extension": details }],
        });
        let old = json!({
            "resourceType": "Condition", "id": "c", "subject": { "reference": "Patient/1" }, "assertedDate": "2020-02-02",
            "code": { "text": "Note" }, "note": [{ "text": "Says her partner hits her." }],
        });
        let bundle = json!({ "resourceType": "Bundle", "entry": [{ "resource": patient }, { "resource": old }] });
        let path = practice.path().join("bundle.json");
        fs::write(&path, bundle.to_string()).unwrap();
        let pulled = practice.user("lea").pull(&format!("gpconnect:{}", path.display()));
        assert_eq!((pulled.queued, pulled.not_open), if from_elsewhere { (0, 1) } else { (1, 0) }, "{details}");
    }
}

/// SystmOne's batches say it where they have the registrations; only a regular one that has not ended counts.
#[test]
fn systmone_tells_history_that_came_with_a_patient() {
    use tpp::{SRCODE, SREVENT, SRPATIENT, code, event, patient, table};
    let columns = "RowIdentifier,IDOrganisationVisibleTo,IDPatient,DateRegistration,DateDeRegistration,RegistrationStatus,IDOrganisation,RemovedData";
    let registered = |besides: &[(&str, &str)]| {
        let mut fields = vec![
            ("RowIdentifier", "1"),
            ("IDOrganisationVisibleTo", tpp::ORGANISATION),
            ("IDPatient", "1"),
            ("DateRegistration", "01 Mar 2026 00:00:00"),
            ("RegistrationStatus", "GMS"),
            ("IDOrganisation", tpp::ORGANISATION),
        ];
        fields.extend_from_slice(besides);
        tpp::row(columns, &fields)
    };
    for (rows, from_elsewhere) in [
        (vec![registered(&[])], true),
        (vec![registered(&[("DateDeRegistration", "02 Mar 2026 00:00:00")])], false),
        (vec![registered(&[("RegistrationStatus", "Temporary")])], false),
        (vec![registered(&[("RegistrationStatus", "")])], false),
        (vec![registered(&[("IDOrganisation", "B1")])], false),
        // Of two the earlier: what may be seen must not be taken for history.
        (
            vec![registered(&[]), registered(&[("RowIdentifier", "2"), ("DateRegistration", "01 Jan 2020 00:00:00")])],
            false,
        ),
    ] {
        let practice = Practice::new();
        let batch = tpp::Batch::quiet()
            .with("SRPatient", table(SRPATIENT, &[patient("1", &[])]))
            .with("SRPatientRegistration", table(columns, &rows))
            .with("SREvent", table(SREVENT, &[event("7", &[])]))
            .with("SRCode", table(SRCODE, &[code("1", &[("SNOMEDText", "Domestic abuse")])]));
        let pulled = practice.user("lea").pull(&crate::tpp_feed(&batch, &practice.path().join("day")));
        assert_eq!((pulled.queued, pulled.not_open), if from_elsewhere { (0, 1) } else { (1, 0) }, "{rows:?}");
    }
}

/// A practice whose online access to new entries began on the first of February.
fn open_since_february() -> Practice {
    let dir = tempfile::tempdir().unwrap();
    let settings = "[practice]\nods = \"Z99901\"\nname = \"Test\"\nshown_by = \"portal\"\ngo_live = 2026-02-01\n";
    fs::write(dir.path().join("practice.toml"), settings).unwrap();
    fs::write(dir.path().join("users.toml"), crate::kit::USERS).unwrap();
    Practice::open(dir)
}

/// Neither SystmOne nor FHIR says from which day on a patient's online record shows. The day on which somebody was given a
/// login is not that day: what was recorded before it they may read as well.
#[test]
fn where_a_feed_does_not_say_since_when_a_record_shows_the_practice_s_own_day_counts() {
    use tpp::{SRCODE, SREVENT, SRPATIENT, code, event, patient, table};
    let online = "RowIdentifier,IDOrganisationVisibleTo,DateEventRecorded,DateEvent,IDPatient,ViewRecord,DateDeleted";
    let login = tpp::row(
        online,
        &[
            ("RowIdentifier", "1"),
            ("IDOrganisationVisibleTo", tpp::ORGANISATION),
            ("DateEventRecorded", "27 Feb 2026 10:00:00"),
            ("DateEvent", "27 Feb 2026 10:00:00"),
            ("IDPatient", "1"),
            ("ViewRecord", "TRUE"),
        ],
    );
    for (recorded, iso, is_open) in
        [("20 Feb 2026 09:00:00", "2026-02-20", true), ("20 Jan 2026 09:00:00", "2026-01-20", false)]
    {
        let practice = open_since_february();
        let batch = tpp::Batch::quiet()
            .with("SRPatient", table(SRPATIENT, &[patient("1", &[])]))
            .with("SROnlineServices", table(online, std::slice::from_ref(&login)))
            .with("SREvent", table(SREVENT, &[event("7", &[("DateEventRecorded", recorded)])]))
            .with(
                "SRCode",
                table(SRCODE, &[code("1", &[("SNOMEDText", "Domestic abuse"), ("DateEventRecorded", recorded)])]),
            );
        let pulled = practice.user("lea").pull(&crate::tpp_feed(&batch, &practice.path().join("day")));
        assert_eq!((pulled.queued, pulled.not_open), if is_open { (1, 0) } else { (0, 1) }, "{recorded}");

        let practice = open_since_february();
        let ada = json!({ "resourceType": "Patient", "id": "ada", "name": [{ "family": "Ada", "given": ["A"] }] });
        let mut said = condition("c1", "ada");
        said["recordedDate"] = json!(iso);
        let pulled = practice.user("lea").pull(&export(&practice, "all", &[ada, said]));
        assert_eq!((pulled.queued, pulled.not_open), if is_open { (1, 0) } else { (0, 1) }, "{iso}");
    }
}

/// The code for enhanced review by its term alone, beside a CTV3 code or none: it holds what is new like the other.
#[test]
fn enhanced_review_is_known_by_its_term_where_a_system_sends_no_snomed_code() {
    use tpp::{SRCODE, SREVENT, SRPATIENT, code, event, patient, table};
    const TERM: &str = "Enhanced review indicated before granting access to own health record";
    let term_of = |text: &str| format!("{text} (finding)");
    for (words, counts) in [(TERM.to_owned(), true), (term_of(TERM), true), (format!("Discussed: {TERM}"), false)] {
        let practice = Practice::new();
        let coded = [("CTV3Code", "XaXYZ"), ("CTV3Text", &*words), ("SNOMEDCode", ""), ("SNOMEDText", "")];
        let batch = |codes: &[String]| {
            tpp::Batch::quiet()
                .with("SRPatient", table(SRPATIENT, &[patient("1", &[])]))
                .with("SREvent", table(SREVENT, &[event("7", &[]), event("8", &[])]))
                .with("SRCode", table(SRCODE, codes))
        };
        let first =
            practice.user("lea").pull(&crate::tpp_feed(&batch(&[code("1", &coded)]), &practice.path().join("1")));
        assert_eq!(first.queued, u64::from(counts), "the code itself is to be looked at: {words}");
        let cough = code("2", &[("IDEvent", "8"), ("SNOMEDText", "Cough")]);
        let second = practice.user("lea").pull(&crate::tpp_feed(&batch(&[cough]), &practice.path().join("2")));
        assert_eq!(second.queued, u64::from(counts), "{words}");
    }
}

/// Some practices coded everybody: then the code says nothing of any of them.
#[test]
fn where_everybody_is_coded_for_enhanced_review_it_holds_nothing_by_itself() {
    for (share, is_common) in [(1, true), (40, false)] {
        let practice = Practice::new();
        let rows: Vec<Row> = (0..220)
            .map(|n| match n % share {
                0 => Row { code: INDICATED, ..row(n + 1, n + 1, n, "") },
                _ => row(n + 1, n + 1, n, "Cough."),
            })
            .collect();
        pulled(&practice, "first", &rows, |_| {});
        let says = |practice: &Practice| {
            practice.user("lea").queue().alarms.iter().any(|alarm| alarm.contains("coded for enhanced review (104)"))
        };
        assert_eq!(says(&practice), is_common);
        let next = pulled(&practice, "second", &[row(900, 900, 0, "Ear syringed.")], |_| {});
        assert_eq!((next.queued, next.on_hold), if is_common { (0, 1) } else { (1, 0) }, "one in {share}");
    }
}
