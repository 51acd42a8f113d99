//! How fast screening is: `cargo bench --bench screen [FILE…]` screens the lines of the files, or a built-in day of
//! notes repeated to 100 MB, with all detectors on one thread, in memory and as a whole process, and beside it
//! `rg --no-unicode -i -w -F -o -f PHRASES` on the same text (skipped where ripgrep or the phrases are missing; the
//! phrases are the last column of `../shared/domain/vocab.tsv`, or of the file in `ANTEROOM_PHRASES`).

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anteroom::screen::{Rules, TextItem};

const NOTES: [&str; 4] = [
    "3/7 cough, green sputum, no SOB. Chest clear, sats 98% RA, T 37.4, HR 82. Likely viral LRTI, safety net, fluids \
     and paracetamol. Mum has COPD. Works as a driver, lives with wife and two children. Amoxicillin delayed script. \
     Review in one week if not settling. PMH: hypertension, on ramipril 5mg. BP 138/84 today, bloods next month.",
    "T2DM annual review. HbA1c 55, was 61. Feet: pulses palpable, monofilament intact, low risk. Retinal screen done in \
     March. He checks his sugar twice a week and his wife cooks with less salt. Metformin 1g bd continues, add \
     empagliflozin 10mg, sick day rules explained. Weight 92 kg, BMI 29. Statin tolerated.",
    "Right knee pain since gardening at the weekend. No locking, no giving way. Effusion small, full range, stable. \
     Advised ice, rest, ibuprofen gel and quads exercises. Self refer to physio if no better in four weeks. X-ray not \
     needed today. Asked about work: stands all day, fit note not wanted.",
    "Six week check with mum. Feeding well, smiling, fixes and follows. Hips stable, red reflex both sides, heart sounds \
     normal, femoral pulses felt, testes descended. Weight on the 50th centile. Immunisations booked. Mum sleeping a \
     little better, no low mood. Contraception discussed, will think about a coil.",
];
const BYTES: usize = 100 << 20;

fn main() -> std::io::Result<()> {
    let files: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let mut texts: Vec<String> = Vec::new();
    for file in files {
        match std::fs::read_to_string(&file) {
            Ok(text) => texts.extend(text.lines().map(str::to_owned)),
            Err(error) => println!("skipped: {file}: {error}"),
        }
    }
    if texts.is_empty() {
        let lines = NOTES.iter().cycle().map(|note| note.to_string());
        let mut size = 0;
        texts = lines.take_while(|line| (size += line.len() + 1, size < BYTES).1).collect();
    }
    let bytes: usize = texts.iter().map(|text| text.len() + 1).sum();
    let rate = |begun: Instant| bytes as f64 / 1e6 / begun.elapsed().as_secs_f64();

    let begun = Instant::now();
    let rules = Rules::built_in();
    println!("rules compiled in {:.1} ms", begun.elapsed().as_secs_f64() * 1e3);
    let items: Vec<TextItem> = texts
        .iter()
        .map(|text| TextItem { kind: "consultation".to_owned(), text: text.clone(), codes: Vec::new() })
        .collect();
    let begun = Instant::now();
    let found: usize = items.iter().map(|item| rules.screen(item).matches.len()).sum();
    println!("in memory, one thread: {:.1} MB/s ({:.1} MB, {found} matches)", rate(begun), bytes as f64 / 1e6);

    let folder = std::env::temp_dir().join(format!("anteroom-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let result = processes(&folder, &texts, &rate);
    std::fs::remove_dir_all(&folder)?;
    result
}

fn processes(folder: &Path, texts: &[String], rate: &dyn Fn(Instant) -> f64) -> std::io::Result<()> {
    let (lines, plain) = (folder.join("notes.jsonl"), folder.join("notes.txt"));
    let mut json = std::io::BufWriter::new(std::fs::File::create(&lines)?);
    for (id, text) in texts.iter().enumerate() {
        writeln!(json, "{}", serde_json::json!({"id": id, "kind": "consultation", "text": text}))?;
    }
    json.flush()?;
    std::fs::write(&plain, texts.join("\n"))?;
    let run = |program: &str, args: &[&str]| {
        let begun = Instant::now();
        let status = Command::new(program).args(args).stdout(Stdio::null()).status();
        status.map(|_| begun)
    };
    let anteroom = env!("CARGO_BIN_EXE_anteroom");
    let begun = run(anteroom, &["screen", &lines.to_string_lossy()])?;
    println!("as a process (JSON Lines in and out): {:.1} MB/s", rate(begun));
    let one = folder.join("one.jsonl");
    std::fs::write(&one, "{\"id\":1,\"kind\":\"consultation\",\"text\":\"Chest clear.\"}\n")?;
    let begun = run(anteroom, &["screen", &one.to_string_lossy()])?;
    println!("first result after start: {:.1} ms", begun.elapsed().as_secs_f64() * 1e3);

    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("ANTEROOM_SHARED").map_or(shared, PathBuf::from);
    let vocabulary = std::env::var_os("ANTEROOM_PHRASES").map_or(shared.join("domain/vocab.tsv"), PathBuf::from);
    let Ok(vocabulary) = std::fs::read_to_string(&vocabulary) else {
        println!("skipped: rg: no phrases in {}", vocabulary.display());
        return Ok(());
    };
    let phrases: Vec<&str> = vocabulary.lines().filter_map(|line| line.rsplit('\t').next()).collect();
    let patterns = folder.join("phrases.txt");
    std::fs::write(&patterns, phrases.join("\n"))?;
    let (patterns, plain) = (patterns.to_string_lossy(), plain.to_string_lossy());
    match run("rg", &["--no-unicode", "-i", "-w", "-F", "-o", "-f", &patterns, &plain]) {
        Ok(begun) => println!("rg with {} phrases: {:.1} MB/s", phrases.len(), rate(begun)),
        Err(error) => println!("skipped: rg: {error}; install ripgrep to compare"),
    }
    Ok(())
}
