//! Extracts that come as a zip, or as zips in a folder, and links in folders.

use std::io::Write;
use std::path::Path;

use anteroom::source::emis::Emis;
use anteroom::source::{Change, Source};

use crate::extract::*;

/// An extract with a patient, a consultation's line and one that is gone.
fn extract() -> Extract {
    let gone = row(&OBSERVATION, &[("ObservationGuid", &guid(9)), ("OrganisationGuid", PRACTICE), ("Deleted", "true")]);
    Extract::quiet()
        .with("Admin_Patient", table(&PATIENT_COLUMNS, &[patient(&[])]))
        .with("CareRecord_Observation", observations(&[observation(1, &[]), gone]))
        .file("online-access.csv", "NhsNumber,AccessLevel,AccessFrom\r\n9434765919,full,\r\n")
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let names = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), std::fs::read(folder.join(name)).unwrap())).collect()
}

fn zip(path: &Path, files: &[(String, Vec<u8>)]) {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    for (name, content) in files {
        zip.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
}

fn read(path: &Path) -> Read {
    Read::from(Emis::new(path))
}

#[test]
fn a_zip_says_what_its_folder_says() {
    let day = extract();
    let from_folder = read(day.0.path());
    assert!(from_folder.0.iter().any(|change| matches!(change, Change::Part(_))));
    let here = tempfile::tempdir().unwrap();
    let packed = here.path().join("day.zip");
    zip(&packed, &files(day.0.path()));
    assert_eq!(read(&packed).0, from_folder.0);
    let manifest = |path: &Path| Emis::new(path).manifest().unwrap();
    let (of_zip, of_folder) = (manifest(&packed), manifest(day.0.path()));
    assert_eq!((of_zip.stream, of_zip.made), (of_folder.stream, of_folder.made));

    // In a folder of the zip, and each table in a zip of its own in a folder, packed with gzip besides.
    let inside: Vec<_> =
        files(day.0.path()).into_iter().map(|(name, content)| (format!("day/{name}"), content)).collect();
    zip(&packed, &inside);
    assert_eq!(read(&packed).0, from_folder.0);
    let folder = here.path().join("day");
    std::fs::create_dir(&folder).unwrap();
    for (number, (name, content)) in files(day.0.path()).into_iter().enumerate() {
        if name == "online-access.csv" {
            std::fs::write(folder.join(name), content).unwrap();
            continue;
        }
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(&content).unwrap();
        zip(&folder.join(format!("{number}.zip")), &[(format!("{name}.gz"), gzip.finish().unwrap())]);
    }
    assert_eq!(read(&folder).0, from_folder.0);
}

#[test]
fn what_is_wrong_with_a_zip_is_said_and_the_rest_is_read() {
    let day = extract();
    let all = files(day.0.path());
    let here = tempfile::tempdir().unwrap();
    let path = here.path().join("day.zip");
    // Cut off: nothing of it is sure.
    zip(&path, &all);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 30]).unwrap();
    let why = Emis::new(&path).read(&mut |_| Ok(())).unwrap_err().to_string();
    assert!(
        why.ends_with("is not a whole zip: it may still be on its way, or was cut off; pull again when it has arrived"),
        "{why}"
    );
    let folder = here.path().join("day");
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(&path, folder.join("day.zip")).unwrap();
    for (name, content) in all.iter().filter(|(name, _)| name.contains("Patient")) {
        std::fs::write(folder.join(name), content).unwrap();
    }
    let found = read(&folder);
    assert_eq!(
        said(&found),
        ["day.zip: the zip is not whole: it may still be on its way, or was cut off; pull again when it has arrived"]
    );
    assert!(found.0.iter().any(|change| matches!(change, Change::Patient(_))));

    // A name that climbs out of it.
    let climbing: Vec<_> = all
        .iter()
        .map(|(name, content)| match name.contains("Observation") {
            true => (format!("../../{name}"), content.clone()),
            false => (name.clone(), content.clone()),
        })
        .collect();
    zip(&path, &climbing);
    let found = read(&path);
    let climbed =
        "day.zip: a file in the zip names a place outside it: it was left out; ask the supplier who made the zip";
    assert_eq!(said(&found), [climbed]);
    assert!(!found.0.iter().any(|change| matches!(change, Change::Part(_))));
    assert!(found.0.iter().any(|change| matches!(change, Change::Patient(_))));
}

#[test]
fn a_zip_that_grows_without_end_is_stopped_packed_once_or_twice() {
    let mut bomb = observations(&[observation(1, &[])]).into_bytes();
    bomb.resize(20 << 20, b'\n');
    bomb.extend_from_slice(observation(2, &[]).as_bytes());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&bomb).unwrap();
    let name = format!("1_CareRecord_Observation_{STAMP}.csv");
    for (name, bomb) in [(name.clone(), bomb), (format!("{name}.gz"), gzip.finish().unwrap())] {
        let mut all = files(extract().without("CareRecord_Observation").0.path());
        all.push((name.clone(), bomb));
        let here = tempfile::tempdir().unwrap();
        let path = here.path().join("bomb.zip");
        zip(&path, &all);
        assert!(std::fs::metadata(&path).unwrap().len() < 200_000, "it is small");
        let found = read(&path);
        let said = said(&found);
        assert!(
            said.len() == 1 && said[0].starts_with(&name) && said[0].contains("grows to more than 200 times"),
            "{said:?}"
        );
        assert_eq!(found.0.iter().filter(|change| matches!(change, Change::Part(_))).count(), 1);
    }
}

fn said(read: &Read) -> Vec<String> {
    read.set_aside().into_iter().map(ToString::to_string).collect()
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_out_of_the_folder_is_named_and_not_followed() {
    use std::os::unix::fs::symlink;
    let name = format!("1_CareRecord_Observation_{STAMP}.csv");
    let elsewhere = extract();
    let day = extract().without("CareRecord_Observation");
    symlink(elsewhere.0.path().join(&name), day.0.path().join(&name)).unwrap();
    let found = read(day.0.path());
    let why =
        "the link leads out of the feed’s folder and was not followed: put the file itself there, then pull again";
    assert_eq!(said(&found), [format!("{name}: {why}")]);
    assert!(!found.0.iter().any(|change| matches!(change, Change::Part(_))));
    let sums = |folder: &Path| Emis::new(folder).manifest().unwrap().files.len();
    assert_eq!(sums(day.0.path()) + 1, sums(elsewhere.0.path()), "nor is it looked into");

    // One that stays in the folder is a file like others, and so is the folder when a link names it.
    std::fs::remove_file(day.0.path().join(&name)).unwrap();
    std::fs::create_dir(day.0.path().join("late")).unwrap();
    std::fs::copy(elsewhere.0.path().join(&name), day.0.path().join("late").join(&name)).unwrap();
    symlink(format!("late/{name}"), day.0.path().join(&name)).unwrap();
    let here = tempfile::tempdir().unwrap();
    symlink(day.0.path(), here.path().join("today")).unwrap();
    for folder in [day.0.path().to_owned(), here.path().join("today")] {
        let found = read(&folder);
        assert_eq!(said(&found), [""; 0]);
        assert!(found.0.iter().any(|change| matches!(change, Change::Part(_))));
    }
}
