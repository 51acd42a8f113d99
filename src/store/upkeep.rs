//! What a store does beside its callers: puts what was shown into sled, and looks soon after the start and then every
//! day whether what stands on the disk is still what was written.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::journal::{Index, RESTORE, damage_of};
use super::opening::Options;
use super::shrink::Shrinking;
use super::sled::View;
use super::writer::behind;
use super::{StoreError, doubt};
use crate::audit::frame::RawFrame;
use crate::audit::read_chain;

/// How long units gather before they are put into sled, unless there are many. Each time makes sled write to the disk,
/// and whoever waits for a sync meanwhile waits for that too: applied one by one, decisions took thirty times as long.
const GATHER: Duration = Duration::from_secs(1);
/// How often it is looked whether there are many.
const LOOK: Duration = Duration::from_millis(20);
/// How long after the start the rest of a big store is read: who waits for the start does not wait for that.
const LATER: Duration = Duration::from_secs(2);
/// How long it is waited between two parts of the making of a view, so that others get their turn.
const BREATH: Duration = Duration::from_millis(2);
/// How often a journal that cannot be read is tried again, and how long after.
const TRIES: u32 = 3;
const AGAIN: Duration = Duration::from_secs(1);

/// The store's own threads, which end when it is dropped.
#[derive(Debug)]
pub struct Upkeep {
    threads: Vec<JoinHandle<()>>,
    closing: Arc<AtomicBool>,
}

/// What is looked after.
#[derive(Debug, Clone)]
pub struct Care {
    /// The view.
    pub view: Arc<View>,
    /// The journal.
    pub journal: Arc<Index>,
    /// The store's directory.
    pub directory: PathBuf,
    /// Why the store takes no more writes. Set once.
    pub stopped: Arc<OnceLock<String>>,
}

impl Upkeep {
    /// Begins. What was not read whole at the start is read soon; everything is read again as often as the options say.
    ///
    /// # Errors
    /// When there are no threads.
    pub fn begin(care: Care, shrinking: Shrinking, read_whole: bool, options: &Options) -> Result<Self, StoreError> {
        let (every, shrink_every) = (options.check_every, options.shrink_every);
        let mut upkeep = Self { threads: Vec::new(), closing: Arc::default() };
        let first = if read_whole { every } else { LATER };
        let (keeper, closing) = (care.clone(), Arc::clone(&upkeep.closing));
        upkeep.start("store-view", move || keeper.keep_up(&closing))?;
        let closing = Arc::clone(&upkeep.closing);
        upkeep.start("store-check", move || care.check(first, every, &closing))?;
        let closing = Arc::clone(&upkeep.closing);
        upkeep.start("store-shrink", move || {
            loop {
                wait(shrink_every, &closing);
                if closing.load(Ordering::Acquire) {
                    return;
                }
                shrinking.look(&|| {
                    thread::sleep(BREATH);
                    !closing.load(Ordering::Acquire)
                });
            }
        })?;
        Ok(upkeep)
    }

    fn start(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(work)
            .map_err(|why| StoreError::Unavailable(format!("cannot start the thread {name}: {why}")))?;
        self.threads.push(thread);
        Ok(())
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

impl Care {
    /// Puts what is shown into sled, some of it at a time, until the store closes and nothing is left.
    fn keep_up(&self, closing: &AtomicBool) {
        let view = &self.view;
        loop {
            let last = closing.load(Ordering::Acquire);
            match view.apply_shown() {
                Ok(true) => {}
                Ok(false) if last => break,
                Ok(false) => {
                    view.wait_for_more();
                    let begun = Instant::now();
                    while begun.elapsed() < GATHER && !view.has_enough() && !closing.load(Ordering::Acquire) {
                        thread::park_timeout(LOOK);
                    }
                }
                Err(why) => {
                    self.stopped.get_or_init(|| behind(&why));
                    break;
                }
            }
        }
        view.hand_over();
    }

    /// Reads everything, again and again, until the store closes or something is wrong.
    fn check(&self, first: Duration, every: Duration, closing: &AtomicBool) {
        let mut rest = first;
        loop {
            wait(rest, closing);
            if closing.load(Ordering::Acquire) {
                return;
            }
            // The journal first: it is the truth, and whoever writes much makes the reading of the view long.
            if let Err(why) = self.read_journal(closing) {
                // The disk that damaged the journal may not take this either.
                let _ = doubt::raise(&self.directory, &why);
                self.stopped.get_or_init(|| why);
                return;
            }
            // A view that is damaged says so itself, to whoever asks it for anything.
            if !self.view_is_sound(closing) {
                return;
            }
            rest = every;
        }
    }

    /// Reads the whole view a little at a time, so that others get their turn.
    fn view_is_sound(&self, closing: &AtomicBool) -> bool {
        let mut counting = self.view.count();
        while !closing.load(Ordering::Relaxed) {
            match counting.go_on() {
                Ok(true) => break,
                Ok(false) => thread::sleep(Duration::from_millis(1)),
                Err(_) => return false,
            }
        }
        true
    }

    /// Reads the whole journal up to where it ends by now. Answers what is wrong with it.
    fn read_journal(&self, closing: &AtomicBool) -> Result<(), String> {
        let directory = self.directory.join("journal");
        let until = self.journal.end().1;
        let each = |_, _: &RawFrame<'_>| match closing.load(Ordering::Relaxed) {
            true => Err("the store closes".to_owned()),
            false => Ok(()),
        };
        let mut tries = 1;
        loop {
            let read = read_chain(&directory, until, &each);
            if closing.load(Ordering::Relaxed) {
                return Ok(());
            }
            match read {
                Ok(chain) if chain.damage.is_empty() => return Ok(()),
                Ok(chain) => return Err(format!("{}. {RESTORE}", damage_of(&directory, &chain))),
                Err(why) if tries == TRIES => return Err(cannot_be_read(&directory.display(), &why)),
                Err(_) => wait(AGAIN, closing),
            }
            tries += 1;
        }
    }
}

fn cannot_be_read(directory: &dyn std::fmt::Display, why: &io::Error) -> String {
    format!("the journal in {directory} cannot be read any more ({why}): check the disk, then start the program again")
}

/// Waits so long, or until the store closes.
fn wait(time: Duration, closing: &AtomicBool) {
    let begun = Instant::now();
    while let Some(rest) = time.checked_sub(begun.elapsed())
        && !closing.load(Ordering::Acquire)
    {
        thread::park_timeout(rest);
    }
}
