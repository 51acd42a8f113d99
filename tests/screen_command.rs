//! `anteroom screen`, `context`, `eval` and `train` as a user runs them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn anteroom(args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_anteroom"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // The program may have ended before it read everything.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn lines(output: &Output) -> Vec<serde_json::Value> {
    String::from_utf8(output.stdout.clone()).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn screen_answers_every_line_in_order_whatever_the_threads() {
    let mut input = String::new();
    for number in 0..500 {
        let text = if number % 3 == 0 { "Her husband hit her." } else { "Chest clear." };
        input.push_str(&format!("{{\"id\":{number},\"kind\":\"consultation\",\"text\":\"{text}\"}}\n"));
    }
    let one = anteroom(&["screen"], input.as_bytes());
    assert_eq!(one.status.code(), Some(0));
    let answers = lines(&one);
    assert_eq!(answers.len(), 500);
    for (number, answer) in answers.iter().enumerate() {
        assert_eq!(answer["id"], number);
        assert_eq!(answer["verdict"], if number % 3 == 0 { "hold" } else { "clear" });
    }
    let found = &answers[0]["matches"][0];
    assert_eq!((found["start"].as_u64(), found["end"].as_u64()), (Some(4), Some(19)));
    for field in ["rule", "category", "tier", "why", "context"] {
        assert!(found.get(field).is_some(), "{field}");
    }
    assert_eq!(anteroom(&["screen", "-j", "4"], input.as_bytes()).stdout, one.stdout);
}

#[test]
fn a_bad_line_gets_an_error_in_its_place_and_the_rest_goes_on() {
    let mut input = b"{\"id\":1,\"kind\":\"problem\",\"text\":\"ok\"}\nnot json\n".to_vec();
    input.extend(b"\n{\"id\":2,\"kind\":\"problem\"}\n\xff\xfe\n");
    input.extend("[".repeat(100_000).bytes());
    input.push(b'\n');
    input.extend(format!("{{\"id\":3,\"kind\":\"problem\",\"text\":\"{}\"}}\n", "a".repeat(50 << 20)).bytes());
    input.extend(b"{\"id\":4,\"kind\":\"problem\",\"text\":\"last, without a line end\"}");
    let output = anteroom(&["screen"], &input);
    assert_eq!(output.status.code(), Some(1));
    let answers = lines(&output);
    let bad: Vec<u64> = answers.iter().filter_map(|answer| answer["line"].as_u64()).collect();
    assert_eq!(bad, [2, 3, 4, 5, 6, 7]);
    assert_eq!((&answers[0]["id"], &answers[7]["id"]), (&1.into(), &4.into()));
    assert!(answers[1]["error"].as_str().is_some_and(|why| !why.is_empty()));
}

#[test]
fn errors_do_not_repeat_clinical_words() {
    let output = anteroom(&["screen"], b"{\"id\":1,\"kind\":\"problem\",\"text\":\"raped\" oops}\n");
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert!(!text.contains("raped"), "{text}");
}

#[test]
fn codes_are_screened_in_the_spellings_that_sources_use() {
    let item = |system: &str, code: &str| {
        format!(
            "{{\"id\":1,\"kind\":\"problem\",\"text\":\"\",\"codes\":[{{\"system\":\"{system}\",\"code\":\"{code}\"}}]}}\n"
        )
    };
    for (system, code) in
        [("snomed", "1364731000000104"), ("http://snomed.info/sct", "1364731000000104"), ("read2", "13IF.00")]
    {
        let answers = lines(&anteroom(&["screen"], item(system, code).as_bytes()));
        assert_eq!(answers[0]["verdict"], "hold", "{system} {code}");
    }
    assert_eq!(lines(&anteroom(&["screen"], item("snomed", "195967001").as_bytes()))[0]["verdict"], "clear");
}

#[test]
fn context_answers_for_the_span_and_refuses_a_broken_one() {
    let input = b"{\"id\":\"a\",\"text\":\"Denies domestic abuse.\",\"start\":7,\"end\":21}\n{\"id\":\"b\",\"text\":\"\xc3\xa9\",\"start\":1,\"end\":2}\n";
    let output = anteroom(&["context"], input);
    assert_eq!(output.status.code(), Some(1));
    let answers = lines(&output);
    assert_eq!((&answers[0]["negated"], &answers[0]["subject"]), (&true.into(), &"patient".into()));
    assert_eq!(answers[1]["line"], 2);
}

#[test]
fn eval_gives_exact_intervals() {
    let line = |id: usize, text: &str, label: &str| {
        format!(
            "{{\"id\":\"{id}\",\"kind\":\"consultation\",\"text\":\"{text}\",\"label\":\"{label}\",\"category\":\"x\",\"difficulty\":\"y\"}}\n"
        )
    };
    let mut input = String::new();
    (0..9).for_each(|id| input.push_str(&line(id, "«Her husband hit her.»", "hold")));
    input.push_str(&line(9, "«Chest clear.»", "hold"));
    (10..20).for_each(|id| input.push_str(&line(id, "Chest clear.", "clear")));
    let output = anteroom(&["eval", "--json"], input.as_bytes());
    let report = &lines(&output)[0];
    let recall = &report["all"]["recall_hold"];
    // Clopper and Pearson for 9 of 10 at 95 %: .5550 to .9975 (any table); for 0 of 10: 0 to .3085.
    assert_eq!((recall["hits"].as_u64(), recall["of"].as_u64()), (Some(9), Some(10)));
    assert!((recall["low"].as_f64().unwrap() - 0.5550).abs() < 5e-5, "{recall}");
    assert!((recall["high"].as_f64().unwrap() - 0.9975).abs() < 5e-5, "{recall}");
    assert!((report["all"]["false_hold"]["high"].as_f64().unwrap() - 0.3085).abs() < 5e-5);
    assert_eq!(report["all"]["removal_cover"], 1.0);
}

/// The files that the model which ships has learned from, in the order of its record.
const LESSONS: [&str; 12] = [
    "dev",
    "dev-pairs",
    "own-pairs",
    "own-contrast",
    "hard",
    "hard-pairs",
    "ordinary-own",
    "partners",
    "children",
    "adults",
    "twins",
    "twins-terse",
];

/// Rules are features of the model: whoever changes a rule trains it again, with the command in the README there.
#[test]
fn the_model_that_ships_is_what_the_labelled_entries_teach() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model.tsv");
    let files = LESSONS.map(|name| root.join(format!("tests/data/screening/{name}.jsonl")).display().to_string());
    let arguments: Vec<&str> = ["train"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let run = anteroom(&[&arguments[..], &["--out", out.to_str().unwrap()]].concat(), b"");
    assert_eq!(run.status.code(), Some(0));
    // The last digit may differ where a machine's exponential function does.
    let weights = |path: &Path| -> BTreeMap<String, f64> {
        let text = std::fs::read_to_string(path).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines
            .map(|line| line.split('\t'))
            .map(|mut fields| (fields.next().unwrap().to_owned(), fields.next().unwrap().parse().unwrap()))
            .collect()
    };
    let (taught, ships) = (weights(&out), weights(&root.join("src/screen/packs/model.tsv")));
    // What weighs less than 0.2 is not written.
    let differs = |name: &&String| match (taught.get(*name), ships.get(*name)) {
        (Some(now), Some(shipped)) => (now - shipped).abs() > 0.02,
        (Some(only), None) | (None, Some(only)) => only.abs() > 0.22,
        (None, None) => false,
    };
    let stale: Vec<&String> = taught.keys().chain(ships.keys()).filter(differs).collect();
    assert!(stale.is_empty(), "train the model again: {} weights differ, {stale:.5?}", stale.len());
}

#[test]
fn training_twice_gives_the_same_bytes_and_a_swapped_folder_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let own = format!("{}/tests/data/screening/own-pairs.jsonl", env!("CARGO_MANIFEST_DIR"));
    let models: Vec<Vec<u8>> = ["a.tsv", "b.tsv"]
        .iter()
        .map(|name| {
            let out = folder.path().join(name);
            assert_eq!(anteroom(&["train", &own, "--out", out.to_str().unwrap()], b"").status.code(), Some(0));
            std::fs::read(out).unwrap()
        })
        .collect();
    assert!(models[0].len() > 1000 && models[0] == models[1]);

    let packs = folder.path().join("packs");
    std::fs::create_dir(&packs).unwrap();
    let pack = "[[rule]]\nid = \"mine\"\ncategory = \"third_party_disclosure\"\ntier = 2\nwhy = \"test\"\nmatch = [\"zebra\"]\nfires = [\"a zebra\"]\nspares = [\"a horse\"]\n";
    std::fs::write(packs.join("mine.toml"), pack).unwrap();
    let item = b"{\"id\":1,\"kind\":\"problem\",\"text\":\"a zebra\"}\n";
    let answer = &lines(&anteroom(&["screen", "--rules", packs.to_str().unwrap()], item))[0];
    assert_eq!(answer["matches"][0]["rule"], "mine");
    std::fs::write(packs.join("mine.toml"), "rule = 1").unwrap();
    assert_eq!(anteroom(&["screen", "--rules", packs.to_str().unwrap()], item).status.code(), Some(2));
}
