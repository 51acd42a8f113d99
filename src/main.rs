//! Arguments → one command → exit code; nothing else.

use std::io::{stderr, stdin, stdout};
use std::process::ExitCode;

use anteroom::cli::{context, eval, rules, screen, train};
use clap::Parser;

#[derive(Parser)]
enum Command {
    Screen(screen::ScreenArgs),
    Context(context::ContextArgs),
    Eval(eval::EvalArgs),
    Rules(rules::RulesArgs),
    Train(train::TrainArgs),
}

fn main() -> ExitCode {
    let (input, out, err) = (stdin().lock(), stdout().lock(), stderr().lock());
    let exit = match Command::parse() {
        Command::Screen(args) => screen::run(&args, input, out, err),
        Command::Context(args) => context::run(&args, input, out, err),
        Command::Eval(args) => eval::run(&args, input, out, err),
        Command::Train(args) => train::run(&args, out, err),
        Command::Rules(args) => rules::run(&args, input, out, err),
    };
    ExitCode::from(exit as u8)
}
