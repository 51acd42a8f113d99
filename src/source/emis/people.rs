//! Practices, staff and patients.

use std::collections::{BTreeMap, BTreeSet};

use super::{Day, ExtractFile, Folder, TableName, day_of, guid, is_true, key, latest, say_place};
use crate::record::{NhsNumber, Sex};
use crate::source::outlet::Sink;
use crate::source::table::{Column, Row};
use crate::source::{Change, PatientFacts, PracticeFacts, Shares, SourceError};

/// Reads the practices and raises the alarm for those that stopped sharing: their silence is not good
/// news. Returns the practice, if the folder is about one only, and all that it is about.
pub(super) fn practices(
    folder: &Folder,
    sink: &mut Sink<'_>,
) -> Result<(Option<String>, BTreeSet<String>), SourceError> {
    let mut names = BTreeMap::new();
    for file in folder.files(TableName::Organisation) {
        file.read(
            "OrganisationGuid",
            |header| {
                (
                    header.required("OrganisationGuid"),
                    header.optional(&["OrganisationName"]),
                    header.optional(&["ODSCode"]),
                )
            },
            sink,
            |&(id, name, ods), row, outlet| match guid(row.get(id)) {
                Some(id) => {
                    names.insert(id, (row.get(name).to_owned(), row.get(ods).to_owned()));
                    Ok(())
                }
                None => outlet.set_aside(row.number, no_guid("OrganisationGuid")),
            },
        )?;
    }
    for (id, (name, _)) in &names {
        sink(Change::Practice(PracticeFacts { id: id.clone(), name: name.clone(), shares: None }))?;
    }
    let mut sharing = BTreeSet::new();
    for file in folder.files(TableName::SharingOrganisation) {
        file.read(
            "OrganisationGuid",
            |header| {
                (
                    header.required("OrganisationGuid"),
                    header.optional(&["IsActivated"]),
                    header.optional(&["Disabled"]),
                    header.optional(&["Deleted"]),
                )
            },
            sink,
            |&(id, activated, disabled, deleted), row, outlet| {
                let Some(id) = guid(row.get(id)) else {
                    return outlet.set_aside(row.number, no_guid("OrganisationGuid"));
                };
                let name = names.get(&id).map(|(name, _)| name.clone()).unwrap_or_default();
                let stopped = if is_true(row.get(deleted), "Deleted", row, outlet)? {
                    Some("has left the sharing agreement")
                } else if is_true(row.get(disabled), "Disabled", row, outlet)? {
                    Some("is disabled in the sharing agreement")
                } else if row.get(activated).eq_ignore_ascii_case("false") {
                    Some("is not activated in the sharing agreement")
                } else {
                    None
                };
                let mut shares = Shares::Yes;
                if let Some(stopped) = stopped {
                    let who = match names.get(&id) {
                        Some((name, ods)) if !name.is_empty() => format!("{name} ({ods})"),
                        _ => format!("Organisation {id}"),
                    };
                    let sentence = format!(
                        "{who} {stopped}: its new entries do not arrive, so an empty queue means nothing; \
                         have it switched on again in EMIS Web."
                    );
                    outlet.send(Change::Notice(sentence.clone()))?;
                    shares = Shares::No(sentence);
                }
                sharing.insert(id.clone());
                outlet.send(Change::Practice(PracticeFacts { id, name, shares: Some(shares) }))
            },
        )?;
    }
    let named: BTreeSet<String> = names.into_keys().collect();
    let mut sole = if sharing.is_empty() { named.iter() } else { sharing.iter() };
    let only = sole.next().filter(|_| sole.next().is_none()).cloned();
    Ok((only, named.into_iter().chain(sharing).collect()))
}

/// Reads the staff's names, for this day's rows and for those of later days.
pub(super) fn staff(file: &ExtractFile, day: &mut Day, sink: &mut Sink<'_>) -> Result<(), SourceError> {
    file.read(
        "UserInRoleGuid",
        |header| {
            (
                header.required("UserInRoleGuid"),
                header.required("OrganisationGuid"),
                header.optional(&["Title"]),
                header.optional(&["GivenName"]),
                header.optional(&["Surname"]),
            )
        },
        sink,
        |&(id, practice, title, given, family), row, outlet| {
            let (id, practice) = (guid(row.get(id)), day.practice(row.get(practice)));
            let (Some(id), Some(practice)) = (&id, &practice) else {
                let which = if id.is_none() { "UserInRoleGuid" } else { "OrganisationGuid" };
                return outlet.set_aside(row.number, no_guid(which));
            };
            let name = joined([row.get(title), row.get(given), row.get(family)], " ");
            if name.is_empty() {
                return Ok(());
            }
            let key = key(practice, id);
            day.staff.insert(key.clone(), name.clone());
            outlet.send(Change::Staff { key, name })
        },
    )
}

struct PatientColumns {
    id: Column,
    practice: Column,
    deleted: Column,
    processing: Column,
    nhs_number: Column,
    family: Column,
    given: Column,
    middle: Column,
    born: Column,
    registered: Column,
    sex: Column,
    carer: Column,
    address: [Column; 6],
}

/// Reads the patients that are new, changed or gone.
pub(super) fn patients(file: &ExtractFile, day: &mut Day, sink: &mut Sink<'_>) -> Result<(), SourceError> {
    let latest = latest(file);
    file.read(
        "PatientGuid",
        |header| PatientColumns {
            id: header.required("PatientGuid"),
            practice: header.required("OrganisationGuid"),
            deleted: header.required("Deleted"),
            processing: header.optional(&["ProcessingId"]),
            nhs_number: header.required("NhsNumber"),
            family: header.required("Surname"),
            given: header.required("GivenName"),
            middle: header.optional(&["MiddleNames"]),
            born: header.required("DateOfBirth"),
            registered: header.optional(&["DateOfRegistration"]),
            sex: header.optional(&["Sex"]),
            carer: header.optional(&["CarerName"]),
            address: ["HouseNameFlatNumber", "NumberAndStreet", "Village", "Town", "County", "Postcode"]
                .map(|name| header.optional(&[name])),
        },
        sink,
        |columns, row, outlet| {
            let (id, practice) = (guid(row.get(columns.id)), day.practice(row.get(columns.practice)));
            let (Some(id), Some(practice)) = (id, practice) else {
                let which = if guid(row.get(columns.id)).is_none() { "PatientGuid" } else { "OrganisationGuid" };
                return outlet.set_aside(row.number, no_guid(which));
            };
            say_place(file, columns.processing, row, outlet)?;
            let key = key(&practice, &id);
            if is_true(row.get(columns.deleted), "Deleted", row, outlet)? {
                return outlet.send(Change::PatientGone(key));
            }
            let nhs_number = match row.get(columns.nhs_number) {
                "" => None,
                text => match text.parse::<NhsNumber>() {
                    Ok(number) => Some(number),
                    Err(why) => {
                        outlet.set_aside(
                            row.number,
                            format!("{why}: the patient was kept without it; correct NhsNumber in EMIS Web"),
                        )?;
                        None
                    }
                },
            };
            let online = nhs_number.as_ref().and_then(|number| day.online.of(number));
            let facts = PatientFacts {
                key,
                nhs_number,
                family_name: row.get(columns.family).to_owned(),
                given_name: joined([row.get(columns.given), row.get(columns.middle)], " "),
                born: day_of(row.get(columns.born), "DateOfBirth", latest, row, outlet)?,
                sex: sex(row.get(columns.sex)),
                address: address(columns, row),
                online,
                registered: day_of(row.get(columns.registered), "DateOfRegistration", latest, row, outlet)?,
                relatives: columns.carer.is_there().then(|| match row.get(columns.carer) {
                    "" => Vec::new(),
                    name => vec![name.to_owned()],
                }),
            };
            outlet.send(Change::Patient(facts))
        },
    )
}

fn address(columns: &PatientColumns, row: Row<'_>) -> String {
    joined(columns.address.map(|column| row.get(column)), ", ")
}

fn sex(text: &str) -> Sex {
    match text.bytes().next() {
        Some(b'F' | b'f') => Sex::Female,
        Some(b'M' | b'm') => Sex::Male,
        _ => Sex::Unknown,
    }
}

fn joined<const N: usize>(pieces: [&str; N], with: &str) -> String {
    let pieces: Vec<&str> = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
    pieces.join(with)
}

/// The sentence for a row that cannot be told from others.
pub(super) fn no_guid(columns: &str) -> String {
    format!("{columns} is empty or no GUID: the row was left out; ask the supplier for it again")
}
