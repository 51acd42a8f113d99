//! Files and lines that are damaged, packed, or not what they should be.

use anteroom::source::Belongs;
use proptest::prelude::*;

use super::*;

#[test]
fn each_bad_line_has_its_sentence_and_stops_no_other() {
    let without = |kind: &str, field: &str| {
        let mut resource = resource(kind, "9", json!({}));
        resource.as_object_mut().unwrap().remove(field);
        resource.to_string().into_bytes()
    };
    let with = |besides: Value| resource("Condition", "9", besides).to_string().into_bytes();
    let mut not_utf8 = condition("9").to_string().into_bytes();
    let at = not_utf8.windows(6).position(|window| window == b"afraid").unwrap();
    not_utf8[at] = 0xe9;
    let deep = format!("{{\"resourceType\":\"Condition\",\"id\":\"9\",\"x\":{}{}}}", "[".repeat(500), "]".repeat(500));
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (
            b"{\"resourceType\": \"Condition\", \"id\"".to_vec(),
            "the line is not one resource in JSON: it was left out; export it again",
        ),
        (b"not json".to_vec(), "the line is not one resource in JSON: it was left out; export it again"),
        (b"{}".to_vec(), "resourceType is missing: the line was left out; export it again"),
        (not_utf8, "the line is not valid UTF-8: it was left out; export it again"),
        (deep.into_bytes(), "the line is not one resource in JSON: it was left out; export it again"),
        (
            without("Condition", "id"),
            "Condition.id is missing: the line was left out; have the resource corrected at the source",
        ),
        (
            without("Condition", "subject"),
            "Condition.subject is missing: the line was left out; have the resource corrected at the source",
        ),
        (
            without("Immunization", "subject"),
            "Immunization.patient is missing: the line was left out; have the resource corrected at the source",
        ),
        (
            without("Encounter", "id"),
            "Encounter.id is missing: the line was left out; have the resource corrected at the source",
        ),
        (
            with(json!({"subject": {"reference": "Patient?identifier=a|b"}})),
            "Condition does not name a patient by identifier: the line was left out; export it with plain references",
        ),
        (
            with(json!({"onsetDateTime": "last May"})),
            "onsetDateTime is not a date like 2026-03-01: the line was kept without that date; correct it at the source",
        ),
        (
            with(json!({"onsetDateTime": "1066-10-14"})),
            "onsetDateTime lies before 1850: the line was kept without that date; correct it at the source",
        ),
        (
            with(json!({"recordedDate": "2099-01-01"})),
            "recordedDate lies more than a year after the extract: the line was kept without that date; correct it at the source",
        ),
        (
            b"{\"resourceType\": \"Bundle\", \"entry\": []}".to_vec(),
            "a Bundle that deletes nothing is not read here: it was left out; export its resources a line each",
        ),
        (
            vec![b'x'; 17 << 20],
            "the line is longer than 16 MiB: it was left out; have it exported with its attachments apart",
        ),
    ];
    for (bad, why) in cases {
        let changes =
            read_lines(&[condition("1").to_string().into_bytes(), bad, condition("2").to_string().into_bytes()]);
        assert_eq!(said(&changes), [format!("export.ndjson, row 2: {why}")]);
        for id in ["Condition/1", "Condition/2"] {
            assert_eq!(part(&changes, id).text, CONFIDENTIAL);
        }
    }
}

#[test]
fn folders_and_files_that_hold_nothing_to_read() {
    let folder = tempfile::tempdir().unwrap();
    let error = |path: &Path| Fhir::new(path, today()).read(&mut |_| Ok(())).unwrap_err().to_string();
    assert!(error(folder.path()).contains("holds no .ndjson, .ndjson.gz or .xml file"));
    assert!(error(&folder.path().join("absent")).contains("cannot be read"));
    std::fs::write(folder.path().join("Patient.ndjson.zip"), "x").unwrap();
    std::fs::write(folder.path().join("Patient.ndjson"), "").unwrap();
    std::fs::write(folder.path().join("Device.ndjson"), "{\"resourceType\":\"Device\"}\n").unwrap();
    let changes = read(folder.path());
    assert_eq!(
        said(&changes),
        [
            "Patient.ndjson.zip: the file is packed or encrypted and was not read: unpack it first, then pull again",
            "Patient.ndjson: the file is empty: ask for it again if it should not be",
        ]
    );
    assert_eq!(
        changes.last(),
        Some(&Change::Notice(
            "Not screened, because nothing here reads them: 1 Device; look at them in the practice’s system.".into()
        ))
    );
}

fn gzip(lines: &[String]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    for line in lines {
        std::io::Write::write_all(&mut packer, format!("{line}\n").as_bytes()).unwrap();
    }
    packer.finish().unwrap()
}

#[test]
fn packed_files_are_read_as_far_as_they_go() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Condition.ndjson.gz");
    let pages: Vec<String> = (0..20_000).map(|n| condition(&n.to_string()).to_string()).collect();
    let whole = gzip(&pages[..4]);
    // Two packed files one behind the other are one, as servers write them.
    std::fs::write(&path, [whole.as_slice(), &gzip(&pages[4..8])].concat()).unwrap();
    let changes = read(folder.path());
    assert_eq!(said(&changes), Vec::<String>::new());
    assert_eq!(part(&changes, "Condition/7").text, CONFIDENTIAL);
    let damaged =
        "Condition.ndjson.gz: the packed file is damaged or cut off: what came before was read; ask for it again";
    let many = gzip(&pages);
    std::fs::write(&path, &many[..many.len() / 2]).unwrap();
    let changes = read(folder.path());
    assert_eq!(said(&changes), [damaged]);
    assert_eq!(part(&changes, "Condition/1").text, CONFIDENTIAL);
    std::fs::write(&path, "no gzip at all").unwrap();
    assert_eq!(said(&read(folder.path())), [damaged]);
    let bomb: Vec<String> =
        [condition("1").to_string()].into_iter().chain((0..40).map(|_| " ".repeat(1 << 20))).collect();
    std::fs::write(&path, gzip(&bomb)).unwrap();
    let changes = read(folder.path());
    assert_eq!(
        said(&changes),
        [
            "Condition.ndjson.gz: the packed file grows to more than 200 times its size: what came before was read; ask the supplier for it again"
        ]
    );
    assert_eq!(part(&changes, "Condition/1").text, CONFIDENTIAL);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn good_lines_arrive_in_whatever_order_and_files_they_come(
        order in Just((0..12usize).collect::<Vec<_>>()).prop_shuffle(),
        cuts in prop::collection::vec(0..12usize, 0..3),
    ) {
        let lines: Vec<String> = (0..12).map(|n| match n {
            0 => json!({"resourceType": "Practitioner", "id": "p", "name": [{"text": "Dr Sample"}]}).to_string(),
            1 => json!({"resourceType": "Patient", "id": "1"}).to_string(),
            2 => resource("Encounter", "e", json!({"participant": [{"individual": {"reference": "Practitioner/p"}}]})).to_string(),
            3 => resource("DiagnosticReport", "r", json!({"result": [{"reference": "Observation/o"}]})).to_string(),
            4 => resource("Observation", "o", json!({"code": anxiety()})).to_string(),
            5..8 => condition(&n.to_string()).to_string(),
            _ => format!("{{\"resourceType\": \"Condition\", \"id\": {}", "[".repeat(n)),
        }).collect();
        let folder = tempfile::tempdir().unwrap();
        let mut files = vec![String::new(); 12];
        for (place, line) in order.iter().map(|n| &lines[*n]).enumerate() {
            let file = cuts.iter().filter(|cut| **cut <= place).count();
            files[file].push_str(line);
            files[file].push('\n');
        }
        for (number, file) in files.iter().filter(|file| !file.is_empty()).enumerate() {
            std::fs::write(folder.path().join(format!("{number}.ndjson")), file).unwrap();
        }
        let changes = read(folder.path());
        prop_assert_eq!(said(&changes).len(), 4);
        let place = |wanted: &dyn Fn(&Change) -> bool| changes.iter().position(wanted).unwrap();
        let patient = place(&|change| matches!(change, Change::Patient(_)));
        let last_group = changes.iter().rposition(|change| matches!(change, Change::Group(_))).unwrap();
        let first_line = place(&|change| matches!(change, Change::Part(facts) if facts.part.key.id.starts_with("Condition")));
        prop_assert!(patient < last_group && last_group < first_line);
        prop_assert_eq!(&group(&changes, "Encounter/e").author.name, "Dr Sample");
        prop_assert_eq!(&facts(&changes, "Observation/o").belongs, &Belongs::To(key("DiagnosticReport/r")));
        for id in ["Condition/5", "Condition/6", "Condition/7"] {
            prop_assert_eq!(part(&changes, id).text.as_str(), CONFIDENTIAL);
        }
    }
}
