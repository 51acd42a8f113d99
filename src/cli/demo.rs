//! `anteroom demo`: the whole product on an invented practice, in a throw-away folder, in one process.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use chrono_tz::Europe::London;
use include_dir::{Dir, include_dir};

use super::reach::master;
use super::review::{ReviewArgs, needs_terminal, show, within};
use super::{Exit, Failure};
use crate::audit::Actor;
use crate::channel::Portal;
use crate::screen::Rules;
use crate::service::{Keys, NextFeed, Parts, Service, SetClock, Settings};
use crate::source::{Source, SourceError, emis::Emis};
use crate::store::{EmbeddedStore, Options};

static DEMO_DATA: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/demo-data");

/// The days of the invented practice: the first is its whole record, the others what came since.
const DAYS: u32 = 5;

/// Tries the whole product on an invented practice.
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    #[command(flatten)]
    review: ReviewArgs,
    /// Without the tour
    #[arg(long)]
    no_tour: bool,
}

/// Runs the command: the first day pulled, the screen open, everything gone at the end.
///
/// # Errors
/// When there is no terminal, or no room for the throw-away folder.
pub async fn run(args: &DemoArgs) -> Result<Exit, Failure> {
    needs_terminal(&args.review)?;
    let dir = tempfile::Builder::new().prefix("anteroom-demo-").tempdir()?;
    let service = tokio::task::block_in_place(|| {
        let (service, _) = open(dir.path())?;
        service.pull_next(&Actor::system("pull"))?;
        Ok::<_, Failure>(service)
    })?;
    let connect = async |person: Option<Actor>| {
        let login = person.map_or_else(|| FIRST.to_owned(), |person| person.login);
        within(&service, &login).await
    };
    show(&args.review, !args.no_tour, connect).await
}

/// Who one is at first.
const FIRST: &str = "dr.shah";

/// Opens the invented practice in `dir`, which must be empty, with nothing pulled yet. Its clock stands
/// at the morning of the day that was pulled last.
///
/// # Errors
/// When the folder cannot be written.
pub fn open(dir: &Path) -> Result<(Arc<Service>, Arc<SetClock>), Failure> {
    DEMO_DATA.extract(dir)?;
    let clock = Arc::new(SetClock::at(morning(0)));
    let (store, _) = EmbeddedStore::open(
        &dir.join("store"),
        &Options { segment_bytes: 8 << 20, floor_bytes: 16 << 20, ..Options::default() },
        &master(dir)?,
    )?;
    let keys = Keys::from_secret(store.secret());
    let service = Service::start(Parts {
        store: Box::new(store),
        clock: Arc::<SetClock>::clone(&clock),
        rules: Rules::built_in(),
        keys,
        settings: Settings::read(dir)?,
        channel: Box::new(Portal::new(dir.join("feed"))),
        feed: days(dir.join("emis"), Arc::clone(&clock)),
        demo: true,
    })?;
    Ok((Arc::new(service), clock))
}

/// Gives one day after the other, and sets the clock to its morning.
fn days(extracts: PathBuf, clock: Arc<SetClock>) -> NextFeed {
    let mut day = 0;
    Box::new(move || {
        if day == DAYS {
            return None;
        }
        clock.set(morning(day));
        let feed = Emis::new(extracts.join(format!("day-{day}")));
        day += 1;
        Some(Ok::<Box<dyn Source>, SourceError>(Box::new(feed)))
    })
}

/// A quarter to eight on the day whose extract was made in the night before.
fn morning(day: u32) -> DateTime<Utc> {
    NaiveDate::from_ymd_opt(2026, 11, 16 + day)
        .and_then(|date| date.and_hms_opt(7, 45, 0))
        .and_then(|time| London.from_local_datetime(&time).earliest())
        .map_or(DateTime::UNIX_EPOCH, |time| time.with_timezone(&Utc))
}
