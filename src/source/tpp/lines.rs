//! Events and what was recorded in them.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::batch::Batch;
use super::people::patient_in;
use super::shapes::{SHAPES, Shape};
use super::{Common, Named, Read, SYSTEM, identifier, key};
use crate::record::{Code, CodeSystem, EntryKind, Part, SourceKey, Unreadable};
use crate::source::outlet::{Outlet, Sink};
use crate::source::table::{Column, Header, Row};
use crate::source::{Belongs, Change, GroupFacts, PartFacts, SourceError, dates};

/// The columns of a shape in one file.
struct Columns {
    common: Common,
    words: Vec<Column>,
    codes: Vec<(Column, CodeSystem)>,
    values: Vec<Column>,
    texts: Vec<Vec<Column>>,
    with: Column,
    contents: Column,
    drug: [Column; 2],
    gone: Column,
    is_number: Column,
}

impl Columns {
    fn find(shape: &Shape, header: &mut Header) -> Self {
        let mut all = |names: &'static [&'static str]| -> Vec<Column> {
            names.iter().map(|name| header.optional(&[name])).collect()
        };
        let (words, values) = (all(shape.words), all(shape.values));
        let codes = shape.codes.iter().map(|(name, system)| (header.optional(&[name]), *system)).collect();
        let texts = shape.texts.iter();
        let texts = texts.map(|names| names.split(' ').map(|name| header.text(&[name])).collect()).collect();
        Self {
            words,
            codes,
            values,
            texts,
            with: shape.with.map(|(name, _)| header.optional(&[name])).unwrap_or_default(),
            contents: header.optional(&[shape.contents]),
            drug: shape.drug.map(|name| header.optional(&[name])),
            gone: header.optional(&[shape.gone]),
            is_number: header.optional(&["IsNumeric"]),
            common: Common::find(header),
        }
    }
}

impl Read {
    /// The events that are new, changed or gone.
    pub(super) fn events(&self, batch: &Batch, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        self.table(
            batch,
            "SREvent",
            |header| {
                (Common::find(header), ["ContactMethod", "ContactEventLocation"].map(|name| header.optional(&[name])))
            },
            sink,
            |(common, titles), row, outlet| {
                let named = self.name(common, "event", Change::GroupGone, row, outlet)?;
                let Named::Here { key, patient } = named else { return Ok(()) };
                let titles = titles.map(|title| self.lookup.words(row.get(title)));
                let facts = GroupFacts {
                    key,
                    patient,
                    kind: EntryKind::Consultation,
                    title: titles.into_iter().filter(|title| !title.is_empty()).collect::<Vec<_>>().join(", "),
                    happened: self.day(common.happened, "DateEvent", row, outlet)?,
                    recorded: self.recorded(common, row, outlet)?,
                    author: self.author(common, row),
                };
                outlet.send_group(row.number, facts)
            },
        )
        .map(|_| ())
    }

    /// The lines of one table.
    pub(super) fn lines(&self, shape: &Shape, batch: &Batch, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        self.table(
            batch,
            shape.table,
            |header| Columns::find(shape, header),
            sink,
            |columns, row, outlet| {
                let named = self.name(&columns.common, shape.prefix, Change::PartGone, row, outlet)?;
                let Named::Here { key, patient } = named else { return Ok(()) };
                if !row.get(columns.gone).is_empty() {
                    return outlet.send(Change::PartGone(key));
                }
                let facts = self.line(shape, columns, (key, patient), row, outlet)?;
                outlet.send_part(facts)
            },
        )
        .map(|_| ())
    }

    fn line(
        &self,
        shape: &Shape,
        columns: &Columns,
        (line, patient): (SourceKey, SourceKey),
        row: Row<'_>,
        outlet: &mut Outlet<'_>,
    ) -> Result<PartFacts, SourceError> {
        let recorded = self.recorded(&columns.common, row, outlet)?;
        let words = columns.words.iter().map(|column| self.lookup.words(row.get(*column)));
        let mut display = words.into_iter().find(|words| !words.is_empty()).unwrap_or(shape.says).to_owned();
        if display.is_empty() {
            display = self.lookup.vaccine(row.get(columns.contents)).to_owned();
        }
        let mut codes = Vec::new();
        for (column, system) in &columns.codes {
            let code = row.get(*column);
            if identifier(code).is_some() || (!code.is_empty() && *system == CodeSystem::Ctv3) {
                let term = if *system == CodeSystem::Ctv3 { self.lookup.term(code) } else { "" };
                let term = if term.is_empty() { &display } else { term };
                codes.push(Code { system: *system, code: code.to_owned(), display: term.to_owned() });
            }
        }
        if display.is_empty() {
            display = codes.iter().map(|code| code.display.clone()).find(|term| !term.is_empty()).unwrap_or_default();
        }
        let [drug, group] = columns.drug.map(|column| identifier(row.get(column)));
        let drug = drug.and_then(|drug| self.lookup.drug(drug));
        if let Some((code, words)) = drug {
            words.clone_into(&mut display);
            codes.push(Code { system: CodeSystem::Ctv3, code: code.to_owned(), display: words.to_owned() });
        }
        // A group of drugs has only a number.
        let unreadable = shape.unreadable.filter(|_| drug.is_none() || group.is_some());
        let belongs = belongs(shape, columns, &line.organisation, row);
        // The words of a code that a problem adds to are those of the other line.
        let is_said_there = identifier(row.get(columns.with)).is_some();
        let nobody_knows = display.is_empty() && !is_said_there && !codes.is_empty();
        if nobody_knows {
            display = codes.first().map(|code| format!("code {} (unknown)", code.code)).unwrap_or_default();
        }
        let values = columns.values.iter().map(|column| row.get(*column));
        let values: Vec<&str> = match shape.prefix {
            // A measured number is no number of a list.
            "code" => values.filter(|value| !value.is_empty()).collect(),
            _ => values.map(|value| self.lookup.words(value)).filter(|value| !value.is_empty()).collect(),
        };
        let texts = columns.texts.iter().map(|names| {
            let pieces = names.iter().map(|column| row.raw(*column)).filter(|piece| !piece.trim().is_empty());
            pieces.collect::<Vec<_>>().join(" ").replace("\r\n", "\n")
        });
        let kind = if row.get(columns.is_number).eq_ignore_ascii_case("true") { EntryKind::Result } else { shape.kind };
        let part = Part {
            heading: shape.heading.to_owned(),
            display,
            codes,
            value: values.join(" "),
            text: texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n"),
            happened: self.day(columns.common.happened, "DateEvent", row, outlet)?,
            author: self.author(&columns.common, row),
            order: dates::place(recorded, number(&columns.common, row)),
            unreadable: unreadable.or(nobody_knows.then_some(Unreadable::NotSent)),
            key: line,
        };
        Ok(PartFacts { belongs, patient, kind, recorded, part })
    }

    /// Free text, which only some practices' extracts have. `RowIdentifier` is not unique in it: the rows of
    /// one identifier are told apart by what they belong to and by their order.
    pub(super) fn free_text(&self, batch: &Batch, sink: &mut Sink<'_>) -> Result<(), SourceError> {
        // Of a table of any size: what a name comes to, not the name.
        let mut earlier: HashMap<u64, u32> = HashMap::new();
        let is_there = self.table(
            batch,
            "SRFreeText",
            |header| {
                let about = ["SRTable", "IDSRTable", "IDAnsweredQuestionnaire", "Question", "QuestionnaireName"];
                (
                    Common::find(header),
                    header.only("FreeText"),
                    header.optional(&["IDOrganisation"]),
                    about.map(|name| header.optional(&[name])),
                )
            },
            sink,
            |(common, text, other_organisation, about), row, outlet| {
                let Some(id) = identifier(row.get(common.id)) else {
                    let why = "RowIdentifier is no number: the row was left out; ask the supplier for it again";
                    return outlet.set_aside(row.number, why);
                };
                let Some(organisation) = self.organisation(row, common, *other_organisation) else {
                    let why = "the row does not say of which organisation it is: it was left out; ask the supplier \
                               for it again";
                    return outlet.set_aside(row.number, why);
                };
                let [table, of, questionnaire, question, name] = about.map(|column| row.get(column));
                let same = format!("text:{id}:{table}:{of}:{questionnaire}");
                let count = earlier.entry(short(&same)).or_default();
                *count += 1;
                let own = SourceKey { system: SYSTEM.to_owned(), organisation, id: format!("{same}:{count}") };
                if super::is_true(row.get(common.removed)) {
                    return outlet.send(Change::PartGone(own));
                }
                let Some(patient) = patient_in(row, common) else {
                    let why = "IDPatient is no number: the row was left out; ask the supplier for it again";
                    return outlet.set_aside(row.number, why);
                };
                let (event, of) = (identifier(row.get(common.event)), identifier(of));
                let belongs = match (event, of, SHAPES.iter().find(|shape| shape.table.eq_ignore_ascii_case(table))) {
                    (Some(event), _, _) => Belongs::To(key(&own.organisation, "event", event)),
                    (None, Some(of), _) if table.eq_ignore_ascii_case("SREvent") => {
                        Belongs::To(key(&own.organisation, "event", of))
                    }
                    (None, Some(of), Some(shape)) => Belongs::With(key(&own.organisation, shape.prefix, of)),
                    _ => Belongs::Alone,
                };
                let recorded = self.recorded(common, row, outlet)?;
                let part = Part {
                    heading: if question.is_empty() { name } else { question }.to_owned(),
                    display: String::new(),
                    codes: Vec::new(),
                    value: String::new(),
                    text: row.raw(*text).replace("\r\n", "\n"),
                    happened: self.day(common.happened, "EventDate", row, outlet)?,
                    author: self.author(common, row),
                    order: dates::place(recorded, number(common, row) + u64::from(*count)),
                    unreadable: None,
                    key: own.clone(),
                };
                let patient = SourceKey { id: patient, ..own };
                outlet.send_part(PartFacts { belongs, patient, kind: EntryKind::Other, recorded, part })
            },
        )?;
        if is_there {
            return Ok(());
        }
        sink(Change::Notice(
            "There is no SRFreeText in the batch: only codes were screened, and most disclosures are in the text; ask \
             TPP for an extract with free text."
                .to_owned(),
        ))
    }

    /// Free text may not say to whom it is visible: then it is the only organisation of the batch, else the
    /// one that recorded it.
    fn organisation(&self, row: Row<'_>, common: &Common, other: Column) -> Option<String> {
        let own = row.get(common.organisation);
        if !own.is_empty() {
            return Some(own.to_owned());
        }
        let seen = self.organisations.borrow();
        let only = seen.first().filter(|_| seen.len() == 1).cloned();
        only.or_else(|| Some(row.get(other).to_owned())).filter(|organisation| !organisation.is_empty())
    }
}

fn short(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

/// To its event, else to the line it adds to.
fn belongs(shape: &Shape, columns: &Columns, organisation: &str, row: Row<'_>) -> Belongs {
    if let Some(event) = identifier(row.get(columns.common.event)) {
        return Belongs::To(key(organisation, "event", event));
    }
    match (shape.with, identifier(row.get(columns.with))) {
        (Some((_, prefix)), Some(id)) => Belongs::With(key(organisation, prefix, id)),
        _ => Belongs::Alone,
    }
}

/// A place that a later batch gives the same row again: its place in the file is another every day.
fn number(common: &Common, row: Row<'_>) -> u64 {
    row.get(common.id).parse().unwrap_or(row.number)
}
