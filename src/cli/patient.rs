//! `anteroom patient`: what stands over a whole patient.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::decide::words;
use super::reach::{garbled, reach, shown};
use super::{Exit, Failure};
use crate::protocol::{Reply, Request};
use crate::record::{Flag, PatientAct};

/// Sets or clears what stands over a whole patient. The reason comes from standard input.
#[derive(Debug, Args)]
pub struct PatientArgs {
    /// An entry of the patient: its identifier, or the beginning of it
    entry: String,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Set a flag: hold-all, restricted-readers, coercion-risk or enhanced-review
    SetFlag {
        /// Which
        #[arg(value_parser = flag)]
        flag: Flag,
        /// Also withdraw what is visible already; that it vanishes can itself tell somebody
        #[arg(long)]
        withdraw: bool,
    },
    /// Ask to clear a flag, or agree to that: two people, one of them a lead
    ClearFlag {
        /// Which
        #[arg(value_parser = flag)]
        flag: Flag,
    },
    /// As lead: refuse a flag that the worklist proposes
    RefuseFlag {
        /// Which
        #[arg(value_parser = flag)]
        flag: Flag,
    },
    /// Name who may open the record while restricted-readers stands
    NameReaders {
        /// Their logins
        logins: Vec<String>,
    },
    /// Declare your own conflict of interest, or, as lead, lock somebody out of everything towards visible
    LockOut {
        /// Whom
        login: String,
    },
    /// As lead: let somebody in again
    LetIn {
        /// Whom
        login: String,
    },
}

fn flag(name: &str) -> Result<Flag, String> {
    Flag::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = Flag::ALL.iter().map(|flag| flag.name()).collect();
        format!("a flag is one of {}", names.join(", "))
    })
}

/// Runs the command.
///
/// # Errors
/// When a rule refuses, or the practice cannot be reached.
pub async fn run(args: &PatientArgs, dir: Option<PathBuf>, mut out: impl Write) -> Result<Exit, Failure> {
    let why = words()?;
    let act = match &args.what {
        What::SetFlag { flag, withdraw } => PatientAct::SetFlag { flag: *flag, why, withdraw: *withdraw },
        What::ClearFlag { flag } => PatientAct::ClearFlag { flag: *flag, why },
        What::RefuseFlag { flag } => PatientAct::RefuseFlag { flag: *flag, why },
        What::NameReaders { logins } => PatientAct::NameReaders { logins: logins.clone(), why },
        What::LockOut { login } => PatientAct::LockOut { login: login.clone(), why },
        What::LetIn { login } => PatientAct::LetIn { login: login.clone(), why },
    };
    let mut practice = reach(dir).await?;
    let opened = match practice.entry(&args.entry).await {
        Ok(entry) => practice.ask(Request::Open { entry }).await,
        Err(failure) => Err(failure),
    };
    let reply = match opened {
        Ok(Reply::Entry(opened)) => practice.ask(Request::Patient { patient: opened.row.patient, act }).await,
        Ok(_) => Err(garbled()),
        Err(failure) => Err(failure),
    };
    practice.leave().await;
    let Reply::PatientDone(done) = reply? else { return Err(garbled()) };
    for flag in &done.flags {
        writeln!(out, "{}", shown(flag))?;
    }
    let second = if done.needs_second { ", a second person must agree" } else { "" };
    writeln!(out, "{} moved{second}  log {}", done.moved, done.seq)?;
    if let Some(unfinished) = &done.unfinished {
        writeln!(out, "done; {unfinished}")?;
    }
    Ok(Exit::Ok)
}
