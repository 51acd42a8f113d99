//! The policy in force: taken from its file if it may be, kept in the store, changed only with a record of it.

use std::sync::{Arc, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::rows::{self, Read};
use super::{Service, ServiceError};
use crate::audit::{Actor, Event, Outcome, Record, Role};
use crate::protocol::{PolicyFile, hex};
use crate::review::policy_file::{parse, print};
use crate::review::{Conflict, Guard, Policy};
use crate::store::Table;

/// The row with the policy that was accepted last, as a file.
const ACCEPTED: &[u8] = b"policy";

/// A refused file, so that it is said on every screen until it is mended.
const REFUSED: &[u8] = b"policy-refused";

/// The row with a looser policy that one person wants and a second must agree to.
const PROPOSED: &[u8] = b"policy-proposed";

#[derive(Serialize, Deserialize)]
struct Proposed {
    digest: String,
    by: String,
    lead: bool,
    looser: Vec<String>,
}

impl Service {
    /// The policy that was accepted last, or the default where none ever was.
    ///
    /// # Errors
    /// When the store cannot be read, or holds a policy that this version would not accept.
    pub(super) fn accepted_policy(&self) -> Result<Policy, ServiceError> {
        match rows::get::<String>(self.store.as_ref(), Table::Meta, ACCEPTED)? {
            Some(Read { row: text, .. }) => parse(&text).map_err(|fault| {
                ServiceError::Settings(format!("the policy in the store is not one this version accepts: {fault}"))
            }),
            None => Ok(Policy::default()),
        }
    }

    /// Puts `text` in force if it may be; otherwise the policy before stays. Both are in the log. `None`: there is
    /// no file, and nothing changes.
    ///
    /// # Errors
    /// When the file is refused, or the store fails.
    pub(super) fn adopt_policy(&self, actor: &Actor, text: Option<&str>) -> Result<(), ServiceError> {
        let Some(text) = text else { return Ok(()) };
        let policy = match parse(text) {
            Ok(policy) => policy,
            Err(fault) => {
                let why = format!("policy.toml, {fault}; the policy before stays in force");
                let refused = Event::PolicyRefused { digest: digest(text), why: fault.to_string() };
                let record = Record { outcome: Outcome::Refused(why.clone()), ..self.record(actor, refused) };
                let said = (Table::Meta, REFUSED.to_vec(), Some(rows::encode(&why)?));
                self.commit(Vec::new(), vec![said], vec![record])?;
                return Err(ServiceError::Refused(why));
            }
        };
        let (before, after) = (print(&self.policy()), print(&policy));
        let was_refused = self.store.get(Table::Meta, REFUSED)?.is_some();
        if before == after && !was_refused {
            return Ok(());
        }
        let looser = policy.looser_than(&self.policy());
        if Guard::PolicyByTwo.stops(!looser.is_empty() && !self.begins_with_it()?)
            && !self.second_agrees(actor, &digest(&after), &looser)?
        {
            return Ok(());
        }
        let changed = Event::PolicyChanged { from: digest(&before), to: digest(&after) };
        let writes = vec![
            (Table::Meta, ACCEPTED.to_vec(), Some(rows::encode(&after)?)),
            (Table::Meta, REFUSED.to_vec(), None),
            (Table::Meta, PROPOSED.to_vec(), None),
        ];
        self.commit(Vec::new(), writes, vec![self.record(actor, changed)])?;
        self.board().agree(&policy);
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
        Ok(())
    }

    /// Whether nothing was ever agreed and nothing waits: the practice begins with the file it wrote.
    fn begins_with_it(&self) -> Result<bool, ServiceError> {
        Ok(self.store.get(Table::Meta, ACCEPTED)?.is_none() && self.board().is_empty())
    }

    /// Whether this is the second of two who want a looser policy, one of them a lead. The first is noted.
    ///
    /// # Errors
    /// When it is the first once more, or the program itself at a start, or neither of two is a lead.
    fn second_agrees(&self, actor: &Actor, digest: &str, looser: &[&str]) -> Result<bool, ServiceError> {
        let lead = actor.role == Role::Lead;
        let lines = looser.join(", ");
        let proposed = rows::get::<Proposed>(self.store.as_ref(), Table::Meta, PROPOSED)?.map(|read| read.row);
        let before = proposed.filter(|proposed| proposed.digest == digest);
        let refusal = match &before {
            _ if actor.role == Role::System => format!(
                "policy.toml is looser than the policy in force ({lines}), which stays: two people, one of them a lead, \
                 put it in force with anteroom policy take"
            ),
            Some(first) if first.by == actor.login => {
                format!(
                    "you wanted this policy already ({lines}): a second person must agree, with anteroom policy take"
                )
            }
            Some(first) if !first.lead && !lead => "one of the two who loosen a policy is the safeguarding lead".into(),
            Some(_) => return Ok(true),
            None => {
                let looser: Vec<String> = looser.iter().map(|line| (*line).to_owned()).collect();
                let event = Event::PolicyProposed { digest: digest.to_owned(), looser: looser.clone() };
                let proposed = Proposed { digest: digest.to_owned(), by: actor.login.clone(), lead, looser };
                let writes = vec![
                    (Table::Meta, PROPOSED.to_vec(), Some(rows::encode(&proposed)?)),
                    (Table::Meta, REFUSED.to_vec(), None),
                ];
                self.commit(Vec::new(), writes, vec![self.record(actor, event)])?;
                return Ok(false);
            }
        };
        let event = Event::PolicyRefused { digest: digest.to_owned(), why: refusal.clone() };
        let record = Record { outcome: Outcome::Refused(refusal.clone()), ..self.record(actor, event) };
        let said = match actor.role {
            Role::System => vec![(Table::Meta, REFUSED.to_vec(), Some(rows::encode(&refusal)?))],
            _ => Vec::new(),
        };
        self.commit(Vec::new(), said, vec![record])?;
        Err(ServiceError::Refused(refusal))
    }

    /// What a looser policy waits for, if one was proposed.
    fn waits_for_second(&self) -> Result<Option<String>, ServiceError> {
        let proposed = rows::get::<Proposed>(self.store.as_ref(), Table::Meta, PROPOSED)?.map(|read| read.row);
        Ok(proposed.map(|Proposed { by, looser, .. }| {
            format!(
                "{by} wants a policy that is looser than the one in force ({}): a second person puts it in force with \
                 anteroom policy take, one of the two a lead",
                looser.join(", ")
            )
        }))
    }

    /// Reads the policy file of the state folder anew.
    ///
    /// # Errors
    /// When the role may not, there is no file, or it is refused; the policy before stays then.
    pub fn take_policy(&self, actor: &Actor) -> Result<PolicyFile, ServiceError> {
        if !matches!(actor.role, Role::Lead | Role::Admin) {
            let why = "only the safeguarding lead or the administrator puts a policy in force".to_owned();
            let event = Event::PolicyRefused { digest: String::new(), why: why.clone() };
            let record = Record { outcome: Outcome::Refused(why.clone()), ..self.record(actor, event) };
            self.commit(Vec::new(), Vec::new(), vec![record])?;
            return Err(ServiceError::Refused(why));
        }
        let text = self.settings.policy_now()?.ok_or_else(|| {
            ServiceError::Refused("there is no policy.toml in the state folder: anteroom policy prints one".into())
        })?;
        let unfinished = {
            let _one_at_a_time = self.alone()?;
            self.adopt_policy(actor, Some(&text))?;
            // A tighter policy hides at once; a looser one brings nothing back.
            match self.withdraw_what_no_longer_may(self.now()) {
                Ok(0) => None,
                Ok(_) => self.deliver_or_later(),
                Err(error) => Some(self.later("what the policy no longer allows may still show", &error)),
            }
        };
        self.announce();
        Ok(PolicyFile { waits: self.waits_for_second()?, unfinished, ..self.policy_file() })
    }

    /// The policy in force, as a file.
    pub fn policy_file(&self) -> PolicyFile {
        let text = print(&self.policy());
        PolicyFile { digest: digest(&text), text, waits: None, unfinished: None }
    }

    /// What people must know about the policy, if anything.
    pub(super) fn policy_alarm(&self) -> Result<Option<String>, ServiceError> {
        let refused = rows::get::<String>(self.store.as_ref(), Table::Meta, REFUSED)?.map(|read| read.row);
        if refused.is_some() { Ok(refused) } else { self.waits_for_second() }
    }

    /// Whether somebody with a conflict of interest may not even read.
    pub(super) fn shuts_out(&self) -> bool {
        self.policy().conflict == Conflict::MayNotOpen
    }
}

fn digest(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}
