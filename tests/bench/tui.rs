//! How fast the screen is: `cargo bench --bench tui [ENTRIES]` puts so many entries (100,000) into the queue of a
//! throw-away practice, goes through them key by key, and prints how long a key takes to its frame, how long the
//! service takes to find rows, and how many bytes a move costs.

use std::cell::RefCell;
use std::io::{self, Write as _};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anteroom::channel::Portal;
use anteroom::protocol::{Only, Reply, Request, VERSION, Wanted};
use anteroom::screen::Rules;
use anteroom::service::{Keys, Parts, Service, Session, Settings, SystemClock};
use anteroom::store::{EmbeddedStore, Master, Options};
use anteroom::tui::keymap::{Key, Keymap};
use anteroom::tui::state::{Effect, Input, Setup, State};
use anteroom::tui::terminal::Whole;
use anteroom::tui::update::update;
use anteroom::tui::view::draw;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

const MAP: &str = "organisation = \"Z99904\"\ndate = \"%d/%m/%Y\"\nmoment = \"%d/%m/%Y %H:%M\"\n[columns]\n\
    line = \"id\"\npatient = \"patient\"\nentry = \"visit\"\nfamily_name = \"surname\"\ntext = \"note\"\n\
    recorded = \"saved\"\nauthor_name = \"clinician\"\n";

/// Counts bytes and forgets them.
#[derive(Clone, Default)]
struct Counted(Rc<RefCell<usize>>);

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        *self.0.borrow_mut() += bytes.len();
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The screen and the service it asks, without a socket between them.
struct Bench {
    state: State,
    terminal: Terminal<Whole<Counted>>,
    written: Counted,
    session: Session,
}

/// What an input cost.
struct Cost {
    /// Until the frame that shows that it was taken in.
    frame: Duration,
    /// Until the frame that shows all that was asked for because of it, the service's time included.
    whole: Duration,
    /// Bytes of both.
    bytes: usize,
}

impl Bench {
    /// Takes an input in and draws; then answers what it asked for, and what that asked for in turn, and draws again.
    fn take(&mut self, input: Input) -> Result<Cost, Box<dyn std::error::Error>> {
        let (begun, before) = (Instant::now(), *self.written.0.borrow());
        let mut effects = update(&mut self.state, input);
        self.terminal.draw(|frame| draw(frame, &self.state))?;
        let frame = begun.elapsed();
        while !effects.is_empty() {
            let mut further = Vec::new();
            for effect in std::mem::take(&mut effects) {
                if let Effect::Ask(request) = effect {
                    let reply = self.session.answer(request.clone());
                    further.extend(update(&mut self.state, Input::Answered(Box::new((request, reply)))));
                }
            }
            self.terminal.draw(|frame| draw(frame, &self.state))?;
            effects = further;
        }
        Ok(Cost { frame, whole: begun.elapsed(), bytes: *self.written.0.borrow() - before })
    }
}

/// The middle one and the one that 99 in 100 stay below.
fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or_default();
    format!("p50 {:.2} ms, p99 {:.2} ms", at(0.5).as_secs_f64() * 1e3, at(0.99).as_secs_f64() * 1e3)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let asked = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let entries: usize = asked.unwrap_or(100_000);
    let folder = tempfile::tempdir()?;
    let feed = folder.path().join("feed-of-plain-files");
    std::fs::create_dir(&feed)?;
    std::fs::write(feed.join("columns.toml"), MAP)?;
    let mut file = io::BufWriter::new(std::fs::File::create(feed.join("notes.csv"))?);
    writeln!(file, "id,patient,visit,surname,note,saved,clinician")?;
    let names = ["Holt", "Obi", "Tan", "Lewis", "Park", "Adeyemi", "Briggs", "Ferreira", "Kowalski", "Nguyen"];
    for n in 0..entries {
        let name = names[n % names.len()];
        let clinician = ["Dr Shah", "Dr Rahman", "Nurse Bell"][n % 3];
        writeln!(
            file,
            "l{n},p{},v{n},{name}{},Her partner strangled her on Sunday.,20/11/2026 09:14,{clinician}",
            n / 2,
            n / 20
        )?;
    }
    drop(file);

    let master = Master::from_key([7; 32], "a benchmark");
    let (store, _) = EmbeddedStore::open(&folder.path().join("store"), &Options::default(), &master)?;
    let keys = Keys::from_secret(store.secret());
    let service = Arc::new(Service::start(Parts {
        store: Box::new(store),
        clock: Arc::new(SystemClock),
        rules: Rules::built_in(),
        keys,
        settings: Settings::default(),
        channel: Box::new(Portal::new(folder.path().join("feed"))),
        feed: Box::new(|| None),
        demo: false,
    })?);
    let mut session = Session::new(Arc::clone(&service), "lead")?;
    let Reply::Welcome(welcome) = session.answer(Request::Hello { version: VERSION }) else {
        return Err("no welcome".into());
    };
    let begun = Instant::now();
    let pull = Request::Pull { from: Some(format!("lines:{}", feed.display())) };
    let Reply::Pulled(pulled) = session.answer(pull) else { return Err("nothing was pulled".into()) };
    println!("{} entries queued in {:.1} s", pulled.queued, begun.elapsed().as_secs_f64());

    for words in ["h", "ho", "hol", "holt", "holt4", "strangled shah", "hlot", "zzzz"] {
        let times = (0..20).map(|_| {
            let only = Only { words: words.to_owned(), ..Only::default() };
            let begun = Instant::now();
            let reply = session.answer(Request::Rows(Wanted { from: 0, limit: 20, only }));
            (begun.elapsed(), reply)
        });
        let (times, replies): (Vec<_>, Vec<_>) = times.unzip();
        let fits =
            replies.iter().find_map(|reply| if let Reply::Queue(queue) = reply { Some(queue.fits) } else { None });
        println!("find “{words}”: {} of them fit; {}", fits.unwrap_or_default(), percentiles(times));
    }

    for (width, height) in [(80, 24), (120, 40)] {
        let written = Counted::default();
        let viewport = Viewport::Fixed(Rect::new(0, 0, width, height));
        let terminal = Terminal::with_options(Whole::new(written.clone()), TerminalOptions { viewport })?;
        let setup = Setup { keymap: Keymap::named("default").unwrap_or_default(), ..Setup::default() };
        let mut person = Session::new(Arc::clone(&service), "lead")?;
        person.answer(Request::Hello { version: VERSION });
        let mut bench = Bench { state: State::new((width, height), setup), terminal, written, session: person };
        let begun = Instant::now();
        bench.take(Input::Connected(welcome.clone()))?;
        println!("{width}x{height}: first page {:.1} ms", begun.elapsed().as_secs_f64() * 1e3);
        for (name, code) in
            [("down", KeyCode::Char('j')), ("page down", KeyCode::PageDown), ("last and first", KeyCode::Null)]
        {
            let (mut frames, mut wholes, mut most) = (Vec::new(), Vec::new(), 0);
            for n in 0..1000 {
                let code = if code == KeyCode::Null { KeyCode::Char(if n % 2 == 0 { 'G' } else { 'g' }) } else { code };
                let key = Key::new(KeyEvent::new(code, KeyModifiers::NONE));
                let cost = bench.take(Input::Key(key))?;
                frames.push(cost.frame);
                wholes.push(cost.whole);
                most = most.max(cost.bytes);
            }
            let (frames, wholes) = (percentiles(frames), percentiles(wholes));
            println!("{width}x{height}: {name}, key to frame {frames}; to its rows {wholes}; at most {most} bytes");
        }
    }
    Ok(())
}
