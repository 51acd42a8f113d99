//! A request becomes a reply: the door through which every client comes.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::decide::Grounds;
use super::standing::NO_FEED;
use super::{Seat, Service, ServiceError};
use crate::audit::{Actor, Role};
use crate::protocol::{ActName, Notice, Reply, Request, VERSION, Wanted, Welcome};
use crate::store::UnitId;

/// One caller's conversation with the service.
pub struct Session {
    service: Arc<Service>,
    seat: Seat,
    notices: Option<mpsc::Receiver<Notice>>,
    name: String,
    groups: Vec<String>,
    welcomed: bool,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.service.get_up(&self.seat);
    }
}

impl Session {
    /// A session of the user with this login, as the system that authenticated them says.
    ///
    /// # Errors
    /// When nobody has given the login a role.
    pub fn new(service: Arc<Service>, login: &str) -> Result<Self, ServiceError> {
        Self::of(service, login, &[])
    }

    /// The same of somebody who belongs to these groups of the machine. A role that `users.toml` gives to the
    /// login comes before any that it gives to a group.
    ///
    /// # Errors
    /// When nobody has given the login or one of the groups a role, or the groups are given several.
    pub fn of(service: Arc<Service>, login: &str, groups: &[String]) -> Result<Self, ServiceError> {
        service.reread_staff()?;
        let staff = service.staff();
        let (actor, name) = match staff.user(login) {
            Some(user) => (user.actor(), user.name.clone()),
            None => (Actor { login: login.to_owned(), role: staff.role_of(login, groups)? }, login.to_owned()),
        };
        let (seat, notices) = service.sit_down(actor);
        Ok(Self { service, seat, notices: Some(notices), name, groups: groups.to_vec(), welcomed: false })
    }

    /// Who the caller is.
    pub fn actor(&self) -> &Actor {
        &self.seat.actor
    }

    /// What the caller is told unasked. Given once.
    pub fn notices(&mut self) -> Option<mpsc::Receiver<Notice>> {
        self.notices.take()
    }

    /// Answers a request. Blocks while the store works.
    pub fn answer(&mut self, request: Request) -> Reply {
        self.answer_as(request, None)
    }

    /// The same for what the client gave a name: an act on an entry that was done under this name is answered as done.
    pub fn answer_as(&mut self, request: Request, act: Option<ActName>) -> Reply {
        if !self.welcomed && !matches!(request, Request::Hello { .. }) {
            return Reply::Refused { why: "say hello first".into() };
        }
        let reply = self.reply_once(request, act).unwrap_or_else(|error| match error {
            ServiceError::Refused(why) => Reply::Refused { why },
            error => Reply::Failed { why: error.to_string() },
        });
        self.service.counts.answered(&reply);
        reply
    }

    fn reply_once(&mut self, request: Request, act: Option<ActName>) -> Result<Reply, ServiceError> {
        self.service.still_has_role(&self.seat.actor, &self.groups)?;
        let (Some(entry), Some(act)) = (request.acts_on(), act) else {
            self.seat.unit = None;
            return self.reply(request);
        };
        let unit = unit_of(&self.seat.actor.login, act, &request)?;
        if let Some(done) = self.service.done_before(&self.seat.actor, entry, unit)? {
            return Ok(Reply::Decided(done));
        }
        self.seat.unit = Some(unit);
        let refused = match self.reply(request) {
            Err(error) => error,
            done => return done,
        };
        // The first of the two may have been under way still.
        match self.service.done_before(&self.seat.actor, entry, unit) {
            Ok(Some(done)) => Ok(Reply::Decided(done)),
            Ok(None) | Err(_) => Err(refused),
        }
    }

    fn reply(&mut self, request: Request) -> Result<Reply, ServiceError> {
        let (service, seat, actor) = (&self.service, &self.seat, &self.seat.actor);
        Ok(match request {
            Request::Hello { version } if version != VERSION => Reply::Refused {
                why: format!("this client speaks version {version} and the daemon version {VERSION}: use the same"),
            },
            Request::Hello { .. } => {
                self.welcomed = true;
                Reply::Welcome(Welcome {
                    version: VERSION,
                    actor: actor.clone(),
                    name: self.name.clone(),
                    practice: service.settings.practice.name.clone(),
                    demo_people: match service.demo {
                        true => service.staff().users.iter().map(super::User::actor).collect(),
                        false => Vec::new(),
                    },
                })
            }
            Request::Queue { limit } => Reply::Queue(service.queue(actor, limit.min(MOST_ROWS))?),
            Request::Rows(wanted) => {
                Reply::Queue(service.rows(actor, &Wanted { limit: wanted.limit.min(MOST_ROWS), ..wanted })?)
            }
            Request::Skim { limit } => Reply::Skim(service.skim(seat, limit.min(MOST_ROWS))?),
            Request::Pass { lines } => Reply::Passed(service.pass(seat, &lines)?),
            Request::Pick { entry } => Reply::Decided(service.pick(seat, entry)?),
            Request::Open { entry } => Reply::Entry(Box::new(service.open(seat, entry)?)),
            Request::Decide { entry, version, revision, act, token, waivers } => Reply::Decided(service.decide(
                seat,
                entry,
                version,
                revision,
                act,
                Grounds { token, waivers: &waivers },
            )?),
            Request::Claim { entry } => Reply::Claimed(service.claim(seat, entry)?),
            Request::TakeOver { entry } => Reply::Claimed(service.take_over(seat, entry)?),
            Request::Release => {
                service.give_back(seat)?;
                Reply::GivenBack
            }
            Request::Propose { entry } => Reply::Proposed(service.propose(seat, entry)?),
            Request::Resolve { entry, version, revision, act, why, token, waivers } => {
                let grounds = Grounds { token, waivers: &waivers };
                Reply::Decided(service.resolve(seat, entry, (version, revision), act, &why, grounds)?)
            }
            Request::Withdraw { entry, reason, note } => Reply::Decided(service.withdraw(seat, entry, reason, &note)?),
            Request::Handle { entry, version, revision, handling } => {
                Reply::Decided(service.handle(seat, entry, (version, revision), handling)?)
            }
            Request::ReadBack { entry, version, revision, guess } => {
                Reply::Decided(service.read_back(seat, entry, (version, revision), &guess)?)
            }
            Request::Earlier { entry, before } => Reply::Earlier(Box::new(service.earlier(actor, entry, before)?)),
            Request::Record { patient } => Reply::Record(Box::new(service.patient_record(actor, patient)?)),
            Request::Patient { patient, act } => Reply::PatientDone(service.about_patient(actor, patient, &act)?),
            Request::Worklist => Reply::Worklist(service.worklist(actor)?),
            Request::MyActs { limit } => Reply::MyActs(service.my_acts(actor, limit.min(MOST_ROWS))?),
            Request::Policy => Reply::Policy(service.policy_file()),
            Request::TakePolicy => Reply::Policy(service.take_policy(actor)?),
            Request::Undo { entry } => Reply::Decided(service.undo(seat, entry)?),
            Request::KeepDraft { entry, draft } => {
                service.keep_draft(seat, entry, draft)?;
                Reply::DraftKept
            }
            Request::Pull { from } => {
                if actor.role == Role::Auditor {
                    return Err(ServiceError::Refused("the role auditor pulls nothing".into()));
                }
                match from {
                    // A path is read with the daemon's rights, so not everybody may name one.
                    Some(_) if actor.role == Role::Clinician => {
                        return Err(ServiceError::Refused("only the lead or the administrator names a feed".into()));
                    }
                    Some(from) => Reply::Pulled(service.pull_named(actor, &from)?),
                    None => pull_now(service, actor)?,
                }
            }
            Request::Publish => Reply::Published(service.publish(actor)?),
            Request::Audit { before, limit, everything } => {
                Reply::Audit(service.audit(actor, before, limit.min(MOST_ROWS), everything)?)
            }
            Request::BackUp { to, lock } => Reply::BackedUp(service.back_up(actor, &to, lock.as_ref())?),
            Request::Check => Reply::Checked(service.check(actor)?),
            Request::Verify => Reply::Verified(service.verify(actor)?),
            Request::Agreement => Reply::Agreement(Box::new(service.agreement_report(actor)?)),
            Request::Clearing => Reply::Clearing(Box::new(service.clearing_report(actor)?)),
            Request::SignClearing => Reply::Clearing(Box::new(service.sign_clearing(actor)?)),
            Request::Status => Reply::Status(service.status()?),
            Request::SetAside => Reply::SetAside(service.left_out()?),
        })
    }
}

/// The name in the store of what somebody asks: theirs, and of exactly this request, so that no name ever answers for
/// something else.
fn unit_of(login: &str, act: ActName, request: &Request) -> Result<UnitId, ServiceError> {
    let asked = serde_json::to_vec(&(login, act, request))
        .map_err(|_| ServiceError::Internal("a request cannot be written down"))?;
    let mut unit = [0; 16];
    blake3::Hasher::new_derive_key("anteroom 2026 name of an act").update(&asked).finalize_xof().fill(&mut unit);
    Ok(UnitId(unit))
}

/// No reply holds more rows than this; a frame has a limit.
const MOST_ROWS: usize = 2_000;

/// Pulls what comes next, as a person asks for it: what is due, else the first feed once more.
fn pull_now(service: &Service, actor: &Actor) -> Result<Reply, ServiceError> {
    if let Some(pulled) = service.pull_next(actor)? {
        return Ok(Reply::Pulled(pulled));
    }
    let Some(first) = service.settings.sources.first() else {
        let why = match service.demo {
            true => "that was the last day of the demonstration",
            false => NO_FEED,
        };
        return Ok(Reply::Refused { why: why.into() });
    };
    let due = service.due_feeds()?;
    let Some((next, later)) = due.split_first() else {
        return Ok(Reply::Pulled(service.pull_named(actor, &first.name)?));
    };
    let mut pulled = service.pull_due(actor, next)?;
    if !later.is_empty() {
        pulled.notices.push(format!("{} more due: pull again", later.len()));
    }
    Ok(Reply::Pulled(pulled))
}
