//! What lies in a feed's folder, seen from outside: names, lengths and times, never content. Links that lead out of the
//! folder are not followed, so that whoever delivers a feed cannot have another file read in its place.

use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// How deep folders may stand in folders.
pub const DEEPEST: usize = 8;

/// What is said of a link that leads out of the folder.
pub(super) const LEADS_OUT: &str =
    "the link leads out of the feed’s folder and was not followed: put the file itself there, then pull again";

/// What lies at a place.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lying {
    /// Files, in the order of their paths.
    pub files: Vec<PathBuf>,
    /// Links that lead out of it, or nowhere.
    pub links: Vec<PathBuf>,
}

/// What lies at `path`: the file itself, or what is in the folder and in the folders in it, `deepest` levels down.
///
/// # Errors
/// When it cannot be listed.
pub fn look(path: &Path, deepest: usize) -> io::Result<Lying> {
    let mut lying = Lying::default();
    if std::fs::metadata(path)?.is_file() {
        lying.files.push(path.to_owned());
        return Ok(lying);
    }
    // The folder itself may be named by a link.
    list(path, &path.canonicalize()?, deepest, &mut lying)?;
    lying.files.sort();
    lying.links.sort();
    Ok(lying)
}

fn list(folder: &Path, root: &Path, deepest: usize, lying: &mut Lying) -> io::Result<()> {
    for found in std::fs::read_dir(folder)? {
        let found = found?;
        let (path, mut kind) = (found.path(), found.file_type()?);
        if kind.is_symlink() {
            match path.canonicalize() {
                Ok(target) if target.starts_with(root) => kind = std::fs::metadata(&target)?.file_type(),
                _ => {
                    lying.links.push(path);
                    continue;
                }
            }
        }
        if kind.is_file() {
            lying.files.push(path);
        } else if kind.is_dir() && deepest > 0 {
            list(&path, root, deepest - 1, lying)?;
        }
    }
    Ok(())
}

/// What the files at a place come to by their names, lengths and times; `None` where there are none. The last part of the
/// path may hold `*`.
pub fn from_outside(path: &Path) -> Option<[u8; 16]> {
    let mut files = Vec::new();
    for place in fitting(path).ok()? {
        files.extend(look(&place, DEEPEST).ok()?.files);
    }
    let mut hasher = blake3::Hasher::new();
    for path in &files {
        let about = std::fs::metadata(path).ok()?;
        let changed = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        hasher.update(path.as_os_str().as_encoded_bytes());
        hasher.update(&about.len().to_le_bytes());
        hasher.update(&changed.unwrap_or_default().as_nanos().to_le_bytes());
    }
    (!files.is_empty()).then(|| hasher.finalize().as_bytes().first_chunk().copied())?
}

/// The places that a path names whose last part may hold `*`, in the order of their names; the path itself where it
/// holds none, whether anything lies there or not.
///
/// # Errors
/// When the folder around them cannot be listed.
pub fn fitting(path: &Path) -> io::Result<Vec<PathBuf>> {
    let pattern = path.file_name().unwrap_or_default().to_string_lossy();
    if !pattern.contains('*') {
        return Ok(vec![path.to_owned()]);
    }
    let mut places = Vec::new();
    for found in std::fs::read_dir(path.parent().unwrap_or(Path::new(".")))? {
        let name = found?.file_name();
        let name = name.to_string_lossy();
        // What begins with a dot is still on its way.
        if !name.starts_with('.') && fits(&pattern, &name) {
            places.push(path.with_file_name(&*name));
        }
    }
    places.sort();
    Ok(places)
}

/// Whether `*`, standing for anything, makes `pattern` into `name`.
pub fn fits(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        match rest.split_once(piece) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Whether the order of these names is that of the numbers in them: they differ in digits alone.
pub fn are_in_order(places: &[PathBuf]) -> bool {
    let shape = |place: &PathBuf| -> String {
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        name.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect()
    };
    let mut shapes = places.iter().map(shape);
    let first = shapes.next();
    shapes.all(|shape| Some(shape) == first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, is_it) in [
            ("20261116_*", "20261116_0200", true),
            ("20261116_*", "20261117_0200", false),
            ("*_20261116*.zip", "291_x_20261116020000_y.zip", true),
            ("*_20261116*.zip", "291_x_20261116020000_y.csv", false),
            ("a*a", "a", false),
            ("a**b", "ab", true),
            ("ab", "ab", true),
            ("ab", "abc", false),
            ("*", "anything", true),
        ] {
            assert_eq!(fits(pattern, name), is_it, "{pattern} {name}");
        }
    }

    #[test]
    fn names_that_differ_in_digits_alone_have_an_order() {
        let in_order = |names: &[&str]| are_in_order(&names.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert!(in_order(&["d/20261116_0200", "d/20261116_1400"]));
        assert!(in_order(&[]));
        assert!(!in_order(&["d/20261116_0200", "d/20261116_0200.zip"]));
        assert!(!in_order(&["d/20261116_200", "d/20261116_1400"]));
    }
}
