//! Two people over the daemon's socket who decide on the same entry at the same moment.

use std::sync::Arc;

use anteroom::daemon::{self, Doors};
use anteroom::protocol::{Draft, QueueRow, Reply, Request};
use anteroom::record::Act;
use anteroom::review::State;
use tokio::net::UnixListener;

use super::decide;
use super::histories::{connect, named};
use super::kit::Practice;
use super::kit::extract::{self, row};

const ROUNDS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_decide_at_once_the_loser_is_told_who_won_and_keeps_the_draft() {
    let practice = Practice::new();
    // Each of a patient of their own, so that no lease of one round is in the way of the next.
    let rows: Vec<_> = (1..=ROUNDS).map(|n| row(n, n, n + 1, "Domestic abuse disclosed, partner hits her.")).collect();
    let feed = extract::write(&practice.path().join("extract"), &rows);
    practice.user("lea").pull(&feed);
    let waiting: Vec<QueueRow> = practice.user("lea").queue().rows;
    assert_eq!(waiting.len(), ROUNDS);

    let folder = practice.path().join("s");
    std::fs::create_dir(&folder).unwrap();
    let listener = UnixListener::bind(folder.join("daemon.sock")).unwrap();
    let service = Arc::clone(&practice.service);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let daemon = tokio::spawn(async move {
        daemon::run(&listener, service, 8, Arc::new(Doors::default()), named, async { drop(stopped.await) }).await
    });
    let people = [("ben", "Dr Ben Reader"), ("lea", "Dr Lea Lead")];
    let (mut ben, mut lea) = (connect(&folder, "ben", 0).await, connect(&folder, "lea", 1).await);
    for row in &waiting {
        let draft = Some(Draft { version: Some(row.version), ..Draft::default() });
        for person in [&mut ben, &mut lea] {
            let kept = person.request(Request::KeepDraft { entry: row.entry, draft: draft.clone() }).await.unwrap();
            assert!(matches!(kept, Reply::DraftKept));
        }
        let request = decide(row, Act::Approve);
        let (first, second) = tokio::join!(ben.request(request.clone()), lea.request(request));
        let replies = [first.unwrap(), second.unwrap()];
        let won: Vec<bool> = replies
            .iter()
            .map(|reply| matches!(reply, Reply::Decided(done) if done.state == State::Settling))
            .collect();
        let winner = won.iter().position(|won| *won).unwrap_or_else(|| panic!("nobody won: {replies:?}"));
        let Reply::Refused { why } = &replies[1 - winner] else { panic!("both won: {replies:?}") };
        let (login, name) = people[winner];
        assert!(why.contains(login) || why.contains(name), "the loser is not told that {name} won: {why}");
        for (person, won) in [&mut ben, &mut lea].into_iter().zip(won) {
            match person.request(Request::Open { entry: row.entry }).await.unwrap() {
                Reply::Entry(opened) => assert_eq!(opened.draft.is_some(), !won, "only the loser has a draft still"),
                other => panic!("{other:?}"),
            }
        }
    }
    drop((ben, lea, stop));
    daemon.await.unwrap().unwrap();
}
