//! One file a command.

use std::io::{Write, stderr, stdin, stdout};
use std::path::PathBuf;

use clap::{Parser, Subcommand};

mod ask;
pub mod audit;
pub mod backup;
pub mod check;
pub mod completions;
pub mod context;
pub mod decide;
pub mod demo;
pub mod eval;
pub mod keys;
pub mod man;
pub mod migrate;
pub mod patient;
pub mod policy;
pub mod publish;
pub mod pull;
pub mod quality;
pub mod queue;
mod reach;
pub mod rekey;
pub mod report;
pub mod restore;
pub mod review;
pub mod rules;
pub mod screen;
pub mod serve;
pub mod show;
pub mod status;
pub mod synth;
pub mod train;
pub mod worklist;

/// New entries in a GP record wait here until it is safe for the patient to see them.
#[derive(Debug, Parser)]
#[command(name = "anteroom", version, about, max_term_width = 100)]
pub struct Arguments {
    /// The practice's state folder [default: anteroom in the XDG state folder]
    #[arg(long, global = true, env = "ANTEROOM_DIR", value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try the whole product on an invented practice, in a throw-away folder
    Demo(demo::DemoArgs),
    /// Open the reviewer's screen (what anteroom does without a command)
    Review(review::ReviewArgs),
    /// The same actions line by line, for screen readers and scripts
    Plain(PlainArgs),
    /// Run the daemon that owns the practice's store
    Serve(serve::ServeArgs),
    /// Pull a feed now
    Pull(pull::PullArgs),
    /// List what waits for a person
    Queue(queue::QueueArgs),
    /// Show one entry with its findings
    Show(show::ShowArgs),
    /// Decide on one entry
    Decide(decide::DecideArgs),
    /// Decide as safeguarding lead: disputes, questions, hides to set aside
    Lead(decide::LeadArgs),
    /// Set or clear what stands over a whole patient
    Patient(patient::PatientArgs),
    /// Print, check or put in force who may let what through
    Policy(policy::PolicyArgs),
    /// List what needs somebody beside the queue
    Worklist(worklist::WorklistArgs),
    /// Take the last decision on an entry back
    Undo(decide::UndoArgs),
    /// Make what is due visible and write the feed
    Publish(publish::PublishArgs),
    /// Read or verify the audit log
    Audit(audit::AuditArgs),
    /// Say how far readers agree, and what is missed of what clears by itself
    Report(report::ReportArgs),
    /// Let entries clear by themselves, after enough were read
    Quality(quality::QualityArgs),
    /// Say how things stand
    Status(status::StatusArgs),
    /// Derive anew what patients may see, and compare it with the feed
    Check(check::CheckArgs),
    /// Write everything into one encrypted file
    Backup(backup::BackupArgs),
    /// Make a new state folder from a backup
    Restore(restore::RestoreArgs),
    /// Make the store's view anew from its journal
    Migrate(migrate::MigrateArgs),
    /// Renew the store's keys, or wrap them with another master key
    Rekey(rekey::RekeyArgs),
    /// Screen JSON Lines from standard input
    Screen(screen::ScreenArgs),
    /// Say what the words around a span mean for it
    Context(context::ContextArgs),
    /// Measure screening on labelled files
    Eval(eval::EvalArgs),
    /// Train the model of sentences from labelled files
    Train(train::TrainArgs),
    /// Check, list or explain the rules of screening
    Rules(rules::RulesArgs),
    /// Write an invented feed of any size, with the right answers beside it
    Synth(synth::SynthArgs),
    /// Print the keys and what they do
    Keys(keys::KeysArgs),
    /// Print what a shell needs to complete commands
    Completions(completions::CompletionsArgs),
    /// Print the manual page
    Man,
    /// Read the words of a letter from standard input: how the program reads PDF, in a process of its own
    #[command(hide = true)]
    ReadLetter,
}

/// Reviews line by line.
#[derive(Debug, clap::Args)]
struct PlainArgs {
    #[command(flatten)]
    map: keys::MapArgs,
    /// Write nothing outside ASCII
    #[arg(long)]
    ascii: bool,
}

/// How a command ends: its exit code (design §10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// Done, and found something.
    Found = 1,
    /// Asked for in a way that cannot be done.
    WrongUse = 2,
    /// Could not reach or read something.
    Unreachable = 3,
    /// A rule said no.
    Refused = 4,
}

impl Exit {
    /// Says why on `err` in one sentence, and ends with `exit`.
    pub fn fail(err: &mut impl Write, exit: Self, why: &str) -> Self {
        // Where the error stream is closed there is nobody left to tell.
        let _ = writeln!(err, "anteroom: {why}");
        exit
    }
}

/// Why a command did not do what it was asked: how it ends, and one sentence.
#[derive(Debug)]
pub struct Failure(pub Exit, pub String);

impl Failure {
    /// The command was not used as it can be.
    pub fn wrong_use(why: impl Into<String>) -> Self {
        Self(Exit::WrongUse, why.into())
    }
}

impl From<crate::service::ServiceError> for Failure {
    fn from(error: crate::service::ServiceError) -> Self {
        match error {
            crate::service::ServiceError::Refused(why) => Self(Exit::Refused, why),
            error => Self(Exit::Unreachable, error.to_string()),
        }
    }
}

impl From<crate::store::StoreError> for Failure {
    fn from(error: crate::store::StoreError) -> Self {
        Self(Exit::Unreachable, error.to_string())
    }
}

impl From<crate::client::ClientError> for Failure {
    fn from(error: crate::client::ClientError) -> Self {
        match error {
            crate::client::ClientError::Unwelcome(why) => Self(Exit::Refused, why),
            error => Self(Exit::Unreachable, error.to_string()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            // `anteroom queue | head` is no failure.
            std::io::ErrorKind::BrokenPipe => Self(Exit::Ok, String::new()),
            _ => Self(Exit::Unreachable, error.to_string()),
        }
    }
}

/// Runs the command that the arguments name.
pub fn run(arguments: Arguments) -> Exit {
    keep_memory_off_the_disk();
    let (input, out, mut err) = (stdin().lock(), stdout().lock(), stderr());
    let dir = arguments.dir;
    let result = match arguments.command.unwrap_or_else(|| Command::Review(review::ReviewArgs::default())) {
        Command::Screen(args) => return screen::run(&args, input, out, err),
        Command::Context(args) => return context::run(&args, input, out, err),
        Command::Eval(args) => return eval::run(&args, input, out, err),
        Command::Train(args) => return train::run(&args, out, err),
        Command::Rules(args) => return rules::run(&args, input, out, err),
        Command::Synth(args) => synth::run(&args, out),
        Command::Keys(args) => keys::run(&args, out),
        Command::Completions(args) => completions::run(&args, out),
        Command::Man => man::run(out),
        Command::ReadLetter => {
            let read = crate::source::serve_letter(input, out);
            read.map(|()| Exit::Ok).map_err(Failure::from)
        }
        Command::Plain(args) => {
            drop((input, out));
            in_runtime(review::run(&review::ReviewArgs::plain(args.map, args.ascii), dir))
        }
        Command::Demo(args) => {
            drop((input, out));
            in_runtime(demo::run(&args))
        }
        Command::Review(args) => {
            drop((input, out));
            in_runtime(review::run(&args, dir))
        }
        Command::Serve(args) => in_runtime(serve::run(&args, dir, out)),
        Command::Pull(args) => in_runtime(pull::run(&args, dir, out)),
        Command::Queue(args) => in_runtime(queue::run(&args, dir, out)),
        Command::Show(args) => in_runtime(show::run(&args, dir, out)),
        Command::Decide(args) => {
            drop(input);
            in_runtime(decide::run(&args, dir, out))
        }
        Command::Lead(args) => {
            drop(input);
            in_runtime(decide::lead(&args, dir, out))
        }
        Command::Patient(args) => {
            drop(input);
            in_runtime(patient::run(&args, dir, out))
        }
        Command::Policy(args) => in_runtime(policy::run(&args, dir, out)),
        Command::Worklist(args) => in_runtime(worklist::run(&args, dir, out)),
        Command::Undo(args) => in_runtime(decide::undo(&args, dir, out)),
        Command::Publish(args) => in_runtime(publish::run(&args, dir, out)),
        Command::Audit(args) => in_runtime(audit::run(&args, dir, out)),
        Command::Report(args) => in_runtime(report::run(&args, dir, out)),
        Command::Quality(args) => in_runtime(quality::run(&args, dir, out)),
        Command::Status(args) => in_runtime(status::run(&args, dir, out)),
        Command::Check(args) => in_runtime(check::run(&args, dir, out)),
        Command::Backup(args) => in_runtime(backup::run(&args, dir, out)),
        Command::Restore(args) => restore::run(&args, out),
        Command::Migrate(args) => migrate::run(&args, dir, out),
        Command::Rekey(args) => rekey::run(&args, dir, out),
    };
    match result {
        Ok(exit) => exit,
        Err(Failure(Exit::Ok, why)) => {
            if !why.is_empty() {
                Exit::fail(&mut err, Exit::Ok, &why);
            }
            Exit::Ok
        }
        Err(Failure(exit, why)) => Exit::fail(&mut err, exit, &why),
    }
}

/// No core dumps, and no other process of the same user reads our memory: it holds keys and records. Where
/// the system refuses, we go on without. Swap is the system's: encrypt it.
fn keep_memory_off_the_disk() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

fn in_runtime(command: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(command)
}
