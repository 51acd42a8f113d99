//! The policy in force: taken from its file if it may be, kept in the store, changed only with a record of it.

use std::sync::{Arc, PoisonError};

use sha2::{Digest, Sha256};

use super::rows::{self, Read};
use super::{Service, ServiceError, lock};
use crate::audit::{Actor, Event, Outcome, Record, Role};
use crate::protocol::{PolicyFile, hex};
use crate::review::policy_file::{parse, print};
use crate::review::{Conflict, Policy};
use crate::store::Table;

/// The row with the policy that was accepted last, as a file.
const ACCEPTED: &[u8] = b"policy";

/// A refused file, so that it is said on every screen until it is mended.
const REFUSED: &[u8] = b"policy-refused";

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
        let changed = Event::PolicyChanged { from: digest(&before), to: digest(&after) };
        let writes =
            vec![(Table::Meta, ACCEPTED.to_vec(), Some(rows::encode(&after)?)), (Table::Meta, REFUSED.to_vec(), None)];
        self.commit(Vec::new(), writes, vec![self.record(actor, changed)])?;
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
        Ok(())
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
        {
            let _one_at_a_time = lock(&self.batch);
            self.adopt_policy(actor, Some(&text))?;
            // A tighter policy hides at once; a looser one brings nothing back.
            if self.withdraw_what_no_longer_may(self.now())? > 0 {
                self.deliver(&Actor::system("publish"))?;
            }
        }
        self.announce();
        Ok(self.policy_file())
    }

    /// The policy in force, as a file.
    pub fn policy_file(&self) -> PolicyFile {
        let text = print(&self.policy());
        PolicyFile { digest: digest(&text), text }
    }

    /// What people must know about the policy, if anything.
    pub(super) fn policy_alarm(&self) -> Result<Option<String>, ServiceError> {
        Ok(rows::get::<String>(self.store.as_ref(), Table::Meta, REFUSED)?.map(|read| read.row))
    }

    /// Whether somebody with a conflict of interest may not even read.
    pub(super) fn shuts_out(&self) -> bool {
        self.policy().conflict == Conflict::MayNotOpen
    }
}

fn digest(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}
