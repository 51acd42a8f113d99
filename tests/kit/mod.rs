//! What tests of the whole program share: a practice in a temporary folder and people who use it.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod cut;
pub mod extract;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anteroom::channel::Portal;
use anteroom::protocol::{Decided, Notice, Opened, Pulled, Queue, QueueRow, Reply, Request, VERSION};
use anteroom::record::{Act, EntryId, HideReason, Removal, RemovalTarget, Style};
use anteroom::review::Policy;
use anteroom::review::policy_file::print;
use anteroom::screen::Rules;
use anteroom::service::{Clock, Keys, Parts, Service, Session, SetClock, Settings};
use anteroom::store::{EmbeddedStore, Master, Options};
use chrono::{DateTime, TimeZone, Utc};
use tempfile::TempDir;

/// A practice of its own.
pub struct Practice {
    pub dir: TempDir,
    pub service: Arc<Service>,
    pub clock: Arc<SetClock>,
}

pub const USERS: &str = r#"
[[user]]
login = "ann"
name = "Dr Ann Author"
role = "clinician"
staff_guid = "{AAAAAAAA-0000-4000-8000-000000000001}"
[[user]]
login = "ben"
name = "Dr Ben Reader"
role = "clinician"
[[user]]
login = "lea"
name = "Dr Lea Lead"
role = "lead"
[[user]]
login = "aud"
name = "Aud Itor"
role = "auditor"
[[user]]
login = "adm"
name = "Ad Min"
role = "admin"
"#;

/// Small segments: tests must not write 64 MiB each.
pub fn options() -> Options {
    Options { segment_bytes: 1 << 20, floor_bytes: 1 << 20, ..Options::default() }
}

/// What wraps the keys of every test's store.
pub fn master() -> Master {
    Master::from_key([0x5e; 32], "a test")
}

pub fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 16, 7, 45, 0).unwrap()
}

impl Practice {
    /// An empty practice whose portal is where patients read.
    pub fn new() -> Self {
        Self::open(Self::folder())
    }

    /// An empty practice as a real one begins: nothing clears by itself before it was measured. Without decoys.
    pub fn measured() -> Self {
        Self::measured_with(&Self::policy())
    }

    /// What practices of tests agree on: the default, and nothing that chance decides.
    pub fn policy() -> Policy {
        Policy { blind_share: [0; 5], decoy_percent: 0, ..Policy::default() }
    }

    /// The same under a policy of its own.
    pub fn measured_with(policy: &Policy) -> Self {
        let dir = Self::folder();
        std::fs::write(dir.path().join("policy.toml"), print(policy)).unwrap();
        let path = dir.path().join("practice.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("clearing = \"unmeasured\"\n", "")).unwrap();
        Self::open(dir)
    }

    /// An empty practice with the keys of another, so that the same entry has the same name in both.
    pub fn with_keys_of(other: &Self) -> Self {
        let dir = Self::folder();
        std::fs::create_dir(dir.path().join("store")).unwrap();
        std::fs::copy(other.path().join("store/keys"), dir.path().join("store/keys")).unwrap();
        Self::open(dir)
    }

    fn folder() -> TempDir {
        let dir = TempDir::new().unwrap();
        std::fs::write(
            dir.path().join("practice.toml"),
            "[practice]\nods = \"Z99901\"\nname = \"Test\"\nshown_by = \"portal\"\nclearing = \"unmeasured\"\n",
        )
        .unwrap();
        std::fs::write(dir.path().join("users.toml"), USERS).unwrap();
        std::fs::write(dir.path().join("policy.toml"), print(&Self::policy())).unwrap();
        dir
    }

    /// The practice whose folder this is.
    pub fn open(dir: TempDir) -> Self {
        Self::open_at(dir, start())
    }

    /// The same at another time.
    pub fn open_at(dir: TempDir, at: DateTime<Utc>) -> Self {
        let clock = Arc::new(SetClock::at(at));
        let service = open_service(dir.path(), &clock);
        Self { dir, service, clock }
    }

    /// Ends the service and starts it anew on the same folder, at the same time of day.
    pub fn restart(self) -> Self {
        let Self { dir, service, clock } = self;
        let mut service = Arc::into_inner(service).expect("a session still runs");
        drop(service);
        service = Arc::into_inner(open_service(dir.path(), &clock)).unwrap();
        Self { dir, service: Arc::new(service), clock }
    }

    /// Ends the service and gives the folder back.
    pub fn close(self) -> TempDir {
        drop(Arc::into_inner(self.service).expect("a session still runs"));
        self.dir
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn feed(&self) -> PathBuf {
        self.path().join("feed/Composition.ndjson")
    }

    /// The feed's lines; none when it was never written.
    pub fn composition_lines(&self) -> Vec<serde_json::Value> {
        std::fs::read_to_string(self.feed())
            .unwrap_or_default()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    pub fn user(&self, login: &str) -> Person {
        person(&self.service, login)
    }
}

fn open_service(dir: &Path, clock: &Arc<SetClock>) -> Arc<Service> {
    open_service_by(dir, Arc::<SetClock>::clone(clock))
}

/// The service of a state folder, by any clock.
pub fn open_service_by(dir: &Path, clock: Arc<dyn Clock>) -> Arc<Service> {
    let (store, _) = EmbeddedStore::open(&dir.join("store"), &options(), &master()).unwrap();
    let keys = Keys::from_secret(store.secret());
    Arc::new(
        Service::start(Parts {
            store: Box::new(store),
            clock,
            rules: Rules::built_in(),
            keys,
            settings: Settings::read(dir).unwrap(),
            channel: Box::new(Portal::new(dir.join("feed"))),
            feed: Box::new(|| None),
            demo: false,
        })
        .unwrap(),
    )
}

/// The service of a state folder, at the time at which every practice starts.
pub fn open_service_in(dir: &Path) -> Arc<Service> {
    open_service(dir, &Arc::new(SetClock::at(start())))
}

/// A pause that differs from run to run.
pub fn random_part_of(most: std::time::Duration) -> std::time::Duration {
    let mut bytes = [0; 2];
    getrandom::fill(&mut bytes).unwrap();
    most * u32::from(u16::from_le_bytes(bytes)) / u32::from(u16::MAX)
}

/// Somebody at a screen.
pub struct Person(Session);

pub fn person(service: &Arc<Service>, login: &str) -> Person {
    let mut session = Session::new(Arc::clone(service), login).unwrap();
    assert!(matches!(session.answer(Request::Hello { version: VERSION }), Reply::Welcome(_)));
    Person(session)
}

impl Person {
    /// What they are told unasked.
    pub fn notices(&mut self) -> tokio::sync::mpsc::Receiver<Notice> {
        self.0.notices().unwrap()
    }

    pub fn ask(&mut self, request: Request) -> Reply {
        self.0.answer(request)
    }

    pub fn pull(&mut self, from: &str) -> Pulled {
        match self.ask(Request::Pull { from: Some(from.to_owned()) }) {
            Reply::Pulled(pulled) => pulled,
            other => panic!("{other:?}"),
        }
    }

    pub fn next_day(&mut self) -> Pulled {
        match self.ask(Request::Pull { from: None }) {
            Reply::Pulled(pulled) => pulled,
            other => panic!("{other:?}"),
        }
    }

    pub fn queue(&mut self) -> Queue {
        match self.ask(Request::Queue { limit: 1_000 }) {
            Reply::Queue(queue) => queue,
            other => panic!("{other:?}"),
        }
    }

    /// The waiting entry of the patient whose name begins so.
    pub fn waiting(&mut self, name: &str) -> QueueRow {
        let queue = self.queue();
        let mut found = queue.rows.into_iter().filter(|row| row.patient_name.starts_with(name));
        let row = found.next().unwrap_or_else(|| panic!("nothing waits for {name}"));
        assert!(found.next().is_none(), "more than one waits for {name}");
        row
    }

    pub fn open(&mut self, entry: EntryId) -> Opened {
        match self.ask(Request::Open { entry }) {
            Reply::Entry(opened) => *opened,
            other => panic!("{other:?}"),
        }
    }

    /// Opens the entry to its whole text: who has to read a redaction back first does so, and names nothing.
    pub fn read(&mut self, entry: EntryId) -> Opened {
        let opened = self.open(entry);
        if !opened.to_read_back {
            return opened;
        }
        let (version, revision) = (opened.row.version, opened.row.revision);
        self.ask(Request::ReadBack { entry, version, revision, guess: String::new() });
        self.open(entry)
    }

    /// Opens the entry and decides on what was read.
    pub fn decide(&mut self, entry: EntryId, act: Act) -> Result<Decided, String> {
        let row = self.open(entry).row;
        self.decide_on(&row, act)
    }

    pub fn decide_on(&mut self, row: &QueueRow, act: Act) -> Result<Decided, String> {
        let request = Request::Decide {
            entry: row.entry,
            version: row.version,
            revision: row.revision,
            act,
            token: None,
            waivers: Vec::new(),
        };
        match self.ask(request) {
            Reply::Decided(decided) => Ok(decided),
            Reply::Refused { why } => Err(why),
            other => panic!("{other:?}"),
        }
    }

    pub fn hide(&mut self, entry: EntryId) -> Result<Decided, String> {
        self.decide(entry, Act::Hide { reason: HideReason::HarmToPatient })
    }

    pub fn undo(&mut self, entry: EntryId) -> Result<Decided, String> {
        match self.ask(Request::Undo { entry }) {
            Reply::Decided(decided) => Ok(decided),
            Reply::Refused { why } => Err(why),
            other => panic!("{other:?}"),
        }
    }
}

/// Takes every suggestion of screening.
pub fn all_suggestions(opened: &Opened, style: Style) -> Act {
    let removals = opened
        .screening
        .findings
        .iter()
        .flat_map(|finding| &finding.suggested)
        .map(|place| Removal {
            part: place.part.clone(),
            target: place.span.map_or(RemovalTarget::Line, RemovalTarget::Text),
        })
        .collect();
    Act::Redact { removals, style }
}
