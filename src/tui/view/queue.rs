//! What waits, most urgent first, with the reason beside each.

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use unicode_width::UnicodeWidthStr;

use super::{Pen, Theme};
use crate::protocol::{Queue, QueueRow};
use crate::record::{Shown, Tier};
use crate::review::State as ReviewState;
use crate::tui::action::Action;
use crate::tui::document::{fit, wrap};
use crate::tui::layout::{self, Columns};
use crate::tui::state::{Link, Screen, State};
use crate::tui::update::queue::listed;
use crate::tui::words;

pub(super) fn draw(pen: &mut Pen<'_>, state: &State, theme: Theme) -> Option<Position> {
    let area = layout::queue_area(state.size);
    header(pen, state, theme, area);
    if state.size.0 >= layout::WIDE {
        for y in 0..area.height {
            pen.line(area.right(), y, 1, &[(if y == 2 { "┼" } else { "│" }, theme.dim())]);
        }
    }
    let Some(queue) = &state.queue.queue else {
        waiting(pen, state, theme, area);
        return None;
    };
    alarms(pen, state, theme, area);
    foot(pen, state, theme, area, queue);
    let list = layout::queue_list(state.size, &state.queue);
    if state.queue.is_empty() {
        empty(pen, state, theme, list, queue);
        return None;
    }
    let columns = Columns::of(area.width);
    heads(pen, theme, list, &columns);
    let heights = layout::queue_heights(state.size, &state.queue);
    let mut cursor = None;
    let mut y = list.y;
    for (place, height) in (state.queue.top..state.queue.len()).zip(heights) {
        if y + height > list.bottom() {
            break;
        }
        let area = Rect::new(list.x, y, list.width, height);
        if place == state.queue.selected {
            cursor = Some(Position::new(list.x, y));
            pen.line(list.x, y, 1, &[("▶", theme.strong())]);
        }
        match state.queue.row(place) {
            Some(row) => self::row(pen, state, theme, area, &columns, row, place),
            // It is on its way.
            None => {
                pen.line(area.x + Columns::PATIENT, y, 1, &[("…", theme.dim())]);
            }
        }
        y += height;
    }
    if queue.totals.to_review == 0 && state.queue.only.is_all() && y + 4 < list.bottom() {
        // What is listed is not the person's to do.
        empty(pen, state, theme, Rect::new(list.x, y, list.width, list.bottom() - y), queue);
    }
    if state.screen == Screen::Queue && state.size.0 >= layout::WIDE {
        beside(pen, state, theme);
    }
    cursor
}

fn header(pen: &mut Pen<'_>, state: &State, theme: Theme, area: Rect) {
    let (practice, login, role) = match &state.welcome {
        Some(welcome) => (welcome.practice.as_str(), welcome.actor.login.as_str(), welcome.actor.role.name()),
        None => ("", "", ""),
    };
    let right = pen.line_to(
        area.right().saturating_sub(1),
        0,
        area.width / 2,
        &[(login, theme.strong()), ("  ", theme.plain()), (role, theme.plain())],
    );
    let room = usize::from(right.saturating_sub(area.x + 2));
    let totals = state.queue.queue.as_ref().map(|queue| &queue.totals);
    let pulled = totals.and_then(|totals| {
        let at = words::time_or_day(totals.pulled_at?, state.now?);
        Some((format!(" · pulled {at}"), words::count(totals.pulled_entries, "entry", "entries")))
    });
    let mut titles = Vec::new();
    if let Some((at, entries)) = &pulled {
        titles.push(format!("Anteroom · {practice}{at}, {entries}"));
        titles.push(format!("Anteroom · {practice}{at}"));
    }
    titles.push(format!("Anteroom · {practice}"));
    titles.push(practice.to_owned());
    let title = titles.iter().find(|title| title.chars().count() <= room).or(titles.last());
    pen.line(area.x + 1, 0, room as u16, &[(title.map_or("Anteroom", String::as_str), theme.strong())]);

    if let Some(totals) = totals {
        let late = if totals.late > 0 { theme.alarm() } else { theme.plain() };
        let to_review = format!("{} to review", words::number(totals.to_review));
        let late_text = format!("   {} late", words::number(totals.late));
        let (to_skim, skim_key) = to_skim(state, totals.to_skim);
        let taken = to_review.len() + late_text.len() + to_skim.width() + skim_key.width();
        let room = usize::from(area.width).saturating_sub(2 + taken);
        let readable = words::number(totals.readable);
        let readable = match totals.readable {
            0 => String::new(),
            _ if room >= 52 + readable.len() => format!("   {readable} already readable by the patient or a proxy"),
            _ if room >= 20 + readable.len() => format!("   {readable} already readable"),
            _ => format!("   {readable} readable"),
        };
        let only = listed(&state.queue.only).map(|only| format!("only {only}"));
        let (order, look) = match &only {
            Some(only) => (only.as_str(), theme.strong()),
            None if room >= 68 || readable.is_empty() && to_skim.is_empty() => ("by urgency", theme.dim()),
            None => ("", theme.dim()),
        };
        let left = area.width.saturating_sub((taken + readable.width()) as u16 + 4);
        pen.line_to(area.right().saturating_sub(1), 1, left, &[(order, look)]);
        let pieces = [
            (to_review.as_str(), theme.plain()),
            (&late_text, late),
            (&readable, theme.plain()),
            (&to_skim, theme.plain()),
            (&skim_key, theme.key()),
        ];
        pen.line(area.x + 1, 1, area.width - 2, &pieces);
    }
    pen.rule(area, 2, "", "", theme.dim());
}

/// How many lines wait to be skimmed, and the key that opens them.
fn to_skim(state: &State, lines: u64) -> (String, String) {
    if lines == 0 {
        return Default::default();
    }
    let key = state.keymap.keys(crate::tui::action::Place::Queue, Action::Skim, state.ascii).into_iter().next();
    (format!("   {} to skim ", words::number(lines)), key.unwrap_or_default())
}

fn waiting(pen: &mut Pen<'_>, state: &State, theme: Theme, area: Rect) {
    let sentence = match &state.link {
        Link::Connecting => "Connecting to the daemon…",
        Link::Up => "Asking for the queue…",
        Link::Lost(_) => {
            "The daemon cannot be reached. It is tried again by itself; if it stays away, start it with “anteroom serve” or ask whoever runs this machine."
        }
    };
    // On a good day this is over before it can be read.
    if state.waiting || matches!(state.link, Link::Lost(_)) {
        paragraph(pen, theme.plain(), area, 5, sentence);
    }
}

pub(super) fn paragraph(pen: &mut Pen<'_>, style: Style, area: Rect, y: u16, text: &str) -> u16 {
    let mut y = y;
    for row in wrap(text, usize::from(area.width.saturating_sub(6)).min(70)) {
        pen.line(area.x + 3, y, area.width.saturating_sub(4), &[(&row, style)]);
        y += 1;
    }
    y
}

fn alarms(pen: &mut Pen<'_>, state: &State, theme: Theme, area: Rect) {
    let (lines, more) = layout::alarm_lines(state.size, &state.queue);
    let mut y = layout::HEADER;
    for (begins, line) in &lines {
        let lead = if *begins { "! " } else { "  " };
        pen.line(area.x + 1, y, area.width - 2, &[(lead, theme.alarm()), (line, theme.plain())]);
        y += 1;
    }
    if more > 0 {
        let key = state.keymap.keys(crate::tui::action::Place::Queue, Action::Alarms, state.ascii).into_iter().next();
        let more = format!("{more} more to know, or not whole here: ");
        let pieces = [(more.as_str(), theme.plain()), (&key.unwrap_or_default(), theme.key())];
        pen.line(area.x + 3, y, area.width - 4, &[pieces[0], pieces[1], (" reads them", theme.plain())]);
    }
}

fn foot(pen: &mut Pen<'_>, state: &State, theme: Theme, area: Rect, queue: &Queue) {
    let totals = &queue.totals;
    let mut said = Vec::new();
    if totals.on_hold > 0 {
        let one = totals.on_hold == 1;
        let others = format!("{} {}", words::number(totals.on_hold), if one { "other" } else { "others" });
        said.push(match totals.next_visible {
            Some(at) => {
                let when = words::weekday_and_time(at, queue.now);
                format!("{others} {} from {when}", if one { "clears" } else { "clear" })
            }
            None => format!("{others} {} out the hold", if one { "waits" } else { "wait" }),
        });
    }
    if totals.for_second > 0 {
        let waits = if totals.for_second == 1 { "waits" } else { "wait" };
        said.insert(0, format!("{} {waits} for a second reader", words::number(totals.for_second)));
    }
    if totals.settling > 0 {
        said.push(format!("{} decided, still undoable", words::number(totals.settling)));
    }
    if let Some(only) = listed(&state.queue.only) {
        let (fit, all) = (words::number(state.queue.len() as u64), words::number(totals.to_review));
        said = vec![match state.queue.is_of_another_list() {
            true => format!("looking for {only}"),
            false => format!("{fit} of {all} fit {only}"),
        }];
    } else if state.queue.len() > usize::from(area.height) {
        let (place, all) = (state.queue.selected as u64 + 1, state.queue.len() as u64);
        said.insert(0, format!("{} of {}", words::number(place), words::number(all)));
    }
    // What does not fit is left out whole, the least important last.
    while said.len() > 1 && said.join(" · ").chars().count() > usize::from(area.width) - 2 {
        said.pop();
    }
    pen.line(area.x + 1, area.bottom() - 1, area.width - 2, &[(&said.join(" · "), theme.dim())]);
}

fn empty(pen: &mut Pen<'_>, state: &State, theme: Theme, list: Rect, queue: &Queue) {
    let key = |action: Action| {
        state.keymap.keys(crate::tui::action::Place::Queue, action, state.ascii).into_iter().next().unwrap_or_default()
    };
    let pull = key(Action::Pull);
    let nothing = match (listed(&state.queue.only), state.queue.is_of_another_list()) {
        (Some(only), true) => Some(format!("Looking for {only}.")),
        (None, true) => Some("Asking for the queue…".to_owned()),
        (Some(only), false) => Some(format!("Nothing fits {only}. {} shows all.", key(Action::Back))),
        (None, false) => None,
    };
    if let Some(nothing) = nothing {
        paragraph(pen, theme.plain(), list, list.y + 1, &nothing);
        return;
    }
    let names_no_feed = queue.alarms.iter().any(|alarm| alarm.contains("names no feed"));
    let next = match state.is_demo() {
        true => format!("{pull} brings the next day."),
        false if names_no_feed => "Nothing comes by itself until a feed is named: see above.".to_owned(),
        false => format!("{pull} fetches new entries now; the daemon does it by its schedule."),
    };
    let first = match queue.totals.pulled_at {
        None => "Nothing has been fetched from the record system yet.",
        Some(_) if queue.totals.for_lead > 0 && state.is_lead() => return,
        Some(_) if queue.totals.for_second > 0 => {
            "Nothing waits for you. What is listed takes a second reader; every other entry with a finding is decided."
        }
        Some(_) => "Nothing waits for you. Every entry with a finding has been decided.",
    };
    let y = paragraph(pen, theme.strong(), list, list.y + 1, first);
    let mut y = y + 1;
    if queue.totals.to_skim > 0 {
        let (lines, wait) = if queue.totals.to_skim == 1 { ("line", "waits") } else { ("lines", "wait") };
        let lines = format!("{} {lines}", words::number(queue.totals.to_skim));
        let skim = format!("{lines} with a weak cue {wait} to be skimmed: {} opens them.", key(Action::Skim));
        y = paragraph(pen, theme.plain(), list, y, &skim);
    }
    let y = paragraph(pen, theme.plain(), list, y, &next);
    if queue.totals.settling > 0 {
        let publish = key(Action::Publish);
        paragraph(pen, theme.plain(), list, y, &format!("{publish} shows what is due by now."));
    }
}

fn heads(pen: &mut Pen<'_>, theme: Theme, list: Rect, columns: &Columns) {
    let y = list.y - 1;
    let mut head = |x: u16, text: &str| {
        pen.line(list.x + x, y, list.width - x, &[(text, theme.dim())]);
    };
    head(Columns::WAITS, "Waits");
    head(Columns::RISK, "Risk");
    head(Columns::PATIENT, "Patient");
    if let Some(x) = columns.readers {
        head(x, "Readers");
    }
    if let Some(x) = columns.entry {
        head(x, "Entry");
    }
    head(columns.why, "Why");
}

fn row(pen: &mut Pen<'_>, state: &State, theme: Theme, area: Rect, columns: &Columns, row: &QueueRow, place: usize) {
    let selected = place == state.queue.selected;
    let now = state.now.unwrap_or(row.waiting_since);
    let sending = state.sending.as_ref().is_some_and(|sending| sending.target.entry == row.entry);
    let base = if sending { theme.dim() } else { theme.plain() };
    let mut put = |x: u16, line: u16, to: u16, pieces: &[(&str, Style)]| {
        if line < area.height {
            pen.line(area.x + x, area.y + line, to.saturating_sub(x), pieces);
        }
    };
    if state.queue.is_marked(row.entry) {
        put(1, 0, 2, &[("●", theme.strong())]);
    }
    let wait = words::wait(row.waiting_since, row.due, now);
    let wait_style = if wait.ends_with('!') { theme.alarm() } else { base };
    put(Columns::WAITS, 0, Columns::RISK, &[(&wait, wait_style)]);
    let risk = match row.tier {
        Tier::Nothing => "·".to_owned(),
        tier => "▲".repeat(usize::from(u8::from(tier))),
    };
    put(Columns::RISK, 0, Columns::PATIENT, &[(&risk, theme.tier(row.tier))]);
    let sex_age = format!("{:>5}", row.sex_age);
    let name_room = usize::from(columns.patient) - 7;
    // What else waits for the patient above hangs below it.
    let goes_on = place > state.queue.top && state.queue.goes_on(place);
    let lead = if goes_on { "└ " } else { "" };
    // The name alone: a whole row in bold would be sent anew with each move.
    let name_style = match () {
        () if selected && !sending => theme.strong(),
        () if goes_on => theme.dim(),
        () => base,
    };
    // An age of three digits takes the blank before it.
    let gap = usize::from(!sex_age.starts_with(' '));
    let name = words::short_name_within(&row.patient_name, name_room - lead.width() - gap);
    let name_end = Columns::PATIENT + name_room as u16;
    put(Columns::PATIENT, 0, name_end, &[(lead, name_style), (&name, name_style)]);
    put(name_end, 0, name_end + 5, &[(&sex_age, name_style)]);
    let why_end = columns.end(area.width);
    let entry_end = columns.why - 1;
    if let Some(x) = columns.readers {
        let end = columns.entry.unwrap_or(columns.why) - 1;
        put(x, 0, end, &[(&row.readers, base)]);
        if let Some(since) = row.readable_since {
            put(x, 1, end, &[(&format!("for {}", words::span(since, now)), theme.alarm())]);
        }
    }
    if let Some(x) = columns.entry {
        put(x, 0, entry_end, &[(&row.title, base)]);
        let recorded = row.recorded.map(|at| words::time_or_date(at, now)).unwrap_or_default();
        let room = usize::from(entry_end - x).saturating_sub(recorded.len() + 1);
        let author = Shown::new(&row.author);
        // Where the whole name has no room the family name says more than a cut one.
        let family = author.as_str().rsplit(' ').next().unwrap_or_default();
        let author = if author.as_str().width() <= room { author.as_str() } else { family };
        let author = fit(author, room, false);
        put(x, 1, entry_end, &[(&format!("{author} {recorded}"), theme.dim())]);
    } else {
        // Who can read it decides the danger, so it stands before what it is.
        let title = fit(&format!("{} · {}", row.readers, row.title), usize::from(entry_end - Columns::PATIENT), false);
        put(Columns::PATIENT, 1, entry_end, &[(&title, theme.dim())]);
    }
    let exposed = row.readable_since.filter(|_| columns.readers.is_none() || area.height == 1);
    let exposed = exposed.map(|since| format!("for {} · ", words::span(since, now))).unwrap_or_default();
    let why = layout::why(row);
    let (tag, reason) = (format!("{exposed}{}", layout::tag(row)), why.first().map_or("", String::as_str));
    let room = usize::from(why_end.saturating_sub(columns.why));
    let mut rows = wrap(&format!("{tag}{reason}"), room).into_iter();
    match rows.next() {
        // In one row as much as fits; otherwise the rest of it, or the next reason, stands below.
        Some(first) if area.height > 1 => {
            let (shown_tag, rest) = first.split_at(if first.starts_with(&tag) { tag.len() } else { 0 });
            let (time, shown_tag) = shown_tag.split_at(exposed.len().min(shown_tag.len()));
            put(columns.why, 0, why_end, &[(time, theme.alarm()), (shown_tag, theme.dim()), (rest, base)]);
            let below = rows.collect::<Vec<_>>().join(" ");
            let below = if below.is_empty() { second(&why) } else { below };
            put(columns.why, 1, why_end, &[(&below, base)]);
        }
        _ => {
            let (time, tag) = tag.split_at(exposed.len());
            put(columns.why, 0, why_end, &[(time, theme.alarm()), (tag, theme.dim()), (reason, base)]);
        }
    }
}

/// The second reason, and how many more there are.
fn second(why: &[String]) -> String {
    match why {
        [_, second] => second.clone(),
        [_, second, more @ ..] => format!("{second} (+{})", more.len()),
        _ => String::new(),
    }
}

/// On a wide terminal, what is known about the selected row without opening it. Its text is not: reading is
/// logged, so it takes a key.
fn beside(pen: &mut Pen<'_>, state: &State, theme: Theme) {
    let area = layout::entry_area(state.size);
    let Some(row) = state.queue.shown() else { return };
    let now = state.now.unwrap_or(row.waiting_since);
    let width = area.width.saturating_sub(2);
    let x = area.x + 1;
    let wait = words::wait(row.waiting_since, row.due, now);
    let right = pen.line_to(area.right() - 1, 0, 16, &[("waits ", theme.dim()), (&wait, theme.plain())]);
    pen.line(
        x,
        0,
        right.saturating_sub(x + 1),
        &[(&row.patient_name, theme.strong()), ("   ", theme.plain()), (&row.sex_age, theme.plain())],
    );
    let recorded = row.recorded.map(words::day_and_time).unwrap_or_default();
    pen.line(
        x,
        1,
        width,
        &[
            (&row.title, theme.plain()),
            ("  ", theme.plain()),
            (&recorded, theme.plain()),
            ("  ", theme.plain()),
            (&row.author, theme.plain()),
        ],
    );
    pen.rule(area, 2, "", "", theme.dim());
    let mut y = 3;
    let mut fact = |name: &str, text: &str| {
        for (i, line) in wrap(text, usize::from(width).saturating_sub(10)).into_iter().enumerate() {
            pen.line(x, y, 9, &[(if i == 0 { name } else { "" }, theme.dim())]);
            pen.line(x + 10, y, width.saturating_sub(10), &[(&line, theme.plain())]);
            y += 1;
        }
    };
    fact("readers", &row.readers);
    if let Some(since) = row.readable_since {
        let exposed = words::span(since, now);
        fact("exposed", &format!("the GP system has shown it for {exposed} already"));
    }
    for (i, why) in row.why.iter().enumerate() {
        fact(if i == 0 { "why" } else { "" }, why);
    }
    if row.changed {
        fact("changed", "an earlier version of this entry was decided");
    }
    if row.state == ReviewState::AwaitingSecond {
        fact("agreed", "one person wants to show it; a second one must agree");
    }
    if let Some(lease) = &row.lease {
        let minutes = words::count(lease.minutes_left, "minute", "minutes");
        let who = if lease.yours { "you have it" } else { &format!("{} has it", lease.name) };
        fact("in hand", &format!("{who}, for {minutes} more"));
    }
    for who in &row.viewed_by {
        fact("open", &format!("{who} reads it now"));
    }
    let open = state
        .keymap
        .keys(crate::tui::action::Place::Queue, Action::Open, state.ascii)
        .into_iter()
        .next()
        .unwrap_or_default();
    let note = format!("{open} opens the text; that it was read is logged");
    pen.line(x, area.bottom() - 1, width, &[(&note, theme.dim())]);
}
